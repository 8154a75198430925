//! The pickles shown in `docs/formats/pickle.md` are read from there.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use ndferry::{OpenOptions, Order, Safety, Source};

const DOCUMENT: &str = include_str!("../../../docs/formats/pickle.md");

/// Name and bytes of each hexdump.
fn shown() -> Vec<(&'static str, Vec<u8>)> {
    let blocks = DOCUMENT.split("```hexdump ").skip(1);
    blocks
        .map(|block| {
            let (name, rest) = block.split_once('\n').unwrap();
            let lines = rest.lines().take_while(|line| *line != "```");
            let bytes = lines
                .flat_map(|line| line[10..58].split_whitespace())
                .map(|byte| u8::from_str_radix(byte, 16).unwrap());
            (name, bytes.collect())
        })
        .collect()
}

#[test]
fn the_document_shows_pickles_of_the_array_that_it_names() {
    let pickles = shown();
    let names: Vec<&str> = pickles.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["python-2", "protocol-2", "protocol-5"]);
    for (name, bytes) in pickles {
        let source = Source::from_bytes(name, bytes.into(), &OpenOptions::default()).unwrap();
        assert_eq!(source.safety(), &Safety::Clean, "{name}");
        let array = source.array(None).unwrap().load().unwrap();
        assert_eq!(array.dtype().str(), "<u2", "{name}");
        assert_eq!(
            (array.shape(), array.order()),
            (&[2, 3][..], Some(Order::C))
        );
        assert_eq!(array.to_elements::<u16>().unwrap(), [1, 2, 3, 4, 5, 6]);
    }
}
