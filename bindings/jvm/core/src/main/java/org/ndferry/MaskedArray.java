package org.ndferry;

/** A masked array of NumPy. */
public final class MaskedArray {
  private final NDArray data;
  private final NDArray mask;
  private Object fillValue;

  private MaskedArray(NDArray data, NDArray mask) {
    this.data = data;
    this.mask = mask;
  }

  /** One whose fill value comes later. */
  static MaskedArray unfinished(NDArray data, NDArray mask) {
    return new MaskedArray(data, mask);
  }

  void finish(Object value) {
    fillValue = value;
  }

  /**
   * The values, those behind the mask included.
   *
   * @return an array
   */
  public NDArray data() {
    return data;
  }

  /**
   * Where there is no value.
   *
   * @return an array of bools, or of a bool for each field
   */
  public NDArray mask() {
    return mask;
  }

  /**
   * What stands for values that are not there.
   *
   * @return null if nothing was said
   */
  public Object fillValue() {
    return fillValue;
  }
}
