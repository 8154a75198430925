package org.ndferry.imagej;

import ij.CompositeImage;
import ij.ImagePlus;
import ij.ImageStack;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.ndferry.Dtype;
import org.ndferry.NDArray;

/** Arrays as ImageJ's images, and back: what an array was comes back byte for byte if its pixels were not changed. */
public final class Images {
  private static final String DTYPE = "ndferry.dtype";
  private static final String AXES = "ndferry.axes";
  private static final String SAMPLES = "ndferry.samples";

  private Images() {}

  /**
   * An image of an array. {@code uint8}, {@code uint16} and {@code float32} become pixels of the same kind, {@code bool}
   * 0 and 255, {@code int16} and {@code int8} 16-bit pixels with the signed calibration, {@code uint8} with an S axis
   * RGB, other numbers 32-bit floats if they are exact in them.
   *
   * @param title of the window
   * @param array its elements are copied
   * @param axes a letter for each axis (T, Z, C, Y, X, S); null or empty for planes (YX) and stacks of planes (ZYX)
   * @param cast whether numbers may be rounded to 32-bit floats
   * @return an image that is not shown yet
   * @throws IllegalArgumentException if ImageJ has no such image; says what to do
   */
  public static ImagePlus toImage(String title, NDArray array, String axes, boolean cast) {
    String letters = Axes.of(axes, array.ndim());
    NDArray whole = Axes.canonical(array, letters);
    Pixels pixels = Pixels.of(array.dtype(), letters.indexOf('S') >= 0);
    long[] shape = whole.shape();
    if (array.size() == 0) {
      throw new IllegalArgumentException("the array is empty");
    }
    int width = Math.toIntExact(shape[4]);
    int height = Math.toIntExact(shape[3]);
    ImageStack stack = new ImageStack(width, height);
    for (long t = 0; t < shape[0]; t++) {
      for (long z = 0; z < shape[1]; z++) {
        for (long c = 0; c < shape[2]; c++) {
          NDArray plane = whole.slice(t + "," + z + "," + c);
          stack.addSlice("", pixels.processor(plane, cast));
        }
      }
    }
    int samples = pixels == Pixels.RGB ? Math.toIntExact(shape[5]) : 0;
    return image(title, stack, shape, pixels, array.dtype(), letters, samples);
  }

  static ImagePlus image(
      String title, ImageStack stack, long[] shape, Pixels pixels, Dtype dtype, String axes, int samples) {
    ImagePlus image = new ImagePlus(title, stack);
    int channels = Math.toIntExact(shape[2]);
    image.setDimensions(channels, Math.toIntExact(shape[1]), Math.toIntExact(shape[0]));
    if (pixels == Pixels.SIGNED) {
      image.getLocalCalibration().setSigned16BitCalibration();
    }
    remember(image, dtype, axes, samples);
    if (channels > 1 && pixels != Pixels.RGB && channels <= 7) {
      ImagePlus composite = new CompositeImage(image, CompositeImage.COMPOSITE);
      composite.setOpenAsHyperStack(true);
      return composite;
    }
    image.setOpenAsHyperStack(stack.getSize() > 1);
    return image;
  }

  /** What the array was that an image came from. */
  static void remember(ImagePlus image, Dtype dtype, String axes, int samples) {
    image.setProp(DTYPE, dtype.str());
    image.setProp(AXES, axes);
    image.setProp(SAMPLES, Integer.toString(samples));
  }

  /** The axes of the array that an image is: those that it came from, if they still fit, or those that there are. */
  static String axes(ImagePlus image) {
    boolean rgb = pixels(image) == Pixels.RGB;
    long[] shape = extents(image);
    String axes = image.getProp(AXES);
    if (isOf(axes, shape, rgb)) {
      return axes;
    }
    String plane = rgb ? "YXS" : "YX";
    return (shape[0] > 1 ? "T" : "") + (shape[1] > 1 ? "Z" : "") + (shape[2] > 1 ? "C" : "") + plane;
  }

  /** Samples of RGB, or 0. */
  static int samples(ImagePlus image) {
    boolean rgb = pixels(image) == Pixels.RGB;
    boolean four = "4".equals(image.getProp(SAMPLES)) && axes(image).equals(image.getProp(AXES));
    return !rgb ? 0 : four ? 4 : 3;
  }

  /** The dtype of the array that an image came from; null if there was none. */
  static String dtype(ImagePlus image) {
    return image.getProp(DTYPE);
  }

  /** T, Z, C, Y and X. */
  static long[] extents(ImagePlus image) {
    return new long[] {
      image.getNFrames(), image.getNSlices(), image.getNChannels(), image.getHeight(), image.getWidth()
    };
  }

  /** Where in an image's stack, from 1, the planes of an array of these axes are; null if Y and X are not last. */
  static int[] places(ImagePlus image, String axes) {
    if (!Planes.fits(axes, false)) {
      return null;
    }
    long[] extents = extents(image);
    int count = Math.toIntExact(extents[0] * extents[1] * extents[2]);
    int[] places = new int[count];
    for (int plane = 0; plane < count; plane++) {
      long[] index = new long[3];
      long rest = plane;
      for (int i = axes.indexOf('Y') - 1; i >= 0; i--) {
        int which = "TZC".indexOf(axes.charAt(i));
        index[which] = rest % extents[which];
        rest /= extents[which];
      }
      places[plane] = (int) ((index[0] * extents[1] + index[1]) * extents[2] + index[2]) + 1;
    }
    return places;
  }

  /**
   * An array of an image's pixels. One that came from an array has that one's axes and dtype again, if its pixels still
   * fit them; others have those of T, Z and C that are more than one, and Y and X (and S for RGB).
   *
   * @param image not changed
   * @return a new array
   */
  public static NDArray toArray(ImagePlus image) {
    Pixels pixels = pixels(image);
    boolean rgb = pixels == Pixels.RGB;
    String axes = axes(image);
    int samples = samples(image);
    long[] shape = extents(image);
    if (rgb) {
      shape = java.util.Arrays.copyOf(shape, 6);
      shape[5] = samples;
    }
    Dtype own = pixels.dtype();
    NDArray whole = NDArray.zeros(own, shape);
    ImageStack stack = image.getStack();
    int planeNbytes = Math.toIntExact(shape[3] * shape[4] * own.itemsize() * Math.max(samples, 1));
    ByteBuffer plane = ByteBuffer.allocate(planeNbytes).order(ByteOrder.LITTLE_ENDIAN);
    NDArray planes = whole.reshape(-1, planeNbytes / own.itemsize());
    for (int i = 0; i < stack.getSize(); i++) {
      plane.clear();
      pixels.append(stack.getPixels(i + 1), samples, plane);
      plane.flip();
      planes.slice(Integer.toString(i)).assign(NDArray.wrap(plane, own, planeNbytes / own.itemsize()));
    }
    return Axes.original(inDtype(whole, image.getProp(DTYPE)), axes);
  }

  static Pixels pixels(ImagePlus image) {
    switch (image.getBitDepth()) {
      case 8:
        return Pixels.BYTE;
      case 16:
        return image.getCalibration().isSigned16Bit() ? Pixels.SIGNED : Pixels.SHORT;
      case 24:
        return Pixels.RGB;
      default:
        return Pixels.FLOAT;
    }
  }

  /** Whether an image with these extents can still have the axes of the array that it came from. */
  private static boolean isOf(String axes, long[] shape, boolean rgb) {
    if (axes == null || rgb != (axes.indexOf('S') >= 0)) {
      return false;
    }
    for (int i = 0; i < 3; i++) {
      if (shape[i] > 1 && axes.indexOf("TZC".charAt(i)) < 0) {
        return false;
      }
    }
    return true;
  }

  /** The same numbers in the dtype that they had, if every one fits it. */
  private static NDArray inDtype(NDArray array, String name) {
    if (name == null) {
      return array;
    }
    Dtype dtype = Dtype.of(name);
    if (dtype.equals(array.dtype())) {
      return array;
    }
    NDArray out = NDArray.zeros(dtype, array.shape());
    NDArray flat = out.reshape(-1);
    NDArray from = array.reshape(-1);
    for (long i = 0; i < flat.size(); i++) {
      double value = from.getDouble(i);
      if (dtype.kind() == Dtype.Kind.BOOL) {
        if (value != 0 && value != 255) {
          return array;
        }
        flat.setLong(value == 0 ? 0 : 1, i);
        continue;
      }
      if (dtype.kind() == Dtype.Kind.UINT && value >= 0x1p63) {
        flat.setLong((long) (value / 2) << 1, i);
      } else {
        flat.setDouble(value, i);
      }
      double back = flat.getDouble(i);
      if (back != value && !(Double.isNaN(back) && Double.isNaN(value))) {
        return array;
      }
    }
    return out;
  }
}
