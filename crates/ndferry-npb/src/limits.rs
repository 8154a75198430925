//! [`Limits`]: what messages may ask of a reader.

/// How much a peer or a file may claim before it is refused. Checked before anything is allocated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one tile when unpacked, and of one message.
    pub block_nbytes: u64,
    /// Bytes of one header block.
    pub header_nbytes: u64,
    /// Header blocks of one array.
    pub header_blocks: u32,
    /// Axes.
    pub ndim: usize,
    /// Tiles of one array.
    pub tiles: u64,
    /// Arrays of one file or stream.
    pub arrays: u32,
}

impl Limits {
    /// For peers: tiles up to 16 MiB.
    pub const PEER: Self = Self {
        block_nbytes: 16 << 20,
        header_nbytes: 1 << 20,
        header_blocks: 16,
        ndim: 64,
        tiles: 1 << 32,
        arrays: 1 << 20,
    };

    /// For local files: tiles up to 256 MiB.
    pub const FILE: Self = Self {
        block_nbytes: 256 << 20,
        ..Self::PEER
    };

    /// The longest body that a message may have.
    pub fn body_nbytes(&self) -> u64 {
        // The root INDEX repeats all headers.
        let headers = self.header_nbytes * (u64::from(self.header_blocks) + 1);
        self.block_nbytes.max(headers) + 4096
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::PEER
    }
}
