//! [`ArrayReader`]: arrays in a [`Tree`], as every NumPy since before 1.0 has pickled them.

use ndferry_array::{ByteOrder, Dtype, Field, Kind, Layout, Order, Struct};

use crate::dtype::{Dtypes, Known};
use crate::elements::Payload;
use crate::role::Role;
use crate::value::{Blob, Call, Id, Raw, Tree, Value};
use crate::{ErrorKind, Limits, Result};

/// An array in a pickle: what it is, and where its elements are.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PickledArray {
    /// What its elements are, in the byte order in which they are stored.
    pub dtype: Dtype,
    /// The extent of each axis.
    pub shape: Vec<usize>,
    /// How the elements lie.
    pub order: StoredOrder,
    /// Where the elements are.
    pub elements: Elements,
    /// Whether it is `array.array`, not NumPy's.
    pub is_array_array: bool,
    /// Byte of the opcode that would have made it.
    pub offset: u64,
}

/// How elements lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredOrder {
    /// The last index fastest.
    C,
    /// The first index fastest.
    F,
    /// In C order of other axes: stored axis number `axes[i]` is axis `i` of the array (NumPy's `K`).
    Permuted(Vec<usize>),
}

/// Where elements are.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Elements {
    /// Bytes, exactly as many as shape and dtype need.
    Bytes(Payload),
    /// Made from single values (`array.array` in old protocols), in C order.
    Values(bytes::Bytes),
    /// Python objects, in C order.
    Objects(Id),
}

/// What an object is to NumPy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Recognised {
    /// An array, or `array.array`.
    Array(PickledArray),
    /// A single element (`numpy.float64(1)`), as an array without axes.
    Scalar(PickledArray),
    /// A masked array: data, and where the mask is true, there is none.
    Masked {
        /// The values, those behind the mask included.
        data: Box<PickledArray>,
        /// `bool` for each element, or for each field of each.
        mask: Box<PickledArray>,
        /// What stands for masked values.
        fill_value: Id,
    },
}

/// Finds out which objects of a tree are arrays. Keeps what it learns of dtypes, which arrays share.
#[derive(Debug)]
pub struct ArrayReader<'t> {
    pub(crate) tree: &'t Tree,
    limits: Limits,
    dtypes: Dtypes,
    array_order: ByteOrder,
}

impl<'t> ArrayReader<'t> {
    /// For the values of one tree.
    pub fn new(tree: &'t Tree, limits: &Limits) -> Self {
        Self {
            tree,
            limits: limits.clone(),
            dtypes: Dtypes::default(),
            array_order: ByteOrder::Big,
        }
    }

    /// Reads `array.array` that is pickled as a string of bytes in this order. The pickle does not say which it is:
    /// Jython's is [`ByteOrder::Big`], as is taken if nothing is said; that of Python 2.6 and older is their machine's.
    #[must_use]
    pub fn with_array_order(mut self, byteorder: ByteOrder) -> Self {
        self.array_order = byteorder;
        self
    }

    /// The dtype that this object is.
    ///
    /// # Errors
    /// What makes it no dtype.
    pub fn dtype(&mut self, id: Id) -> Result<Dtype> {
        Ok(self.known(id)?.dtype)
    }

    fn known(&mut self, id: Id) -> Result<Known> {
        self.dtypes.read(self.tree, &self.limits, id)
    }

    /// The array that this object is; `None` if it is no array.
    ///
    /// # Errors
    /// An array that NumPy would refuse too: a state it never writes, or elements that shape and dtype do not fit.
    pub fn read(&mut self, id: Id) -> Result<Option<Recognised>> {
        let Some((call, role, args)) = self.tree.role_call(id) else {
            return Ok(None);
        };
        if let Some(Raw::Bytes(blob)) = call.raw() {
            return self.wrapped(id, call, blob).map(Some);
        }
        if role == Role::Reconstruct
            && let Some((known, shape, payload)) = self.plain(call, args)
        {
            return Ok(Some(Recognised::Array(PickledArray {
                dtype: known.dtype.clone(),
                shape,
                order: StoredOrder::C,
                elements: Elements::Bytes(payload),
                is_array_array: false,
                offset: call.offset,
            })));
        }
        let array = match role {
            Role::Reconstruct => self.reconstructed(call, args)?,
            Role::FromBuffer => Some(self.of_buffer(call, args)?),
            Role::NdArray if args.len() >= 3 => Some(self.of_class(call, args)?),
            Role::ArrayInFile => {
                let what = "an array in a file beside it (joblib before 0.10)".to_owned();
                return Err(ErrorKind::Unsupported { what }.at(call.offset));
            }
            Role::MaskedArray => return self.masked(call).map(Some),
            Role::Scalar => return Ok(self.scalar(call, args)?.map(Recognised::Scalar)),
            Role::ArrayArray => {
                crate::stdlib::array(self.tree, call.offset, args, self.array_order)?
            }
            Role::ArrayReconstructor => crate::stdlib::reconstructed(self.tree, call.offset, args)?,
            _ => None,
        };
        Ok(array.map(Recognised::Array))
    }

    /// joblib's `NumpyArrayWrapper`, and the bytes that followed it.
    fn wrapped(&mut self, id: Id, call: &Call, blob: Blob) -> Result<Recognised> {
        let Some(attributes) = wrapper_attributes(self.tree, id)? else {
            return Err(self.wrong_order(call.offset));
        };
        let known = self.known(attributes.dtype)?;
        let order = match attributes.is_fortran {
            true => StoredOrder::F,
            false => StoredOrder::C,
        };
        let payload = Payload::of_blob(blob);
        let array = self.of_payload(call.offset, known, attributes.shape, order, payload)?;
        Ok(Recognised::Array(array))
    }

    /// What [`Self::reconstructed`] finds, for arrays in long rows of such: whose state is of version 1, whose dtype is
    /// that of the one before, with bytes that fit. `None` says nothing.
    #[inline(always)]
    fn plain(&self, call: &Call, args: &[Id]) -> Option<(&Known, Vec<usize>, Payload)> {
        let tree = self.tree;
        let [_, first, _] = args else { return None };
        let [version, shape, dtype, is_fortran, payload] = tree.tuple(call.only_state()?)? else {
            return None;
        };
        let known = self.dtypes.last(*dtype)?;
        let is_usual = !tree.has_elements(*first) && tree.int(*version) == Some(1);
        if !is_usual || known.has_object {
            return None;
        }
        let payload = Payload::usual(tree, *payload)?;
        let extents = tree.tuple(*shape)?;
        let is_one_way = extents.len() < 2 || tree.int(*is_fortran) == Some(0);
        if !is_one_way || extents.len() > ndferry_array::MAX_NDIM {
            return None;
        }
        let shape = tree.shape(*shape)?;
        let needed = nbytes_of(&shape, known.dtype.itemsize(), 0).ok()?;
        (needed == payload.nbytes()).then_some((known, shape, payload))
    }

    /// `_reconstruct(subtype, (0,), b'b')` and a state.
    fn reconstructed(&mut self, call: &Call, args: &[Id]) -> Result<Option<PickledArray>> {
        let is_plain = args
            .first()
            .is_some_and(|class| self.tree.role(*class) == Role::NdArray);
        let wrong = |problem: &str| {
            let (what, problem) = ("ndarray", problem.to_owned());
            ErrorKind::State { what, problem }.at(call.offset)
        };
        let Some(state) = call.state() else {
            return Err(wrong("it has no state"));
        };
        // NumPy allocates an array of the shape that comes before the state; it writes (0,) there.
        if args
            .get(1)
            .is_some_and(|shape| self.tree.has_elements(*shape))
        {
            return Err(wrong("the shape that it begins with is not (0,)"));
        }
        let parts = match self.tree.tuple(state) {
            Some(parts) => self.array_state(parts).or_else(|| {
                // pandas before 0.14 put the array's state before its own.
                let first = parts.first().filter(|_| !is_plain)?;
                self.array_state(self.tree.sequence(*first)?)
            }),
            None => None,
        };
        match parts {
            Some([shape, dtype, is_fortran, payload]) => self
                .of_state(call.offset, shape, dtype, is_fortran, payload)
                .map(Some),
            // A subclass may do as it likes.
            None if !is_plain => Ok(None),
            None => Err(wrong("its state is of no version that NumPy writes")),
        }
    }

    /// Shape, dtype, is_fortran and elements in a state of version 1 (with a number) or 0 (without); subclasses append.
    fn array_state(&self, parts: &[Id]) -> Option<[Id; 4]> {
        let is_tuple = |id: &Id| self.tree.tuple(*id).is_some();
        match parts {
            [version, shape, dtype, is_fortran, payload, ..]
                if self.tree.int(*version) == Some(1) && is_tuple(shape) =>
            {
                Some([*shape, *dtype, *is_fortran, *payload])
            }
            [shape, dtype, is_fortran, payload] if is_tuple(shape) => {
                Some([*shape, *dtype, *is_fortran, *payload])
            }
            _ => None,
        }
    }

    fn of_state(
        &mut self,
        offset: u64,
        shape: Id,
        dtype: Id,
        is_fortran: Id,
        payload: Id,
    ) -> Result<PickledArray> {
        let shape = self.shape(offset, shape)?;
        let known = self.known(dtype)?;
        let is_fortran = self.tree.int(is_fortran).unwrap_or(0) != 0;
        if known.has_object {
            return self.of_objects(offset, known, shape, payload);
        }
        let order = if is_fortran {
            StoredOrder::F
        } else {
            StoredOrder::C
        };
        self.of_bytes(offset, known, shape, order, payload)
    }

    fn of_objects(
        &mut self,
        offset: u64,
        known: Known,
        shape: Vec<usize>,
        payload: Id,
    ) -> Result<PickledArray> {
        let what = "ndarray";
        let Value::List(items) = self.tree.get(payload) else {
            let found = self.tree.get(payload).type_name();
            let problem = format!("its objects are {found}, not a list");
            return Err(ErrorKind::State { what, problem }.at(offset));
        };
        let layout = Layout::contiguous(&shape, known.dtype.itemsize(), Order::C)
            .map_err(|e| ErrorKind::Array(e).at(offset))?;
        if items.len() != layout.size() {
            let (found, needed) = (items.len(), layout.size());
            let problem = format!("shape {shape:?} has {needed} elements, {found} are there");
            return Err(ErrorKind::State { what, problem }.at(offset));
        }
        if let Kind::Struct(fields) = known.dtype.kind() {
            let count = fields.fields().len();
            let fits = |item: &Id| matches!(self.tree.get(*item), Value::Tuple(parts) if parts.len() == count);
            if !items.iter().all(fits) {
                let problem = format!("an element is no tuple of {count} fields");
                return Err(ErrorKind::State { what, problem }.at(offset));
            }
        }
        Ok(PickledArray {
            dtype: known.dtype,
            shape,
            order: StoredOrder::C,
            elements: Elements::Objects(payload),
            is_array_array: false,
            offset,
        })
    }

    fn of_bytes(
        &mut self,
        offset: u64,
        known: Known,
        shape: Vec<usize>,
        order: StoredOrder,
        payload: Id,
    ) -> Result<PickledArray> {
        let what = "ndarray";
        let Some(payload) = Payload::of(self.tree, payload)? else {
            let found = self.tree.get(payload).type_name();
            let problem = format!("its elements are {found}, not bytes");
            return Err(ErrorKind::State { what, problem }.at(offset));
        };
        self.of_payload(offset, known, shape, order, payload)
    }

    fn of_payload(
        &self,
        offset: u64,
        known: Known,
        shape: Vec<usize>,
        order: StoredOrder,
        payload: Payload,
    ) -> Result<PickledArray> {
        if known.has_object {
            let what = "ndarray";
            let problem = "its objects are bytes, which would be addresses".to_owned();
            return Err(ErrorKind::State { what, problem }.at(offset));
        }
        if let Some(index) = payload.missing(self.tree) {
            return Err(ErrorKind::NoBuffer { index }.at(offset));
        }
        let needed = nbytes_of(&shape, known.dtype.itemsize(), offset)?;
        let found = payload.nbytes();
        if needed != found {
            return Err(ErrorKind::ElementBytes {
                dtype: known.dtype.str(),
                shape,
                needed,
                found,
            }
            .at(offset));
        }
        let one_way = shape.contains(&0) || shape.iter().filter(|extent| **extent > 1).count() < 2;
        let order = match order {
            StoredOrder::F if one_way => StoredOrder::C,
            StoredOrder::Permuted(axes) if axes.is_sorted() || one_way => StoredOrder::C,
            StoredOrder::Permuted(axes) if axes.iter().rev().is_sorted() => StoredOrder::F,
            other => other,
        };
        Ok(PickledArray {
            dtype: known.dtype,
            shape,
            order,
            elements: Elements::Bytes(payload),
            is_array_array: false,
            offset,
        })
    }

    /// `_frombuffer(buffer, dtype, shape, order[, axes])`, in protocol 5.
    fn of_buffer(&mut self, call: &Call, args: &[Id]) -> Result<PickledArray> {
        let (payload, dtype, shape, order, axes) = match args {
            [payload, dtype, shape, order] => (*payload, *dtype, *shape, *order, None),
            [payload, dtype, shape, order, axes] => (*payload, *dtype, *shape, *order, Some(*axes)),
            _ => return Err(self.wrong_order(call.offset)),
        };
        let stored = self.shape(call.offset, shape)?;
        let known = self.known(dtype)?;
        let order = self.tree.name(order)?;
        let axes = axes.filter(|axes| !matches!(self.tree.get(*axes), Value::None));
        let (shape, order) = match (order.as_deref(), axes) {
            (Some("C"), None) => (stored, StoredOrder::C),
            (Some("F"), None) => (stored, StoredOrder::F),
            (Some("K"), Some(axes)) => {
                let axes = self
                    .tree
                    .shape(axes)
                    .filter(|axes| is_permutation(axes, stored.len()))
                    .ok_or_else(|| self.wrong_order(call.offset))?;
                let shape = axes.iter().map(|axis| stored[*axis]).collect();
                (shape, StoredOrder::Permuted(axes))
            }
            _ => return Err(self.wrong_order(call.offset)),
        };
        self.of_bytes(call.offset, known, shape, order, payload)
    }

    /// `numpy.ndarray(shape, dtype, buffer, 0, None, order)`, or strides of axes in another order.
    fn of_class(&mut self, call: &Call, args: &[Id]) -> Result<PickledArray> {
        let shape = self.shape(call.offset, args[0])?;
        let known = self.known(args[1])?;
        let is_default = |id: Option<&Id>| match id.map(|id| self.tree.get(*id)) {
            None | Some(Value::None | Value::Int(0)) => true,
            Some(_) => false,
        };
        if let [_, _, payload, _, strides] = args
            && let Some(strides) = self.tree.shape(*strides)
            && let Some(axes) = axes_of(&shape, &strides, known.dtype.itemsize())
            && is_default(args.get(3))
        {
            let order = StoredOrder::Permuted(axes);
            return self.of_bytes(call.offset, known, shape, order, *payload);
        }
        if !is_default(args.get(3)) || !is_default(args.get(4)) || args.len() > 6 {
            let what = "an array with an offset or strides".to_owned();
            return Err(ErrorKind::Unsupported { what }.at(call.offset));
        }
        let order = match args.get(5) {
            Some(order) => self.tree.name(*order)?,
            None => Some("C".into()),
        };
        let order = match order.as_deref() {
            Some("C") => StoredOrder::C,
            Some("F") => StoredOrder::F,
            _ => return Err(self.wrong_order(call.offset)),
        };
        self.of_bytes(call.offset, known, shape, order, args[2])
    }

    /// `scalar(dtype, bytes)`; with objects in it, `scalar(dtype, array)`, which stays an object.
    fn scalar(&mut self, call: &Call, args: &[Id]) -> Result<Option<PickledArray>> {
        let wrong = |problem: &str| {
            let (what, problem) = ("scalar", problem.to_owned());
            ErrorKind::State { what, problem }.at(call.offset)
        };
        let (dtype, payload) = match args {
            [dtype, payload] => (*dtype, *payload),
            _ => return Err(wrong("it is not made of a dtype and bytes")),
        };
        let known = self.known(dtype)?;
        if !known.has_object {
            return self
                .of_bytes(call.offset, known, Vec::new(), StoredOrder::C, payload)
                .map(Some);
        }
        match Payload::of(self.tree, payload)? {
            // NumPy before 1.19 wrote the addresses of the objects, and newer ones refuse them too.
            Some(_) => Err(wrong("its objects are addresses in a process that is gone")),
            None => Ok(None),
        }
    }

    /// `_mareconstruct(class, baseclass, (0,), 'b')` and a state with data, mask and fill value.
    fn masked(&mut self, call: &Call) -> Result<Recognised> {
        let wrong = |problem: &str| {
            let (what, problem) = ("masked array", problem.to_owned());
            ErrorKind::State { what, problem }.at(call.offset)
        };
        let state = call.state().and_then(|state| self.tree.sequence(state));
        let Some([version, shape, dtype, is_fortran, data, mask, fill_value]) = state else {
            return Err(wrong("its state has not 7 parts"));
        };
        if self.tree.int(*version) != Some(1) {
            return Err(wrong("its state is of no version that NumPy writes"));
        }
        let data = self.of_state(call.offset, *shape, *dtype, *is_fortran, *data)?;
        let mask_dtype = mask_of(&data.dtype).map_err(|e| ErrorKind::Array(e).at(call.offset))?;
        let known = Known::plain(mask_dtype);
        let is_fortran = self.tree.int(*is_fortran).unwrap_or(0) != 0;
        let order = if is_fortran {
            StoredOrder::F
        } else {
            StoredOrder::C
        };
        let mask = self.of_bytes(call.offset, known, data.shape.clone(), order, *mask)?;
        Ok(Recognised::Masked {
            data: Box::new(data),
            mask: Box::new(mask),
            fill_value: *fill_value,
        })
    }

    fn shape(&self, offset: u64, id: Id) -> Result<Vec<usize>> {
        self.tree.shape(id).ok_or_else(|| {
            let what = "ndarray";
            let problem = "its shape is not a tuple of up to 64 extents".to_owned();
            ErrorKind::State { what, problem }.at(offset)
        })
    }

    fn wrong_order(&self, offset: u64) -> crate::Error {
        let what = "ndarray";
        let problem = "its order is none of C, F and K with axes".to_owned();
        ErrorKind::State { what, problem }.at(offset)
    }
}

/// What joblib's wrapper of an array says of it.
pub(crate) struct WrapperAttributes {
    pub(crate) dtype: Id,
    pub(crate) shape: Vec<usize>,
    is_fortran: bool,
    /// Whether a byte with a number, and so many others, lie before the elements (joblib since 1.2).
    pub(crate) is_aligned: bool,
}

/// The attributes of such a wrapper; `None` for anything else.
///
/// # Errors
/// A wrapper without what it must have.
pub(crate) fn wrapper_attributes(tree: &Tree, id: Id) -> Result<Option<WrapperAttributes>> {
    let Some((call, role, args)) = tree.role_call(id) else {
        return Ok(None);
    };
    let class = match (role, args.first()) {
        (Role::Reconstructor, Some(class)) => tree.role(*class),
        (role, _) => role,
    };
    let (Role::ArrayWrapper, Some(state)) = (class, call.state()) else {
        return Ok(None);
    };
    let wrong = |problem: &str| {
        let (what, problem) = ("joblib's array", problem.to_owned());
        ErrorKind::State { what, problem }.at(call.offset)
    };
    let Value::Dict(pairs) = tree.get(state) else {
        return Err(wrong("its state is not a dict"));
    };
    let (mut dtype, mut shape, mut order, mut is_aligned) = (None, None, None, false);
    // It has five or six attributes.
    for (key, value) in pairs.iter().take(64) {
        match tree.name(*key)?.as_deref() {
            Some("dtype") => dtype = Some(*value),
            Some("shape") => shape = tree.shape(*value),
            Some("order") => order = tree.name(*value)?,
            Some("numpy_array_alignment_bytes") => {
                is_aligned = !matches!(tree.get(*value), Value::None);
            }
            _ => {}
        }
    }
    let is_fortran = match order.as_deref() {
        Some("C") => false,
        Some("F") => true,
        _ => return Err(wrong("its order is neither C nor F")),
    };
    Ok(Some(WrapperAttributes {
        dtype: dtype.ok_or_else(|| wrong("it has no dtype"))?,
        shape: shape.ok_or_else(|| wrong("it has no shape"))?,
        is_fortran,
        is_aligned,
    }))
}

/// Bytes of so many elements, if an array may have them.
pub(crate) fn nbytes_of(shape: &[usize], itemsize: usize, offset: u64) -> Result<u64> {
    // What is far from any limit, as nearly all, needs no closer look.
    let size = shape.iter().try_fold(1u64, |size, extent| {
        (size < 1 << 31 && *extent < 1 << 31).then(|| size * *extent as u64)
    });
    if let Some(size) = size.filter(|size| *size < 1 << 31)
        && itemsize < 1 << 31
        && shape.len() <= ndferry_array::MAX_NDIM
        && !shape.contains(&0)
    {
        return Ok(size * itemsize as u64);
    }
    let layout = Layout::contiguous(shape, itemsize, Order::C);
    let layout = layout.map_err(|e| ErrorKind::Array(e).at(offset))?;
    Ok((layout.size() * itemsize) as u64)
}

/// The order of axes in which these strides are those of an array in C order; `None` if there is none.
fn axes_of(shape: &[usize], strides: &[usize], itemsize: usize) -> Option<Vec<usize>> {
    if shape.len() != strides.len() || shape.is_empty() || itemsize == 0 || shape.contains(&0) {
        return None;
    }
    let mut stored: Vec<usize> = (0..shape.len()).collect();
    // Axes of one element come after others of the same stride.
    stored.sort_by_key(|axis| std::cmp::Reverse((strides[*axis], shape[*axis])));
    let mut stride = itemsize;
    for axis in stored.iter().rev() {
        if strides[*axis] != stride {
            return None;
        }
        stride = stride.checked_mul(shape[*axis])?;
    }
    let mut axes = vec![0; shape.len()];
    for (at, axis) in stored.iter().enumerate() {
        axes[*axis] = at;
    }
    Some(axes)
}

fn is_permutation(axes: &[usize], ndim: usize) -> bool {
    let mut sorted = axes.to_vec();
    sorted.sort_unstable();
    sorted.into_iter().eq(0..ndim)
}

/// The dtype of a masked array's mask (`numpy.ma.make_mask_descr`): the same fields, each `bool`, without gaps.
fn mask_of(dtype: &Dtype) -> std::result::Result<Dtype, ndferry_array::Error> {
    match dtype.kind() {
        Kind::Struct(fields) => {
            let fields: std::result::Result<Vec<_>, _> = fields
                .fields()
                .iter()
                .map(|Field { name, dtype, .. }| Ok((name.clone(), mask_of(dtype)?)))
                .collect();
            Ok(Dtype::structured(Struct::packed(fields?)?))
        }
        Kind::Subarray(sub) => Dtype::subarray(mask_of(sub.base())?, sub.shape()),
        _ => Ok(Dtype::BOOL),
    }
}
