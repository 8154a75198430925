package org.ndferry;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Where the elements of arrays go as they come, for those who do not want them as {@link NDArray}. */
public interface ArraySink {
  /**
   * An array begins.
   *
   * @param name its name; may be empty
   * @param dtype what each element is
   * @param shape the extent of each axis; of an array that grows, 0 along axis 0
   * @param fortran whether elements come with the first index fastest
   * @throws IOException if it is not wanted: the sender is told the message
   */
  void begin(String name, Dtype dtype, long[] shape, boolean fortran) throws IOException;

  /**
   * Elements, verified, that lie one after the other. Runs come in any order; of an array that grows the last ones may
   * come again, with more behind them.
   *
   * @param at bytes from the first element of the array, in its order
   * @param run valid until this returns
   * @throws IOException if they cannot be taken: the sender is told the message
   */
  void run(long at, ByteBuffer run) throws IOException;

  /**
   * The array is whole.
   *
   * @param shape its final shape
   * @throws IOException if it cannot be taken: the sender is told the message
   */
  void end(long[] shape) throws IOException;
}
