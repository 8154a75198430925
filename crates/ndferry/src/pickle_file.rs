//! Reading pickles.

use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ndferry_array::{Array, Dtype, Kind, Layout, Order, Selection};
use ndferry_pickle::{Elements, Id, Machine, Payload, PickledArray, StoredOrder, Tree, Value};

use crate::elsewhere::Elsewhere;
use crate::error::pickle;
use crate::input::Input;
use crate::joblib_beside::Folder;
use crate::lazy::{Backing, Stored};
use crate::pickle_scan::global_uses;
use crate::pickle_walk::{Found, Walk, What};
use crate::source::Contents;
use crate::stored::plain::Plain;
use crate::torch_file;
use crate::units::Units;
use crate::{
    ErrorKind, Format, Interrupt, Limits, MemberInfo, Objects, OpenOptions, Policy, Result, Safety,
    Storage, Values,
};

impl ndferry_pickle::ReadAt for Input {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        Input::read_at(self, buf, offset)
    }

    fn len(&self) -> u64 {
        self.nbytes()
    }

    fn shared(&self, range: Range<u64>) -> Option<Bytes> {
        Input::shared(self, range.start, range.end.checked_sub(range.start)?)
    }
}

/// Opens a pickle; `folder` is where it is, if that is known, since old ones of joblib have their arrays beside them.
pub(crate) fn open(
    input: &Input,
    folder: Option<&Path>,
    options: &OpenOptions,
) -> Result<Contents> {
    if torch_file::is_legacy(&input.head(Format::SNIFF_NBYTES)?) {
        return torch_file::open_legacy(input, options);
    }
    let pickled = Pickled::parse(input, 0, options.limits.members, options)?;
    let folder = folder.map(|folder| Folder::new(folder, options));
    let beside = folder.as_ref().map(|folder| folder as &dyn Elsewhere);
    let mut contents = Contents::new(match pickled.is_joblib() {
        true => Format::Joblib,
        false => Format::Pickle,
    });
    contents.end = Some(pickled.end);
    pickled.judge(&mut contents);
    let walk = pickled.walk(&pickled.roots, options, beside)?;
    contents.unknown = walk.unknown();
    let found = walk.into_found();
    contents.pickle.get_or_insert_default().holds_more = !pickled.is_flat(&found);
    contents.masked = masked(&found).collect();
    for (info, backing) in pickled.listed(found, input, options)? {
        contents.push(info, backing);
    }
    if let Some(folder) = &folder {
        folder.judge(&mut contents);
    }
    Ok(contents)
}

/// Pickles that were read: one, or several after one another.
pub(crate) struct Pickled {
    tree: Arc<Tree>,
    roots: Vec<Id>,
    protocol: u8,
    /// First byte after the last of them.
    pub(crate) end: u64,
}

impl Pickled {
    /// Reads what begins at `start`; after the first pickle, at most as many more as to make `most`.
    pub(crate) fn parse(
        input: &Input,
        start: u64,
        most: usize,
        options: &OpenOptions,
    ) -> Result<Self> {
        let limits = pickle_limits(&options.limits);
        let mut machine = Machine::open(
            Arc::new(input.clone()),
            start,
            limits,
            options.buffers.clone(),
        );
        let interrupt = options.interrupt.clone();
        machine.watch(move || interrupt.check().map_err(crate::error::to_io));
        for (code, (module, name)) in &options.extensions {
            machine.add_extension(*code, module, name);
        }
        let mut roots = vec![machine.load().map_err(pickle)?];
        let mut end = machine.offset();
        while end < input.nbytes() && roots.len() < most {
            options.interrupt.check()?;
            let Some(root) = next(&mut machine, end) else {
                break;
            };
            roots.push(root);
            end = machine.offset();
        }
        Ok(Self {
            protocol: machine.protocol(),
            tree: Arc::new(machine.into_tree()),
            roots,
            end,
        })
    }

    /// One value that was read.
    #[cfg(feature = "npb")]
    pub(crate) fn of(objects: &Objects) -> Self {
        Self {
            tree: Arc::clone(&objects.tree),
            roots: vec![objects.root],
            protocol: 0,
            end: 0,
        }
    }

    /// All values.
    pub(crate) fn into_values(self, name: &str) -> Values {
        Values::new(name, self.tree, self.roots)
    }

    /// The first value, an array of objects.
    pub(crate) fn root(&self) -> Objects {
        Objects {
            tree: Arc::clone(&self.tree),
            root: self.roots[0],
        }
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The value of each pickle.
    pub(crate) fn roots(&self) -> &[Id] {
        &self.roots
    }

    /// The array with that path, as the value that it is.
    pub(crate) fn at(self, path: &str, options: &OpenOptions) -> Result<(Self, Vec<Id>)> {
        let found = self.found(&self.roots, options, None)?;
        match found.iter().find(|found| found.path == path) {
            Some(found) => {
                let root = found.id;
                Ok((self, vec![root]))
            }
            None => {
                let present = found.into_iter().map(|found| found.path).take(9).collect();
                let wanted = path.to_owned();
                Err(ErrorKind::NoMember { wanted, present }.into())
            }
        }
    }

    /// Whether arrays lie between the opcodes, or in files beside it, as only joblib puts them.
    fn is_joblib(&self) -> bool {
        let is_wrapper = |global: &ndferry_pickle::Global| {
            matches!(
                &*global.name,
                "NumpyArrayWrapper" | "NDArrayWrapper" | "ZNDArrayWrapper"
            ) && global.module.ends_with("joblib.numpy_pickle")
        };
        self.tree.globals().iter().any(is_wrapper)
    }

    /// Adds what is known of it to what is known of its source.
    pub(crate) fn judge(&self, contents: &mut Contents) {
        let info = contents.pickle.get_or_insert_default();
        info.protocol = info.protocol.max(self.protocol);
        info.globals.extend(global_uses(&self.tree));
        contents.safety = Safety::of(&info.globals, &Policy::std());
    }

    /// The arrays in one of its values, also those whose elements are elsewhere.
    pub(crate) fn arrays_of(
        &self,
        root: Id,
        input: &Input,
        options: &OpenOptions,
        elsewhere: Option<&dyn Elsewhere>,
    ) -> Result<Vec<(MemberInfo, Backing)>> {
        self.listed(self.found(&[root], options, elsewhere)?, input, options)
    }

    fn found<'t>(
        &'t self,
        roots: &[Id],
        options: &'t OpenOptions,
        elsewhere: Option<&'t dyn Elsewhere>,
    ) -> Result<Vec<Found>> {
        self.walk(roots, options, elsewhere).map(Walk::into_found)
    }

    fn walk<'t>(
        &'t self,
        roots: &[Id],
        options: &'t OpenOptions,
        elsewhere: Option<&'t dyn Elsewhere>,
    ) -> Result<Walk<'t>> {
        let mut walk = Walk::new(&self.tree, options, elsewhere);
        for (i, root) in roots.iter().enumerate() {
            walk.walk(*root, (roots.len() > 1).then_some(i))?;
        }
        Ok(walk)
    }

    /// Whether it is nothing but one array, or a list or dict of some, each there once and under a name.
    fn is_flat(&self, found: &[Found]) -> bool {
        let [root] = self.roots[..] else {
            return false;
        };
        let items: Vec<Id> = match self.tree.get(root) {
            Value::List(items) | Value::Tuple(items) => items.to_vec(),
            Value::Dict(pairs) => {
                let is_name = |key: Id| {
                    matches!(self.tree.get(key), Value::Str(_) | Value::Py2Str(_))
                        && matches!(self.tree.name(key), Ok(Some(name)) if !name.is_empty())
                };
                if !pairs.iter().all(|(key, _)| is_name(*key)) {
                    return false;
                }
                pairs.iter().map(|(_, value)| *value).collect()
            }
            _ => vec![root],
        };
        // Arrays are found in the order in which they stand.
        let plain = found.iter().filter(|found| found.is_plain());
        found.len() == items.len() && plain.map(|found| found.id).eq(items)
    }

    fn listed(
        &self,
        found: Vec<Found>,
        input: &Input,
        options: &OpenOptions,
    ) -> Result<Vec<(MemberInfo, Backing)>> {
        let listed = |found: Found| {
            let array = match found.array {
                What::Pickled(array) => array,
                What::Elsewhere(info, backing) => {
                    let path = found.path;
                    return Ok((MemberInfo { path, ..*info }, backing));
                }
            };
            let mut backing = backing(input, &self.tree, &array, &options.interrupt)?;
            if matches!(backing, Backing::Objects(_)) && found.is_array {
                let (tree, root) = (Arc::clone(&self.tree), found.id);
                backing = Backing::Objects(Some(Objects { tree, root }));
            }
            Ok((member(found.path, &array, &backing), backing))
        };
        found.into_iter().map(listed).collect()
    }

    /// Lists an NPY of objects, whose elements are pickled as one array, and the arrays inside; `path` is that of the NPY,
    /// and `header` what it says of itself.
    pub(crate) fn list_objects(
        &self,
        input: &Input,
        path: &str,
        header: &ndferry_npy::Header,
        options: &OpenOptions,
        contents: &mut Contents,
    ) -> Result<()> {
        let found = self.found(&self.roots, options, None)?;
        let masked: Vec<(String, usize)> = masked(&found).collect();
        let mut arrays = self.listed(found, input, options)?.into_iter();
        let root = arrays.next().map(|(info, _)| info);
        let size = |shape: &[usize]| shape.iter().product::<usize>();
        // Of strings of any length, headers say that they are objects (`dtype_to_descr` in `numpy/lib/_format_impl.py`).
        let is_text = |dtype: &Dtype| *dtype.kind() == Kind::VariableString;
        let fits = root.filter(|root| {
            let same_size = size(&root.shape) == size(&header.shape);
            let same_dtype = root.dtype == header.dtype
                || *header.dtype.kind() == Kind::Object && is_text(&root.dtype);
            root.path.is_empty() && same_size && same_dtype
        });
        let Some(root) = fits else {
            let what = "array of objects";
            let problem = "its header and its pickle do not agree".to_owned();
            let kind = ndferry_pickle::ErrorKind::State { what, problem };
            return Err(ErrorKind::Pickle(kind).at(0));
        };
        let within = |inner: String| match path {
            "" => inner,
            path => format!("{path}.{inner}"),
        };
        let first = contents.members.len();
        for (inner, i) in masked {
            contents.masked.insert(within(inner), first + i);
        }
        let info = crate::npy_file::member(path, header, Storage::Objects);
        let dtype = root.dtype;
        contents.push_objects(MemberInfo { dtype, ..info }, self.root());
        for (mut info, backing) in arrays {
            info.path = within(info.path);
            contents.push_inner(info, backing);
        }
        Ok(())
    }
}

/// The paths of masked arrays, and where the data of each are among what was found; the mask follows.
fn masked(found: &[Found]) -> impl Iterator<Item = (String, usize)> {
    found.windows(2).enumerate().filter_map(|(i, pair)| {
        // What is there twice is listed once, but for data and mask of one object.
        let is_masked = pair[0].id == pair[1].id;
        let path = pair[0].path.strip_suffix("data").filter(|_| is_masked)?;
        Some((path.strip_suffix('.').unwrap_or(path).to_owned(), i))
    })
}

/// One more pickle, if there is one: by itself, or of the same pickler as the one before.
fn next(machine: &mut Machine, start: u64) -> Option<Id> {
    if let Ok(root) = machine.load() {
        return Some(root);
    }
    machine.skip_to(start);
    machine.load_on().ok()
}

pub(crate) fn pickle_limits(limits: &Limits) -> ndferry_pickle::Limits {
    let mut out = ndferry_pickle::Limits::default();
    out.values = limits.nodes;
    out.memo = limits.memo;
    out.globals = limits.globals;
    out.digits = limits.digits;
    out
}

fn backing(
    input: &Input,
    tree: &Arc<Tree>,
    array: &PickledArray,
    interrupt: &Interrupt,
) -> Result<Backing> {
    let payload = match &array.elements {
        Elements::Bytes(payload) => *payload,
        Elements::Values(bytes) => {
            let made =
                Array::contiguous(array.dtype.clone(), &array.shape, Order::C, bytes.clone());
            return Ok(Backing::Memory(made?));
        }
        _ => return Ok(Backing::Objects(None)),
    };
    if let StoredOrder::Permuted(axes) = &array.order {
        let mut stored = vec![0; axes.len()];
        for (extent, axis) in array.shape.iter().zip(axes) {
            stored[*axis] = *extent;
        }
        let bytes = payload.bytes(tree).map_err(pickle)?;
        let layout = Layout::contiguous(&stored, array.dtype.itemsize(), Order::C)?;
        let made = Array::new(array.dtype.clone(), layout, bytes)?;
        return Ok(Backing::Memory(made.transposed(axes)?));
    }
    let interrupt = interrupt.clone();
    Ok(Backing::Stored(match payload.offset() {
        Some(offset) => Arc::new(Plain {
            input: input.clone(),
            offset,
            nbytes: payload.nbytes(),
            interrupt,
        }),
        None => Arc::new(Spelled {
            tree: Arc::clone(tree),
            payload,
        }),
    }))
}

fn member(path: String, array: &PickledArray, backing: &Backing) -> MemberInfo {
    let storage = match (&array.elements, backing) {
        (Elements::Objects(_), _) => Storage::Objects,
        (Elements::Bytes(payload), Backing::Stored(_)) => match payload.offset() {
            Some(offset) => Storage::Plain { offset },
            None => Storage::Pickled,
        },
        _ => Storage::Pickled,
    };
    // The product was checked when the array was recognised.
    let size = if array.shape.contains(&0) {
        0
    } else {
        array.shape.iter().map(|extent| *extent as u64).product()
    };
    MemberInfo {
        path,
        dtype: array.dtype.clone(),
        shape: array.shape.clone(),
        order: match array.order {
            StoredOrder::F => Order::F,
            _ => Order::C,
        },
        nbytes: size * array.dtype.itemsize() as u64,
        storage,
        attributes: Default::default(),
    }
}

/// Elements that are spelled in another way than as bytes: Latin-1 text, escapes.
#[derive(Debug)]
struct Spelled {
    tree: Arc<Tree>,
    payload: Payload,
}

impl Spelled {
    fn bytes(&self) -> Result<Bytes> {
        self.payload.bytes(&self.tree).map_err(pickle)
    }
}

impl Stored for Spelled {
    fn read(&self, _: &Selection, units: &Units, out: &mut [u8]) -> Result<()> {
        let bytes = self.bytes()?;
        let nbytes = units.nbytes as usize;
        for (offset, unit) in units.offsets().zip(out.chunks_mut(nbytes.max(1))) {
            unit.copy_from_slice(&bytes[offset as usize..][..nbytes]);
        }
        Ok(())
    }

    fn stream(&self) -> Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(io::Cursor::new(self.bytes()?)))
    }

    fn whole(&self) -> Option<Result<Bytes>> {
        Some(self.bytes())
    }

    fn check_nbytes(&self, nbytes: u64) -> Result<()> {
        let found = self.payload.nbytes();
        if found < nbytes {
            let needed = nbytes;
            return Err(ErrorKind::Truncated { needed, found }.into());
        }
        Ok(())
    }
}
