package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LazyFileTest {
  @TempDir Path folder;
  private final NDArray stack = NDArray.zeros(Dtype.UINT16, 6, 40, 50);
  private Path file;

  @BeforeEach
  void save() throws Exception {
    assertEquals("", Natives.missing());
    for (int i = 0; i < 6 * 40 * 50; i++) {
      stack.setLong(7 * i, i / 2000, i / 50 % 40, i % 50);
    }
    Npy.write(folder.resolve("stack.npy"), stack);
    Repo.run(folder, "convert", "stack.npy", "-o", "stack.npb", "--codec", "zstd", "--tile", "1,40,50");
    file = folder.resolve("stack.npb");
  }

  private static LazyFile.Member only(LazyFile file) {
    return file.arrays().values().iterator().next();
  }

  @Test
  void partsAreWhatSlicesAre() throws Exception {
    for (String name : new String[] {"stack.npb", "stack.npy"}) {
      try (LazyFile opened = LazyFile.open(folder.resolve(name))) {
        LazyFile.Member array = only(opened);
        assertEquals(Dtype.UINT16, array.dtype());
        assertArrayEquals(new long[] {6, 40, 50}, array.shape());
        for (String index : new String[] {"", "2", "-1, :, 0", "..., ::-3", "1:4, 5, None, 7:9", "0, 0, 0", "3:3"}) {
          NDArray expected = index.isEmpty() ? stack : stack.slice(index);
          assertEquals(expected, array.read(index), index);
          ByteBuffer buffer = ByteBuffer.allocateDirect((int) expected.nbytes() + 10);
          buffer.position(3);
          array.read(index, buffer);
          assertEquals(3 + expected.nbytes(), buffer.position(), index);
          buffer.flip();
          buffer.position(3);
          assertEquals(expected, NDArray.wrap(buffer, Dtype.UINT16, expected.shape()), index);
        }
      }
    }
  }

  @Test
  void wrongCallsAreExceptions() throws Exception {
    try (LazyFile opened = LazyFile.open(file)) {
      LazyFile.Member array = only(opened);
      assertThrows(IndexOutOfBoundsException.class, () -> array.read("9"));
      assertThrows(IndexOutOfBoundsException.class, () -> array.read("0, 0, 0, 0"));
      assertThrows(IllegalArgumentException.class, () -> array.read("a"));
      assertThrows(IllegalArgumentException.class, () -> array.read("::0"));
      IllegalArgumentException small =
          assertThrows(IllegalArgumentException.class, () -> array.read("", ByteBuffer.allocateDirect(7)));
      assertEquals("the part has 24000 bytes, but the buffer has room for 7", small.getMessage());
      assertThrows(IllegalArgumentException.class, () -> array.read("", ByteBuffer.allocate(24000)));
      ByteBuffer fixed = ByteBuffer.allocateDirect(24000).asReadOnlyBuffer();
      assertThrows(IllegalArgumentException.class, () -> array.read("", fixed));
      assertThrows(IllegalArgumentException.class, () -> opened.array("nothing"));
    }
    assertThrows(IOException.class, () -> LazyFile.open(folder.resolve("nothing.npy")));
    Path text = Files.write(folder.resolve("text.npy"), "no array at all".getBytes("UTF-8"));
    NdferryException error = assertThrows(NdferryException.class, () -> LazyFile.open(text));
    assertEquals(NdferryException.Reason.FORMAT, error.reason());
  }

  @Test
  void damageIsAnExceptionWithItsPlace() throws Exception {
    byte[] bytes = Files.readAllBytes(folder.resolve("stack.npy"));
    Path cut = Files.write(folder.resolve("cut.npy"), java.util.Arrays.copyOf(bytes, 1000));
    NdferryException error =
        assertThrows(
            NdferryException.class,
            () -> {
              try (LazyFile opened = LazyFile.open(cut)) {
                only(opened).read();
              }
            });
    assertTrue(error.getMessage().contains("byte "), error.getMessage());
  }

  @Test
  void pythonObjectsAreListedAndRefused() throws Exception {
    Path pickle = Repo.root().resolve("corpus/npb/objects.npb");
    if (!Files.exists(pickle)) {
      System.out.println("skipped: no " + pickle);
      return;
    }
    try (LazyFile opened = LazyFile.open(pickle)) {
      assertNull(only(opened).dtype());
      NdferryException error = assertThrows(NdferryException.class, () -> only(opened).read());
      assertEquals(NdferryException.Reason.UNSUPPORTED, error.reason(), error.getMessage());
    }
  }

  @Test
  void aClosedFileIsAnExceptionAlsoInOtherThreads() throws Exception {
    LazyFile opened = LazyFile.open(file);
    LazyFile.Member array = only(opened);
    List<Throwable> wrong = Collections.synchronizedList(new ArrayList<>());
    AtomicInteger read = new AtomicInteger();
    AtomicInteger refused = new AtomicInteger();
    Thread[] threads = new Thread[8];
    for (int i = 0; i < threads.length; i++) {
      threads[i] =
          new Thread(
              () -> {
                while (true) {
                  try {
                    if (!array.read("1").equals(stack.slice("1"))) {
                      throw new AssertionError("other elements");
                    }
                    read.incrementAndGet();
                  } catch (IllegalStateException closed) {
                    refused.incrementAndGet();
                    return;
                  } catch (IOException | RuntimeException | Error other) {
                    wrong.add(other);
                    return;
                  }
                }
              });
      threads[i].start();
    }
    while (read.get() < 50 && wrong.isEmpty()) {
      Thread.sleep(1);
    }
    opened.close();
    opened.close();
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(Collections.emptyList(), wrong);
    assertEquals(8, refused.get());
    assertThrows(IllegalStateException.class, () -> array.read());
  }

  @Test
  void numbersOfNothingAreExceptions() throws Exception {
    assertThrows(IllegalStateException.class, () -> NativeCalls.read(Long.MAX_VALUE, 0, ""));
    assertThrows(IllegalStateException.class, () -> NativeCalls.members(0));
    assertThrows(IllegalStateException.class, () -> NativeCalls.read(-1, 0, ""));
    NativeCalls.free(-1);
    try (LazyFile opened = LazyFile.open(file)) {
      long number = (long) number(opened);
      NdferryException error = assertThrows(NdferryException.class, () -> NativeCalls.read(number, 99, ""));
      assertEquals(NdferryException.Reason.BUG, error.reason());
      assertThrows(NdferryException.class, () -> NativeCalls.read(number, -1, ""));
      ByteBuffer buffer = ByteBuffer.allocateDirect(10);
      assertThrows(NdferryException.class, () -> NativeCalls.readInto(number, 0, "", buffer, 5, 11));
      assertThrows(NdferryException.class, () -> NativeCalls.readInto(number, 0, "", buffer, -1, 4));
      assertThrows(NdferryException.class, () -> NativeCalls.readInto(number, 0, "", buffer, 5, 4));
      assertThrows(Exception.class, () -> NativeCalls.readInto(number, 0, "", null, 0, 4));
      assertThrows(Exception.class, () -> NativeCalls.readInto(number, 0, "", ByteBuffer.allocate(10), 0, 4));
    }
  }

  private static Object number(LazyFile opened) throws Exception {
    java.lang.reflect.Field field = LazyFile.class.getDeclaredField("number");
    field.setAccessible(true);
    return field.get(opened);
  }

  @Test
  void elementsStayWhileSomebodyHasThemAndAreFreedAfterwards() throws Exception {
    NDArray plane;
    try (LazyFile opened = LazyFile.open(file)) {
      plane = only(opened).read().slice("3, ::2");
      for (int i = 0; i < 50; i++) {
        only(opened).read();
      }
    }
    long before = NativeMemory.nbytes();
    assertTrue(before >= 24_000, before + " bytes");
    for (int i = 0; i < 100 && NativeMemory.nbytes() > 24_000; i++) {
      System.gc();
      Thread.sleep(20);
    }
    assertEquals(24_000, NativeMemory.nbytes());
    assertEquals(stack.slice("3, ::2"), plane);
  }
}
