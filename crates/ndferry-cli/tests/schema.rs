//! What `info --json` and `scan --json` print is what `docs/info.schema.json` and `docs/scan.schema.json` say.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ndferry::{Array, Dtype, Item, LazyArray, Order, SaveOptions, save};
use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../../docs/info.schema.json");

const SCAN_SCHEMA: &str = include_str!("../../../docs/scan.schema.json");

#[test]
fn every_line_keeps_to_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let output = Command::new(env!("CARGO_BIN_EXE_ndferry"))
        .args(["info", "--json", "--sha256"])
        .args(&files)
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), files.len());
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        if let Err(problem) = check(&schema, &schema, &value) {
            panic!("{problem}\n{line}");
        }
        // Only keys that the schema describes.
        let known = |keys: &Value, object: &Value| {
            for key in object.as_object().unwrap().keys() {
                assert!(
                    keys["properties"][key].is_object(),
                    "{key} is not in the schema\n{line}"
                );
            }
        };
        known(&schema, &value);
        for member in value["members"].as_array().unwrap() {
            known(&schema["$defs"]["member"], member);
        }
    }
}

#[test]
fn every_line_of_a_scan_keeps_to_its_schema() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = files(folder.path());
    // Of a folder there is a line for each file.
    files.retain(|path| path.is_file());
    let nested = b"\x80\x03C\x10\x80\x02cos\nsystem\n)R.C\x00\x85.";
    for (name, bytes) in [
        ("shell.pkl", &b"cos\nsystem\n)R."[..]),
        ("nested.pkl", nested),
        ("cut.pkl", b"\x80\x02cos"),
        ("search.pkl", b"N\xffcos\nsystem\n."),
        ("empty.pkl", b""),
        ("text.txt", b"text"),
    ] {
        fs::write(folder.path().join(name), bytes).unwrap();
        files.push(folder.path().join(name));
    }
    let output = Command::new(env!("CARGO_BIN_EXE_ndferry"))
        .args(["scan", "--json"])
        .args(&files)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let schema: Value = serde_json::from_str(SCAN_SCHEMA).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), files.len());
    for word in [
        "dangerous",
        "unreadable",
        "clean",
        "no-pickle",
        "string",
        "search",
    ] {
        assert!(text.contains(&format!("\"{word}\"")), "{word}\n{text}");
    }
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        if let Err(problem) = check(&schema, &schema, &value) {
            panic!("{problem}\n{line}");
        }
        let defs = &schema["$defs"];
        for (keys, objects) in [
            (&schema, &json!([value])),
            (&defs["global"], &value["globals"]),
            (&defs["problem"], &value["problems"]),
        ] {
            for object in objects.as_array().unwrap() {
                for key in object.as_object().unwrap().keys() {
                    assert!(keys["properties"][key].is_object(), "{key}\n{line}");
                }
            }
        }
    }
}

#[test]
fn the_schema_refuses_what_is_wrong() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let good = json!({"source": "a", "container": "npy", "nbytes": 1, "safety": "clean", "members": [
        {"path": "", "dtype": [["x", "<f8", [2]]], "shape": [3], "order": "C", "nbytes": "9007199254740993", "sha256": null},
    ]});
    check(&schema, &schema, &good).unwrap();
    for (pointer, wrong) in [
        ("/container", json!("zip")),
        ("/nbytes", json!(-1)),
        ("/members/0/shape", json!([3.5])),
        ("/members/0/order", json!("A")),
        ("/members/0/nbytes", json!("many")),
        ("/members/0/sha256", json!("abc")),
        ("/members/0/dtype", json!([["x"]])),
        ("/members", json!({})),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = wrong;
        assert!(check(&schema, &schema, &bad).is_err(), "{pointer}");
    }
}

/// One file of each kind that is written without Python, and the pickles of the demo.
fn files(folder: &Path) -> Vec<PathBuf> {
    let bytes: Vec<u8> = (0..96).collect();
    let array = |dtype: &str, shape: &[usize], order| {
        let dtype = Dtype::parse(dtype).unwrap();
        let nbytes = shape.iter().product::<usize>() * dtype.itemsize();
        LazyArray::from(Array::contiguous(dtype, shape, order, bytes[..nbytes].to_vec()).unwrap())
    };
    let (a, b) = (
        array("<u2", &[3, 4], Order::F),
        array("M8[us]", &[2], Order::C),
    );
    let items = [
        Item {
            name: "a",
            array: &a,
        },
        Item {
            name: "b",
            array: &b,
        },
    ];
    let mut files = Vec::new();
    for (name, items, codec) in [
        ("a.npy", &items[..1], "none"),
        ("a.npz", &items, "none"),
        ("deflated.npz", &items, "deflate"),
        ("a.npb", &items[..1], "zstd"),
        ("two.npb", &items, "lz4"),
        ("a.zarr", &items[..1], "zstd"),
    ] {
        let mut options = SaveOptions::default();
        options.packing.codec = codec.parse().unwrap();
        save(folder.join(name), items, &options, &()).unwrap();
        files.push(folder.join(name));
    }
    for (name, descr) in [
        (
            "struct.npy",
            "[('x', '<f4', (2,)), (('title', 'y'), [('z', '|S3')]), ('', '|V5')]",
        ),
        ("objects.npy", "'|O'"),
    ] {
        let head = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (2,), }}\n");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((head.len() as u16).to_le_bytes());
        file.extend(head.as_bytes());
        // The data of the struct, and what NumPy 1 pickles for `[None, 1]` as objects.
        file.extend(if name == "objects.npy" {
            [
                &b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R"[..],
                b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02O8K\0K\x01\x87R",
                b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89](NK\x01etb.",
            ]
            .concat()
        } else {
            vec![0; 32]
        });
        fs::write(folder.join(name), file).unwrap();
        files.push(folder.join(name));
    }
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/demo");
    let names = ["stack-numpy1.pkl", "stack-numpy2.pkl", "stack-python2.pkl"];
    files.extend(names.map(|name| demo.join(name)));
    files
}

/// Whether a value keeps to a schema: as much of JSON Schema as ours uses. Any other keyword panics.
fn check(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    for (keyword, rule) in schema.as_object().unwrap() {
        let good = match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
                check(root, root.pointer(pointer).unwrap(), value)?;
                true
            }
            "type" => match rule {
                Value::Array(types) => types.iter().any(|name| is(name, value)),
                name => is(name, value),
            },
            "enum" => rule.as_array().unwrap().contains(value),
            "anyOf" => {
                let mut options = rule.as_array().unwrap().iter();
                options.any(|option| check(root, option, value).is_ok())
            }
            "minimum" => value.as_f64().is_none_or(|n| n >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|n| n <= rule.as_f64().unwrap()),
            "pattern" => value
                .as_str()
                .is_none_or(|text| is_like(text, rule.as_str().unwrap())),
            "required" => {
                let mut keys = rule.as_array().unwrap().iter();
                value.is_object() && keys.all(|key| value.get(key.as_str().unwrap()).is_some())
            }
            "properties" => {
                for (key, rule) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(key) {
                        check(root, rule, value).map_err(|problem| format!("{key}: {problem}"))?;
                    }
                }
                true
            }
            "prefixItems" => {
                let items = value.as_array().into_iter().flatten();
                for (rule, item) in rule.as_array().unwrap().iter().zip(items) {
                    check(root, rule, item)?;
                }
                true
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    check(root, rule, item)?;
                }
                true
            }
            "minItems" => value
                .as_array()
                .is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
            "maxItems" => value
                .as_array()
                .is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
            other => panic!("this test does not know the keyword {other}"),
        };
        if !good {
            return Err(format!("{value} is against {keyword} {rule}"));
        }
    }
    Ok(())
}

fn is(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("this test does not know the type {other}"),
    }
}

/// The two regular expressions of the schema.
fn is_like(text: &str, pattern: &str) -> bool {
    match pattern {
        "^[0-9]+$" => !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()),
        "^[0-9a-f]{64}$" => {
            text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        }
        other => panic!("this test does not know the pattern {other}"),
    }
}
