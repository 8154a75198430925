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
            value + " of " + plane.dtype().str() + " is not exact in ImageJ's 32-bit floats; cast=True allows that");
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

  /** An empty plane. */
  Object plane(int size) {
    switch (this) {
      case BYTE:
        return new byte[size];
      case SHORT:
      case SIGNED:
        return new short[size];
      case RGB:
        return new int[size];
      default:
        return new float[size];
    }
  }

  /**
   * Elements of a dtype into a plane, from byte {@code within} of the plane's elements on. The buffer has the dtype's byte
   * order.
   *
   * @throws IllegalArgumentException if numbers would be rounded, and may not be
   */
  void put(Object plane, int within, ByteBuffer from, Dtype dtype, int samples, boolean cast) {
    int itemsize = dtype.itemsize();
    int at = within / itemsize;
    int n = from.remaining() / itemsize;
    switch (this) {
      case BYTE:
        byte[] bytes = (byte[]) plane;
        from.get(bytes, at, n);
        if (dtype.kind() == Dtype.Kind.BOOL) {
          for (int i = at; i < at + n; i++) {
            bytes[i] = (byte) (bytes[i] != 0 ? 255 : 0);
          }
        }
        break;
      case SHORT:
        from.asShortBuffer().get((short[]) plane, at, n);
        break;
      case SIGNED:
        short[] shorts = (short[]) plane;
        if (itemsize == 2) {
          from.asShortBuffer().get(shorts, at, n);
        } else {
          for (int i = 0; i < n; i++) {
            shorts[at + i] = from.get();
          }
        }
        for (int i = at; i < at + n; i++) {
          shorts[i] ^= (short) 0x8000;
        }
        break;
      case RGB:
        int[] colours = (int[]) plane;
        for (int i = at; i < at + n; i++) {
          int sample = i % samples;
          int shift = sample == 3 ? 24 : 16 - 8 * sample;
          int whole = samples == 3 && sample == 0 ? 0xff000000 : sample == 0 ? 0 : colours[i / samples];
          colours[i / samples] = whole | (from.get() & 0xff) << shift;
        }
        break;
      default:
        if (dtype.str().endsWith("f4")) {
          from.asFloatBuffer().get((float[]) plane, at, n);
          return;
        }
        NDArray part = NDArray.wrap(from, dtype, n);
        float[] floats = part.toFloats();
        if (!cast) {
          checkExact(part, floats);
        }
        System.arraycopy(floats, 0, plane, at, n);
    }
  }

  /** Elements of a plane, of {@link #dtype}, from byte {@code within} on; the buffer is little-endian. */
  void get(Object plane, int samples, int within, int nbytes, ByteBuffer out) {
    int at = within / dtype().itemsize();
    int n = nbytes / dtype().itemsize();
    switch (this) {
      case BYTE:
        out.put((byte[]) plane, at, n);
        return;
      case SHORT:
        out.asShortBuffer().put((short[]) plane, at, n);
        break;
      case SIGNED:
        short[] shorts = (short[]) plane;
        for (int i = at; i < at + n; i++) {
          out.putShort((short) (shorts[i] ^ 0x8000));
        }
        return;
      case RGB:
        int[] colours = (int[]) plane;
        for (int i = at; i < at + n; i++) {
          int sample = i % samples;
          out.put((byte) (colours[i / samples] >> (sample == 3 ? 24 : 16 - 8 * sample)));
        }
        return;
      default:
        out.asFloatBuffer().put((float[]) plane, at, n);
    }
    out.position(out.position() + nbytes);
  }
}
