//! [`Elsewhere`]: arrays that a pickle names and whose elements are not in it.

use ndferry_pickle::{Call, Tree};

use crate::lazy::Backing;
use crate::{MemberInfo, Result};

/// Knows where those elements are.
pub(crate) trait Elsewhere {
    /// The array that calling this would have given; `None` for anything else. Its path is not known yet.
    ///
    /// # Errors
    /// What is wrong with it, or with the file that it is in.
    fn array(&self, tree: &Tree, call: &Call) -> Result<Option<(MemberInfo, Backing)>>;
}

/// The value of a key that is text, in a dict of few keys.
pub(crate) fn attribute(
    tree: &Tree,
    pairs: &[(ndferry_pickle::Id, ndferry_pickle::Id)],
    key: &str,
) -> Option<ndferry_pickle::Id> {
    let is_key = |id| matches!(tree.name(id), Ok(Some(name)) if name == key);
    let mut few = pairs.iter().take(64);
    few.find(|pair| is_key(pair.0)).map(|pair| pair.1)
}
