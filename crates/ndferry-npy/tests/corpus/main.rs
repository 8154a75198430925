//! Real NPY and NPZ files, written by many NumPys, against what NumPy says they hold.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod values;

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use ndferry_array::{Array, ByteOrder, Descr, DescrField, Dtype, Order};
use ndferry_npy::{Contents, Header, Limits, Npz, NpzWriter, Packing, Version};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The corpus and what is in it, if it is there.
fn corpus() -> Option<(PathBuf, Vec<Value>)> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
    let root = std::env::var("NDFERRY_CORPUS").unwrap_or_else(|_| default.to_owned());
    let root = PathBuf::from(root).join("npy");
    let Ok(manifest) = fs::read_to_string(root.join("manifest.json")) else {
        println!("skipped: no corpus at {}", root.display());
        return None;
    };
    Some((root, serde_json::from_str(&manifest).unwrap()))
}

fn sha256(bytes: &[u8]) -> String {
    let hex = |byte: &u8| format!("{byte:02x}");
    Sha256::digest(bytes).iter().map(hex).collect()
}

/// The dtype that the manifest gives, whose lists stand for lists and tuples.
fn dtype(descr: &Value) -> Dtype {
    Dtype::from_descr(&to_descr(descr)).unwrap()
}

fn to_descr(descr: &Value) -> Descr {
    let Value::Array(fields) = descr else {
        return Descr::Str(descr.as_str().unwrap().to_owned());
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let field = |field: &Value| DescrField {
        name: match &field[0] {
            Value::Array(pair) => text(&pair[1]),
            name => text(name),
        },
        title: field[0][0].as_str().map(str::to_owned),
        descr: to_descr(&field[1]),
        shape: match field.get(2) {
            Some(Value::Number(n)) => Some(vec![n.as_u64().unwrap() as usize]),
            Some(shape) => Some(serde_json::from_value(shape.clone()).unwrap()),
            None => None,
        },
    };
    Descr::Fields(fields.iter().map(field).collect())
}

/// What differs between what we read and what the manifest says.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn check<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, ours: T, theirs: T) {
        if ours != theirs {
            self.0.push(format!("{what}: {ours:?}, not {theirs:?}"));
        }
    }

    fn header(&mut self, header: &Header, start: usize, entry: &Value) {
        let theirs = &entry["header"];
        self.check(
            "shape",
            serde_json::json!(header.shape),
            entry["shape"].clone(),
        );
        self.check("dtype", &header.dtype, &dtype(&theirs["descr"]));
        self.check(
            "itemsize",
            Some(header.dtype.itemsize() as u64),
            entry["itemsize"].as_u64(),
        );
        self.check(
            "data_offset",
            Some(start as u64),
            entry["data_offset"].as_u64(),
        );
        self.check(
            "order",
            Some(header.order == Order::F),
            theirs["fortran_order"].as_bool(),
        );
        let version = match entry["version"][0].as_u64() {
            Some(1) => Version::V1,
            Some(2) => Version::V2,
            _ => Version::V3,
        };
        self.check("version", header.version, version);
    }

    fn array(&mut self, array: &Array, entry: &Value) {
        let c = array.view().to_bytes(Order::C).unwrap();
        self.check(
            "sha256",
            Some(sha256(&c).as_str()),
            entry["sha256_c"].as_str(),
        );
        if let Some(theirs) = entry["sha256_c_le"].as_str() {
            let little = array.view().to_byteorder(ByteOrder::Little).unwrap();
            let c = little.view().to_bytes(Order::C).unwrap();
            self.check("sha256, little-endian", sha256(&c).as_str(), theirs);
        }
        if let Some(theirs) = entry["values"].as_array() {
            self.check("values", &values::values(array), theirs);
        }
    }

    fn end(self) -> Result<(), String> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(self.0.join("; ")),
        }
    }
}

fn npy(bytes: &Bytes, entry: &Value) -> Result<(), String> {
    let said = |error: ndferry_npy::Error| error.to_string();
    let mut differences = Differences::default();
    let (header, start) = Header::parse(bytes).map_err(said)?;
    differences.header(&header, start, entry);
    let (contents, end) = Contents::parse(bytes, &Limits::default()).map_err(said)?;
    let Contents::Array(array) = contents else {
        return Err("not an array".to_owned());
    };
    differences.array(&array, entry);
    let trailing = entry["trailing_bytes"].as_u64().unwrap_or(0);
    differences.check("trailing bytes", (bytes.len() - end) as u64, trailing);
    // The same from a stream.
    let mut stream = &bytes[..];
    let streamed = ndferry_npy::read(&mut stream, &Limits::default()).map_err(said)?;
    differences.check("left in the stream", stream.len() as u64, trailing);
    differences.check("streamed bytes", streamed.bytes(), array.bytes());
    differences.end()
}

fn npz(bytes: &Bytes, entry: &Value) -> Result<(), String> {
    let said = |error: ndferry_npy::Error| error.to_string();
    let mut differences = Differences::default();
    let archive = Npz::open(bytes.clone(), &Limits::default()).map_err(said)?;
    let theirs = entry["members"].as_array().unwrap();
    differences.check("members", archive.members().len(), theirs.len());
    for (i, (member, theirs)) in archive.members().iter().zip(theirs).enumerate() {
        differences.check("file", Some(member.file()), theirs["file"].as_str());
        let method = u64::from(member.method().number());
        differences.check("method", Some(method), theirs["method"].as_u64());
        differences.check("size", Some(member.nbytes()), theirs["size"].as_u64());
        let (header, start) = archive.header(i).map_err(said)?;
        differences.header(&header, start, &theirs["array"]);
        let Contents::Array(array) = archive.read(i).map_err(said)? else {
            return Err("not an array".to_owned());
        };
        differences.array(&array, &theirs["array"]);
        // The same from a stream.
        let mut stream = archive.reader(i).map_err(said)?;
        let streamed = ndferry_npy::read(&mut stream, &Limits::default()).map_err(said)?;
        differences.check("left in the stream", stream.left(), 0);
        differences.check("streamed bytes", streamed.bytes(), array.bytes());
    }
    differences.end()
}

fn read(path: &str, bytes: &Bytes, entry: &Value) -> Result<(), String> {
    match path.ends_with(".npz") {
        true => npz(bytes, entry),
        false => npy(bytes, entry),
    }
}

/// Whether the newest NumPy writes exactly these bytes. What zlib packs, we pack otherwise.
fn is_todays(entry: &Value) -> bool {
    let list = |key: &str| entry[key].as_array().into_iter().flatten();
    let right = match entry["expect"].as_str() {
        Some("array") => entry["trailing_bytes"].as_u64().unwrap_or(0) == 0,
        expected => expected == Some("archive"),
    };
    let newest = list("made_by").any(|maker| maker == "numpy-2.4.6");
    right && newest && list("members").all(|member| member["method"] == 0)
}

/// What we make of a file's arrays.
fn written(path: &str, bytes: &Bytes) -> Vec<u8> {
    let mut file = Vec::new();
    if !path.ends_with(".npz") {
        let (array, _) = ndferry_npy::parse(bytes, &Limits::default()).unwrap();
        ndferry_npy::write(&mut file, &array.view()).unwrap();
        return file;
    }
    let archive = Npz::open(bytes.clone(), &Limits::default()).unwrap();
    let mut writer = NpzWriter::new(file, Packing::Stored);
    for (i, member) in archive.members().iter().enumerate() {
        let Contents::Array(array) = archive.read(i).unwrap() else {
            panic!("{path}: not an array");
        };
        writer.add(member.name(), &array.view()).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn every_file_is_what_numpy_says() {
    let Some((root, entries)) = corpus() else {
        return;
    };
    let (mut arrays, mut archives, mut refused, mut either, mut same) = (0, 0, 0, 0, 0);
    let mut misses = Vec::new();
    for entry in &entries {
        let path = entry["path"].as_str().unwrap();
        let bytes = Bytes::from(fs::read(root.join(path)).unwrap());
        if is_todays(entry) {
            match written(path, &bytes) == bytes {
                true => same += 1,
                false => misses.push(format!("{path}: written back, it is another file")),
            }
        }
        let count = match entry["expect"].as_str().unwrap() {
            "array" | "archive" => match read(path, &bytes, entry) {
                Ok(()) if path.ends_with(".npz") => &mut archives,
                Ok(()) => &mut arrays,
                Err(why) => {
                    misses.push(format!("{path}: {why}"));
                    continue;
                }
            },
            expected => match Contents::parse(&bytes, &Limits::default()) {
                Err(_) if expected == "error" => &mut refused,
                // The manifest does not say what a right reading is; we refuse all of these.
                Err(_) => &mut either,
                Ok(_) => {
                    misses.push(format!("{path}: accepted, but {expected} is expected"));
                    continue;
                }
            },
        };
        *count += 1;
    }
    println!(
        "corpus: {arrays} arrays and {archives} archives right, {refused} refused as they must be, {either} as they \
         may be, {} missed; {same} written back byte for byte",
        misses.len()
    );
    assert!(misses.is_empty(), "{}", misses.join("\n"));
    assert!(arrays > 0 && archives > 0 && refused > 0 && same > 0);
}
