package org.ndferry;

/**
 * How arrays are printed ({@code numpy.set_printoptions}). Numbers alone are printed in full, whatever these say.
 *
 * <pre>{@code
 * PrintOptions.set(PrintOptions.DEFAULT.withPrecision(3).withSuppress(true));
 * }</pre>
 */
public final class PrintOptions {
  /** What NumPy begins with: 8 digits, 1000 elements, 3 at the edges, 75 characters. */
  public static final PrintOptions DEFAULT = new PrintOptions(8, 1000, 3, 75, false);

  private static volatile PrintOptions current = DEFAULT;

  private final int precision;
  private final int threshold;
  private final int edgeItems;
  private final int lineWidth;
  private final boolean suppress;

  private PrintOptions(int precision, int threshold, int edgeItems, int lineWidth, boolean suppress) {
    this.precision = notNegative(precision, "precision");
    this.threshold = notNegative(threshold, "threshold");
    this.edgeItems = notNegative(edgeItems, "edgeitems");
    this.lineWidth = notNegative(lineWidth, "linewidth");
    this.suppress = suppress;
  }

  private static int notNegative(int value, String name) {
    if (value < 0) {
      throw new IllegalArgumentException(name + " must not be negative: " + value);
    }
    return value;
  }

  /** @return those that arrays are printed by now */
  public static PrintOptions current() {
    return current;
  }

  /**
   * Prints by these from now on, in all threads.
   *
   * @param options not null
   */
  public static void set(PrintOptions options) {
    current = java.util.Objects.requireNonNull(options);
  }

  /** @return the most digits after the point */
  public int precision() {
    return precision;
  }

  /** @return the most elements that are all shown */
  public int threshold() {
    return threshold;
  }

  /** @return how many are shown at each end of an axis of arrays with more */
  public int edgeItems() {
    return edgeItems;
  }

  /** @return characters of a line */
  public int lineWidth() {
    return lineWidth;
  }

  /** @return whether small numbers are shown without an exponent */
  public boolean suppress() {
    return suppress;
  }

  /**
   * @param digits {@link #precision}
   * @return the same otherwise
   */
  public PrintOptions withPrecision(int digits) {
    return new PrintOptions(digits, threshold, edgeItems, lineWidth, suppress);
  }

  /**
   * @param elements {@link #threshold}
   * @return the same otherwise
   */
  public PrintOptions withThreshold(int elements) {
    return new PrintOptions(precision, elements, edgeItems, lineWidth, suppress);
  }

  /**
   * @param elements {@link #edgeItems}
   * @return the same otherwise
   */
  public PrintOptions withEdgeItems(int elements) {
    return new PrintOptions(precision, threshold, elements, lineWidth, suppress);
  }

  /**
   * @param characters {@link #lineWidth}
   * @return the same otherwise
   */
  public PrintOptions withLineWidth(int characters) {
    return new PrintOptions(precision, threshold, edgeItems, characters, suppress);
  }

  /**
   * @param small {@link #suppress}
   * @return the same otherwise
   */
  public PrintOptions withSuppress(boolean small) {
    return new PrintOptions(precision, threshold, edgeItems, lineWidth, small);
  }
}
