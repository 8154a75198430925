package org.ndferry.jython;

import java.util.HashMap;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import org.ndferry.Dtype;
import org.ndferry.Dtype.Kind;
import org.ndferry.NDArray;
import org.python.core.Py;

/** Functions of one real number, in Java. */
final class Elementary {
  private static final Map<String, DoubleUnaryOperator> FLOATS = new HashMap<>();

  /** Those that leave integers as they are. */
  private static final Map<String, DoubleUnaryOperator> SAME = new HashMap<>();

  private static final Map<String, DoubleUnaryOperator> BOOLS = new HashMap<>();

  static {
    FLOATS.put("sqrt", Math::sqrt);
    FLOATS.put("cbrt", Math::cbrt);
    FLOATS.put("exp", Math::exp);
    FLOATS.put("exp2", x -> Math.pow(2, x));
    FLOATS.put("expm1", Math::expm1);
    FLOATS.put("log", Math::log);
    FLOATS.put("log2", x -> exactLog2(x));
    FLOATS.put("log10", Math::log10);
    FLOATS.put("log1p", Math::log1p);
    FLOATS.put("sin", Math::sin);
    FLOATS.put("cos", Math::cos);
    FLOATS.put("tan", Math::tan);
    FLOATS.put("arcsin", Math::asin);
    FLOATS.put("arccos", Math::acos);
    FLOATS.put("arctan", Math::atan);
    FLOATS.put("sinh", Math::sinh);
    FLOATS.put("cosh", Math::cosh);
    FLOATS.put("tanh", Math::tanh);
    FLOATS.put("degrees", x -> x * (180 / Math.PI));
    FLOATS.put("rad2deg", x -> x * (180 / Math.PI));
    FLOATS.put("radians", x -> x * (Math.PI / 180));
    FLOATS.put("deg2rad", x -> x * (Math.PI / 180));
    FLOATS.put("fabs", Math::abs);
    SAME.put("absolute", Math::abs);
    SAME.put("sign", x -> Double.isNaN(x) || x == 0 ? x + 0.0 : Math.signum(x));
    SAME.put("square", x -> x * x);
    SAME.put("floor", Math::floor);
    SAME.put("ceil", Math::ceil);
    SAME.put("trunc", x -> x < 0 ? Math.ceil(x) : Math.floor(x));
    FLOATS.put("rint", Math::rint);
    SAME.put("positive", x -> x);
    BOOLS.put("isnan", x -> Double.isNaN(x) ? 1 : 0);
    BOOLS.put("isinf", x -> Double.isInfinite(x) ? 1 : 0);
    BOOLS.put("isfinite", x -> Double.isNaN(x) || Double.isInfinite(x) ? 0 : 1);
    BOOLS.put("signbit", x -> Double.doubleToRawLongBits(x) < 0 ? 1 : 0);
    BOOLS.put("logical_not", x -> x == 0 ? 1 : 0);
  }

  private Elementary() {}

  private static double exactLog2(double x) {
    int exponent = Math.getExponent(x);
    boolean power = x > 0 && exponent > Double.MIN_EXPONENT && exponent <= Double.MAX_EXPONENT && x == Math.scalb(1.0, exponent);
    return power ? exponent : Math.log(x) / Math.log(2);
  }

  /** Null if there is no such function of these elements. */
  static NDArray call(String name, NDArray array) {
    Dtype dtype = array.dtype();
    Kind kind = dtype.kind();
    boolean whole = kind == Kind.INT || kind == Kind.UINT;
    if (kind != Kind.FLOAT && kind != Kind.BOOL && !whole) {
      return null;
    }
    if (BOOLS.containsKey(name)) {
      return mapped(array, BOOLS.get(name)).cast(Dtype.BOOL).reshape(array.shape());
    }
    if (SAME.containsKey(name) && kind != Kind.BOOL) {
      NDArray out = whole ? integers(name, array) : mapped(array, SAME.get(name));
      return out.cast(plain(dtype)).reshape(array.shape());
    }
    if (kind == Kind.BOOL && (name.equals("absolute") || name.equals("floor") || name.equals("ceil") || name.equals("trunc"))) {
      return array.copy();
    }
    if (kind == Kind.BOOL && (name.equals("sign") || name.equals("positive"))) {
      throw Py.TypeError("ufunc '" + name + "' did not contain a loop with signature matching types bool");
    }
    if (kind == Kind.BOOL && name.equals("square")) {
      return array.cast(Dtype.INT8);
    }
    if (FLOATS.containsKey(name)) {
      return mapped(array, FLOATS.get(name)).cast(floating(dtype)).reshape(array.shape());
    }
    return null;
  }

  /** The float that holds the results of functions of these numbers. */
  static Dtype floating(Dtype dtype) {
    if (dtype.kind() == Kind.FLOAT) {
      return plain(dtype);
    }
    return Dtype.of("f" + Math.max(2, Math.min(8, 2 * dtype.itemsize())));
  }

  private static Dtype plain(Dtype dtype) {
    return Promotion.promote(dtype, dtype);
  }

  private static NDArray mapped(NDArray array, DoubleUnaryOperator function) {
    double[] values = array.toDoubles();
    for (int i = 0; i < values.length; i++) {
      values[i] = function.applyAsDouble(values[i]);
    }
    return NDArray.of(values, values.length);
  }

  private static NDArray integers(String name, NDArray array) {
    long[] values = array.toLongs();
    boolean unsigned = array.dtype().kind() == Kind.UINT;
    for (int i = 0; i < values.length; i++) {
      long value = values[i];
      switch (name) {
        case "absolute":
          values[i] = unsigned ? value : Math.abs(value);
          break;
        case "sign":
          values[i] = unsigned ? (value == 0 ? 0 : 1) : Long.signum(value);
          break;
        case "square":
          values[i] = value * value;
          break;
        default:
      }
    }
    return NDArray.of(values, values.length);
  }
}
