//! [`Metadata`]: what an object has.

use crate::Value;

/// What an object lets others use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Methods.
    pub methods: Vec<String>,
    /// Those among them whose result nobody waits for.
    pub oneway: Vec<String>,
    /// Attributes.
    pub attrs: Vec<String>,
}

impl Metadata {
    /// Methods and attributes of these names.
    pub fn new(methods: &[&str], attrs: &[&str]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            methods: owned(methods),
            oneway: Vec::new(),
            attrs: owned(attrs),
        }
    }

    /// As daemons say it.
    pub(crate) fn to_value(&self) -> Value {
        let list = |names: &[String]| Value::list(names.iter().map(String::as_str));
        Value::dict([
            ("methods", list(&self.methods)),
            ("oneway", list(&self.oneway)),
            ("attrs", list(&self.attrs)),
        ])
    }

    /// From what a daemon says; `None` if it says something else.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let names = |key| {
            let mut names: Vec<String> = Vec::new();
            for name in value.get(key)?.as_items()? {
                names.push(name.as_str()?.to_owned());
            }
            names.sort_unstable();
            Some(names)
        };
        Some(Self {
            methods: names("methods")?,
            oneway: names("oneway")?,
            attrs: names("attrs")?,
        })
    }
}
