package org.ndferry;

import java.util.ArrayList;
import java.util.List;

/** NumPy's basic indexing, from text: {@code "1, ::2, ..., None"}. */
final class Index {
  long offset;
  final List<Long> shape = new ArrayList<>();
  final List<Long> strides = new ArrayList<>();

  private Index() {}

  static Index of(String text, long[] shape, long[] strides) {
    String inner = text.trim();
    boolean bracketed = inner.startsWith("[") && inner.endsWith("]");
    inner = bracketed ? inner.substring(1, inner.length() - 1).trim() : inner;
    if (inner.endsWith(",")) {
      inner = inner.substring(0, inner.length() - 1);
    }
    String[] parts = inner.isEmpty() ? new String[0] : inner.split(",", -1);
    int used = 0;
    int ellipses = 0;
    for (int i = 0; i < parts.length; i++) {
      parts[i] = parts[i].trim();
      boolean adds = parts[i].equals("None") || parts[i].equals("newaxis");
      boolean dots = parts[i].equals("...");
      ellipses += dots ? 1 : 0;
      used += adds || dots ? 0 : 1;
    }
    if (ellipses > 1) {
      throw new IllegalArgumentException("more than one ... in " + text);
    }
    if (used > shape.length) {
      String problem = used + " indices for an array of " + shape.length + " axes";
      throw new IllegalArgumentException(problem);
    }
    Index index = new Index();
    int axis = 0;
    for (String part : parts) {
      if (part.equals("None") || part.equals("newaxis")) {
        index.shape.add(1L);
        index.strides.add(0L);
      } else if (part.equals("...")) {
        for (int n = shape.length - used; n > 0; n--) {
          index.keep(shape, strides, axis++);
        }
      } else {
        index.axis(part, axis, shape[axis], strides[axis]);
        axis++;
      }
    }
    while (axis < shape.length) {
      index.keep(shape, strides, axis++);
    }
    return index;
  }

  private void keep(long[] extents, long[] steps, int axis) {
    shape.add(extents[axis]);
    strides.add(steps[axis]);
  }

  private void axis(String part, int axis, long extent, long stride) {
    if (part.indexOf(':') < 0) {
      long at = number(part, 0);
      if (at < -extent || at >= extent) {
        String problem = "index " + at + " is out of bounds for axis " + axis + " with size " + extent;
        throw new IndexOutOfBoundsException(problem);
      }
      offset += (at < 0 ? at + extent : at) * stride;
      return;
    }
    String[] three = part.split(":", -1);
    if (three.length > 3) {
      throw new IllegalArgumentException("not a slice: " + part);
    }
    long step = three.length == 3 ? number(three[2], 1) : 1;
    if (step == 0) {
      throw new IllegalArgumentException("the step of a slice must not be 0");
    }
    // As slice.indices in Python.
    long low = step > 0 ? 0 : -1;
    long high = step > 0 ? extent : extent - 1;
    long start = clamp(number(three[0], step > 0 ? low : high), three[0], extent, low, high);
    long stop = clamp(number(three[1], step > 0 ? high : low), three[1], extent, low, high);
    long count = 0;
    if (step > 0 && start < stop) {
      count = (stop - start - 1) / step + 1;
    } else if (step < 0 && stop < start) {
      count = (start - stop - 1) / -step + 1;
    }
    if (count > 0) {
      offset += start * stride;
    }
    shape.add(count);
    strides.add(count > 1 ? stride * step : stride);
  }

  private static long clamp(long value, String text, long extent, long low, long high) {
    if (text.trim().isEmpty()) {
      return value;
    }
    long from = value < 0 ? value + extent : value;
    return Math.max(low, Math.min(high, from));
  }

  private static long number(String text, long absent) {
    String digits = text.trim();
    if (digits.isEmpty()) {
      return absent;
    }
    try {
      return Long.parseLong(digits);
    } catch (NumberFormatException error) {
      throw new IllegalArgumentException("not an index: " + text);
    }
  }
}
