package org.ndferry.jython;

import java.util.List;
import org.ndferry.Dtype;
import org.ndferry.NDArray;
import org.python.core.Py;
import org.python.core.PyList;
import org.python.core.PyObject;
import org.python.core.PyTuple;

/** Elements with fields, which are tuples in Python. */
final class Structs {
  private Structs() {}

  static NDArray array(PyObject object, Dtype dtype) {
    if (object instanceof PyTuple) {
      NDArray one = NDArray.zeros(dtype, 1);
      put(one, 0, (PyTuple) object);
      return one.reshape();
    }
    if (!(object instanceof PyList)) {
      throw Py.TypeError("elements with fields are made of tuples, not of " + object.__repr__());
    }
    int length = object.__len__();
    NDArray out = NDArray.zeros(dtype, length);
    for (int i = 0; i < length; i++) {
      PyObject item = object.__getitem__(i);
      if (!(item instanceof PyTuple)) {
        throw Py.TypeError("elements with fields are made of tuples, not of " + item.__repr__());
      }
      put(out, i, (PyTuple) item);
    }
    return out;
  }

  private static void put(NDArray out, int i, PyTuple values) {
    List<Dtype.Field> fields = out.dtype().fields();
    if (fields.size() != values.__len__()) {
      throw Py.ValueError(
          "could not assign tuple of length " + values.__len__() + " to structure with " + fields.size() + " fields.");
    }
    for (int f = 0; f < fields.size(); f++) {
      NDArray target = out.field(fields.get(f).name()).slice(Integer.toString(i));
      NDArray value = Sequences.array(values.__getitem__(f), target.dtype());
      Guard.of(
          () -> {
            target.assign(value.broadcast(target.shape()));
            return null;
          });
    }
  }

  /** A tuple of fields, or the list that a field with a shape is. */
  static PyObject element(List<?> values, Dtype dtype) {
    PyObject[] items = new PyObject[values.size()];
    for (int i = 0; i < items.length; i++) {
      Dtype own = dtype.isStruct() ? dtype.fields().get(i).dtype() : dtype.base();
      items[i] = Sequences.element(values.get(i), own);
    }
    if (dtype.isStruct()) {
      return new PyTuple(items);
    }
    return nested(items, dtype.subshape(), 0, new int[1]);
  }

  private static PyObject nested(PyObject[] items, long[] shape, int axis, int[] at) {
    PyObject[] out = new PyObject[(int) shape[axis]];
    for (int i = 0; i < out.length; i++) {
      out[i] = axis == shape.length - 1 ? items[at[0]++] : nested(items, shape, axis + 1, at);
    }
    return new PyList(out);
  }
}
