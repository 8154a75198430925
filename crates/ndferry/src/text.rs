//! Arrays as text and as bare bytes.

use std::io::Write;

use crate::{Interrupt, LazyArray, Order, Progress, Result};

/// Bytes that are read at a time.
const RUN_NBYTES: usize = 1 << 20;

impl LazyArray {
    /// Writes the elements in C order, without gaps (`numpy.ndarray.tobytes`).
    ///
    /// # Errors
    /// Damage in what is read; [`crate::ErrorKind::Objects`]; [`crate::ErrorKind::Interrupted`]; whatever `to` says.
    pub fn write_raw(
        &self,
        to: &mut dyn Write,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<()> {
        let mut runs = self.runs_in(Order::C, RUN_NBYTES)?;
        progress.start(self.path(), Some(self.nbytes()));
        while runs.advance()? {
            interrupt.check()?;
            let bytes = runs.run().bytes;
            to.write_all(bytes)?;
            progress.advance(bytes.len() as u64);
        }
        progress.finish();
        Ok(())
    }
}
