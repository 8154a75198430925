//! [`MemberInfo`]: what is known of an array before it is read.

use std::borrow::Cow;

use ndferry_array::{Dtype, Order};

use crate::Attributes;

/// One array in a source.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MemberInfo {
    /// Where it is: the member's name in an NPZ (without `.npy`), keys and indexes joined by `.` in a pickle, the
    /// array's name in an NPB file; empty for the only array of an NPY file.
    pub path: String,
    /// What its elements are.
    pub dtype: Dtype,
    /// The extent of each axis.
    pub shape: Vec<usize>,
    /// The order in which its elements are stored.
    pub order: Order,
    /// Bytes of all elements together; for objects the bytes of the pointers, as NumPy counts.
    pub nbytes: u64,
    /// How it lies in the file.
    pub storage: Storage,
    /// What is attached to it; of NPB files and Zarr stores.
    pub attributes: Attributes,
}

/// How an array lies in its file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Storage {
    /// Its elements lie in the file as they are, from this byte on.
    Plain {
        /// Bytes from the start of the file.
        offset: u64,
    },
    /// An NPZ member that is deflated.
    Deflated {
        /// Bytes in the archive.
        packed_nbytes: u64,
    },
    /// A part of a pickle.
    Pickled,
    /// Pickled Python objects.
    Objects,
    /// Chunks in files of their own, in a Zarr store.
    Chunks {
        /// Shape of the smallest part that unpacks alone, in NumPy's axis order.
        chunk: Vec<u64>,
        /// How many there are, with those that were never written.
        count: u64,
        /// What packs them: `none`, `zstd` or `gzip`.
        codec: String,
    },
    /// Tiles in an NPB file.
    Tiles {
        /// Shape of one tile, in NumPy's axis order.
        tile: Vec<u64>,
        /// How many there are.
        count: u64,
        /// How many of them are in the file; fewer if it was cut off or is being filled.
        present: u64,
        /// Whether rows can be added.
        grows: bool,
        /// What packs them, as users spell it (`zstd`), with the filter (`shuffle`).
        codec: String,
        /// Prepares the bytes for the codec.
        filter: String,
        /// Bytes of all packed tiles.
        packed_nbytes: u64,
    },
}

/// A key as one element of a path: `.`, `:` and `\` are escaped by a backslash.
pub fn escape_key(key: &str) -> Cow<'_, str> {
    if !key.contains(['.', ':', '\\']) {
        return Cow::Borrowed(key);
    }
    let mut out = String::with_capacity(key.len() + 4);
    for c in key.chars() {
        if matches!(c, '.' | ':' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    Cow::Owned(out)
}

/// What [`escape_key`] made of a key, undone.
pub fn unescape_key(element: &str) -> Cow<'_, str> {
    if !element.contains('\\') {
        return Cow::Borrowed(element);
    }
    let mut out = String::with_capacity(element.len());
    let mut chars = element.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => chars.next().unwrap_or(c),
            _ => c,
        });
    }
    Cow::Owned(out)
}

/// The keys and indexes of a path in a pickle, escapes undone.
pub fn path_elements(path: &str) -> Vec<String> {
    let mut elements = vec![String::new()];
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '.' => elements.push(String::new()),
            '\\' => elements
                .last_mut()
                .into_iter()
                .for_each(|last| last.push(chars.next().unwrap_or(c))),
            c => elements
                .last_mut()
                .into_iter()
                .for_each(|last| last.push(c)),
        }
    }
    if path.is_empty() {
        elements.clear();
    }
    elements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_inside_keys_are_escaped() {
        assert_eq!(escape_key("plain"), "plain");
        assert_eq!(escape_key(r"a.b:c\d"), r"a\.b\:c\\d");
        assert_eq!(unescape_key(r"a\.b\:c\\d"), r"a.b:c\d");
    }

    #[test]
    fn a_path_is_taken_apart_at_the_dots_that_are_not_escaped() {
        assert_eq!(path_elements(r"a\.b.0.c"), ["a.b", "0", "c"]);
        assert!(path_elements("").is_empty());
    }
}
