//! [`Builder`]: the values of a pickle as Python objects. Nothing that a pickle names is imported: what is made comes from
//! the closed tables of this module's children.

mod numpy_values;
mod opaque;
mod std_values;

use std::collections::HashSet;
use std::ffi::CString;

use bytes::Bytes;
use ndferry::pickle::{ArrayReader, Blob, Call, Id, Limits, Payload, PickledArray, Tree, Value};
use ndferry::{ErrorKind, GlobalUse, Policy};
use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyFrozenSet, PyList, PySet, PyString, PyTuple};

use crate::arrays::Share;
use crate::dtypes::Dtypes;
use crate::errors::{exception, ours, unsafe_pickle};
use numpy_values::Numpy;
use std_values::Std;

/// How values are made.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// What a pickle may refer to; `None` for everything.
    pub(crate) policy: Option<Policy>,
    /// Whether what is not understood comes as `Opaque`.
    pub(crate) opaque: bool,
    /// How Python 2's `str` is decoded; `None` leaves it as bytes.
    pub(crate) encoding: Option<CString>,
    /// What is done about what cannot be decoded.
    pub(crate) errors: CString,
    /// Whose the elements of arrays are.
    pub(crate) share: Share,
    /// Its bytes are on another machine: whatever reads them lets other threads of Python go on.
    pub(crate) is_far: bool,
}

/// Refuses what the policy does not pass.
pub(crate) fn refuse(
    py: Python<'_>,
    name: &str,
    globals: &[GlobalUse],
    policy: Option<&Policy>,
) -> PyResult<()> {
    let refused = policy.map(|policy| policy.refused(globals));
    let refused = refused.unwrap_or_default();
    match refused.is_empty() {
        true => Ok(()),
        false => Err(unsafe_pickle(py, name, &refused)),
    }
}

/// Makes Python objects of the values of one tree. One that is used twice is made once; cycles are closed.
pub(crate) struct Builder<'py, 't> {
    py: Python<'py>,
    tree: &'t Tree,
    reader: ArrayReader<'t>,
    dtypes: Dtypes,
    options: &'t Options,
    has_numpy: bool,
    made: Vec<Option<Bound<'py, PyAny>>>,
    /// What waits for its parts.
    unfinished: HashSet<Id>,
    /// What exists, and is filled later, so that parts of it may refer to it.
    to_fill: Vec<(Id, Fill)>,
    steps: u32,
}

/// How something that exists is filled.
enum Fill {
    List,
    Set,
    Dict,
    /// An array of objects: with these.
    Objects(Id),
    Std(Std),
    Opaque,
}

/// What is left to do before something exists.
enum Step {
    Visit(Id),
    Finish(Id, Recipe),
}

/// How something is made of its parts, once they exist.
enum Recipe {
    Tuple,
    FrozenSet,
    Numpy(Numpy),
    Std(Std),
    Persistent(Id),
}

/// What a value needs.
enum Plan<'py> {
    Done(Bound<'py, PyAny>),
    /// Exists, and is filled later.
    Fill(Bound<'py, PyAny>, Fill),
    After(Vec<Id>, Recipe),
}

/// How many values are made between two looks for signals.
const STEPS: u32 = 1 << 14;

/// So many bytes are read without the interpreter.
const LONG: u64 = 1 << 20;

impl<'py, 't> Builder<'py, 't> {
    pub(crate) fn new(py: Python<'py>, tree: &'t Tree, options: &'t Options) -> Self {
        Self {
            py,
            tree,
            reader: ArrayReader::new(tree, &Limits::default()),
            dtypes: Dtypes::default(),
            options,
            has_numpy: crate::numpy_abi::is_there(py),
            made: vec![None; tree.len()],
            unfinished: HashSet::new(),
            to_fill: Vec::new(),
            steps: 0,
        }
    }

    /// The object that this value is, with all that hangs on it.
    pub(crate) fn object(&mut self, root: Id) -> PyResult<Bound<'py, PyAny>> {
        let made = self.make(root)?;
        while let Some((id, fill)) = self.to_fill.pop() {
            self.fill(id, fill)?;
        }
        Ok(made)
    }

    /// The object, which may still have to be filled.
    fn make(&mut self, id: Id) -> PyResult<Bound<'py, PyAny>> {
        if let Some(made) = &self.made[id.index()] {
            return Ok(made.clone());
        }
        let mut steps = vec![Step::Visit(id)];
        while let Some(step) = steps.pop() {
            self.look_for_signals()?;
            match step {
                Step::Visit(id) if self.made[id.index()].is_some() => {}
                Step::Visit(id) => match self.plan(id)? {
                    Plan::Done(object) => self.made[id.index()] = Some(object),
                    Plan::Fill(object, fill) => {
                        self.made[id.index()] = Some(object);
                        self.to_fill.push((id, fill));
                    }
                    Plan::After(parts, recipe) => {
                        if !self.unfinished.insert(id) {
                            return Err(self.wrong(id, "it is a part of itself"));
                        }
                        steps.push(Step::Finish(id, recipe));
                        steps.extend(parts.into_iter().rev().map(Step::Visit));
                    }
                },
                Step::Finish(id, recipe) => {
                    let object = self.finish(id, recipe)?;
                    self.unfinished.remove(&id);
                    self.made[id.index()] = Some(object);
                }
            }
        }
        Ok(self.part(id))
    }

    /// What was made already.
    fn part(&self, id: Id) -> Bound<'py, PyAny> {
        match &self.made[id.index()] {
            Some(made) => made.clone(),
            None => self.py.None().into_bound(self.py),
        }
    }

    fn parts(&self, ids: &[Id]) -> Vec<Bound<'py, PyAny>> {
        ids.iter().map(|id| self.part(*id)).collect()
    }

    fn plan(&mut self, id: Id) -> PyResult<Plan<'py>> {
        let py = self.py;
        let done = match self.tree.get(id) {
            Value::None => py.None().into_bound(py),
            Value::Bool(value) => value.into_pyobject(py)?.to_owned().into_any(),
            Value::Int(value) => value.into_pyobject(py)?.into_any(),
            Value::BigInt(value) => {
                let bytes = PyBytes::new(py, &value.to_signed_bytes_le());
                let keywords = PyDict::new(py);
                keywords.set_item("signed", true)?;
                let class = py.get_type::<pyo3::types::PyInt>();
                class.call_method("from_bytes", (bytes, "little"), Some(&keywords))?
            }
            Value::Float(value) => value.into_pyobject(py)?.into_any(),
            Value::Str(blob) => self.text(&blob)?.into_any(),
            Value::Bytes(blob) => PyBytes::new(py, &self.bytes(&blob)?).into_any(),
            Value::ByteArray(blob) => PyByteArray::new(py, &self.bytes(&blob)?).into_any(),
            Value::Py2Str(blob) => self.py2_text(&blob)?,
            Value::Tuple([]) => PyTuple::empty(py).into_any(),
            Value::Tuple(items) => return Ok(Plan::After(items.to_vec(), Recipe::Tuple)),
            Value::FrozenSet(items) => return Ok(Plan::After(items.to_vec(), Recipe::FrozenSet)),
            Value::List(_) => return Ok(Plan::Fill(PyList::empty(py).into_any(), Fill::List)),
            Value::Set(_) => return Ok(Plan::Fill(PySet::empty(py)?.into_any(), Fill::Set)),
            Value::Dict(_) => return Ok(Plan::Fill(PyDict::new(py).into_any(), Fill::Dict)),
            Value::Global(global) => match self.known_class(&global.module, &global.name)? {
                Some(class) => class,
                None => self.opaque(&global.module, &global.name, py.None().into_bound(py))?,
            },
            Value::Call(call) => return self.plan_call(id, call),
            Value::Persistent(of) => return Ok(Plan::After(vec![of], Recipe::Persistent(of))),
            Value::Extension(code) => {
                let args = PyTuple::new(py, [code])?.into_any();
                self.opaque("copyreg", "extension", args)?
            }
            _ => return Err(self.unknown(id)),
        };
        Ok(Plan::Done(done))
    }

    fn plan_call(&mut self, id: Id, call: &'t Call) -> PyResult<Plan<'py>> {
        if let Some(plan) = self.plan_numpy(id, call)? {
            return Ok(plan);
        }
        if let Some(plan) = self.plan_std(id, call)? {
            return Ok(plan);
        }
        self.plan_opaque(id, call)
    }

    fn finish(&mut self, id: Id, recipe: Recipe) -> PyResult<Bound<'py, PyAny>> {
        match (recipe, self.tree.get(id)) {
            (Recipe::Tuple, Value::Tuple(items)) => {
                Ok(PyTuple::new(self.py, self.parts(items))?.into_any())
            }
            (Recipe::FrozenSet, Value::FrozenSet(items)) => {
                let made = PyFrozenSet::new(self.py, self.parts(items));
                made.map(Bound::into_any)
                    .map_err(|error| self.because(id, error))
            }
            (Recipe::Numpy(numpy), _) => self.finish_numpy(id, numpy),
            (Recipe::Std(std), _) => {
                let made = self.finish_std(id, std);
                made.map_err(|error| self.because(id, error))
            }
            (Recipe::Persistent(of), _) => {
                let args = PyTuple::new(self.py, [self.part(of)])?.into_any();
                self.opaque("pickle", "persistent_load", args)
            }
            _ => Err(self.unknown(id)),
        }
    }

    fn fill(&mut self, id: Id, fill: Fill) -> PyResult<()> {
        let object = self.part(id);
        match (fill, self.tree.get(id)) {
            (Fill::List, Value::List(items)) => {
                let list = object.cast::<PyList>()?;
                for item in items {
                    list.append(self.make(*item)?)?;
                }
            }
            (Fill::Set, Value::Set(items)) => {
                let set = object.cast::<PySet>()?;
                for item in items {
                    let item = self.make(*item)?;
                    set.add(item).map_err(|error| self.because(id, error))?;
                }
            }
            (Fill::Dict, Value::Dict(pairs)) => self.fill_pairs(id, &object, pairs)?,
            (Fill::Objects(list), _) => self.fill_objects(id, &object, list)?,
            (Fill::Std(std), _) => self.fill_std(id, &object, std)?,
            (Fill::Opaque, Value::Call(call)) => self.fill_opaque(&object, call)?,
            _ => return Err(self.unknown(id)),
        }
        Ok(())
    }

    fn fill_pairs(
        &mut self,
        id: Id,
        object: &Bound<'py, PyAny>,
        pairs: &[(Id, Id)],
    ) -> PyResult<()> {
        for (key, value) in pairs {
            let (key, value) = (self.make(*key)?, self.make(*value)?);
            let set = object.set_item(key, value);
            set.map_err(|error| self.because(id, error))?;
        }
        Ok(())
    }

    fn text(&self, blob: &Blob) -> PyResult<Bound<'py, PyString>> {
        let bytes = self.bytes(blob)?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(PyString::new(self.py, text)),
            // Halves of surrogate pairs.
            Err(_) => {
                let bytes = PyBytes::new(self.py, &bytes);
                PyString::from_encoded_object(&bytes, Some(c"utf-8"), Some(c"surrogatepass"))
            }
        }
    }

    fn py2_text(&self, blob: &Blob) -> PyResult<Bound<'py, PyAny>> {
        let bytes = PyBytes::new(self.py, &self.bytes(blob)?);
        match &self.options.encoding {
            None => Ok(bytes.into_any()),
            Some(encoding) => {
                let errors = Some(&*self.options.errors);
                PyString::from_encoded_object(&bytes, Some(encoding), errors).map(Bound::into_any)
            }
        }
    }

    fn bytes(&self, blob: &Blob) -> PyResult<std::borrow::Cow<'t, [u8]>> {
        let (tree, is_far) = (self.tree, self.options.is_far);
        let bytes = match is_far {
            true => self.py.detach(|| tree.blob(blob)),
            false => tree.blob(blob),
        };
        bytes.map_err(|error| self.pickled(error))
    }

    /// All bytes of a payload; without the interpreter where that takes long.
    fn read(&self, payload: Payload) -> PyResult<Bytes> {
        let tree = self.tree;
        let bytes = match self.options.is_far || payload.nbytes() >= LONG {
            true => self.py.detach(|| payload.bytes(tree)),
            false => payload.bytes(tree),
        };
        bytes.map_err(|error| self.pickled(error))
    }

    fn look_for_signals(&mut self) -> PyResult<()> {
        self.steps += 1;
        if self.steps.is_multiple_of(STEPS) {
            self.py.check_signals()?;
        }
        Ok(())
    }

    fn pickled(&self, error: ndferry::pickle::Error) -> PyErr {
        exception(self.py, &ErrorKind::Pickle(error.kind).at(error.offset))
    }

    /// What is wrong with a value.
    fn wrong(&self, id: Id, message: &str) -> PyErr {
        ours(self.py, "FormatError", message, self.offset(id))
    }

    fn unknown(&self, id: Id) -> PyErr {
        let message = "a value that is not understood";
        ours(self.py, "UnsupportedError", message, self.offset(id))
    }

    /// A value that Python itself would not make.
    fn because(&self, id: Id, error: PyErr) -> PyErr {
        let py = self.py;
        let is_outside = error.is_instance_of::<PyMemoryError>(py)
            || error.is_instance_of::<PyKeyboardInterrupt>(py)
            || error.value(py).hasattr("offset").unwrap_or(false);
        if is_outside {
            return error;
        }
        let new = self.wrong(id, &error.value(py).to_string());
        new.set_cause(py, Some(error));
        new
    }

    fn offset(&self, id: Id) -> Option<u64> {
        match self.tree.get(id) {
            Value::Call(call) => Some(call.offset),
            Value::Global(global) => Some(global.offset),
            _ => None,
        }
    }

    /// An array's elements.
    fn array(&mut self, array: PickledArray) -> PyResult<Bound<'py, PyAny>> {
        numpy_values::array(self, array)
    }
}
