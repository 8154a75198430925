//! Raw: bytes as they are.

use super::{Pack, Unpack};
use crate::{ElementType, ErrorKind};

pub(crate) struct Raw;

impl Pack for Raw {
    fn pack(&mut self, _element: &ElementType, _bytes: &[u8], _out: &mut Vec<u8>) -> Option<usize> {
        None
    }
}

impl Unpack for Raw {
    fn unpack(
        &mut self,
        _element: &ElementType,
        payload: &[u8],
        out: &mut [u8],
    ) -> Result<usize, ErrorKind> {
        // A payload of another length is refused by the caller, who compares what this gives.
        if payload.len() == out.len() {
            out.copy_from_slice(payload);
        }
        Ok(payload.len())
    }
}
