//! [`NameTable`]: a name server's names, as an object that programs call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::name_server::NAME_SERVER;
use crate::served::no_attribute;
use crate::{Exception, Metadata, Outcome, Returned, Served, Uri, Value};

/// Names at a time.
const NAMES: usize = 100_000;

/// Bytes of all names, addresses and tags; they are few, but whoever reaches a name server may register more.
const NBYTES: usize = 64 << 20;

/// Where objects are, by their names: what Pyro's own name servers are to programs of Pyro4 and Pyro5, in memory. Serve it
/// as [`Self::OBJECT`].
///
/// Names are found by prefix and by tags, not by regular expressions.
#[derive(Debug, Default)]
pub struct NameTable(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    names: BTreeMap<String, Entry>,
    nbytes: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    uri: Uri,
    tags: BTreeSet<String>,
}

/// What of the names a call is about.
enum Wanted {
    All,
    Prefix(String),
    /// All of these tags.
    EachOf(BTreeSet<String>),
    AnyOf(BTreeSet<String>),
}

impl NameTable {
    /// What programs look for.
    pub const OBJECT: &'static str = NAME_SERVER;

    /// A table without names.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says where an object is, as programs do by `register`.
    ///
    /// # Errors
    /// Too many names.
    pub fn register(&self, name: &str, uri: Uri) -> Outcome<()> {
        let tags = BTreeSet::new();
        self.table().put(name, Entry { uri, tags })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Served for NameTable {
    fn metadata(&self) -> Metadata {
        let methods = [
            "count",
            "list",
            "lookup",
            "ping",
            "register",
            "remove",
            "set_metadata",
            "yplookup",
        ];
        Metadata::new(&methods, &[])
    }

    fn call(
        &self,
        method: &str,
        args: Vec<Value>,
        kwargs: Vec<(String, Value)>,
    ) -> Outcome<Returned> {
        let given = |names: &[&str]| Given::new(method, names, args, kwargs);
        let mut table = self.table();
        Ok(match method {
            "ping" => Value::None.into(),
            "count" => (table.names.len() as i64).into(),
            "lookup" => {
                let given = given(&["name", "return_metadata"])?;
                let name = given.text("name")?;
                let entry = table.names.get(name).ok_or_else(|| unknown(name))?;
                let uri = Value::from(entry.uri.clone());
                match given.is_true("return_metadata") {
                    true => Value::Tuple(vec![uri, tags(entry)]).into(),
                    false => uri.into(),
                }
            }
            "register" => {
                let given = given(&["name", "uri", "safe", "metadata"])?;
                let name = given.text("name")?;
                let uri = match given.get("uri") {
                    Value::Uri(uri) => Uri::clone(uri),
                    _ => given.text("uri")?.parse().map_err(|error| {
                        Exception::new("builtins.ValueError", format!("{error}"))
                    })?,
                };
                let tags = given.tags("metadata")?;
                if given.is_true("safe") && table.names.contains_key(name) {
                    return Err(naming(format!("name already registered: {name}")));
                }
                table.put(name, Entry { uri, tags })?;
                Value::None.into()
            }
            "set_metadata" => {
                let given = given(&["name", "metadata"])?;
                let name = given.text("name")?;
                let entry = table.names.get(name).ok_or_else(|| unknown(name))?;
                let (uri, tags) = (entry.uri.clone(), given.tags("metadata")?);
                table.put(name, Entry { uri, tags })?;
                Value::None.into()
            }
            "remove" => {
                let given = given(&["name", "prefix", "regex"])?;
                given.no_regex()?;
                let names = match (given.get("name"), given.get("prefix")) {
                    (Value::None, Value::None) => Vec::new(),
                    (Value::None, _) => {
                        table.wanted(&Wanted::Prefix(given.text("prefix")?.to_owned()))
                    }
                    _ => vec![given.text("name")?.to_owned()],
                };
                let removed = names.iter().filter(|name| table.remove(name));
                (removed.count() as i64).into()
            }
            "list" => {
                let given = given(&[
                    "prefix",
                    "regex",
                    "metadata_all",
                    "metadata_any",
                    "return_metadata",
                ]);
                // Pyro5 has the tags in a method of their own.
                let given = given?;
                given.no_regex()?;
                let wanted = match given.get("prefix") {
                    Value::None => given
                        .by_tags("metadata_all", "metadata_any")?
                        .unwrap_or(Wanted::All),
                    _ => Wanted::Prefix(given.text("prefix")?.to_owned()),
                };
                table.list(&wanted, given.is_true("return_metadata")).into()
            }
            "yplookup" => {
                let given = given(&["meta_all", "meta_any", "return_metadata"])?;
                let with_tags = given.get("return_metadata").as_int() != Some(0);
                match given.by_tags("meta_all", "meta_any")? {
                    Some(wanted) => table.list(&wanted, with_tags).into(),
                    None => Value::Dict(Vec::new()).into(),
                }
            }
            other => return Err(no_attribute(other)),
        })
    }
}

impl Table {
    fn put(&mut self, name: &str, entry: Entry) -> Outcome<()> {
        let is_new = !self.names.contains_key(name);
        let old = self.names.get(name).map_or(0, |old| old.nbytes(name));
        let nbytes = self.nbytes - old + entry.nbytes(name);
        if (is_new && self.names.len() >= NAMES) || nbytes > NBYTES {
            return Err(naming("there are too many names".to_owned()));
        }
        self.nbytes = nbytes;
        self.names.insert(name.to_owned(), entry);
        Ok(())
    }

    /// Whether it was there. Its own name stays.
    fn remove(&mut self, name: &str) -> bool {
        if name == NAME_SERVER {
            return false;
        }
        let Some(old) = self.names.remove(name) else {
            return false;
        };
        self.nbytes -= old.nbytes(name);
        true
    }

    fn wanted(&self, wanted: &Wanted) -> Vec<String> {
        let names = self.names.iter();
        let names = names.filter(|(name, entry)| match wanted {
            Wanted::All => true,
            Wanted::Prefix(prefix) => name.starts_with(prefix),
            Wanted::EachOf(tags) => tags.is_subset(&entry.tags),
            Wanted::AnyOf(tags) => !tags.is_disjoint(&entry.tags),
        });
        names.map(|(name, _)| name.clone()).collect()
    }

    /// Addresses as texts, by name.
    fn list(&self, wanted: &Wanted, with_tags: bool) -> Value {
        let names = self.wanted(wanted).into_iter();
        let pairs = names.filter_map(|name| {
            let entry = self.names.get(&name)?;
            let uri = Value::Str(entry.uri.to_string());
            let value = match with_tags {
                true => Value::Tuple(vec![uri, tags(entry)]),
                false => uri,
            };
            Some((Value::Str(name), value))
        });
        Value::Dict(pairs.collect())
    }
}

impl Entry {
    fn nbytes(&self, name: &str) -> usize {
        let tags: usize = self.tags.iter().map(|tag| tag.len() + 64).sum();
        name.len() + self.uri.to_string().len() + tags + 256
    }
}

/// A list: Python 2 reads no sets of serpent.
fn tags(entry: &Entry) -> Value {
    Value::list(entry.tags.iter().map(String::as_str))
}

fn naming(message: String) -> Exception {
    // The other Pyro's readers make it theirs.
    Exception::new("Pyro5.errors.NamingError", message)
}

fn unknown(name: &str) -> Exception {
    naming(format!("unknown name: {name}"))
}

/// Arguments by their names.
struct Given(BTreeMap<String, Value>);

impl Given {
    fn new(
        method: &str,
        names: &[&str],
        args: Vec<Value>,
        kwargs: Vec<(String, Value)>,
    ) -> Outcome<Self> {
        let wrong = || {
            let message = format!("{method}() takes {}", names.join(", "));
            Exception::new("builtins.TypeError", message)
        };
        if args.len() > names.len() {
            return Err(wrong());
        }
        let by_position = names.iter().map(|name| (*name).to_owned()).zip(args);
        let mut given: BTreeMap<String, Value> = by_position.collect();
        for (name, value) in kwargs {
            if !names.contains(&name.as_str()) || given.insert(name, value).is_some() {
                return Err(wrong());
            }
        }
        Ok(Self(given))
    }

    fn get(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::None)
    }

    fn text(&self, name: &str) -> Outcome<&str> {
        let text = self.get(name).as_str();
        text.ok_or_else(|| Exception::new("builtins.TypeError", format!("{name} must be a str")))
    }

    fn is_true(&self, name: &str) -> bool {
        self.get(name).as_int().is_some_and(|value| value != 0)
    }

    fn tags(&self, name: &str) -> Outcome<BTreeSet<String>> {
        let wrong = || {
            let message = format!("{name} should be a list or set of str");
            Exception::new("builtins.TypeError", message)
        };
        let items = match self.get(name) {
            Value::None => return Ok(BTreeSet::new()),
            value => value.as_items().ok_or_else(wrong)?,
        };
        let tags = items.iter().map(|tag| tag.as_str().map(str::to_owned));
        tags.collect::<Option<_>>().ok_or_else(wrong)
    }

    fn by_tags(&self, each: &str, any: &str) -> Outcome<Option<Wanted>> {
        Ok(match (self.get(each), self.get(any)) {
            (Value::None, Value::None) => None,
            (_, Value::None) => Some(Wanted::EachOf(self.tags(each)?)),
            (Value::None, _) => Some(Wanted::AnyOf(self.tags(any)?)),
            _ => {
                let message = format!("{each} and {any} exclude each other");
                return Err(Exception::new("builtins.ValueError", message));
            }
        })
    }

    fn no_regex(&self) -> Outcome<()> {
        match self.get("regex") {
            Value::None => Ok(()),
            _ => Err(naming(
                "this name server does not know regular expressions: use a prefix".to_owned(),
            )),
        }
    }
}
