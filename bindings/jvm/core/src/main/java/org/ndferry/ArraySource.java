package org.ndferry;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Elements that are sent as they are made, for those who do not have them as {@link NDArray}. */
public interface ArraySource {
  /**
   * The next elements in C order.
   *
   * @param at bytes from the first element of the array
   * @param out to be filled to its limit
   * @throws IOException if they cannot be had any more; the transfer breaks off
   */
  void fill(long at, ByteBuffer out) throws IOException;
}
