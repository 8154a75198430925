//! [`Limits`] and [`OpenOptions`]: how much a file may claim.

use std::time::Duration;

use crate::{Interrupt, PersistentLoad};

/// What a file or a peer may ask for before it is refused. Every claim meets one of these before it meets an allocator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one NPY header.
    pub header_nbytes: usize,
    /// Members of an archive, arrays of an NPB file.
    pub members: usize,
    /// How deep values in a pickle, and literals in a header, may be nested.
    pub depth: usize,
    /// Values in one pickle, each use of a shared one counted.
    pub nodes: usize,
    /// Values that one pickle remembers under a number.
    pub memo: usize,
    /// Classes, functions and extension codes that one pickle refers to, each time.
    pub globals: usize,
    /// Digits of a number in a pickle that is spelled as decimal text.
    pub digits: usize,
    /// Bytes that a compressed file may expand to altogether when it must be held in memory.
    pub expanded_nbytes: u64,
    /// Bytes of an input that cannot be read again (standard input, a pipe) and is kept in memory.
    pub stream_nbytes: u64,
    /// Bytes of such an input that goes into a temporary file: arrays and archives of more than 16 MiB.
    pub spooled_nbytes: u64,
    /// Bytes of a pickle inside an NPY.
    pub pickle_nbytes: u64,
    /// Raw bytes of one tile or message from a peer.
    pub message_nbytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_nbytes: 1 << 20,
            members: 1 << 20,
            depth: 1000,
            nodes: 1 << 26,
            memo: 1 << 26,
            globals: 1 << 20,
            digits: 10_000,
            expanded_nbytes: 1 << 40,
            stream_nbytes: 1 << 32,
            spooled_nbytes: 1 << 40,
            pickle_nbytes: 1 << 40,
            message_nbytes: 256 << 20,
        }
    }
}

/// How to open a [`crate::Source`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OpenOptions {
    /// What the file may claim.
    pub limits: Limits,
    /// Stops the reading.
    pub interrupt: Interrupt,
    /// How long a web server may be silent, or as good as silent (less than 256 bytes a second).
    pub timeout: Duration,
    /// Threads for unpacking; 0 takes as many as the machine has.
    pub threads: usize,
    /// Bytes of unpacked tiles that an array keeps because only a part of them was asked for so far.
    pub cache_nbytes: u64,
    /// Buffers that a pickle of protocol 5 has out of band, in the order of the pickler's callbacks.
    pub buffers: Vec<bytes::Bytes>,
    /// Byte order of an `array.array` that is pickled as a string of bytes, which does not tell it: Jython's is big, that
    /// of Python 2.6 and older is their machine's.
    pub array_order: ndferry_array::ByteOrder,
    /// What codes of the `copyreg` extension registry stand for: module and name.
    pub extensions: std::collections::BTreeMap<u32, (String, String)>,
    /// Which arrays persistent ids stand for.
    pub persistent: Option<PersistentLoad>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            interrupt: Interrupt::new(),
            timeout: Duration::from_secs(30),
            threads: 0,
            cache_nbytes: 32 << 20,
            buffers: Vec::new(),
            array_order: ndferry_array::ByteOrder::Big,
            extensions: std::collections::BTreeMap::new(),
            persistent: None,
        }
    }
}
