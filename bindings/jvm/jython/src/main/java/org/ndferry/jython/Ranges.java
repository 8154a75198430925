package org.ndferry.jython;

import org.ndferry.Dtype;
import org.ndferry.NDArray;
import org.python.core.Py;

/** Numbers at equal distances. */
public final class Ranges {
  private Ranges() {}

  private static int checked(long count) {
    if (count > Integer.MAX_VALUE / 8) {
      throw Py.MemoryError("too many numbers for a range: " + count);
    }
    return (int) count;
  }

  /**
   * Integers.
   *
   * @param start the first
   * @param step from each to the next
   * @param count how many
   * @return {@code int64}
   */
  public static NDArray integers(long start, long step, long count) {
    long[] values = new long[checked(count)];
    for (int i = 0; i < values.length; i++) {
      values[i] = start + i * step;
    }
    return NDArray.of(values, values.length);
  }

  /**
   * Floats, as {@code numpy.arange} makes them.
   *
   * @param start the first
   * @param step from each to the next
   * @param count how many
   * @return {@code float64}
   */
  public static NDArray reals(double start, double step, long count) {
    double[] values = new double[checked(count)];
    for (int i = 0; i < values.length; i++) {
      values[i] = start + i * step;
    }
    return NDArray.of(values, values.length);
  }

  /**
   * Floats, as {@code numpy.linspace} makes them.
   *
   * @param start the first
   * @param stop the last, or what is behind the last
   * @param step from each to the next
   * @param count how many
   * @param closed whether {@code stop} is one of them
   * @return {@code float64}
   */
  public static NDArray between(double start, double stop, double step, long count, boolean closed) {
    double[] values = new double[checked(count)];
    double parts = closed ? count - 1 : count;
    for (int i = 0; i < values.length; i++) {
      // NumPy divides first, unless the step is too small to be one.
      values[i] = start + (count < 2 && closed ? 0 : step == 0 ? i / parts * (stop - start) : i * step);
    }
    if (closed && count > 1) {
      values[values.length - 1] = stop;
    }
    return NDArray.of(values, values.length);
  }

  /**
   * How often each integer occurs.
   *
   * @param values none negative
   * @param least how many counts at least
   * @return {@code int64}
   */
  public static NDArray counts(NDArray values, long least) {
    long[] all = values.toLongs();
    long most = least - 1;
    for (long value : all) {
      most = Math.max(most, value);
    }
    long[] counts = new long[checked(most + 1)];
    for (long value : all) {
      counts[(int) value]++;
    }
    return NDArray.of(counts, counts.length);
  }

  /**
   * Where values would go into sorted ones ({@code numpy.searchsorted}).
   *
   * @param sorted one axis
   * @param values of any shape and of the same dtype
   * @param right behind equal ones, not before
   * @return {@code int64}
   */
  public static NDArray places(NDArray sorted, NDArray values, boolean right) {
    boolean exact = sorted.dtype().kind() != Dtype.Kind.FLOAT;
    double[] reals = exact ? null : sorted.toDoubles();
    long[] integers = exact ? sorted.toLongs() : null;
    double[] some = exact ? null : values.toDoubles();
    long[] few = exact ? values.toLongs() : null;
    long[] out = new long[(int) values.size()];
    boolean unsigned = sorted.dtype().equals(Dtype.UINT64);
    for (int i = 0; i < out.length; i++) {
      int low = 0;
      int high = (int) sorted.size();
      while (low < high) {
        int middle = (low + high) >>> 1;
        int order = exact ? compare(integers[middle], few[i], unsigned) : compare(reals[middle], some[i]);
        boolean before = right ? order <= 0 : order < 0;
        low = before ? middle + 1 : low;
        high = before ? high : middle;
      }
      out[i] = low;
    }
    return NDArray.of(out, out.length).reshape(values.shape());
  }

  private static int compare(long x, long y, boolean unsigned) {
    return unsigned ? Long.compareUnsigned(x, y) : Long.compare(x, y);
  }

  /** NaN is the largest. */
  private static int compare(double x, double y) {
    boolean less = x < y || (Double.isNaN(y) && !Double.isNaN(x));
    boolean more = y < x || (Double.isNaN(x) && !Double.isNaN(y));
    return less ? -1 : more ? 1 : 0;
  }
}
