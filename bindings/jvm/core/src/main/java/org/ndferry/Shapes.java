package org.ndferry;

/** Arithmetic on shapes and strides that cannot overflow unnoticed. */
final class Shapes {
  /** As NumPy 2. */
  static final int MAX_NDIM = 64;

  private Shapes() {}

  /** Bytes of all elements. */
  static long nbytes(long[] shape, long itemsize) throws NdferryException {
    if (shape.length > MAX_NDIM) {
      throw NdferryException.limit(-1, "an array of " + shape.length + " axes, more than " + MAX_NDIM);
    }
    // As NumPy does: extents of 0 are left out, so that the strides of an empty array do not overflow either.
    long all = Math.max(itemsize, 1);
    boolean empty = itemsize == 0;
    for (long extent : shape) {
      if (extent < 0) {
        throw NdferryException.format(-1, "a negative extent");
      }
      empty |= extent == 0;
      if (extent > 0 && all > Long.MAX_VALUE / extent) {
        throw NdferryException.limit(-1, "an array of 2^63 bytes or more");
      }
      all *= Math.max(extent, 1);
    }
    return empty ? 0 : all;
  }

  /** Number of elements of a shape that {@link #nbytes} takes. */
  static long size(long[] shape) {
    long size = 1;
    for (long extent : shape) {
      if (extent == 0) {
        return 0;
      }
      size *= extent;
    }
    return size;
  }

  /** Bytes between neighbours along each axis when elements lie without gaps. */
  static long[] strides(long[] shape, long itemsize, boolean fortran) {
    long[] strides = new long[shape.length];
    long stride = itemsize;
    for (int i = 0; i < shape.length; i++) {
      int axis = fortran ? i : shape.length - 1 - i;
      strides[axis] = stride;
      stride *= Math.max(shape[axis], 1);
    }
    return strides;
  }

  /** Whether elements lie without gaps in this order; strides along axes of extent 1 mean nothing. */
  static boolean isContiguous(long[] shape, long[] strides, long itemsize, boolean fortran) {
    if (size(shape) == 0) {
      return true;
    }
    long stride = itemsize;
    for (int i = 0; i < shape.length; i++) {
      int axis = fortran ? i : shape.length - 1 - i;
      if (shape[axis] != 1 && strides[axis] != stride) {
        return false;
      }
      stride *= shape[axis];
    }
    return true;
  }

  static long[] reversed(long[] shape) {
    long[] out = new long[shape.length];
    for (int i = 0; i < shape.length; i++) {
      out[i] = shape[shape.length - 1 - i];
    }
    return out;
  }

  /**
   * Strides with which the same elements have another shape of as many, not none, in C order; null if they lie so that there are
   * none.
   */
  static long[] reshaped(long[] shape, long[] strides, long[] extents, long itemsize) {
    long[] olds = new long[shape.length];
    long[] steps = new long[shape.length];
    int n = 0;
    for (int i = 0; i < shape.length; i++) {
      if (shape[i] != 1) {
        olds[n] = shape[i];
        steps[n++] = strides[i];
      }
    }
    long[] out = new long[extents.length];
    long last = itemsize;
    int to = 0;
    // As few axes on both sides as have the same number of elements, again and again.
    for (int from = 0; from < n && to < extents.length; ) {
      int fromEnd = from + 1;
      int toEnd = to + 1;
      long old = olds[from];
      long count = extents[to];
      while (old != count) {
        if (count < old) {
          count *= extents[toEnd++];
        } else {
          old *= olds[fromEnd++];
        }
      }
      for (int i = from; i < fromEnd - 1; i++) {
        if (steps[i] != olds[i + 1] * steps[i + 1]) {
          return null;
        }
      }
      last = steps[fromEnd - 1];
      for (int i = toEnd - 1; i >= to; i--) {
        out[i] = i == toEnd - 1 ? last : out[i + 1] * extents[i + 1];
      }
      last = out[toEnd - 1];
      from = fromEnd;
      to = toEnd;
    }
    for (; to < extents.length; to++) {
      out[to] = last;
    }
    return out;
  }
}
