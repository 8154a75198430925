package org.ndferry.imagej;

import ij.ImagePlus;
import ij.ImageStack;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.ndferry.ArraySource;
import org.ndferry.Dtype;

/** An image's pixels as an array, in the dtype of the pixels, as they are sent. */
final class PlaneSource implements ArraySource {
  private final ImageStack stack;
  private final ImagePlus image;
  private final Pixels pixels;
  private final int samples;
  private final int[] places;
  private final long planeNbytes;
  private int current = -1;
  private Object plane;

  /** {@code places}: which plane of the stack is the next one, from 1. */
  PlaneSource(ImagePlus image, Pixels pixels, int samples, int[] places) {
    this.image = image;
    this.stack = image.getStack();
    this.pixels = pixels;
    this.samples = samples;
    this.places = places;
    Dtype own = pixels.dtype();
    planeNbytes = (long) image.getWidth() * image.getHeight() * own.itemsize() * Math.max(samples, 1);
  }

  long nbytes() {
    return places.length * planeNbytes;
  }

  @Override
  public void fill(long at, ByteBuffer out) throws IOException {
    out.order(ByteOrder.LITTLE_ENDIAN);
    while (out.hasRemaining()) {
      int number = places[(int) (at / planeNbytes)];
      int within = (int) (at % planeNbytes);
      if (number != current) {
        plane = places.length == 1 ? image.getProcessor().getPixels() : stack.getPixels(number);
        current = number;
      }
      int n = (int) Math.min(out.remaining(), planeNbytes - within);
      pixels.get(plane, samples, within, n, out);
      at += n;
    }
  }
}
