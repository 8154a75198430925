//! [`Packet`]: what is said beside elements, as bytes; `NativePacket.java` is the other side. All numbers are
//! little-endian.

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
