package org.ndferry.jython;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.ndferry.Dtype;
import org.ndferry.NDArray;
import org.ndferry.NdferryException;
import org.ndferry.PickleBuilder;
import org.ndferry.PickleReader;
import org.python.core.Py;
import org.python.core.PyDictionary;
import org.python.core.PyFloat;
import org.python.core.PyFrozenSet;
import org.python.core.PyList;
import org.python.core.PyLong;
import org.python.core.PyObject;
import org.python.core.PySet;
import org.python.core.PyString;
import org.python.core.PyTuple;
import org.python.core.PyUnicode;

/** Pickles as Python's objects. Plain values are made here; arrays and all that has a name, by Python's {@code hooks}. */
public final class Loads implements PickleBuilder {
  private final PyObject hooks;

  /** The lists of arrays of objects. */
  private final Map<Object, PyList> itemsOf = new IdentityHashMap<>();

  private Loads(PyObject hooks) {
    this.hooks = hooks;
  }

  /**
   * What a pickle holds.
   *
   * @param pickle its bytes
   * @param hooks with the methods {@code array}, {@code objects}, {@code scalar}, {@code dtype}, {@code array_array}, {@code
   *     name}, {@code call} and {@code state}
   * @param buffers those that lie outside of it (protocol 5), in order
   * @return the root
   */
  public static PyObject loads(byte[] pickle, PyObject hooks, List<ByteBuffer> buffers) {
    ByteBuffer[] outside = buffers.toArray(new ByteBuffer[0]);
    return Guard.of(() -> (PyObject) PickleReader.build(pickle, new Loads(hooks), outside));
  }

  /**
   * How long the first pickle is, where others follow.
   *
   * @param pickles their bytes
   * @return bytes up to its STOP
   */
  public static int length(byte[] pickles) {
    return Guard.of(() -> PickleReader.length(pickles));
  }

  @Override
  public Object none() {
    return Py.None;
  }

  @Override
  public Object bool(boolean value) {
    return Py.newBoolean(value);
  }

  @Override
  public Object integer(BigInteger value) {
    return value.bitLength() < 32 ? Py.newInteger(value.intValue()) : new PyLong(value);
  }

  @Override
  public Object real(double value) {
    return new PyFloat(value);
  }

  @Override
  public Object text(String value) {
    return new PyUnicode(value);
  }

  @Override
  public Object bytes(ByteBuffer value) {
    byte[] bytes = new byte[value.remaining()];
    value.get(bytes);
    return oldText(bytes);
  }

  @Override
  public Object oldText(byte[] value) {
    return new PyString(new String(value, StandardCharsets.ISO_8859_1));
  }

  private static PyObject[] all(List<Object> items) {
    return items.toArray(new PyObject[0]);
  }

  @Override
  public Object tuple(List<Object> items) {
    return new PyTuple(all(items));
  }

  @Override
  public Object set(List<Object> items, boolean frozen) {
    PyList list = new PyList(all(items));
    return frozen ? new PyFrozenSet(list) : new PySet(all(items));
  }

  @Override
  public Object list() {
    return new PyList();
  }

  @Override
  public void append(Object list, Object item) {
    PyList items = list instanceof PyList ? (PyList) list : itemsOf.get(list);
    if (items != null) {
      items.append((PyObject) item);
    } else {
      ((PyObject) list).invoke("append", (PyObject) item);
    }
  }

  @Override
  public Object dict() {
    return new PyDictionary();
  }

  @Override
  public void put(Object dict, Object key, Object value) {
    ((PyObject) dict).__setitem__((PyObject) key, (PyObject) value);
  }

  @Override
  public Object array(NDArray array) {
    // Two arrays may be made of the same bytes of the pickle.
    boolean turned = array.isFortran() && !array.isContiguous();
    NDArray own = turned ? array.transpose().copy().transpose() : array.copy();
    return hooks.invoke("array", Py.java2py(own));
  }

  @Override
  public Object objects(long[] shape, long offset) {
    PyList items = new PyList();
    PyObject made = hooks.invoke("objects", Sequences.tuple(shape), items);
    itemsOf.put(made, items);
    return made;
  }

  @Override
  public Object arrayArray(char typecode, NDArray items) {
    return hooks.invoke("array_array", new PyString(String.valueOf(typecode)), Py.java2py(items));
  }

  @Override
  public Object scalar(NDArray value) {
    return hooks.invoke("scalar", Py.java2py(value.copy()));
  }

  @Override
  public Object dtype(Dtype dtype) {
    return hooks.invoke("dtype", Py.java2py(dtype));
  }

  @Override
  public Object name(String module, String name, long offset) throws NdferryException {
    return hooks.invoke("name", new PyObject[] {new PyString(module), new PyString(name), new PyLong(offset)});
  }

  @Override
  public Object call(Object callable, List<Object> arguments, boolean create, long offset) throws NdferryException {
    return hooks.invoke("call", new PyObject[] {(PyObject) callable, new PyTuple(all(arguments)), Py.newBoolean(create)});
  }

  @Override
  public void state(Object object, Object state, long offset) throws NdferryException {
    hooks.invoke("state", (PyObject) object, (PyObject) state);
  }
}
