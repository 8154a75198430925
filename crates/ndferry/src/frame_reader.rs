//! [`FrameReader`]: frames out of a pipe, as a camera's program writes them.

use std::io::{ErrorKind as Io, Read};

use ndferry_array::{Array, Dtype, Order};
use ndferry_npy::Header;

use crate::error::npy;
use crate::npy_file::npy_limits;
use crate::{ErrorKind, Limits, Result};

/// Memory for a frame is taken in such steps, until the bytes are there.
const STEP: usize = 1 << 20;

/// Reads an NPY header, then frames along its first axis, one after the other as they come. With 0 frames in the header they
/// go on until the input ends, so that a program can write the header before it knows how many there will be.
#[derive(Debug)]
pub struct FrameReader<R> {
    from: R,
    dtype: Dtype,
    shape: Vec<usize>,
    nbytes: usize,
    /// `None`: until the end.
    left: Option<usize>,
    at: u64,
}

impl<R: Read> FrameReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// Whatever is wrong with it; [`ErrorKind::Objects`]; [`ErrorKind::Unsupported`] for Fortran order and frames without
    /// bytes; [`ErrorKind::Misfit`] without a first axis.
    pub fn new(mut from: R, limits: &Limits) -> Result<Self> {
        let (header, at) = Header::read(&mut from, &npy_limits(limits)).map_err(npy)?;
        if header.dtype.has_object() {
            return Err(ErrorKind::Objects.into());
        }
        let Some((count, shape)) = header.shape.split_first() else {
            let (expected, found) = ("frames along a first axis", "an array without axes");
            let (expected, found) = (expected.to_owned(), found.to_owned());
            return Err(ErrorKind::Misfit { expected, found }.into());
        };
        let mut extents = shape.iter();
        let nbytes = extents.try_fold(header.dtype.itemsize(), |n, extent| n.checked_mul(*extent));
        let is_plain = header.order == Order::C || shape.is_empty();
        let nbytes = nbytes.filter(|nbytes| is_plain && *nbytes > 0);
        let Some(nbytes) = nbytes.filter(|nbytes| *nbytes < isize::MAX as usize) else {
            let what = "frames without bytes, or in Fortran order,".to_owned();
            return Err(ErrorKind::Unsupported { what }.into());
        };
        Ok(Self {
            from,
            shape: shape.to_vec(),
            dtype: header.dtype,
            nbytes,
            left: (*count > 0).then_some(*count),
            at: at as u64,
        })
    }

    /// What the elements are.
    pub fn dtype(&self) -> &Dtype {
        &self.dtype
    }

    /// The shape of a frame.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Waits for the next frame; `None` at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Truncated`] if the input ends inside of a frame, or before there are as many as the header says;
    /// [`ErrorKind::System`].
    pub fn frame(&mut self) -> Result<Option<Array>> {
        if self.left == Some(0) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        while bytes.len() < self.nbytes {
            let start = bytes.len();
            bytes.resize(self.nbytes.min(start + STEP), 0);
            let got = self.fill(&mut bytes[start..])?;
            bytes.truncate(start + got);
            if bytes.is_empty() && self.left.is_none() {
                return Ok(None);
            }
            if start + got < self.nbytes && got < STEP {
                let (needed, found) = (self.nbytes as u64, bytes.len() as u64);
                return Err(ErrorKind::Truncated { needed, found }.at(self.at + found));
            }
        }
        self.at += self.nbytes as u64;
        self.left = self.left.map(|left| left - 1);
        let array = Array::contiguous(self.dtype.clone(), &self.shape, Order::C, bytes)?;
        Ok(Some(array))
    }

    /// As many bytes as there are room for; fewer only at the end.
    fn fill(&mut self, room: &mut [u8]) -> Result<usize> {
        let mut got = 0;
        while got < room.len() {
            match self.from.read(&mut room[got..]) {
                Ok(0) => break,
                Ok(n) => got += n,
                Err(error) if error.kind() == Io::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(count: usize, frames: usize) -> Vec<u8> {
        let dtype = Dtype::parse("<u2").unwrap();
        let mut bytes = Header::new(dtype, &[count, 2, 3], Order::C)
            .to_bytes()
            .unwrap();
        bytes.extend((0..frames * 12).map(|i| i as u8));
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<Array>> {
        let mut reader = FrameReader::new(bytes, &Limits::default())?;
        assert_eq!(reader.shape(), [2, 3]);
        std::iter::from_fn(|| reader.frame().transpose()).collect()
    }

    #[test]
    fn frames_come_until_the_end_or_as_many_as_the_header_says() {
        for (count, frames, expected) in [(0, 0, 0), (0, 5, 5), (3, 3, 3), (3, 5, 3)] {
            let read = read(&input(count, frames)).unwrap();
            assert_eq!(read.len(), expected);
            for (i, frame) in read.iter().enumerate() {
                let bytes: Vec<u8> = (i * 12..(i + 1) * 12).map(|i| i as u8).collect();
                assert_eq!(&frame.bytes()[..], bytes);
            }
        }
        assert!(matches!(
            read(&input(3, 2)).unwrap_err().kind(),
            ErrorKind::Truncated { .. }
        ));
        let whole = input(0, 2);
        for cut in 0..whole.len() {
            let is_whole = cut == whole.len() - 24 || cut == whole.len() - 12;
            assert_eq!(read(&whole[..cut]).is_ok(), is_whole, "{cut}");
        }
    }
}
