package org.ndferry.jython;

import org.python.core.Py;

/** The shape that several shapes become together. */
public final class Broadcasting {
  private Broadcasting() {}

  /**
   * {@code numpy.broadcast_shapes(a, b)}.
   *
   * @param a one
   * @param b the other
   * @param problem how the message begins if they do not fit
   * @return the common shape
   */
  public static long[] shape(long[] a, long[] b, String problem) {
    long[] out = new long[Math.max(a.length, b.length)];
    for (int i = 1; i <= out.length; i++) {
      long own = i <= a.length ? a[a.length - i] : 1;
      long other = i <= b.length ? b[b.length - i] : 1;
      if (own != other && own != 1 && other != 1) {
        throw Py.ValueError(problem + " " + text(a) + " " + text(b));
      }
      out[out.length - i] = own == 1 ? other : own;
    }
    return out;
  }

  static String text(long[] shape) {
    StringBuilder out = new StringBuilder("(");
    for (int i = 0; i < shape.length; i++) {
      out.append(i > 0 ? "," : "").append(shape[i]);
    }
    return out.append(shape.length == 1 ? ",)" : ")").toString();
  }
}
