package org.ndferry;

/** The order of the bytes in a number. */
public enum ByteOrder {
  /** {@code <}: least significant first. */
  LITTLE('<'),
  /** {@code >}: most significant first. */
  BIG('>'),
  /** {@code |}: one byte, or no number at all. */
  NONE('|');

  private final char code;

  ByteOrder(char code) {
    this.code = code;
  }

  /**
   * NumPy's letter for it.
   *
   * @return {@code <}, {@code >} or {@code |}
   */
  public char code() {
    return code;
  }
}
