//! [`TreeBuilder`]: a [`Tree`] out of values at hand, to be written or looked at like one that was read.

use std::borrow::Cow;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use ndferry_array::{Dtype, Layout, Order};
use num_bigint::BigInt;

use crate::emit::Emitter;
use crate::input::ReadAt;
use crate::opcode as op;
use crate::value::{CallKind, Id, Tree};
use crate::write::dtype as write_dtype;
use crate::{ArrayHead, ErrorKind, Limits, Machine, Numpy, Result};

/// A value of a [`TreeBuilder`]; used twice, it is one object in two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Built(u32);

/// Makes a [`Tree`] value by value: those that are inside others come first, lists, dicts and objects may get more later,
/// themselves too.
///
/// It notes opcodes, which [`Machine`] then reads, so what comes out is what any pickle could have held. Elements of arrays
/// are referred to, not copied.
///
/// ```
/// use ndferry_array::{Dtype, Order};
/// use ndferry_pickle::{ArrayHead, TreeBuilder, TreeWriter, WriteOptions};
///
/// let mut builder = TreeBuilder::new();
/// let head = ArrayHead { dtype: &Dtype::parse("<i2")?, shape: &[2], order: Order::C };
/// let array = builder.array(&head, b"\x01\0\x02\0".as_slice())?;
/// let name = builder.text("pixels");
/// let dict = builder.dict(&[(name, array)]);
/// let (tree, root) = builder.finish(dict)?;
/// let pickle = TreeWriter::new(&tree, WriteOptions::default())?.write(root, Vec::new())?;
/// assert_eq!(pickle.last(), Some(&b'.'));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TreeBuilder {
    emit: Emitter<Segments>,
    buffers: Vec<Bytes>,
    /// The first value that could not be.
    failed: Option<io::Error>,
}

impl std::fmt::Debug for TreeBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TreeBuilder").finish_non_exhaustive()
    }
}

impl Default for TreeBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl TreeBuilder {
    /// Without values.
    pub fn new() -> Self {
        Self {
            emit: Emitter::begun(Segments::default(), 5),
            buffers: Vec::new(),
            failed: None,
        }
    }

    /// `None`
    pub fn none(&mut self) -> Built {
        self.made(|emit| emit.none())
    }

    /// `True` or `False`
    pub fn bool(&mut self, value: bool) -> Built {
        self.made(|emit| emit.bool(value))
    }

    /// `int`
    pub fn int(&mut self, value: i64) -> Built {
        self.made(|emit| emit.int(value))
    }

    /// `int` of any size.
    pub fn big_int(&mut self, value: &BigInt) -> Built {
        self.made(|emit| emit.big_int(value))
    }

    /// `float`
    pub fn float(&mut self, value: f64) -> Built {
        self.made(|emit| emit.float(value))
    }

    /// `str`
    pub fn text(&mut self, text: &str) -> Built {
        self.made(|emit| emit.text_from(text.len() as u64, &mut text.as_bytes()))
    }

    /// `bytes`
    pub fn bytes(&mut self, bytes: &[u8]) -> Built {
        self.made(|emit| emit.payload(bytes.len() as u64, 0, &mut &bytes[..]))
    }

    /// `bytearray`, or the buffer of an array; not copied.
    pub fn bytearray(&mut self, bytes: impl Into<Bytes>) -> Built {
        self.buffers.push(bytes.into());
        self.made(|emit| emit.alone(op::NEXT_BUFFER))
    }

    /// `bytes` that are read when they are needed.
    pub fn bytes_from(&mut self, source: Arc<dyn ReadAt>) -> Built {
        let nbytes = source.len();
        self.made(|emit| emit.unframed(op::BINBYTES8, nbytes, |out| out.source(source)))
    }

    /// Python 2's `str`, of less than 2 GiB.
    pub fn py2_str(&mut self, bytes: &[u8]) -> Built {
        self.made(|emit| emit.py2_str(bytes.len() as u64, &mut &bytes[..]))
    }

    /// `tuple`
    pub fn tuple(&mut self, items: &[Built]) -> Built {
        self.of_items(op::TUPLE, items)
    }

    /// `frozenset`
    pub fn frozenset(&mut self, items: &[Built]) -> Built {
        self.of_items(op::FROZENSET, items)
    }

    /// `list`
    pub fn list(&mut self, items: &[Built]) -> Built {
        let list = self.made(|emit| emit.alone(op::EMPTY_LIST));
        self.append(list, items);
        list
    }

    /// `set`
    pub fn set(&mut self, items: &[Built]) -> Built {
        let set = self.made(|emit| emit.alone(op::EMPTY_SET));
        self.changed(set, op::ADDITEMS, items);
        set
    }

    /// `dict`
    pub fn dict(&mut self, pairs: &[(Built, Built)]) -> Built {
        let dict = self.made(|emit| emit.alone(op::EMPTY_DICT));
        self.insert(dict, pairs);
        dict
    }

    /// More items of a list, or of an object that is like one.
    pub fn append(&mut self, list: Built, items: &[Built]) {
        self.changed(list, op::APPENDS, items);
    }

    /// More keys and values of a dict, or of an object that is like one.
    pub fn insert(&mut self, dict: Built, pairs: &[(Built, Built)]) {
        let items: Vec<Built> = pairs.iter().flat_map(|pair| [pair.0, pair.1]).collect();
        self.changed(dict, op::SETITEMS, &items);
    }

    /// A class or function, by name.
    pub fn global(&mut self, module: &str, name: &str) -> Built {
        let (module, name) = (module.to_owned(), name.to_owned());
        self.made(|emit| emit.global(Cow::<'static, str>::Owned(module), Cow::Owned(name)))
    }

    /// What calling something gives; `args` is a tuple.
    pub fn call(&mut self, kind: CallKind, function: Built, args: Built) -> Built {
        let opcode = match kind {
            CallKind::New => op::NEWOBJ,
            _ => op::REDUCE,
        };
        self.of(&[function, args], opcode)
    }

    /// What `function.__new__(function, *args, **kwargs)` gives.
    pub fn call_with(&mut self, function: Built, args: Built, kwargs: Built) -> Built {
        self.of(&[function, args, kwargs], op::NEWOBJ_EX)
    }

    /// Sets an object's state.
    pub fn state(&mut self, object: Built, state: Built) {
        self.done(|emit| {
            emit.get_number(object.0)?;
            emit.get_number(state.0)?;
            emit.opcode(op::BUILD);
            Ok(())
        });
    }

    /// An object that whoever reads it knows by an id.
    pub fn persistent(&mut self, id: Built) -> Built {
        self.of(&[id], op::BINPERSID)
    }

    /// NumPy's dtype; equal ones are one object.
    pub fn dtype(&mut self, dtype: &Dtype) -> Built {
        self.made(|emit| write_dtype(emit, dtype, Numpy::Any))
    }

    /// NumPy's array of these elements, which are in the head's order and not copied.
    ///
    /// # Errors
    /// Elements that shape and dtype do not fit; a dtype of objects.
    pub fn array(&mut self, head: &ArrayHead<'_>, elements: impl Into<Bytes>) -> Result<Built> {
        let elements = elements.into();
        fits(head, elements.len() as u64)?;
        let payload = self.bytearray(elements);
        Ok(self.array_of(head, payload))
    }

    /// The same, of elements that are read when they are needed.
    ///
    /// # Errors
    /// As [`Self::array`].
    pub fn array_from(&mut self, head: &ArrayHead<'_>, source: Arc<dyn ReadAt>) -> Result<Built> {
        fits(head, source.len())?;
        let payload = self.bytes_from(source);
        Ok(self.array_of(head, payload))
    }

    /// NumPy's array of objects, in C order.
    ///
    /// # Errors
    /// More or fewer objects than the shape has.
    pub fn object_array(&mut self, shape: &[usize], objects: &[Built]) -> Result<Built> {
        let dtype = &Dtype::OBJECT;
        let order = Order::C;
        let size = shape
            .iter()
            .try_fold(1, |size: usize, n| size.checked_mul(*n));
        if size != Some(objects.len()) {
            let (what, found) = ("ndarray", objects.len());
            let problem = format!("shape {shape:?} does not have {found} elements");
            return Err(ErrorKind::State { what, problem }.at(0));
        }
        let objects = self.list(objects);
        Ok(self.array_of(
            &ArrayHead {
                dtype,
                shape,
                order,
            },
            objects,
        ))
    }

    fn array_of(&mut self, head: &ArrayHead<'_>, payload: Built) -> Built {
        let function = self.global("numpy.core.multiarray", "_reconstruct");
        let class = self.global("numpy", "ndarray");
        let (zero, b) = (self.int(0), self.bytes(b"b"));
        let shape = self.tuple(&[zero]);
        let args = self.tuple(&[class, shape, b]);
        let array = self.call(CallKind::Reduce, function, args);
        let extents: Vec<Built> = head.shape.iter().map(|n| self.int(*n as i64)).collect();
        let (version, shape) = (self.int(1), self.tuple(&extents));
        let (dtype, is_fortran) = (self.dtype(head.dtype), self.bool(head.order == Order::F));
        let state = self.tuple(&[version, shape, dtype, is_fortran, payload]);
        self.state(array, state);
        array
    }

    /// The values, and the one that is meant.
    ///
    /// # Errors
    /// A value where none of its kind can be: arguments that are no tuple, items of what has none.
    pub fn finish(mut self, root: Built) -> Result<(Tree, Id)> {
        if let Some(error) = self.failed {
            return Err(system(error));
        }
        self.emit.get_number(root.0).map_err(system)?;
        let mut segments = self.emit.finish().map_err(system)?;
        segments.cut();
        let limits = Limits {
            values: usize::MAX,
            globals: usize::MAX,
            ..Limits::default()
        };
        let mut machine = Machine::open(Arc::new(segments), 0, limits, self.buffers);
        let root = machine.load()?;
        let mut tree = machine.into_tree();
        // Nobody wrote it, so each form of an array is as good as the others.
        tree.protocol = 0;
        Ok((tree, root))
    }

    fn of(&mut self, parts: &[Built], opcode: u8) -> Built {
        self.made(|emit| {
            parts.iter().try_for_each(|part| emit.get_number(part.0))?;
            emit.opcode(opcode);
            Ok(())
        })
    }

    fn of_items(&mut self, opcode: u8, items: &[Built]) -> Built {
        self.made(|emit| {
            emit.alone(op::MARK)?;
            items.iter().try_for_each(|item| emit.get_number(item.0))?;
            emit.opcode(opcode);
            Ok(())
        })
    }

    fn changed(&mut self, object: Built, opcode: u8, items: &[Built]) {
        self.done(|emit| {
            emit.get_number(object.0)?;
            emit.alone(op::MARK)?;
            items.iter().try_for_each(|item| emit.get_number(item.0))?;
            emit.opcode(opcode);
            Ok(())
        });
    }

    /// Writes a value, numbers it, and takes it from the stack.
    fn made(&mut self, write: impl FnOnce(&mut Emitter<Segments>) -> io::Result<()>) -> Built {
        let mut number = 0;
        self.done(|emit| {
            write(emit)?;
            number = emit.put();
            Ok(())
        });
        Built(number)
    }

    fn done(&mut self, write: impl FnOnce(&mut Emitter<Segments>) -> io::Result<()>) {
        // Into memory, so all that can fail is a `str` of Python 2 or a number that is too long, which `finish` tells.
        match write(&mut self.emit) {
            Ok(()) => self.emit.opcode(op::POP),
            Err(error) => self.failed = self.failed.take().or(Some(error)),
        }
    }
}

fn fits(head: &ArrayHead<'_>, found: u64) -> Result<()> {
    if head.dtype.has_object() {
        let what = "an array of objects as bytes".to_owned();
        return Err(ErrorKind::Unsupported { what }.at(0));
    }
    let layout = Layout::contiguous(head.shape, head.dtype.itemsize(), head.order)
        .map_err(|error| ErrorKind::Array(error).at(0))?;
    let needed = (layout.size() * head.dtype.itemsize()) as u64;
    if needed != found {
        let (dtype, shape) = (head.dtype.str(), head.shape.to_vec());
        return Err(ErrorKind::ElementBytes {
            dtype,
            shape,
            needed,
            found,
        }
        .at(0));
    }
    Ok(())
}

fn system(error: io::Error) -> crate::Error {
    ErrorKind::Io(error).at(0)
}

/// Opcodes in memory, and between them what is elsewhere.
#[derive(Default)]
pub(crate) struct Segments {
    /// Where each ends, and what it is.
    done: Vec<(u64, Arc<dyn ReadAt>)>,
    open: Vec<u8>,
}

impl Segments {
    fn source(&mut self, source: Arc<dyn ReadAt>) {
        self.cut();
        self.push(source);
    }

    fn cut(&mut self) {
        let open = Bytes::from(std::mem::take(&mut self.open));
        self.push(Arc::new(open));
    }

    fn push(&mut self, segment: Arc<dyn ReadAt>) {
        if !segment.is_empty() {
            self.done.push((self.len() + segment.len(), segment));
        }
    }
}

impl Write for Segments {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.open.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ReadAt for Segments {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let i = self.done.partition_point(|(end, _)| *end <= offset);
        let Some((end, segment)) = self.done.get(i) else {
            return Ok(0);
        };
        let start = end - segment.len();
        segment.read_at(buf, offset - start)
    }

    fn len(&self) -> u64 {
        self.done.last().map_or(0, |(end, _)| *end)
    }

    fn shared(&self, range: Range<u64>) -> Option<Bytes> {
        let i = self.done.partition_point(|(end, _)| *end <= range.start);
        let (end, segment) = self.done.get(i)?;
        let start = end - segment.len();
        // All of them would be taken for the whole input.
        let is_part = range.end <= *end && range.end - range.start < self.len();
        is_part
            .then(|| segment.shared(range.start - start..range.end - start))
            .flatten()
    }
}
