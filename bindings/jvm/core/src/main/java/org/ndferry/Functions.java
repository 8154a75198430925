package org.ndferry;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * NumPy's functions of arrays: arithmetic, reductions, sorting, joining, products. They need the native library.
 *
 * <p>Operands are arrays, of any strides and byte order, and numbers: {@link Boolean}, {@link Long} and its like, {@link
 * java.math.BigInteger}, {@link Double}, {@code double[2]} for a complex one. Numbers take the dtype of the arrays beside
 * them, as Python's do in NumPy 2; shapes are broadcast; results are new arrays, without axes where NumPy gives a scalar.
 * All of them throw {@link FunctionException}, and {@link UnsupportedOperationException} without the library. No array may be
 * changed by another thread meanwhile.
 *
 * <pre>{@code
 * NDArray flat = Functions.divide(image, Functions.mean(stack, 0));
 * NDArray[] counted = Functions.call("unique", Collections.singletonMap("return_counts", true), labels);
 * }</pre>
 */
public final class Functions {
  private Functions() {}

  /**
   * Any function by NumPy's name.
   *
   * @param name as in NumPy, {@code linalg.} before those of {@code numpy.linalg}
   * @param operands arrays and numbers
   * @param optionsJson what are keyword arguments in Python, as a JSON object: {@code {"axis": 0, "keepdims": true}}; null
   *     or empty for none
   * @return what it gives: most of them one array
   */
  public static NDArray[] call(String name, Object[] operands, String optionsJson) {
    Natives.require("numpy." + name);
    NativeMemory.free();
    NativeArrays.Given given = NativeArrays.write(operands);
    try {
      Object[] results =
          NativeCalls.call(
              name,
              given.packet.toBytes(),
              given.direct.toArray(new ByteBuffer[0]),
              given.heap.toArray(new byte[0][]),
              optionsJson == null ? "" : optionsJson);
      return NativeArrays.read(results);
    } catch (IOException error) {
      throw new IllegalStateException(error.getMessage(), error);
    }
  }

  /**
   * Any function, without options.
   *
   * @param name as in NumPy
   * @param operands arrays and numbers
   * @return what it gives
   */
  public static NDArray[] call(String name, Object... operands) {
    return call(name, operands, "");
  }

  /**
   * Any function, with options.
   *
   * @param name as in NumPy
   * @param options what are keyword arguments in Python
   * @param operands arrays and numbers
   * @return what it gives
   */
  public static NDArray[] call(String name, Map<String, ?> options, Object... operands) {
    return call(name, operands, options.isEmpty() ? "" : Json.write(options));
  }

  /**
   * The names of all functions.
   *
   * @return as {@link #call} takes them
   */
  public static List<String> names() {
    Natives.require("Functions.names");
    NativePacket.Reader in = new NativePacket.Reader(NativeCalls.functions());
    List<String> names = new ArrayList<>();
    for (int left = in.count(); left > 0; left--) {
      names.add(in.text());
    }
    return Collections.unmodifiableList(names);
  }

  private static NDArray one(String name, Object... operands) {
    return call(name, operands, "")[0];
  }

  private static NDArray along(String name, NDArray array, int[] axes) {
    if (axes.length == 0) {
      return one(name, array);
    }
    Map<String, Object> options = new LinkedHashMap<>();
    List<Long> list = new ArrayList<>();
    for (int axis : axes) {
      list.add((long) axis);
    }
    options.put("axis", list.size() == 1 ? list.get(0) : list);
    return call(name, options, array)[0];
  }

  /**
   * The sum.
   *
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray add(Object a, Object b) {
    return one("add", a, b);
  }

  /**
   * The difference.
   *
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray subtract(Object a, Object b) {
    return one("subtract", a, b);
  }

  /**
   * The product, element by element.
   *
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray multiply(Object a, Object b) {
    return one("multiply", a, b);
  }

  /**
   * The quotient, as floats.
   *
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray divide(Object a, Object b) {
    return one("divide", a, b);
  }

  /**
   * The quotient, rounded down.
   *
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray floorDivide(Object a, Object b) {
    return one("floor_divide", a, b);
  }

  /**
   * What division leaves, with the divisor's sign.
   *
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray remainder(Object a, Object b) {
    return one("remainder", a, b);
  }

  /**
   * The first to the power of the second.
   *
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray power(Object a, Object b) {
    return one("power", a, b);
  }

  /**
   * The larger of each two; NaN where one is.
   *
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray maximum(Object a, Object b) {
    return one("maximum", a, b);
  }

  /**
   * The smaller of each two; NaN where one is.
   *
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray minimum(Object a, Object b) {
    return one("minimum", a, b);
  }

  /**
   * Where they are equal.
   *
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray equal(Object a, Object b) {
    return one("equal", a, b);
  }

  /**
   * Where they are not equal.
   *
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray notEqual(Object a, Object b) {
    return one("not_equal", a, b);
  }

  /**
   * Where the first is less.
   *
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray less(Object a, Object b) {
    return one("less", a, b);
  }

  /**
   * Where the first is less or equal.
   *
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray lessEqual(Object a, Object b) {
    return one("less_equal", a, b);
  }

  /**
   * Where the first is greater.
   *
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray greater(Object a, Object b) {
    return one("greater", a, b);
  }

  /**
   * Where the first is greater or equal.
   *
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray greaterEqual(Object a, Object b) {
    return one("greater_equal", a, b);
  }

  /**
   * Each with the other sign.
   *
   * @param a an array or a number
   * @return a new array
   */
  public static NDArray negative(Object a) {
    return one("negative", a);
  }

  /**
   * Each without its sign.
   *
   * @param a an array or a number
   * @return a new array
   */
  public static NDArray absolute(Object a) {
    return one("absolute", a);
  }

  /**
   * Square roots.
   *
   * @param a an array or a number
   * @return a new array
   */
  public static NDArray sqrt(Object a) {
    return one("sqrt", a);
  }

  /**
   * Powers of e.
   *
   * @param a an array or a number
   * @return a new array
   */
  public static NDArray exp(Object a) {
    return one("exp", a);
  }

  /**
   * Natural logarithms.
   *
   * @param a an array or a number
   * @return a new array
   */
  public static NDArray log(Object a) {
    return one("log", a);
  }

  /**
   * Sines of radians.
   *
   * @param a an array or a number
   * @return a new array
   */
  public static NDArray sin(Object a) {
    return one("sin", a);
  }

  /**
   * Cosines of radians.
   *
   * @param a an array or a number
   * @return a new array
   */
  public static NDArray cos(Object a) {
    return one("cos", a);
  }

  /**
   * Tangents of radians.
   *
   * @param a an array or a number
   * @return a new array
   */
  public static NDArray tan(Object a) {
    return one("tan", a);
  }

  /**
   * Each rounded down.
   *
   * @param a an array or a number
   * @return a new array
   */
  public static NDArray floor(Object a) {
    return one("floor", a);
  }

  /**
   * Each rounded up.
   *
   * @param a an array or a number
   * @return a new array
   */
  public static NDArray ceil(Object a) {
    return one("ceil", a);
  }

  /**
   * Where there is no number.
   *
   * @param a an array or a number
   * @return a new array
   */
  public static NDArray isnan(Object a) {
    return one("isnan", a);
  }

  /**
   * Sums.
   *
   * @param array of any dtype that has such
   * @param axes over which; all if left out
   * @return the array without those axes
   */
  public static NDArray sum(NDArray array, int... axes) {
    return along("sum", array, axes);
  }

  /**
   * Products.
   *
   * @param array of any dtype that has such
   * @param axes over which; all if left out
   * @return the array without those axes
   */
  public static NDArray prod(NDArray array, int... axes) {
    return along("prod", array, axes);
  }

  /**
   * Means.
   *
   * @param array of any dtype that has such
   * @param axes over which; all if left out
   * @return the array without those axes
   */
  public static NDArray mean(NDArray array, int... axes) {
    return along("mean", array, axes);
  }

  /**
   * Standard deviations.
   *
   * @param array of any dtype that has such
   * @param axes over which; all if left out
   * @return the array without those axes
   */
  public static NDArray std(NDArray array, int... axes) {
    return along("std", array, axes);
  }

  /**
   * Variances.
   *
   * @param array of any dtype that has such
   * @param axes over which; all if left out
   * @return the array without those axes
   */
  public static NDArray var(NDArray array, int... axes) {
    return along("var", array, axes);
  }

  /**
   * The least of all.
   *
   * @param array of any dtype that has such
   * @param axes over which; all if left out
   * @return the array without those axes
   */
  public static NDArray min(NDArray array, int... axes) {
    return along("min", array, axes);
  }

  /**
   * The greatest of all.
   *
   * @param array of any dtype that has such
   * @param axes over which; all if left out
   * @return the array without those axes
   */
  public static NDArray max(NDArray array, int... axes) {
    return along("max", array, axes);
  }

  /**
   * Whether any is not zero.
   *
   * @param array of any dtype that has such
   * @param axes over which; all if left out
   * @return the array without those axes
   */
  public static NDArray any(NDArray array, int... axes) {
    return along("any", array, axes);
  }

  /**
   * Whether all are not zero.
   *
   * @param array of any dtype that has such
   * @param axes over which; all if left out
   * @return the array without those axes
   */
  public static NDArray all(NDArray array, int... axes) {
    return along("all", array, axes);
  }

  /**
   * Medians.
   *
   * @param array of any dtype that has such
   * @param axes over which; all if left out
   * @return the array without those axes
   */
  public static NDArray median(NDArray array, int... axes) {
    return along("median", array, axes);
  }

  /**
   * Each row along an axis, sorted, NaN last.
   *
   * @param array of any dtype that has such
   * @param axis from 0 on, or from -1 backwards
   * @return a new array
   */
  public static NDArray sort(NDArray array, int axis) {
    return along("sort", array, new int[] {axis});
  }

  /**
   * Where the elements of each row along an axis are in order.
   *
   * @param array of any dtype that has such
   * @param axis from 0 on, or from -1 backwards
   * @return a new array
   */
  public static NDArray argsort(NDArray array, int axis) {
    return along("argsort", array, new int[] {axis});
  }

  /**
   * Where the least along an axis is.
   *
   * @param array of any dtype that has such
   * @param axis from 0 on, or from -1 backwards
   * @return a new array
   */
  public static NDArray argmin(NDArray array, int axis) {
    return along("argmin", array, new int[] {axis});
  }

  /**
   * Where the greatest along an axis is.
   *
   * @param array of any dtype that has such
   * @param axis from 0 on, or from -1 backwards
   * @return a new array
   */
  public static NDArray argmax(NDArray array, int axis) {
    return along("argmax", array, new int[] {axis});
  }

  /**
   * Sums so far along an axis.
   *
   * @param array of any dtype that has such
   * @param axis from 0 on, or from -1 backwards
   * @return a new array
   */
  public static NDArray cumsum(NDArray array, int axis) {
    return along("cumsum", array, new int[] {axis});
  }

  /**
   * From one array where the condition holds, from the other elsewhere.
   *
   * @param condition of bools
   * @param a an array or a number
   * @param b an array or a number
   * @return a new array
   */
  public static NDArray where(NDArray condition, Object a, Object b) {
    return one("where", condition, a, b);
  }

  /**
   * Arrays one behind the other.
   *
   * @param axis along which
   * @param arrays equal in all other extents
   * @return a new array
   */
  public static NDArray concatenate(int axis, NDArray... arrays) {
    return call("concatenate", Collections.singletonMap("axis", (long) axis), (Object[]) arrays)[0];
  }

  /**
   * The product of matrices, or of stacks of them.
   *
   * @param a of shape (..., n, k)
   * @param b of shape (..., k, m)
   * @return of shape (..., n, m)
   */
  public static NDArray matmul(NDArray a, NDArray b) {
    return one("matmul", a, b);
  }
}
