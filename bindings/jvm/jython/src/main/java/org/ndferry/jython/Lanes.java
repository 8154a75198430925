package org.ndferry.jython;

import java.util.Arrays;
import java.util.Map;
import org.ndferry.Dtype;
import org.ndferry.Dtype.Kind;
import org.ndferry.NDArray;
import org.python.core.Py;

/** Functions along one axis, in Java: its elements lie side by side in each row here. */
final class Lanes {
  private final NDArray rows;
  private final long[] others;
  private final int[] back;
  private final long[] turned;

  /** The axis null: all elements are one row. */
  Lanes(NDArray array, Object axis, boolean keepdims) {
    long[] shape = array.shape();
    int n = shape.length;
    if (axis == null) {
      this.rows = array.reshape(1, array.size());
      this.others = new long[keepdims ? n : 0];
      Arrays.fill(others, 1);
      this.back = new int[] {0};
      this.turned = new long[] {array.size()};
      return;
    }
    int at = ((Number) axis).intValue();
    if (at < -n || at >= n) {
      throw Py.ValueError("axis " + at + " is out of bounds for array of dimension " + n);
    }
    at = Math.floorMod(at, n);
    int[] order = new int[n];
    this.back = new int[n];
    this.others = new long[keepdims ? n : n - 1];
    for (int i = 0, to = 0, kept = 0; i < n; i++) {
      int place = i == at ? n - 1 : to++;
      order[place] = i;
      back[i] = place;
      if (i != at || keepdims) {
        others[kept++] = i == at ? 1 : shape[i];
      }
    }
    NDArray whole = array.transpose(order).copy();
    this.turned = whole.shape();
    long extent = shape[at];
    long count = 1;
    for (int i = 0; i < n - 1; i++) {
      count *= turned[i];
    }
    this.rows = whole.reshape(count, extent);
  }

  NDArray rows() {
    return rows;
  }

  int extent() {
    return (int) rows.shape()[1];
  }

  /** One number of each row. */
  NDArray collapsed(NDArray values, Dtype dtype) {
    return values.cast(dtype).reshape(others);
  }

  /** As many as there were. */
  private NDArray whole(NDArray values, Dtype dtype) {
    return values.cast(dtype).reshape(turned).transpose(back).copy();
  }

  /** Null if there is no such function of these elements. */
  static NDArray call(String name, NDArray array, Map<String, Object> options) {
    Dtype dtype = array.dtype();
    Kind kind = dtype.kind();
    boolean exact = kind == Kind.INT || kind == Kind.UINT || kind == Kind.BOOL;
    Object axis = options.get("axis");
    boolean known = (exact || kind == Kind.FLOAT) && options.get("dtype") == null && (axis == null || axis instanceof Number);
    if (!known) {
      return null;
    }
    Dtype same = Promotion.promote(dtype, dtype);
    Lanes lanes = new Lanes(array, axis, Boolean.TRUE.equals(options.get("keepdims")));
    switch (name) {
      case "std":
      case "var":
        double ddof = options.get("ddof") instanceof Number ? ((Number) options.get("ddof")).doubleValue() : 0;
        return lanes.collapsed(lanes.spread(name.equals("std"), ddof), exact ? Dtype.FLOAT64 : same);
      case "argmin":
      case "argmax":
        return lanes.collapsed(lanes.extreme(name.equals("argmax")), Dtype.INT64);
      case "ptp":
        if (kind == Kind.BOOL) {
          throw Py.TypeError("numpy boolean subtract, the `-` operator, is not supported");
        }
        return lanes.collapsed(lanes.reach(), same);
      case "prod":
        Dtype wide = exact ? (kind == Kind.UINT ? Dtype.UINT64 : Dtype.INT64) : same;
        return lanes.collapsed(lanes.last(lanes.running(true, exact), exact), wide);
      case "cumsum":
      case "cumprod":
        Dtype sum = exact ? (kind == Kind.UINT ? Dtype.UINT64 : Dtype.INT64) : same;
        return lanes.whole(lanes.running(name.equals("cumprod"), exact), sum);
      case "sort":
        return lanes.whole(lanes.sorted(exact), same);
      case "argsort":
        return lanes.whole(lanes.order(), Dtype.INT64);
      case "median":
        return lanes.collapsed(lanes.median(), exact ? Dtype.FLOAT64 : same);
      default:
        return null;
    }
  }

  /** Integers whose order is that of the elements: unsigned ones of 64 bits are moved. */
  private long[] ordered() {
    return moved(rows.toLongs());
  }

  private long[] moved(long[] values) {
    if (rows.dtype().kind() == Kind.UINT && rows.dtype().itemsize() == 8) {
      for (int i = 0; i < values.length; i++) {
        values[i] ^= Long.MIN_VALUE;
      }
    }
    return values;
  }

  private NDArray spread(boolean root, double ddof) {
    double[] values = rows.toDoubles();
    int n = extent();
    double[] out = new double[(int) rows.shape()[0]];
    for (int row = 0; row < out.length; row++) {
      double mean = 0;
      for (int i = 0; i < n; i++) {
        mean += values[row * n + i];
      }
      mean /= n;
      double squares = 0;
      for (int i = 0; i < n; i++) {
        double apart = values[row * n + i] - mean;
        squares += apart * apart;
      }
      double variance = squares / Math.max(n - ddof, 0);
      out[row] = root ? Math.sqrt(variance) : variance;
    }
    return NDArray.of(out, out.length);
  }

  private NDArray extreme(boolean most) {
    int n = extent();
    if (n == 0) {
      throw Py.ValueError("attempt to get " + (most ? "argmax" : "argmin") + " of an empty sequence");
    }
    boolean exact = rows.dtype().kind() != Kind.FLOAT;
    double[] reals = exact ? null : rows.toDoubles();
    long[] integers = exact ? ordered() : null;
    long[] out = new long[(int) rows.shape()[0]];
    for (int row = 0; row < out.length; row++) {
      int best = row * n;
      for (int i = row * n; i < (row + 1) * n; i++) {
        int order = exact ? Long.compare(integers[i], integers[best]) : compare(reals[i], reals[best], most);
        best = (most ? order > 0 : order < 0) ? i : best;
      }
      out[row] = best - row * n;
    }
    return NDArray.of(out, out.length);
  }

  /** NaN is the extreme, whichever is looked for; zeros are the same. */
  private static int compare(double x, double y, boolean nanIsLarge) {
    if (Double.isNaN(x) || Double.isNaN(y)) {
      return Double.isNaN(x) == Double.isNaN(y) ? 0 : Double.isNaN(x) == nanIsLarge ? 1 : -1;
    }
    return x == y ? 0 : x < y ? -1 : 1;
  }

  private NDArray reach() {
    int n = extent();
    if (n == 0) {
      throw Py.ValueError("zero-size array to reduction operation maximum which has no identity");
    }
    NDArray sorted = sorted(rows.dtype().kind() != Kind.FLOAT).reshape(rows.shape());
    boolean exact = rows.dtype().kind() != Kind.FLOAT;
    int count = (int) rows.shape()[0];
    long[] longs = new long[count];
    double[] reals = new double[count];
    for (int row = 0; row < count; row++) {
      longs[row] = exact ? sorted.getLong(row, n - 1) - sorted.getLong(row, 0) : 0;
      reals[row] = exact ? 0 : sorted.getDouble(row, n - 1) - sorted.getDouble(row, 0);
    }
    return exact ? NDArray.of(longs, count) : NDArray.of(reals, count);
  }

  private NDArray running(boolean product, boolean exact) {
    int n = extent();
    double[] reals = exact ? null : rows.toDoubles();
    long[] integers = exact ? rows.toLongs() : null;
    boolean single = rows.dtype().itemsize() == 4;
    int size = (int) rows.size();
    for (int i = 0; i < size; i++) {
      if (i % n == 0) {
        continue;
      }
      if (exact) {
        integers[i] = product ? integers[i - 1] * integers[i] : integers[i - 1] + integers[i];
      } else {
        reals[i] = product ? reals[i - 1] * reals[i] : reals[i - 1] + reals[i];
        reals[i] = single ? (float) reals[i] : reals[i];
      }
    }
    return exact ? NDArray.of(integers, size) : NDArray.of(reals, size);
  }

  private NDArray last(NDArray running, boolean exact) {
    int count = (int) rows.shape()[0];
    int n = extent();
    long[] longs = new long[count];
    double[] reals = new double[count];
    for (int row = 0; row < count; row++) {
      longs[row] = n == 0 ? 1 : exact ? running.getLong((long) (row + 1) * n - 1) : 0;
      reals[row] = n == 0 ? 1 : exact ? 0 : running.getDouble((long) (row + 1) * n - 1);
    }
    return exact ? NDArray.of(longs, count) : NDArray.of(reals, count);
  }

  private NDArray sorted(boolean exact) {
    int n = extent();
    int size = (int) rows.size();
    if (exact) {
      long[] values = ordered();
      for (int i = 0; i < size; i += n) {
        Arrays.sort(values, i, i + n);
      }
      return NDArray.of(moved(values), size);
    }
    double[] values = rows.toDoubles();
    for (int i = 0; i < size; i += n) {
      Arrays.sort(values, i, i + n); // NaN last, as in NumPy
    }
    return NDArray.of(values, size);
  }

  private NDArray order() {
    int n = extent();
    boolean exact = rows.dtype().kind() != Kind.FLOAT;
    double[] reals = exact ? null : rows.toDoubles();
    long[] integers = exact ? ordered() : null;
    long[] out = new long[(int) rows.size()];
    for (int start = 0; start < out.length; start += n) {
      int from = start;
      Integer[] places = new Integer[n];
      for (int i = 0; i < n; i++) {
        places[i] = i;
      }
      Arrays.sort(
          places,
          (a, b) ->
              exact ? Long.compare(integers[from + a], integers[from + b]) : compare(reals[from + a], reals[from + b], true));
      for (int i = 0; i < n; i++) {
        out[start + i] = places[i];
      }
    }
    return NDArray.of(out, out.length);
  }

  private NDArray median() {
    int n = extent();
    double[] values = rows.toDoubles();
    double[] out = new double[(int) rows.shape()[0]];
    for (int row = 0; row < out.length; row++) {
      Arrays.sort(values, row * n, (row + 1) * n);
      int middle = row * n + n / 2;
      boolean nan = n == 0 || Double.isNaN(values[(row + 1) * n - 1]);
      out[row] = nan ? Double.NaN : n % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }
    return NDArray.of(out, out.length);
  }
}
