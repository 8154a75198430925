package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** NPY and NPZ files of many NumPys, against what NumPy says they hold. */
class NpyCorpusTest {
  private int arrays;
  private int refused;

  @Test
  void realFilesHoldWhatNumpySays() throws Exception {
    Path corpus = Repo.corpus("npy");
    List<String> wrong = new ArrayList<>();
    for (Object item : Repo.list(Json.parse(Files.readAllBytes(corpus.resolve("manifest.json"))))) {
      Map<String, Object> entry = Repo.map(item);
      String path = (String) entry.get("path");
      try {
        check(Files.readAllBytes(corpus.resolve(path)), entry);
      } catch (IOException | AssertionError error) {
        wrong.add(path + ": " + error.getMessage());
      }
    }
    assertEquals("", String.join("\n", wrong));
    System.out.println("corpus: " + arrays + " arrays read, " + refused + " files refused as they must");
  }

  private void check(byte[] file, Map<String, Object> entry) throws IOException {
    String expect = (String) entry.get("expect");
    boolean archive = expect.equals("archive") || entry.containsKey("members");
    if (archive) {
      try (Npz npz = Npz.open(file)) {
        for (Object item : Repo.list(entry.get("members"))) {
          Map<String, Object> member = Repo.map(item);
          String name = ((String) member.get("file")).replaceAll("\\.npy$", "");
          Map<String, Object> array = Repo.map(member.get("array"));
          if (array != null && !Boolean.TRUE.equals(array.get("object"))) {
            same(npz.read(name), array);
          }
        }
      }
      return;
    }
    NDArray array;
    try {
      array = Npy.read(file);
    } catch (NdferryException error) {
      boolean objects = Boolean.TRUE.equals(entry.get("object"));
      if (expect.equals("array") && !objects) {
        throw error;
      }
      refused++;
      return;
    }
    assertEquals(false, expect.equals("error"), "read, though it is no array");
    if (entry.get("sha256_c") != null) {
      same(array, entry);
    }
  }

  private void same(NDArray array, Map<String, Object> entry) {
    arrays++;
    assertEquals(Arrays.toString(Repo.longs(entry.get("shape"))), Arrays.toString(array.shape()));
    assertEquals(entry.get("sha256_c"), Repo.sha256(array.toBytes()));
    Object descr = Repo.map(entry.get("header")).get("descr");
    boolean plain = !"quirk-heads".equals(entry.get("family"));
    if (plain && descr instanceof String) {
      assertEquals(descr, array.dtype().str());
    }
  }
}
