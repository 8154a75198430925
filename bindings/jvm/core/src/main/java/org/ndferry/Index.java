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
    Index index = new Index();
    int axis = 0;
    for (String part : parts(text, shape.length)) {
      if (part.equals("None")) {
        index.shape.add(1L);
        index.strides.add(0L);
      } else {
        index.axis(part, axis, shape[axis], strides[axis]);
        axis++;
      }
    }
    return index;
  }

  /** What it says of each axis, with {@code None} between them; {@code ...} and what is left out become {@code :}. */
  private static List<String> parts(String text, int ndim) {
    String inner = text.trim();
    boolean bracketed = inner.startsWith("[") && inner.endsWith("]");
    inner = bracketed ? inner.substring(1, inner.length() - 1).trim() : inner;
    if (inner.endsWith(",")) {
      inner = inner.substring(0, inner.length() - 1);
    }
    List<String> parts = new ArrayList<>();
    int used = 0;
    int dots = -1;
    for (String part : inner.isEmpty() ? new String[0] : inner.split(",", -1)) {
      String word = part.trim();
      if (word.equals("...")) {
        if (dots >= 0) {
          throw new IllegalArgumentException("more than one ... in " + text);
        }
        dots = parts.size();
        continue;
      }
      boolean adds = word.equals("None") || word.equals("newaxis");
      used += adds ? 0 : 1;
      parts.add(adds ? "None" : word);
    }
    if (used > ndim) {
      throw new IllegalArgumentException(used + " indices for an array of " + ndim + " axes");
    }
    int at = dots < 0 ? parts.size() : dots;
    for (int n = ndim - used; n > 0; n--) {
      parts.add(at, ":");
    }
    return parts;
  }

  /**
   * The box that an index spans, as {@code low} (inclusive) and {@code high} (exclusive) of each axis; gives the index
   * into that box, in parts.
   */
  static String[] box(String text, long[] shape, long[] low, long[] high) {
    List<String> inner = new ArrayList<>();
    int axis = 0;
    for (String part : parts(text, shape.length)) {
      if (part.equals("None")) {
        inner.add(part);
        continue;
      }
      // Along one axis alone the offset is the first index and the stride the step.
      Index one = new Index();
      one.axis(part, axis, shape[axis], 1);
      long first = one.offset;
      long count = one.shape.isEmpty() ? 1 : one.shape.get(0);
      long step = count > 1 ? one.strides.get(0) : 1;
      long last = first + Math.max(count - 1, 0) * step;
      low[axis] = count == 0 ? 0 : Math.min(first, last);
      high[axis] = count == 0 ? 0 : Math.max(first, last) + 1;
      inner.add(one.shape.isEmpty() ? "0" : "::" + step);
      axis++;
    }
    return inner.toArray(new String[0]);
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
