package org.ndferry.jython;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.math.BigInteger;
import java.util.Map;
import org.ndferry.NDArray;
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

  /** The native functions, which another jar may bring. */
  private static final class Native {
    static final Method CALL = find();

    private static Method find() {
      try {
        Class<?> functions = Class.forName("org.ndferry.Functions");
        Method call = functions.getMethod("call", String.class, Object[].class, String.class);
        boolean there = (Boolean) Class.forName("org.ndferry.Natives").getMethod("isAvailable").invoke(null);
        return there ? call : null;
      } catch (ReflectiveOperationException | LinkageError error) {
        return null;
      }
    }
  }

  /**
   * Whether all functions are there.
   *
   * @return false without the native library
   */
  public static boolean isComplete() {
    return Native.CALL != null;
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
    if (Native.CALL == null) {
      return Guard.of(() -> new NDArray[] {Basic.call(name, given, options)});
    }
    try {
      return (NDArray[]) Native.CALL.invoke(null, name, given, json);
    } catch (InvocationTargetException error) {
      throw raised(error.getCause(), name);
    } catch (IllegalAccessException error) {
      throw Py.JavaError(error);
    }
  }

  /** Exceptions that say which of NumPy's they are go on to Python as they are. */
  private static RuntimeException raised(Throwable error, String name) {
    if (error instanceof IllegalArgumentException) {
      return (IllegalArgumentException) error;
    }
    if (error instanceof UnsupportedOperationException) {
      return new PyException(Py.NotImplementedError, "numpy." + name + ": " + error.getMessage());
    }
    return error instanceof Exception ? Guard.asPython((Exception) error) : Py.JavaError(error);
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
