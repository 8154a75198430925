package org.ndferry.imagej;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ij.CompositeImage;
import ij.ImagePlus;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ndferry.Dtype;
import org.ndferry.NDArray;
import org.ndferry.Npb;
import org.ndferry.Npy;

class ImagesTest {
  @TempDir Path folder;

  @BeforeAll
  static void withoutWindows() {
    System.setProperty("java.awt.headless", "true");
  }

  /** Numbers that differ between neighbours and are exact in floats. */
  private static NDArray some(String name, long... shape) {
    Dtype dtype = Dtype.of(name);
    long size = 1;
    for (long extent : shape) {
      size *= extent;
    }
    NDArray array = NDArray.zeros(dtype, size);
    for (long i = 0; i < size; i++) {
      if (dtype.kind() == Dtype.Kind.BOOL) {
        array.setLong(i % 3 == 0 ? 1 : 0, i);
      } else if (dtype.kind() == Dtype.Kind.FLOAT) {
        array.setDouble(i % 97 / 4.0 - 3, i);
      } else {
        array.setLong(i * 37 - (dtype.kind() == Dtype.Kind.INT ? 60 : 0), i);
      }
    }
    return array.reshape(shape);
  }

  @Test
  void everyDtypeAndOrderOfAxesComesBackByteForByte() {
    String[] dtypes = {
      "?", "u1", "i1", "<u2", ">u2", "<i2", ">i2", "<i4", ">u4", "<i8", "<u8", "<f2", "<f4", ">f4", "<f8"
    };
    Map<String, long[]> shapes = new LinkedHashMap<>();
    shapes.put("YX", new long[] {4, 5});
    shapes.put("XY", new long[] {4, 5});
    shapes.put("ZYX", new long[] {3, 4, 5});
    shapes.put("YXC", new long[] {4, 5, 2});
    shapes.put("TZCYX", new long[] {2, 3, 2, 4, 5});
    shapes.put("CZYXT", new long[] {2, 3, 4, 5, 2});
    shapes.put("XYZCT", new long[] {5, 4, 1, 2, 3});
    for (String dtype : dtypes) {
      for (Map.Entry<String, long[]> entry : shapes.entrySet()) {
        NDArray array = some(dtype, entry.getValue());
        ImagePlus image = Images.toImage("a", array, entry.getKey(), false);
        assertEquals(array, Images.toArray(image), dtype + " " + entry.getKey());
      }
    }
    for (long samples = 3; samples <= 4; samples++) {
      NDArray array = some("u1", 2, 4, 5, samples);
      assertEquals(array, Images.toArray(Images.toImage("a", array, "TYXS", false)));
    }
  }

  @Test
  void planesLieWhereImageJLooksForThem() {
    NDArray array = some("<u2", 2, 3, 2, 4, 5);
    ImagePlus image = Images.toImage("a", array, "TZCYX", false);
    assertTrue(image instanceof CompositeImage);
    assertArrayEquals(new int[] {5, 4, 2, 3, 2}, image.getDimensions());
    for (int t = 0; t < 2; t++) {
      for (int z = 0; z < 3; z++) {
        for (int c = 0; c < 2; c++) {
          int n = image.getStackIndex(c + 1, z + 1, t + 1);
          assertEquals(array.getLong(t, z, c, 1, 4), image.getStack().getProcessor(n).get(4, 1));
        }
      }
    }
  }

  @Test
  void signedNumbersAreShownAsSuch() {
    NDArray array = NDArray.of(new short[] {-32768, -1, 0, 32767}, 2, 2);
    ImagePlus image = Images.toImage("a", array, null, false);
    assertEquals("-1.0", Double.toString(image.getCalibration().getCValue(image.getProcessor().get(1, 0))));
    assertEquals(array, Images.toArray(image));
  }

  @Test
  void whatIsNotExactIsRefusedUnlessCast() {
    NDArray array = NDArray.of(new int[] {(1 << 24) + 1, 0}, 1, 2);
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> Images.toImage("a", array, null, false));
    assertTrue(error.getMessage().contains("16777217 of <i4 is not exact"), error.getMessage());
    assertEquals(1 << 24, Images.toImage("a", array, null, true).getProcessor().getf(0, 0));
    NDArray huge = NDArray.zeros(Dtype.UINT64, 1, 2);
    huge.setLong(-1, 0, 0);
    assertThrows(IllegalArgumentException.class, () -> Images.toImage("a", huge, null, false));
    huge.setLong(Long.MIN_VALUE, 0, 0);
    assertEquals(huge, Images.toArray(Images.toImage("a", huge, null, false)));
    NDArray largest = NDArray.of(new long[] {Long.MAX_VALUE, 1}, 1, 2);
    assertThrows(IllegalArgumentException.class, () -> Images.toImage("a", largest, null, false));
  }

  @Test
  void whatImageJDoesNotHaveIsSaid() {
    NDArray four = some("u1", 2, 2, 2, 2);
    String[][] cases = {
      {null, "say which they are"}, {"TZYXC", "are 5, but the array has 4"}, {"TZCY", "have no Y and X"},
      {"QZYX", "at most once"}, {"ZZYX", "at most once"}, {"ZYXS", "3 or 4 samples"}
    };
    for (String[] pair : cases) {
      IllegalArgumentException error =
          assertThrows(IllegalArgumentException.class, () -> Images.toImage("a", four, pair[0], false));
      assertTrue(error.getMessage().contains(pair[1]), error.getMessage());
    }
    for (String dtype : new String[] {"<c8", "S3", "i4,i4", "<M8[s]"}) {
      NDArray array = NDArray.zeros(Dtype.of(dtype), 2, 2);
      assertThrows(IllegalArgumentException.class, () -> Images.toImage("a", array, null, false));
    }
    assertThrows(
        IllegalArgumentException.class, () -> Images.toImage("a", NDArray.zeros(Dtype.UINT8, 0, 3), null, false));
  }

  @Test
  void changedPixelsComeBackInADtypeThatHoldsThem() {
    NDArray mask = some("?", 3, 4);
    ImagePlus image = Images.toImage("a", mask, null, false);
    image.getProcessor().set(0, 0, 7);
    NDArray back = Images.toArray(image);
    assertEquals(Dtype.UINT8, back.dtype());
    assertEquals(7, back.getLong(0, 0));
    ImagePlus integers = Images.toImage("a", some("<i4", 3, 4), null, false);
    integers.getProcessor().setf(1, 1, 0.5f);
    assertEquals(Dtype.FLOAT32, Images.toArray(integers).dtype());
  }

  @Test
  void lazyStacksShowTheSamePixels() throws Exception {
    NDArray array = some("<i2", 2, 30, 2, 40, 50);
    Path npb = folder.resolve("a.npb");
    Map<String, NDArray> named = new LinkedHashMap<>();
    named.put("cells", array);
    named.put("other", some("<f8", 3, 4));
    Npb.write(npb, named, Npb.Packing.SHUFFLE_DEFLATE);
    Path npy = folder.resolve("a.npy");
    Npy.write(npy, array);
    ImagePlus whole = Images.toImage("a", array, "TZCYX", false);
    ImagePlus[] lazy = {
      ArrayFiles.open(npb, "cells", "TZCYX", false, true).get(0), ArrayFiles.open(npy, "", "TZCYX", false, true).get(0)
    };
    for (ImagePlus image : lazy) {
      assertTrue(image.getStack().isVirtual());
      assertArrayEquals(whole.getDimensions(), image.getDimensions());
      assertEquals(array, Images.toArray(image));
    }
    assertEquals(2, ArrayFiles.open(npb, "cells", "TZCYX", false, false).size() + 1);
    assertThrows(IllegalArgumentException.class, () -> ArrayFiles.open(npb, "x", "", false, false));
  }

  @Test
  void everyFormatIsSavedAndOpened() throws Exception {
    NDArray array = NDArray.wrap(ByteBuffer.wrap(new byte[24]), Dtype.UINT16, 3, 4);
    for (String name : new String[] {"a.npy", "a.npz", "a.npb", "a.pkl"}) {
      ArrayFiles.save(folder.resolve(name), array);
      assertEquals(array, ArrayFiles.read(folder.resolve(name)).values().iterator().next(), name);
    }
    assertThrows(IllegalArgumentException.class, () -> ArrayFiles.save(folder.resolve("a.tif"), array));
  }
}
