package org.ndferry.jython;

import java.io.IOException;
import java.util.concurrent.Callable;
import org.ndferry.NdferryException;
import org.python.core.Py;
import org.python.core.PyException;

/** Java's exceptions as those that NumPy raises. */
public final class Guard {
  private Guard() {}

  /** What {@code work} gives. */
  static <T> T of(Callable<T> work) {
    try {
      return work.call();
    } catch (PyException error) {
      throw error;
    } catch (Exception error) {
      throw asPython(error);
    }
  }

  /**
   * Throws the exception of Python's for one of Java's.
   *
   * @param error what was thrown
   */
  public static void rethrow(Exception error) {
    throw asPython(error);
  }

  static PyException asPython(Exception error) {
    String text = String.valueOf(error.getMessage());
    if (error instanceof PyException) {
      return (PyException) error;
    }
    if (error instanceof IndexOutOfBoundsException) {
      return Py.IndexError(text);
    }
    if (error instanceof NdferryException || error instanceof IllegalArgumentException) {
      return Py.ValueError(text);
    }
    if (error instanceof UnsupportedOperationException) {
      return Py.TypeError(text);
    }
    if (error instanceof IOException) {
      return Py.IOError((IOException) error);
    }
    return Py.JavaError(error);
  }
}
