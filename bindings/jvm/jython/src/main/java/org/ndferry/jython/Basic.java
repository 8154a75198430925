package org.ndferry.jython;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.ndferry.Dtype;
import org.ndferry.Dtype.Kind;
import org.ndferry.NDArray;
import org.ndferry.Natives;
import org.python.core.Py;
import org.python.core.PyException;

/** Arithmetic, comparisons and sums of real numbers in Java, for platforms without the native library. */
final class Basic {
  private static final Set<String> BINARY = words("add subtract multiply true_divide floor_divide remainder equal not_equal less "
      + "less_equal greater greater_equal bitwise_and bitwise_or bitwise_xor minimum maximum power logical_and logical_or "
      + "logical_xor fmin fmax arctan2 hypot copysign");
  private static final Set<String> REDUCED = words("sum min max mean any all");

  private Basic() {}

  private static Set<String> words(String text) {
    return new HashSet<>(Arrays.asList(text.split(" ")));
  }

  static NDArray call(String name, Object[] operands, Map<String, Object> options) {
    if (options.get("initial") != null) {
      throw missing(name);
    }
    for (Object operand : operands) {
      NDArray complex = Complexes.isComplex(operand) ? Complexes.call(name, operands, options) : null;
      if (complex != null) {
        return complex;
      }
    }
    if (operands.length == 2 && BINARY.contains(name)) {
      return binary(name, operands[0], operands[1]);
    }
    if (operands.length == 1 && options.get("dtype") == null && REDUCED.contains(name)) {
      return reduced(name, (NDArray) operands[0], options.get("axis"), Boolean.TRUE.equals(options.get("keepdims")));
    }
    if (operands.length == 1 && name.equals("negative")) {
      Object operand = operands[0];
      if (operand instanceof NDArray && ((NDArray) operand).dtype().kind() == Kind.BOOL) {
        throw Py.TypeError("The numpy boolean negative, the `-` operator, is not supported, use the `~` operator instead.");
      }
      boolean real = operand instanceof NDArray ? ((NDArray) operand).dtype().kind() == Kind.FLOAT : operand instanceof Double;
      return real ? binary("multiply", operand, -1L) : binary("subtract", 0L, operand);
    }
    if (operands.length == 1 && name.equals("invert")) {
      boolean bool = operands[0] instanceof NDArray && ((NDArray) operands[0]).dtype().kind() == Kind.BOOL;
      return binary("bitwise_xor", operands[0], bool ? (Object) true : (Object) (-1L));
    }
    if (name.equals("where") && operands.length == 3) {
      return where(operands[0], operands[1], operands[2]);
    }
    if ((name.equals("matmul") || name.equals("dot")) && operands.length == 2) {
      return product(name, operands[0], operands[1]);
    }
    NDArray made = null;
    if (operands.length == 1) {
      Object operand = operands[0];
      NDArray array = operand instanceof NDArray ? (NDArray) operand : array(operand, own(operand));
      boolean plain = options.get("dtype") == null;
      made = plain ? Elementary.call(name, array) : null;
      made = made == null ? Lanes.call(name, array, options) : made;
    }
    if (made == null) {
      throw missing(name);
    }
    return made;
  }

  private static NDArray where(Object condition, Object a, Object b) {
    Dtype dtype = common("where", a, b);
    NDArray chosen = condition instanceof NDArray ? (NDArray) condition : array(condition, own(condition));
    // Numbers that do not fit wrap around here, as in NumPy.
    NDArray left = a instanceof Long ? NDArray.of(new long[] {(Long) a}).cast(dtype).reshape() : array(a, dtype);
    NDArray right = b instanceof Long ? NDArray.of(new long[] {(Long) b}).cast(dtype).reshape() : array(b, dtype);
    String problem = "operands could not be broadcast together with shapes";
    long[] shape = Broadcasting.shape(Broadcasting.shape(chosen.shape(), left.shape(), problem), right.shape(), problem);
    byte[] bools = chosen.cast(Dtype.BOOL).broadcast(shape).toBytes();
    if (dtype.kind() == Kind.FLOAT) {
      double[] x = left.broadcast(shape).toDoubles();
      double[] y = right.broadcast(shape).toDoubles();
      for (int i = 0; i < x.length; i++) {
        x[i] = bools[i] != 0 ? x[i] : y[i];
      }
      return NDArray.of(x, x.length).cast(dtype).reshape(shape);
    }
    long[] x = left.broadcast(shape).toLongs();
    long[] y = right.broadcast(shape).toLongs();
    for (int i = 0; i < x.length; i++) {
      x[i] = bools[i] != 0 ? x[i] : y[i];
    }
    return NDArray.of(x, x.length).cast(dtype).reshape(shape);
  }

  /** Of vectors and matrices. */
  private static NDArray product(String name, Object a, Object b) {
    boolean arrays = a instanceof NDArray && b instanceof NDArray;
    if (name.equals("dot") && (!arrays || ((NDArray) a).ndim() == 0 || ((NDArray) b).ndim() == 0)) {
      return binary("multiply", a, b);
    }
    Dtype dtype = common(name, a, b);
    if (!arrays || ((NDArray) a).ndim() > 2 || ((NDArray) b).ndim() > 2) {
      throw missing(name);
    }
    NDArray left = array(a, dtype);
    NDArray right = array(b, dtype);
    long[] ls = left.shape();
    long[] rs = right.shape();
    if (ls.length == 0 || rs.length == 0) {
      throw Py.ValueError("matmul: Input operand 0 does not have enough dimensions");
    }
    int rows = ls.length == 1 ? 1 : (int) ls[0];
    int inner = (int) ls[ls.length - 1];
    int columns = rs.length == 1 ? 1 : (int) rs[1];
    if (rs[0] != inner) {
      throw Py.ValueError("shapes " + Broadcasting.text(ls) + " and " + Broadcasting.text(rs) + " not aligned: " + inner + " (dim "
          + (ls.length - 1) + ") != " + rs[0] + " (dim 0)");
    }
    long[] shape = ls.length == 1 ? (rs.length == 1 ? new long[0] : new long[] {columns}) : rs.length == 1 ? new long[] {rows} : new long[] {rows, columns};
    int size = rows * columns;
    if (dtype.kind() == Kind.FLOAT) {
      double[] x = left.toDoubles();
      double[] y = right.toDoubles();
      double[] out = new double[size];
      rows(rows, inner, (i, k) -> {
        double factor = x[i * inner + k];
        for (int j = 0; j < columns; j++) {
          out[i * columns + j] += factor * y[k * columns + j];
        }
      });
      return NDArray.of(out, size).cast(dtype).reshape(shape);
    }
    long[] x = left.toLongs();
    long[] y = right.toLongs();
    long[] out = new long[size];
    rows(rows, inner, (i, k) -> {
      long factor = x[i * inner + k];
      for (int j = 0; j < columns; j++) {
        out[i * columns + j] += factor * y[k * columns + j];
      }
    });
    return NDArray.of(out, size).cast(dtype).reshape(shape);
  }

  /** Adds row k of the right matrix, times an element of the left one, to row i of the product. */
  private interface Row {
    void add(int i, int k);
  }

  private static void rows(int rows, int inner, Row row) {
    for (int i = 0; i < rows; i++) {
      for (int k = 0; k < inner; k++) {
        row.add(i, k);
      }
    }
  }

  private static PyException missing(String name) {
    return new PyException(
        Py.NotImplementedError,
        "numpy." + name + " of these operands needs ndferry's native library: " + Natives.missing());
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

  /** Of a number of Python only the truth matters there. */
  private static Object truth(Object operand) {
    boolean array = operand instanceof NDArray || operand instanceof double[];
    return array ? operand : (Object) (operand instanceof Boolean ? (Boolean) operand : ((Number) operand).doubleValue() != 0);
  }

  private static NDArray binary(String name, Object first, Object second) {
    Object a = name.startsWith("logical") ? truth(first) : first;
    Object b = name.startsWith("logical") ? truth(second) : second;
    Dtype dtype = common(name, a, b);
    boolean logic = name.endsWith("equal") || name.startsWith("logical") || name.equals("less") || name.equals("greater");
    boolean bits = name.startsWith("bitwise");
    boolean bool = dtype.kind() == Kind.BOOL;
    if (logic && !name.startsWith("logical") && (dtype.kind() == Kind.INT || dtype.kind() == Kind.UINT)) {
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
    boolean floating = name.equals("arctan2") || name.equals("hypot") || name.equals("copysign");
    if (floating) {
      boolean both = a instanceof NDArray && b instanceof NDArray;
      dtype = both
          ? Promotion.promote(Elementary.floating(((NDArray) a).dtype()), Elementary.floating(((NDArray) b).dtype()))
          : Elementary.floating(dtype);
    }
    if ((bits && dtype.kind() == Kind.FLOAT) || (bool && name.equals("subtract"))) {
      throw Py.TypeError("ufunc '" + name + "' not supported for the input types");
    }
    if (bool && (name.equals("floor_divide") || name.equals("remainder") || name.equals("power"))) {
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
      case "power":
        return x == 1 || y == 0 ? 1 : x == -1 && Double.isInfinite(y) ? 1 : Math.pow(x, y);
      case "logical_and":
        return x != 0 && y != 0 ? 1 : 0;
      case "logical_or":
        return x != 0 || y != 0 ? 1 : 0;
      case "logical_xor":
        return x != 0 != (y != 0) ? 1 : 0;
      case "fmin":
        return Double.isNaN(x) ? y : Double.isNaN(y) ? x : Math.min(x, y);
      case "fmax":
        return Double.isNaN(x) ? y : Double.isNaN(y) ? x : Math.max(x, y);
      case "arctan2":
        return Math.atan2(x, y);
      case "hypot":
        return Math.hypot(x, y);
      case "copysign":
        return Math.copySign(x, y);
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
      case "power":
        return power(x, y, unsigned);
      case "logical_and":
        return x != 0 && y != 0 ? 1 : 0;
      case "logical_or":
        return x != 0 || y != 0 ? 1 : 0;
      case "logical_xor":
        return x != 0 != (y != 0) ? 1 : 0;
      case "bitwise_and":
        return x & y;
      case "bitwise_or":
        return x | y;
      case "bitwise_xor":
        return x ^ y;
      default:
        int order = unsigned ? Long.compareUnsigned(x, y) : Long.compare(x, y);
        if (name.endsWith("min") || name.endsWith("max") || name.endsWith("imum")) {
          return order < 0 == name.contains("min") ? x : y;
        }
        return (long) compared(name, order == 0, order < 0, order > 0);
    }
  }

  private static long power(long x, long y, boolean unsigned) {
    if (y < 0 && !unsigned) {
      throw Py.ValueError("Integers to negative integer powers are not allowed.");
    }
    long out = 1;
    long square = x;
    for (long left = y; left != 0; left >>>= 1, square *= square) {
      out *= (left & 1) != 0 ? square : 1;
    }
    return out;
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
    Lanes lanes = new Lanes(array, axis, keepdims);
    NDArray rows = lanes.rows();
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
    NDArray out = exact ? integers(name, rows, kind == Kind.UINT && dtype.itemsize() == 8) : reals(name, rows);
    return lanes.collapsed(out, result);
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
