//! [`Payload`]: bytes in the many ways in which pickles spell them.

use std::borrow::Cow;

use bytes::Bytes;

use crate::node::{Node, Text};
use crate::role::Role;
use crate::text::latin1;
use crate::value::{Blob, Id, Tree, Value};
use crate::{ErrorKind, Result};

/// Bytes in a pickle: as they are, or as Latin-1 text, which is how Python 3 writes them in protocols 0 to 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    blob: Blob,
    is_latin1: bool,
}

impl Payload {
    /// No bytes.
    pub(crate) const EMPTY: Self = Self {
        blob: Blob::EMPTY,
        is_latin1: false,
    };

    pub(crate) fn of_blob(blob: Blob) -> Self {
        Self {
            blob,
            is_latin1: false,
        }
    }

    /// Text of which each character is a byte; it was checked to be.
    pub(crate) fn latin1(blob: Blob) -> Self {
        Self {
            blob,
            is_latin1: true,
        }
    }

    /// Where they lie, and whether as Latin-1 text.
    pub(crate) fn parts(&self) -> (Blob, bool) {
        (self.blob, self.is_latin1)
    }

    /// How long the text is that they are, if they are text: in UTF-8.
    pub(crate) fn text_nbytes(&self) -> Option<u64> {
        self.is_latin1.then_some(self.blob.nbytes())
    }

    /// The UTF-8 of that text.
    pub(crate) fn as_text(&self) -> Self {
        Self::of_blob(self.blob)
    }

    /// The bytes that this value stands for, if it stands for bytes: `bytes`, `bytearray`, Python 2's `str`, Latin-1
    /// text, and the calls that make bytes in protocols that have no opcode for them.
    ///
    /// # Errors
    /// Reading the input.
    pub fn of(tree: &Tree, id: Id) -> Result<Option<Self>> {
        match tree.get(id) {
            Value::Bytes(blob) | Value::ByteArray(blob) | Value::Py2Str(blob) => Ok(Some(Self {
                blob,
                is_latin1: false,
            })),
            Value::Str(blob) => Ok(blob.latin1_nbytes().map(|_| Self {
                blob,
                is_latin1: true,
            })),
            Value::Call(_) => Self::of_call(tree, id),
            _ => Ok(None),
        }
    }

    /// The same for what NumPy writes since protocol 2: `bytes`, or text with a call that encodes it. `None` says nothing.
    #[inline]
    pub(crate) fn usual(tree: &Tree, id: Id) -> Option<Self> {
        let (text, is_latin1) = match tree.node(id) {
            Node::Call(_) => match tree.role_call(id)? {
                (_, Role::Encode, [text, encoding]) if is_latin1(tree, *encoding).ok()? => {
                    (*text, true)
                }
                _ => return None,
            },
            _ => (id, false),
        };
        let blob = match tree.node(text) {
            Node::Short {
                kind,
                place,
                nbytes,
            } if is_latin1 == (kind == Text::Str) => Blob::plain(place, u64::from(nbytes)),
            Node::String(Text::Bytes, i) if !is_latin1 => tree.blobs[i as usize],
            Node::String(Text::Str, i) if is_latin1 => tree.blobs[i as usize],
            _ => return None,
        };
        let is_whole = !is_latin1 || blob.latin1_nbytes().is_some();
        is_whole.then_some(Self { blob, is_latin1 })
    }

    fn of_call(tree: &Tree, id: Id) -> Result<Option<Self>> {
        let Some((_, role, args)) = tree.role_call(id) else {
            return Ok(None);
        };
        match (role, args) {
            (Role::Encode | Role::Bytes | Role::ByteArray, [text, encoding]) => {
                match tree.get(*text) {
                    Value::Str(_) if is_latin1(tree, *encoding)? => Self::of(tree, *text),
                    _ => Ok(None),
                }
            }
            (Role::Bytes | Role::ByteArray, []) => Ok(Some(Self::EMPTY)),
            // One level only: `bytearray(bytes)` is what Python writes.
            (Role::Bytes | Role::ByteArray, [inner]) => {
                match (tree.get(*inner), tree.role_call(*inner)) {
                    (Value::Bytes(_) | Value::Py2Str(_) | Value::ByteArray(_), _) => {
                        Self::of(tree, *inner)
                    }
                    (_, Some((_, Role::Encode, _))) => Self::of_call(tree, *inner),
                    (_, Some((_, Role::Bytes, []))) => Ok(Some(Self::EMPTY)),
                    _ => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    /// How many bytes they are.
    pub fn nbytes(&self) -> u64 {
        match self.blob.latin1_nbytes() {
            Some(nbytes) if self.is_latin1 => nbytes,
            _ => self.blob.nbytes(),
        }
    }

    /// Where they lie in the input, if they lie there as they are.
    pub fn offset(&self) -> Option<u64> {
        self.blob.offset().filter(|_| self.is_as_it_is())
    }

    /// The number of the out-of-band buffer that they should be in and that was not given.
    pub(crate) fn missing(&self, tree: &Tree) -> Option<u32> {
        tree.missing_buffer(&self.blob)
    }

    /// All of them.
    ///
    /// # Errors
    /// Reading the input.
    pub fn bytes(&self, tree: &Tree) -> Result<Bytes> {
        if self.is_as_it_is() {
            return tree.blob_bytes(&self.blob);
        }
        match tree.latin1(&self.blob) {
            Some(bytes) => Ok(bytes),
            None => Ok(self.decoded(tree)?.into()),
        }
    }

    /// Whether the bytes are these, not the characters that they spell.
    fn is_as_it_is(&self) -> bool {
        !self.is_latin1 || self.blob.is_ascii()
    }

    fn decoded(&self, tree: &Tree) -> Result<Vec<u8>> {
        let mut out = vec![0; self.nbytes() as usize];
        self.decode(tree, &mut out)?;
        Ok(out)
    }

    fn decode(&self, tree: &Tree, out: &mut [u8]) -> Result<()> {
        let mut made = 0;
        // In steps, so that a file needs no second copy of itself.
        const STEP: u64 = 1 << 20;
        let mut at = 0;
        while at < self.blob.nbytes() {
            let text = tree.part(&self.blob, at..(at + STEP).min(self.blob.nbytes()))?;
            let (used, more) = latin1(&text, &mut out[made..]);
            if used == 0 {
                return Err(ErrorKind::Text {
                    expected: "Latin-1 text",
                }
                .at(self.blob.offset().unwrap_or(0)));
            }
            at += used as u64;
            made += more;
        }
        Ok(())
    }

    /// All of them, not even shared where they lie in memory as they are.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    #[inline]
    pub fn cow<'t>(&self, tree: &'t Tree) -> Result<Cow<'t, [u8]>> {
        if self.is_as_it_is() {
            return tree.blob(&self.blob);
        }
        Ok(Cow::Owned(match tree.latin1(&self.blob) {
            Some(bytes) => bytes.into(),
            None => self.decoded(tree)?,
        }))
    }
}

/// Whether this names Latin-1, in one of its usual spellings.
fn is_latin1(tree: &Tree, encoding: Id) -> Result<bool> {
    Ok(matches!(
        tree.name(encoding)?.as_deref(),
        Some("latin1" | "latin-1" | "iso-8859-1" | "iso8859-1")
    ))
}
