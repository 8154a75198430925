//! Values of a tree against the neutral values of the corpus, by the rules of its README.

use std::collections::HashMap;

use ndferry_pickle::{ArrayReader, Id, Recognised, Standard, Tree, Value};
use serde_json::Value as Json;

/// Compares one pickle's value with what Python said of it.
pub(crate) struct Comparison<'t> {
    pub(crate) tree: &'t Tree,
    pub(crate) reader: ArrayReader<'t>,
    /// Ours by their number of an object.
    pub(crate) seen: HashMap<u64, Id>,
    /// Dicts of Pythons that did not keep their order.
    pub(crate) any_order: bool,
}

type Outcome = Result<(), String>;

impl<'t> Comparison<'t> {
    /// # Errors
    /// Where, and what is different.
    pub(crate) fn same(&mut self, theirs: &Json, id: Id, path: &str) -> Outcome {
        let kind = theirs["t"].as_str().unwrap_or("");
        if kind == "ref" {
            let known = self.seen.get(&theirs["id"].as_u64().unwrap());
            return check(known == Some(&id), path, "another object");
        }
        if let Some(number) = theirs["id"].as_u64()
            && let Some(other) = self.seen.insert(number, id)
        {
            return Err(format!("{path}: number {number} is {other:?} and {id:?}"));
        }
        let tree = self.tree;
        let standard = tree.standard(id).map_err(|e| format!("{path}: {e}"))?;
        let text = theirs["v"].as_str().unwrap_or("");
        match (kind, tree.get(id), standard) {
            ("none", Value::None, _) => Ok(()),
            ("bool", Value::Bool(value), _) => check(theirs["v"] == value, path, "bool"),
            ("int", Value::Int(value), _) => check(text == value.to_string(), path, "int"),
            ("int", Value::BigInt(value), _) => check(text == value.to_string(), path, "int"),
            ("float", Value::Float(value), _) => float(theirs, value, path),
            ("complex", _, Some(Standard::Complex { re, im })) => {
                float(&theirs["re"], re, path)?;
                float(&theirs["im"], im, path)
            }
            ("str", Value::Str(blob), _) => {
                let bytes = tree.blob(&blob).unwrap();
                check(is_text(theirs, &bytes), path, "str")
            }
            // Python 2's `str`, read by Python 3.
            ("str" | "py2str" | "bytes", Value::Py2Str(_), _) | ("py2str", Value::Str(_), _) => {
                self.bytes(theirs, id, path)
            }
            ("bytes", Value::Bytes(_), _)
            | ("bytes", _, Some(Standard::Bytes(_)))
            | ("py2str", _, Some(Standard::Bytes(_)))
            | ("bytearray", Value::ByteArray(_), _)
            | ("bytearray", _, Some(Standard::ByteArray(_))) => self.bytes(theirs, id, path),
            ("tuple", Value::Tuple(items), _) | ("list", Value::List(items), _) => {
                self.items(&theirs["items"], items, path)
            }
            ("set", Value::Set(items), _)
            | ("set", _, Some(Standard::Set(items)))
            | ("frozenset", Value::FrozenSet(items), _)
            | ("frozenset", _, Some(Standard::FrozenSet(items))) => {
                self.unordered(&theirs["items_unordered"], items, path)
            }
            ("dict", Value::Dict(pairs), _) => self.pairs(&theirs["items"], pairs, path),
            ("range", _, Some(Standard::Range(parts))) => {
                let ours = parts.map(|part| tree.int(part).unwrap());
                let repr = theirs["repr"].as_str().unwrap();
                let parts: Vec<i64> = repr
                    .trim_start_matches("xrange(")
                    .trim_start_matches("range(")
                    .trim_end_matches(')')
                    .split(", ")
                    .map(|part| part.parse().unwrap())
                    .collect();
                // Python 2 prints another end, after which no other number comes.
                let numbers = |[start, stop, step]: [i64; 3]| (start..stop).step_by(step as usize);
                let theirs = [parts[0], parts[1], parts.get(2).copied().unwrap_or(1)];
                check(numbers(ours).eq(numbers(theirs)), path, "range")
            }
            ("slice", _, Some(Standard::Slice(parts))) => {
                self.items(&theirs["items"], &parts, path)
            }
            ("ellipsis", _, Some(Standard::Ellipsis))
            | ("notimplemented", _, Some(Standard::NotImplemented)) => Ok(()),
            ("date" | "time" | "datetime", _, Some(ours)) => self.time(theirs, &ours, path),
            ("timedelta", _, Some(Standard::TimeDelta(ours))) => {
                let ours = serde_json::json!([ours.days, ours.seconds, ours.microseconds]);
                check(theirs["v"] == ours, path, "timedelta")
            }
            ("decimal", _, Some(Standard::Decimal(ours))) => check(text == ours, path, "decimal"),
            ("fraction", _, Some(Standard::Fraction(ours))) => {
                check(text == ours, path, "fraction")
            }
            ("uuid", _, Some(Standard::Uuid(ours))) => {
                let digits: String = text.chars().filter(|c| *c != '-').collect();
                check(digits == format!("{ours:032x}"), path, "uuid")
            }
            ("path", _, Some(Standard::Path(ours))) => check(text == ours, path, "path"),
            ("global", Value::Global(ours), _) => {
                let ours = modern(&format!("{}.{}", ours.module, ours.name));
                let theirs = modern(theirs["name"].as_str().unwrap());
                // NumPy's functions were found in several modules over the years.
                let last = |name: &str| name.rsplit('.').next().unwrap().to_owned();
                let is_numpy = ours.starts_with("numpy.") && theirs.starts_with("numpy.");
                let is_same = ours == theirs || is_numpy && last(&ours) == last(&theirs);
                check(is_same, path, &format!("{ours}, {theirs}"))
            }
            // `type(None)`, and how NumPy pickled its functions before 1.20.
            ("global", Value::Call(_), _) => {
                let name = theirs["name"].as_str().unwrap().rsplit('.').next().unwrap();
                let ours = tree.repr(id);
                let is_same = ours.ends_with(&format!("'{name}')"))
                    || name == "NoneType" && ours.ends_with(".type(None)");
                check(is_same, path, &ours)
            }
            ("instance", _, ours) => self.instance(theirs, id, ours, path),
            // The value of an enum is what its class is called with; Python 3.11 pickled its name.
            ("enum", Value::Call(call), _) => match tree.sequence(call.args) {
                Some([value]) => self.same(&theirs["v"], *value, path),
                Some([class, _]) => {
                    let (module, name) = tree.global(*class).unwrap_or_default();
                    let is_same = theirs["class"] == format!("{module}.{name}");
                    check(is_same, path, &tree.repr(id))
                }
                _ => Err(format!("{path}: enum, not {}", tree.repr(id))),
            },
            ("ndarray" | "maskedarray" | "array.array" | "npscalar" | "ma.masked", ..) => {
                self.array(theirs, id, path)
            }
            // What is not of Python's library has another test: that its arrays come out.
            ("opaque" | "dtype", ..) => Ok(()),
            (_, ours, _) => Err(format!(
                "{path}: {kind}, not {} {}",
                ours.type_name(),
                tree.repr(id)
            )),
        }
    }

    fn bytes(&self, theirs: &Json, id: Id, path: &str) -> Outcome {
        let tree = self.tree;
        let bytes = match (tree.get(id), tree.standard(id).unwrap()) {
            (_, Some(Standard::Bytes(payload) | Standard::ByteArray(payload))) => {
                payload.bytes(tree).unwrap().to_vec()
            }
            (Value::Str(blob), _) => match blob.latin1_nbytes() {
                Some(_) => text_as_bytes(&tree.blob(&blob).unwrap()),
                None => return Err(format!("{path}: text beyond Latin-1")),
            },
            (Value::Bytes(blob) | Value::ByteArray(blob) | Value::Py2Str(blob), _) => {
                tree.blob(&blob).unwrap().into_owned()
            }
            _ => return Err(format!("{path}: not bytes")),
        };
        let is_same = match (theirs["hex"].as_str(), theirs["sha256"].as_str()) {
            (Some(hex), _) => super::describe::hex(&bytes) == hex,
            (_, Some(sum)) => super::describe::sha256(&bytes) == sum,
            // Text that Python 3 made of them.
            _ => theirs["v"].as_str().is_some_and(|text| {
                text.chars()
                    .map(u32::from)
                    .eq(bytes.iter().map(|byte| u32::from(*byte)))
            }),
        };
        check(is_same, path, "bytes")
    }

    fn items(&mut self, theirs: &Json, ours: &[Id], path: &str) -> Outcome {
        let theirs = theirs.as_array().unwrap();
        if theirs.len() != ours.len() {
            return Err(format!(
                "{path}: {} items, not {}",
                ours.len(),
                theirs.len()
            ));
        }
        for (i, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
            self.same(theirs, *ours, &format!("{path}[{i}]"))?;
        }
        Ok(())
    }

    /// Each of theirs is one of ours, whichever.
    fn unordered(&mut self, theirs: &Json, ours: &[Id], path: &str) -> Outcome {
        let theirs = theirs.as_array().unwrap();
        let mut left = ours.to_vec();
        for item in theirs {
            let before = self.seen.clone();
            let found = left.iter().position(|id| {
                self.seen.clone_from(&before);
                self.same(item, *id, path).is_ok()
            });
            match found {
                Some(i) => drop(left.swap_remove(i)),
                None => return Err(format!("{path}: no {item} in it")),
            }
        }
        check(left.is_empty(), path, "items")
    }

    fn pairs(&mut self, theirs: &Json, ours: &[(Id, Id)], path: &str) -> Outcome {
        let theirs = theirs.as_array().unwrap();
        // Of equal keys the last counts.
        if theirs.len() > ours.len() {
            return Err(format!(
                "{path}: {} pairs, not {}",
                ours.len(),
                theirs.len()
            ));
        }
        let mut left = ours.to_vec();
        for pair in theirs {
            let before = self.seen.clone();
            let found = left.iter().position(|(key, _)| {
                self.seen.clone_from(&before);
                self.same(&pair[0], *key, path).is_ok()
            });
            let Some(i) = found else {
                return Err(format!("{path}: no key {}", pair[0]));
            };
            if i > 0 && !self.any_order {
                return Err(format!("{path}: key {} is number {i}", pair[0]));
            }
            let (key, value) = left.remove(i);
            self.same(&pair[1], value, &format!("{path}[{}]", self.tree.repr(key)))?;
        }
        check(left.is_empty(), path, "pairs")
    }

    fn time(&self, theirs: &Json, ours: &Standard<'_>, path: &str) -> Outcome {
        let (text, zone) = match ours {
            Standard::Date(date) => (date.to_string(), None),
            Standard::Time(time, zone) => (time.to_string(), *zone),
            Standard::DateTime(date, time, zone) => (format!("{date}T{time}"), *zone),
            _ => return Err(format!("{path}: no time")),
        };
        let zone = zone.map(|zone| match self.tree.standard(zone).unwrap() {
            Some(Standard::TimeZone(offset)) => offset.utc_offset().unwrap(),
            _ => "a zone of another kind".to_owned(),
        });
        let text = text + zone.as_deref().unwrap_or("");
        check(theirs["iso"] == text.as_str(), path, &text)
    }

    fn instance(
        &mut self,
        theirs: &Json,
        id: Id,
        ours: Option<Standard<'t>>,
        path: &str,
    ) -> Outcome {
        match ours {
            Some(Standard::OrderedDict(pairs)) => {
                return self.pairs(&theirs["pairs"], &pairs, path);
            }
            Some(Standard::Counter(pairs)) => return self.pairs(&theirs["pairs"], pairs, path),
            Some(Standard::DefaultDict(factory, pairs)) => {
                self.pairs(&theirs["pairs"], pairs, path)?;
                return match factory {
                    Some(factory) => self.same(&theirs["default_factory"], factory, path),
                    None => check(theirs["default_factory"].is_null(), path, "factory"),
                };
            }
            Some(Standard::Deque(items, limit)) => {
                let limit = limit.and_then(|limit| self.tree.int(limit));
                check(theirs["maxlen"].as_i64() == limit, path, "maxlen")?;
                return self.items(&theirs["items"], items, path);
            }
            _ => {}
        }
        let Value::Call(call) = self.tree.get(id) else {
            return match self.tree.get(id) {
                Value::Global(_) => Ok(()),
                other => Err(format!("{path}: instance, not {}", other.type_name())),
            };
        };
        let args = self.tree.sequence(call.args).unwrap_or_default();
        // Whatever is said of it is somewhere among its arguments and states; where, only its class knows.
        if let Some(pairs) = theirs["pairs"].as_array()
            && !call.pairs().is_empty()
        {
            check(pairs.len() == call.pairs().len(), path, "pairs")?;
            self.pairs(&theirs["pairs"], call.pairs(), path)?;
        }
        if let Some(expected) = theirs["items"].as_array() {
            // Of a subclass of `tuple`: its arguments, or in protocols 0 and 1 one of them.
            let nested = args.last().and_then(|last| self.tree.sequence(*last));
            let given = [Some(call.items()), nested, Some(args)];
            let given = given
                .into_iter()
                .flatten()
                .find(|items| items.len() == expected.len());
            match given {
                Some(items) => self.items(&theirs["items"], items, path)?,
                None => return Err(format!("{path}: items of {}", self.tree.repr(id))),
            }
        }
        let state = call.state().map(|state| self.tree.get(state));
        if let (Some(attrs), Some(Value::Dict(pairs))) = (theirs["attrs"].as_array(), state) {
            for attr in attrs {
                let name = attr[0].as_str().unwrap();
                let ours = pairs
                    .iter()
                    .rfind(|(key, _)| self.tree.name(*key).unwrap().as_deref() == Some(name));
                if let Some((_, value)) = ours {
                    self.same(&attr[1], *value, &format!("{path}.{name}"))?;
                }
            }
        }
        Ok(())
    }

    fn array(&mut self, theirs: &Json, id: Id, path: &str) -> Outcome {
        let kind = theirs["t"].as_str().unwrap();
        let recognised = self.reader.read(id).map_err(|e| format!("{path}: {e}"))?;
        // Their elements are compared by the test of arrays; here, that they are where they should be.
        let shape = match (kind, &recognised) {
            ("ndarray" | "array.array", Some(Recognised::Array(array))) => &array.shape,
            ("maskedarray" | "ma.masked", Some(Recognised::Masked { data, .. })) => &data.shape,
            ("npscalar", Some(Recognised::Scalar(_))) => return Ok(()),
            // `numpy.ma.masked`, and objects whose arrays are inside.
            ("ma.masked" | "maskedarray" | "npscalar", None) => return Ok(()),
            _ => return Err(format!("{path}: {kind}, not {}", self.tree.repr(id))),
        };
        let expected = match kind {
            "ndarray" => &theirs["shape"],
            "maskedarray" => &theirs["data"]["shape"],
            _ => return Ok(()),
        };
        check(*expected == serde_json::json!(shape), path, "shape")?;
        let objects = match recognised {
            Some(Recognised::Array(array)) => match array.elements {
                ndferry_pickle::Elements::Objects(list) => Some(list),
                _ => None,
            },
            _ => None,
        };
        match (objects, theirs["items"].is_array()) {
            (Some(list), true) => {
                let items = self.tree.sequence(list).unwrap();
                self.items(&theirs["items"], items, path)
            }
            _ => Ok(()),
        }
    }
}

fn check(is_same: bool, path: &str, what: &str) -> Outcome {
    if is_same {
        Ok(())
    } else {
        Err(format!("{path}: {what} differs"))
    }
}

fn float(theirs: &Json, ours: f64, path: &str) -> Outcome {
    let bits = format!("{:016x}", ours.to_bits());
    check(theirs["bits"] == bits.as_str(), path, &bits)
}

/// Whether UTF-8 with lone surrogates is this text of JSON (which spells those as escapes of their own, or as a sum).
fn is_text(theirs: &Json, ours: &[u8]) -> bool {
    match theirs["v"].as_str() {
        Some(text) => text.as_bytes() == ours,
        None => true,
    }
}

/// Latin-1 text, spelled as UTF-8.
fn text_as_bytes(utf8: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(utf8).unwrap();
    text.chars().map(|c| u32::from(c) as u8).collect()
}

/// A name as Python 3 spells it.
fn modern(name: &str) -> String {
    let builtin = name.strip_prefix("__builtin__.");
    match builtin.or_else(|| name.strip_prefix("builtins.")) {
        Some("long") => "builtins.int".to_owned(),
        Some("unicode") => "builtins.str".to_owned(),
        Some("xrange") => "builtins.range".to_owned(),
        Some(name) => format!("builtins.{name}"),
        None => name.replace("copy_reg.", "copyreg."),
    }
}
