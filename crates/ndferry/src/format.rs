//! [`Format`]: which kind of file it is, told by magic bytes for input and by extension for output.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A kind of file that holds arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// One array as `numpy.save` writes it.
    Npy,
    /// NPYs in a ZIP, as `numpy.savez` writes them.
    Npz,
    /// A Python pickle, any protocol.
    Pickle,
    /// Arrays in blocks: ndferry's own.
    Npb,
    /// A pickle with raw array bytes between its opcodes, as `joblib.dump` writes it.
    Joblib,
    /// A PyTorch file: pickles and raw tensors in a ZIP (or one after another, before PyTorch 1.6).
    Torch,
    /// A TIFF image, or a stack of them; written only.
    Tiff,
    /// A PNG image; written only.
    Png,
    /// A Zarr store, version 3, in a folder.
    Zarr,
}

impl Format {
    /// How many bytes from the start [`sniff`] wants to see.
    pub const SNIFF_NBYTES: usize = 64;

    /// `npy`, `npz`, `pickle`, `npb`, `joblib`, `torch`, `tiff`, `png` or `zarr`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Npy => "npy",
            Self::Npz => "npz",
            Self::Pickle => "pickle",
            Self::Npb => "npb",
            Self::Joblib => "joblib",
            Self::Torch => "torch",
            Self::Tiff => "tiff",
            Self::Png => "png",
            Self::Zarr => "zarr",
        }
    }

    /// The format that a file name asks for: `.npy .npz .pkl .pickle .npb .joblib .pt .pth .tif
    /// .tiff .png .zarr`, in upper case too.
    pub fn of_extension(path: impl AsRef<Path>) -> Option<Self> {
        let extension = path.as_ref().extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "npy" => Self::Npy,
            "npz" => Self::Npz,
            "pkl" | "pickle" | "p" => Self::Pickle,
            "npb" => Self::Npb,
            "joblib" => Self::Joblib,
            "pt" | "pth" => Self::Torch,
            "tif" | "tiff" => Self::Tiff,
            "png" => Self::Png,
            "zarr" => Self::Zarr,
            _ => return None,
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Ok(match text {
            "npy" => Self::Npy,
            "npz" => Self::Npz,
            "pickle" | "pkl" => Self::Pickle,
            "npb" => Self::Npb,
            "joblib" => Self::Joblib,
            "torch" | "pt" => Self::Torch,
            "tiff" | "tif" => Self::Tiff,
            "png" => Self::Png,
            "zarr" => Self::Zarr,
            _ => return Err(UnknownFormat(text.to_owned())),
        })
    }
}

/// A word that names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a format: expected npy, npz, pickle, npb, zarr, tiff or png")]
pub struct UnknownFormat(String);

/// What the first bytes of a file say that it is. [`Format::SNIFF_NBYTES`] are enough; fewer are fine for short files.
///
/// A ZIP counts as [`Format::Npz`] here: whether it is a PyTorch file depends on its members, and whether a pickle is
/// joblib's on its globals, so that [`crate::Source::open`] decides that later.
pub fn sniff(head: &[u8]) -> Option<Format> {
    if head.starts_with(b"\x93NUMPY") {
        return Some(Format::Npy);
    }
    if head.starts_with(b"\x93NPB") {
        return Some(Format::Npb);
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Some(Format::Npz);
    }
    is_pickle(head).then_some(Format::Pickle)
}

/// What a file is that ndferry does not read, in words for an error message, if its magic is well known.
pub fn foreign(head: &[u8]) -> Option<&'static str> {
    const MAGICS: &[(&[u8], &str)] = &[
        (b"II*\0", "a TIFF file; ImageJ or tifffile reads it"),
        (b"MM\0*", "a TIFF file; ImageJ or tifffile reads it"),
        (b"II+\0", "a BigTIFF file; tifffile reads it"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file; h5py reads it"),
        (b"CDF\x01", "a NetCDF file; netCDF4 or xarray reads it"),
        (b"CDF\x02", "a NetCDF file; netCDF4 or xarray reads it"),
        (b"\x89PNG", "a PNG image; Pillow reads it"),
        (b"\xff\xd8\xff", "a JPEG image; Pillow reads it"),
        (b"MATLAB 5.0", "a MATLAB file; scipy.io.loadmat reads it"),
        (
            b"\x9e\xa8b2frame\0",
            "a Blosc2 file (.b2nd); Python reads it: numpy.save(\"a.npy\", blosc2.open(\"a.b2nd\")[:])",
        ),
        (b"PAR1", "a Parquet file; pyarrow reads it"),
        (b"ARROW1", "an Arrow file; pyarrow reads it"),
        (b"SIMPLE  =", "a FITS file; astropy reads it"),
        (b"{", "text, perhaps JSON"),
    ];
    MAGICS
        .iter()
        .find(|(magic, _)| head.starts_with(magic))
        .map(|(_, words)| *words)
}

/// Whether this looks like a pickle: protocol 2 and later start with PROTO; 0 and 1 have no magic, so that their first
/// opcodes must make sense.
fn is_pickle(head: &[u8]) -> bool {
    match head {
        [0x80, 0..=5, ..] => true,
        // Protocols 0 and 1: what `pickle.dumps` starts with for containers, globals, text, numbers and None.
        [b'c', rest @ ..] | [b'(', b'c' | b'i', rest @ ..] => is_name_line(rest),
        [b'(', rest @ ..] => !rest.is_empty() && OPENERS.contains(&rest[0]),
        [b'N' | b']' | b'}' | b')', next, ..] => *next == b'.' || OPENERS.contains(next),
        [b'I' | b'L' | b'F', rest @ ..] => is_line(rest, |b| b.is_ascii_graphic()),
        [b'S', quote @ (b'\'' | b'"'), rest @ ..] => rest.contains(quote),
        [b'V', rest @ ..] => rest.contains(&b'\n'),
        [b'K', _, b'.'] | [b'M', _, _, b'.'] | [b'J', _, _, _, _, b'.'] => true,
        [b'G', _, _, _, _, _, _, _, _, b'.'] => true,
        [b'U', n, rest @ ..] => rest.get(usize::from(*n)).is_some_and(|b| b".q".contains(b)),
        [b'X' | b'T', a, b, c, d, rest @ ..] => {
            let nbytes = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            nbytes < 1 << 31 && rest.get(nbytes).is_none_or(|b| b".qrp".contains(b))
        }
        _ => false,
    }
}

/// Opcodes that may follow MARK or an empty container in protocols 0 and 1.
const OPENERS: &[u8] = b"(lditpqrKMJILFGSUTVXcN])}.";

/// A global's module line: a dotted name that ends in a newline, or is cut off.
fn is_name_line(rest: &[u8]) -> bool {
    is_line(rest, |b| {
        b.is_ascii_alphanumeric() || b == b'_' || b == b'.'
    })
}

fn is_line(rest: &[u8], allowed: impl Fn(u8) -> bool) -> bool {
    let line = rest.split(|b| *b == b'\n').next().unwrap_or_default();
    !line.is_empty() && line.iter().all(|b| allowed(*b)) && rest.len() > line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magic_bytes_tell_the_format() {
        assert_eq!(sniff(b"\x93NUMPY\x01\x00"), Some(Format::Npy));
        assert_eq!(sniff(b"\x93NPB\x01"), Some(Format::Npb));
        assert_eq!(sniff(b"PK\x03\x04"), Some(Format::Npz));
        assert_eq!(sniff(b"PK\x05\x06"), Some(Format::Npz));
        assert_eq!(sniff(b"\x80\x04\x95"), Some(Format::Pickle));
    }

    #[test]
    fn old_pickles_without_magic_are_pickles() {
        for pickle in [
            &b"cnumpy.core.multiarray\n_reconstruct\np0\n(c"[..],
            b"(dp0\nS'a'\n",
            b"(lp0\nI1\n",
            b"N.",
            b"]q\x00.",
            b"}q\x00(U\x01a",
            b"I1\n.",
            b"L5L\n.",
            b"F1.5\n.",
            b"S'abc'\np0\n.",
            b"Vabc\np0\n.",
            b"K\x01.",
            b"(I1\nI2\ntp0\n.",
            b"X\x01\x00\x00\x00aq\x00.",
        ] {
            assert_eq!(sniff(pickle), Some(Format::Pickle), "{pickle:?}");
        }
    }

    #[test]
    fn other_files_are_not_pickles() {
        for other in [
            &b""[..],
            b"II*\0",
            b"hello, world\n",
            b"I am text\n",
            b"Name,Value\n1,2\n",
            b"import os\n",
            b"{\"a\": 1}",
            b"\x80\x09",
            b"\x89PNG\r\n",
            b"(hello)",
            b"code review\n",
            b"#!/bin/sh\n",
        ] {
            assert_eq!(sniff(other), None, "{other:?}");
        }
        assert!(foreign(b"II*\0").is_some_and(|words| words.contains("TIFF")));
    }

    #[test]
    fn extensions_choose_the_output() {
        assert_eq!(Format::of_extension("a/b.NPY"), Some(Format::Npy));
        assert_eq!(Format::of_extension("x.pt"), Some(Format::Torch));
        assert_eq!(Format::of_extension("x.TIF"), Some(Format::Tiff));
        assert_eq!(Format::of_extension("npy"), None);
        assert_eq!("pickle".parse(), Ok(Format::Pickle));
    }
}
