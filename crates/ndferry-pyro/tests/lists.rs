//! What an array costs that goes as lists of numbers: its text, not forty times the array. Alone in its process, which is
//! measured.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ndferry_array::Array;
use ndferry_io::peak_memory;
use ndferry_pyro::{ArraysAs, Dialect, Encoding, Serializer};

#[test]
fn an_array_as_lists_needs_little_more_than_its_text() {
    let n = 2 << 20;
    let array = Array::from_elements(&[n / 1024, 1024], &vec![7u8; n]).unwrap();
    for serializer in [Serializer::Json, Serializer::Serpent] {
        let mut encoding = Encoding::new(Dialect::Pyro5, serializer);
        encoding.arrays = ArraysAs::Lists;
        let before = peak_memory();
        let text = encoding.value(&array.clone().into()).unwrap().nbytes();
        assert!(text > 2 * n as u64 && text < 4 * n as u64, "{text}");
        if let (Some(before), Some(after)) = (before, peak_memory()) {
            let more = after - before;
            assert!(more < 4 * text, "{more} bytes for {text} bytes of text");
        }
    }
}
