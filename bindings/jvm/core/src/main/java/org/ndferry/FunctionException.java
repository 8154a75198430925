package org.ndferry;

/** Why a function of arrays has no result; NumPy raises an exception of the same meaning there. */
public final class FunctionException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  /** Which exception NumPy raises. */
  public enum Kind {
    /** Shapes that do not go together, values that make no sense. */
    VALUE("ValueError"),
    /** Dtypes that the function is not for, operands and options that it does not have. */
    TYPE("TypeError"),
    /** An index outside of its axis. */
    INDEX("IndexError"),
    /** An axis that the array does not have. */
    AXIS("AxisError"),
    /** A matrix that has no inverse, or is not of the kind that is needed. */
    LINALG("LinAlgError"),
    /** A number that the dtype does not hold. */
    OVERFLOW("OverflowError"),
    /** More memory than there is. */
    MEMORY("MemoryError"),
    /** There is no such function. */
    ATTRIBUTE("AttributeError");

    private final String python;

    Kind(String python) {
      this.python = python;
    }

    /**
     * The name of the exception in Python.
     *
     * @return without its module
     */
    public String python() {
      return python;
    }
  }

  /** Which one. */
  private final Kind kind;

  FunctionException(Kind kind, String message) {
    super(message);
    this.kind = kind;
  }

  /**
   * Which exception NumPy raises.
   *
   * @return never null
   */
  public Kind kind() {
    return kind;
  }
}
