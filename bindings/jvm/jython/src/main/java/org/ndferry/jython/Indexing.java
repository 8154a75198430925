package org.ndferry.jython;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.ndferry.Dtype;
import org.ndferry.Dtype.Kind;
import org.ndferry.NDArray;
import org.python.core.Py;
import org.python.core.PyBoolean;
import org.python.core.PyException;
import org.python.core.PyFloat;
import org.python.core.PyInteger;
import org.python.core.PyLong;
import org.python.core.PyObject;
import org.python.core.PySlice;
import org.python.core.PyString;
import org.python.core.PyTuple;

/** NumPy's indexing: integers, slices, {@code ...} and {@code None}, and arrays of integers or bools among them. */
public final class Indexing {
  /** One axis of the outcome, or several that arrays of indices give: where its elements are, in bytes. */
  private static final class Part {
    final long[] shape;
    final long[] places;
    final long stride;

    /** A slice: so many elements at equal distances. */
    Part(long count, long stride) {
      this.shape = new long[] {count};
      this.places = null;
      this.stride = stride;
    }

    Part(long[] shape, long[] places) {
      this.shape = shape;
      this.places = places;
      this.stride = 0;
    }

    boolean isSlice() {
      return places == null;
    }
  }

  private final NDArray array;
  private final long[] shape;
  private final long[] strides;
  private final List<Part> parts = new ArrayList<>();

  /** Which of the parts are arrays of indices, single integers among them if there are such arrays. */
  private int fancy;

  /** Whether something stands between them, be it {@code ...} for no axis at all. */
  private boolean apart;

  private long first;
  private long[] outcome;

  private Indexing(NDArray array) {
    this.array = array;
    this.shape = array.shape();
    this.strides = array.strides();
  }

  /**
   * {@code array[key]}.
   *
   * @param array what is indexed
   * @param key Python's object between the brackets
   * @return the same elements, not copied, or a new array if there are arrays of indices in the key
   */
  public static NDArray get(NDArray array, PyObject key) {
    return Guard.of(() -> new Indexing(array).resolve(key).take());
  }

  /**
   * Whether {@code array[key]} is one element and not an array without axes.
   *
   * @param array what is indexed
   * @param key Python's object between the brackets
   * @return true if the key is as many integers as there are axes
   */
  public static boolean isElement(NDArray array, PyObject key) {
    PyObject[] items = key instanceof PyTuple ? ((PyTuple) key).getArray() : new PyObject[] {key};
    if (items.length != array.ndim()) {
      return false;
    }
    for (PyObject item : items) {
      if (!isInteger(item)) {
        return false;
      }
    }
    return true;
  }

  /**
   * {@code array[key] = value}.
   *
   * @param array what is changed
   * @param key Python's object between the brackets
   * @param value a number, a sequence or an array, which is cast
   */
  public static void set(NDArray array, PyObject key, PyObject value) {
    NDArray own = Sequences.unwrapped(value);
    NDArray values = own == null ? Sequences.array(value, array.dtype()) : own;
    Guard.of(
        () -> {
          if (array.isReadOnly()) {
            throw Py.ValueError("assignment destination is read-only");
          }
          NDArray cast = values.dtype().equals(array.dtype()) ? values : Sequences.cast(values, array.dtype());
          new Indexing(array).resolve(key).put(cast);
          return null;
        });
  }

  private static boolean isInteger(PyObject item) {
    if (item instanceof PyBoolean || item instanceof PyFloat || item instanceof PyString) {
      return false;
    }
    if (item instanceof PyInteger || item instanceof PyLong) {
      return true;
    }
    NDArray array = Sequences.unwrapped(item);
    if (array != null) {
      return array.ndim() == 0 && (array.dtype().kind() == Kind.INT || array.dtype().kind() == Kind.UINT);
    }
    return item.__findattr__("__index__") != null;
  }

  private static long integer(PyObject item) {
    if (item instanceof PyLong) {
      BigInteger value = ((PyLong) item).getValue();
      if (value.bitLength() > 63) {
        throw Py.IndexError("cannot fit 'int' into an index-sized integer");
      }
      return value.longValue();
    }
    if (item instanceof PyInteger) {
      return ((PyInteger) item).getValue();
    }
    NDArray array = Sequences.unwrapped(item);
    return array != null ? array.getLong() : integer(item.__index__());
  }

  private static boolean isAxis(PyObject item) {
    return item == Py.None;
  }

  /** The arrays of indices in a key; null where an item is none. */
  private static NDArray indices(PyObject item) {
    boolean plain = item instanceof PySlice || item == Py.Ellipsis || isAxis(item) || isInteger(item);
    if (plain) {
      return null;
    }
    if (item instanceof PyFloat || item instanceof PyString) {
      throw notAnIndex();
    }
    NDArray array = Sequences.unwrapped(item);
    if (array == null) {
      array = Sequences.array(item, null);
      if (array == null) {
        throw notAnIndex();
      }
      array = array.size() == 0 ? array.cast(Dtype.INT64) : array;
    }
    Kind kind = array.dtype().kind();
    if (kind != Kind.BOOL && kind != Kind.INT && kind != Kind.UINT) {
      throw Py.IndexError("arrays used as indices must be of integer (or boolean) type");
    }
    return array;
  }

  private static PyException notAnIndex() {
    return Py.IndexError(
        "only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean arrays are valid indices");
  }

  private Indexing resolve(PyObject key) {
    PyObject[] items = key instanceof PyTuple ? ((PyTuple) key).getArray() : new PyObject[] {key};
    NDArray[] arrays = new NDArray[items.length];
    int used = 0;
    int dots = -1;
    for (int i = 0; i < items.length; i++) {
      arrays[i] = indices(items[i]);
      fancy += arrays[i] != null ? 1 : 0;
      if (items[i] == Py.Ellipsis) {
        if (dots >= 0) {
          throw Py.IndexError("an index can only have a single ellipsis ('...')");
        }
        dots = i;
      } else if (arrays[i] != null && arrays[i].dtype().kind() == Kind.BOOL) {
        used += arrays[i].ndim();
      } else if (!isAxis(items[i])) {
        used++;
      }
    }
    if (used > shape.length) {
      throw Py.IndexError(
          "too many indices for array: array is " + shape.length + "-dimensional, but " + used + " were indexed");
    }
    int axis = 0;
    int last = -1;
    for (int i = 0; i < items.length; i++) {
      PyObject item = items[i];
      if (arrays[i] != null || isInteger(item)) {
        apart |= last >= 0 && last != i - 1;
        last = i;
      }
      if (item == Py.Ellipsis) {
        axis = whole(axis, axis + shape.length - used);
      } else if (isAxis(item)) {
        parts.add(new Part(1, 0));
      } else if (item instanceof PySlice) {
        slice((PySlice) item, axis++);
      } else if (arrays[i] == null) {
        integer(integer(item), axis++);
      } else if (arrays[i].dtype().kind() == Kind.BOOL) {
        mask(arrays[i], axis);
        axis += arrays[i].ndim();
      } else {
        places(arrays[i], axis++);
      }
    }
    whole(axis, shape.length);
    return this;
  }

  private int whole(int from, int to) {
    for (int axis = from; axis < to; axis++) {
      parts.add(new Part(shape[axis], strides[axis]));
    }
    return to;
  }

  private static long bound(PyObject value, long absent, long extent, long low, long high) {
    if (value == Py.None) {
      return absent;
    }
    long at = integer(value);
    return Math.max(low, Math.min(high, at < 0 ? at + extent : at));
  }

  private void slice(PySlice slice, int axis) {
    long step = slice.getStep() == Py.None ? 1 : integer(slice.getStep());
    if (step == 0) {
      throw Py.ValueError("slice step cannot be zero");
    }
    long extent = shape[axis];
    long low = step > 0 ? 0 : -1;
    long high = step > 0 ? extent : extent - 1;
    long start = bound(slice.getStart(), step > 0 ? low : high, extent, low, high);
    long stop = bound(slice.getStop(), step > 0 ? high : low, extent, low, high);
    long count = step > 0 ? (start < stop ? (stop - start - 1) / step + 1 : 0) : stop < start ? (start - stop - 1) / -step + 1 : 0;
    first += count > 0 ? start * strides[axis] : 0;
    parts.add(new Part(count, count > 1 ? strides[axis] * step : strides[axis]));
  }

  private long place(long index, int axis) {
    long extent = shape[axis];
    if (index < -extent || index >= extent) {
      throw Py.IndexError("index " + index + " is out of bounds for axis " + axis + " with size " + extent);
    }
    return (index < 0 ? index + extent : index) * strides[axis];
  }

  private void integer(long index, int axis) {
    long place = place(index, axis);
    if (fancy == 0) {
      first += place;
    } else {
      parts.add(new Part(new long[0], new long[] {place}));
    }
  }

  private void places(NDArray indices, int axis) {
    if (indices.dtype().equals(Dtype.UINT64) && indices.size() > 0) {
      indices = indices.cast(Dtype.INT64);
    }
    long[] at = indices.toLongs();
    for (int i = 0; i < at.length; i++) {
      at[i] = place(at[i], axis);
    }
    parts.add(new Part(indices.shape(), at));
  }

  private void mask(NDArray mask, int axis) {
    long[] extents = mask.shape();
    for (int i = 0; i < extents.length; i++) {
      if (extents[i] != shape[axis + i]) {
        throw Py.IndexError(
            "boolean index did not match indexed array along axis " + (axis + i) + "; size of axis is " + shape[axis + i]
                + " but size of corresponding boolean axis is " + extents[i]);
      }
    }
    byte[] bools = mask.toBytes();
    int count = 0;
    for (byte bool : bools) {
      count += bool != 0 ? 1 : 0;
    }
    long[] places = new long[count];
    long[] index = new long[extents.length];
    long at = 0;
    int n = 0;
    for (byte bool : bools) {
      if (bool != 0) {
        places[n++] = at;
      }
      int inner = extents.length - 1;
      while (inner >= 0) {
        at += strides[axis + inner];
        if (++index[inner] < extents[inner]) {
          break;
        }
        at -= extents[inner] * strides[axis + inner];
        index[inner--] = 0;
      }
    }
    parts.add(new Part(new long[] {count}, places));
  }

  private NDArray take() {
    if (fancy == 0) {
      return view();
    }
    long[] places = allPlaces();
    return array.gather(places, outcome);
  }

  private NDArray view() {
    long[] extents = new long[parts.size()];
    long[] steps = new long[parts.size()];
    for (int i = 0; i < extents.length; i++) {
      extents[i] = parts.get(i).shape[0];
      steps[i] = parts.get(i).stride;
    }
    return array.strided(first, extents, steps);
  }

  private void put(NDArray value) {
    if (fancy == 0) {
      NDArray view = view();
      view.assign(fitted(value, view.shape()));
      return;
    }
    long[] places = allPlaces();
    array.scatter(places, fitted(value, outcome));
  }

  /** Broadcast; axes of extent 1 in front of the value may be too many. */
  private static NDArray fitted(NDArray value, long[] shape) {
    long[] own = value.shape();
    int more = 0;
    while (own.length - more > shape.length && own[more] == 1) {
      more++;
    }
    NDArray less = more == 0 ? value : value.reshape(Arrays.copyOfRange(own, more, own.length));
    return less.broadcast(shape);
  }

  /** Where each element of the outcome is, in C order. */
  private long[] allPlaces() {
    List<Part> order = new ArrayList<>();
    Part joined = joined();
    int from = 0;
    while (parts.get(from).isSlice()) {
      from++;
    }
    // Their axes are where they were if they stand side by side, and in front otherwise.
    if (apart) {
      order.add(joined);
    }
    for (int i = 0; i < parts.size(); i++) {
      if (parts.get(i).isSlice()) {
        order.add(parts.get(i));
      } else if (!apart && i == from) {
        order.add(joined);
      }
    }
    List<Long> extents = new ArrayList<>();
    long size = 1;
    for (Part part : order) {
      for (long extent : part.shape) {
        extents.add(extent);
        size = Math.multiplyExact(size, extent);
      }
    }
    if (size > Integer.MAX_VALUE - 8) {
      throw Py.MemoryError("more elements than can be chosen by arrays of indices: " + size);
    }
    outcome = extents.stream().mapToLong(Long::longValue).toArray();
    long[] places = {first};
    for (Part part : order) {
      places = size == 0 ? new long[0] : crossed(places, part);
    }
    return places;
  }

  private static long[] crossed(long[] places, Part part) {
    int n = part.isSlice() ? (int) part.shape[0] : part.places.length;
    long[] out = new long[places.length * n];
    int at = 0;
    for (long place : places) {
      for (int i = 0; i < n; i++) {
        out[at++] = place + (part.isSlice() ? i * part.stride : part.places[i]);
      }
    }
    return out;
  }

  /** All arrays of indices as one, of the shape to which they broadcast. */
  private Part joined() {
    long[] common = new long[0];
    for (Part part : parts) {
      if (!part.isSlice()) {
        try {
          common = Broadcasting.shape(common, part.shape, "");
        } catch (PyException error) {
          throw Py.IndexError(
              "shape mismatch: indexing arrays could not be broadcast together with shapes " + Broadcasting.text(common) + " "
                  + Broadcasting.text(part.shape));
        }
      }
    }
    long size = 1;
    for (long extent : common) {
      size *= extent;
    }
    long[] places = new long[(int) size];
    for (Part part : parts) {
      if (!part.isSlice()) {
        long[] own = NDArray.of(part.places, part.shape.length == 0 ? new long[] {1} : part.shape)
            .broadcast(part.shape.length == 0 ? flat(size) : common)
            .toLongs();
        for (int i = 0; i < places.length; i++) {
          places[i] += own[i];
        }
      }
    }
    return new Part(common, places);
  }

  private static long[] flat(long size) {
    return new long[] {size};
  }
}
