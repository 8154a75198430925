//! Fuzz bodies: each is named after the property it holds, takes any bytes, and panics if the property does not hold.
//!
//! The targets of `fuzz/` call them; the test `fuzz_seeds` calls them with the inputs saved in `fuzz/seeds/`.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use ndferry_array::{Array, Dtype, Indexing, Order};
use ndferry_io::{FrameSource, Framing, Interrupt, frames_from};
use ndferry_npb::{Decoder, Event, HEAD_NBYTES, Head, Limits, Repeats, Scanner};
use ndferry_npy::{Contents, Header, Npz};
use ndferry_pickle::{Machine, Numpy, Scan, Tree, TreeWriter, WriteOptions};
use ndferry_pyro::{Body, Decoding, Dialect, Encoding, Message, NameServer, Serializer, Uri};

use crate::{Awkward, Habit, Verdict, same_values};

/// A property and its name.
pub type Property = (&'static str, fn(&[u8]));

/// All of them.
pub const PROPERTIES: [Property; 16] = [
    ("array_index_text_survives", array_index_text_survives),
    (
        "dtype_text_survives_any_bytes",
        dtype_text_survives_any_bytes,
    ),
    ("file_survives_any_bytes", file_survives_any_bytes),
    ("npb_same_however_cut", npb_same_however_cut),
    ("npb_scan_survives_any_bytes", npb_scan_survives_any_bytes),
    (
        "npy_header_survives_any_bytes",
        npy_header_survives_any_bytes,
    ),
    ("npz_survives_any_bytes", npz_survives_any_bytes),
    (
        "pickle_scan_finds_what_is_read",
        pickle_scan_finds_what_is_read,
    ),
    ("pickle_survives_any_bytes", pickle_survives_any_bytes),
    (
        "pickle_write_then_read_is_identity",
        pickle_write_then_read_is_identity,
    ),
    ("pyro_json_survives_any_bytes", pyro_json_survives_any_bytes),
    (
        "pyro_marshal_survives_any_bytes",
        pyro_marshal_survives_any_bytes,
    ),
    (
        "pyro_message_survives_any_bytes",
        pyro_message_survives_any_bytes,
    ),
    (
        "pyro_msgpack_survives_any_bytes",
        pyro_msgpack_survives_any_bytes,
    ),
    ("pyro_names_survive_any_bytes", pyro_names_survive_any_bytes),
    (
        "pyro_serpent_survives_any_bytes",
        pyro_serpent_survives_any_bytes,
    ),
];

/// Text is a dtype or an error; a dtype's own spelling is the same dtype.
///
/// # Panics
/// The property does not hold.
pub fn dtype_text_survives_any_bytes(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let dtype = match Dtype::parse(text) {
        Ok(dtype) => dtype,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    if dtype.fields().is_none() && !dtype.str().contains("V") {
        assert_eq!(Dtype::parse(&dtype.str()).as_ref(), Ok(&dtype));
    }
    // NumPy saves StringDType as objects, so its descr is another dtype's.
    let descr = dtype.descr().ok();
    if let Some(descr) = descr.filter(|_| !format!("{dtype:?}").contains("VariableString")) {
        let back = Dtype::from_descr(&descr).expect("a descr of ours");
        assert_eq!(back.itemsize(), dtype.itemsize(), "{text:?} {descr:?}");
    }
}

/// Text is an index or an error; what it picks is a part of the array, the same in every order.
///
/// # Panics
/// The property does not hold.
pub fn array_index_text_survives(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let indexing: Indexing = match text.parse() {
        Ok(indexing) => indexing,
        Err(error) => {
            let error: ndferry_array::Error = error;
            return assert!(!error.to_string().is_empty());
        }
    };
    for shape in [&[][..], &[7], &[3, 4], &[2, 0, 5], &[2, 3, 2, 3]] {
        let size: usize = shape.iter().product();
        let numbers: Vec<u32> = (0..size as u32).collect();
        let array = Array::from_elements(shape, &numbers).expect("as many as the shape has");
        let Ok(selection) = indexing.resolve(shape) else {
            continue;
        };
        let part = array.select(&selection).expect("a selection of this shape");
        assert_eq!(part.shape(), selection.shape());
        assert!(part.size() <= size);
        let again = array
            .into_order(Order::F)
            .and_then(|array| array.select(&selection))
            .expect("the same in another order");
        let elements = |part: &Array| part.to_elements::<u32>().expect("u4 are u4");
        assert_eq!(elements(&part), elements(&again));
        assert!(elements(&part).iter().all(|n| (*n as usize) < size));
    }
}

/// Bytes are an NPY header or an error; a header written again is the same header.
///
/// # Panics
/// The property does not hold.
pub fn npy_header_survives_any_bytes(bytes: &[u8]) {
    let dripped = Header::read(
        &mut Awkward::new(bytes, Habit::Interrupted(9)),
        &ndferry_npy::Limits::default(),
    );
    let (header, end) = match Header::parse(bytes) {
        Ok(parsed) => parsed,
        Err(error) => {
            assert!(error.offset <= bytes.len() as u64, "{error}");
            return assert!(dripped.is_err());
        }
    };
    assert!(end <= bytes.len());
    assert_eq!(dripped.expect("the same bytes"), (header.clone(), end));
    if let Ok(written) = header.to_bytes() {
        let (again, _) = Header::parse(&written).expect("a header of ours");
        assert_eq!((&again.shape, again.order), (&header.shape, header.order));
        // NumPy saves StringDType as objects.
        if !format!("{:?}", header.dtype).contains("VariableString") {
            assert_eq!(again.dtype, header.dtype);
        }
    }
}

/// Bytes are an archive or an error; a member is the same however it is read.
///
/// # Panics
/// The property does not hold.
pub fn npz_survives_any_bytes(bytes: &[u8]) {
    let limits = ndferry_npy::Limits {
        data_nbytes: 16 << 20,
        ..ndferry_npy::Limits::default()
    };
    let npz = match Npz::open(bytes, &limits) {
        Ok(npz) => npz,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for (i, member) in npz.members().iter().enumerate() {
        let mut parts = member.name().split(['/', '\\']);
        assert!(!member.name().starts_with('/') && parts.all(|part| part != ".."));
        let _ = (npz.header(i), npz.read(i), npz.stored_range(i));
        if member.nbytes() > limits.data_nbytes {
            continue;
        }
        let mut streamed = Vec::new();
        let read = npz
            .reader(i)
            .map(|mut reader| std::io::Read::read_to_end(&mut reader, &mut streamed).is_ok());
        let whole = npz.bytes(i);
        assert_eq!(whole.is_ok(), read.unwrap_or(false));
        if let Ok(whole) = whole {
            assert_eq!(whole, streamed);
            let _ = Contents::parse(&whole, &limits);
        }
    }
}

/// A stream of messages means the same however the transport cuts it.
///
/// # Panics
/// The property does not hold.
pub fn npb_same_however_cut(bytes: &[u8]) {
    let whole = events(bytes, None);
    for habit in Habit::ALL {
        assert_eq!(events(bytes, Some(habit)), whole, "{habit:?}");
    }
}

/// What each message meant, up to the first error.
fn events(bytes: &[u8], habit: Option<Habit>) -> Vec<String> {
    let framing = Framing {
        head_nbytes: HEAD_NBYTES,
        frame_nbytes: |head| match Head::parse(head) {
            // No stream here is as long, and nothing is kept for what has not come.
            Ok(head) => Ok(head.message_nbytes()),
            Err(error) => Err(error.to_string()),
        },
    };
    let mut source: Box<dyn FrameSource> = match habit {
        None => Box::new(frames_from(bytes, framing, Interrupt::default())),
        Some(habit) => {
            let awkward = Awkward::new(bytes, habit);
            Box::new(frames_from(awkward, framing, Interrupt::default()))
        }
    };
    let mut decoder = Decoder::new(Limits::PEER, Repeats::Replace);
    let mut events = Vec::new();
    loop {
        let frame = match source.recv() {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            Err(error) => {
                events.push(error.to_string());
                break;
            }
        };
        match decoder.feed(frame) {
            Ok(Event::Block(block)) => events.push(format!("{block:?} {:?}", block.payload)),
            Ok(event) => events.push(format!("{event:?}")),
            Err(error) => {
                events.push(error.to_string());
                break;
            }
        }
    }
    events.push(format!("{} {}", decoder.is_done(), decoder.may_end()));
    events
}

/// A scan of any bytes ends, and finds nothing outside of them.
///
/// # Panics
/// The property does not hold.
pub fn npb_scan_survives_any_bytes(bytes: &[u8]) {
    let nbytes = bytes.len() as u64;
    let mut scanner = Scanner::new(nbytes, Limits::FILE);
    let mut asked = 0;
    while let Some(need) = scanner.need() {
        assert!(need.nbytes > 0 && need.offset + need.nbytes <= nbytes);
        scanner.give(&bytes[need.offset as usize..(need.offset + need.nbytes) as usize]);
        asked += 1;
        assert!(asked <= 2 * bytes.len() + 2, "a scan that does not end");
    }
    let scan = scanner.finish();
    assert!(scan.end <= nbytes);
    assert!(
        scan.damaged
            .iter()
            .all(|range| range.start < range.end && range.end <= nbytes)
    );
    for array in &scan.arrays {
        let _ = array.shape();
        for place in array.places.values() {
            assert!(place.offset + HEAD_NBYTES as u64 + u64::from(place.nbytes) <= nbytes);
        }
    }
}

/// What is read from a pickle and written again, in any protocol and for any NumPy, is the same when it is read again, and
/// when written once more, the same bytes.
///
/// # Panics
/// The property does not hold.
pub fn pickle_write_then_read_is_identity(bytes: &[u8]) {
    let mut machine = Machine::new(bytes.to_vec());
    let Ok(root) = machine.load() else { return };
    let tree = machine.into_tree();
    for protocol in 0..=5 {
        for numpy in [Numpy::Any, Numpy::One, Numpy::Two] {
            let options = WriteOptions {
                protocol,
                numpy,
                ..WriteOptions::default()
            };
            let write = |tree: &Tree, root| TreeWriter::new(tree, options)?.write(root, Vec::new());
            let written = match write(&tree, root) {
                Ok(written) => written,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    continue;
                }
            };
            let mut machine = Machine::new(written.clone());
            let place = format!("protocol {protocol}, {numpy:?}");
            let again = machine
                .load()
                .unwrap_or_else(|error| panic!("{place}: {error}"));
            assert_eq!(machine.offset(), written.len() as u64, "{place}");
            let read = machine.into_tree();
            if let Err(what) = same_values((&tree, root), (&read, again)) {
                panic!("{place}: {what}");
            }
            let once_more = write(&read, again).unwrap_or_else(|error| panic!("{place}: {error}"));
            assert!(once_more == written, "{place}: other bytes the second time");
        }
    }
}

/// Bytes are a pickle or an error, the same from memory and from a file, and nothing is run.
///
/// # Panics
/// The property does not hold.
pub fn pickle_survives_any_bytes(bytes: &[u8]) {
    let shared = Bytes::from(bytes.to_vec());
    let mut machine = Machine::new(shared.clone());
    let limits = ndferry_pickle::Limits::default();
    let mut other = Machine::open(Arc::new(shared), 0, limits, Vec::new());
    // Several may follow one another.
    for _ in 0..4 {
        let (one, two) = (machine.load_on(), other.load_on());
        assert_eq!(one.is_ok(), two.is_ok());
        assert!(machine.offset() <= bytes.len() as u64);
        if let Err(error) = one {
            assert!(!error.to_string().is_empty());
            break;
        }
    }
    let tree = machine.tree();
    assert_eq!(tree.len(), other.tree().len());
    for id in tree.ids() {
        let _ = (tree.get(id).type_name(), tree.global(id), tree.int(id));
        let _ = tree.call(id);
    }
}

/// Bytes can be scanned, whatever they are; of what can be read, every name is found.
///
/// # Panics
/// The property does not hold.
pub fn pickle_scan_finds_what_is_read(bytes: &[u8]) {
    let shared = Bytes::from(bytes.to_vec());
    let mut machine = Machine::new(shared.clone());
    let mut read = 0;
    for _ in 0..4 {
        if machine.load_on().is_err() {
            break;
        }
        read = machine.tree().len();
    }
    let limits = ndferry_pickle::Limits::default();
    let scan = Scan::new(Arc::new(shared), 0, machine.between(), &limits);
    let end = bytes.len() as u64;
    assert!(scan.end <= end);
    assert!(scan.names.iter().all(|name| name.offset < end));
    assert!(scan.errors.iter().all(|error| error.offset <= end));
    let is_limit = |error: &ndferry_pickle::Error| {
        matches!(error.kind, ndferry_pickle::ErrorKind::Limit { .. })
    };
    if scan.errors.iter().any(is_limit) {
        return;
    }
    let found: HashSet<(&str, &str)> = scan
        .names
        .iter()
        .map(|name| (&*name.module, &*name.name))
        .collect();
    // What could never be imported is told as `?`, which is dangerous.
    let is_unknown = |(module, name): &(&str, &str)| *module == "?" || *name == "?";
    if found.iter().any(is_unknown) {
        return;
    }
    let tree = machine.tree();
    for (module, name) in tree.ids().take(read).filter_map(|id| tree.global(id)) {
        assert!(
            found.contains(&(module, name)),
            "{module}.{name} is not found"
        );
    }
}

/// Bytes are a file of arrays or an error, whatever format their first bytes say.
///
/// # Panics
/// The property does not hold.
pub fn file_survives_any_bytes(bytes: &[u8]) {
    let _ = Verdict::of_bytes(&Bytes::from(bytes.to_vec()));
}

/// Bytes are a message of one of the Pyros or an error; a message is written as it was.
///
/// # Panics
/// The property does not hold.
pub fn pyro_message_survives_any_bytes(bytes: &[u8]) {
    let Ok(head) = ndferry_pyro::Head::parse(bytes) else {
        return;
    };
    let rest = Bytes::copy_from_slice(&bytes[head.dialect.head_nbytes()..]);
    let mut limits = ndferry_pyro::Limits::default();
    limits.unpacked_nbytes = 1 << 20;
    // Nobody who has no key signs.
    let key = Some(&b"no key that anybody guesses"[..]);
    assert!(Message::parse(head, rest.clone(), key, &limits).is_err());
    let Ok(message) = Message::parse(head, rest, None, &limits) else {
        return;
    };
    if head.flags.compressed || head.flags.bits(head.dialect) == 0 {
        return;
    }
    let body = Body::from(message.data.clone());
    let again = Message::start(head, message.annotations, &body, None).expect("it was one");
    let again = ndferry_pyro::Head::parse(&again).expect("we wrote it");
    // Of annotations with the same name, the last stays.
    assert_eq!((again.kind, again.seq), (head.kind, head.seq));
    assert_eq!(again.data_nbytes, head.data_nbytes);
}

/// Bytes are a value in serpent or an error; a value that is written again is the same.
///
/// # Panics
/// The property does not hold.
pub fn pyro_serpent_survives_any_bytes(bytes: &[u8]) {
    same_again(Serializer::Serpent, bytes);
}

/// The same of marshal.
///
/// # Panics
/// The property does not hold.
pub fn pyro_marshal_survives_any_bytes(bytes: &[u8]) {
    same_again(Serializer::Marshal, bytes);
}

/// The same of MessagePack.
///
/// # Panics
/// The property does not hold.
pub fn pyro_msgpack_survives_any_bytes(bytes: &[u8]) {
    same_again(Serializer::Msgpack, bytes);
}

/// The same of JSON, which reads complex numbers and NPYs that it has no words for.
///
/// # Panics
/// The property does not hold.
pub fn pyro_json_survives_any_bytes(bytes: &[u8]) {
    same_again(Serializer::Json, bytes);
}

fn same_again(serializer: Serializer, bytes: &[u8]) {
    let mut limits = ndferry_pyro::Limits::default();
    limits.values = 1 << 16;
    let mut decoding = Decoding::new(serializer, limits);
    let data = Bytes::copy_from_slice(bytes);
    // Whatever it is taken for, it is that or an error.
    let _ = (decoding.call(&data), decoding.exception(&data));
    decoding.python2 = true;
    let _ = decoding.value(&data);
    decoding.python2 = false;
    let Ok(value) = decoding.value(&data) else {
        return;
    };
    // An NPY in it is an array or an error.
    let _ = value.to_array();
    let encoding = Encoding::new(Dialect::Pyro5, serializer);
    let again = match encoding.value(&value) {
        Ok(again) => again,
        Err(error) => {
            let is_unsayable = matches!(error.kind, ndferry_pyro::ErrorKind::Unsayable { .. });
            return assert!(
                is_unsayable && serializer == Serializer::Json,
                "it was said before: {error}"
            );
        }
    };
    // What is longer than what it refers to may be beyond the limits.
    if let Ok(back) = decoding.value(&again.to_bytes()) {
        assert_eq!(back.to_string(), value.to_string());
    }
}

/// What name servers answer is names and addresses or an error, and an address is spelled as it is read.
///
/// # Panics
/// The property does not hold.
pub fn pyro_names_survive_any_bytes(bytes: &[u8]) {
    let same = |uri: &Uri| {
        let again: Uri = uri.to_string().parse().expect("an address that was read");
        assert_eq!(&again, uri);
    };
    if let Ok(text) = std::str::from_utf8(bytes) {
        // As it comes by UDP.
        match text.parse::<Uri>() {
            Ok(uri) => same(&uri),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    for serializer in [Serializer::Serpent, Serializer::Json] {
        let decoding = Decoding::new(serializer, ndferry_pyro::Limits::default());
        let Ok(value) = decoding.value(&Bytes::copy_from_slice(bytes)) else {
            continue;
        };
        if let Ok(uri) = Uri::of_value(&value) {
            same(&uri);
        }
        if let Ok(names) = NameServer::names_of(&value) {
            names.iter().for_each(|(_, uri)| same(uri));
        }
    }
}
