//! [`PickleWriter`]: arrays into a pickle, for every NumPy or exactly as one of them would.

use std::io::{self, BufRead, Write};

use ndferry_array::{ByteOrder, Dtype, Kind, Order, Struct, TimeUnit};

use crate::emit::{Emitter, Shared, wide};
use crate::opcode as op;
use crate::{ErrorKind, Result};

/// Which NumPy a pickle is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numpy {
    /// All of them: what is written loads without a warning wherever its protocol is known.
    #[default]
    Any,
    /// Byte for byte as NumPy 1.26 writes.
    One,
    /// Byte for byte as NumPy 2.4 writes; NumPy before 1.26 cannot load it, nor 1.26 what has protocol 5.
    Two,
}

/// How to write a pickle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteOptions {
    /// 0 to 5. Python 2 reads up to 2, Python 3 before 3.4 up to 3, before 3.8 up to 4.
    pub protocol: u8,
    /// Which NumPy it is for.
    pub numpy: Numpy,
    /// Writes bytes as the `str` of Python 2, for readers that know no call of `_codecs.encode`; at most in protocol 2.
    /// Python 3 reads them with `encoding='latin1'` or `'bytes'` alone.
    pub python2: bool,
}

impl WriteOptions {
    pub(crate) fn check(&self) -> Result<()> {
        if self.protocol > 5 {
            let found = self.protocol;
            return Err(ErrorKind::Protocol { found }.at(0));
        }
        if self.python2 && self.protocol > 2 {
            let what = format!("protocol {} for Python 2", self.protocol);
            return Err(ErrorKind::Unsupported { what }.at(0));
        }
        Ok(())
    }
}

impl Default for WriteOptions {
    /// Protocol 4, Python's own default for most of its versions, for any NumPy.
    fn default() -> Self {
        Self {
            protocol: 4,
            numpy: Numpy::Any,
            python2: false,
        }
    }
}

/// What an array is, apart from its elements.
#[derive(Clone, Copy, Debug)]
pub struct ArrayHead<'a> {
    /// What its elements are.
    pub dtype: &'a Dtype,
    /// The extent of each axis.
    pub shape: &'a [usize],
    /// The order in which its elements come.
    pub order: Order,
}

/// Gives an array's elements, from the beginning each time it is called.
///
/// Protocols 1 and 2 spell bytes as text whose length comes first, so there they are read twice.
pub type OpenElements<'a> = dyn FnMut() -> io::Result<Box<dyn BufRead + 'a>> + 'a;

/// Writes a pickle from beginning to end, with bounded memory: one array, or a dict of arrays.
///
/// ```
/// use ndferry_array::{Dtype, Order};
/// use ndferry_pickle::{ArrayHead, PickleWriter, WriteOptions};
///
/// let mut writer = PickleWriter::new(Vec::new(), WriteOptions::default())?;
/// let head = ArrayHead { dtype: &Dtype::parse("<i2")?, shape: &[2], order: Order::C };
/// writer.array(&head, &mut || Ok(Box::new(&b"\x01\0\x02\0"[..])))?;
/// assert_eq!(writer.finish()?.last(), Some(&b'.'));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PickleWriter<W: Write> {
    emit: Emitter<W>,
    numpy: Numpy,
    python2: bool,
    /// Items of the dict that is being written, and how many it gets; 0 for none.
    done: usize,
    len: usize,
}

impl<W: Write> std::fmt::Debug for PickleWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PickleWriter: {} of {} items", self.done, self.len)
    }
}

impl<W: Write> PickleWriter<W> {
    /// Begins a pickle.
    ///
    /// # Errors
    /// Writing; [`ErrorKind::Protocol`].
    pub fn new(out: W, options: WriteOptions) -> Result<Self> {
        options.check()?;
        Ok(Self {
            python2: options.python2,
            emit: Emitter::new(out, options.protocol).map_err(io)?,
            numpy: options.numpy,
            done: 0,
            len: 0,
        })
    }

    /// Begins a dict of `len` arrays; each [`Self::array`] must then have a [`Self::key`] before it.
    ///
    /// # Errors
    /// Writing.
    pub fn dict(&mut self, len: usize) -> Result<()> {
        self.len = len;
        self.emit.begin_dict().map_err(io)?;
        Ok(())
    }

    /// The key of the next array.
    ///
    /// # Errors
    /// Writing.
    pub fn key(&mut self, key: &str) -> Result<()> {
        self.emit.begin_item(self.done, self.len);
        self.emit.text(key).map_err(io)
    }

    /// An array: the root, or the value of the last key.
    ///
    /// # Errors
    /// Writing; reading the elements, or too few of them; [`ErrorKind::Unsupported`] for objects, and for 4 GiB or more
    /// before protocol 4.
    pub fn array(&mut self, head: &ArrayHead<'_>, elements: &mut OpenElements<'_>) -> Result<()> {
        let unsupported = |what: String| Err(ErrorKind::Unsupported { what }.at(0));
        if head.dtype.has_object() {
            return unsupported("writing objects".to_owned());
        }
        let layout =
            ndferry_array::Layout::contiguous(head.shape, head.dtype.itemsize(), head.order)
                .map_err(|error| ErrorKind::Array(error).at(0))?;
        let nbytes = (layout.size() * head.dtype.itemsize()) as u64;
        let protocol = self.emit.protocol();
        let mut wide = 0;
        if matches!(protocol, 1 | 2) && !self.python2 {
            wide = count_wide(&mut *elements().map_err(io)?).map_err(io)?;
        }
        if matches!(protocol, 1..=3) && nbytes + wide > u64::from(u32::MAX) {
            return unsupported(format!("an array of {nbytes} bytes in protocol {protocol}"));
        }
        if self.python2 && protocol > 0 && i32::try_from(nbytes).is_err() {
            return unsupported(format!("an array of {nbytes} bytes as a str of Python 2"));
        }
        // What is in both orders counts as C.
        let one_way = head.shape.iter().filter(|extent| **extent != 1).count() < 2 || nbytes == 0;
        let is_fortran = head.order == Order::F && !one_way;
        let from = &mut *elements().map_err(io)?;
        let written = if protocol < 5 || lacks_buffer(head.dtype) || head.dtype.itemsize() == 0 {
            self.reconstruct(head, is_fortran, nbytes, wide, from)
        } else if self.numpy == Numpy::Any {
            self.of_class(head, is_fortran, nbytes, from)
        } else {
            self.buffer(head, is_fortran, nbytes, from)
        };
        written.map_err(io)?;
        if self.len > 0 {
            self.emit.end_item(self.done, self.len);
            self.done += 1;
        }
        Ok(())
    }

    /// Ends the pickle and gives the writer back.
    ///
    /// # Errors
    /// Writing; a dict that lacks items.
    pub fn finish(self) -> Result<W> {
        if self.done != self.len {
            let what = format!("ending after {} of {} arrays", self.done, self.len);
            return Err(ErrorKind::Unsupported { what }.at(0));
        }
        self.emit.finish().map_err(io)
    }

    /// `_reconstruct(ndarray, (0,), b'b')` and a state, since before NumPy 1.0.
    fn reconstruct(
        &mut self,
        head: &ArrayHead<'_>,
        is_fortran: bool,
        nbytes: u64,
        wide: u64,
        from: &mut dyn BufRead,
    ) -> io::Result<()> {
        let module = match self.numpy {
            Numpy::Two => "numpy._core.multiarray",
            _ => "numpy.core.multiarray",
        };
        let (emit, python2) = (&mut self.emit, self.python2);
        emit.global(module, "_reconstruct")?;
        emit.begin_tuple(3)?;
        emit.global("numpy", "ndarray")?;
        emit.begin_tuple(1)?;
        emit.int(0)?;
        emit.end_tuple(1);
        emit.shared_bytes(b"b")?;
        emit.end_tuple(3);
        emit.opcode(op::REDUCE);
        emit.put();

        emit.begin_tuple(5)?;
        emit.int(1)?;
        shape(emit, head.shape)?;
        dtype(emit, head.dtype, self.numpy)?;
        emit.bool(is_fortran)?;
        if nbytes == 0 {
            emit.shared_bytes(b"")?;
        } else {
            match python2 {
                true => emit.py2_str(nbytes, from)?,
                false => emit.payload(nbytes, wide, from)?,
            }
            emit.put();
        }
        emit.end_tuple(5);
        emit.opcode(op::BUILD);
        Ok(())
    }

    /// `_frombuffer(bytearray, dtype, shape, order)`, NumPy's own form in protocol 5.
    fn buffer(
        &mut self,
        head: &ArrayHead<'_>,
        is_fortran: bool,
        nbytes: u64,
        from: &mut dyn BufRead,
    ) -> io::Result<()> {
        let module = match self.numpy {
            Numpy::Two => "numpy._core.numeric",
            _ => "numpy.core.numeric",
        };
        let emit = &mut self.emit;
        emit.global(module, "_frombuffer")?;
        emit.begin_tuple(4)?;
        emit.bytearray(nbytes, from)?;
        emit.put();
        dtype(emit, head.dtype, self.numpy)?;
        shape(emit, head.shape)?;
        emit.interned(if is_fortran { "F" } else { "C" })?;
        emit.end_tuple(4);
        emit.opcode(op::REDUCE);
        emit.put();
        Ok(())
    }

    /// `ndarray(shape, dtype, bytearray, 0, None, order)`: what every NumPy that knows protocol 5 makes an array of that
    /// is writable and shares the memory, while both names of `_frombuffer` are missing in one era or warn in the other.
    fn of_class(
        &mut self,
        head: &ArrayHead<'_>,
        is_fortran: bool,
        nbytes: u64,
        from: &mut dyn BufRead,
    ) -> io::Result<()> {
        let emit = &mut self.emit;
        emit.global("numpy", "ndarray")?;
        emit.begin_tuple(6)?;
        shape(emit, head.shape)?;
        dtype(emit, head.dtype, self.numpy)?;
        emit.bytearray(nbytes, from)?;
        emit.put();
        emit.int(0)?;
        emit.none()?;
        emit.interned(if is_fortran { "F" } else { "C" })?;
        emit.end_tuple(6);
        emit.opcode(op::REDUCE);
        emit.put();
        Ok(())
    }
}

fn io(error: io::Error) -> crate::Error {
    ErrorKind::Io(error).at(0)
}

/// How many bytes of a stream are 128 or more.
pub(crate) fn count_wide(from: &mut dyn BufRead) -> io::Result<u64> {
    let mut count = 0;
    loop {
        match from.fill_buf() {
            Ok([]) => return Ok(count),
            Ok(chunk) => {
                let n = chunk.len();
                count += wide(chunk);
                from.consume(n);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn shape<W: Write>(emit: &mut Emitter<W>, shape: &[usize]) -> io::Result<()> {
    emit.begin_tuple(shape.len())?;
    for extent in shape {
        emit.int(*extent as i64)?;
    }
    emit.end_tuple(shape.len());
    Ok(())
}

/// What the state of a dtype says besides its byte order, as NumPy computes it (`arraydescr_reduce`).
struct Traits {
    alignment: i64,
    flags: i64,
}

/// A dtype. NumPy has each plain one in native order only once, so these are shared.
pub(crate) fn dtype<W: Write>(
    emit: &mut Emitter<W>,
    dtype: &Dtype,
    numpy: Numpy,
) -> io::Result<()> {
    let shared = Shared::Dtype(dtype.clone());
    let is_singleton = dtype.byteorder() != ByteOrder::Big
        && matches!(
            dtype.kind(),
            Kind::Bool | Kind::Int | Kind::Uint | Kind::Float | Kind::Complex | Kind::Object
        );
    if is_singleton && emit.get(&shared)? {
        return Ok(());
    }
    let itemsize = dtype.itemsize();
    emit.global("numpy", "dtype")?;
    emit.begin_tuple(3)?;
    let size = match dtype.kind() {
        Kind::Unicode => itemsize / 4,
        _ => itemsize,
    };
    match dtype.kind() {
        Kind::Datetime(_) => emit.text("M8")?,
        Kind::Timedelta(_) => emit.text("m8")?,
        _ => emit.text(&format!("{}{size}", dtype.kind_code()))?,
    }
    emit.bool(false)?;
    emit.bool(true)?;
    emit.end_tuple(3);
    emit.opcode(op::REDUCE);
    match is_singleton {
        true => drop(emit.put_shared(shared)),
        false => drop(emit.put()),
    }
    let unit = match dtype.kind() {
        Kind::Datetime(unit) | Kind::Timedelta(unit) => Some(*unit),
        _ => None,
    };
    let len = if unit.is_some() { 9 } else { 8 };
    let traits = Traits::of(dtype);
    emit.begin_tuple(len)?;
    emit.int(if unit.is_some() { 4 } else { 3 })?;
    emit.interned(match dtype.byteorder() {
        ByteOrder::Little => "<",
        ByteOrder::Big => ">",
        ByteOrder::NotApplicable => "|",
    })?;
    match dtype.kind() {
        Kind::Subarray(sub) => {
            emit.begin_tuple(2)?;
            self::dtype(emit, sub.base(), numpy)?;
            shape(emit, sub.shape())?;
            emit.end_tuple(2);
        }
        _ => emit.none()?,
    }
    match dtype.kind() {
        Kind::Struct(fields) => fields_of(emit, fields, numpy)?,
        _ => {
            emit.none()?;
            emit.none()?;
        }
    }
    let has_size = matches!(
        dtype.kind(),
        Kind::Bytes | Kind::Unicode | Kind::Void | Kind::Struct(_) | Kind::Subarray(_)
    );
    emit.int(if has_size { itemsize as i64 } else { -1 })?;
    emit.int(if has_size { traits.alignment } else { -1 })?;
    emit.int(match numpy {
        // What does not fit a signed byte, NumPy 1 wrote negative, and it reads nothing else.
        Numpy::Any | Numpy::One if traits.flags >= 0x80 => traits.flags - 0x100,
        _ => traits.flags,
    })?;
    if let Some(unit) = unit {
        time_unit(emit, unit, numpy)?;
    }
    emit.end_tuple(len);
    emit.opcode(op::BUILD);
    Ok(())
}

/// The names, and a dict from each name and title to (dtype, offset[, title]).
fn fields_of<W: Write>(emit: &mut Emitter<W>, fields: &Struct, numpy: Numpy) -> io::Result<()> {
    let fields = fields.fields();
    emit.begin_tuple(fields.len())?;
    for field in fields {
        emit.interned(field.name.clone())?;
    }
    emit.end_tuple(fields.len());
    emit.begin_dict()?;
    let titled = fields.iter().filter(|field| field.title.is_some()).count();
    let (mut i, len) = (0, fields.len() + titled);
    for field in fields {
        emit.begin_item(i, len);
        emit.interned(field.name.clone())?;
        let parts = if field.title.is_some() { 3 } else { 2 };
        emit.begin_tuple(parts)?;
        dtype(emit, &field.dtype, numpy)?;
        emit.int(field.offset as i64)?;
        if let Some(title) = &field.title {
            emit.interned(title.clone())?;
        }
        let entry = emit.end_tuple(parts);
        emit.end_item(i, len);
        i += 1;
        // The entry of a title is that of its name.
        if let (Some(title), Some(entry)) = (&field.title, entry) {
            emit.begin_item(i, len);
            emit.interned(title.clone())?;
            emit.get_number(entry)?;
            emit.end_item(i, len);
            i += 1;
        }
    }
    Ok(())
}

/// `(metadata, (unit, multiple, 1, 1))`; NumPy 2 writes None for no metadata, others an empty dict.
fn time_unit<W: Write>(emit: &mut Emitter<W>, unit: TimeUnit, numpy: Numpy) -> io::Result<()> {
    emit.begin_tuple(2)?;
    match numpy {
        Numpy::Two => emit.none()?,
        _ => drop(emit.begin_dict()?),
    }
    emit.begin_tuple(4)?;
    emit.bytes(unit.unit.code().as_bytes())?;
    emit.int(i64::from(unit.multiple))?;
    emit.int(1)?;
    emit.int(1)?;
    emit.end_tuple(4);
    emit.end_tuple(2);
    Ok(())
}

/// Whether NumPy exports no buffer of such an array, so that it pickles it as before protocol 5
/// (`_buffer_format_string` in numpy/_core/src/multiarray/buffer.c).
pub(crate) fn lacks_buffer(dtype: &Dtype) -> bool {
    match dtype.kind() {
        Kind::Datetime(_) | Kind::Timedelta(_) => true,
        // Buffers know long doubles of this machine only.
        Kind::Float => dtype.itemsize() > 8 && !dtype.is_native(),
        Kind::Complex => dtype.itemsize() > 16 && !dtype.is_native(),
        Kind::Subarray(sub) => lacks_buffer(sub.base()),
        Kind::Struct(fields) => {
            let mut fields = fields.fields().iter();
            dtype.descr().is_err()
                || fields.any(|field| field.name.contains(':') || lacks_buffer(&field.dtype))
        }
        _ => false,
    }
}

impl Traits {
    fn of(dtype: &Dtype) -> Self {
        let itemsize = dtype.itemsize() as i64;
        match dtype.kind() {
            Kind::Struct(fields) => {
                let each = || fields.fields().iter().map(|field| Self::of(&field.dtype));
                // Of its fields, a struct inherits that they must be initialised.
                let inherited = each().fold(0, |flags, field| flags | (field.flags & 0x1b));
                let is_aligned = fields.is_aligned();
                Self {
                    alignment: match is_aligned {
                        true => each().map(|field| field.alignment).max().unwrap_or(1),
                        false => 1,
                    },
                    flags: 0x10 | inherited | if is_aligned { 0x80 } else { 0 },
                }
            }
            Kind::Subarray(sub) => Self::of(sub.base()),
            Kind::Unicode => Self {
                alignment: 4,
                flags: 8,
            },
            Kind::Bytes | Kind::Void => Self {
                alignment: 1,
                flags: 0,
            },
            Kind::Object => Self {
                alignment: itemsize,
                flags: 0x3f,
            },
            Kind::Complex => Self {
                alignment: (itemsize / 2).min(16),
                flags: 0,
            },
            Kind::Float if itemsize == 12 => Self {
                alignment: 4,
                flags: 0,
            },
            _ => Self {
                alignment: itemsize,
                flags: 0,
            },
        }
    }
}
