package org.ndferry.jython;

import java.math.BigInteger;
import java.util.Map;
import org.ndferry.Functions;
import org.ndferry.NDArray;
import org.ndferry.Natives;
import org.python.core.Py;
import org.python.core.PyBoolean;
import org.python.core.PyComplex;
import org.python.core.PyException;
import org.python.core.PyFloat;
import org.python.core.PyInteger;
import org.python.core.PyList;
import org.python.core.PyLong;
import org.python.core.PyObject;

/** Functions by name: those of the native library, or without it the few that are written in Java. */
public final class Compute {
  private Compute() {}

  /**
   * Whether all functions are there.
   *
   * @return false without the native library
   */
  public static boolean isComplete() {
    return Natives.isAvailable();
  }

  /**
   * What a function gives.
   *
   * @param name as NumPy calls it
   * @param operands arrays of Java, and numbers of Python, which have no dtype of their own
   * @param options axis, keepdims and the like
   * @param json the same as JSON
   * @return at least one array
   */
  public static NDArray[] call(String name, PyList operands, Map<String, Object> options, String json) {
    Object[] given = new Object[operands.__len__()];
    for (int i = 0; i < given.length; i++) {
      given[i] = operand(operands.__getitem__(i));
    }
    if (!Natives.isAvailable()) {
      return Guard.of(() -> new NDArray[] {Basic.call(name, given, options)});
    }
    try {
      return Functions.call(name, given, json);
    } catch (IllegalArgumentException error) {
      // It says which of NumPy's it is.
      throw error;
    } catch (UnsupportedOperationException error) {
      throw new PyException(Py.NotImplementedError, "numpy." + name + ": " + error.getMessage());
    } catch (RuntimeException error) {
      throw Guard.asPython(error);
    }
  }

  private static Object operand(PyObject object) {
    if (object instanceof PyBoolean) {
      return object.__nonzero__();
    }
    if (object instanceof PyInteger) {
      return (long) ((PyInteger) object).getValue();
    }
    if (object instanceof PyLong) {
      BigInteger value = ((PyLong) object).getValue();
      return value.bitLength() < 64 ? (Object) value.longValue() : value;
    }
    if (object instanceof PyFloat) {
      return ((PyFloat) object).getValue();
    }
    if (object instanceof PyComplex) {
      return new double[] {((PyComplex) object).real, ((PyComplex) object).imag};
    }
    return object.__tojava__(NDArray.class);
  }
}
