package org.ndferry;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** What is said to the native library beside elements, and what it says: {@code packet.rs} is the other side. */
final class NativePacket {
  /** What the library said. */
  static final class Reader {
    private final ByteBuffer bytes;

    Reader(byte[] bytes) {
      this.bytes = ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    }

    int u8() {
      return bytes.get() & 0xff;
    }

    long number() {
      return bytes.getLong();
    }

    double real() {
      return bytes.getDouble();
    }

    int count() {
      return Math.toIntExact(bytes.getLong());
    }

    long[] numbers() {
      long[] numbers = new long[count()];
      for (int i = 0; i < numbers.length; i++) {
        numbers[i] = bytes.getLong();
      }
      return numbers;
    }

    boolean hasMore() {
      return bytes.hasRemaining();
    }

    int[] counts() {
      int[] counts = new int[count()];
      for (int i = 0; i < counts.length; i++) {
        counts[i] = count();
      }
      return counts;
    }

    byte[] bytes() {
      byte[] out = new byte[count()];
      bytes.get(out);
      return out;
    }

    String text() {
      return new String(bytes(), StandardCharsets.UTF_8);
    }
  }

  private final ByteArrayOutputStream out = new ByteArrayOutputStream(128);

  NativePacket u8(int value) {
    out.write(value);
    return this;
  }

  NativePacket number(long value) {
    for (int i = 0; i < 8; i++) {
      out.write((int) (value >>> 8 * i));
    }
    return this;
  }

  NativePacket real(double value) {
    return number(Double.doubleToRawLongBits(value));
  }

  NativePacket numbers(long[] values) {
    number(values.length);
    for (long value : values) {
      number(value);
    }
    return this;
  }

  NativePacket bytes(byte[] bytes) {
    number(bytes.length);
    out.write(bytes, 0, bytes.length);
    return this;
  }

  NativePacket text(String text) {
    return bytes(text.getBytes(StandardCharsets.UTF_8));
  }

  byte[] toBytes() {
    return out.toByteArray();
  }
}
