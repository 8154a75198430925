//! [`Progress`]: how far long work has come.

/// Told how far loading, saving, sending and receiving have come. All methods may be called from any thread.
///
/// `()` does nothing.
pub trait Progress: Sync {
    /// Work on one array begins; `total` is its size in bytes if that is known.
    fn start(&self, name: &str, total: Option<u64>) {
        let _ = (name, total);
    }

    /// This many more bytes of the array are done.
    fn advance(&self, nbytes: u64) {
        let _ = nbytes;
    }

    /// The array is done.
    fn finish(&self) {}
}

impl Progress for () {}
