package org.ndferry.jython;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.ndferry.Dtype;
import org.ndferry.Dtype.Kind;
import org.ndferry.NDArray;
import org.python.core.AbstractDict;
import org.python.core.Py;
import org.python.core.PyArray;
import org.python.core.PyBUF;
import org.python.core.PyBoolean;
import org.python.core.PyBuffer;
import org.python.core.PyByteArray;
import org.python.core.PyComplex;
import org.python.core.PyException;
import org.python.core.PyFloat;
import org.python.core.PyInteger;
import org.python.core.PyList;
import org.python.core.PyLong;
import org.python.core.PyObject;
import org.python.core.PyString;
import org.python.core.PyTuple;
import org.python.core.PyUnicode;
import org.python.core.PyXRange;

/** Arrays of Python's sequences and numbers, and these of arrays. */
public final class Sequences {
  private static final int MAX_NDIM = 64;

  private Sequences() {}

  /** The array inside of the Python object that stands for one, or null. */
  static NDArray unwrapped(PyObject object) {
    PyObject inner = object.__findattr__("_a");
    if (inner == null) {
      return null;
    }
    Object java = inner.__tojava__(NDArray.class);
    return java instanceof NDArray ? (NDArray) java : null;
  }

  /**
   * A shape or strides as Python has them.
   *
   * @param extents numbers
   * @return a tuple
   */
  public static PyTuple tuple(long[] extents) {
    PyObject[] items = new PyObject[extents.length];
    for (int i = 0; i < items.length; i++) {
      items[i] = number(extents[i]);
    }
    return new PyTuple(items);
  }

  /**
   * Bytes of {@code str}, {@code bytearray}, {@code array.array} or an array of Java.
   *
   * @param object what holds them
   * @return of an array of bytes of Java that array itself, otherwise a copy
   */
  public static byte[] bytes(PyObject object) {
    if (object instanceof PyString && !(object instanceof PyUnicode)) {
      return object.asString().getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
    }
    if (object instanceof PyArray) {
      PyArray array = (PyArray) object;
      Object data = array.getArray();
      boolean whole = data instanceof byte[] && ((byte[]) data).length == array.__len__();
      return whole ? (byte[]) data : ofPyArray(array).toBytes();
    }
    if (object instanceof PyByteArray) {
      return object.invoke("__str__").asString().getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
    }
    NDArray array = unwrapped(object);
    if (array != null) {
      return array.toBytes();
    }
    Object java = object.__tojava__(byte[].class);
    if (java instanceof byte[]) {
      return (byte[]) java;
    }
    throw Py.TypeError("a bytes-like object is required, not '" + object.getType().getName() + "'");
  }

  /**
   * The memory of a {@code bytearray}: what is written there is seen here, until it becomes longer or shorter, which gives it
   * memory of its own.
   *
   * @param bytes what
   * @return its bytes
   */
  public static ByteBuffer shared(PyByteArray bytes) {
    try (PyBuffer view = bytes.getBuffer(PyBUF.SIMPLE | PyBUF.WRITABLE)) {
      return view.getNIOByteBuffer().slice();
    }
  }

  /**
   * Bytes as Python has them.
   *
   * @param bytes what
   * @return a {@code str}
   */
  public static PyString string(byte[] bytes) {
    return new PyString(new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1));
  }

  /**
   * The same bytes as elements of another size along the last axis.
   *
   * @param array with its last axis without gaps
   * @param dtype what each element is to be
   * @return the same memory if the array is contiguous
   */
  public static NDArray viewed(NDArray array, Dtype dtype) {
    long[] shape = array.shape();
    int last = shape.length - 1;
    long nbytes = shape[last] * array.dtype().itemsize();
    if (dtype.itemsize() == 0 || nbytes % dtype.itemsize() != 0) {
      throw Py.ValueError(
          "When changing to a larger dtype, its size must be a divisor of the total size in bytes of the last axis of the array.");
    }
    if (!array.isContiguous()) {
      throw Py.ValueError("To change to a dtype of a different size, the last axis must be contiguous");
    }
    shape[last] = nbytes / dtype.itemsize();
    return array.reinterpret(dtype, shape);
  }

  private static boolean isLeaf(PyObject object) {
    return object instanceof PyFloat
        || object instanceof PyInteger
        || object instanceof PyLong
        || object instanceof PyString
        || object instanceof PyComplex
        || object == Py.None;
  }

  /** Numbers of Python, of which NumPy's scalars are subclasses. */
  private static boolean isPlain(PyObject object) {
    Class<?> kind = object.getClass();
    return kind == PyFloat.class || kind == PyInteger.class || kind == PyBoolean.class || kind == PyLong.class
        || kind == PyList.class || kind == PyTuple.class;
  }

  /** Thrown where only an array of Python's objects holds what was found. */
  private static final class Objects extends RuntimeException {
    private static final long serialVersionUID = 1;

    Objects(PyObject what) {
      super("an array of numbers or text cannot hold objects such as " + what.__repr__(), null, false, false);
    }
  }

  /** What a nested sequence holds. */
  private static final class Leaves {
    final List<PyObject> items = new ArrayList<>();
    final List<Long> shape = new ArrayList<>();
    Dtype dtype;

    /** Whether what comes is of an array, whose dtype has been seen. */
    private boolean inside;

    /** What has no dtype together; null if there is nothing. */
    private String mixed;

    /** Whether the dtype is known, whatever comes. */
    private final boolean decided;

    /** Text that is wanted may be as long as it is found to be. */
    Leaves(Dtype wanted) {
      this.decided = wanted != null && wanted.kind() != Kind.BYTES && wanted.kind() != Kind.UNICODE;
      this.dtype = decided ? wanted : null;
    }

    void see(Dtype other, PyObject what) {
      if (inside) {
        return;
      }
      Dtype both = dtype == null ? other : Promotion.promote(dtype, other);
      if (both == null) {
        // Objects that come later hold both.
        mixed = mixed == null ? "no dtype for " + dtype + " and " + other + ", such as " + what.__repr__() : mixed;
        return;
      }
      dtype = both;
    }

    void walk(PyObject object, int depth) {
      NDArray array = isPlain(object) ? null : unwrapped(object);
      if (array != null) {
        elements(array, object, depth);
      } else if (isLeaf(object)) {
        leaf(object, depth);
      } else {
        descend(object, depth);
      }
    }

    private void elements(NDArray array, PyObject object, int depth) {
      if (!decided) {
        see(array.dtype(), object);
      }
      boolean outer = inside;
      inside = true;
      descend(list(array), depth);
      inside = outer;
    }

    private void leaf(PyObject object, int depth) {
      if (depth != shape.size()) {
        throw ragged(depth);
      }
      items.add(object);
      if (!decided) {
        see(ofLeaf(object), object);
      } else if (object == Py.None && dtype.kind() != Kind.FLOAT) {
        throw new Objects(object);
      }
    }

    /** Lists, and what a list of an array is: numbers if it has no axes. */
    private void descend(PyObject object, int depth) {
      if (isLeaf(object)) {
        if (depth != shape.size()) {
          throw ragged(depth);
        }
        items.add(object);
        return;
      }
      if (object instanceof PyArray) {
        NDArray array = ofPyArray((PyArray) object);
        if (array != null) {
          elements(array, object, depth);
          return;
        }
      }
      boolean sequence = object instanceof PyList || object instanceof PyTuple || object instanceof PyXRange;
      boolean mapping = object instanceof AbstractDict || object.__findattr__("__getitem__") == null;
      if (!sequence && (mapping || object.__findattr__("__len__") == null)) {
        throw new Objects(object);
      }
      if (depth >= MAX_NDIM) {
        throw Py.ValueError("sequences nested more than " + MAX_NDIM + " deep");
      }
      int length = object.__len__();
      if (depth == shape.size()) {
        if (!items.isEmpty()) {
          throw ragged(depth);
        }
        shape.add((long) length);
      } else if (shape.get(depth) != length) {
        throw ragged(depth);
      }
      boolean numbers = dtype != null;
      for (int i = 0; i < length; i++) {
        PyObject item = object.__getitem__(i);
        if (numbers && item instanceof PyFloat && item.getClass() == PyFloat.class && depth + 1 == shape.size()
            && dtype.kind() == Kind.FLOAT && dtype.itemsize() == 8) {
          items.add(item);
        } else {
          walk(item, depth + 1);
          numbers = dtype != null;
        }
      }
    }

    private PyException ragged(int depth) {
      return Py.ValueError(
          "setting an array element with a sequence. The requested array has an inhomogeneous shape after " + depth
              + " dimensions.");
    }
  }

  private static Dtype ofLeaf(PyObject object) {
    if (object instanceof PyBoolean) {
      return Dtype.BOOL;
    }
    if (object instanceof PyInteger) {
      return Dtype.INT64;
    }
    if (object instanceof PyLong) {
      BigInteger value = ((PyLong) object).getValue();
      if (value.bitLength() < 64) {
        return Dtype.INT64;
      }
      if (value.signum() > 0 && value.bitLength() == 64) {
        return Dtype.UINT64;
      }
      throw new Objects(object);
    }
    if (object instanceof PyFloat) {
      return Dtype.FLOAT64;
    }
    if (object instanceof PyComplex) {
      return Dtype.of("c16");
    }
    if (object instanceof PyUnicode) {
      String text = object.toString();
      return Dtype.of("U" + text.codePointCount(0, text.length()));
    }
    if (object instanceof PyString) {
      return Dtype.of("S" + object.toString().length());
    }
    throw new Objects(object);
  }

  /**
   * An array of a number, of text, or of nested sequences of them.
   *
   * @param object what
   * @param wanted the dtype to be, or null for the smallest that holds all
   * @return a new array, in C order; null if no dtype is wanted and only Python's objects hold all
   */
  public static NDArray array(PyObject object, Dtype wanted) {
    try {
      return made(object, wanted);
    } catch (Objects error) {
      if (wanted == null) {
        return null;
      }
      throw Py.TypeError(error.getMessage());
    }
  }

  private static NDArray made(PyObject object, Dtype wanted) {
    Leaves leaves = new Leaves(wanted);
    NDArray own = unwrapped(object);
    if (own == null && object instanceof PyArray) {
      own = ofPyArray((PyArray) object);
    }
    if (own != null) {
      return wanted == null ? own.copy() : Guard.of(() -> cast(own(object), wanted));
    }
    if (wanted != null && wanted.isStruct()) {
      return Structs.array(object, wanted);
    }
    leaves.walk(object, 0);
    if (leaves.mixed != null) {
      throw Py.TypeError(leaves.mixed);
    }
    long[] shape = new long[leaves.shape.size()];
    long size = 1;
    for (int i = 0; i < shape.length; i++) {
      shape[i] = leaves.shape.get(i);
      size *= shape[i];
    }
    if (size != leaves.items.size()) {
      throw leaves.ragged(shape.length - 1);
    }
    Dtype dtype = wanted != null ? sized(wanted, leaves.dtype) : leaves.dtype == null ? Dtype.FLOAT64 : leaves.dtype;
    return Guard.of(() -> filled(leaves.items, dtype, shape));
  }

  private static NDArray own(PyObject object) {
    NDArray array = unwrapped(object);
    return array != null ? array : ofPyArray((PyArray) object);
  }

  /** {@code S} and {@code U} without a size are as long as the longest text. */
  private static Dtype sized(Dtype wanted, Dtype found) {
    boolean text = wanted.kind() == Kind.BYTES || wanted.kind() == Kind.UNICODE;
    if (!text || wanted.itemsize() > 0 || found == null) {
      return wanted;
    }
    int length = found.kind() == Kind.UNICODE ? found.itemsize() / 4 : found.kind() == Kind.BYTES ? found.itemsize() : 32;
    return Dtype.of((wanted.kind() == Kind.BYTES ? "S" : "U") + Math.max(1, length));
  }

  /** With text as long as it has to be. */
  static NDArray cast(NDArray array, Dtype wanted) {
    return array.cast(sized(wanted, array.dtype()));
  }

  private static NDArray filled(List<PyObject> items, Dtype dtype, long[] shape) {
    int n = items.size();
    switch (dtype.kind()) {
      case BOOL:
        long[] bools = new long[n];
        for (int i = 0; i < n; i++) {
          bools[i] = items.get(i).__nonzero__() ? 1 : 0;
        }
        return NDArray.of(bools, flat(shape, n)).cast(dtype).reshape(shape);
      case INT:
      case UINT:
      case DATETIME:
      case TIMEDELTA:
        long[] longs = new long[n];
        for (int i = 0; i < n; i++) {
          longs[i] = integer(items.get(i), dtype);
        }
        return NDArray.of(longs, flat(shape, n)).cast(dtype).reshape(shape);
      case FLOAT:
        double[] reals = new double[n];
        for (int i = 0; i < n; i++) {
          reals[i] = real(items.get(i));
        }
        return NDArray.of(reals, flat(shape, n)).cast(dtype).reshape(shape);
      case COMPLEX:
        double[] parts = new double[2 * n];
        for (int i = 0; i < n; i++) {
          PyComplex value = items.get(i).__complex__();
          parts[2 * i] = value.real;
          parts[2 * i + 1] = value.imag;
        }
        NDArray pairs = NDArray.of(parts, 2L * n);
        return NDArray.wrap(ByteBuffer.wrap(pairs.toBytes()), Dtype.of("c16"), shape).cast(dtype);
      case BYTES:
      case UNICODE:
        NDArray text = NDArray.zeros(dtype, n);
        for (int i = 0; i < n; i++) {
          text.setText(items.get(i).toString(), i);
        }
        return text.reshape(shape);
      default:
        throw Py.TypeError("no array of " + dtype + " is made of " + (n == 0 ? "nothing" : items.get(0).__repr__()));
    }
  }

  private static long[] flat(long[] shape, int n) {
    return new long[] {n};
  }

  private static double real(PyObject item) {
    if (item instanceof PyFloat) {
      return ((PyFloat) item).getValue();
    }
    if (item == Py.None) {
      return Double.NaN;
    }
    if (item instanceof PyComplex) {
      throw Py.TypeError("float() argument must be a string or a real number, not 'complex'");
    }
    return item.__float__().asDouble();
  }

  /** A number that has to fit; a float is cut off, as NumPy does. */
  private static long integer(PyObject item, Dtype dtype) {
    BigInteger value;
    if (item instanceof PyInteger && !(item instanceof PyBoolean)) {
      value = BigInteger.valueOf(((PyInteger) item).getValue());
    } else if (item instanceof PyLong) {
      value = ((PyLong) item).getValue();
    } else if (item instanceof PyFloat) {
      double real = ((PyFloat) item).getValue();
      if (Double.isNaN(real)) {
        throw Py.ValueError("cannot convert float NaN to integer");
      }
      if (item.getClass() != PyFloat.class) {
        // NumPy's own scalars are cast, whatever gets lost.
        return NDArray.of(new double[] {real}).cast(dtype).getLong(0);
      }
      if (Double.isInfinite(real)) {
        throw Py.OverflowError("cannot convert float infinity to integer");
      }
      value = new BigDecimal(real).toBigInteger();
    } else {
      value = new BigInteger(item.__int__().toString());
    }
    boolean unsigned = dtype.kind() == Kind.UINT;
    int bits = 8 * dtype.itemsize();
    boolean fits = unsigned ? value.signum() >= 0 && value.bitLength() <= bits : value.bitLength() < bits;
    if (!fits) {
      throw Py.OverflowError("Python integer " + value + " out of bounds for " + dtype.name());
    }
    return value.longValue();
  }

  /** The elements of {@code array.array}, or of a Java array of numbers; null for others. */
  static NDArray ofPyArray(PyArray array) {
    Object data = array.getArray();
    String code = array.getTypecode();
    if (data instanceof boolean[]) {
      boolean[] bools = (boolean[]) data;
      byte[] out = new byte[array.__len__()];
      for (int i = 0; i < out.length; i++) {
        out[i] = (byte) (bools[i] ? 1 : 0);
      }
      return NDArray.of(out).cast(Dtype.BOOL);
    }
    int n = array.__len__();
    NDArray wide;
    if (data instanceof byte[]) {
      wide = NDArray.of(java.util.Arrays.copyOf((byte[]) data, n)).as(Dtype.INT8);
    } else if (data instanceof short[]) {
      wide = NDArray.of(java.util.Arrays.copyOf((short[]) data, n));
    } else if (data instanceof int[]) {
      wide = NDArray.of(java.util.Arrays.copyOf((int[]) data, n));
    } else if (data instanceof long[]) {
      wide = NDArray.of(java.util.Arrays.copyOf((long[]) data, n));
    } else if (data instanceof float[]) {
      return NDArray.of(java.util.Arrays.copyOf((float[]) data, n));
    } else if (data instanceof double[]) {
      return NDArray.of(java.util.Arrays.copyOf((double[]) data, n));
    } else {
      return null;
    }
    // Jython keeps unsigned numbers in the next wider type.
    int which = "BHIL".indexOf(code);
    return which < 0 || code.length() != 1 ? wide : wide.cast(Dtype.of("u" + (1 << which)));
  }

  /**
   * Nested lists of Python's own numbers and text ({@code numpy.ndarray.tolist}).
   *
   * @param array what
   * @return a list, or of an array without axes its element
   */
  public static PyObject list(NDArray array) {
    if (array.ndim() == 0) {
      return element(array.get(), array.dtype());
    }
    long[] shape = array.shape();
    if (array.size() > Integer.MAX_VALUE - 8) {
      throw Py.MemoryError("too many elements for a list: " + array.size());
    }
    Elements elements = elements(array);
    int[] at = {0};
    return nested(shape, 0, elements, at);
  }

  /** The elements in C order, by their number. */
  private interface Elements {
    PyObject get(int i);
  }

  private static Elements elements(NDArray array) {
    Dtype dtype = array.dtype();
    boolean wide = dtype.kind() == Kind.UINT && dtype.itemsize() == 8;
    if (dtype.kind() == Kind.FLOAT) {
      double[] values = array.toDoubles();
      return i -> new PyFloat(values[i]);
    }
    if (dtype.kind() == Kind.BOOL || dtype.kind() == Kind.INT || (dtype.kind() == Kind.UINT && !wide)) {
      long[] values = array.toLongs();
      boolean bool = dtype.kind() == Kind.BOOL;
      return i -> bool ? (values[i] != 0 ? Py.True : Py.False) : number(values[i]);
    }
    NDArray flat = array.reshape(array.size());
    return i -> element(flat.get(i), dtype);
  }

  private static PyObject nested(long[] shape, int axis, Elements elements, int[] at) {
    PyObject[] items = new PyObject[(int) shape[axis]];
    for (int i = 0; i < items.length; i++) {
      items[i] = axis == shape.length - 1 ? elements.get(at[0]++) : nested(shape, axis + 1, elements, at);
    }
    return new PyList(items);
  }

  private static PyObject number(long value) {
    return value == (int) value ? Py.newInteger((int) value) : new PyLong(value);
  }

  /** What {@link NDArray#get} gives, as Python has it. */
  static PyObject element(Object value, Dtype dtype) {
    if (value instanceof Boolean) {
      return Py.newBoolean((Boolean) value);
    }
    if (value instanceof Long) {
      return number((Long) value);
    }
    if (value instanceof BigInteger) {
      return new PyLong((BigInteger) value);
    }
    if (value instanceof Double) {
      return new PyFloat((Double) value);
    }
    if (value instanceof double[]) {
      return new PyComplex(((double[]) value)[0], ((double[]) value)[1]);
    }
    if (value instanceof String) {
      return new PyUnicode((String) value);
    }
    if (value instanceof byte[]) {
      return new PyString(new String((byte[]) value, java.nio.charset.StandardCharsets.ISO_8859_1));
    }
    return Structs.element((List<?>) value, dtype);
  }
}
