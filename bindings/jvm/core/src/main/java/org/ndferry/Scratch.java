package org.ndferry;

import java.nio.ByteBuffer;

/** Memory outside of Java's for one block, which each thread has once: what is let go of there is not soon given back. */
final class Scratch {
  /** A block of the usual length, as a DATA message has it. */
  static final int NBYTES = NpbWriter.BLOCK + NpbBlock.SUBHEAD_NBYTES;

  private static final ThreadLocal<ByteBuffer> OWN =
      ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(NBYTES));

  private Scratch() {}

  /** Room for so many bytes, valid until this thread asks again. */
  static ByteBuffer of(long nbytes) {
    if (nbytes > NBYTES) {
      return ByteBuffer.allocateDirect(Math.toIntExact(nbytes));
    }
    ByteBuffer room = OWN.get();
    room.clear();
    room.limit((int) nbytes);
    return room.slice();
  }
}
