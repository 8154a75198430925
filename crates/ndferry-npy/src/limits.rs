//! [`Limits`]: what a file may ask of us.

/// How much a file may claim before it is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one header; NumPy itself stops at 10,000 unless told otherwise.
    pub header_nbytes: u64,
    /// Bytes of one array's data that may be read into memory.
    pub data_nbytes: u64,
    /// Members of one archive.
    pub members: u64,
    /// Limits for the pickles of object arrays.
    pub pickle_nbytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_nbytes: 1 << 20,
            data_nbytes: u64::MAX,
            members: 1 << 20,
            pickle_nbytes: 1 << 32,
        }
    }
}
