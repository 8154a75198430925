package org.ndferry;

import java.io.ByteArrayOutputStream;

/** Bytes that are written one field after the other. Little-endian. */
final class Packet {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  private Packet number(long value, int width) {
    for (int i = 0; i < width; i++) {
      out.write((int) (value >>> 8 * i));
    }
    return this;
  }

  Packet u8(int value) {
    return number(value, 1);
  }

  Packet u16(int value) {
    return number(value, 2);
  }

  Packet u32(long value) {
    return number(value, 4);
  }

  Packet u64(long value) {
    return number(value, 8);
  }

  Packet u64s(long[] values) {
    for (long value : values) {
      u64(value);
    }
    return this;
  }

  Packet bytes(byte[] bytes) {
    out.write(bytes, 0, bytes.length);
    return this;
  }

  byte[] toBytes() {
    return out.toByteArray();
  }
}
