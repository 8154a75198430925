//! Arrays in the tree of a pickle, with their paths. Goes down without recursion, and into each object once.

use std::collections::BTreeMap;

use ndferry_pickle::{
    ArrayReader, Call, CallKind, Elements, Id, PickledArray, Recognised, Tree, Value,
};

use crate::elsewhere::Elsewhere;
use crate::error::pickle;
use crate::lazy::Backing;
use crate::{
    Error, ErrorKind, Limits, MemberInfo, OpenOptions, PersistentLoad, Result, escape_key,
};

/// So many persistent ids are named in errors.
const UNKNOWN: usize = 100;

/// All paths together; hostile keys could make them quadratic.
const PATHS_NBYTES: usize = 64 << 20;

/// Fields in the dtypes of all arrays together, of which one dtype may hold very many and all arrays may share it.
const FIELDS: usize = 1 << 24;

/// An array, and how it is reached.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) path: String,
    pub(crate) array: What,
    /// The object that it is.
    pub(crate) id: Id,
    /// Whether the object is that array and nothing else: no subclass, no mask.
    pub(crate) is_array: bool,
}

impl Found {
    /// Whether nothing of the object is lost with its elements, shape and dtype.
    pub(crate) fn is_plain(&self) -> bool {
        let has_objects = match &self.array {
            What::Pickled(array) => matches!(array.elements, Elements::Objects(_)),
            What::Elsewhere(..) => false,
        };
        self.is_array && !has_objects
    }
}

/// Where an array's elements are.
#[derive(Debug)]
pub(crate) enum What {
    /// In the pickle.
    Pickled(PickledArray),
    /// In another place.
    Elsewhere(Box<MemberInfo>, Backing),
}

/// Walks from one root.
pub(crate) struct Walk<'t> {
    tree: &'t Tree,
    elsewhere: Option<&'t dyn Elsewhere>,
    persistent: Option<&'t PersistentLoad>,
    reader: ArrayReader<'t>,
    limits: &'t Limits,
    /// By number of value.
    visited: Vec<bool>,
    found: Vec<Found>,
    /// The first persistent ids of which nobody said what they stand for, and their paths.
    unknown: Vec<(String, Id)>,
    paths_nbytes: usize,
    fields: usize,
    frames: Vec<Frame>,
}

/// An object whose children are being visited.
struct Frame {
    id: Id,
    /// The next child's number. A hostile pickle makes millions of these, so they are small.
    next: u32,
    key: Key,
    view: View,
}

/// The number of the next child of what has no children that are to be visited.
const ALL_VISITED: u32 = u32::MAX;

/// How an object is reached from the one that holds it.
#[derive(Clone, Copy)]
pub(crate) enum Key {
    /// It is part of the same thing.
    Same,
    Index(u32),
    /// Which of several pickles.
    Pickle(u32),
    Value(Id),
    Word(Word),
}

/// A part of an object that has no name of its own.
#[derive(Clone, Copy)]
pub(crate) enum Word {
    Args,
    Kwargs,
    State,
    Id,
}

impl Word {
    fn as_str(self) -> &'static str {
        match self {
            Self::Args => "args",
            Self::Kwargs => "kwargs",
            Self::State => "state",
            Self::Id => "id",
        }
    }
}

/// How an object's children are named.
#[derive(Clone, Copy)]
pub(crate) enum View {
    /// By index or key.
    Plain,
    /// Not at all, down to this many levels.
    Flat(u8),
    /// It is a list of keys and values.
    Pairs,
}

impl<'t> Walk<'t> {
    pub(crate) fn new(
        tree: &'t Tree,
        options: &'t OpenOptions,
        elsewhere: Option<&'t dyn Elsewhere>,
    ) -> Self {
        let limits = crate::pickle_file::pickle_limits(&options.limits);
        Self {
            tree,
            elsewhere,
            persistent: options.persistent.as_ref(),
            reader: ArrayReader::new(tree, &limits).with_array_order(options.array_order),
            limits: &options.limits,
            visited: vec![false; tree.len()],
            found: Vec::new(),
            unknown: Vec::new(),
            paths_nbytes: 0,
            fields: 0,
            frames: Vec::new(),
        }
    }

    /// Visits everything below `root`, whose path is `number` if it is one of several.
    pub(crate) fn walk(&mut self, root: Id, number: Option<usize>) -> Result<()> {
        let key = number.map_or(Key::Same, |i| Key::Pickle(i as u32));
        self.enter(root, key, View::Plain)?;
        while let Some(frame) = self.frames.last_mut() {
            let (id, view, i) = (frame.id, frame.view, frame.next);
            frame.next = frame.next.saturating_add(1);
            match child(self.tree, id, view, i) {
                Some((key, id, view)) => self.enter(id, key, view)?,
                None => {
                    self.frames.pop();
                }
            }
        }
        Ok(())
    }

    /// Persistent ids of which nobody said what they stand for, by their paths: the first ones.
    pub(crate) fn unknown(&self) -> BTreeMap<String, String> {
        let spelled = |(path, id): &(String, Id)| (path.clone(), self.tree.repr(*id));
        self.unknown.iter().map(spelled).collect()
    }

    pub(crate) fn into_found(self) -> Vec<Found> {
        self.found
    }

    fn enter(&mut self, id: Id, key: Key, view: View) -> Result<()> {
        let value = self.tree.get(id);
        let is_leaf = match value {
            Value::Tuple(items) | Value::List(items) => items.is_empty(),
            Value::Set(items) | Value::FrozenSet(items) => items.is_empty(),
            Value::Dict(pairs) => pairs.is_empty(),
            Value::Call(_) | Value::Persistent(_) => false,
            _ => true,
        };
        if is_leaf || std::mem::replace(&mut self.visited[id.index()], true) {
            return Ok(());
        }
        self.frames.push(Frame {
            id,
            next: 0,
            key,
            view,
        });
        if let (Value::Persistent(of), Some(persistent)) = (value, self.persistent)
            && let Some((info, backing)) = persistent.array(self.tree, of)
        {
            if let Some(frame) = self.frames.last_mut() {
                frame.next = ALL_VISITED;
            }
            let path = self.path()?;
            return self.push(path, What::Elsewhere(Box::new(info), backing), id, true);
        }
        if let Value::Persistent(of) = value
            && self.unknown.len() < UNKNOWN
            && let Ok(path) = self.path()
        {
            self.unknown.push((path, of));
        }
        if let Value::Call(call) = value {
            let found = self
                .elsewhere
                .map(|elsewhere| elsewhere.array(self.tree, call));
            if let Some((info, backing)) = found.transpose()?.flatten() {
                if let Some(frame) = self.frames.last_mut() {
                    frame.next = ALL_VISITED;
                }
                let path = self.path()?;
                return self.push(path, What::Elsewhere(Box::new(info), backing), id, false);
            }
            let recognised = self.reader.read(id);
            if let Some(recognised) = recognised.map_err(|error| self.place(error))? {
                self.list(id, call, recognised)?;
            }
        }
        Ok(())
    }

    /// Lists an array, and goes on with what it holds besides bytes.
    fn list(&mut self, id: Id, call: &'t Call, recognised: Recognised) -> Result<()> {
        let (data, mask) = match recognised {
            Recognised::Array(array) => (array, None),
            Recognised::Masked { data, mask, .. } => (*data, Some(*mask)),
            _ => return Ok(()),
        };
        // Its parts are not members of it, apart from objects and from what a subclass added.
        if let Some(frame) = self.frames.last_mut() {
            frame.next = ALL_VISITED;
        }
        let objects = match data.elements {
            Elements::Objects(list) => Some(list),
            _ => None,
        };
        let path = self.path()?;
        if let Some(mask) = mask {
            // Neither goes by the name of the whole, so that nobody takes the data for it and forgets the mask.
            let part = |word: &str| match &*path {
                "" => word.to_owned(),
                path => format!("{path}.{word}"),
            };
            self.push(part("data"), What::Pickled(data), id, false)?;
            self.push(part("mask"), What::Pickled(mask), id, false)?;
        } else {
            let is_array = !data.is_array_array && is_plain(self.tree, id);
            self.push(path, What::Pickled(data), id, is_array)?;
        }
        let extra = call.state().filter(|state| {
            let parts = self.tree.sequence(*state).unwrap_or_default();
            parts.len() > 7 || parts.len() == 2 || (parts.len() == 6)
        });
        if let Some(state) = extra {
            self.enter(state, Key::Word(Word::State), View::Plain)?;
        }
        if let Some(list) = objects {
            self.enter(list, Key::Same, View::Plain)?;
        }
        Ok(())
    }

    fn push(&mut self, path: String, array: What, id: Id, is_array: bool) -> Result<()> {
        let (dtype, offset) = match &array {
            What::Pickled(array) => (&array.dtype, array.offset),
            What::Elsewhere(info, _) => (&info.dtype, 0),
        };
        self.paths_nbytes += path.len();
        self.fields += dtype.fields().map_or(0, |fields| fields.fields().len());
        let limit = |what, found: usize, limit: usize| -> Result<()> {
            if found > limit {
                let (found, limit) = (found as u64, limit as u64);
                return Err(ErrorKind::Limit { what, found, limit }.at(offset));
            }
            Ok(())
        };
        limit("bytes of paths", self.paths_nbytes, PATHS_NBYTES)?;
        limit("fields of all arrays", self.fields, FIELDS)?;
        limit("arrays", self.found.len() + 1, self.limits.members)?;
        self.found.push(Found {
            path,
            array,
            id,
            is_array,
        });
        Ok(())
    }

    /// The path of the object in hand.
    fn path(&self) -> Result<String> {
        let keys = self
            .frames
            .iter()
            .filter(|frame| !matches!(frame.key, Key::Same));
        let mut path = String::new();
        for (depth, frame) in keys.enumerate() {
            if depth > self.limits.depth {
                return Err(ErrorKind::Limit {
                    what: "depth of an array in a pickle",
                    found: depth as u64,
                    limit: self.limits.depth as u64,
                }
                .into());
            }
            if depth > 0 {
                path.push('.');
            }
            path.push_str(&key_text(self.tree, frame.key)?);
        }
        Ok(path)
    }

    fn place(&self, error: ndferry_pickle::Error) -> Error {
        let error = pickle(error);
        match self.path() {
            Ok(path) => error.in_member(&path),
            Err(_) => error,
        }
    }
}

/// Whether an array is of no subclass (`numpy.memmap` adds nothing that could be kept).
fn is_plain(tree: &Tree, id: Id) -> bool {
    let Some((_, (_, "_reconstruct"), args)) = tree.call(id) else {
        return true;
    };
    let class = args.first().and_then(|class| tree.global(*class));
    matches!(class, Some((_, "ndarray" | "memmap")))
}

/// A key as paths spell it.
pub(crate) fn key_text(tree: &Tree, key: Key) -> Result<String> {
    Ok(match key {
        Key::Same => String::new(),
        Key::Index(i) => i.to_string(),
        Key::Pickle(i) => format!("[{i}]"),
        Key::Word(word) => word.as_str().to_owned(),
        Key::Value(id) => {
            let key = match tree.get(id) {
                Value::Str(_) | Value::Py2Str(_) => tree.name(id).map_err(pickle)?,
                _ => None,
            };
            let key = key.unwrap_or_else(|| tree.repr(id).into());
            escape_key(&key).into_owned()
        }
    })
}

/// The child of that number; `None` after the last.
pub(crate) fn child(tree: &Tree, id: Id, view: View, i: u32) -> Option<(Key, Id, View)> {
    if i == ALL_VISITED {
        return None;
    }
    let i = i as usize;
    let of_items = |items: &[Id]| -> Option<(Key, Id, View)> {
        let item = *items.get(i)?;
        match view {
            View::Plain => Some((Key::Index(i as u32), item, View::Plain)),
            View::Flat(1) => Some((Key::Same, item, View::Plain)),
            View::Flat(levels) => Some((Key::Same, item, View::Flat(levels - 1))),
            View::Pairs => Some(match tree.sequence(item) {
                Some([key, value]) => (Key::Value(*key), *value, View::Plain),
                _ => (Key::Index(i as u32), item, View::Plain),
            }),
        }
    };
    match tree.get(id) {
        Value::Tuple(items) | Value::List(items) => of_items(items),
        Value::Set(items) | Value::FrozenSet(items) => of_items(items),
        Value::Dict(pairs) => {
            let (key, value) = pairs.get(i / 2)?;
            // Keys that are tuples or objects may hold arrays, at least in hostile hands.
            if i.is_multiple_of(2) {
                return Some((Key::Value(*key), *key, View::Plain));
            }
            Some((Key::Value(*key), *value, View::Plain))
        }
        Value::Persistent(id) => (i == 0).then_some((Key::Word(Word::Id), id, View::Plain)),
        Value::Call(call) => child_of_call(tree, call, i),
        _ => None,
    }
}

fn child_of_call(tree: &Tree, call: &Call, i: usize) -> Option<(Key, Id, View)> {
    // An array of objects, which joblib pickles by itself, stands for its wrapper.
    if let Some(object) = call.raw_object() {
        return (i == 0).then_some((Key::Same, object, View::Plain));
    }
    let mut i = i;
    if i == 0 {
        let view = args_view(tree, call);
        let key = match view {
            View::Plain => Key::Word(Word::Args),
            _ => Key::Same,
        };
        return Some((key, call.args, view));
    }
    i -= 1;
    if let Some(kwargs) = call.kwargs() {
        if i == 0 {
            return Some((Key::Word(Word::Kwargs), kwargs, View::Plain));
        }
        i -= 1;
    }
    if let Some(state) = call.states().get(i) {
        return Some(match (tree.get(*state), tree.sequence(*state)) {
            (Value::Dict(_), _) => (Key::Same, *state, View::Plain),
            // Attributes, and those in slots.
            (_, Some([first, second]))
                if matches!(tree.get(*first), Value::None | Value::Dict(_))
                    && matches!(tree.get(*second), Value::Dict(_)) =>
            {
                (Key::Same, *state, View::Flat(1))
            }
            _ => (Key::Word(Word::State), *state, View::Plain),
        });
    }
    i -= call.states().len();
    if let Some(item) = call.items().get(i) {
        return Some((Key::Index(i as u32), *item, View::Plain));
    }
    i -= call.items().len();
    let (key, value) = call.pairs().get(i)?;
    Some((Key::Value(*key), *value, View::Plain))
}

/// Containers are made of what they hold, and that is where it is found.
fn args_view(tree: &Tree, call: &Call) -> View {
    if call.kind != CallKind::Reduce {
        return View::Plain;
    }
    match tree.global(call.function) {
        Some(("builtins" | "__builtin__", "set" | "frozenset" | "list" | "tuple" | "dict"))
        | Some(("collections", "deque" | "Counter")) => View::Flat(2),
        Some(("collections", "OrderedDict")) => View::Pairs,
        Some(("copy_reg" | "copyreg", "_reconstructor")) => View::Flat(1),
        _ => View::Plain,
    }
}
