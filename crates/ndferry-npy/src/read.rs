//! Reading arrays: a header, then exactly its data.

use std::io::{self, Read};

use bytes::Bytes;
use ndferry_array::Array;

use crate::{Error, ErrorKind, Header, Limits};

/// Memory grows by at most this many bytes at a time, until they have really arrived.
const STEP: usize = 1 << 20;

/// What an NPY file or a member of an NPZ archive holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Contents {
    /// An array of plain bytes.
    Array(Array),
    /// An array of Python objects.
    Objects(Objects),
    /// A member of an archive that is no NPY file.
    Bytes(Bytes),
}

/// An array of Python objects, or of `StringDType` text: NumPy stores it as one pickle of the whole array.
///
/// The pickle is not looked into here; `ndferry-pickle` parses it without running anything.
#[derive(Clone, Debug)]
pub struct Objects {
    /// What the file says of the array; its dtype is, or has fields of, [`ndferry_array::Kind::Object`].
    pub header: Header,
    /// The pickle, and whatever may follow it.
    pub pickle: Bytes,
    /// Where the pickle starts, in bytes from the start of the file or of the unpacked member.
    pub offset: usize,
}

impl Contents {
    /// What an NPY file in memory holds, sharing its bytes, and where it ends. Bytes after that are the caller's
    /// matter. (Where a pickle ends only its parser knows, so objects seem to reach to the end.)
    ///
    /// # Errors
    /// As [`parse`], but objects are none; [`ErrorKind::TooMuchData`] if there is more after the header than
    /// [`Limits::pickle_nbytes`].
    pub fn parse(bytes: &Bytes, limits: &Limits) -> Result<(Self, usize), Error> {
        let (header, start) = Header::parse_limited(bytes, limits)?;
        if header.dtype.has_object() {
            let pickle = bytes.slice(start..);
            return Ok((
                Self::Objects(Objects::new(header, pickle, start, limits)?),
                bytes.len(),
            ));
        }
        let (array, end) = parse_data(header, start, bytes, limits)?;
        Ok((Self::Array(array), end))
    }

    /// Reads one array from a stream, and not a byte more; of objects, all that follows the header.
    ///
    /// # Errors
    /// As [`Self::parse`], and what the stream reports.
    pub fn read(from: &mut impl Read, limits: &Limits) -> Result<Self, Error> {
        let (header, start) = Header::read(from, limits)?;
        if !header.dtype.has_object() {
            return read_data(header, start, from, limits).map(Self::Array);
        }
        let mut pickle = Vec::new();
        // One more than allowed tells that there is more.
        from.take(limits.pickle_nbytes.saturating_add(1))
            .read_to_end(&mut pickle)
            .map_err(|error| Error::from_io(error, start as u64))?;
        Objects::new(header, pickle.into(), start, limits).map(Self::Objects)
    }
}

impl Objects {
    fn new(header: Header, pickle: Bytes, offset: usize, limits: &Limits) -> Result<Self, Error> {
        let (nbytes, limit) = (pickle.len() as u64, limits.pickle_nbytes);
        if nbytes > limit {
            return Err(ErrorKind::TooMuchData { nbytes, limit }.at(offset as u64));
        }
        Ok(Self {
            header,
            pickle,
            offset,
        })
    }
}

/// The array of an NPY file in memory, sharing its bytes, and where it ends. Bytes after that are the caller's matter.
///
/// # Errors
/// What is wrong with the header; [`ErrorKind::TooFewBytes`]; [`ErrorKind::Objects`] if the data is a pickle.
pub fn parse(bytes: &Bytes, limits: &Limits) -> Result<(Array, usize), Error> {
    let (header, start) = Header::parse_limited(bytes, limits)?;
    parse_data(header, start, bytes, limits)
}

fn parse_data(
    header: Header,
    start: usize,
    bytes: &Bytes,
    limits: &Limits,
) -> Result<(Array, usize), Error> {
    let nbytes = plain_nbytes(&header, start, limits)?;
    let found = bytes.len() - start;
    if found < nbytes {
        return Err(too_few(&header, start, found));
    }
    let end = start + nbytes;
    let array = Array::contiguous(
        header.dtype,
        &header.shape,
        header.order,
        bytes.slice(start..end),
    )
    .map_err(|error| ErrorKind::Array(error).at(start as u64))?;
    Ok((array, end))
}

/// Reads one array from a stream, and not a byte more.
///
/// # Errors
/// As [`parse`], and what the stream reports.
pub fn read(from: &mut impl Read, limits: &Limits) -> Result<Array, Error> {
    let (header, start) = Header::read(from, limits)?;
    read_data(header, start, from, limits)
}

fn read_data(
    header: Header,
    start: usize,
    from: &mut impl Read,
    limits: &Limits,
) -> Result<Array, Error> {
    let nbytes = plain_nbytes(&header, start, limits)?;
    let mut data = Vec::new();
    while data.len() < nbytes {
        let have = data.len();
        let step = (nbytes - have).min(STEP.max(have));
        data.try_reserve_exact(step).map_err(|_| {
            ErrorKind::from(io::Error::from(io::ErrorKind::OutOfMemory)).at(start as u64)
        })?;
        from.take(step as u64)
            .read_to_end(&mut data)
            .map_err(|error| Error::from_io(error, (start + have) as u64))?;
        if data.len() < have + step {
            return Err(too_few(&header, start, data.len()));
        }
    }
    Array::contiguous(header.dtype, &header.shape, header.order, data)
        .map_err(|error| ErrorKind::Array(error).at(start as u64))
}

/// Fills `target` with the elements as they are stored, after [`Header::read`] gave `header` and `start`.
///
/// `target` must have exactly [`Header::data_nbytes`] bytes.
///
/// # Errors
/// [`ErrorKind::TooFewBytes`], [`ErrorKind::Objects`], [`ErrorKind::Target`], and what the stream reports.
pub fn read_into(
    header: &Header,
    start: usize,
    from: &mut impl Read,
    target: &mut [u8],
) -> Result<(), Error> {
    let nbytes = plain_nbytes(header, start, &Limits::default())?;
    if target.len() != nbytes {
        let (needed, given) = (nbytes as u64, target.len() as u64);
        return Err(ErrorKind::Target { needed, given }.at(start as u64));
    }
    let mut have = 0;
    while have < nbytes {
        match from.read(&mut target[have..]) {
            Ok(0) => return Err(too_few(header, start, have)),
            Ok(n) => have += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::from_io(error, (start + have) as u64)),
        }
    }
    Ok(())
}

/// Bytes of the data, if it is bytes and within the limits.
fn plain_nbytes(header: &Header, start: usize, limits: &Limits) -> Result<usize, Error> {
    if header.dtype.has_object() {
        return Err(ErrorKind::Objects.at(start as u64));
    }
    // Header::layout was checked, so the product fits isize.
    let nbytes = header.data_nbytes().unwrap_or(u64::MAX);
    if nbytes > limits.data_nbytes {
        let limit = limits.data_nbytes;
        return Err(ErrorKind::TooMuchData { nbytes, limit }.at(start as u64));
    }
    Ok(nbytes as usize)
}

pub(crate) fn too_few(header: &Header, start: usize, found: usize) -> Error {
    ErrorKind::TooFewBytes {
        shape: header.shape.clone(),
        descr: header
            .dtype
            .descr()
            .map_or_else(|_| header.dtype.str(), |descr| descr.to_string()),
        needed: header.data_nbytes().unwrap_or(u64::MAX),
        found: found as u64,
    }
    .at((start + found) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndferry_array::{Dtype, Order};

    #[test]
    fn a_claim_of_a_petabyte_costs_nothing() {
        let head = Header::new(Dtype::U8, &[1 << 50], Order::C)
            .to_bytes()
            .unwrap();
        let error = read(&mut &head[..], &Limits::default()).unwrap_err();
        assert!(matches!(
            error.kind,
            ErrorKind::TooFewBytes { found: 0, .. }
        ));
        assert_eq!(error.offset, 128);
    }

    #[test]
    fn a_stream_is_left_right_after_the_array() {
        let mut file = Vec::new();
        let array = Array::from_elements(&[2], &[1u8, 2]).unwrap();
        crate::write(&mut file, &array.view()).unwrap();
        file.extend_from_slice(b"rest");
        let mut stream = &file[..];
        let back = read(&mut stream, &Limits::default()).unwrap();
        assert_eq!(
            (back.to_elements::<u8>().unwrap(), stream),
            (vec![1, 2], &b"rest"[..])
        );
        let (same, end) = parse(&Bytes::from(file.clone()), &Limits::default()).unwrap();
        assert_eq!((same.shape(), end), (&[2][..], 130));
    }
}
