package org.ndferry;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Single elements, from bytes to Java's numbers and text, and back. */
final class Values {
  private Values() {}

  private static boolean isBig(Dtype dtype) {
    return dtype.byteOrder() == ByteOrder.BIG;
  }

  /** A number as a double; of a complex one the real part. */
  static double toDouble(Bytes bytes, long at, Dtype dtype) {
    int n = dtype.itemsize();
    switch (dtype.kind()) {
      case FLOAT:
        return real(bytes, at, n, isBig(dtype));
      case COMPLEX:
        return real(bytes, at, n / 2, isBig(dtype));
      case UINT:
        long bits = bytes.bits(at, n, isBig(dtype));
        // Halved with the lost bit kept, so that it is rounded once.
        return bits >= 0 ? bits : (double) (bits >>> 1 | bits & 1) * 2;
      default:
        return toLong(bytes, at, dtype);
    }
  }

  /** The imaginary part of a complex number. */
  static double imaginary(Bytes bytes, long at, Dtype dtype) {
    int half = dtype.itemsize() / 2;
    return real(bytes, at + half, half, isBig(dtype));
  }

  private static double real(Bytes bytes, long at, int width, boolean big) {
    switch (width) {
      case 2:
        return half((int) bytes.bits(at, 2, big));
      case 4:
        return Float.intBitsToFloat((int) bytes.bits(at, 4, big));
      case 8:
        return Double.longBitsToDouble(bytes.bits(at, 8, big));
      default:
        return extended(bytes, at, width, big);
    }
  }

  /** An x87 number of 80 bits in 12 or 16 bytes, rounded to a double. */
  private static double extended(Bytes bytes, long at, int width, boolean big) {
    if (big) {
      throw new UnsupportedOperationException("big-endian long doubles have no known layout");
    }
    long mantissa = bytes.bits(at, 8, false);
    int head = (int) bytes.bits(at + 8, 2, false);
    int exponent = head & 0x7fff;
    double sign = head > 0x7fff ? -1 : 1;
    if (exponent == 0x7fff) {
      return mantissa << 1 == 0 ? sign * Double.POSITIVE_INFINITY : Double.NaN;
    }
    if (mantissa == 0) {
      return sign * 0.0;
    }
    java.math.BigDecimal value = new java.math.BigDecimal(new BigInteger(1, bigEndian(mantissa)));
    int shift = exponent - 16383 - 63;
    if (shift < -1200) {
      return sign * 0.0;
    }
    if (shift > 1024) {
      return sign * Double.POSITIVE_INFINITY;
    }
    java.math.BigDecimal two = java.math.BigDecimal.valueOf(2);
    value = shift >= 0 ? value.multiply(two.pow(shift)) : value.divide(two.pow(-shift));
    return sign * value.doubleValue();
  }

  private static byte[] bigEndian(long bits) {
    byte[] out = new byte[8];
    for (int i = 0; i < 8; i++) {
      out[i] = (byte) (bits >>> 56 - 8 * i);
    }
    return out;
  }

  /** IEEE's number of 16 bits. */
  static float half(int bits) {
    int exponent = bits >> 10 & 0x1f;
    int mantissa = bits & 0x3ff;
    float size;
    if (exponent == 0x1f) {
      size = mantissa == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
    } else if (exponent == 0) {
      size = mantissa * 0x1p-24f;
    } else {
      size = (mantissa | 0x400) * (float) Math.pow(2, exponent - 25);
    }
    return bits >> 15 == 0 ? size : -size;
  }

  /** The nearest number of 16 bits, ties to even. */
  static int toHalf(double value) {
    int sign = Double.doubleToRawLongBits(value) < 0 ? 0x8000 : 0;
    double size = Math.abs(value);
    if (Double.isNaN(value)) {
      return sign | 0x7e00;
    }
    if (size >= 65520) {
      return sign | 0x7c00;
    }
    if (size < 0x1p-14) {
      return sign | (int) Math.rint(size * 0x1p24);
    }
    int exponent = Math.getExponent(size);
    int mantissa = (int) Math.rint(Math.scalb(size, 10 - exponent)); // 0x400 to 0x800
    return sign | ((exponent + 15 << 10) + mantissa - 0x400);
  }

  /** An integer, a bool or ticks; a float is cut off towards zero. Unsigned 64-bit numbers keep their bits. */
  static long toLong(Bytes bytes, long at, Dtype dtype) {
    int n = dtype.itemsize();
    switch (dtype.kind()) {
      case BOOL:
        return bytes.get(at) != 0 ? 1 : 0;
      case UINT:
        return bytes.bits(at, n, isBig(dtype));
      case INT:
      case DATETIME:
      case TIMEDELTA:
        int spare = 64 - 8 * n;
        return bytes.bits(at, n, isBig(dtype)) << spare >> spare;
      case FLOAT:
      case COMPLEX:
        return (long) toDouble(bytes, at, dtype);
      default:
        throw new UnsupportedOperationException(dtype.str() + " is not a number");
    }
  }

  static void putLong(Bytes bytes, long at, Dtype dtype, long value) {
    switch (dtype.kind()) {
      case BOOL:
        bytes.putBits(at, 1, false, value != 0 ? 1 : 0);
        break;
      case INT:
      case UINT:
      case DATETIME:
      case TIMEDELTA:
        bytes.putBits(at, dtype.itemsize(), isBig(dtype), value);
        break;
      default:
        putDouble(bytes, at, dtype, value);
    }
  }

  static void putDouble(Bytes bytes, long at, Dtype dtype, double value) {
    int n = dtype.itemsize();
    boolean big = isBig(dtype);
    switch (dtype.kind()) {
      case FLOAT:
        putReal(bytes, at, n, big, value);
        break;
      case COMPLEX:
        putReal(bytes, at, n / 2, big, value);
        putReal(bytes, at + n / 2, n / 2, big, 0);
        break;
      case BOOL:
        bytes.putBits(at, 1, false, value != 0 ? 1 : 0);
        break;
      default:
        putLong(bytes, at, dtype, (long) value);
    }
  }

  static void putComplex(Bytes bytes, long at, Dtype dtype, double real, double imaginary) {
    int half = dtype.itemsize() / 2;
    putReal(bytes, at, half, isBig(dtype), real);
    putReal(bytes, at + half, half, isBig(dtype), imaginary);
  }

  private static void putReal(Bytes bytes, long at, int width, boolean big, double value) {
    if (width == 2) {
      bytes.putBits(at, 2, big, toHalf(value));
    } else if (width == 4) {
      bytes.putBits(at, 4, big, Float.floatToRawIntBits((float) value));
    } else if (width == 8) {
      bytes.putBits(at, 8, big, Double.doubleToRawLongBits(value));
    } else {
      throw new UnsupportedOperationException("long doubles are only read");
    }
  }

  /** The text of {@code S} (as Latin-1) and {@code U} elements, without the NULs at its end. */
  static String toText(Bytes bytes, long at, Dtype dtype) {
    if (dtype.kind() == Dtype.Kind.BYTES) {
      byte[] raw = trimmed(bytes, at, dtype.itemsize());
      return new String(raw, StandardCharsets.ISO_8859_1);
    }
    if (dtype.kind() != Dtype.Kind.UNICODE) {
      throw new UnsupportedOperationException(dtype.str() + " is not text");
    }
    StringBuilder out = new StringBuilder();
    int length = dtype.itemsize() / 4;
    while (length > 0 && bytes.bits(at + 4L * (length - 1), 4, false) == 0) {
      length--;
    }
    for (int i = 0; i < length; i++) {
      long c = bytes.bits(at + 4L * i, 4, isBig(dtype));
      out.appendCodePoint(c <= Character.MAX_CODE_POINT ? (int) c : 0xfffd);
    }
    return out.toString();
  }

  static byte[] trimmed(Bytes bytes, long at, int n) {
    int length = n;
    while (length > 0 && bytes.get(at + length - 1) == 0) {
      length--;
    }
    return bytes.get(at, length);
  }

  static void putText(Bytes bytes, long at, Dtype dtype, String text) {
    int n = dtype.itemsize();
    if (dtype.kind() == Dtype.Kind.BYTES) {
      byte[] raw = text.getBytes(StandardCharsets.ISO_8859_1);
      for (int i = 0; i < n; i++) {
        bytes.putBits(at + i, 1, false, i < raw.length ? raw[i] : 0);
      }
      return;
    }
    if (dtype.kind() != Dtype.Kind.UNICODE) {
      throw new UnsupportedOperationException(dtype.str() + " is not text");
    }
    int[] points = text.codePoints().toArray();
    for (int i = 0; i < n / 4; i++) {
      bytes.putBits(at + 4L * i, 4, isBig(dtype), i < points.length ? points[i] : 0);
    }
  }

  /**
   * An element as Java has it: {@link Boolean}, {@link Long}, {@link BigInteger} (unsigned 64-bit), {@link Double},
   * {@code double[2]} (complex), {@link String}, {@code byte[]} ({@code S} and {@code V}), or a {@link List} of a
   * struct's fields.
   */
  static Object toObject(Bytes bytes, long at, Dtype dtype) {
    if (dtype.isStruct()) {
      List<Object> values = new ArrayList<>();
      for (Dtype.Field field : dtype.fields()) {
        values.add(toObject(bytes, at + field.offset(), field.dtype()));
      }
      return values;
    }
    if (dtype.base() != dtype) {
      List<Object> values = new ArrayList<>();
      int step = dtype.base().itemsize();
      long count = Shapes.size(dtype.subshape());
      for (long i = 0; i < count; i++) {
        values.add(toObject(bytes, at + i * step, dtype.base()));
      }
      return values;
    }
    switch (dtype.kind()) {
      case BOOL:
        return bytes.get(at) != 0;
      case UINT:
        long bits = toLong(bytes, at, dtype);
        return bits >= 0 && dtype.itemsize() < 8 ? (Object) bits : new BigInteger(1, bigEndian(bits));
      case INT:
      case DATETIME:
      case TIMEDELTA:
        return toLong(bytes, at, dtype);
      case FLOAT:
        return toDouble(bytes, at, dtype);
      case COMPLEX:
        return new double[] {toDouble(bytes, at, dtype), imaginary(bytes, at, dtype)};
      case UNICODE:
        return toText(bytes, at, dtype);
      case BYTES:
        return trimmed(bytes, at, dtype.itemsize());
      case VOID:
        return bytes.get(at, dtype.itemsize());
      default:
        throw new UnsupportedOperationException("Python objects have no value here");
    }
  }
}
