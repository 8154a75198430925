package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** NPB files of codecs that pure Java does not have. */
class NativeCodecsTest {
  @TempDir Path folder;

  @BeforeAll
  static void load() {
    assertEquals("", Natives.missing());
  }

  @Test
  void whateverTheCommandPacksIsRead() throws Exception {
    int files = 0;
    for (String dtype : new String[] {"<i2", ">f4", "<f8", "<u8"}) {
      NDArray array = numbers(Dtype.of(dtype), 40, 50);
      Path npy = folder.resolve("a.npy");
      Npy.write(npy, array);
      for (String codec : new String[] {"zstd", "zstd:9", "pco", "lz4", "deflate", "none"}) {
        for (String filter : new String[] {"none", "shuffle", "bitshuffle", "delta"}) {
          boolean odd = codec.equals("pco") && !filter.equals("none");
          boolean unsuited = filter.equals("delta") && dtype.contains("f");
          if (odd || unsuited) {
            continue;
          }
          String name = "b" + files++ + ".npb";
          Repo.run(folder, "convert", "a.npy", "-o", name, "--codec", codec, "--filter", filter, "--tile", "16,50");
          NDArray back = Npb.read(folder.resolve(name)).values().iterator().next();
          assertEquals(array, back, dtype + " " + codec + " " + filter);
        }
      }
    }
    System.out.println("natives: " + files + " NPB files of six codecs and four filters read");
    assertTrue(files >= 60, files + " files");
  }

  @Test
  void bytesThatAreNoBlockAreExceptions() throws Exception {
    Random random = new Random(1);
    int refused = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] body = new byte[random.nextInt(200)];
      random.nextBytes(body);
      int kind = random.nextInt(5);
      int width = 1 << random.nextInt(4);
      long element = kind | random.nextInt(3) << 8 | width << 16;
      int how = 2 + random.nextInt(2) | random.nextInt(4) << 8;
      try {
        byte[] out = NativeCalls.unpack(how, element, width, body, 0, 1 + random.nextInt(1000));
        assertTrue(out.length > 0);
      } catch (NdferryException error) {
        assertEquals(NdferryException.Reason.FORMAT, error.reason(), error.getMessage());
        refused++;
      }
    }
    assertTrue(refused > 19_000, refused + " refused");
  }

  @Test
  void whatJavaItselfGetsWrongIsAnExceptionToo() {
    byte[] body = new byte[3];
    assertThrows(IOException.class, () -> NativeCalls.unpack(2, 9, 1, body, 0, 1));
    assertThrows(IOException.class, () -> NativeCalls.unpack(2, 0, 1, body, 4, 1));
    assertThrows(IOException.class, () -> NativeCalls.unpack(2, 0, 1, body, -1, 1));
    assertThrows(IOException.class, () -> NativeCalls.unpack(2, 0, 1, body, 0, -1));
    assertThrows(IOException.class, () -> NativeCalls.unpack(99, 0, 1, body, 0, 1));
    assertThrows(Exception.class, () -> NativeCalls.unpack(2, 0, 1, null, 0, 1));
  }

  private static NDArray numbers(Dtype dtype, int rows, int columns) {
    NDArray array = NDArray.zeros(dtype, rows, columns);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        array.setLong(1000 + 3L * i * j % 257, i, j);
      }
    }
    return array;
  }
}
