//! [`Limits`]: how much a pickle may ask for.

/// What a pickle may ask for before it is refused. Memory is proportional to the input in any case; these bound the factor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Values altogether, counting each use of a shared one.
    pub values: usize,
    /// Values that are remembered under a number, each number counted.
    pub memo: usize,
    /// Marks that are open at a time, and values that wait outside of any mark. Each level of nesting takes a few, and
    /// Python does not pickle many thousands of levels.
    pub depth: usize,
    /// Classes, functions and extension codes that are referred to, each time.
    pub globals: usize,
    /// Digits of a number that is spelled as decimal text; parsing them takes quadratic time.
    pub digits: usize,
    /// Bytes of a module's name, and of a name in it.
    pub name_nbytes: usize,
    /// Fields of one structured dtype, those of nested structs included each time they occur.
    pub fields: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            values: 1 << 26,
            memo: 1 << 26,
            depth: 1 << 20,
            globals: 1 << 20,
            digits: 10_000,
            name_nbytes: 1000,
            fields: 1 << 16,
        }
    }
}
