package org.ndferry.jython;

import java.util.Map;
import org.ndferry.Dtype;
import org.ndferry.Dtype.Kind;
import org.ndferry.NDArray;

/** Arithmetic of complex numbers in Java, each as two doubles, for platforms without the native library. */
final class Complexes {
  private static final Dtype WIDE = Dtype.of("c16");

  private Complexes() {}

  static boolean isComplex(Object operand) {
    return operand instanceof double[] || (operand instanceof NDArray && ((NDArray) operand).dtype().kind() == Kind.COMPLEX);
  }

  /** Null if there is no such function of these operands. */
  static NDArray call(String name, Object[] operands, Map<String, Object> options) {
    if (options.get("dtype") != null) {
      return null;
    }
    if (operands.length == 2) {
      return binary(name, operands[0], operands[1]);
    }
    return operands.length == 1 && operands[0] instanceof NDArray ? unary(name, (NDArray) operands[0], options) : null;
  }

  /** Numbers of Python take the width of the array beside them. */
  private static Dtype common(Object a, Object b) {
    Dtype left = a instanceof NDArray ? ((NDArray) a).dtype() : null;
    Dtype right = b instanceof NDArray ? ((NDArray) b).dtype() : null;
    if (left != null && right != null) {
      return Promotion.promote(left, right);
    }
    Dtype one = left != null ? left : right;
    boolean narrow = one != null && (one.kind() == Kind.FLOAT ? one.itemsize() <= 4 : one.kind() == Kind.COMPLEX && one.itemsize() == 8);
    return narrow ? Dtype.of("c8") : WIDE;
  }

  private static NDArray array(Object operand) {
    if (operand instanceof NDArray) {
      return ((NDArray) operand).cast(WIDE);
    }
    boolean pair = operand instanceof double[];
    double real = pair ? ((double[]) operand)[0] : operand instanceof Boolean ? ((Boolean) operand ? 1 : 0) : ((Number) operand).doubleValue();
    return NDArray.of(new double[] {real, pair ? ((double[]) operand)[1] : 0}).reinterpret(WIDE, 1).reshape();
  }

  /** Real parts and imaginary ones, in turn. */
  private static double[] parts(NDArray array) {
    NDArray whole = array.cast(WIDE).copy();
    return whole.reinterpret(Dtype.FLOAT64, 2 * whole.size()).toDoubles();
  }

  private static NDArray made(double[] parts, Dtype dtype, long[] shape) {
    return NDArray.of(parts).reinterpret(WIDE, parts.length / 2).cast(dtype).reshape(shape);
  }

  private static NDArray binary(String name, Object a, Object b) {
    boolean compared = name.equals("equal") || name.equals("not_equal");
    if (!compared && !"add subtract multiply true_divide".contains(name)) {
      return null;
    }
    Dtype dtype = common(a, b);
    if (dtype == null || dtype.kind() != Kind.COMPLEX || dtype.itemsize() > 16) {
      return null;
    }
    NDArray left = array(a);
    NDArray right = array(b);
    long[] shape = Broadcasting.shape(left.shape(), right.shape(), "operands could not be broadcast together with shapes");
    double[] x = parts(left.broadcast(shape));
    double[] y = parts(right.broadcast(shape));
    if (compared) {
      byte[] same = new byte[x.length / 2];
      for (int i = 0; i < same.length; i++) {
        boolean equal = x[2 * i] == y[2 * i] && x[2 * i + 1] == y[2 * i + 1];
        same[i] = (byte) (equal == name.equals("equal") ? 1 : 0);
      }
      return NDArray.of(same).cast(Dtype.BOOL).reshape(shape);
    }
    for (int i = 0; i < x.length; i += 2) {
      operate(name, x, y, i);
    }
    return made(x, dtype, shape);
  }

  /** The result is put in place of the first number. */
  private static void operate(String name, double[] x, double[] y, int i) {
    double a = x[i];
    double b = x[i + 1];
    double c = y[i];
    double d = y[i + 1];
    switch (name) {
      case "add":
        x[i] = a + c;
        x[i + 1] = b + d;
        return;
      case "subtract":
        x[i] = a - c;
        x[i + 1] = b - d;
        return;
      case "multiply":
        x[i] = a * c - b * d;
        x[i + 1] = a * d + b * c;
        return;
      default:
        // By the larger part, as NumPy does, so that nothing overflows on the way.
        if (Math.abs(c) >= Math.abs(d)) {
          double ratio = c == 0 && d == 0 ? Double.NaN : d / c;
          double scale = c == 0 && d == 0 ? 0 : 1 / (c + d * ratio);
          x[i] = c == 0 && d == 0 ? a / Math.abs(c) : (a + b * ratio) * scale;
          x[i + 1] = c == 0 && d == 0 ? b / Math.abs(c) : (b - a * ratio) * scale;
        } else {
          double ratio = c / d;
          double scale = 1 / (d + c * ratio);
          x[i] = (a * ratio + b) * scale;
          x[i + 1] = (b * ratio - a) * scale;
        }
    }
  }

  private static NDArray unary(String name, NDArray array, Map<String, Object> options) {
    Dtype dtype = array.dtype();
    if (dtype.itemsize() > 16) {
      return null;
    }
    Dtype real = dtype.itemsize() == 8 ? Dtype.FLOAT32 : Dtype.FLOAT64;
    double[] parts = parts(array);
    int n = parts.length / 2;
    switch (name) {
      case "negative":
      case "conjugate":
        for (int i = 0; i < n; i++) {
          parts[2 * i] = name.equals("negative") ? -parts[2 * i] : parts[2 * i];
          parts[2 * i + 1] = -parts[2 * i + 1];
        }
        return made(parts, dtype, array.shape());
      case "real":
      case "imag":
      case "absolute":
        double[] reals = new double[n];
        for (int i = 0; i < n; i++) {
          double re = parts[2 * i];
          double im = parts[2 * i + 1];
          reals[i] = name.equals("real") ? re : name.equals("imag") ? im : Math.hypot(re, im);
        }
        return NDArray.of(reals).cast(real).reshape(array.shape());
      case "sum":
      case "mean":
        return summed(name, array, options);
      default:
        return null;
    }
  }

  private static NDArray summed(String name, NDArray array, Map<String, Object> options) {
    Object axis = options.get("axis");
    if (axis != null && !(axis instanceof Number)) {
      return null;
    }
    Lanes lanes = new Lanes(array, axis, Boolean.TRUE.equals(options.get("keepdims")));
    double[] parts = parts(lanes.rows());
    int extent = lanes.extent();
    int rows = (int) lanes.rows().shape()[0];
    double[] out = new double[2 * rows];
    for (int i = 0; i < parts.length; i++) {
      out[2 * (i / 2 / extent) + i % 2] += parts[i];
    }
    if (name.equals("mean")) {
      for (int i = 0; i < out.length; i++) {
        out[i] /= extent;
      }
    }
    return lanes.collapsed(NDArray.of(out).reinterpret(WIDE, rows), array.dtype());
  }
}
