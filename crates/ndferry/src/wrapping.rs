//! [`Wrapping`]: what a whole file is packed in, and both ways through it.

use std::io::{self, BufRead, Read, Write};

use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::input::Input;
use crate::{ErrorKind, Result};

/// How a file is packed, as joblib, pandas and people pack pickles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapping {
    /// RFC 1952; members one after another are one stream.
    Gzip,
    /// RFC 1950.
    Zlib,
    /// joblib's before 0.10: `ZF`, the length as a hexadecimal number, and zlib.
    Zfile,
    Bzip2,
    Xz,
    /// LZMA without a container (`lzma.FORMAT_ALONE`).
    Lzma,
    Zstd,
    /// LZ4 in frames.
    Lz4,
}

/// Bytes that are enough to tell.
pub(crate) const HEAD_NBYTES: usize = 32;

/// What an xz or lzma stream may want for its dictionary, in KiB: `xz -9` takes a third of it.
#[cfg(feature = "compressed")]
const DICTIONARY_KIB: u32 = 192 << 10;

impl Wrapping {
    /// What the first bytes say.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        Some(match *head {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            [b'Z', b'F', b'0', b'x', ..] => Self::Zfile,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [0x04, 0x22, 0x4d, 0x18, ..] => Self::Lz4,
            // The properties that everybody takes, and a dictionary of whole 64 KiB.
            [0x5d, 0, 0, ..] => Self::Lzma,
            [first @ 0x78, second, _, ..] if u16::from_be_bytes([first, second]) % 31 == 0 => {
                Self::Zlib
            }
            _ => return None,
        })
    }

    /// What is in it, as far as it is read. Damage is an error of the reader.
    ///
    /// # Errors
    /// [`ErrorKind::NotBuilt`]; a head that is none after all.
    pub(crate) fn reader(self, input: &Input) -> Result<Box<dyn Read + '_>> {
        let at = match self {
            Self::Zfile => zfile_head(&input.head(HEAD_NBYTES)?)? as u64,
            _ => 0,
        };
        let from = io::BufReader::with_capacity(64 << 10, InputReader { input, at });
        Ok(match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(from)),
            Self::Zlib | Self::Zfile => Box::new(ZlibDecoder::new(from)),
            #[cfg(feature = "compressed")]
            Self::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(from)),
            #[cfg(feature = "compressed")]
            Self::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(
                from,
                true,
                DICTIONARY_KIB,
            )),
            #[cfg(feature = "compressed")]
            Self::Lzma => {
                let reader = lzma_rust2::LzmaReader::new_mem_limit(from, DICTIONARY_KIB, None);
                Box::new(reader.map_err(|_| wrong("lzma", "its head is none"))?)
            }
            #[cfg(feature = "compressed")]
            Self::Zstd => Box::new(zstd::Reader::new(from)?),
            #[cfg(feature = "compressed")]
            Self::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(from)),
            #[cfg(not(feature = "compressed"))]
            Self::Bzip2 | Self::Xz | Self::Lzma | Self::Zstd | Self::Lz4 => {
                let _: &dyn BufRead = &from;
                return Err(self.not_built());
            }
        })
    }

    /// Packs what `body` writes.
    ///
    /// # Errors
    /// [`ErrorKind::NotBuilt`]; what `body` and the writer report.
    pub(crate) fn pack(
        self,
        to: &mut dyn Write,
        body: &mut dyn FnMut(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(to, Compression::default());
                body(&mut encoder)?;
                encoder.finish()?;
            }
            Self::Zlib => {
                let mut encoder = ZlibEncoder::new(to, Compression::default());
                body(&mut encoder)?;
                encoder.finish()?;
            }
            Self::Zfile => {
                // The length stands before the bytes.
                let mut file = crate::npz_file::temporary_file()?;
                body(&mut file)?;
                let nbytes = io::Seek::stream_position(&mut file)?;
                io::Seek::rewind(&mut file)?;
                write!(
                    to,
                    "ZF{:<width$}",
                    format!("{nbytes:#x}"),
                    width = ZFILE_DIGITS
                )?;
                let mut encoder = ZlibEncoder::new(to, Compression::default());
                io::copy(&mut file, &mut encoder)?;
                encoder.finish()?;
            }
            #[cfg(feature = "compressed")]
            Self::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(to, bzip2::Compression::best());
                body(&mut encoder)?;
                encoder.finish()?;
            }
            #[cfg(feature = "compressed")]
            Self::Xz => {
                let options = lzma_rust2::XzOptions::with_preset(6);
                let mut encoder = lzma_rust2::XzWriter::new(to, options)?;
                body(&mut encoder)?;
                encoder.finish()?;
            }
            #[cfg(feature = "compressed")]
            Self::Lzma => {
                let options = lzma_rust2::LzmaOptions::with_preset(6);
                let mut encoder = lzma_rust2::LzmaWriter::new_use_header(to, &options, None)?;
                body(&mut encoder)?;
                encoder.finish()?;
            }
            #[cfg(feature = "compressed")]
            Self::Zstd => {
                let mut encoder = zstd::Writer::new(to)?;
                body(&mut encoder)?;
                encoder.finish()?;
            }
            #[cfg(feature = "compressed")]
            Self::Lz4 => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(to);
                body(&mut encoder)?;
                encoder
                    .finish()
                    .map_err(|error| io::Error::other(error.to_string()))?;
            }
            #[cfg(not(feature = "compressed"))]
            Self::Bzip2 | Self::Xz | Self::Lzma | Self::Zstd | Self::Lz4 => {
                return Err(self.not_built());
            }
        }
        Ok(())
    }

    #[cfg(not(feature = "compressed"))]
    fn not_built(self) -> crate::Error {
        let what = match self {
            Self::Bzip2 => "bzip2",
            Self::Xz | Self::Lzma => "xz",
            Self::Zstd => "Zstandard",
            _ => "LZ4",
        };
        ErrorKind::NotBuilt { what }.into()
    }
}

/// Digits of the length in the head of joblib's old files, spaces included (`joblib.numpy_pickle_compat`).
const ZFILE_DIGITS: usize = 19;

/// How long that head is: Python 2 left room for an `L`.
fn zfile_head(head: &[u8]) -> Result<usize> {
    let end = 2 + ZFILE_DIGITS;
    let digits = head.get(4..end).unwrap_or_default().trim_ascii_end();
    let digits = digits.strip_suffix(b"L").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(wrong("joblib's ZF file", "its length is no number"));
    }
    Ok(match head.get(end) {
        Some(b' ') => end + 1,
        _ => end,
    })
}

fn wrong(what: &'static str, problem: &str) -> crate::Error {
    let problem = problem.to_owned();
    ErrorKind::Pickle(ndferry_pickle::ErrorKind::State { what, problem }).at(0)
}

/// An input from a byte on to its last.
struct InputReader<'a> {
    input: &'a Input,
    at: u64,
}

impl Read for InputReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read_at(buf, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

/// Zstandard's streams.
#[cfg(feature = "compressed")]
pub(crate) mod zstd {
    use super::*;
    use zstd_safe::zstd_sys::ZSTD_EndDirective;
    use zstd_safe::{CCtx, DCtx, InBuffer, OutBuffer, get_error_name};

    fn failed(code: usize) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, get_error_name(code))
    }

    fn no_memory() -> io::Error {
        io::ErrorKind::OutOfMemory.into()
    }

    pub(crate) struct Reader<R> {
        from: R,
        context: DCtx<'static>,
        /// What the decoder wants next; 0 at the end of a frame.
        wanted: usize,
    }

    impl<R: BufRead> Reader<R> {
        pub(crate) fn new(from: R) -> io::Result<Self> {
            Ok(Self {
                from,
                context: DCtx::try_create().ok_or_else(no_memory)?,
                wanted: 0,
            })
        }
    }

    impl<R: BufRead> Read for Reader<R> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            loop {
                let bytes = self.from.fill_buf()?;
                let is_end = bytes.is_empty();
                if is_end && self.wanted == 0 {
                    return Ok(0);
                }
                let mut input = InBuffer::around(bytes);
                let mut output = OutBuffer::around(buf);
                let wanted = self.context.decompress_stream(&mut output, &mut input);
                self.wanted = wanted.map_err(failed)?;
                let (n, used) = (output.pos(), input.pos());
                self.from.consume(used);
                if n > 0 || buf.is_empty() {
                    return Ok(n);
                }
                if is_end && self.wanted > 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
    }

    pub(super) struct Writer<W> {
        to: W,
        context: CCtx<'static>,
        packed: Vec<u8>,
    }

    impl<W: Write> Writer<W> {
        pub(super) fn new(to: W) -> io::Result<Self> {
            Ok(Self {
                to,
                context: CCtx::try_create().ok_or_else(no_memory)?,
                packed: Vec::with_capacity(CCtx::out_size()),
            })
        }

        fn feed(&mut self, bytes: &[u8], end: ZSTD_EndDirective) -> io::Result<()> {
            let mut input = InBuffer::around(bytes);
            loop {
                self.packed.clear();
                let mut output = OutBuffer::around(&mut self.packed);
                let left = self.context.compress_stream2(&mut output, &mut input, end);
                let left = left.map_err(failed)?;
                self.to.write_all(&self.packed)?;
                let is_done = match end {
                    ZSTD_EndDirective::ZSTD_e_continue => input.pos() == bytes.len(),
                    _ => left == 0,
                };
                if is_done {
                    return Ok(());
                }
            }
        }

        pub(super) fn finish(mut self) -> io::Result<()> {
            self.feed(&[], ZSTD_EndDirective::ZSTD_e_end)
        }
    }

    impl<W: Write> Write for Writer<W> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.feed(bytes, ZSTD_EndDirective::ZSTD_e_continue)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.to.flush()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[Wrapping] = &[
        Wrapping::Gzip,
        Wrapping::Zlib,
        Wrapping::Zfile,
        #[cfg(feature = "compressed")]
        Wrapping::Bzip2,
        #[cfg(feature = "compressed")]
        Wrapping::Xz,
        #[cfg(feature = "compressed")]
        Wrapping::Lzma,
        #[cfg(feature = "compressed")]
        Wrapping::Zstd,
        #[cfg(feature = "compressed")]
        Wrapping::Lz4,
    ];

    fn packed(wrapping: Wrapping, bytes: &[u8]) -> Input {
        let mut out = Vec::new();
        wrapping
            .pack(&mut out, &mut |to| {
                for part in bytes.chunks(10_000) {
                    to.write_all(part)?;
                }
                Ok(())
            })
            .unwrap();
        Input::of_bytes(out.into())
    }

    #[test]
    fn what_is_packed_is_told_by_its_head_and_comes_out_again() {
        let bytes: Vec<u8> = (0..300_000_u32)
            .map(|i| ((i.wrapping_mul(i)) >> 9) as u8)
            .collect();
        for wrapping in ALL {
            for n in [0, 1, bytes.len()] {
                let input = packed(*wrapping, &bytes[..n]);
                assert_eq!(
                    Wrapping::of(&input.head(HEAD_NBYTES).unwrap()),
                    Some(*wrapping)
                );
                let mut out = Vec::new();
                wrapping
                    .reader(&input)
                    .unwrap()
                    .read_to_end(&mut out)
                    .unwrap();
                assert!(out == bytes[..n], "{wrapping:?} of {n} bytes");
            }
        }
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let bytes: Vec<u8> = (0..30_000_u32).map(|i| ((i * i) >> 9) as u8).collect();
        for wrapping in ALL {
            let whole = packed(*wrapping, &bytes);
            for n in [40, whole.nbytes() as usize / 2, whole.nbytes() as usize - 9] {
                let input = Input::of_bytes(whole.bytes(0, n as u64).unwrap());
                let mut out = Vec::new();
                let read = wrapping
                    .reader(&input)
                    .map(|mut from| from.read_to_end(&mut out));
                let is_error = !matches!(read, Ok(Ok(_)));
                assert!(
                    is_error,
                    "{wrapping:?} cut after {n} of {} bytes",
                    whole.nbytes()
                );
            }
        }
    }
}
