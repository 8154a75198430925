package org.ndferry.imagej;

import ij.ImagePlus;
import ij.ImageStack;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.ndferry.ArraySink;
import org.ndferry.Dtype;
import org.ndferry.NDArray;

/** An array that comes in runs, straight into ImageJ's planes: those of its axes that are no plane come before Y and X. */
final class Planes implements ArraySink {
  private final Dtype dtype;
  private final long[] shape;
  private final boolean fortran;
  private final String given;
  private final boolean cast;
  private final Pixels pixels;

  /** Extents along T, Z, C, Y, X and S. */
  private final long[] canonical = {1, 1, 1, 1, 1, 0};

  /** Which of T, Z and C each axis before the plane is, in the order of the elements. */
  private final int[] leading;

  private final long planeNbytes;
  private final int planeSize;
  private final Object[] planes;
  private final boolean bigEndian;
  private Problem problem;

  private Planes(Dtype dtype, long[] shape, boolean fortran, String axes, boolean cast) {
    this.dtype = dtype;
    this.shape = shape;
    this.fortran = fortran;
    this.given = axes;
    this.cast = cast;
    for (int i = 0; i < shape.length; i++) {
      canonical["TZCYXS".indexOf(axes.charAt(i))] = shape[i];
    }
    pixels = Pixels.of(dtype, canonical[5] > 0);
    if (canonical[5] > 0 && canonical[5] != 3 && canonical[5] != 4) {
      throw new IllegalArgumentException("an S axis has 3 or 4 samples, not " + canonical[5]);
    }
    String order = stored(axes, fortran);
    int before = order.indexOf('Y');
    leading = new int[before];
    for (int i = 0; i < before; i++) {
      leading[i] = "TZC".indexOf(order.charAt(i));
    }
    planeSize = Math.toIntExact(Math.multiplyExact(canonical[3], canonical[4]));
    planeNbytes = Math.multiplyExact((long) planeSize * Math.max(canonical[5], 1), (long) dtype.itemsize());
    long count = Math.multiplyExact(Math.multiplyExact(canonical[0], canonical[1]), canonical[2]);
    planes = new Object[Math.toIntExact(count)];
    bigEndian = dtype.str().startsWith(">");
  }

  private static String stored(String axes, boolean fortran) {
    return fortran ? new StringBuilder(axes).reverse().toString() : axes;
  }

  /** Whether elements in this order can go where they belong at once: Y and X (and S) are the last axes. */
  static boolean fits(String axes, boolean fortran) {
    String order = stored(axes, fortran);
    return order.endsWith("YXS") || (order.endsWith("YX") && order.indexOf('S') < 0);
  }

  /** For an array that is announced; checks all that can be known before it comes. */
  static Planes of(Dtype dtype, long[] shape, boolean fortran, String axes, boolean cast) throws Problem {
    for (long extent : shape) {
      if (extent == 0) {
        throw new Problem("usage", "the array is empty");
      }
    }
    Planes planes;
    try {
      planes = new Planes(dtype, shape, fortran, axes, cast);
    } catch (ArithmeticException error) {
      throw new Problem("usage", "ImageJ has no images as large as " + Arrays.toString(shape) + " with axes " + axes);
    }
    Runtime runtime = Runtime.getRuntime();
    long free = runtime.maxMemory() - runtime.totalMemory() + runtime.freeMemory();
    double needed = (double) planes.planes.length * planes.planeSize * planes.pixels.nbytes;
    if (needed > free) {
      System.gc();
      free = runtime.maxMemory() - runtime.totalMemory() + runtime.freeMemory();
    }
    if (needed > free) {
      String message = "%.0f MiB are needed, and ImageJ has %d MiB left: Edit > Options > Memory & Threads, or lazy=True";
      throw new Problem("memory", String.format(message, needed / (1 << 20), free >> 20));
    }
    return planes;
  }

  @Override
  public void begin(String name, Dtype dtype, long[] shape, boolean fortran) throws IOException {
    // With one axis both orders are the same.
    if (!dtype.equals(this.dtype) || !Arrays.equals(shape, this.shape) || fortran != this.fortran) {
      throw new IOException("another array came than was announced");
    }
  }

  @Override
  public void run(long at, ByteBuffer run) throws IOException {
    while (run.hasRemaining() && problem == null) {
      int plane = (int) (at / planeNbytes);
      int within = (int) (at % planeNbytes);
      ByteBuffer part = run.duplicate();
      part.limit((int) Math.min(run.limit(), run.position() + planeNbytes - within));
      run.position(part.limit());
      at += part.remaining();
      put(place(plane), within, part.order(bigEndian ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN));
    }
  }

  /** Where in ImageJ's stack a plane is: C fastest, then Z, then T. */
  private int place(int plane) {
    int[] index = new int[3];
    int rest = plane;
    for (int axis = leading.length - 1; axis >= 0; axis--) {
      int extent = (int) canonical[leading[axis]];
      index[leading[axis]] = rest % extent;
      rest /= extent;
    }
    return (int) ((index[0] * canonical[1] + index[1]) * canonical[2] + index[2]);
  }

  private void put(int place, int within, ByteBuffer part) {
    // What is wrong is told when all has come, so that the connection can go on.
    try {
      if (planes[place] == null) {
        planes[place] = pixels.plane(planeSize); // memory is taken for what has come
      }
      pixels.put(planes[place], within, part, dtype, (int) canonical[5], cast);
    } catch (IllegalArgumentException error) {
      problem = new Problem("dtype", error.getMessage());
    } catch (OutOfMemoryError error) {
      Arrays.fill(planes, null);
      problem = Problem.of(error);
    }
  }

  @Override
  public void end(long[] shape) {
    // All is where it belongs.
  }

  /** What was wrong with the elements. */
  void check() throws Problem {
    if (problem != null) {
      throw problem;
    }
  }

  /** A new image of them. */
  ImagePlus image(String title) throws Problem {
    check();
    ImageStack stack = new ImageStack((int) canonical[4], (int) canonical[3]);
    for (Object plane : planes) {
      stack.addSlice(null, plane);
    }
    return Images.image(title, stack, canonical, pixels, dtype, given, (int) canonical[5]);
  }

  /** Whether an image can take them in place. */
  boolean fits(ImagePlus image) {
    return image.getWidth() == canonical[4]
        && image.getHeight() == canonical[3]
        && image.getNChannels() == canonical[2]
        && image.getNSlices() == canonical[1]
        && image.getNFrames() == canonical[0]
        && !image.getStack().isVirtual()
        && Images.pixels(image) == pixels;
  }

  /** Puts them into an image that they fit, plane by plane; these planes may be filled again after that. */
  void into(ImagePlus image) throws Problem {
    check();
    ImageStack stack = image.getStack();
    for (int i = 0; i < planes.length; i++) {
      Object target = planes.length == 1 ? image.getProcessor().getPixels() : stack.getPixels(i + 1);
      System.arraycopy(planes[i], 0, target, 0, planeSize);
    }
    Images.remember(image, dtype, given, (int) canonical[5]);
  }

  /** Whether an array like that one can be taken with these planes. */
  boolean takes(Dtype dtype, long[] shape, boolean fortran, String axes, boolean cast) {
    return dtype.equals(this.dtype)
        && Arrays.equals(shape, this.shape)
        && fortran == this.fortran
        && axes.equals(given)
        && cast == this.cast;
  }

  /** A plane's pixels from an array, for those whose order does not fit. */
  static Planes of(NDArray array, String axes, boolean cast) throws Problem {
    Planes planes = of(array.dtype(), array.shape(), false, axes, cast);
    NDArray whole = Axes.canonical(array, axes);
    long[] shape = planes.canonical;
    int at = 0;
    for (long t = 0; t < shape[0]; t++) {
      for (long z = 0; z < shape[1]; z++) {
        for (long c = 0; c < shape[2]; c++) {
          try {
            planes.planes[at++] = planes.pixels.processor(whole.slice(t + "," + z + "," + c), cast).getPixels();
          } catch (IllegalArgumentException error) {
            throw new Problem("dtype", error.getMessage());
          }
        }
      }
    }
    return planes;
  }
}
