package org.ndferry.jython;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.Map;
import org.ndferry.Dtype;
import org.ndferry.Dtype.Kind;
import org.ndferry.NDArray;
import org.python.core.Py;
import org.python.core.PyException;

/** Arithmetic, comparisons and sums of real numbers in Java, for platforms without the native library. */
final class Basic {
  private Basic() {}

  static NDArray call(String name, Object[] operands, Map<String, Object> options) {
    if (operands.length == 2 && "add subtract multiply true_divide floor_divide remainder equal not_equal less less_equal greater greater_equal bitwise_and bitwise_or bitwise_xor minimum maximum".contains(name)) {
      return binary(name, operands[0], operands[1]);
    }
    if (operands.length == 1 && options.get("dtype") == null && "sum min max mean any all".contains(name)) {
      return reduced(name, (NDArray) operands[0], options.get("axis"), Boolean.TRUE.equals(options.get("keepdims")));
    }
    if (operands.length == 1 && name.equals("negative")) {
      return binary("multiply", operands[0], -1L);
    }
    if (operands.length == 1 && name.equals("invert")) {
      boolean bool = operands[0] instanceof NDArray && ((NDArray) operands[0]).dtype().kind() == Kind.BOOL;
      return binary("bitwise_xor", operands[0], bool ? (Object) true : (Object) (-1L));
    }
    throw missing(name);
  }

  private static PyException missing(String name) {
    return new PyException(
        Py.NotImplementedError,
        "numpy." + name + " of these operands needs ndferry's native library: no jar ndferry-natives for this platform");
  }

  /** The dtype of an operation; a number of Python takes that of the array beside it where it is of that kind. */
  private static Dtype common(String name, Object a, Object b) {
    Dtype left = a instanceof NDArray ? ((NDArray) a).dtype() : null;
    Dtype right = b instanceof NDArray ? ((NDArray) b).dtype() : null;
    Dtype both;
    if (left != null && right != null) {
      both = Promotion.promote(left, right);
    } else if (left == null && right == null) {
      both = Promotion.promote(own(a), own(b));
    } else {
      Dtype strong = left != null ? left : right;
      Dtype weak = own(left != null ? b : a);
      boolean float_ = weak.kind() == Kind.FLOAT && strong.kind() == Kind.FLOAT;
      boolean int_ = weak.kind() == Kind.INT && strong.kind() != Kind.BOOL;
      both = float_ || int_ ? Promotion.promote(strong, strong) : Promotion.promote(strong, weak);
    }
    boolean real = both != null && (both.kind() == Kind.BOOL || both.kind() == Kind.INT || both.kind() == Kind.UINT || both.kind() == Kind.FLOAT);
    if (!real || both.itemsize() > 8) {
      throw missing(name);
    }
    return both;
  }

  private static Dtype own(Object number) {
    if (number instanceof Boolean) {
      return Dtype.BOOL;
    }
    if (number instanceof Long || number instanceof BigInteger) {
      return number instanceof BigInteger ? Dtype.UINT64 : Dtype.INT64;
    }
    return number instanceof Double ? Dtype.FLOAT64 : Dtype.of("c16");
  }

  private static NDArray array(Object operand, Dtype dtype) {
    if (operand instanceof NDArray) {
      return ((NDArray) operand).cast(dtype);
    }
    if (operand instanceof Double) {
      return NDArray.of(new double[] {(Double) operand}).cast(dtype).reshape();
    }
    BigInteger value = operand instanceof Boolean ? BigInteger.valueOf((Boolean) operand ? 1 : 0) : new BigInteger(operand.toString());
    if (dtype.kind() == Kind.FLOAT) {
      return NDArray.of(new double[] {value.doubleValue()}).cast(dtype).reshape();
    }
    if (!fits(operand, dtype) && dtype.kind() != Kind.BOOL) {
      throw Py.OverflowError("Python integer " + value + " out of bounds for " + dtype.name());
    }
    return NDArray.of(new long[] {value.longValue()}).cast(dtype).reshape();
  }

  /** Whether a number of Python has room in an integer; all else has. */
  private static boolean fits(Object operand, Dtype dtype) {
    if (!(operand instanceof Long || operand instanceof BigInteger)) {
      return true;
    }
    BigInteger value = new BigInteger(operand.toString());
    int bits = 8 * dtype.itemsize();
    boolean unsigned = dtype.kind() == Kind.UINT;
    return unsigned ? value.signum() >= 0 && value.bitLength() <= bits : value.bitLength() < bits;
  }

  private static NDArray binary(String name, Object a, Object b) {
    Dtype dtype = common(name, a, b);
    boolean logic = name.endsWith("equal") || name.equals("less") || name.equals("greater");
    boolean bits = name.startsWith("bitwise");
    boolean bool = dtype.kind() == Kind.BOOL;
    if (logic && (dtype.kind() == Kind.INT || dtype.kind() == Kind.UINT)) {
      boolean left = !fits(a, dtype);
      if (left || !fits(b, dtype)) {
        // A number beyond all that the array can hold.
        boolean less = new BigInteger((left ? a : b).toString()).signum() < 0 == left;
        NDArray array = (NDArray) (left ? b : a);
        return NDArray.of(new long[] {(long) compared(name, false, less, !less)}).reshape().broadcast(array.shape()).cast(Dtype.BOOL);
      }
    }
    if (name.equals("true_divide") && dtype.kind() != Kind.FLOAT) {
      dtype = Dtype.FLOAT64;
    }
    if ((bits && dtype.kind() == Kind.FLOAT) || (bool && name.equals("subtract"))) {
      throw Py.TypeError("ufunc '" + name + "' not supported for the input types");
    }
    if (bool && (name.equals("floor_divide") || name.equals("remainder"))) {
      dtype = Dtype.INT8;
    }
    NDArray left = array(a, dtype);
    NDArray right = array(b, dtype);
    long[] shape = Broadcasting.shape(left.shape(), right.shape(), "operands could not be broadcast together with shapes");
    left = left.broadcast(shape);
    right = right.broadcast(shape);
    NDArray out;
    if (dtype.kind() == Kind.FLOAT) {
      double[] x = left.toDoubles();
      double[] y = right.toDoubles();
      for (int i = 0; i < x.length; i++) {
        x[i] = real(name, x[i], y[i]);
      }
      out = NDArray.of(x, x.length);
    } else {
      long[] x = left.toLongs();
      long[] y = right.toLongs();
      boolean unsigned = dtype.equals(Dtype.UINT64);
      for (int i = 0; i < x.length; i++) {
        x[i] = integer(name, x[i], y[i], unsigned);
      }
      out = NDArray.of(x, x.length);
    }
    return out.cast(logic ? Dtype.BOOL : dtype).reshape(shape);
  }

  private static double real(String name, double x, double y) {
    switch (name) {
      case "add":
        return x + y;
      case "subtract":
        return x - y;
      case "multiply":
        return x * y;
      case "true_divide":
        return x / y;
      case "floor_divide":
        return floorDivided(x, y);
      case "remainder":
        return remainder(x, y);
      case "minimum":
        return Double.isNaN(x) || Double.isNaN(y) ? Double.NaN : Math.min(x, y);
      case "maximum":
        return Double.isNaN(x) || Double.isNaN(y) ? Double.NaN : Math.max(x, y);
      default:
        return compared(name, x == y, x < y, x > y);
    }
  }

  /** {@code npy_floor_divide} */
  private static double floorDivided(double x, double y) {
    double rest = x % y;
    if (y == 0) {
      return x / y;
    }
    double quotient = (x - rest) / y - (rest != 0 && y < 0 != rest < 0 ? 1 : 0);
    if (quotient == 0) {
      return Math.copySign(0.0, x / y);
    }
    double floor = Math.floor(quotient);
    return quotient - floor > 0.5 ? floor + 1 : floor;
  }

  /** With the sign of the divisor. */
  private static double remainder(double x, double y) {
    double rest = x % y;
    if (rest != 0 && rest < 0 != y < 0) {
      return rest + y;
    }
    return rest == 0 ? Math.copySign(0.0, y) : rest;
  }

  private static long integer(String name, long x, long y, boolean unsigned) {
    switch (name) {
      case "add":
        return x + y;
      case "subtract":
        return x - y;
      case "multiply":
        return x * y;
      case "floor_divide":
        return y == 0 ? 0 : unsigned ? Long.divideUnsigned(x, y) : Math.floorDiv(x, y);
      case "remainder":
        return y == 0 ? 0 : unsigned ? Long.remainderUnsigned(x, y) : Math.floorMod(x, y);
      case "bitwise_and":
        return x & y;
      case "bitwise_or":
        return x | y;
      case "bitwise_xor":
        return x ^ y;
      default:
        int order = unsigned ? Long.compareUnsigned(x, y) : Long.compare(x, y);
        if (name.equals("minimum") || name.equals("maximum")) {
          return order < 0 == name.equals("minimum") ? x : y;
        }
        return (long) compared(name, order == 0, order < 0, order > 0);
    }
  }

  private static double compared(String name, boolean same, boolean less, boolean greater) {
    switch (name) {
      case "equal":
        return same ? 1 : 0;
      case "not_equal":
        return same ? 0 : 1;
      case "less":
        return less ? 1 : 0;
      case "less_equal":
        return less || same ? 1 : 0;
      case "greater":
        return greater ? 1 : 0;
      default:
        return greater || same ? 1 : 0;
    }
  }

  private static NDArray reduced(String name, NDArray array, Object axis, boolean keepdims) {
    Dtype dtype = array.dtype();
    Kind kind = dtype.kind();
    boolean real = kind == Kind.BOOL || kind == Kind.INT || kind == Kind.UINT || kind == Kind.FLOAT;
    if (!real || (axis != null && !(axis instanceof Number))) {
      throw missing(name);
    }
    long[] shape = array.shape();
    int n = shape.length;
    NDArray rows = array.reshape(1, array.size());
    long[] outcome = new long[keepdims ? n : 0];
    Arrays.fill(outcome, 1);
    if (axis != null) {
      int at = ((Number) axis).intValue();
      if (at < -n || at >= n) {
        throw Py.ValueError("axis " + at + " is out of bounds for array of dimension " + n);
      }
      at = Math.floorMod(at, n);
      int[] order = new int[n];
      outcome = new long[keepdims ? n : n - 1];
      for (int i = 0, to = 0, kept = 0; i < n; i++) {
        order[i == at ? n - 1 : to++] = i;
        if (i != at || keepdims) {
          outcome[kept++] = i == at ? 1 : shape[i];
        }
      }
      long extent = shape[at];
      rows = array.transpose(order).copy().reshape(extent == 0 ? 0 : array.size() / extent, extent);
    }
    boolean extreme = name.equals("min") || name.equals("max");
    if (extreme && rows.shape()[1] == 0) {
      throw Py.ValueError("zero-size array to reduction operation " + (name.equals("min") ? "minimum" : "maximum") + " which has no identity");
    }
    Dtype result = dtype;
    if (name.equals("any") || name.equals("all")) {
      result = Dtype.BOOL;
    } else if (!extreme && kind != Kind.FLOAT) {
      result = name.equals("mean") ? Dtype.FLOAT64 : kind == Kind.UINT ? Dtype.UINT64 : Dtype.INT64;
    }
    boolean exact = kind != Kind.FLOAT && !name.equals("mean");
    NDArray out = exact ? integers(name, rows, dtype.equals(Dtype.UINT64)) : reals(name, rows);
    return out.cast(result).reshape(outcome);
  }

  private static NDArray reals(String name, NDArray rows) {
    double[] values = rows.toDoubles();
    int n = (int) rows.shape()[1];
    double[] out = new double[(int) rows.shape()[0]];
    for (int row = 0; row < out.length; row++) {
      boolean sum = name.equals("sum") || name.equals("mean");
      double total = sum || name.equals("any") ? 0 : name.equals("all") ? 1 : values[row * n];
      for (int i = 0; i < n; i++) {
        double value = values[row * n + i];
        switch (name) {
          case "any":
            total = total != 0 || value != 0 ? 1 : 0;
            break;
          case "all":
            total = total != 0 && value != 0 ? 1 : 0;
            break;
          case "min":
          case "max":
            total = real(name.equals("min") ? "minimum" : "maximum", total, value);
            break;
          default:
            total += value;
        }
      }
      out[row] = name.equals("mean") ? total / n : total;
    }
    return NDArray.of(out, out.length);
  }

  private static NDArray integers(String name, NDArray rows, boolean unsigned) {
    long[] values = rows.toLongs();
    int n = (int) rows.shape()[1];
    long[] out = new long[(int) rows.shape()[0]];
    for (int row = 0; row < out.length; row++) {
      long total = name.equals("sum") || name.equals("any") ? 0 : name.equals("all") ? 1 : values[row * n];
      for (int i = 0; i < n; i++) {
        long value = values[row * n + i];
        switch (name) {
          case "any":
            total = total != 0 || value != 0 ? 1 : 0;
            break;
          case "all":
            total = total != 0 && value != 0 ? 1 : 0;
            break;
          case "min":
          case "max":
            total = integer(name.equals("min") ? "minimum" : "maximum", total, value, unsigned);
            break;
          default:
            total += value;
        }
      }
      out[row] = total;
    }
    return NDArray.of(out, out.length);
  }
}
