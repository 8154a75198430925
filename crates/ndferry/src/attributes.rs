//! [`Attributes`]: what is attached to an array in an NPB file or stream.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{ErrorKind, Result};

/// The key under which the array's name travels, which is not an attribute here.
const NAME: &str = "name";

/// Values nested deeper than this are refused, as `serde_json` does.
const DEPTH: u32 = 127;

/// A JSON object that belongs to an array: `axes`, `spacing`, `units`, whatever somebody wants to keep beside the
/// elements. ndferry does not look into it, and hands it on as it is, to the digit. NPB carries it (HEADER 1), and no
/// other format here does.
///
/// ```
/// let attributes = ndferry::Attributes::parse(r#"{"axes": "TYX", "spacing": [1, 0.5, 0.5]}"#)?;
/// assert_eq!(attributes.get("axes"), Some("TYX".into()));
/// assert!(ndferry::Attributes::parse(r#"{"axes": "TYX", "axes": "YX"}"#).is_err());
/// # Ok::<_, ndferry::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    /// Keys in their order, values as they were spelt.
    entries: Arc<[(String, Box<RawValue>)]>,
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        let text = |entries: &[(String, Box<RawValue>)]| -> Vec<(String, String)> {
            let entries = entries.iter();
            entries
                .map(|(key, value)| (key.clone(), value.get().to_owned()))
                .collect()
        };
        text(&self.entries) == text(&other.entries)
    }
}

impl Attributes {
    /// Strict JSON: one object, no key twice in it nor in any object within. A key `name` is left out: that is the array's.
    ///
    /// # Errors
    /// [`ErrorKind::Attributes`].
    pub fn parse(json: &str) -> Result<Self> {
        Ok(Self::with_name(json.as_bytes())?.1)
    }

    /// A header block's, with the name.
    pub(crate) fn with_name(json: &[u8]) -> Result<(String, Self)> {
        let wrong = |error: serde_json::Error| ErrorKind::Attributes {
            problem: error.to_string(),
        };
        let mut strict = serde_json::Deserializer::from_slice(json);
        Unique(DEPTH).deserialize(&mut strict).map_err(wrong)?;
        strict.end().map_err(wrong)?;
        let mut again = serde_json::Deserializer::from_slice(json);
        let mut entries = again.deserialize_map(Entries).map_err(wrong)?;
        let name = entries.iter().position(|(key, _)| key == NAME);
        let name = name.map(|at| entries.remove(at).1);
        let name = name.map(|value| serde_json::from_str::<String>(value.get()));
        let name = name.transpose().map_err(wrong)?.unwrap_or_default();
        Ok((
            name,
            Self {
                entries: entries.into(),
            },
        ))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<Value> {
        let (_, value) = self.entries.iter().find(|(own, _)| own == key)?;
        serde_json::from_str(value.get()).ok()
    }

    /// The same with this value under a key, which is not `name`.
    #[must_use]
    pub fn with(&self, key: &str, value: &Value) -> Self {
        let own = self.entries.iter().filter(|(own, _)| own != key).cloned();
        // A value always is JSON.
        let value = RawValue::from_string(value.to_string()).ok();
        let entries = own.chain(value.map(|value| (key.to_owned(), value)));
        Self {
            entries: entries.collect(),
        }
    }

    /// The keys, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(key, _)| &key[..])
    }

    /// The header block for an array of this name.
    pub(crate) fn header(&self, name: &str) -> Vec<u8> {
        let name = (!name.is_empty()).then(|| (NAME, Value::from(name).to_string()));
        let own = self.entries.iter();
        let own = own.map(|(key, value)| (&key[..], value.get().to_owned()));
        let entries: Vec<String> = (name.into_iter().chain(own))
            .map(|(key, value)| format!("{}:{value}", Value::from(key)))
            .collect();
        format!("{{{}}}", entries.join(",")).into_bytes()
    }
}

/// As JSON.
impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.header("")))
    }
}

/// The entries of an object.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(String, Box<RawValue>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(
        self,
        mut map: M,
    ) -> std::result::Result<Self::Value, M::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// Any value without a key twice in an object.
#[derive(Clone, Copy)]
struct Unique(u32);

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> std::result::Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl Unique {
    fn inner<E: serde::de::Error>(self) -> std::result::Result<Self, E> {
        let depth = self.0.checked_sub(1);
        depth.map(Self).ok_or_else(|| E::custom("nested too deep"))
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<(), M::Error> {
        let (mut keys, inner) = (HashSet::new(), self.inner()?);
        while let Some(key) = map.next_key::<String>()? {
            if !keys.insert(key.clone()) {
                return Err(M::Error::custom(format_args!("key {key:?} twice")));
            }
            map.next_value_seed(inner)?;
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> std::result::Result<(), S::Error> {
        let inner = self.inner()?;
        while seq.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> std::result::Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_handed_on_to_the_digit_and_apart_from_the_name() {
        let json = r#"{"b": 123456789012345678901234567890, "name": "x.1", "a": [1.50, {"float": "nan"}]}"#;
        let (name, attributes) = Attributes::with_name(json.as_bytes()).unwrap();
        assert_eq!(name, "x.1");
        assert_eq!(
            attributes.to_string(),
            r#"{"b":123456789012345678901234567890,"a":[1.50, {"float": "nan"}]}"#
        );
        let header = attributes.header("a \"b\"");
        let (name, again) = Attributes::with_name(&header).unwrap();
        assert_eq!((&name[..], &again), ("a \"b\"", &attributes));
        assert_eq!(attributes.keys().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(attributes.get("c"), None);
        assert_eq!(Attributes::default().header(""), b"{}");
    }

    #[test]
    fn what_is_not_strict_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for json in [
            "",
            "[]",
            "1",
            "{",
            "{} x",
            "{'a': 1}",
            "{\"a\": NaN}",
            "{\"a\": 1,}",
            "{\"a\": 1, \"a\": 1}",
            "{\"a\": {\"b\": 1, \"\\u0062\": 2}}",
            "{\"name\": 7}",
            &deep,
        ] {
            assert!(Attributes::parse(json).is_err(), "{json}");
        }
        assert!(Attributes::with_name(b"{\"a\": \"\xff\"}").is_err());
    }
}
