//! Memory for whole arrays.

use bytes::Bytes;

/// Zeroed bytes that become shared ones without a copy.
pub(crate) struct Zeroed(Vec<u8>);

/// `nbytes` zero bytes.
pub(crate) fn zeroed(nbytes: usize) -> Zeroed {
    Zeroed(vec![0; nbytes])
}

impl Zeroed {
    pub(crate) fn into_bytes(self) -> Bytes {
        self.0.into()
    }
}

impl std::ops::Deref for Zeroed {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl std::ops::DerefMut for Zeroed {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}
