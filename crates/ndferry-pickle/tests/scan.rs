//! What a scan finds in pickles that are spelled opcode by opcode.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use bytes::Bytes;
use ndferry_pickle::{Limits, Place, Scan, Use};

fn scan(pickle: &[u8]) -> Scan {
    let input = Arc::new(Bytes::copy_from_slice(pickle));
    Scan::new(input, 0, &[], &Limits::default())
}

/// `module.name@byte` of each.
fn names(pickle: &[u8]) -> Vec<String> {
    let scan = scan(pickle);
    let names = scan.names.iter();
    names
        .map(|name| format!("{}.{}@{}", name.module, name.name, name.offset))
        .collect()
}

#[test]
fn each_way_of_naming_is_found_with_its_byte() {
    assert_eq!(names(b"cos\nsystem\n(S'ls'\ntR."), ["os.system@0"]);
    assert_eq!(names(b"(S'ls'\nios\nsystem\n."), ["os.system@7"]);
    assert_eq!(
        names(b"\x80\x04\x8c\x02os\x8c\x06system\x93."),
        ["os.system@14"]
    );
    assert_eq!(names(b"\x80\x02\x82\x07."), ["copyreg.extension 7@2"]);
    assert_eq!(names(b"Pid\n."), ["pickle.persistent_load@0"]);
}

#[test]
fn names_are_put_together_from_what_was_remembered() {
    let pickle = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x9400h\x00h\x01\x93.";
    assert_eq!(names(pickle), ["os.system@22"]);
    // Spelled with escapes, and by a number that was taken before.
    let pickle = b"V\\u006fs\np5\n0S'\\x73ystem'\np7\n0g5\ng7\n\x93.";
    assert_eq!(names(pickle), ["os.system@36"]);
    let computed = scan(b"\x80\x04cbuiltins\nstr\nC\x02os\x85R\x8c\x06system\x93.");
    assert_eq!(&*computed.names[1].module, "?");
    assert!(!computed.is_whole());
}

#[test]
fn what_is_done_with_a_name_is_told() {
    let uses = |pickle: &[u8]| {
        let scan = scan(pickle);
        let words = scan.names[0].uses.iter().map(Use::word);
        words.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(uses(b"cm\nf\n."), "");
    assert_eq!(uses(b"cm\nf\n)R."), "REDUCE");
    assert_eq!(uses(b"cm\nf\n)\x81."), "NEWOBJ");
    assert_eq!(uses(b"cm\nf\n)}\x92."), "NEWOBJ");
    assert_eq!(uses(b"(cm\nf\no."), "OBJ");
    assert_eq!(uses(b"(im\nf\n."), "INST");
    assert_eq!(uses(b"cm\nf\n}b."), "BUILD");
    assert_eq!(uses(b"cm\nf\nNa."), "filled");
    assert_eq!(uses(b"cm\nf\n0N."), "POP");
    assert_eq!(uses(b"(cm\nf\n1N."), "POP");
    assert_eq!(uses(b"cm\nf\n)R)R."), "REDUCE result-called");
    assert_eq!(uses(b"cm\nf\nK\x01S'__class__'\n\x86R."), "REDUCE dunder");
    let given = scan(b"cm\nf\ncm\ng\n\x85R.");
    assert!(given.names[1].uses.contains(Use::Argument));
    let given = scan(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nmemmap\n\x85R.");
    assert!(given.names[1].uses.contains(Use::AsType));
    assert!(!given.names[1].uses.contains(Use::Argument));
}

#[test]
fn pickles_after_stop_are_scanned_in_both_ways() {
    assert_eq!(names(b"N.cos\nsystem\n)R."), ["os.system@2"]);
    // To a pickler that remembers the first one, the second one names something else.
    let first = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x86.".as_slice();
    let second = b"\x8c\x01m\x94\x8c\x01f\x940h\x00h\x01\x93.".as_slice();
    let both = names(&[first, second].concat());
    let at = first.len() + 13;
    assert!(both.contains(&format!("m.f@{at}")), "{both:?}");
    assert!(both.contains(&format!("os.system@{at}")), "{both:?}");
    // What is no pickle is none.
    let trailing = scan(b"N.\x00\x01\x02");
    assert_eq!((trailing.pickles, trailing.end), (1, 2));
    assert!(trailing.is_whole());
}

#[test]
fn an_error_does_not_end_the_scan() {
    let broken = scan(b"0cos\nsystem\n)R.");
    assert_eq!(broken.errors.len(), 1);
    assert!(broken.names[0].is_after_error);
    // Nothing can be told of a byte that is no opcode, but names are searched for behind it.
    let broken = scan(b"N\xffcos\nsystem\n)R.");
    assert_eq!(broken.errors[0].offset, 1);
    assert_eq!(broken.names[0].place, Place::Search);
    let cut = scan(b"cos\nsystem\n(S'ls'\ntR");
    assert_eq!(cut.names[0].offset, 0);
    assert_eq!(cut.pickles, 0);
    assert!(!cut.is_whole());
}

#[test]
fn pickles_inside_strings_are_found() {
    let inner = b"\x80\x02cos\nsystem\n)R.";
    let mut bytes = b"\x80\x03C".to_vec();
    bytes.push(inner.len() as u8);
    bytes.extend_from_slice(inner);
    bytes.push(b'.');
    assert_eq!(names(&bytes), ["os.system@6"]);
    assert_eq!(scan(&bytes).names[0].place, Place::String(2));
    // In Latin-1 text, as Python 3 writes bytes in protocol 2, and in literals.
    let text: String = inner.iter().map(|byte| char::from(*byte)).collect();
    let mut latin1 = b"\x80\x02X".to_vec();
    latin1.extend((text.len() as u32).to_le_bytes());
    latin1.extend_from_slice(text.as_bytes());
    latin1.push(b'.');
    assert_eq!(names(&latin1), ["os.system@2"]);
    assert_eq!(
        names(b"S'\\x80\\x02cos\\nsystem\\n)R.'\n."),
        ["os.system@0"]
    );
    assert_eq!(
        names(b"V\x80\x02cos\\u000asystem\\u000a)R.\n."),
        ["os.system@0"]
    );
    // Bytes that only begin like one are nothing.
    assert!(names(b"\x80\x03C\x06\x80\x02\x00\x01\x02\x03.").is_empty());
}

#[test]
fn frames_and_lengths_that_lie_are_told() {
    assert!(!scan(b"\x80\x04\x95\xff\x00\x00\x00\x00\x00\x00\x00N.").is_whole());
    let claim = scan(b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7fN.");
    assert_eq!(claim.errors.len(), 1);
    assert!(!scan(b"\x80\x09N.").is_whole());
}

#[test]
fn no_flip_or_cut_makes_a_scan_panic() {
    let inner = b"\x80\x02cos\nsystem\n(S'id'\ntR.";
    let nested = [b"\x80\x04\x95\x40\0\0\0\0\0\0\0C\x17", &inner[..], b"\x94\x8c\x01m\x94\x8c\x01f\x94\x93)\x81}(K\x01K\x02ub]\x94(NNe\x86h\x00j\x01\0\0\0r\x07\0\0\0\x871N."].concat();
    let text = b"(dp0\nS'a\\x41'\np1\nV\\u0041b\np2\n(I1\nL2L\nF1.5\nlp3\nsg1\ng2\nscm\nn\n(tR(im\nn\noPid\n.N.";
    let mut scans = 0;
    for seed in [&nested[..], text] {
        for at in 0..seed.len() {
            scan(&seed[..at]);
            let mut changed = seed.to_vec();
            for bit in 0..8 {
                changed[at] = seed[at] ^ 1 << bit;
                scan(&changed);
                scans += 1;
            }
            for byte in [b'(', b'1', b'u', b'.', 0x94, 0xff] {
                changed[at] = byte;
                scan(&changed);
            }
        }
    }
    assert!(scans > 1000);
}

#[test]
fn what_asks_for_memory_gets_a_limit() {
    // Text and numbers by turns, each of which the stack has to keep.
    let turns = b"U\x01aN".repeat(2 << 20);
    let found = scan(&turns);
    assert!(matches!(
        found.errors[0].kind,
        ndferry_pickle::ErrorKind::Limit { .. }
    ));
    // Names without end, and as many pickles.
    let names = scan(&b"cA\nB\n0".repeat(1 << 20));
    assert_eq!(names.names.len(), 10_000);
    let pickles = scan(&b"cA\nB\n.".repeat(1 << 18));
    assert_eq!(pickles.names.len(), 10_000);
    let marks = scan(&b"(".repeat(8 << 20));
    assert_eq!(marks.errors.len(), 1);
}
