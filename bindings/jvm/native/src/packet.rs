//! [`Packet`] and [`Unpacket`]: what is said beside elements, as bytes; `NativePacket.java` is the other side. All numbers are
//! little-endian.

use crate::failure::Failure;

/// What Java is told.
#[derive(Debug, Default)]
pub(crate) struct Packet(Vec<u8>);

impl Packet {
    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn count(&mut self, value: usize) {
        self.i64(i64::try_from(value).unwrap_or(i64::MAX));
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// What Java says. Only our own Java writes what is read here, so whatever does not fit is a bug of one of the two.
#[derive(Debug)]
pub(crate) struct Unpacket<'a>(&'a [u8]);

impl<'a> Unpacket<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let (head, rest) = self.0.split_first_chunk().ok_or_else(cut)?;
        self.0 = rest;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Failure> {
        let [byte] = self.take()?;
        Ok(byte)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, Failure> {
        Ok(i64::from_le_bytes(self.take()?))
    }

    pub(crate) fn i128(&mut self) -> Result<i128, Failure> {
        Ok(i128::from_le_bytes(self.take()?))
    }

    pub(crate) fn f64(&mut self) -> Result<f64, Failure> {
        Ok(f64::from_le_bytes(self.take()?))
    }

    pub(crate) fn count(&mut self) -> Result<usize, Failure> {
        usize::try_from(self.i64()?).map_err(|_| cut())
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Failure> {
        let nbytes = self.count()?;
        let (head, rest) = self.0.split_at_checked(nbytes).ok_or_else(cut)?;
        self.0 = rest;
        Ok(head)
    }

    pub(crate) fn isize(&mut self) -> Result<isize, Failure> {
        isize::try_from(self.i64()?).map_err(|_| cut())
    }

    /// So many of something, one after another.
    pub(crate) fn all<T>(
        &mut self,
        one: impl Fn(&mut Self) -> Result<T, Failure>,
    ) -> Result<Vec<T>, Failure> {
        let count = self.count()?;
        (0..count).map(|_| one(self)).collect()
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Failure> {
        std::str::from_utf8(self.bytes()?).map_err(|_| cut())
    }
}

fn cut() -> Failure {
    Failure::bug("what Java said was cut off")
}
