//! Arrays in the form that the wanted protocol and NumPy know.

use ndferry_array::{Array, Order};

use super::*;
use crate::numpy::{Elements, PickledArray, Recognised, StoredOrder, wrapper_attributes};
use crate::value::{Call, Value};
use crate::write::lacks_buffer;

/// Where an array's parts are in the tree.
struct Form {
    dtype: Id,
    /// Whether the pickle must not change what is in the buffer.
    is_readonly: bool,
    /// The class, if it is not NumPy's own.
    class: Option<Id>,
}

impl<'t, W: Write> Writing<'_, 't, W> {
    /// Whether it was an array that must be written otherwise than it was.
    pub(super) fn array(
        &mut self,
        id: Id,
        call: &'t Call,
        module: &str,
        name: &str,
        args: &'t [Id],
    ) -> Result<bool> {
        if let Some(object) = call.raw_object() {
            self.then([Part::Node(object, Position::AsIs), Part::Alias(id, object)]);
            return Ok(true);
        }
        if module == "array" && call.states().is_empty() {
            return self.array_array(id, name, args);
        }
        let Some(form) = self.form(id, call, module, name, args)? else {
            return Ok(false);
        };
        let Ok(Some(Recognised::Array(array))) = self.reader.read(id) else {
            return Ok(false);
        };
        let Elements::Bytes(payload) = array.elements else {
            return Ok(false);
        };
        let is_plain = form.class.is_none();
        let as_buffer = self.protocol() >= 5
            && is_plain
            && array.dtype.itemsize() > 0
            && !lacks_buffer(&array.dtype);
        if !as_buffer && name == "_reconstruct" {
            return Ok(false);
        }
        self.open((id, Position::AsIs))?;
        if !as_buffer {
            return self.reconstruct(id, &form, &array, payload).map(|()| true);
        }
        let is_permuted = matches!(array.order, StoredOrder::Permuted(_));
        match self.options.numpy {
            // NumPy 1 has no order for it, but the class takes strides.
            Numpy::Any => self.of_class(id, &form, &array, payload)?,
            Numpy::One if is_permuted => self.of_class(id, &form, &array, payload)?,
            Numpy::One => self.of_buffer(id, "numpy.core.numeric", &form, &array, payload)?,
            Numpy::Two => self.of_buffer(id, "numpy._core.numeric", &form, &array, payload)?,
        }
        Ok(true)
    }

    /// The parts of a call that is an array in a form which is not wanted; `None` for what may stay as it is.
    fn form(
        &self,
        id: Id,
        call: &'t Call,
        module: &str,
        name: &str,
        args: &[Id],
    ) -> Result<Option<Form>> {
        let tree = self.tree;
        let buffers = self.protocol() >= 5;
        if let Some(attributes) = wrapper_attributes(tree, id)? {
            return Ok(Some(Form {
                dtype: attributes.dtype,
                is_readonly: false,
                class: subclass(tree, call)?,
            }));
        }
        let is_bare = call.states().is_empty();
        let is_readonly = |id: &Id| matches!(tree.get(*id), Value::Bytes(_));
        let form = match (module, name, args) {
            (_, "_reconstruct", [class, ..]) if buffers => {
                let is_plain = tree.global(*class) == Some(("numpy", "ndarray"));
                // In protocol 5, NumPy itself uses this form for what is not contiguous.
                let wanted = self.options.numpy == Numpy::Any || tree.protocol < 5;
                let state = call.state().and_then(|state| tree.sequence(state));
                let dtype = match state {
                    Some([_, _, dtype, _, _] | [_, dtype, _, _]) => *dtype,
                    _ => return Ok(None),
                };
                (is_plain && wanted && call.states().len() == 1).then_some(Form {
                    dtype,
                    is_readonly: false,
                    class: None,
                })
            }
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer", [buffer, dtype, ..])
                if is_bare =>
            {
                let stays = buffers
                    && match self.options.numpy {
                        Numpy::Any => false,
                        Numpy::One => args.len() == 4,
                        Numpy::Two => true,
                    }
                    && self.take_buffer.is_none();
                (!stays).then(|| Form {
                    dtype: *dtype,
                    is_readonly: is_readonly(buffer),
                    class: None,
                })
            }
            ("numpy", "ndarray", [_, dtype, buffer, ..]) if is_bare => {
                let stays =
                    buffers && self.options.numpy == Numpy::Any && self.take_buffer.is_none();
                (!stays).then(|| Form {
                    dtype: *dtype,
                    is_readonly: is_readonly(buffer),
                    class: None,
                })
            }
            _ => None,
        };
        Ok(form)
    }

    /// `_reconstruct(class, (0,), b'b')` and a state, since before NumPy 1.0.
    fn reconstruct(
        &mut self,
        id: Id,
        form: &Form,
        array: &PickledArray,
        payload: Payload,
    ) -> Result<()> {
        let module = match self.options.numpy {
            Numpy::Two => "numpy._core.multiarray",
            _ => "numpy.core.multiarray",
        };
        let mut parts = vec![Part::Global(module, "_reconstruct"), Part::BeginTuple(3)];
        parts.push(match form.class {
            Some(class) => Part::Node(class, Position::AsIs),
            None => Part::Global("numpy", "ndarray"),
        });
        parts.extend([
            Part::Ints(vec![0]),
            Part::SharedBytes(b"b"),
            Part::EndTuple(3, None),
        ]);
        parts.extend([
            Part::Called(op::REDUCE, (id, Position::AsIs)),
            Part::BeginTuple(5),
        ]);
        parts.extend([Part::Int(1), Part::Ints(shape(&array.shape))]);
        parts.push(Part::Node(form.dtype, Position::AsIs));
        parts.push(Part::Bool(array.order == StoredOrder::F));
        if payload.nbytes() == 0 {
            parts.push(Part::SharedBytes(b""));
        } else if let StoredOrder::Permuted(_) = array.order {
            // Only this form needs other elements than there are.
            let elements = in_c_order(self.tree, array, payload)?;
            parts.extend([Part::Made(elements), Part::Put(None)]);
        } else {
            parts.extend([Part::Payload(payload), Part::Put(None)]);
        }
        parts.extend([Part::EndTuple(5, None), Part::Op(op::BUILD)]);
        self.then(parts);
        Ok(())
    }

    /// `_frombuffer(buffer, dtype, shape, order[, axes])`, NumPy's own form in protocol 5.
    fn of_buffer(
        &mut self,
        id: Id,
        module: &'static str,
        form: &Form,
        array: &PickledArray,
        payload: Payload,
    ) -> Result<()> {
        let (order, axes) = match &array.order {
            StoredOrder::C => ("C", None),
            StoredOrder::F => ("F", None),
            StoredOrder::Permuted(axes) => ("K", Some(shape(axes))),
        };
        let len = if axes.is_some() { 5 } else { 4 };
        let mut parts = vec![Part::Global(module, "_frombuffer"), Part::BeginTuple(len)];
        parts.extend(self.offered(payload, form.is_readonly)?);
        parts.push(Part::Node(form.dtype, Position::AsIs));
        parts.extend([Part::Ints(stored_shape(array)), Part::Text(order)]);
        parts.extend(axes.map(Part::Ints));
        parts.extend([
            Part::EndTuple(len, None),
            Part::Called(op::REDUCE, (id, Position::AsIs)),
        ]);
        self.then(parts);
        Ok(())
    }

    /// `ndarray(shape, dtype, buffer, 0, None, order)`: what every NumPy that knows protocol 5 makes an array of that
    /// shares the memory, without a warning.
    fn of_class(
        &mut self,
        id: Id,
        form: &Form,
        array: &PickledArray,
        payload: Payload,
    ) -> Result<()> {
        let is_permuted = matches!(array.order, StoredOrder::Permuted(_));
        let len = if is_permuted { 5 } else { 6 };
        let mut parts = vec![Part::Global("numpy", "ndarray"), Part::BeginTuple(len)];
        parts.extend([
            Part::Ints(shape(&array.shape)),
            Part::Node(form.dtype, Position::AsIs),
        ]);
        parts.extend(self.offered(payload, form.is_readonly)?);
        parts.push(Part::Int(0));
        match array.order {
            StoredOrder::Permuted(_) => parts.push(Part::Ints(strides(array))),
            StoredOrder::F => parts.extend([Part::None, Part::Text("F")]),
            StoredOrder::C => parts.extend([Part::None, Part::Text("C")]),
        }
        parts.extend([
            Part::EndTuple(len, None),
            Part::Called(op::REDUCE, (id, Position::AsIs)),
        ]);
        self.then(parts);
        Ok(())
    }
}

/// The subclass that joblib's wrapper of an array names, if it is one that keeps something.
fn subclass(tree: &Tree, call: &Call) -> Result<Option<Id>> {
    let Some(Value::Dict(pairs)) = call.state().map(|state| tree.get(state)) else {
        return Ok(None);
    };
    for (key, value) in pairs {
        if tree.name(*key)?.as_deref() == Some("subclass") {
            let is_plain = matches!(tree.global(*value), None | Some((_, "ndarray" | "memmap")));
            return Ok((!is_plain).then_some(*value));
        }
    }
    Ok(None)
}

/// The extents in the order in which the elements lie.
fn stored_shape(array: &PickledArray) -> Vec<i64> {
    let mut stored = shape(&array.shape);
    if let StoredOrder::Permuted(axes) = &array.order {
        for (extent, axis) in array.shape.iter().zip(axes) {
            stored[*axis] = *extent as i64;
        }
    }
    stored
}

/// Bytes from one element to the next along each axis of a permuted array.
fn strides(array: &PickledArray) -> Vec<i64> {
    let stored = stored_shape(array);
    let mut of_stored = vec![0; stored.len()];
    let mut stride = array.dtype.itemsize() as i64;
    for (extent, of_axis) in stored.iter().zip(&mut of_stored).rev() {
        *of_axis = stride;
        stride *= extent;
    }
    match &array.order {
        StoredOrder::Permuted(axes) => axes.iter().map(|axis| of_stored[*axis]).collect(),
        _ => of_stored,
    }
}

/// The elements of a permuted array as they lie in an array in C order.
fn in_c_order(tree: &Tree, array: &PickledArray, payload: Payload) -> Result<Bytes> {
    let StoredOrder::Permuted(axes) = &array.order else {
        return payload.bytes(tree);
    };
    let stored: Vec<usize> = stored_shape(array).iter().map(|n| *n as usize).collect();
    let bytes = payload.bytes(tree)?;
    let made = Array::contiguous(array.dtype.clone(), &stored, Order::C, bytes)
        .and_then(|made| made.transposed(axes))
        .and_then(|made| made.into_order(Order::C));
    let made = made.map_err(|error| ErrorKind::Array(error).at(array.offset))?;
    Ok(made.bytes().clone())
}

fn shape(extents: &[usize]) -> Vec<i64> {
    extents.iter().map(|extent| *extent as i64).collect()
}
