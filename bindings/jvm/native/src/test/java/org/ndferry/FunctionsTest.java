package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FunctionsTest {
  private static final NDArray TABLE = NDArray.of(new double[] {1, 2, 3, 4, 5, 6}, 2, 3);

  @TempDir Path folder;

  @BeforeAll
  static void load() {
    assertEquals("", Natives.missing());
  }

  @Test
  void numbersTakeTheDtypeOfTheArrayAndShapesAreBroadcast() {
    NDArray bytes = NDArray.of(new byte[] {1, 2, 3});
    assertEquals(Dtype.UINT8, Functions.add(bytes, 1).dtype());
    assertArrayEquals(new int[] {2, 4, 6}, Functions.multiply(bytes, 2L).toInts());
    assertEquals(Dtype.FLOAT64, Functions.add(bytes, 0.5).dtype());
    assertEquals(Dtype.UINT8, Functions.add(bytes, true).dtype());
    assertEquals("<c16", Functions.add(bytes, new double[] {0, 1}).dtype().str());
    NDArray column = NDArray.of(new double[] {10, 20}, 2, 1);
    assertArrayEquals(new double[] {11, 12, 13, 24, 25, 26}, Functions.add(TABLE, column).toDoubles());
    assertArrayEquals(new long[0], Functions.sum(TABLE).shape());
    assertEquals(21, Functions.sum(TABLE).getDouble());
    NDArray large = NDArray.zeros(Dtype.UINT64, 1);
    assertEquals(BigInteger.ONE.shiftLeft(63), Functions.add(large, BigInteger.ONE.shiftLeft(63)).get(0));
  }

  @Test
  void reductionsTakeAxes() {
    assertArrayEquals(new double[] {5, 7, 9}, Functions.sum(TABLE, 0).toDoubles());
    assertArrayEquals(new double[] {2, 5}, Functions.mean(TABLE, -1).toDoubles());
    assertEquals(6, Functions.max(TABLE, 0, 1).getDouble());
    NDArray kept = Functions.call("sum", new Object[] {TABLE}, "{\"axis\": 1, \"keepdims\": true}")[0];
    assertArrayEquals(new long[] {2, 1}, kept.shape());
    assertEquals(3, Functions.call("unique", Collections.singletonMap("return_counts", true), NDArray.of(new int[] {3, 1, 3, 2}))[0].size());
  }

  @Test
  void operandsMayLieAnyhow() throws Exception {
    NDArray expected = NDArray.of(new double[] {8, 5, 2}, 3);
    NDArray big = NDArray.zeros(Dtype.of(">f8"), 2, 3);
    NDArray direct = NDArray.wrap(ByteBuffer.allocateDirect(48), Dtype.FLOAT64, 2, 3);
    for (int i = 0; i < 6; i++) {
      big.setDouble(i + 1, i / 3, i % 3);
      direct.setDouble(i + 1, i / 3, i % 3);
    }
    Path file = folder.resolve("table.npy");
    Npy.write(file, TABLE);
    NDArray mapped = Npy.map(file);
    assertTrue(mapped.isReadOnly());
    for (NDArray table : new NDArray[] {TABLE, big, direct, mapped, NDArray.of(TABLE.transpose().copy().toDoubles(), 3, 2).transpose()}) {
      NDArray part = Functions.subtract(table.slice("1, ::-1"), Functions.multiply(table.slice("0"), 1));
      assertArrayEquals(new double[] {5, 3, 1}, part.toDoubles());
      assertArrayEquals(new double[] {6, 5, 4, 3, 2, 1}, Functions.add(table.slice("::-1, ::-1"), 0).toDoubles());
      assertArrayEquals(new double[] {1, 4, 2, 5, 3, 6}, Functions.add(table.transpose(), 0).toDoubles());
      assertEquals(0, Functions.add(table.slice("5:, :"), 1).size());
      assertEquals(11, Functions.add(table.slice("1, 2"), 5).getDouble());
    }
    assertEquals(3, expected.size());
  }

  @Test
  void matricesAreMultiplied() {
    NDArray product = Functions.matmul(TABLE, TABLE.transpose());
    assertArrayEquals(new double[] {14, 32, 32, 77}, product.toDoubles());
  }

  @Test
  void whatIsWrongIsNumpysExceptionByMeaning() {
    NDArray three = NDArray.of(new int[] {1, 2, 3});
    NDArray two = NDArray.of(new int[] {1, 2});
    refused(FunctionException.Kind.VALUE, "add", three, two);
    refused(FunctionException.Kind.ATTRIBUTE, "no_such_function", three);
    refused(FunctionException.Kind.TYPE, "add", three);
    refused(FunctionException.Kind.TYPE, "add", three, null);
    refused(FunctionException.Kind.TYPE, "add", three, "text");
    refused(FunctionException.Kind.OVERFLOW, "add", NDArray.of(new byte[1]), 300);
    refused(FunctionException.Kind.OVERFLOW, "add", three, BigInteger.ONE.shiftLeft(200));
    FunctionException axis =
        assertThrows(FunctionException.class, () -> Functions.sum(three, 1));
    assertEquals(FunctionException.Kind.AXIS, axis.kind());
    assertEquals("axis 1 is out of bounds for array of dimension 1", axis.getMessage());
    FunctionException option =
        assertThrows(FunctionException.class, () -> Functions.call("sum", new Object[] {three}, "{\"axes\": 1}"));
    assertEquals("TypeError", option.kind().python());
    FunctionException json =
        assertThrows(FunctionException.class, () -> Functions.call("sum", new Object[] {three}, "no json"));
    assertEquals(FunctionException.Kind.TYPE, json.kind());
  }

  private static void refused(FunctionException.Kind kind, String name, Object... operands) {
    FunctionException error = assertThrows(FunctionException.class, () -> Functions.call(name, operands), name);
    assertEquals(kind, error.kind(), error.getMessage());
  }

  @Test
  void hugeResultsAreRefusedBeforeMemoryIsTaken() {
    NDArray one = NDArray.of(new double[] {1});
    for (String shape : new String[] {"[1099511627776, 1024]", "[9223372036854775807, 8]"}) {
      FunctionException error =
          assertThrows(
              FunctionException.class,
              () -> Functions.call("tile", new Object[] {one}, "{\"reps\": " + shape + "}"));
      boolean meant = error.kind() == FunctionException.Kind.MEMORY || error.kind() == FunctionException.Kind.VALUE;
      assertTrue(meant, error.kind() + ": " + error.getMessage());
    }
  }

  @Test
  void wrongPacketsAreExceptions() {
    ByteBuffer[] direct = {};
    byte[][] heap = {};
    assertThrows(Exception.class, () -> NativeCalls.call("add", new byte[3], direct, heap, ""));
    byte[] many = new NativePacket().number(Long.MAX_VALUE).toBytes();
    assertThrows(Exception.class, () -> NativeCalls.call("add", many, direct, heap, ""));
    byte[] absent = new NativePacket().number(1).u8(0).text("<f8").numbers(new long[] {2}).numbers(new long[] {8}).number(0).number(1).u8(1).number(0).number(16).toBytes();
    assertThrows(Exception.class, () -> NativeCalls.call("negative", absent, direct, heap, ""));
    byte[] outside = new NativePacket().number(1).u8(0).text("<f8").numbers(new long[] {1000}).numbers(new long[] {8}).number(0).number(1).u8(1).number(0).number(16).toBytes();
    ByteBuffer[] small = {ByteBuffer.allocateDirect(16)};
    assertThrows(Exception.class, () -> NativeCalls.call("negative", outside, small, heap, ""));
    ByteBuffer[] none = {null};
    assertThrows(Exception.class, () -> NativeCalls.call("negative", outside, none, heap, ""));
    byte[] behind = new NativePacket().number(1).u8(0).text("<f8").numbers(new long[] {2}).numbers(new long[] {8}).number(0).number(1).u8(0).number(4).number(16).toBytes();
    assertThrows(Exception.class, () -> NativeCalls.call("negative", behind, direct, new byte[][] {new byte[16]}, ""));
    assertThrows(Exception.class, () -> NativeCalls.call(null, many, direct, heap, ""));
    assertEquals(3, Functions.add(1, 2).getLong());
  }

  @Test
  void threadsCallAtTheSameTime() throws Exception {
    List<Throwable> wrong = Collections.synchronizedList(new ArrayList<>());
    Thread[] threads = new Thread[8];
    for (int i = 0; i < threads.length; i++) {
      long start = i;
      threads[i] =
          new Thread(
              () -> {
                try {
                  NDArray array = NDArray.zeros(Dtype.FLOAT64, 100, 100);
                  for (int k = 0; k < 200; k++) {
                    array = Functions.add(array, start);
                  }
                  assertEquals(200.0 * start * 10_000, Functions.sum(array).getDouble());
                } catch (RuntimeException | Error error) {
                  wrong.add(error);
                }
              });
      threads[i].start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(Collections.emptyList(), wrong);
  }

  @Test
  void everyFunctionHasAName() {
    List<String> names = Functions.names();
    assertTrue(names.contains("add") && names.contains("matmul"), names.toString());
    System.out.println("natives: " + names.size() + " functions of arrays");
  }
}
