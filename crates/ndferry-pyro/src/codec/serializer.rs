//! [`Serializer`]: how values become bytes.

use std::fmt;

use crate::{Dialect, ErrorKind, Result};

/// How values become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Serializer {
    /// Python's literals as text; what Pyro uses unless told otherwise.
    Serpent,
    /// JSON
    Json,
    /// Python's own format of compiled code, without the code.
    Marshal,
    /// Pickles. Only Pyro4 has them, and only they know arrays.
    Pickle,
    /// Pickles by `dill`.
    Dill,
    /// MessagePack
    Msgpack,
    /// Pickles by `cloudpickle`.
    Cloudpickle,
}

impl Serializer {
    const ALL: [Self; 7] = [
        Self::Serpent,
        Self::Json,
        Self::Marshal,
        Self::Pickle,
        Self::Dill,
        Self::Msgpack,
        Self::Cloudpickle,
    ];

    /// Its number in messages; `None` if this Pyro does not have it.
    pub fn id(self, dialect: Dialect) -> Option<u8> {
        match (dialect, self) {
            (_, Self::Serpent) => Some(1),
            (Dialect::Pyro4, Self::Json) => Some(2),
            (Dialect::Pyro4, Self::Marshal) => Some(3),
            (Dialect::Pyro4, Self::Pickle) => Some(4),
            (Dialect::Pyro4, Self::Dill) => Some(5),
            (Dialect::Pyro4, Self::Msgpack) => Some(6),
            (Dialect::Pyro4, Self::Cloudpickle) => Some(7),
            (Dialect::Pyro5, Self::Marshal) => Some(2),
            (Dialect::Pyro5, Self::Json) => Some(3),
            (Dialect::Pyro5, Self::Msgpack) => Some(4),
            (Dialect::Pyro5, Self::Pickle | Self::Dill | Self::Cloudpickle) => None,
        }
    }

    /// The one with this number.
    ///
    /// # Errors
    /// [`ErrorKind::Serializer`].
    pub fn of_id(dialect: Dialect, id: u8) -> Result<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|serializer| serializer.id(dialect) == Some(id))
            .ok_or_else(|| ErrorKind::Serializer { id: id.into() }.at(0))
    }

    /// What Pyro's configuration calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Serpent => "serpent",
            Self::Json => "json",
            Self::Marshal => "marshal",
            Self::Pickle => "pickle",
            Self::Dill => "dill",
            Self::Msgpack => "msgpack",
            Self::Cloudpickle => "cloudpickle",
        }
    }

    /// The one of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    pub(crate) fn is_pickle(self) -> bool {
        matches!(self, Self::Pickle | Self::Dill | Self::Cloudpickle)
    }
}

impl fmt::Display for Serializer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
