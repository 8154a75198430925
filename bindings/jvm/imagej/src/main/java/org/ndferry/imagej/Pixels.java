package org.ndferry.imagej;

import ij.process.ByteProcessor;
import ij.process.ColorProcessor;
import ij.process.FloatProcessor;
import ij.process.ImageProcessor;
import ij.process.ShortProcessor;
import java.nio.ByteBuffer;
import org.ndferry.Dtype;
import org.ndferry.NDArray;

/** Planes of arrays as ImageJ's pixels, and back. */
enum Pixels {
  /** {@code uint8}, {@code bool} (0 and 255). */
  BYTE(1),
  /** {@code uint16}. */
  SHORT(2),
  /** {@code int16}, {@code int8}: 16-bit with the calibration that takes 32768 off. */
  SIGNED(2),
  /** {@code float32}, and other numbers that are exact in it. */
  FLOAT(4),
  /** {@code uint8} with an axis of three or four samples; the fourth is dropped by ImageJ, so it must be 255. */
  RGB(4);

  final int nbytes;

  Pixels(int nbytes) {
    this.nbytes = nbytes;
  }

  /** What elements of this dtype become. */
  static Pixels of(Dtype dtype, boolean samples) {
    String type = dtype.str().substring(1);
    if (samples) {
      if (!type.equals("u1")) {
        throw new IllegalArgumentException("an S axis needs uint8, not " + dtype.str());
      }
      return RGB;
    }
    switch (type) {
      case "u1":
      case "b1":
        return BYTE;
      case "u2":
        return SHORT;
      case "i2":
      case "i1":
        return SIGNED;
      default:
        break;
    }
    switch (dtype.kind()) {
      case FLOAT:
      case INT:
      case UINT:
        return FLOAT;
      case COMPLEX:
        throw new IllegalArgumentException(
            "ImageJ has no complex pixels; send the magnitude, or real and imaginary part as channels");
      default:
        throw new IllegalArgumentException("ImageJ has no pixels for " + dtype);
    }
  }

  /** A plane (Y, X), or (Y, X, S) for RGB. */
  ImageProcessor processor(NDArray plane, boolean cast) {
    int height = Math.toIntExact(plane.shape()[0]);
    int width = Math.toIntExact(plane.shape()[1]);
    switch (this) {
      case BYTE:
        byte[] bytes = plane.toBytes();
        if (plane.dtype().kind() == Dtype.Kind.BOOL) {
          for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (bytes[i] != 0 ? 255 : 0);
          }
        }
        return new ByteProcessor(width, height, bytes, null);
      case SHORT:
        return new ShortProcessor(width, height, plane.toShorts(), null);
      case SIGNED:
        short[] shorts = plane.toShorts();
        for (int i = 0; i < shorts.length; i++) {
          shorts[i] ^= (short) 0x8000;
        }
        return new ShortProcessor(width, height, shorts, null);
      case RGB:
        return new ColorProcessor(width, height, colours(plane));
      default:
        float[] floats = plane.toFloats();
        if (!cast && !plane.dtype().str().endsWith("f4")) {
          checkExact(plane, floats);
        }
        return new FloatProcessor(width, height, floats, null);
    }
  }

  private static void checkExact(NDArray plane, float[] floats) {
    boolean integers = plane.dtype().kind() != Dtype.Kind.FLOAT;
    boolean unsigned = plane.dtype().kind() == Dtype.Kind.UINT;
    long[] exact = integers ? plane.toLongs() : new long[0];
    double[] doubles = integers ? new double[0] : plane.toDoubles();
    for (int i = 0; i < floats.length; i++) {
      boolean same;
      if (integers) {
        // Beyond 2^63 a float is no long; there only uint64 can be, whose upper half is compared shifted.
        boolean high = unsigned && exact[i] < 0;
        same = high ? (exact[i] & 1) == 0 && (long) (floats[i] / 2) == exact[i] >>> 1 : floats[i] < 0x1p63f && (long) floats[i] == exact[i];
      } else {
        same = floats[i] == doubles[i] || (Double.isNaN(doubles[i]) && Float.isNaN(floats[i]));
      }
      if (!same) {
        String value = integers ? (unsigned ? Long.toUnsignedString(exact[i]) : "" + exact[i]) : "" + doubles[i];
        throw new IllegalArgumentException(
            value + " of " + plane.dtype().str() + " is not exact in ImageJ's 32-bit floats; cast allows that");
      }
    }
  }

  private static int[] colours(NDArray plane) {
    int samples = Math.toIntExact(plane.shape()[2]);
    if (samples != 3 && samples != 4) {
      throw new IllegalArgumentException("an S axis has 3 or 4 samples, not " + samples);
    }
    byte[] bytes = plane.toBytes();
    int[] out = new int[bytes.length / samples];
    for (int i = 0, at = 0; i < out.length; i++, at += samples) {
      int alpha = samples == 4 ? bytes[at + 3] << 24 : 0xff000000;
      int red = (bytes[at] & 0xff) << 16;
      out[i] = alpha | red | (bytes[at + 1] & 0xff) << 8 | bytes[at + 2] & 0xff;
    }
    return out;
  }

  /** The pixels' own dtype. */
  Dtype dtype() {
    switch (this) {
      case BYTE:
      case RGB:
        return Dtype.UINT8;
      case SHORT:
        return Dtype.UINT16;
      case SIGNED:
        return Dtype.INT16;
      default:
        return Dtype.FLOAT32;
    }
  }

  /** Elements of a plane, of {@link #dtype}, in C order. */
  void append(Object pixels, int samples, ByteBuffer out) {
    switch (this) {
      case BYTE:
        out.put((byte[]) pixels);
        break;
      case SHORT:
      case SIGNED:
        for (short value : (short[]) pixels) {
          out.putShort((short) (this == SIGNED ? value ^ 0x8000 : value));
        }
        break;
      case RGB:
        for (int value : (int[]) pixels) {
          out.put((byte) (value >> 16)).put((byte) (value >> 8)).put((byte) value);
          if (samples == 4) {
            out.put((byte) (value >> 24));
          }
        }
        break;
      default:
        for (float value : (float[]) pixels) {
          out.putFloat(value);
        }
    }
  }
}
