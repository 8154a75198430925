//! [`Source`]: a file, or bytes, and the arrays in it.

use std::path::Path;

use bytes::Bytes;

use crate::{ErrorKind, Format, GlobalUse, LazyArray, MemberInfo, OpenOptions, Result, Safety};

/// An opened file: its format, its arrays, and the verdict on its pickles. Elements are not read yet.
#[derive(Debug)]
pub struct Source {
    name: String,
    format: Format,
    members: Vec<MemberInfo>,
}

/// What is known of the pickles in a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PickleInfo {
    /// The highest protocol that an opcode in it needs.
    pub protocol: u8,
    /// Every module and name it refers to, in order of their bytes.
    pub globals: Vec<GlobalUse>,
}

impl Source {
    /// Opens a file; `-` is standard input. The format is told by the first bytes.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownFormat`], whatever is wrong with headers or directories, [`ErrorKind::System`].
    pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self> {
        let _ = options;
        Err(crate::Error::from(ErrorKind::NotBuilt { what: "reading" }).in_path(path.as_ref()))
    }

    /// Opens bytes in memory; `name` stands for the path in errors. Arrays share the bytes.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_bytes(name: &str, bytes: Bytes, options: &OpenOptions) -> Result<Self> {
        let _ = (bytes, options);
        Err(crate::Error::from(ErrorKind::NotBuilt { what: "reading" }).in_source(name))
    }

    /// The path as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of file it is.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The arrays in it, in the file's order.
    pub fn members(&self) -> &[MemberInfo] {
        &self.members
    }

    /// One array: the named one, or the only one.
    ///
    /// # Errors
    /// [`ErrorKind::NoMember`], [`ErrorKind::SeveralArrays`], [`ErrorKind::NoArrays`].
    pub fn array(&self, member: Option<&str>) -> Result<LazyArray> {
        let _ = member;
        Err(ErrorKind::NoArrays.into())
    }

    /// All arrays, in the order of [`Self::members`].
    pub fn arrays(&self) -> impl Iterator<Item = Result<LazyArray>> + '_ {
        self.members
            .iter()
            .map(|member| self.array(Some(&member.path)))
    }

    /// What its pickles refer to; `None` if there is no pickle in it.
    pub fn pickle(&self) -> Option<&PickleInfo> {
        None
    }

    /// The verdict on its pickles.
    pub fn safety(&self) -> Safety {
        Safety::NoPickle
    }

    /// Bytes of the file that were read so far, by this source and its arrays.
    pub fn touched(&self) -> u64 {
        0
    }
}
