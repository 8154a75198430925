//! ZIP archives made by hand, as odd or as wrong as a test wants them.

/// One member, and what is said about it. What is said twice can be said differently.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) local_name: Vec<u8>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) local_method: u16,
    pub(crate) crc: u32,
    /// The bytes between this member's local header and what follows.
    pub(crate) packed: Vec<u8>,
    /// As the directory says.
    pub(crate) packed_nbytes: u64,
    pub(crate) nbytes: u64,
    /// Sizes of 64 bits in the local header and the directory.
    pub(crate) zip64: bool,
    /// Where the directory says it starts, if that is a lie.
    pub(crate) local_at: Option<u64>,
}

impl Entry {
    pub(crate) fn stored(name: &str, contents: &[u8]) -> Self {
        Self {
            name: name.into(),
            local_name: name.into(),
            flags: if name.is_ascii() { 0 } else { 1 << 11 },
            method: 0,
            local_method: 0,
            crc: crc32fast::hash(contents),
            packed: contents.to_vec(),
            packed_nbytes: contents.len() as u64,
            nbytes: contents.len() as u64,
            zip64: false,
            local_at: None,
        }
    }

    pub(crate) fn deflated(name: &str, contents: &[u8]) -> Self {
        let mut compressor = libdeflater::Compressor::default();
        let mut packed = vec![0; compressor.deflate_compress_bound(contents.len())];
        let n = compressor.deflate_compress(contents, &mut packed).unwrap();
        packed.truncate(n);
        Self {
            method: 8,
            local_method: 8,
            packed_nbytes: n as u64,
            packed,
            ..Self::stored(name, contents)
        }
    }

    /// With its sizes behind its data.
    pub(crate) fn sized_behind(mut self) -> Self {
        self.flags |= 1 << 3;
        self
    }

    fn sizes(&self, out: &mut Vec<u8>, zip64: bool) {
        for size in [self.packed_nbytes, self.nbytes] {
            let size = if zip64 { u32::MAX } else { size as u32 };
            out.extend(size.to_le_bytes());
        }
    }

    fn extra(&self) -> Vec<u8> {
        if !self.zip64 {
            return Vec::new();
        }
        let mut out = vec![1, 0, 16, 0];
        out.extend(self.nbytes.to_le_bytes());
        out.extend(self.packed_nbytes.to_le_bytes());
        out
    }

    fn local(&self, out: &mut Vec<u8>) {
        let behind = self.flags & 1 << 3 != 0;
        out.extend(b"PK\x03\x04\x2d\0");
        out.extend(self.flags.to_le_bytes());
        out.extend(self.local_method.to_le_bytes());
        out.extend([0, 0, 0x21, 0]);
        if behind {
            out.extend([0; 12]);
        } else {
            out.extend(self.crc.to_le_bytes());
            self.sizes(out, self.zip64);
        }
        let extra = if behind { Vec::new() } else { self.extra() };
        out.extend((self.local_name.len() as u16).to_le_bytes());
        out.extend((extra.len() as u16).to_le_bytes());
        out.extend(&self.local_name);
        out.extend(extra);
        out.extend(&self.packed);
        if behind {
            out.extend(b"PK\x07\x08");
            out.extend(self.crc.to_le_bytes());
            self.sizes(out, false);
        }
    }

    fn central(&self, local_at: u64, out: &mut Vec<u8>) {
        out.extend(b"PK\x01\x02\x2d\x03\x2d\0");
        out.extend(self.flags.to_le_bytes());
        out.extend(self.method.to_le_bytes());
        out.extend([0, 0, 0x21, 0]);
        out.extend(self.crc.to_le_bytes());
        self.sizes(out, self.zip64);
        let extra = self.extra();
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend((extra.len() as u16).to_le_bytes());
        out.extend([0; 10]);
        out.extend((self.local_at.unwrap_or(local_at) as u32).to_le_bytes());
        out.extend(&self.name);
        out.extend(extra);
    }
}

/// What an archive says of itself at its end.
#[derive(Default)]
pub(crate) struct End {
    pub(crate) count: Option<u16>,
    pub(crate) directory_at: Option<u32>,
    pub(crate) directory_nbytes: Option<u32>,
    pub(crate) comment: Vec<u8>,
    /// Zip64's end record too.
    pub(crate) zip64: bool,
}

/// An archive that tells the truth, unless its entries do not.
pub(crate) fn archive(entries: &[Entry]) -> Vec<u8> {
    archive_with_end(entries, End::default())
}

pub(crate) fn archive_with_end(entries: &[Entry], end: End) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let at = out.len() as u64;
        entry.local(&mut out);
        entry.central(at, &mut directory);
    }
    let (at, nbytes, count) = (
        out.len() as u64,
        directory.len() as u64,
        entries.len() as u64,
    );
    out.extend(directory);
    if end.zip64 {
        let end64_at = out.len() as u64;
        out.extend(b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x2d\0\x2d\0\0\0\0\0\0\0\0\0");
        out.extend([count, count, nbytes, at].map(u64::to_le_bytes).concat());
        out.extend(b"PK\x06\x07\0\0\0\0");
        out.extend(end64_at.to_le_bytes());
        out.extend(1u32.to_le_bytes());
    }
    let short = |field: u64| if end.zip64 { u32::MAX } else { field as u32 };
    let count = end
        .count
        .unwrap_or(if end.zip64 { u16::MAX } else { count as u16 });
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count.to_le_bytes(); 2].concat());
    out.extend(end.directory_nbytes.unwrap_or(short(nbytes)).to_le_bytes());
    out.extend(end.directory_at.unwrap_or(short(at)).to_le_bytes());
    out.extend((end.comment.len() as u16).to_le_bytes());
    out.extend(end.comment);
    out
}
