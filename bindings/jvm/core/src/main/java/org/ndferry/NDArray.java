package org.ndferry;

import java.nio.ByteBuffer;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;
import java.nio.ShortBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * An array as NumPy has it: elements of one {@link Dtype} in memory, with a shape and strides. Slices, transposes and
 * fields share the elements with the array that they are of.
 *
 * <pre>{@code
 * NDArray image = Npy.read(path);
 * short[] plane = image.slice("3, :, :").toShorts();
 * }</pre>
 */
public final class NDArray {
  private final Bytes bytes;
  private final long offset;
  private final Dtype dtype;
  private final long[] shape;
  private final long[] strides;

  NDArray(Bytes bytes, long offset, Dtype dtype, long[] shape, long[] strides) {
    this.bytes = bytes;
    this.offset = offset;
    this.dtype = dtype;
    this.shape = shape;
    this.strides = strides;
  }

  /** Elements without gaps from the start of {@code bytes}, which has been compared with the shape. */
  static NDArray contiguous(Bytes bytes, Dtype dtype, long[] shape, boolean fortran) {
    return new NDArray(bytes, 0, dtype, shape, Shapes.strides(shape, dtype.itemsize(), fortran));
  }

  /**
   * An array of zeros ({@code numpy.zeros}), in C order.
   *
   * @param dtype what each element is
   * @param shape the extent of each axis; none for an array of one element without axes
   * @return a new array
   * @throws IllegalArgumentException for extents that are negative or too large
   */
  public static NDArray zeros(Dtype dtype, long... shape) {
    return contiguous(Bytes.allocate(checked(dtype, shape)), dtype, shape.clone(), false);
  }

  /**
   * The elements between position and limit of a buffer, which the array shares; later changes are seen on both sides.
   *
   * @param buffer as many bytes as the shape needs
   * @param dtype what each element is; its byte order is what counts, not the buffer's
   * @param shape the extent of each axis, elements in C order
   * @return an array over the buffer
   * @throws IllegalArgumentException if the buffer has another number of bytes
   */
  public static NDArray wrap(ByteBuffer buffer, Dtype dtype, long... shape) {
    long nbytes = checked(dtype, shape);
    if (nbytes != buffer.remaining()) {
      throw new IllegalArgumentException(
          "the shape needs " + nbytes + " bytes, but the buffer has " + buffer.remaining());
    }
    return contiguous(Bytes.wrap(buffer), dtype, shape.clone(), false);
  }

  private static long checked(Dtype dtype, long[] shape) {
    try {
      return Shapes.nbytes(shape, dtype.itemsize());
    } catch (NdferryException error) {
      throw new IllegalArgumentException(error.getMessage(), error);
    }
  }

  private static ByteBuffer room(long count, int width, long[] shape) {
    if (count != Shapes.size(shape)) {
      throw new IllegalArgumentException(
          count + " elements do not fill the shape " + Literal.tuple(shape));
    }
    if (count * width > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException("fill the planes of NDArray.zeros instead: beyond 2 GiB");
    }
    return ByteBuffer.allocate((int) (count * width)).order(java.nio.ByteOrder.LITTLE_ENDIAN);
  }

  private static long[] orFlat(long[] shape, int count) {
    return shape.length == 0 ? new long[] {count} : shape;
  }

  /**
   * A copy of these elements as {@code uint8}.
   *
   * @param values in C order
   * @param shape the extent of each axis; one axis if left out
   * @return a new array
   */
  public static NDArray of(byte[] values, long... shape) {
    long[] whole = orFlat(shape, values.length);
    room(values.length, 0, whole);
    return wrap(ByteBuffer.wrap(values.clone()), Dtype.UINT8, whole);
  }

  /**
   * A copy of these elements as {@code int16}; {@link #as} makes them {@code uint16}.
   *
   * @param values in C order
   * @param shape the extent of each axis; one axis if left out
   * @return a new array
   */
  public static NDArray of(short[] values, long... shape) {
    long[] whole = orFlat(shape, values.length);
    ByteBuffer buffer = room(values.length, 2, whole);
    buffer.asShortBuffer().put(values);
    return wrap(buffer, Dtype.INT16, whole);
  }

  /**
   * A copy of these elements as {@code int32}.
   *
   * @param values in C order
   * @param shape the extent of each axis; one axis if left out
   * @return a new array
   */
  public static NDArray of(int[] values, long... shape) {
    long[] whole = orFlat(shape, values.length);
    ByteBuffer buffer = room(values.length, 4, whole);
    buffer.asIntBuffer().put(values);
    return wrap(buffer, Dtype.INT32, whole);
  }

  /**
   * A copy of these elements as {@code int64}.
   *
   * @param values in C order
   * @param shape the extent of each axis; one axis if left out
   * @return a new array
   */
  public static NDArray of(long[] values, long... shape) {
    long[] whole = orFlat(shape, values.length);
    ByteBuffer buffer = room(values.length, 8, whole);
    buffer.asLongBuffer().put(values);
    return wrap(buffer, Dtype.INT64, whole);
  }

  /**
   * A copy of these elements as {@code float32}.
   *
   * @param values in C order
   * @param shape the extent of each axis; one axis if left out
   * @return a new array
   */
  public static NDArray of(float[] values, long... shape) {
    long[] whole = orFlat(shape, values.length);
    ByteBuffer buffer = room(values.length, 4, whole);
    buffer.asFloatBuffer().put(values);
    return wrap(buffer, Dtype.FLOAT32, whole);
  }

  /**
   * A copy of these elements as {@code float64}.
   *
   * @param values in C order
   * @param shape the extent of each axis; one axis if left out
   * @return a new array
   */
  public static NDArray of(double[] values, long... shape) {
    long[] whole = orFlat(shape, values.length);
    ByteBuffer buffer = room(values.length, 8, whole);
    buffer.asDoubleBuffer().put(values);
    return wrap(buffer, Dtype.FLOAT64, whole);
  }

  /**
   * What each element is.
   *
   * @return its dtype
   */
  public Dtype dtype() {
    return dtype;
  }

  /**
   * The extent of each axis.
   *
   * @return a copy
   */
  public long[] shape() {
    return shape.clone();
  }

  /**
   * Bytes to step over to reach the next element along each axis ({@code numpy.ndarray.strides}). In bytes, not
   * elements; negative along a reversed axis, zero along a repeated one.
   *
   * @return a copy
   */
  public long[] strides() {
    return strides.clone();
  }

  /**
   * The number of axes.
   *
   * @return 0 to 64
   */
  public int ndim() {
    return shape.length;
  }

  /**
   * The number of elements.
   *
   * @return the product of the shape
   */
  public long size() {
    return Shapes.size(shape);
  }

  /**
   * Bytes of all elements.
   *
   * @return size times itemsize
   */
  public long nbytes() {
    return size() * dtype.itemsize();
  }

  /**
   * Whether elements lie without gaps, the last index fastest.
   *
   * @return as said; also true without elements
   */
  public boolean isContiguous() {
    return Shapes.isContiguous(shape, strides, dtype.itemsize(), false);
  }

  /**
   * Whether elements lie without gaps, the first index fastest.
   *
   * @return as said; also true without elements
   */
  public boolean isFortran() {
    return Shapes.isContiguous(shape, strides, dtype.itemsize(), true);
  }

  /**
   * Whether elements cannot be changed.
   *
   * @return true for maps of files
   */
  public boolean isReadOnly() {
    return bytes.isReadOnly();
  }

  Bytes storage() {
    return bytes;
  }

  long offset() {
    return offset;
  }

  /**
   * A part of it, by NumPy's basic indexing: {@code "0"}, {@code "1, :, ::2"}, {@code "..., -1"}, {@code "None, :"}.
   *
   * @param index integers, slices, one {@code ...} and {@code None}, with commas between them
   * @return the same elements, not copied
   * @throws IllegalArgumentException if that is no such index
   * @throws IndexOutOfBoundsException for an integer outside of its axis
   */
  public NDArray slice(String index) {
    Index part = Index.of(index, shape, strides);
    long[] extents = part.shape.stream().mapToLong(Long::longValue).toArray();
    long[] steps = part.strides.stream().mapToLong(Long::longValue).toArray();
    return new NDArray(bytes, offset + part.offset, dtype, extents, steps);
  }

  /**
   * The axes in another order.
   *
   * @param axes where each new axis comes from; reversed if left out
   * @return the same elements, not copied
   * @throws IllegalArgumentException if it does not name each axis once
   */
  public NDArray transpose(int... axes) {
    int n = shape.length;
    long[] extents = new long[n];
    long[] steps = new long[n];
    boolean[] seen = new boolean[n];
    if (axes.length != 0 && axes.length != n) {
      throw new IllegalArgumentException("transpose needs each of the " + n + " axes once");
    }
    for (int i = 0; i < n; i++) {
      int axis = axes.length == 0 ? n - 1 - i : axes[i];
      if (axis < 0 || axis >= n || seen[axis]) {
        throw new IllegalArgumentException("transpose needs each of the " + n + " axes once");
      }
      seen[axis] = true;
      extents[i] = shape[axis];
      steps[i] = strides[axis];
    }
    return new NDArray(bytes, offset, dtype, extents, steps);
  }

  /**
   * The elements with another shape, in C order.
   *
   * @param extents the new shape; one extent may be -1
   * @return the same elements if strides can say where they are, as in NumPy; a copy otherwise
   * @throws IllegalArgumentException if the number of elements is another
   */
  public NDArray reshape(long... extents) {
    long[] whole = extents.clone();
    for (int i = 0; i < whole.length; i++) {
      if (whole[i] == -1) {
        whole[i] = 1;
        long rest = Shapes.size(whole);
        whole[i] = rest == 0 ? 0 : size() / rest;
      }
    }
    checked(dtype, whole);
    if (Shapes.size(whole) != size()) {
      throw new IllegalArgumentException(
          "an array of shape " + Literal.tuple(shape) + " cannot have shape " + Literal.tuple(extents));
    }
    long[] steps = Shapes.strides(whole, dtype.itemsize(), false);
    if (isContiguous() || size() == 0) {
      return new NDArray(bytes, offset, dtype, whole, steps);
    }
    long[] apart = Shapes.reshaped(shape, strides, whole, dtype.itemsize());
    if (apart != null) {
      return new NDArray(bytes, offset, dtype, whole, apart);
    }
    NDArray own = copy();
    return new NDArray(own.bytes, own.offset, dtype, whole, steps);
  }

  /**
   * One field of an array of structs.
   *
   * @param name its name or title
   * @return the same elements, not copied; a field with a shape adds its axes
   * @throws IllegalArgumentException if there is no such field
   */
  public NDArray field(String name) {
    for (Dtype.Field field : dtype.fields()) {
      if (field.name().equals(name) || name.equals(field.title())) {
        Dtype base = field.dtype().base();
        long[] inner = field.dtype().subshape();
        long[] steps = Shapes.strides(inner, base.itemsize(), false);
        return new NDArray(
            bytes, offset + field.offset(), base, join(shape, inner), join(strides, steps));
      }
    }
    throw new IllegalArgumentException("no field " + name + " in " + dtype);
  }

  private static long[] join(long[] first, long[] second) {
    long[] out = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, out, first.length, second.length);
    return out;
  }

  /**
   * The same bytes read as another dtype of the same size ({@code numpy.ndarray.view}).
   *
   * @param other what each element is to be
   * @return the same elements, not copied
   * @throws IllegalArgumentException if it has another itemsize
   */
  public NDArray as(Dtype other) {
    if (other.itemsize() != dtype.itemsize()) {
      throw new IllegalArgumentException(dtype.str() + " cannot be seen as " + other.str());
    }
    return new NDArray(bytes, offset, other, shape, strides);
  }

  /**
   * The same bytes as elements of another size.
   *
   * @param other what each element is to be
   * @param extents the new shape
   * @return the same elements, not copied
   * @throws IllegalArgumentException if this array is not contiguous, or has another number of bytes
   */
  public NDArray reinterpret(Dtype other, long... extents) {
    if (!isContiguous() || checked(other, extents) != nbytes()) {
      throw new IllegalArgumentException(
          "the elements of " + other.str() + " and shape " + Literal.tuple(extents) + " are not these " + nbytes() + " bytes");
    }
    return new NDArray(
        bytes, offset, other, extents.clone(), Shapes.strides(extents, other.itemsize(), false));
  }

  /**
   * A copy in C order, without gaps.
   *
   * @return a new array
   */
  public NDArray copy() {
    NDArray out = zeros(dtype, shape);
    long[] at = {0};
    int n = dtype.itemsize();
    runs(
        (from, count, stride) -> {
          if (stride == n) {
            bytes.copyTo(from, out.bytes, at[0], count * n);
            at[0] += count * n;
            return;
          }
          for (long i = 0; i < count; i++, at[0] += n) {
            bytes.copyTo(from + i * stride, out.bytes, at[0], n);
          }
        });
    return out;
  }

  /**
   * The elements in C order, as few read-only buffers as it takes: one up to 1 GiB. Not copied if the array is
   * contiguous.
   *
   * @return little-endian views; their bytes are in the dtype's order
   */
  public List<ByteBuffer> buffers() {
    NDArray from = isContiguous() ? this : copy();
    return from.bytes.asReadOnly().pieces(from.offset, nbytes());
  }

  /**
   * Copies the elements of another array into this one.
   *
   * @param other of the same dtype and shape
   * @throws IllegalArgumentException if it is not
   */
  public void assign(NDArray other) {
    if (!dtype.equals(other.dtype) || !Arrays.equals(shape, other.shape)) {
      throw new IllegalArgumentException(
          Literal.tuple(other.shape) + " of " + other.dtype + " is not " + Literal.tuple(shape) + " of " + dtype);
    }
    // What lies in the same memory might be overwritten before it is read.
    NDArray from = other.isContiguous() && other.bytes != bytes ? other : other.copy();
    long[] at = {from.offset};
    int n = dtype.itemsize();
    runs(
        (to, count, stride) -> {
          if (stride == n) {
            from.bytes.copyTo(at[0], bytes, to, count * n);
            at[0] += count * n;
            return;
          }
          for (long i = 0; i < count; i++, at[0] += n) {
            from.bytes.copyTo(at[0], bytes, to + i * stride, n);
          }
        });
  }

  /**
   * Elements at any distances from each other ({@code numpy.lib.stride_tricks.as_strided}).
   *
   * @param first bytes from this array's first element to that of the new one
   * @param extents the extent of each axis
   * @param steps bytes from one element to the next along each axis
   * @return the same elements, not copied
   * @throws IndexOutOfBoundsException if one would lie outside of the memory that the array is in
   */
  public NDArray strided(long first, long[] extents, long[] steps) {
    if (extents.length != steps.length) {
      throw new IllegalArgumentException(extents.length + " extents and " + steps.length + " strides");
    }
    checked(dtype, extents);
    long low = Math.addExact(offset, first);
    long high = low;
    for (int i = 0; i < extents.length; i++) {
      long reach = Math.multiplyExact(Math.max(extents[i] - 1, 0), steps[i]);
      low = Math.addExact(low, Math.min(reach, 0));
      high = Math.addExact(high, Math.max(reach, 0));
    }
    boolean outside = low < 0 || high + dtype.itemsize() > bytes.size();
    if (Shapes.size(extents) > 0 && outside) {
      throw new IndexOutOfBoundsException("strides " + Literal.tuple(steps) + " lead out of the array's memory");
    }
    long from = Shapes.size(extents) > 0 ? Math.addExact(offset, first) : offset;
    return new NDArray(bytes, from, dtype, extents.clone(), steps.clone());
  }

  /**
   * The elements with more axes in front, and repeated along those of extent 1 ({@code numpy.broadcast_to}).
   *
   * @param extents the shape to be
   * @return the same elements, not copied
   * @throws IllegalArgumentException if this shape cannot become that one
   */
  public NDArray broadcast(long... extents) {
    int more = extents.length - shape.length;
    long[] steps = new long[extents.length];
    for (int i = 0; i < extents.length; i++) {
      long own = i < more ? 1 : shape[i - more];
      if (more < 0 || extents[i] < 0 || (own != extents[i] && own != 1)) {
        more = -1;
        break;
      }
      steps[i] = own == 1 ? 0 : strides[i - more];
    }
    if (more < 0) {
      throw new IllegalArgumentException(
          "could not broadcast input array from shape " + Literal.tuple(shape) + " into shape " + Literal.tuple(extents));
    }
    checked(dtype, extents);
    return new NDArray(bytes, offset, dtype, extents.clone(), steps);
  }

  /**
   * Elements from wherever they are.
   *
   * @param places bytes from this array's first element to each, in C order of the new array
   * @param extents the shape to be
   * @return a new array
   * @throws IndexOutOfBoundsException if a place is outside of the memory that the array is in
   */
  public NDArray gather(long[] places, long... extents) {
    NDArray out = zeros(dtype, extents);
    checkPlaces(places, extents);
    int n = dtype.itemsize();
    boolean word = n == 1 || n == 2 || n == 4 || n == 8;
    for (int i = 0; i < places.length && n > 0; i++) {
      if (word) {
        out.bytes.putBits((long) i * n, n, false, bytes.bits(offset + places[i], n, false));
      } else {
        bytes.copyTo(offset + places[i], out.bytes, (long) i * n, n);
      }
    }
    return out;
  }

  /**
   * Changes elements wherever they are; of two changes of one element the later stays.
   *
   * @param places as of {@link #gather}
   * @param values of the same dtype, one for each place in C order
   * @throws IllegalArgumentException if there are not as many values, or they have another dtype
   * @throws IndexOutOfBoundsException if a place is outside of the memory that the array is in
   */
  public void scatter(long[] places, NDArray values) {
    if (!dtype.equals(values.dtype)) {
      throw new IllegalArgumentException(values.dtype + " is not " + dtype);
    }
    checkPlaces(places, values.shape);
    NDArray from = values.isContiguous() && values.bytes != bytes ? values : values.copy();
    int n = dtype.itemsize();
    for (int i = 0; i < places.length && n > 0; i++) {
      from.bytes.copyTo(from.offset + (long) i * n, bytes, offset + places[i], n);
    }
  }

  private void checkPlaces(long[] places, long[] extents) {
    if (places.length != Shapes.size(extents)) {
      throw new IllegalArgumentException(
          places.length + " places do not fill the shape " + Literal.tuple(extents));
    }
    for (long place : places) {
      if (place < -offset || place > bytes.size() - dtype.itemsize() - offset) {
        throw new IndexOutOfBoundsException("byte " + place + " is outside of the array's memory");
      }
    }
  }

  /**
   * The elements as another dtype ({@code numpy.ndarray.astype}): floats are cut off towards zero, integers keep their low
   * bits, of complex numbers the real part is kept unless the other is complex too.
   *
   * @param other what each element is to be
   * @return a new array in C order
   * @throws IllegalArgumentException if there is no such cast
   */
  public NDArray cast(Dtype other) {
    return Cast.cast(this, other);
  }

  /** Elements that lie at equal distances: where the first is, how many, and bytes from one to the next. */
  interface Run {
    void take(long from, long count, long stride);
  }

  /** All elements in C order, in runs as long as they come. */
  void runs(Run run) {
    if (size() == 0 || dtype.itemsize() == 0) {
      return;
    }
    // Axes of extent 1 are left out, and an axis joins the one inside of it where it goes on at the same stride.
    long[] extents = new long[shape.length + 1];
    long[] steps = new long[shape.length + 1];
    int n = 0;
    for (int axis = 0; axis < shape.length; axis++) {
      if (shape[axis] == 1) {
        continue;
      }
      if (n > 0 && steps[n - 1] == shape[axis] * strides[axis]) {
        extents[n - 1] *= shape[axis];
      } else {
        extents[n] = shape[axis];
        n++;
      }
      steps[n - 1] = strides[axis];
    }
    if (n == 0) {
      run.take(offset, 1, dtype.itemsize());
      return;
    }
    long[] index = new long[n];
    long at = offset;
    for (; ; ) {
      run.take(at, extents[n - 1], steps[n - 1]);
      int axis = n - 2;
      while (axis >= 0 && ++index[axis] == extents[axis]) {
        at -= (extents[axis] - 1) * steps[axis];
        index[axis--] = 0;
      }
      if (axis < 0) {
        return;
      }
      at += steps[axis];
    }
  }

  private long place(long[] index) {
    if (index.length != shape.length) {
      throw new IllegalArgumentException(index.length + " indices for " + shape.length + " axes");
    }
    long at = offset;
    for (int axis = 0; axis < index.length; axis++) {
      if (index[axis] < 0 || index[axis] >= shape[axis]) {
        throw new IndexOutOfBoundsException(
            "index " + index[axis] + " is out of bounds for axis " + axis + " with size " + shape[axis]);
      }
      at += index[axis] * strides[axis];
    }
    return at;
  }

  /**
   * One element as a double; of a complex one the real part.
   *
   * @param index one for each axis
   * @return unsigned numbers as such, rounded beyond 2^53
   */
  public double getDouble(long... index) {
    return Values.toDouble(bytes, place(index), dtype);
  }

  /**
   * One element as an integer: a bool as 0 or 1, times as ticks, floats cut off towards zero.
   *
   * @param index one for each axis
   * @return of {@code uint64} the bits
   */
  public long getLong(long... index) {
    return Values.toLong(bytes, place(index), dtype);
  }

  /**
   * One element of {@code S} (as Latin-1) or {@code U}, without the NULs at its end.
   *
   * @param index one for each axis
   * @return its text
   */
  public String getText(long... index) {
    return Values.toText(bytes, place(index), dtype);
  }

  /**
   * One element as Java has it: {@link Boolean}, {@link Long} (integers, ticks), {@link java.math.BigInteger} ({@code
   * uint64}), {@link Double}, {@code double[2]} (complex), {@link String} ({@code U}), {@code byte[]} ({@code S} and
   * {@code V}), or a {@link List} of a struct's fields.
   *
   * @param index one for each axis
   * @return never null
   */
  public Object get(long... index) {
    return Values.toObject(bytes, place(index), dtype);
  }

  /**
   * Changes one element.
   *
   * @param value turned to the dtype; cut off towards zero for integers
   * @param index one for each axis
   */
  public void setDouble(double value, long... index) {
    Values.putDouble(bytes, place(index), dtype, value);
  }

  /**
   * Changes one element.
   *
   * @param value turned to the dtype; integers keep its low bits
   * @param index one for each axis
   */
  public void setLong(long value, long... index) {
    Values.putLong(bytes, place(index), dtype, value);
  }

  /**
   * Changes one element of {@code S} or {@code U}.
   *
   * @param value cut off if it is longer than the element
   * @param index one for each axis
   */
  public void setText(String value, long... index) {
    Values.putText(bytes, place(index), dtype, value);
  }

  private int count() {
    if (size() > Integer.MAX_VALUE - 8) {
      throw new IllegalStateException("more elements than a Java array holds: take a slice of it");
    }
    return (int) size();
  }

  private boolean holds(Dtype.Kind kind, int width) {
    return dtype.kind() == kind && dtype.itemsize() == width && isContiguous();
  }

  private java.nio.ByteOrder order() {
    return dtype.byteOrder() == ByteOrder.BIG
        ? java.nio.ByteOrder.BIG_ENDIAN
        : java.nio.ByteOrder.LITTLE_ENDIAN;
  }

  /**
   * The bytes of all elements in C order, in the dtype's byte order ({@code numpy.ndarray.tobytes}).
   *
   * @return a copy
   */
  public byte[] toBytes() {
    if (nbytes() > Integer.MAX_VALUE - 8) {
      throw new IllegalStateException("more bytes than a Java array holds: take a slice of it");
    }
    NDArray from = isContiguous() ? this : copy();
    return from.nbytes() == 0 ? new byte[0] : from.bytes.get(from.offset, (int) nbytes());
  }

  /**
   * All elements in C order as 16-bit numbers, with {@link #getLong}'s rules; {@code uint16} keep their bits.
   *
   * @return a copy
   */
  public short[] toShorts() {
    short[] out = new short[count()];
    if (holds(Dtype.Kind.INT, 2) || holds(Dtype.Kind.UINT, 2)) {
      int at = 0;
      for (ByteBuffer piece : bytes.pieces(offset, nbytes())) {
        ShortBuffer values = piece.order(order()).asShortBuffer();
        int n = values.remaining();
        values.get(out, at, n);
        at += n;
      }
      return out;
    }
    int[] at = {0};
    each(place -> out[at[0]++] = (short) Values.toLong(bytes, place, dtype));
    return out;
  }

  /**
   * All elements in C order as 32-bit numbers, with {@link #getLong}'s rules.
   *
   * @return a copy
   */
  public int[] toInts() {
    int[] out = new int[count()];
    if (holds(Dtype.Kind.INT, 4) || holds(Dtype.Kind.UINT, 4)) {
      int at = 0;
      for (ByteBuffer piece : bytes.pieces(offset, nbytes())) {
        IntBuffer values = piece.order(order()).asIntBuffer();
        int n = values.remaining();
        values.get(out, at, n);
        at += n;
      }
      return out;
    }
    int[] at = {0};
    each(place -> out[at[0]++] = (int) Values.toLong(bytes, place, dtype));
    return out;
  }

  /**
   * All elements in C order as 64-bit numbers, with {@link #getLong}'s rules.
   *
   * @return a copy
   */
  public long[] toLongs() {
    long[] out = new long[count()];
    if (holds(Dtype.Kind.INT, 8) || holds(Dtype.Kind.UINT, 8)) {
      int at = 0;
      for (ByteBuffer piece : bytes.pieces(offset, nbytes())) {
        LongBuffer values = piece.order(order()).asLongBuffer();
        int n = values.remaining();
        values.get(out, at, n);
        at += n;
      }
      return out;
    }
    int[] at = {0};
    each(place -> out[at[0]++] = Values.toLong(bytes, place, dtype));
    return out;
  }

  /**
   * All elements in C order as floats, rounded to them.
   *
   * @return a copy
   */
  public float[] toFloats() {
    float[] out = new float[count()];
    if (holds(Dtype.Kind.FLOAT, 4)) {
      int at = 0;
      for (ByteBuffer piece : bytes.pieces(offset, nbytes())) {
        FloatBuffer values = piece.order(order()).asFloatBuffer();
        int n = values.remaining();
        values.get(out, at, n);
        at += n;
      }
      return out;
    }
    int[] at = {0};
    each(place -> out[at[0]++] = (float) Values.toDouble(bytes, place, dtype));
    return out;
  }

  /**
   * All elements in C order as doubles, with {@link #getDouble}'s rules.
   *
   * @return a copy
   */
  public double[] toDoubles() {
    double[] out = new double[count()];
    if (holds(Dtype.Kind.FLOAT, 8)) {
      int at = 0;
      for (ByteBuffer piece : bytes.pieces(offset, nbytes())) {
        DoubleBuffer values = piece.order(order()).asDoubleBuffer();
        int n = values.remaining();
        values.get(out, at, n);
        at += n;
      }
      return out;
    }
    int[] at = {0};
    each(place -> out[at[0]++] = Values.toDouble(bytes, place, dtype));
    return out;
  }

  /** Where an element lies. */
  private interface Place {
    void take(long place);
  }

  private void each(Place each) {
    runs(
        (from, count, stride) -> {
          for (long i = 0; i < count; i++) {
            each.take(from + i * stride);
          }
        });
  }

  /**
   * Whether dtype, shape and the bytes of all elements are the same, wherever they lie in memory.
   *
   * @param other another array
   * @return true also for NaNs with the same bits
   */
  @Override
  public boolean equals(Object other) {
    if (!(other instanceof NDArray)) {
      return false;
    }
    NDArray array = (NDArray) other;
    if (!dtype.equals(array.dtype) || !Arrays.equals(shape, array.shape)) {
      return false;
    }
    List<ByteBuffer> mine = buffers();
    List<ByteBuffer> theirs = array.buffers();
    int m = 0;
    int t = 0;
    while (m < mine.size()) {
      ByteBuffer a = mine.get(m);
      ByteBuffer b = theirs.get(t);
      int n = Math.min(a.remaining(), b.remaining());
      ByteBuffer left = a.duplicate();
      ByteBuffer right = b.duplicate();
      left.limit(left.position() + n);
      right.limit(right.position() + n);
      if (!left.equals(right)) {
        return false;
      }
      a.position(a.position() + n);
      b.position(b.position() + n);
      m += a.hasRemaining() ? 0 : 1;
      t += b.hasRemaining() ? 0 : 1;
    }
    return true;
  }

  @Override
  public int hashCode() {
    return 31 * dtype.hashCode() + Arrays.hashCode(shape);
  }

  /**
   * The elements as NumPy prints them ({@code str(array)}).
   *
   * @return several lines for several axes; the middle of large arrays is left out
   */
  @Override
  public String toString() {
    return Printer.print(this);
  }

  /**
   * The elements as NumPy's interpreter shows them ({@code repr(array)}): {@code array([1, 2], dtype=int16)}.
   *
   * @return several lines for several axes; the middle of large arrays is left out
   */
  public String repr() {
    return Printer.repr(this);
  }
}
