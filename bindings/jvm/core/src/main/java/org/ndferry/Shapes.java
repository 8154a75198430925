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
}
