//! [`Safety`]: what would happen if Python unpickled it.

use std::fmt;

/// The verdict on the pickles of a source, in order of gravity.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Safety {
    /// There is no pickle in it.
    NoPickle,
    /// Nothing but arrays and builtin values.
    Clean,
    /// Names classes or functions that ndferry does not rebuild; the arrays come out all the same.
    NeedsCode(Vec<GlobalUse>),
    /// Names what no honest file of arrays needs (`os.system`, `builtins.eval`), or crashes NumPy.
    Dangerous(Vec<GlobalUse>),
}

impl Safety {
    /// `no-pickle`, `clean`, `needs-code` or `dangerous`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NoPickle => "no-pickle",
            Self::Clean => "clean",
            Self::NeedsCode(_) => "needs-code",
            Self::Dangerous(_) => "dangerous",
        }
    }

    /// Whether it may be unpickled by anybody.
    pub fn is_safe(&self) -> bool {
        matches!(self, Self::NoPickle | Self::Clean)
    }
}

impl fmt::Display for Safety {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPickle | Self::Clean => f.write_str(self.word()),
            Self::NeedsCode(globals) => {
                f.write_str("needs code: ")?;
                for (i, global) in globals.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}{}.{}", global.module, global.name)?;
                }
                Ok(())
            }
            Self::Dangerous(globals) => match globals.first() {
                Some(GlobalUse {
                    module,
                    name,
                    offset,
                }) => {
                    write!(f, "dangerous: {module}.{name} at byte {offset}")
                }
                None => f.write_str("dangerous"),
            },
        }
    }
}

/// A module and a name that a pickle refers to, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalUse {
    /// The module.
    pub module: String,
    /// The name in it.
    pub name: String,
    /// Byte of the opcode in the pickle's file (or NPZ member).
    pub offset: u64,
}
