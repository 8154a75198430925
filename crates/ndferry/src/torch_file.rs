//! Files of PyTorch: a pickle that names tensors, and their elements in storages beside it: members of a ZIP, or, before
//! PyTorch 1.6, one after another behind five pickles.

use std::collections::HashMap;
use std::sync::Arc;

use ndferry_array::{Array, ByteOrder, Dtype, Layout, Order};
use ndferry_npy::Npz;
use ndferry_pickle::{Call, Id, Tree, Value};

use crate::elsewhere::Elsewhere;
use crate::error::npy;
use crate::input::Input;
use crate::lazy::Backing;
use crate::pickle_file::Pickled;
use crate::source::Contents;
use crate::stored::plain::Plain;
use crate::{
    ErrorKind, Format, Interrupt, MemberInfo, OpenOptions, Policy, Result, Safety, Storage,
};

/// The first pickle of a file before PyTorch 1.6: this number alone (`torch.serialization.MAGIC_NUMBER`).
const MAGIC: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// The same in protocols 0 and 1.
const OLD_MAGIC: &[u8] = b"L119547037146038801333356L\n.";

/// Whether these first bytes are those of such a file.
pub(crate) fn is_legacy(head: &[u8]) -> bool {
    match head {
        // From protocol 4 on, in a frame.
        [0x80, _, 0x95, _, _, _, _, _, _, _, _, rest @ ..] => rest.starts_with(MAGIC),
        [0x80, _, rest @ ..] => rest.starts_with(MAGIC),
        _ => head.starts_with(OLD_MAGIC),
    }
}

/// Pickles before the storages: the number, the version, what machine it was, the object, the keys of the storages.
const PICKLES: usize = 5;

/// Opens a file from before PyTorch 1.6.
pub(crate) fn open_legacy(input: &Input, options: &OpenOptions) -> Result<Contents> {
    let pickled = Pickled::parse(input, 0, PICKLES, options)?;
    let wrong = |problem: &str| {
        let (what, problem) = ("PyTorch file", problem.to_owned());
        ErrorKind::Pickle(ndferry_pickle::ErrorKind::State { what, problem }).at(pickled.end)
    };
    let tree = pickled.tree();
    let [_, _, system, root, keys] = *pickled.roots() else {
        return Err(wrong("there are not five pickles in it"));
    };
    let is_little = match tree.get(system) {
        Value::Dict(pairs) => {
            let order = crate::elsewhere::attribute(tree, pairs, "little_endian");
            !matches!(order.map(|id| tree.get(id)), Some(Value::Bool(false)))
        }
        _ => true,
    };
    let Some(keys) = tree.sequence(keys) else {
        return Err(wrong("the keys of its storages are no list"));
    };
    // Each storage begins with its number of elements.
    let itemsizes = itemsizes(tree)?;
    let mut places = HashMap::new();
    let mut at = pickled.end;
    for key in keys {
        let Some(key) = tree.name(*key).map_err(crate::error::pickle)? else {
            return Err(wrong("the key of a storage is no text"));
        };
        let Some(itemsize) = itemsizes.get(&*key) else {
            return Err(wrong("nobody says what is in one of its storages"));
        };
        let mut count = [0; 8];
        input.read_exact_at(&mut count, at)?;
        let nbytes = u64::from_le_bytes(count).checked_mul(*itemsize);
        let found = input.nbytes() - (at + 8);
        let Some(nbytes) = nbytes.filter(|needed| *needed <= found) else {
            let needed = nbytes.unwrap_or(u64::MAX);
            return Err(ErrorKind::Truncated { needed, found }.at(at + 8));
        };
        let place = Place {
            input: input.clone(),
            offset: at + 8,
            nbytes,
            is_here: true,
        };
        places.insert(key.into_owned(), place);
        at += 8 + nbytes;
    }
    let storages = Storages {
        places,
        byteorder: byteorder(is_little),
        interrupt: options.interrupt.clone(),
    };
    let mut contents = Contents::new(Format::Torch);
    contents.end = Some(at);
    pickled.judge(&mut contents);
    trust_storages(&mut contents);
    for (info, backing) in pickled.arrays_of(root, input, options, Some(&storages))? {
        contents.push(info, backing);
    }
    Ok(contents)
}

/// The member that makes a ZIP a file of PyTorch, and what stands before the names of the others.
pub(crate) fn data_member(npz: &Npz<Input>) -> Option<(usize, String)> {
    let files = npz.members().iter().map(|member| member.file());
    let i = files.clone().position(|file| file.ends_with("/data.pkl"))?;
    let prefix = npz.members()[i].file().strip_suffix("data.pkl")?.to_owned();
    let is_ours = |file: &str| {
        let rest = file.strip_prefix(&*prefix);
        rest.is_some_and(|rest| rest == "version" || rest.starts_with("data/"))
    };
    files.clone().any(is_ours).then_some((i, prefix))
}

/// Opens a ZIP of PyTorch's; the other pickles in it are judged too.
pub(crate) fn open_zip(
    input: &Input,
    npz: &Npz<Input>,
    data: usize,
    prefix: &str,
    options: &OpenOptions,
) -> Result<Contents> {
    let mut contents = Contents::new(Format::Torch);
    let mut places = HashMap::new();
    let mut is_little = true;
    for (i, entry) in npz.members().iter().enumerate() {
        options.interrupt.check()?;
        let in_member = |error: crate::Error| error.in_member(entry.file());
        match entry.file().strip_prefix(prefix) {
            Some("byteorder") => {
                let order = npz.bytes(i).map_err(npy).map_err(in_member)?;
                is_little = &*order != b"big";
            }
            Some(rest) if rest.starts_with("data/") => {
                let place = match npz.stored_range(i).map_err(npy).map_err(in_member)? {
                    Some(range) => Place {
                        input: input.clone(),
                        offset: range.start,
                        nbytes: range.end - range.start,
                        is_here: true,
                    },
                    None => {
                        let bytes = npz.bytes(i).map_err(npy).map_err(in_member)?;
                        let nbytes = bytes.len() as u64;
                        Place {
                            input: Input::of_bytes(bytes),
                            offset: 0,
                            nbytes,
                            is_here: false,
                        }
                    }
                };
                places.insert(rest["data/".len()..].to_owned(), place);
            }
            _ if i != data && entry.file().ends_with(".pkl") => {
                let pickled = crate::npz_file::pickle_in(npz, i, 0, options);
                pickled.map_err(in_member)?.1.judge(&mut contents);
            }
            _ => {}
        }
    }
    let storages = Storages {
        places,
        byteorder: byteorder(is_little),
        interrupt: options.interrupt.clone(),
    };
    let in_member = |error: crate::Error| error.in_member(npz.members()[data].file());
    let (bytes, pickled) = crate::npz_file::pickle_in(npz, data, 0, options).map_err(in_member)?;
    pickled.judge(&mut contents);
    trust_storages(&mut contents);
    let root = pickled.roots()[0];
    let arrays = pickled.arrays_of(root, &bytes, options, Some(&storages));
    for (info, backing) in arrays.map_err(in_member)? {
        contents.push(info, backing);
    }
    contents.end = Some(npz.end());
    Ok(contents)
}

/// In PyTorch's files, persistent ids are the names of storages, and PyTorch reads them as nothing else.
fn trust_storages(contents: &mut Contents) {
    if let Some(info) = &mut contents.pickle {
        info.globals
            .retain(|global| (&*global.module, &*global.name) != ("pickle", "persistent_load"));
        contents.safety = Safety::of(&info.globals, &Policy::std());
    }
}

/// Where a storage is.
struct Place {
    input: Input,
    offset: u64,
    nbytes: u64,
    /// Whether that is the file itself.
    is_here: bool,
}

struct Storages {
    places: HashMap<String, Place>,
    byteorder: ByteOrder,
    interrupt: Interrupt,
}

impl Elsewhere for Storages {
    /// `_rebuild_tensor_v2(storage, offset, size, stride, …)` and its sisters in `torch._utils`.
    fn array(&self, tree: &Tree, call: &Call) -> Result<Option<(MemberInfo, Backing)>> {
        let Some(("torch._utils", name)) = tree.global(call.function) else {
            return Ok(None);
        };
        let Some(args) = tree.sequence(call.args) else {
            return Ok(None);
        };
        let (storage, start, shape, strides, dtype) = match (name, args) {
            ("_rebuild_tensor" | "_rebuild_tensor_v2", [storage, start, shape, strides, ..]) => {
                (*storage, *start, *shape, *strides, None)
            }
            ("_rebuild_tensor_v3", [storage, start, shape, strides, _, _, dtype, ..]) => {
                (*storage, *start, *shape, *strides, Some(*dtype))
            }
            ("_rebuild_parameter" | "_rebuild_parameter_with_state", [tensor, ..]) => {
                // What it holds is the tensor.
                return match tree.get(*tensor) {
                    Value::Call(inner) if !is_parameter(tree, inner) => self.array(tree, inner),
                    _ => Ok(None),
                };
            }
            _ => return Ok(None),
        };
        let wrong = |problem: &str| {
            let (what, problem) = ("tensor", problem.to_owned());
            ErrorKind::Pickle(ndferry_pickle::ErrorKind::State { what, problem }).at(call.offset)
        };
        let Some(storage) = StorageId::of(tree, storage)? else {
            return Ok(None);
        };
        let named = dtype.map_or(storage.class, |dtype| tree.global(dtype));
        let dtype = named.and_then(|(_, name)| dtype_of(name)).ok_or_else(|| {
            let name = named.map_or("?", |named| named.1);
            ErrorKind::Unsupported {
                what: format!("a tensor of torch.{name}"),
            }
            .at(call.offset)
        })?;
        let dtype = dtype.with_byteorder(self.byteorder);
        let extents = |id| -> Option<Vec<usize>> {
            let ids = tree.sequence(id)?.iter();
            ids.map(|id| usize::try_from(tree.int(*id)?).ok()).collect()
        };
        let (Some(shape), Some(strides)) = (extents(shape), extents(strides)) else {
            return Err(wrong("its size and stride are not tuples of numbers"));
        };
        let Some(place) = self.places.get(&*storage.key) else {
            return Err(wrong("its storage is not in the file"));
        };
        let itemsize = dtype.itemsize();
        let start = tree
            .int(start)
            .and_then(|start| usize::try_from(start).ok());
        let start = start.and_then(|start| start.checked_mul(itemsize));
        let bytes = |stride: &usize| isize::try_from(stride.checked_mul(itemsize)?).ok();
        let strides = strides.iter().map(bytes).collect::<Option<Vec<_>>>();
        let (Some(start), Some(strides)) = (start, strides) else {
            return Err(wrong("its place in the storage is no place"));
        };
        // Checks that so many elements can be.
        let size = Layout::contiguous(&shape, itemsize, Order::C)?.size();
        let nbytes = (size * itemsize) as u64;
        let layout = Layout::strided(&shape, &strides, start)?;
        let order = match layout.is_contiguous(itemsize, Order::C) {
            true => Some(Order::C),
            false if layout.is_contiguous(itemsize, Order::F) => Some(Order::F),
            false => None,
        };
        let end = (start as u64).checked_add(nbytes);
        let (storage, backing) = match order {
            Some(_) if nbytes > 0 && end.is_none_or(|end| end > place.nbytes) => {
                return Err(wrong("it lies beyond the end of its storage"));
            }
            Some(_) => {
                let offset = place.offset + start as u64;
                let plain = Plain {
                    input: place.input.clone(),
                    offset,
                    nbytes,
                    interrupt: self.interrupt.clone(),
                };
                let storage = match place.is_here {
                    true => Storage::Plain { offset },
                    false => Storage::Pickled,
                };
                (storage, Backing::Stored(Arc::new(plain)))
            }
            // Other strides: the part of the storage from its first element on, looked at through them.
            None => {
                let bytes = place.input.bytes(place.offset, place.nbytes)?;
                let array = Array::new(dtype.clone(), layout, bytes)?;
                (Storage::Pickled, Backing::Memory(array))
            }
        };
        let info = MemberInfo {
            path: String::new(),
            dtype,
            shape,
            order: order.unwrap_or(Order::C),
            nbytes,
            storage,
            attributes: Default::default(),
        };
        Ok(Some((info, backing)))
    }
}

fn is_parameter(tree: &Tree, call: &Call) -> bool {
    matches!(tree.global(call.function), Some((_, name)) if name.starts_with("_rebuild_parameter"))
}

/// `('storage', class, key, device, number of elements[, view])`, in a persistent id.
struct StorageId<'t> {
    class: Option<(&'t str, &'t str)>,
    key: std::borrow::Cow<'t, str>,
}

impl<'t> StorageId<'t> {
    fn of(tree: &'t Tree, id: Id) -> Result<Option<Self>> {
        let Value::Persistent(id) = tree.get(id) else {
            return Ok(None);
        };
        let Some([kind, class, key, _, _, view @ ..]) = tree.sequence(id) else {
            return Ok(None);
        };
        let text = |id| tree.name(id).map_err(crate::error::pickle);
        let (Some(kind), Some(key)) = (text(*kind)?, text(*key)?) else {
            return Ok(None);
        };
        let is_view = view
            .first()
            .is_some_and(|view| !matches!(tree.get(*view), Value::None));
        if kind != "storage" || is_view {
            return Ok(None);
        }
        let class = tree.global(*class);
        Ok(Some(Self { class, key }))
    }
}

/// Bytes of an element in each storage that is named.
fn itemsizes(tree: &Tree) -> Result<HashMap<String, u64>> {
    let mut out = HashMap::new();
    for id in tree.ids() {
        if let Some(storage) = StorageId::of(tree, id)? {
            let dtype = storage.class.and_then(|(_, name)| dtype_of(name));
            if let Some(dtype) = dtype {
                out.insert(storage.key.into_owned(), dtype.itemsize() as u64);
            }
        }
    }
    Ok(out)
}

fn byteorder(is_little: bool) -> ByteOrder {
    match is_little {
        true => ByteOrder::Little,
        false => ByteOrder::Big,
    }
}

/// The dtype of a class of storages (`FloatStorage`) or of PyTorch's own name for it (`float32`). What NumPy has not, such
/// as `bfloat16`, is bytes of that size, as `numpy.save` has it of `ml_dtypes`.
fn dtype_of(name: &str) -> Option<Dtype> {
    let spelled = match name {
        "DoubleStorage" | "float64" | "double" => "<f8",
        "FloatStorage" | "float32" | "float" => "<f4",
        "HalfStorage" | "float16" | "half" => "<f2",
        "LongStorage" | "int64" | "long" => "<i8",
        "IntStorage" | "int32" | "int" => "<i4",
        "ShortStorage" | "int16" | "short" => "<i2",
        "CharStorage" | "int8" => "|i1",
        "ByteStorage" | "uint8" | "UntypedStorage" => "|u1",
        "uint16" => "<u2",
        "uint32" => "<u4",
        "uint64" => "<u8",
        "BoolStorage" | "bool" => "|b1",
        "ComplexFloatStorage" | "complex64" | "cfloat" => "<c8",
        "ComplexDoubleStorage" | "complex128" | "cdouble" => "<c16",
        "BFloat16Storage" | "bfloat16" => "|V2",
        "ComplexHalfStorage" | "complex32" | "chalf" => "|V4",
        name if name.starts_with("float8_") => "|V1",
        _ => return None,
    };
    Dtype::parse(spelled).ok()
}
