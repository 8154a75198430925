//! [`LazyArray::sha256`]: the fingerprint of an array's elements.

use sha2::{Digest, Sha256};

use crate::{Interrupt, LazyArray, Order, Progress, Result};

/// Bytes that are read at a time.
const RUN_NBYTES: usize = 1 << 20;

impl LazyArray {
    /// SHA-256 of the elements in C order, in the byte order in which they are stored, as `hashlib.sha256(a.tobytes())`
    /// in Python. The same array has the same fingerprint in every format and order.
    ///
    /// # Errors
    /// Damage in what is read; [`crate::ErrorKind::Objects`]; [`crate::ErrorKind::Interrupted`].
    pub fn sha256(&self, interrupt: &Interrupt, progress: &dyn Progress) -> Result<[u8; 32]> {
        let mut hash = Sha256::new();
        let mut runs = self.runs_in(Order::C, RUN_NBYTES)?;
        progress.start(self.path(), Some(self.nbytes()));
        while runs.advance()? {
            interrupt.check()?;
            let bytes = runs.run().bytes;
            hash.update(bytes);
            progress.advance(bytes.len() as u64);
        }
        progress.finish();
        Ok(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use ndferry_array::{Array, Dtype};

    use super::*;

    #[test]
    fn the_order_in_memory_does_not_matter() {
        let dtype = Dtype::parse(">u2").unwrap();
        let bytes: Vec<u8> = (0..12).collect();
        let c = Array::contiguous(dtype, &[2, 3], Order::C, bytes.clone()).unwrap();
        let f = c.clone().into_order(Order::F).unwrap();
        let digest = |array| LazyArray::from(array).sha256(&Interrupt::new(), &());
        let expected: [u8; 32] = Sha256::digest(&bytes).into();
        assert_eq!(digest(c).unwrap(), expected);
        assert_eq!(digest(f).unwrap(), expected);
    }
}
