package org.ndferry.imagej;

import ij.ImagePlus;
import ij.VirtualStack;
import ij.process.ImageProcessor;
import java.io.IOException;
import org.ndferry.Dtype;
import org.ndferry.NDArray;

/** A stack whose planes are read when they are looked at. What is drawn into them is lost with the next plane. */
final class LazyStack extends VirtualStack {
  /** Reads a part of an array, by NumPy's indexing. */
  interface Source {
    NDArray read(String index) throws IOException;
  }

  private final Source source;
  private final String axes;
  private final long[] counts;
  private final Pixels pixels;
  private final boolean cast;

  private LazyStack(
      Source source, String axes, long[] canonical, int size, Pixels pixels, boolean cast) {
    super(Math.toIntExact(canonical[4]), Math.toIntExact(canonical[3]), size);
    this.source = source;
    this.axes = axes;
    this.counts = canonical;
    this.pixels = pixels;
    this.cast = cast;
    setBitDepth(pixels == Pixels.SIGNED ? 16 : pixels == Pixels.RGB ? 24 : 8 * pixels.nbytes);
  }

  static ImagePlus image(
      String title, Dtype dtype, long[] shape, String given, boolean cast, Source source) {
    String axes = Axes.of(given, shape.length);
    long[] canonical = {1, 1, 1, 1, 1, 0};
    for (int i = 0; i < shape.length; i++) {
      if (shape[i] == 0) {
        throw new IllegalArgumentException("the array is empty");
      }
      canonical["TZCYXS".indexOf(axes.charAt(i))] = shape[i];
    }
    Pixels pixels = Pixels.of(dtype, canonical[5] > 0);
    int size = Math.toIntExact(Math.multiplyExact(Math.multiplyExact(canonical[0], canonical[1]), canonical[2]));
    LazyStack stack = new LazyStack(source, axes, canonical, size, pixels, cast);
    int samples = Math.toIntExact(canonical[5]);
    return Images.image(title, stack, canonical, pixels, dtype, axes, samples);
  }

  @Override
  public ImageProcessor getProcessor(int n) {
    long c = (n - 1) % counts[2];
    long z = (n - 1) / counts[2] % counts[1];
    long t = (n - 1) / counts[2] / counts[1];
    StringBuilder index = new StringBuilder();
    StringBuilder left = new StringBuilder();
    for (char letter : axes.toCharArray()) {
      int which = "TZC".indexOf(letter);
      index.append(which < 0 ? ":" : String.valueOf(which == 0 ? t : which == 1 ? z : c)).append(',');
      left.append(which < 0 ? letter : "");
    }
    try {
      NDArray plane = Axes.canonical(source.read(index.toString()), left.toString()).slice("0, 0, 0");
      return pixels.processor(plane, cast);
    } catch (IOException error) {
      // ImageJ shows this in its console; a plane of zeros would be wrong without anybody noticing.
      throw new IllegalStateException("plane " + n + ": " + error.getMessage(), error);
    }
  }

  @Override
  public String getSliceLabel(int n) {
    return null;
  }
}
