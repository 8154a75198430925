//! Arrays, scalars and dtypes of NumPy, and `array.array`.

use bytes::Bytes;
use ndferry::pickle::{Elements, PickledArray, Recognised, StoredOrder};
use ndferry::{Array, Dtype, Kind, Layout, Order};
use pyo3::exceptions::PyValueError;

use super::*;
use crate::arrays;
use crate::numpy_abi;

/// What is made once its parts exist.
#[derive(Debug)]
pub(super) enum Numpy {
    Masked(Masked),
    /// The element of an array without axes.
    ElementOf(Id),
    /// The same object as another.
    Same(Id),
}

/// A masked array.
#[derive(Debug)]
pub(super) struct Masked {
    data: Box<PickledArray>,
    mask: Box<PickledArray>,
    fill_value: Id,
}

/// Arrays up to this size are copied without more ado.
const SMALL: usize = 4096;

impl<'py, 't> Builder<'py, 't> {
    pub(super) fn plan_numpy(&mut self, id: Id, call: &'t Call) -> PyResult<Option<Plan<'py>>> {
        if let Some(object) = call.raw_object() {
            let same = Recipe::Numpy(Numpy::Same(object));
            return Ok(Some(Plan::After(vec![object], same)));
        }
        if let Some((_, (module, name), args)) = self.tree.call(id) {
            let is_array_maker = match (module, name) {
                ("numpy", "dtype") => return self.dtype(id, args).map(Some),
                (
                    "numpy._core._internal" | "numpy.core._internal",
                    "_convert_to_stringdtype_kwargs",
                ) => return self.string_dtype(args).map(|made| Some(Plan::Done(made))),
                ("numpy.ma.core", "MaskedConstant") => {
                    let masked = self.numpy("numpy.ma")?.getattr("masked")?;
                    return Ok(Some(Plan::Done(masked)));
                }
                (_, "_reconstruct" | "_mareconstruct" | "_mrreconstruct") => true,
                _ => false,
            };
            if is_array_maker && self.subclass(args) == Subclass::Unknown {
                return Ok(None);
            }
        }
        let recognised = self.reader.read(id).map_err(|error| self.pickled(error))?;
        Ok(match recognised {
            None => self.element_of(id),
            Some(Recognised::Array(array)) => match array.elements {
                Elements::Objects(list) => Some(self.objects(id, &array, list)?),
                _ if array.is_array_array => Some(Plan::Done(self.array_array(id, array)?)),
                _ => {
                    let made = self.array(array)?;
                    Some(Plan::Done(self.viewed(id, made)?))
                }
            },
            Some(Recognised::Scalar(array)) => {
                let array = self.array(array)?;
                let none = PyTuple::empty(self.py);
                Some(Plan::Done(array.get_item(none)?))
            }
            Some(Recognised::Masked {
                data,
                mask,
                fill_value,
            }) => {
                let masked = Masked {
                    data,
                    mask,
                    fill_value,
                };
                let recipe = Recipe::Numpy(Numpy::Masked(masked));
                Some(Plan::After(vec![fill_value], recipe))
            }
            Some(_) => None,
        })
    }

    pub(super) fn finish_numpy(&mut self, id: Id, numpy: Numpy) -> PyResult<Bound<'py, PyAny>> {
        match numpy {
            Numpy::Same(of) => Ok(self.part(of)),
            Numpy::ElementOf(of) => self.part(of).get_item(PyTuple::empty(self.py)),
            Numpy::Masked(masked) => self.masked(id, masked),
        }
    }

    /// `scalar(dtype, array)`, a struct with objects in it.
    fn element_of(&self, id: Id) -> Option<Plan<'py>> {
        let (_, (_, name), args) = self.tree.call(id)?;
        match (name, args) {
            ("scalar", [_, array]) if matches!(self.tree.get(*array), Value::Call(_)) => {
                let element = Recipe::Numpy(Numpy::ElementOf(*array));
                Some(Plan::After(vec![*array], element))
            }
            _ => None,
        }
    }

    fn dtype(&mut self, id: Id, args: &[Id]) -> PyResult<Plan<'py>> {
        let dtype = self.reader.dtype(id).map_err(|error| self.pickled(error))?;
        let made = self.dtypes.numpy(self.py, &dtype)?;
        let class = args.first().and_then(|class| self.tree.global(*class));
        if !matches!(class, Some((_, "record"))) {
            return Ok(Plan::Done(made));
        }
        let numpy = self.numpy("numpy")?;
        let record = (numpy.getattr("record")?, made);
        Ok(Plan::Done(numpy.getattr("dtype")?.call1((record,))?))
    }

    /// `StringDType(coerce=…, na_object=…)`.
    fn string_dtype(&mut self, args: &[Id]) -> PyResult<Bound<'py, PyAny>> {
        let made = self.dtypes.numpy(self.py, &Dtype::VARIABLE_STRING)?;
        let keywords = PyDict::new(self.py);
        if let Some(coerce) = args.first() {
            keywords.set_item("coerce", self.tree.int(*coerce).unwrap_or(1) != 0)?;
        }
        if let Some(missing) = args.get(1) {
            // None, nan or a text: no container, which might be this very array.
            let missing = match self.tree.get(*missing) {
                Value::None | Value::Float(_) | Value::Str(_) => self.make(*missing)?,
                _ => return Err(self.unknown(*missing)),
            };
            keywords.set_item("na_object", missing)?;
        }
        made.get_type().call((), Some(&keywords))
    }

    /// An array of objects, which is filled once it exists: it may hold itself.
    fn objects(&mut self, id: Id, array: &PickledArray, list: Id) -> PyResult<Plan<'py>> {
        let numpy = self.numpy("numpy")?;
        let descr = match array.dtype.kind() {
            Kind::VariableString => {
                let args = self.string_dtype_args(id);
                self.string_dtype(args)?
            }
            _ => self.dtypes.numpy(self.py, &array.dtype)?,
        };
        let shape = PyTuple::new(self.py, &array.shape)?;
        let empty = numpy.call_method1("empty", (shape, descr))?;
        let viewed = self.viewed(id, empty)?;
        Ok(Plan::Fill(viewed, Fill::Objects(list)))
    }

    /// What the dtype in an array's state was made with.
    fn string_dtype_args(&self, id: Id) -> &'t [Id] {
        let found = || {
            let (call, ..) = self.tree.call(id)?;
            let state = self.tree.sequence(call.state()?)?;
            let dtype = state.iter().find(|part| {
                let called = self.tree.call(**part);
                called.is_some_and(|(_, (_, name), _)| name == "_convert_to_stringdtype_kwargs")
            })?;
            let (_, _, args) = self.tree.call(*dtype)?;
            Some(args)
        };
        found().unwrap_or_default()
    }

    pub(super) fn fill_objects(
        &mut self,
        id: Id,
        array: &Bound<'py, PyAny>,
        list: Id,
    ) -> PyResult<()> {
        let items = self.tree.sequence(list).unwrap_or_default();
        let numpy = self.numpy("numpy")?;
        let base = array.call_method1("view", (numpy.getattr("ndarray")?,))?;
        let flat = base.call_method1("reshape", (-1,))?;
        for (i, item) in items.iter().enumerate() {
            let item = self.make(*item)?;
            let set = flat.set_item(i, item);
            set.map_err(|error| self.because(id, error))?;
        }
        Ok(())
    }

    fn masked(&mut self, id: Id, masked: Masked) -> PyResult<Bound<'py, PyAny>> {
        let Masked {
            data,
            mask,
            fill_value,
        } = masked;
        let args = match self.tree.call(id) {
            Some((_, _, args)) => args,
            None => return Err(self.unknown(id)),
        };
        let (elements, shape) = (data.elements.clone(), data.shape.clone());
        let data = match elements {
            Elements::Objects(list) => {
                let descr = self.dtypes.numpy(self.py, &data.dtype)?;
                let shape = PyTuple::new(self.py, shape)?;
                let numpy = self.numpy("numpy")?;
                let empty = numpy.call_method1("empty", (shape, descr))?;
                self.to_fill.push((id, Fill::Objects(list)));
                empty
            }
            _ => self.array(*data)?,
        };
        let base = args.get(1).and_then(|class| self.tree.global(*class));
        let data = match base.map(|(module, name)| subclass_of(module, name)) {
            Some(Subclass::Matrix) => self.view_as(data, "numpy", "matrix")?,
            _ => data,
        };
        let mask = self.array(*mask)?;
        let numpy = self.numpy("numpy.ma")?;
        let keywords = PyDict::new(self.py);
        keywords.set_item("mask", mask)?;
        keywords.set_item("copy", false)?;
        let made = numpy.getattr("MaskedArray")?.call((data,), Some(&keywords));
        let mut made = made.map_err(|error| self.because(id, error))?;
        if self.subclass(args) == Subclass::MaskedVoid {
            return made.get_item(PyTuple::empty(self.py));
        }
        if self.subclass(args) == Subclass::MaskedRecords {
            made = self.view_as(made, "numpy.ma.mrecords", "MaskedRecords")?;
        }
        let fill_value = self.part(fill_value);
        if !fill_value.is_none() {
            let set = made.setattr("fill_value", fill_value);
            set.map_err(|error| self.because(id, error))?;
        }
        Ok(made)
    }

    /// `array.array`.
    fn array_array(&mut self, id: Id, array: PickledArray) -> PyResult<Bound<'py, PyAny>> {
        let (dtype, shape) = (array.dtype.clone(), array.shape.clone());
        let typecode = self.typecode(id).unwrap_or('B');
        let bytes = self.elements(&array)?;
        let made = Array::contiguous(dtype.clone(), &shape, Order::C, bytes);
        let native = made.and_then(|made| made.into_byteorder(ndferry::ByteOrder::NATIVE));
        let native = native.map_err(|error| PyValueError::new_err(error.to_string()))?;
        let class = self.py.import("array")?.getattr("array")?;
        let bytes = native.view().to_bytes(Order::C);
        let bytes = bytes.map_err(|error| PyValueError::new_err(error.to_string()))?;
        let bytes = PyBytes::new(self.py, &bytes);
        if matches!(typecode, 'u' | 'w') {
            let encoding = match dtype.itemsize() {
                2 => c"utf-16-le",
                _ => c"utf-32-le",
            };
            let encoding = if cfg!(target_endian = "big") {
                return Err(self.unknown(id));
            } else {
                encoding
            };
            let text =
                PyString::from_encoded_object(&bytes, Some(encoding), Some(c"surrogatepass"));
            return class.call1(("u", text.map_err(|error| self.because(id, error))?));
        }
        let wanted = if typecode == 'c' { 'B' } else { typecode };
        let candidates = [wanted, 'b', 'B', 'h', 'H', 'i', 'I', 'q', 'Q', 'f', 'd'];
        let kind = |code: char| match code {
            'f' | 'd' => 'f',
            code if code.is_ascii_uppercase() => 'u',
            _ => 'i',
        };
        // `l` has 8 bytes on one system and 4 on another.
        for code in candidates
            .into_iter()
            .filter(|code| kind(*code) == kind(wanted))
        {
            let made = class.call1((code,))?;
            let itemsize: usize = made.getattr("itemsize")?.extract()?;
            if itemsize == dtype.itemsize() {
                made.call_method1("frombytes", (bytes,))?;
                return Ok(made);
            }
        }
        Err(self.unknown(id))
    }

    fn typecode(&self, id: Id) -> Option<char> {
        let (_, (_, name), args) = self.tree.call(id)?;
        let code = match name {
            "_array_reconstructor" => args.get(1)?,
            _ => args.first()?,
        };
        self.tree.name(*code).ok()??.chars().next()
    }

    /// As the subclass that it was pickled as.
    fn viewed(&self, id: Id, array: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let class = match self.tree.call(id) {
            Some((_, (_, "_reconstruct"), args)) => self.subclass(args),
            Some((call, (_, "NumpyArrayWrapper"), _)) => self.joblib_subclass(call),
            _ => Subclass::None,
        };
        match class {
            Subclass::Matrix => self.view_as(array, "numpy", "matrix"),
            Subclass::RecArray => self.view_as(array, "numpy", "recarray"),
            Subclass::CharArray => {
                let module = match self.numpy("numpy.char")?.hasattr("chararray")? {
                    true => "numpy.char",
                    false => "numpy",
                };
                self.view_as(array, module, "chararray")
            }
            _ => Ok(array),
        }
    }

    fn joblib_subclass(&self, call: &Call) -> Subclass {
        let Some(Value::Dict(pairs)) = call.state().map(|state| self.tree.get(state)) else {
            return Subclass::None;
        };
        let class = pairs.iter().find_map(|(key, value)| {
            let is_class = matches!(self.tree.name(*key), Ok(Some(name)) if name == "subclass");
            self.tree.global(*value).filter(|_| is_class)
        });
        class.map_or(Subclass::None, |(module, name)| subclass_of(module, name))
    }

    fn view_as(
        &self,
        array: Bound<'py, PyAny>,
        module: &str,
        class: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        if !self.has_numpy {
            return Ok(array);
        }
        array.call_method1("view", (self.numpy(module)?.getattr(class)?,))
    }

    fn subclass(&self, args: &[Id]) -> Subclass {
        match args.first().and_then(|class| self.tree.global(*class)) {
            Some((module, name)) => subclass_of(module, name),
            None => Subclass::Unknown,
        }
    }

    fn numpy(&self, module: &str) -> PyResult<Bound<'py, PyModule>> {
        PyModule::import(self.py, module)
    }

    /// The bytes of an array that is no array of objects.
    fn elements(&self, array: &PickledArray) -> PyResult<Bytes> {
        match &array.elements {
            Elements::Bytes(payload) => self.read(*payload),
            Elements::Values(bytes) => Ok(bytes.clone()),
            _ => Err(PyValueError::new_err("an array of objects")),
        }
    }

    /// NumPy's own classes where pickles name them; those of NumPy 1 that are gone by their newer names.
    pub(super) fn known_numpy_class(
        &self,
        module: &str,
        name: &str,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        const SAME: &[&str] = &[
            "ndarray",
            "dtype",
            "matrix",
            "recarray",
            "record",
            "memmap",
            "bool_",
            "int8",
            "int16",
            "int32",
            "int64",
            "uint8",
            "uint16",
            "uint32",
            "uint64",
            "float16",
            "float32",
            "float64",
            "longdouble",
            "complex64",
            "complex128",
            "clongdouble",
            "str_",
            "bytes_",
            "void",
            "object_",
            "datetime64",
            "timedelta64",
            "intc",
            "uintc",
            "longlong",
            "ulonglong",
        ];
        let name = match (module, name) {
            ("numpy", "string_") => "bytes_",
            ("numpy", "unicode_") => "str_",
            ("numpy", "bool") => "bool_",
            ("numpy", name) if SAME.contains(&name) => name,
            _ => return Ok(None),
        };
        self.numpy("numpy")?.getattr(name).map(Some)
    }
}

/// Classes that are arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subclass {
    None,
    Matrix,
    RecArray,
    CharArray,
    Masked,
    MaskedRecords,
    /// A masked struct by itself: an element of a masked array.
    MaskedVoid,
    Unknown,
}

fn subclass_of(module: &str, name: &str) -> Subclass {
    match (module, name) {
        // One that lies in a file when it is made is an array like others when it is unpickled.
        ("numpy", "ndarray" | "memmap")
        | ("numpy.core.memmap" | "numpy._core.memmap", "memmap") => Subclass::None,
        ("numpy" | "numpy.matrixlib.defmatrix" | "numpy.core.defmatrix", "matrix") => {
            Subclass::Matrix
        }
        ("numpy" | "numpy.core.records" | "numpy.rec", "recarray") => Subclass::RecArray,
        ("numpy" | "numpy.core.defchararray" | "numpy.char", "chararray") => Subclass::CharArray,
        ("numpy.ma" | "numpy.ma.core", "MaskedArray") => Subclass::Masked,
        ("numpy.ma.core", "mvoid") => Subclass::MaskedVoid,
        ("numpy.ma.mrecords", "MaskedRecords" | "mrecarray") => Subclass::MaskedRecords,
        _ => Subclass::Unknown,
    }
}

/// A `numpy.ndarray` of a pickled one, which has no objects.
pub(super) fn array<'py>(
    builder: &mut Builder<'py, '_>,
    array: PickledArray,
) -> PyResult<Bound<'py, PyAny>> {
    let py = builder.py;
    let bytes = builder.elements(&array)?;
    let is_plain = !matches!(array.order, StoredOrder::Permuted(_))
        && !matches!(array.dtype.kind(), Kind::Subarray(_))
        // Long doubles are looked at first.
        && !matches!((array.dtype.kind(), array.dtype.itemsize()), (Kind::Float, 16) | (Kind::Complex, 32));
    let share = builder.options.share;
    if is_plain && bytes.len() <= SMALL && share == Share::Never && builder.has_numpy {
        let descr = builder.dtypes.numpy(py, &array.dtype)?;
        let is_fortran = array.order == StoredOrder::F;
        return numpy_abi::copied(py, &descr, &array.shape, is_fortran, &bytes);
    }
    let itemsize = array.dtype.itemsize();
    let laid = match &array.order {
        StoredOrder::C => Layout::contiguous(&array.shape, itemsize, Order::C),
        StoredOrder::F => Layout::contiguous(&array.shape, itemsize, Order::F),
        StoredOrder::Permuted(axes) => {
            let mut stored = vec![0; axes.len()];
            for (extent, axis) in array.shape.iter().zip(axes) {
                stored[*axis] = *extent;
            }
            let layout = Layout::contiguous(&stored, itemsize, Order::C);
            layout.and_then(|layout| layout.transposed(axes))
        }
    };
    let made = laid.and_then(|layout| Array::new(array.dtype, layout, bytes));
    let made = made.map_err(|error| PyValueError::new_err(error.to_string()))?;
    arrays::to_python(py, &mut builder.dtypes, made, share)
}
