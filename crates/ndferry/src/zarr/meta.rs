//! `zarr.json`: what an array or a group is.

use std::path::PathBuf;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::codecs::Codecs;
use super::{dtype, fill, unsupported, wrong};
use crate::{Attributes, Dtype, Result};

/// What a `zarr.json` describes.
#[derive(Debug)]
pub(super) enum Node {
    Group,
    Array(Box<Meta>),
}

/// An array.
#[derive(Clone, Debug)]
pub(super) struct Meta {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<u64>,
    /// Extents of what one file holds.
    pub(super) chunk: Vec<u64>,
    pub(super) keys: Keys,
    /// One element that was never written.
    pub(super) fill: Vec<u8>,
    pub(super) codecs: Codecs,
    pub(super) attributes: Attributes,
}

/// How a chunk's file is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    /// As Zarr 2 did, without `c` in front.
    is_old: bool,
    separator: char,
}

/// What may stand in the description of an array.
const KNOWN: [&str; 11] = [
    "zarr_format",
    "node_type",
    "shape",
    "data_type",
    "chunk_grid",
    "chunk_key_encoding",
    "fill_value",
    "codecs",
    "attributes",
    "storage_transformers",
    "dimension_names",
];

impl Keys {
    /// As `zarr-python` writes.
    pub(super) const DEFAULT: Self = Self {
        is_old: false,
        separator: '/',
    };

    /// The file of a chunk, within the array's folder.
    pub(super) fn path(self, place: &[u64]) -> PathBuf {
        let numbers = place.iter().map(ToString::to_string);
        let mut words: Vec<String> = match self.is_old {
            true if place.is_empty() => vec!["0".to_owned()],
            true => Vec::new(),
            false => vec!["c".to_owned()],
        };
        words.extend(numbers);
        match self.separator {
            '/' => words.iter().collect(),
            separator => words.join(&separator.to_string()).into(),
        }
    }
}

/// Numbers that are extents.
pub(super) fn extents(value: &Value) -> Option<Vec<u64>> {
    let extents = value.as_array()?.iter();
    extents.map(Value::as_u64).collect()
}

impl Node {
    /// Of a file's bytes.
    pub(super) fn parse(json: &[u8]) -> Result<Self> {
        let bad = |error: serde_json::Error| wrong(format!("zarr.json: {error}"));
        let value: Value = serde_json::from_slice(json).map_err(bad)?;
        match (
            value.get("zarr_format").and_then(Value::as_u64),
            kind(&value),
        ) {
            (Some(3), Some("group")) => Ok(Self::Group),
            (Some(3), Some("array")) => {
                let mut meta = Meta::parse(&value)?;
                // As they are spelled, to the digit.
                let parts: Parts<'_> = serde_json::from_slice(json).map_err(bad)?;
                if let Some(attributes) = parts.attributes {
                    meta.attributes = Attributes::parse(attributes.get())?;
                }
                Ok(Self::Array(Box::new(meta)))
            }
            (Some(3), _) => Err(wrong("zarr.json of neither a group nor an array").into()),
            (Some(format), _) => Err(unsupported(format!("version {format} of Zarr")).into()),
            (None, _) => Err(wrong("zarr.json without zarr_format").into()),
        }
    }
}

fn kind(value: &Value) -> Option<&str> {
    value.get("node_type").and_then(Value::as_str)
}

#[derive(serde::Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
}

impl Meta {
    fn parse(value: &Value) -> Result<Self> {
        let object = value
            .as_object()
            .ok_or_else(|| wrong("zarr.json is no object"))?;
        for (key, value) in object {
            let may_be_ignored = value.get("must_understand") == Some(&Value::Bool(false));
            if !KNOWN.contains(&&key[..]) && !may_be_ignored {
                return Err(
                    unsupported(format!("{key:?} in the description of a Zarr array")).into(),
                );
            }
        }
        let get = |key: &str| {
            let value = object.get(key);
            value.ok_or_else(|| wrong(format!("an array without {key}")))
        };
        if let Some(transformers) = object.get("storage_transformers")
            && transformers.as_array().is_none_or(|list| !list.is_empty())
        {
            return Err(unsupported("a storage transformer").into());
        }
        let shape =
            extents(get("shape")?).ok_or_else(|| wrong("a shape that is no list of extents"))?;
        let grid = dtype::named(get("chunk_grid")?);
        let chunk = match grid {
            Some(("regular", Some(configuration))) => configuration.get("chunk_shape"),
            Some((name, _)) if name != "regular" => {
                return Err(unsupported(format!("the chunk grid {name:?}")).into());
            }
            _ => None,
        };
        let chunk = chunk.and_then(extents);
        let chunk = chunk.filter(|chunk| chunk.len() == shape.len() && !chunk.contains(&0));
        let chunk = chunk.ok_or_else(|| wrong("a chunk shape that does not suit the array's"))?;
        let codecs = Codecs::parse(get("codecs")?, shape.len())?;
        let mut element = dtype::parse(get("data_type")?)?;
        let endian = match &codecs.shard {
            Some(shard) => shard.codecs.endian,
            None => codecs.endian,
        };
        match endian {
            Some(order) => element = element.with_byteorder(order),
            None if dtype::endian(&element)?.is_some() => {
                return Err(wrong("numbers of several bytes without a byte order").into());
            }
            None => {}
        }
        let fill = fill::parse(get("fill_value")?, &element)?;
        Ok(Self {
            fill,
            dtype: element,
            shape,
            chunk,
            keys: keys(get("chunk_key_encoding")?)?,
            codecs,
            attributes: Attributes::default(),
        })
    }

    /// The description, for a file.
    pub(super) fn described(&self) -> Result<String> {
        let (data_type, fill_value) = dtype::described(&self.dtype)?;
        let chunk_grid =
            json!({ "name": "regular", "configuration": { "chunk_shape": self.chunk } });
        let keys = json!({ "name": "default", "configuration": { "separator": "/" } });
        let entries = [
            ("zarr_format", json!(3)),
            ("node_type", json!("array")),
            ("shape", json!(self.shape)),
            ("data_type", data_type),
            ("chunk_grid", chunk_grid),
            ("chunk_key_encoding", keys),
            ("fill_value", fill_value),
            ("codecs", self.codecs.described()),
            ("storage_transformers", json!([])),
        ];
        let mut text = "{\n".to_owned();
        for (key, value) in entries {
            text += &format!("  \"{key}\": {value},\n");
        }
        Ok(text + &format!("  \"attributes\": {}\n}}\n", self.attributes))
    }
}

/// The description of a group.
pub(super) const GROUP: &str =
    "{\n  \"zarr_format\": 3,\n  \"node_type\": \"group\",\n  \"attributes\": {}\n}\n";

fn keys(value: &Value) -> Result<Keys> {
    let (name, configuration) =
        dtype::named(value).ok_or_else(|| wrong("chunk keys without a name"))?;
    let (is_old, default) = match name {
        "default" => (false, "/"),
        "v2" => (true, "."),
        name => return Err(unsupported(format!("chunk keys called {name:?}")).into()),
    };
    let separator = configuration.and_then(|value| value.get("separator"));
    let separator = separator.map_or(Some(default), Value::as_str);
    match separator {
        Some("/") => Ok(Keys {
            is_old,
            separator: '/',
        }),
        Some(".") => Ok(Keys {
            is_old,
            separator: '.',
        }),
        _ => Err(wrong("a separator that is neither a slash nor a point").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `zarr-python` 3.4 wrote it, but for what is changed.
    fn parsed(change: impl Fn(&mut Value)) -> Result<Meta> {
        let mut value = json!({
            "shape": [4, 5], "data_type": "uint16",
            "chunk_grid": { "name": "regular", "configuration": { "chunk_shape": [2, 3] } },
            "chunk_key_encoding": { "name": "default", "configuration": { "separator": "/" } },
            "fill_value": 7,
            "codecs": [
                { "name": "bytes", "configuration": { "endian": "big" } },
                { "name": "zstd", "configuration": { "level": 0, "checksum": false } },
            ],
            "attributes": { "gain": 3.25 }, "zarr_format": 3, "node_type": "array",
            "storage_transformers": [],
        });
        change(&mut value);
        match Node::parse(value.to_string().as_bytes())? {
            Node::Array(meta) => Ok(*meta),
            Node::Group => panic!("a group"),
        }
    }

    #[test]
    fn a_description_is_read_as_zarr_python_writes_it() {
        let meta = parsed(|_| {}).unwrap();
        assert_eq!(
            (meta.dtype.str(), &meta.fill[..]),
            (">u2".to_owned(), &[0, 7][..])
        );
        assert_eq!(
            (&meta.shape[..], &meta.chunk[..]),
            (&[4, 5][..], &[2, 3][..])
        );
        assert_eq!(meta.attributes.to_string(), r#"{"gain":3.25}"#);
        assert_eq!(meta.keys.path(&[1, 0]), PathBuf::from("c/1/0"));
        assert_eq!(meta.keys.path(&[]), PathBuf::from("c"));
        let old = json!({ "name": "v2" });
        let meta = parsed(|value| value["chunk_key_encoding"] = old.clone()).unwrap();
        assert_eq!(meta.keys.path(&[1, 0]), PathBuf::from("1.0"));
        assert_eq!(meta.keys.path(&[]), PathBuf::from("0"));
        let ignored = json!({ "must_understand": false });
        parsed(|value| value["more"] = ignored.clone()).unwrap();
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let changes: [(&str, Value); 14] = [
            ("zarr_format", json!(2)),
            ("node_type", json!("tree")),
            ("shape", json!([4, -5])),
            ("shape", json!([4])),
            ("data_type", json!("int4")),
            ("data_type", json!({ "name": "fixed_length_utf32" })),
            ("fill_value", json!(70_000)),
            (
                "chunk_grid",
                json!({ "name": "rectilinear", "configuration": {} }),
            ),
            (
                "chunk_grid",
                json!({ "name": "regular", "configuration": { "chunk_shape": [0, 1] } }),
            ),
            ("codecs", json!([{ "name": "bytes" }])),
            ("codecs", json!([{ "name": "blosc" }])),
            ("codecs", json!([])),
            ("storage_transformers", json!([{ "name": "secret" }])),
            ("more", json!(1)),
        ];
        for (key, to) in changes {
            let error = parsed(|value| value[key] = to.clone());
            assert!(error.is_err(), "{key}: {to}");
        }
    }
}
