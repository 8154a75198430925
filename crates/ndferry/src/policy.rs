//! [`Policy`]: which names in a pickle pass.

use std::collections::HashSet;

use crate::{GlobalUse, Grade, Safety};

/// Which names a pickle may refer to, exactly and no others. What passes is decided by this alone.
///
/// ```
/// let policy = ndferry::Policy::parse("# our own\n@arrays\nmylab.Scan\n")?;
/// # Ok::<(), ndferry::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    base: Base,
    /// `module.name`.
    names: HashSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    Nothing,
    Arrays,
    Std,
}

impl Default for Policy {
    fn default() -> Self {
        Self::std()
    }
}

impl Policy {
    /// What arrays, builtin values and those of `collections`, `datetime`, `decimal`, `fractions`, `uuid` and `pathlib`
    /// are made of.
    pub fn std() -> Self {
        Self::of(Base::Std)
    }

    /// What arrays and builtin values are made of.
    pub fn arrays() -> Self {
        Self::of(Base::Arrays)
    }

    fn of(base: Base) -> Self {
        Self {
            base,
            names: HashSet::new(),
        }
    }

    /// A list of names: one `module.name` a line; `@arrays` or `@std` stands for those of [`Self::arrays`] or
    /// [`Self::std`], and `#` begins a remark.
    ///
    /// # Errors
    /// [`PolicyError`], with the line.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let mut out = Self::of(Base::Nothing);
        for (i, line) in text.lines().enumerate() {
            let word = line.split('#').next().unwrap_or_default().trim();
            match word {
                "" => {}
                "@std" => out.base = Base::Std,
                "@arrays" if out.base == Base::Nothing => out.base = Base::Arrays,
                "@arrays" => {}
                name if is_name(name) => {
                    out.names.insert(name.to_owned());
                }
                word => {
                    return Err(PolicyError {
                        line: i + 1,
                        word: word.to_owned(),
                    });
                }
            }
        }
        Ok(out)
    }

    /// With more names, each `module.name`.
    #[must_use]
    pub fn allowing<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.names.extend(names.into_iter().map(T::into));
        self
    }

    /// What a name does to the verdict.
    pub fn grade(&self, global: &GlobalUse) -> Grade {
        Safety::grade(global, self)
    }

    /// The first use of each name that does not pass, in order of their bytes.
    pub fn refused(&self, globals: &[GlobalUse]) -> Vec<GlobalUse> {
        let mut seen = HashSet::new();
        globals
            .iter()
            .filter(|global| self.grade(global) != Grade::Passes)
            .filter(|global| seen.insert((&global.module, &global.name)))
            .cloned()
            .collect()
    }

    pub(crate) fn passes(&self, global: &GlobalUse) -> bool {
        let is_inert = match self.base {
            Base::Nothing => false,
            Base::Arrays => global.is_inert(true),
            Base::Std => global.is_inert(false),
        };
        is_inert
            || (!self.names.is_empty()
                && self
                    .names
                    .contains(&format!("{}.{}", global.module, global.name)))
    }
}

/// A module, a dot, and a name in it. Stars and prefixes are none: they let everything in.
fn is_name(word: &str) -> bool {
    word.contains('.')
        && word
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(|c| c == '_' || c.is_alphanumeric()))
}

/// A line of a policy that is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {word:?} is no module.name, @arrays or @std")]
pub struct PolicyError {
    /// Its number, from 1.
    pub line: usize,
    /// What it says.
    pub word: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(policy: &Policy, module: &str, name: &str) -> bool {
        policy.passes(&GlobalUse::new(module, name, 0))
    }

    #[test]
    fn arrays_are_less_than_std() {
        for policy in [Policy::arrays(), Policy::std()] {
            assert!(passes(&policy, "numpy.core.multiarray", "_reconstruct"));
            assert!(!passes(&policy, "os", "system"));
        }
        assert!(passes(&Policy::std(), "uuid", "UUID"));
        assert!(!passes(&Policy::arrays(), "uuid", "UUID"));
    }

    #[test]
    fn a_file_names_all_that_pass() {
        let policy = Policy::parse("# ours\nmylab.Scan  # the scanner's\n\n").unwrap_or_default();
        assert!(passes(&policy, "mylab", "Scan"));
        assert!(!passes(&policy, "mylab", "Scan2"));
        assert!(!passes(&policy, "numpy", "ndarray"));
        let policy = Policy::parse("@arrays\nmylab.Scan").unwrap_or_default();
        assert!(passes(&policy, "numpy", "ndarray"));
        assert!(!passes(&policy, "uuid", "UUID"));
    }

    #[test]
    fn stars_and_lone_words_are_refused() {
        for (text, line) in [("numpy.*", 1), ("\nos", 2), ("@all", 1), ("a..b", 1)] {
            assert_eq!(
                Policy::parse(text).map_err(|error| error.line),
                Err(line),
                "{text}"
            );
        }
    }
}
