package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The NPB files of {@code corpus/npb}, which every implementation reads. */
class VectorsTest {
  @Test
  void everyVectorIsWhatTheTableSaysOrNeedsWhatIsNamed() throws Exception {
    Path corpus = Repo.root().resolve("corpus");
    int read = 0;
    int lacking = 0;
    for (String file : Repo.text(corpus.resolve("index.toml")).split("\\[\\[file\\]\\]")) {
      if (!file.contains("container = \"npb\"")) {
        continue;
      }
      String[] tables = file.split("\\[\\[file.array\\]\\]");
      String path = value(tables[0], "path");
      String lacks = lacks(path);
      if (lacks != null) {
        NdferryException error =
            assertThrows(NdferryException.class, () -> Npb.read(corpus.resolve(path)), path);
        assertEquals(NdferryException.Reason.UNSUPPORTED, error.reason(), path);
        assertTrue(error.getMessage().contains(lacks), error.getMessage());
        lacking++;
        continue;
      }
      Map<String, NDArray> arrays = Npb.read(corpus.resolve(path));
      assertEquals(tables.length - 1, arrays.size(), path);
      for (int i = 1; i < tables.length; i++) {
        NDArray array = arrays.get(value(tables[i], "member"));
        assertEquals(value(tables[i], "dtype"), array.dtype().str(), path);
        assertArrayEquals(shape(tables[i]), array.shape(), path);
        assertEquals(value(tables[i], "sha256"), Repo.sha256(array.toBytes()), path);
        read++;
      }
    }
    boolean all = Natives.isAvailable();
    String with = all ? "the native library" : "pure Java";
    System.out.println("vectors: " + read + " arrays read, " + lacking + " files need what " + with + " lacks");
    assertTrue(all ? read >= 20 && lacking == 1 : read >= 16 && lacking >= 5, read + " " + lacking);
  }

  private static String lacks(String path) {
    if (path.contains("objects")) {
      return "objects";
    }
    return Natives.isAvailable() ? null : path.contains("zstd") ? "zstd" : path.contains("pco") ? "pco" : null;
  }

  private static String value(String table, String key) {
    String line = table.substring(table.indexOf("\n" + key + " = \"") + key.length() + 5);
    return line.substring(0, line.indexOf('"'));
  }

  private static long[] shape(String table) {
    String numbers = table.substring(table.indexOf("shape = [") + 9);
    numbers = numbers.substring(0, numbers.indexOf(']'));
    if (numbers.isEmpty()) {
      return new long[0];
    }
    String[] words = numbers.split(", ");
    long[] shape = new long[words.length];
    for (int i = 0; i < words.length; i++) {
      shape[i] = Long.parseLong(words[i]);
    }
    return shape;
  }
}
