package org.ndferry;

import java.nio.ByteBuffer;

/** Bytes that are read one field after the other, with their place in the input for errors. Little-endian. */
final class Cursor {
  private final ByteBuffer bytes;
  private final long start;

  Cursor(byte[] bytes, int from, long start) {
    this.bytes = ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    this.bytes.position(from);
    this.start = start - from;
  }

  long offset() {
    return start + bytes.position();
  }

  int at() {
    return bytes.position();
  }

  long left() {
    return bytes.remaining();
  }

  NdferryException wrong(String problem) {
    return NdferryException.format(offset(), problem);
  }

  private void need(long n) throws NdferryException {
    if (n < 0 || n > bytes.remaining()) {
      String problem = "cut off: " + Long.toUnsignedString(n) + " bytes are needed, but ";
      throw wrong(problem + bytes.remaining() + " are left");
    }
  }

  int u8() throws NdferryException {
    need(1);
    return bytes.get() & 0xff;
  }

  int u16() throws NdferryException {
    need(2);
    return bytes.getShort() & 0xffff;
  }

  int i32() throws NdferryException {
    need(4);
    return bytes.getInt();
  }

  long u32() throws NdferryException {
    return i32() & 0xffffffffL;
  }

  /** The bits of an unsigned number; above 2^63 they are negative. */
  long u64() throws NdferryException {
    need(8);
    return bytes.getLong();
  }

  byte[] take(long n) throws NdferryException {
    need(n);
    byte[] out = new byte[(int) n];
    bytes.get(out);
    return out;
  }

  void skip(long n) throws NdferryException {
    need(n);
    bytes.position(bytes.position() + (int) n);
  }

  /** So many numbers that must be below 2^63. */
  long[] sizes(long n) throws NdferryException {
    need(n > Integer.MAX_VALUE / 8 ? Long.MAX_VALUE : n * 8);
    long[] out = new long[(int) n];
    for (int i = 0; i < out.length; i++) {
      out[i] = u64();
      if (out[i] < 0) {
        throw wrong("a size of 2^63 or more");
      }
    }
    return out;
  }

  void end() throws NdferryException {
    if (bytes.hasRemaining()) {
      throw wrong(bytes.remaining() + " bytes too many");
    }
  }
}
