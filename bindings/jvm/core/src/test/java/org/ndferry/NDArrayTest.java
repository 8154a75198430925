package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class NDArrayTest {
  private static NDArray count(long... shape) {
    NDArray array = NDArray.zeros(Dtype.INT32, Shapes.size(shape));
    for (long i = 0; i < array.size(); i++) {
      array.setLong(i, i);
    }
    return array.reshape(shape);
  }

  @Test
  void slicesAreNumpys() {
    NDArray array = count(3, 4, 5);
    assertArrayEquals(new int[] {27}, array.slice("1, 1, 2").toInts());
    assertArrayEquals(new int[] {59}, array.slice("-1, -1, -1").toInts());
    assertArrayEquals(new int[] {4, 3, 2, 1, 0}, array.slice("0, 0, ::-1").toInts());
    assertArrayEquals(new int[] {1, 3}, array.slice("0, 0, 1::2").toInts());
    assertArrayEquals(new int[] {4, 2}, array.slice("0, 0, -1:1:-2").toInts());
    assertArrayEquals(new int[] {}, array.slice("0, 0, 3:1").toInts());
    assertArrayEquals(new int[] {3, 4}, array.slice("0, 0, 3:100").toInts());
    assertArrayEquals(new long[] {3, 1, 5}, array.slice(":, None, 0").shape());
    assertArrayEquals(new long[] {3, 4}, array.slice("..., 2").shape());
    assertArrayEquals(new int[] {2, 7, 12, 17}, array.slice("[0, ..., 2]").toInts());
    assertThrows(IndexOutOfBoundsException.class, () -> array.slice("3"));
    for (String bad : new String[] {"a", "0, 0, 0, 0", "..., ...", "::0", "1:2:3:4"}) {
      assertThrows(IllegalArgumentException.class, () -> array.slice(bad), bad);
    }
  }

  @Test
  void slicesShareAndCopiesDoNot() {
    NDArray array = count(2, 3);
    NDArray row = array.slice("1");
    NDArray copy = row.copy();
    row.setLong(100, 0);
    assertEquals(100, array.getLong(1, 0));
    assertEquals(3, copy.getLong(0));
  }

  @Test
  void reshapingSharesWhereStridesCanSayIt() {
    NDArray array = count(4, 6);
    NDArray rows = array.slice("::2").reshape(2, 2, 3);
    rows.setLong(99, 1, 0, 0);
    assertEquals(99, array.getLong(2, 0));
    assertArrayEquals(new long[] {-8}, count(6).slice("::-2").reshape(3, 1).reshape(3).strides());
    String[] views = {":", "::2", "::-1", ":, ::2", ":, ::-1", "::-1, ::-1", ":, :3", "1:, 2:4", "2", ":, 3", "1:2, ::2", "None, ::2, None", "0:0"};
    long[][] shapes = {{-1}, {2, -1}, {3, -1}, {-1, 2}, {-1, 3}, {2, 1, -1, 1}, {2, 2, -1}, {1, -1}, {-1, 1}, {2, 3, -1}, {3, 2, -1}, {4, -1}};
    int count = 0;
    for (String view : views) {
      for (NDArray one : new NDArray[] {array.slice(view), array.slice(view).transpose()}) {
        for (long[] shape : shapes) {
          long known = 1;
          for (long extent : shape) {
            known *= Math.abs(extent);
          }
          if (one.size() % known != 0) {
            continue;
          }
          NDArray expected = one.copy().reshape(shape);
          assertEquals(expected, one.reshape(shape), view);
          assertArrayEquals(expected.shape(), one.reshape(shape).shape());
          count++;
        }
      }
    }
    assertTrue(count > 200, count + " shapes");
  }

  @Test
  void assignmentGoesThroughAnyStrides() {
    NDArray array = count(3, 4);
    NDArray target = NDArray.zeros(Dtype.INT32, 4, 6);
    target.slice("::-1, ::2").assign(array.transpose());
    assertArrayEquals(new int[] {3, 0, 7, 0, 11, 0}, target.slice("0").toInts());
    assertEquals(array.transpose(), target.slice("::-1, ::2"));
    assertThrows(IllegalArgumentException.class, () -> target.assign(array));
  }

  @Test
  void transposesKeepTheirElements() {
    NDArray array = count(2, 3, 4);
    NDArray turned = array.transpose(2, 0, 1);
    for (int i = 0; i < 2; i++) {
      for (int j = 0; j < 3; j++) {
        for (int k = 0; k < 4; k++) {
          assertEquals(array.getLong(i, j, k), turned.getLong(k, i, j));
        }
      }
    }
    assertFalse(turned.isContiguous());
    assertTrue(array.transpose().isFortran());
    assertEquals(turned, turned.copy());
    assertNotEquals(array, turned);
    assertArrayEquals(new int[] {0, 12, 4, 16, 8, 20}, turned.slice("0").transpose().toInts());
    assertEquals(array.transpose().transpose(), array);
    assertThrows(IllegalArgumentException.class, () -> array.transpose(0, 0, 1));
  }

  @Test
  void reshapingChecksTheNumberOfElements() {
    NDArray array = count(2, 6);
    assertArrayEquals(new long[] {3, 4}, array.reshape(3, -1).shape());
    assertArrayEquals(array.transpose().copy().toInts(), array.transpose().reshape(12).toInts());
    assertThrows(IllegalArgumentException.class, () -> array.reshape(5, -1));
    assertThrows(IllegalArgumentException.class, () -> array.reshape(13));
  }

  @Test
  void numbersOfAllKindsComeBack() {
    String[] integers = {"i1", "u1", "<i2", ">i2", "<u2", ">u2", "<i4", ">u4", "<i8", ">i8"};
    for (String text : integers) {
      NDArray array = NDArray.zeros(Dtype.of(text), 2);
      array.setLong(-1, 1);
      boolean signed = text.contains("i");
      int bits = 8 * array.dtype().itemsize();
      assertEquals(signed ? -1 : (1L << bits) - 1, array.getLong(1), text);
    }
    for (String text : new String[] {"<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "<c8", ">c16"}) {
      NDArray array = NDArray.zeros(Dtype.of(text), 2);
      array.setDouble(-1.5, 1);
      assertEquals(-1.5, array.getDouble(1), text);
      assertEquals(-1, array.getLong(1), text);
    }
    NDArray huge = NDArray.zeros(Dtype.UINT64, 1);
    huge.setLong(-1, 0);
    assertEquals(0x1p64, huge.getDouble(0));
    assertEquals(BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE), huge.get(0));
    NDArray text = NDArray.zeros(Dtype.of(">U3"), 1);
    text.setText("a\ud83d\ude00c", 0);
    assertEquals("a\ud83d\ude00c", text.getText(0));
  }

  @Test
  void halvesAreRoundedToEven() {
    for (int bits = 0; bits < 0x7c00; bits++) {
      float value = Values.half(bits);
      assertEquals(bits, Values.toHalf(value));
      float next = Values.half(bits + 1);
      if (bits + 1 < 0x7c00) {
        double middle = ((double) value + next) / 2;
        assertEquals((bits & 1) == 0 ? bits : bits + 1, Values.toHalf(middle));
        assertEquals(bits | 0x8000, Values.toHalf(-Math.nextDown(middle)));
        assertEquals(bits + 1, Values.toHalf(Math.nextUp(middle)));
      }
    }
    assertEquals(0x7c00, Values.toHalf(65520));
    assertTrue(Float.isNaN(Values.half(Values.toHalf(Double.NaN))));
  }

  @Test
  void javaArraysGoInAndOut() {
    assertArrayEquals(new short[] {1, -2}, NDArray.of(new short[] {1, -2}).toShorts());
    assertArrayEquals(new float[] {1.5f}, NDArray.of(new float[] {1.5f}).toFloats());
    assertArrayEquals(new double[] {1.5}, NDArray.of(new double[] {1.5}).toDoubles());
    assertArrayEquals(new long[] {1L << 40}, NDArray.of(new long[] {1L << 40}).toLongs());
    assertArrayEquals(new byte[] {1, -2}, NDArray.of(new byte[] {1, -2}, 2, 1).toBytes());
    NDArray big = NDArray.wrap(ByteBuffer.wrap(new byte[] {0, 1, 0, 2}), Dtype.of(">u2"), 2);
    assertArrayEquals(new short[] {1, 2}, big.toShorts());
    assertArrayEquals(new int[] {1, 2}, big.toInts());
    assertThrows(IllegalArgumentException.class, () -> NDArray.of(new int[3], 2, 2));
    assertThrows(IllegalArgumentException.class, () -> NDArray.zeros(Dtype.UINT8, Long.MAX_VALUE, 3));
    assertThrows(IllegalArgumentException.class, () -> NDArray.zeros(Dtype.UINT8, -1));
  }

  @Test
  void fieldsAreViews() {
    NDArray array = NDArray.zeros(Dtype.of("u1, (2,)<i4"), 3);
    NDArray field = array.field("f1");
    assertArrayEquals(new long[] {3, 2}, field.shape());
    assertArrayEquals(new long[] {9, 4}, field.strides());
    field.setLong(7, 2, 1);
    assertEquals(7, array.field("f1").toInts()[5]);
  }

  @Test
  void elementsMayLieAcrossParts() {
    // Parts of a gibibyte are too much for a test: what straddles is what the slow path reads.
    Bytes bytes = Bytes.wrap(new byte[] {1, 2, 3, 4, 5, 6, 7, 8});
    assertEquals(0x0605L, bytes.bits(4, 2, false));
    assertEquals(0x0506L, bytes.bits(4, 2, true));
    assertEquals(0x0807060504030201L, bytes.bits(0, 8, false));
  }

  @Test
  void wholeArraysComeOutWhateverTheirByteOrderIs() {
    for (String order : new String[] {"<", ">"}) {
      NDArray floats = NDArray.zeros(Dtype.of(order + "f8"), 2, 2);
      NDArray ints = NDArray.zeros(Dtype.of(order + "i8"), 2, 2);
      for (int i = 0; i < 4; i++) {
        floats.setDouble(i + 0.5, i / 2, i % 2);
        ints.setLong(-i, i / 2, i % 2);
      }
      assertArrayEquals(new double[] {0.5, 1.5, 2.5, 3.5}, floats.toDoubles());
      assertArrayEquals(new long[] {0, -1, -2, -3}, ints.toLongs());
      assertArrayEquals(new double[] {1.5, 3.5}, floats.slice(":, 1").toDoubles());
      assertArrayEquals(new long[] {0, -2}, ints.slice(":, 0").toLongs());
    }
  }
}
