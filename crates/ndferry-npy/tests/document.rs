//! The file shown in `docs/formats/npy.md` is what the code makes and reads.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ndferry_array::{Array, Dtype, Order};
use ndferry_npy::{Header, write};

const DOCUMENT: &str = include_str!("../../../docs/formats/npy.md");

/// The bytes of the hexdump of this name.
fn shown(name: &str) -> Vec<u8> {
    let start = format!("```hexdump {name}\n");
    let after = DOCUMENT.split_once(&start).expect("a hexdump").1;
    let lines = after.lines().take_while(|line| *line != "```");
    lines
        .flat_map(|line| line[10..58].split_whitespace())
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

#[test]
fn the_document_shows_the_file_that_the_code_makes() {
    let array = Array::from_elements(&[2, 3], &[1u16, 2, 3, 4, 5, 6]).unwrap();
    let mut file = Vec::new();
    write(&mut file, &array.view()).unwrap();
    assert_eq!(shown("npy"), file);
    let header = Header::new(Dtype::parse("<u2").unwrap(), &[2, 3], Order::C);
    assert_eq!(Header::parse(&file).unwrap(), (header, 128));
}
