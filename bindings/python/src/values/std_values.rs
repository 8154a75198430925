//! Values of the standard library, made by their own classes from arguments that were looked at before.

use ndferry::pickle::Payload;
use pyo3::exceptions::PyValueError;

use super::opaque::is_reconstructor;
use super::*;

/// What is made, and of which parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Std {
    /// A class of this module and name, called with the arguments.
    Class(&'static str, &'static str),
    /// `frozenset` of a list.
    FrozenSet,
    /// `tuple` of a list.
    Tuple,
    /// Filled from a list or tuple, and what was added later: `list`, `deque`.
    Extend,
    /// `set`.
    Add,
    /// Filled from pairs or a dict, and what was set later.
    Update,
    /// Of this number.
    Uuid(Id),
}

/// Text longer than this is no number.
const DIGITS: u64 = 10_000;

impl<'py, 't> Builder<'py, 't> {
    pub(super) fn plan_std(&mut self, id: Id, call: &'t Call) -> PyResult<Option<Plan<'py>>> {
        let Some((_, (module, name), args)) = self.tree.call(id) else {
            return Ok(None);
        };
        if call.kwargs().is_some() {
            return Ok(None);
        }
        let (module, name, args) = match args {
            // Protocols 0 and 1: class, base, what the base is made of.
            [class, _, of] if is_reconstructor(module, name) => {
                match (self.tree.global(*class), self.tree.get(*of)) {
                    (Some((module, name)), Value::None) => (module, name, &[][..]),
                    _ => return Ok(None),
                }
            }
            _ => (module, name, args),
        };
        // What `BUILD` sets on these is attributes of a subclass, but for one class.
        if call.state().is_some() && (module, name) != ("uuid", "UUID") {
            return Ok(None);
        }
        let after = |class: Std| Plan::After(args.to_vec(), Recipe::Std(class));
        let plan = match (module, name, args) {
            ("_codecs", "encode", _) | ("builtins" | "__builtin__", "bytes", _) => {
                return self.payload(id, false);
            }
            ("builtins" | "__builtin__", "bytearray", _) => return self.payload(id, true),
            ("builtins" | "__builtin__", name, args) => match self.plan_builtin(name, args)? {
                Some(plan) => plan,
                None => return Ok(None),
            },
            ("collections", "OrderedDict" | "Counter", [] | [_])
                if args.iter().all(|arg| self.is_pairs(*arg)) =>
            {
                let class = self.known_class(module, name)?.map(|class| class.call0());
                match class {
                    Some(object) => Plan::Fill(object?, Fill::Std(Std::Update)),
                    None => return Ok(None),
                }
            }
            ("collections", "defaultdict", [] | [_]) => {
                let factory = match args.first().map(|arg| self.tree.get(*arg)) {
                    None | Some(Value::None) => self.py.None().into_bound(self.py),
                    Some(Value::Global(global)) => {
                        match self.known_class(&global.module, &global.name)? {
                            Some(class) => class,
                            None => return Ok(None),
                        }
                    }
                    Some(_) => return Ok(None),
                };
                let class = self.py.import("collections")?.getattr("defaultdict")?;
                Plan::Fill(class.call1((factory,))?, Fill::Std(Std::Update))
            }
            ("collections", "deque", [] | [_] | [_, _])
                if args
                    .first()
                    .is_none_or(|arg| self.tree.sequence(*arg).is_some()) =>
            {
                let class = self.py.import("collections")?.getattr("deque")?;
                let longest = args.get(1).and_then(|arg| self.tree.int(*arg));
                let empty = PyTuple::empty(self.py);
                let object = class.call1((empty, longest));
                let object = object.map_err(|error| self.because(id, error))?;
                Plan::Fill(object, Fill::Std(Std::Extend))
            }
            ("datetime", "date" | "datetime" | "time", _) => match self.moment(id, name, args)? {
                Some(plan) => plan,
                None => return Ok(None),
            },
            ("datetime", "timedelta", _) if args.iter().all(|arg| self.is_int(*arg)) => {
                after(Std::Class("datetime", "timedelta"))
            }
            ("datetime", "timezone", [_] | [_, _]) => after(Std::Class("datetime", "timezone")),
            ("decimal", "Decimal", [text]) if self.is_text(*text, u64::MAX) => {
                after(Std::Class("decimal", "Decimal"))
            }
            ("fractions", "Fraction", [text]) if self.is_ratio(*text)? => {
                after(Std::Class("fractions", "Fraction"))
            }
            ("fractions", "Fraction", [_, _]) if args.iter().all(|arg| self.is_int(*arg)) => {
                after(Std::Class("fractions", "Fraction"))
            }
            ("uuid", "UUID", []) => match self.uuid_number(call) {
                Some(number) => Plan::After(vec![number], Recipe::Std(Std::Uuid(number))),
                None => return Ok(None),
            },
            ("pathlib" | "pathlib._local", name, parts)
                if parts.iter().all(|part| self.is_text(*part, u64::MAX)) =>
            {
                match path_class(name) {
                    Some(class) => after(Std::Class("pathlib", class)),
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        Ok(Some(plan))
    }

    fn plan_builtin(&mut self, name: &str, args: &[Id]) -> PyResult<Option<Plan<'py>>> {
        let py = self.py;
        let after = |std: Std| Plan::After(args.to_vec(), Recipe::Std(std));
        let are_ints = args.iter().all(|arg| self.is_int(*arg));
        let is_listed = args.iter().all(|arg| self.listed(*arg).is_some());
        Ok(Some(match (name, args) {
            ("set", [] | [_]) if is_listed => {
                Plan::Fill(PySet::empty(py)?.into_any(), Fill::Std(Std::Add))
            }
            ("list", [] | [_]) if is_listed => {
                Plan::Fill(PyList::empty(py).into_any(), Fill::Std(Std::Extend))
            }
            ("dict", [] | [_]) if args.iter().all(|arg| self.is_pairs(*arg)) => {
                Plan::Fill(PyDict::new(py).into_any(), Fill::Std(Std::Update))
            }
            ("frozenset" | "tuple", [] | [_]) if is_listed => {
                let parts = args.first().and_then(|arg| self.listed(*arg));
                let std = match name {
                    "tuple" => Std::Tuple,
                    _ => Std::FrozenSet,
                };
                Plan::After(parts.unwrap_or_default().to_vec(), Recipe::Std(std))
            }
            ("complex", [_] | [_, _]) if args.iter().all(|arg| self.is_number(*arg)) => {
                after(Std::Class("builtins", "complex"))
            }
            ("slice", [_, _, _]) => after(Std::Class("builtins", "slice")),
            ("range" | "xrange", [_] | [_, _] | [_, _, _]) if are_ints => {
                after(Std::Class("builtins", "range"))
            }
            ("object", []) => after(Std::Class("builtins", "object")),
            ("int" | "long", [] | [_]) if are_ints => after(Std::Class("builtins", "int")),
            ("bool", [] | [_]) if are_ints => after(Std::Class("builtins", "bool")),
            ("float", [] | [_]) if args.iter().all(|arg| self.is_number(*arg)) => {
                after(Std::Class("builtins", "float"))
            }
            ("str" | "unicode", [] | [_]) if args.iter().all(|a| self.is_text(*a, u64::MAX)) => {
                after(Std::Class("builtins", "str"))
            }
            _ => return Ok(None),
        }))
    }

    /// The state's `int`, of which it is made.
    fn uuid_number(&self, call: &Call) -> Option<Id> {
        let Value::Dict(pairs) = self.tree.get(call.state()?) else {
            return None;
        };
        let mut numbers = pairs.iter().filter(|(key, value)| {
            matches!(self.tree.name(*key), Ok(Some(name)) if name == "int") && self.is_int(*value)
        });
        numbers.next_back().map(|(_, value)| *value)
    }

    /// Bytes that older protocols spell as a call.
    fn payload(&self, id: Id, is_array: bool) -> PyResult<Option<Plan<'py>>> {
        let payload = Payload::of(self.tree, id).map_err(|error| self.pickled(error))?;
        let Some(payload) = payload else {
            return Ok(None);
        };
        let bytes = self.read(payload)?;
        Ok(Some(Plan::Done(match is_array {
            true => PyByteArray::new(self.py, &bytes).into_any(),
            false => PyBytes::new(self.py, &bytes).into_any(),
        })))
    }

    /// Dates and times from the bytes that they are pickled as.
    fn moment(&self, id: Id, name: &str, args: &[Id]) -> PyResult<Option<Plan<'py>>> {
        let [state, zone @ ..] = args else {
            return Ok(None);
        };
        let payload = Payload::of(self.tree, *state).map_err(|error| self.pickled(error))?;
        let fields = match (name, payload) {
            ("date", Some(payload)) if payload.nbytes() == 4 => payload,
            ("time", Some(payload)) if payload.nbytes() == 6 => payload,
            ("datetime", Some(payload)) if payload.nbytes() == 10 => payload,
            _ => return Ok(None),
        };
        let fields = self.read(fields)?;
        if zone.len() > 1 || (name == "date" && !zone.is_empty()) {
            return Err(self.wrong(id, "a time with more than one time zone"));
        }
        let class = match name {
            "date" => "date",
            "time" => "time",
            _ => "datetime",
        };
        // Python does not look at all of these bytes, which is why it is asked by its ordinary constructor.
        if moment_fields(class, &fields).is_none() {
            return Ok(None);
        }
        Ok(Some(Plan::After(
            zone.to_vec(),
            Recipe::Std(Std::Class("datetime", class)),
        )))
    }

    pub(super) fn finish_std(&mut self, id: Id, std: Std) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        let Value::Call(call) = self.tree.get(id) else {
            return Err(self.unknown(id));
        };
        let args = match self.tree.sequence(call.args) {
            Some(args) => args,
            None => return Err(self.unknown(id)),
        };
        let parts = |ids: Option<&Id>| {
            let listed = ids.and_then(|id| self.listed(*id));
            self.parts(listed.unwrap_or_default())
        };
        match std {
            Std::FrozenSet => Ok(PyFrozenSet::new(py, parts(args.first()))?.into_any()),
            Std::Tuple => Ok(PyTuple::new(py, parts(args.first()))?.into_any()),
            Std::Uuid(number) => {
                let number = self.part(number);
                let keywords = PyDict::new(py);
                keywords.set_item("int", number)?;
                py.import("uuid")?
                    .getattr("UUID")?
                    .call((), Some(&keywords))
            }
            Std::Class("datetime", name @ ("date" | "time" | "datetime")) => {
                let payload =
                    Payload::of(self.tree, args[0]).map_err(|error| self.pickled(error))?;
                let payload = payload.ok_or_else(|| self.unknown(id))?;
                let bytes = self.read(payload)?;
                let (fields, fold) = moment_fields(name, &bytes).ok_or_else(|| self.unknown(id))?;
                let keywords = PyDict::new(py);
                if let Some(zone) = args.get(1) {
                    keywords.set_item("tzinfo", self.part(*zone))?;
                }
                if fold {
                    keywords.set_item("fold", 1)?;
                }
                let class = py.import("datetime")?.getattr(name)?;
                class.call(PyTuple::new(py, fields)?, Some(&keywords))
            }
            Std::Class(module, name) => {
                let class = py.import(module)?.getattr(name)?;
                let args = match self.tree.global(call.function) {
                    Some((module, name)) if is_reconstructor(module, name) => Vec::new(),
                    // None of these classes takes bytes: those are Python 2's `str`, left as it is.
                    _ => self.parts(args).into_iter().map(text_of).collect(),
                };
                class.call1(PyTuple::new(py, args)?)
            }
            Std::Extend | Std::Add | Std::Update => {
                Err(PyValueError::new_err("it is filled later"))
            }
        }
    }

    pub(super) fn fill_std(
        &mut self,
        id: Id,
        object: &Bound<'py, PyAny>,
        std: Std,
    ) -> PyResult<()> {
        let Value::Call(call) = self.tree.get(id) else {
            return Err(self.unknown(id));
        };
        let first = match self.tree.global(call.function) {
            Some(("collections", "defaultdict")) => None,
            Some((module, name)) if is_reconstructor(module, name) => None,
            _ => self
                .tree
                .sequence(call.args)
                .and_then(|args| args.first().copied()),
        };
        match std {
            Std::Update => {
                match first.map(|first| self.tree.get(first)) {
                    Some(Value::Dict(pairs)) => self.fill_pairs(id, object, pairs)?,
                    Some(Value::List(items) | Value::Tuple(items)) => {
                        for item in items {
                            let Some([key, value]) = self.tree.sequence(*item) else {
                                return Err(self.wrong(id, "an item that is no key and value"));
                            };
                            self.fill_pairs(id, object, &[(*key, *value)])?;
                        }
                    }
                    _ => {}
                }
                self.fill_pairs(id, object, call.pairs())
            }
            Std::Extend | Std::Add => {
                let method = match std {
                    Std::Add => "add",
                    _ => "append",
                };
                let listed = first.and_then(|first| self.listed(first));
                for item in listed.unwrap_or_default().iter().chain(call.items()) {
                    let item = self.make(*item)?;
                    let added = object.call_method1(method, (item,));
                    added.map_err(|error| self.because(id, error))?;
                }
                Ok(())
            }
            _ => Err(self.unknown(id)),
        }
    }

    /// The items of a list, tuple or set.
    fn listed(&self, id: Id) -> Option<&'t [Id]> {
        match self.tree.get(id) {
            Value::List(items)
            | Value::Tuple(items)
            | Value::Set(items)
            | Value::FrozenSet(items) => Some(items),
            _ => None,
        }
    }

    fn is_pairs(&self, id: Id) -> bool {
        matches!(self.tree.get(id), Value::Dict(_)) || self.tree.sequence(id).is_some()
    }

    fn is_int(&self, id: Id) -> bool {
        matches!(
            self.tree.get(id),
            Value::Int(_) | Value::BigInt(_) | Value::Bool(_)
        )
    }

    fn is_number(&self, id: Id) -> bool {
        self.is_int(id) || matches!(self.tree.get(id), Value::Float(_))
    }

    fn is_text(&self, id: Id, most: u64) -> bool {
        match self.tree.get(id) {
            Value::Str(blob) | Value::Py2Str(blob) => blob.nbytes() <= most,
            _ => false,
        }
    }

    /// Whether it is `-3/4` or `7`; an exponent would make numbers of any length.
    fn is_ratio(&self, id: Id) -> PyResult<bool> {
        if !self.is_text(id, DIGITS) {
            return Ok(false);
        }
        let text = self.tree.name(id).map_err(|error| self.pickled(error))?;
        Ok(text.is_some_and(|text| {
            text.bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'/'))
        }))
    }

    /// The class itself, where a pickle names one that is known.
    pub(super) fn known_class(
        &self,
        module: &str,
        name: &str,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (module, name) = match (module, name) {
            ("builtins" | "__builtin__", name) => match builtin(name) {
                Some(name) => ("builtins", name),
                None => return Ok(None),
            },
            ("collections", "OrderedDict" | "defaultdict" | "deque" | "Counter")
            | ("datetime", "date" | "datetime" | "time" | "timedelta" | "timezone")
            | ("decimal", "Decimal")
            | ("fractions", "Fraction")
            | ("uuid", "UUID")
            | ("array", "array") => (module, name),
            ("pathlib" | "pathlib._local", name) => match path_class(name) {
                Some(name) => ("pathlib", name),
                None => return Ok(None),
            },
            _ => return self.known_numpy_class(module, name),
        };
        PyModule::import(self.py, module)?.getattr(name).map(Some)
    }
}

/// Latin-1 text for bytes.
fn text_of(part: Bound<'_, PyAny>) -> Bound<'_, PyAny> {
    match part.cast::<PyBytes>() {
        Ok(bytes) => {
            let text: String = bytes
                .as_bytes()
                .iter()
                .map(|byte| char::from(*byte))
                .collect();
            PyString::new(part.py(), &text).into_any()
        }
        Err(_) => part,
    }
}

fn builtin(name: &str) -> Option<&'static str> {
    const SAME: &[&str] = &[
        "object",
        "bytes",
        "bytearray",
        "set",
        "frozenset",
        "complex",
        "slice",
        "range",
        "list",
        "dict",
        "tuple",
        "int",
        "float",
        "bool",
        "str",
        "Ellipsis",
        "NotImplemented",
    ];
    match name {
        "xrange" => Some("range"),
        "long" => Some("int"),
        "unicode" => Some("str"),
        _ => SAME.iter().find(|same| **same == name).copied(),
    }
}

/// Paths of the other system have no files here, and are pure ones.
fn path_class(name: &str) -> Option<&'static str> {
    Some(match name {
        "PurePosixPath" => "PurePosixPath",
        "PureWindowsPath" => "PureWindowsPath",
        "PurePath" => "PurePath",
        "Path" => "Path",
        "PosixPath" if cfg!(windows) => "PurePosixPath",
        "PosixPath" => "PosixPath",
        "WindowsPath" if cfg!(windows) => "WindowsPath",
        "WindowsPath" => "PureWindowsPath",
        _ => return None,
    })
}

/// The arguments of the class, and whether it is the second of two equal times (`fold`), from the bytes of
/// `datetime.__reduce__` (CPython's `Modules/_datetimemodule.c`).
fn moment_fields(class: &str, bytes: &[u8]) -> Option<(Vec<u32>, bool)> {
    let micros = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u32::from(*byte))
    };
    let day = |bytes: &[u8], month: u8| {
        let year = u32::from(bytes[0]) << 8 | u32::from(bytes[1]);
        vec![year, u32::from(month), u32::from(bytes[3])]
    };
    match (class, bytes) {
        ("date", [_, _, month, _]) => Some((day(bytes, *month), false)),
        ("datetime", [_, _, month, _, hour, minute, second, rest @ ..]) if rest.len() == 3 => {
            let mut fields = day(bytes, month & 0x7f);
            fields.extend([*hour, *minute, *second].map(u32::from));
            fields.push(micros(rest));
            Some((fields, month & 0x80 != 0))
        }
        ("time", [hour, minute, second, rest @ ..]) if rest.len() == 3 => {
            let mut fields = vec![
                u32::from(hour & 0x7f),
                u32::from(*minute),
                u32::from(*second),
            ];
            fields.push(micros(rest));
            Some((fields, hour & 0x80 != 0))
        }
        _ => None,
    }
}
