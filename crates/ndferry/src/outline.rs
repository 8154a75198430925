//! The values of a pickle as a tree of lines, as much of it as a person reads.

use std::io::Write;
use std::sync::Arc;

use ndferry_array::{Array, Order, PrintOptions};
use ndferry_pickle::{
    ArrayReader, Call, Elements, Id, PickledArray, Recognised, StoredOrder, Tree, Value,
};

use crate::error::Plain;
use crate::member::path_elements;
use crate::pickle_walk::{Key, View, child, key_text};
use crate::{ErrorKind, Objects, Result, Values};

/// How much of the values is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutlineOptions {
    /// How deep.
    pub depth: usize,
    /// How many parts of each value.
    pub items: usize,
    /// How many lines altogether.
    pub lines: usize,
    /// Characters of one value.
    pub columns: usize,
}

impl Default for OutlineOptions {
    fn default() -> Self {
        Self {
            depth: 8,
            items: 20,
            lines: 1000,
            columns: 60,
        }
    }
}

/// Elements of an array that are shown.
const ELEMENTS: usize = 8;

/// What stands at a line, and what goes below it.
struct Line {
    text: String,
    has_parts: bool,
}

/// A value whose parts are being shown.
struct Open {
    parts: Vec<(String, Id)>,
    /// How many there are besides; `None` if that was not counted.
    more: Option<usize>,
    next: usize,
    /// Before each of its lines.
    indent: String,
}

impl Values {
    /// Writes what is at a path: containers and objects with their parts, arrays by dtype and shape, everything else as
    /// Python prints it. What is long or deep is left out, and what is there twice is shown once.
    ///
    /// # Errors
    /// [`ErrorKind::NoMember`]; from what is written to.
    pub fn write_outline(
        &self,
        path: &str,
        to: &mut dyn Write,
        options: &OutlineOptions,
    ) -> Result<()> {
        let mut outline = Outline::of(self.tree(), options);
        match self.find(path, &mut outline)? {
            Some(at) => outline.write(at, to),
            None => {
                let roots = self.roots();
                for (i, root) in roots.iter().take(options.items).enumerate() {
                    write!(to, "[{i}]  ")?;
                    outline.write(*root, to)?;
                }
                if roots.len() > options.items {
                    writeln!(to, "… and {} more pickles", roots.len() - options.items)?;
                }
                Ok(())
            }
        }
    }

    /// The array of objects at a path; `None` if something else is there.
    ///
    /// # Errors
    /// [`ErrorKind::NoMember`].
    pub fn objects(&self, path: &str) -> Result<Option<Objects>> {
        let options = OutlineOptions::default();
        let mut outline = Outline::of(self.tree(), &options);
        let found = self.find(path, &mut outline)?;
        let is_objects = |id: &Id| {
            let found = outline.reader.read(*id);
            matches!(
                found,
                Ok(Some(Recognised::Array(PickledArray {
                    elements: Elements::Objects(_),
                    ..
                })))
            )
        };
        Ok(found.filter(is_objects).map(|root| Objects {
            tree: Arc::clone(self.tree()),
            root,
        }))
    }

    /// The value at a path; `None` if that is all of several pickles.
    fn find(&self, path: &str, outline: &mut Outline<'_>) -> Result<Option<Id>> {
        let elements = match path {
            "" => Vec::new(),
            path => path_elements(path),
        };
        let mut elements = elements.into_iter();
        let mut at = match self.roots() {
            [root] => *root,
            roots => {
                let Some(first) = elements.next() else {
                    return Ok(None);
                };
                let number = first
                    .strip_prefix('[')
                    .and_then(|rest| rest.strip_suffix(']'));
                let root = number.and_then(|number| roots.get(number.parse::<usize>().ok()?));
                *root.ok_or_else(|| self.no_member(path))?
            }
        };
        for element in elements {
            let found = outline.part(at, &element);
            at = found.ok_or_else(|| self.no_member(path))?;
        }
        Ok(Some(at))
    }

    fn no_member(&self, path: &str) -> crate::Error {
        let (wanted, present) = (path.to_owned(), Vec::new());
        crate::Error::from(ErrorKind::NoMember { wanted, present }).in_source(self.name())
    }
}

struct Outline<'t> {
    tree: &'t Tree,
    reader: ArrayReader<'t>,
    /// By number of value.
    shown: Vec<bool>,
    options: &'t OutlineOptions,
}

impl<'t> Outline<'t> {
    fn of(tree: &'t Tree, options: &'t OutlineOptions) -> Self {
        Self {
            tree,
            reader: ArrayReader::new(tree, &ndferry_pickle::Limits::default()),
            shown: vec![false; tree.len()],
            options,
        }
    }

    fn write(&mut self, root: Id, to: &mut dyn Write) -> Result<()> {
        let line = self.line(root);
        writeln!(to, "{}", line.text)?;
        let mut open = Vec::new();
        if line.has_parts {
            open.push(self.open(root, String::new()));
        }
        let mut lines = 1;
        while let Some(last) = open.last_mut() {
            let indent = last.indent.clone();
            let Some((label, id)) = last.parts.get(last.next).cloned() else {
                match last.more {
                    Some(0) => {}
                    Some(more) => writeln!(to, "{indent}└ … and {more} more")?,
                    None => writeln!(to, "{indent}└ … and more")?,
                }
                open.pop();
                continue;
            };
            last.next += 1;
            let is_last = last.next == last.parts.len() && last.more == Some(0);
            if lines >= self.options.lines {
                writeln!(to, "{indent}└ … and more")?;
                return Ok(());
            }
            lines += 1;
            let line = self.line(id);
            let branch = if is_last { "└" } else { "├" };
            writeln!(to, "{indent}{branch} {label}  {}", line.text)?;
            if line.has_parts && open.len() < self.options.depth {
                let rail = if is_last { "  " } else { "│ " };
                open.push(self.open(id, format!("{indent}{rail}")));
            }
        }
        Ok(())
    }

    /// What a value is, and whether its parts are to be shown.
    fn line(&mut self, id: Id) -> Line {
        let text = |text: String| Line {
            text,
            has_parts: false,
        };
        let (what, count) = match self.tree.get(id) {
            Value::Tuple(items) => ("tuple", items.len()),
            Value::List(items) => ("list", items.len()),
            Value::Set(items) => ("set", items.len()),
            Value::FrozenSet(items) => ("frozenset", items.len()),
            Value::Dict(pairs) => ("dict", pairs.len()),
            Value::Call(call) => return self.call(id, call),
            _ => return text(self.repr(id)),
        };
        if self.is_short(id) {
            return text(self.repr(id));
        }
        let is_again = std::mem::replace(&mut self.shown[id.index()], true);
        let again = if is_again { ", shown above" } else { "" };
        Line {
            text: format!("{what} of {count}{again}"),
            has_parts: !is_again,
        }
    }

    fn call(&mut self, id: Id, call: &Call) -> Line {
        let recognised = self.reader.read(id);
        let is_again = std::mem::replace(&mut self.shown[id.index()], true);
        let again = if is_again { ", shown above" } else { "" };
        let whole = |text: String| Line {
            text,
            has_parts: false,
        };
        match recognised {
            Ok(Some(Recognised::Array(array))) => {
                let has_objects = matches!(array.elements, Elements::Objects(_));
                Line {
                    text: format!("{}{again}", self.array(&array)),
                    has_parts: has_objects && !is_again && !array.shape.contains(&0),
                }
            }
            Ok(Some(Recognised::Scalar(array))) => whole(self.array(&array)),
            Ok(Some(Recognised::Masked { data, .. })) => {
                whole(format!("masked {}{again}", head(&data)))
            }
            Err(error) => whole(format!("cannot be read: {error}")),
            _ => {
                let has_more = call.state().is_some()
                    || call.raw_object().is_some()
                    || !call.items().is_empty()
                    || !call.pairs().is_empty();
                if !has_more && self.is_short(call.args) {
                    return whole(self.repr(id));
                }
                let name = match self.tree.global(call.function) {
                    Some((module, name)) => format!("{}.{}", Plain(module), Plain(name)),
                    None => "object".to_owned(),
                };
                Line {
                    text: format!("{name}{again}"),
                    has_parts: !is_again,
                }
            }
        }
    }

    /// `float64 (2, 3)`, and the elements if they are few.
    fn array(&self, array: &PickledArray) -> String {
        let head = head(array);
        let size: usize = match array.shape.contains(&0) {
            true => 0,
            false => array.shape.iter().product(),
        };
        if size > ELEMENTS || array.order != StoredOrder::C || array.shape.len() > 1 {
            return head;
        }
        let bytes = match &array.elements {
            Elements::Bytes(payload) => payload.bytes(self.tree).ok(),
            Elements::Values(bytes) => Some(bytes.clone()),
            _ => None,
        };
        let text = bytes.and_then(|bytes| {
            let made =
                Array::contiguous(array.dtype.clone(), &array.shape, Order::C, bytes).ok()?;
            made.view().str(&PrintOptions::default()).ok()
        });
        match text {
            Some(text) if !text.contains('\n') => format!("{head}  {}", self.cut(&text)),
            _ => head,
        }
    }

    /// Whether a value has no parts but small ones, so that it fits on its line.
    fn is_short(&self, id: Id) -> bool {
        let is_leaf = |id: &Id| {
            !matches!(
                self.tree.get(*id),
                Value::Tuple(_)
                    | Value::List(_)
                    | Value::Set(_)
                    | Value::FrozenSet(_)
                    | Value::Dict(_)
                    | Value::Call(_)
            )
        };
        let leafs = match self.tree.get(id) {
            Value::Tuple(items) | Value::List(items) => items,
            Value::Set(items) | Value::FrozenSet(items) => items,
            Value::Dict(pairs) => return pairs.is_empty(),
            _ => return true,
        };
        leafs.len() <= self.options.columns
            && leafs.iter().all(is_leaf)
            && self.tree.repr(id).chars().count() <= self.options.columns
    }

    fn repr(&self, id: Id) -> String {
        let text = match self.tree.get(id) {
            Value::Dict([]) => "{}".to_owned(),
            _ => self.tree.repr(id),
        };
        self.cut(&text)
    }

    fn cut(&self, text: &str) -> String {
        let text = Plain(text).to_string();
        match text.char_indices().nth(self.options.columns) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text,
        }
    }

    /// The parts of a value, those of parts without a name in their place.
    fn open(&mut self, id: Id, indent: String) -> Open {
        let most = self.options.items;
        let mut parts = Vec::new();
        let total = match self.tree.get(id) {
            Value::Tuple(items) | Value::List(items) => Some(items.len()),
            Value::Set(items) | Value::FrozenSet(items) => Some(items.len()),
            Value::Dict(pairs) => Some(pairs.len()),
            _ => None,
        };
        let is_full = !self.each(id, &mut |key, part| {
            parts.push((Plain(&key).to_string(), part));
            parts.len() < most
        });
        let more = match total {
            Some(total) => Some(total.saturating_sub(parts.len())),
            None if is_full => None,
            None => Some(0),
        };
        Open {
            parts,
            more,
            next: 0,
            indent,
        }
    }

    /// The part of that name.
    fn part(&mut self, id: Id, name: &str) -> Option<Id> {
        let mut found = None;
        self.each(id, &mut |key, part| {
            if crate::unescape_key(&key) == name {
                found = Some(part);
            }
            found.is_none()
        });
        found
    }

    /// Each part with its name until told to stop; whether it came to the end.
    fn each(&mut self, id: Id, tell: &mut dyn FnMut(String, Id) -> bool) -> bool {
        // An array of objects is what its list is.
        let list = match self.reader.read(id) {
            Ok(Some(Recognised::Array(PickledArray {
                elements: Elements::Objects(list),
                ..
            }))) => Some(list),
            _ => None,
        };
        let mut levels = vec![(list.unwrap_or(id), View::Plain, 0)];
        while let Some((id, view, i)) = levels.last_mut() {
            let found = child(self.tree, *id, *view, *i);
            let is_key = matches!(self.tree.get(*id), Value::Dict(_)) && *i % 2 == 0;
            *i += 1;
            match found {
                None => drop(levels.pop()),
                Some(_) if is_key => {}
                Some((Key::Same, part, view)) if levels.len() < 8 => levels.push((part, view, 0)),
                Some((key, part, _)) => {
                    let is_nothing = matches!(self.tree.get(part), Value::Tuple([]));
                    let key = key_text(self.tree, key).unwrap_or_else(|_| "?".to_owned());
                    if is_nothing && key == "args" {
                        continue;
                    }
                    if !tell(key, part) {
                        return false;
                    }
                }
            }
        }
        true
    }
}

fn head(array: &PickledArray) -> String {
    let extents: Vec<String> = array.shape.iter().map(usize::to_string).collect();
    let comma = if extents.len() == 1 { "," } else { "" };
    let name = array.dtype.name().unwrap_or_else(|| array.dtype.str());
    format!("{name} ({}{comma})", extents.join(", "))
}
