//! [`Tag`]: the little that the rewriter knows of a value.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::names::{Known, word};

/// What a value on the stack is, as far as that may matter.
#[derive(Clone, Debug, Default)]
pub(super) enum Tag {
    /// Anything.
    #[default]
    Other,
    None,
    Int(i64),
    /// Text of a table.
    Word(&'static str),
    /// Text that begins as a part of NumPy does which is in no table.
    Unknown(Rc<str>),
    /// `f8`: kind and size, as dtypes are called.
    TypeCode(u8, u32),
    Global(Known),
    /// A global that is in no table. Of a dtype, it says that it is a struct.
    AnyGlobal,
    /// A few values, of which at least one is known.
    Tuple(Rc<[Tag]>),
    Dtype(Rc<DtypeTag>),
    BitGenerator,
    Wrapper,
    WrapperState(Rc<RefCell<WrapperState>>),
}

/// What is known of a dtype: enough to step over the bytes of an array.
#[derive(Debug, Default)]
pub(super) struct DtypeTag {
    /// Bytes of an element.
    pub(super) itemsize: Cell<Option<u64>>,
    pub(super) has_object: Cell<bool>,
}

/// The attributes of joblib's wrapper of an array.
#[derive(Debug, Default)]
pub(super) struct WrapperState {
    pub(super) shape: Option<Vec<u64>>,
    pub(super) dtype: Option<Rc<DtypeTag>>,
    /// To a multiple of how many bytes the elements are moved by padding; `None` where there is none.
    pub(super) alignment: Option<i64>,
}

/// Longest text that is looked at.
pub(super) const WORD_NBYTES: usize = 64;

/// Longest tuple whose parts are kept: as many as an array may have axes.
pub(super) const TUPLE_LEN: usize = 64;

impl Tag {
    /// Of text, or of the bytes of Python 2's `str`.
    pub(super) fn of_text(text: &[u8]) -> Self {
        if text.is_empty() || text.len() > WORD_NBYTES {
            return Self::Other;
        }
        let Ok(text) = std::str::from_utf8(text) else {
            return Self::Other;
        };
        if let Some(word) = word(text) {
            return Self::Word(word);
        }
        if let Some(code) = type_code(text) {
            return code;
        }
        if text.starts_with("numpy._core.") || text.starts_with("numpy.core.") {
            return Self::Unknown(text.into());
        }
        Self::Other
    }

    pub(super) fn of_tuple(items: &[Self]) -> Self {
        let is_known = |item: &Self| !matches!(item, Self::Other);
        if items.len() > TUPLE_LEN || !items.iter().any(is_known) {
            return Self::Other;
        }
        Self::Tuple(items.into())
    }

    /// Whether the memo keeps it. Numbers and tuples of them are in nearly everything, and NumPy makes those that matter
    /// anew each time.
    pub(super) fn is_worth_keeping(&self) -> bool {
        !matches!(
            self,
            Self::Other | Self::None | Self::Int(_) | Self::Tuple(_) | Self::WrapperState(_)
        )
    }

    /// The extents, if it is a shape.
    pub(super) fn shape(&self) -> Option<Vec<u64>> {
        match self {
            Self::Tuple(items) => items
                .iter()
                .map(|item| match item {
                    Self::Int(extent) => u64::try_from(*extent).ok(),
                    _ => None,
                })
                .collect(),
            _ => None,
        }
    }

    /// The axes, if it is an order of all of them.
    pub(super) fn axes(&self) -> Option<Vec<usize>> {
        let axes = self.shape()?;
        let mut sorted = axes.clone();
        sorted.sort_unstable();
        let is_order = sorted.into_iter().eq(0..axes.len() as u64);
        is_order.then(|| axes.iter().map(|axis| *axis as usize).collect())
    }
}

impl DtypeTag {
    /// Of the first argument of `numpy.dtype`.
    pub(super) fn of(first: Option<&Tag>) -> Self {
        let out = Self::default();
        match first {
            Some(Tag::TypeCode(b'O', size)) => {
                out.has_object.set(true);
                out.itemsize.set(Some(u64::from(*size)));
            }
            Some(Tag::TypeCode(b'U', chars)) => out.itemsize.set(Some(4 * u64::from(*chars))),
            Some(Tag::TypeCode(_, size)) => out.itemsize.set(Some(u64::from(*size))),
            _ => {}
        }
        out
    }

    /// Learns from its state: `(3, byte order, subarray, names, fields, itemsize, alignment, flags, …)`.
    pub(super) fn set_state(&self, state: &Tag) {
        let Tag::Tuple(parts) = state else { return };
        let [Tag::Int(3 | 4), ..] = parts[..] else {
            return;
        };
        if let Some(Tag::Int(itemsize @ 0..)) = parts.get(5) {
            self.itemsize.set(Some(*itemsize as u64));
        }
        if let Some(Tag::Int(flags)) = parts.get(7) {
            self.has_object.set(flags & 1 != 0);
        }
    }
}

impl WrapperState {
    /// Takes one attribute in.
    pub(super) fn set(&mut self, key: &Tag, value: &Tag) {
        match (key, value) {
            (Tag::Word("shape"), value) => self.shape = value.shape(),
            (Tag::Word("dtype"), Tag::Dtype(dtype)) => self.dtype = Some(Rc::clone(dtype)),
            (Tag::Word("numpy_array_alignment_bytes"), Tag::Int(nbytes)) => {
                self.alignment = Some(*nbytes);
            }
            _ => {}
        }
    }
}

fn type_code(text: &str) -> Option<Tag> {
    let (kind, size) = text.split_at_checked(1)?;
    let kind = kind.as_bytes()[0];
    if !b"biufcSUVOmM".contains(&kind) || !size.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    size.parse().ok().map(|size| Tag::TypeCode(kind, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_small() {
        assert!(size_of::<Tag>() <= 24);
    }

    #[test]
    fn only_texts_that_may_matter_are_kept() {
        assert!(matches!(Tag::of_text(b"numpy._core.numeric"), Tag::Word(_)));
        assert!(matches!(Tag::of_text(b"numpy._core.new"), Tag::Unknown(_)));
        assert!(matches!(Tag::of_text(b"f8"), Tag::TypeCode(b'f', 8)));
        assert!(matches!(Tag::of_text(b"M8"), Tag::TypeCode(b'M', 8)));
        for other in [
            &b""[..],
            b"a",
            b"hello",
            b"\xff",
            b"f99999999999",
            b"f-1",
            b"f+8",
        ] {
            assert!(matches!(Tag::of_text(other), Tag::Other), "{other:?}");
        }
    }

    #[test]
    fn axes_are_a_permutation_or_none() {
        let tuple = |items: &[i64]| {
            let items: Vec<Tag> = items.iter().map(|item| Tag::Int(*item)).collect();
            Tag::of_tuple(&items)
        };
        assert_eq!(tuple(&[1, 0, 2]).axes().as_deref(), Some(&[1, 0, 2][..]));
        for wrong in [&[1, 1, 2][..], &[0, 3, 1], &[-1, 0, 1]] {
            assert!(tuple(wrong).axes().is_none(), "{wrong:?}");
        }
    }
}
