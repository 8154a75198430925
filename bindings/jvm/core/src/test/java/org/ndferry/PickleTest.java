package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PickleTest {
  @TempDir Path folder;

  private static NDArray some(String dtype, long... shape) {
    NDArray array = NDArray.zeros(Dtype.of(dtype), shape);
    byte[] bytes = new byte[(int) array.nbytes()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (i * 89);
    }
    return NDArray.wrap(ByteBuffer.wrap(bytes), array.dtype(), shape);
  }

  @Test
  void theDocumentedPicklesAreTheSameArray() throws Exception {
    for (String name : new String[] {"python-2", "protocol-2", "protocol-5"}) {
      byte[] pickle = Repo.hexdump("pickle.md", name);
      NDArray array = PickleReader.read(pickle).get("");
      assertEquals("<u2", array.dtype().str(), name);
      assertArrayEquals(new long[] {2, 3}, array.shape());
      assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6}, array.toInts());
      Repo.survives(pickle, PickleReader::read, true);
    }
  }

  @Test
  void theFilesOfTheTableAreReadAsItSays() throws Exception {
    Path corpus = Repo.root().resolve("corpus");
    int count = 0;
    for (String table : Repo.text(corpus.resolve("index.toml")).split("\\[\\[file\\]\\]")) {
      if (!table.contains("container = \"pickle\"")) {
        continue;
      }
      String path = value(table, "path");
      Map<String, NDArray> arrays = PickleReader.read(corpus.resolve(path));
      NDArray array = arrays.get(value(table, "member"));
      assertEquals(value(table, "dtype"), array.dtype().str(), path);
      assertEquals(value(table, "sha256"), Repo.sha256(array.toBytes()), path);
      count++;
    }
    assertTrue(count >= 3, "only " + count);
  }

  private static String value(String table, String key) {
    String line = table.substring(table.indexOf("\n" + key + " = \"") + key.length() + 5);
    return line.substring(0, line.indexOf('"'));
  }

  @Test
  void whatIsWrittenComesBack() throws Exception {
    String[] dtypes = {
      "?", "i1", "<u2", ">i4", "<i8", "<f2", ">f8", "<c16", "S5", "<U3", ">U2", "V4", "<M8[25us]", "<m8", "i4,(2,3)f8,U2"
    };
    for (int protocol = 0; protocol <= 5; protocol++) {
      for (String dtype : dtypes) {
        for (long[] shape : new long[][] {{}, {3}, {2, 3}, {0, 4}}) {
          NDArray array = some(dtype, shape);
          for (NDArray one : new NDArray[] {array, array.transpose()}) {
            byte[] pickle = PickleWriter.encode(one, protocol);
            assertEquals(one, PickleReader.read(pickle).get(""), dtype + " " + protocol);
          }
        }
      }
    }
  }

  @Test
  void dictionariesComeBack() throws Exception {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    arrays.put("a", some("<u2", 3));
    arrays.put("b\u00e4", some("<f8", 2, 2));
    PickleWriter.write(folder.resolve("a.pkl"), arrays, 3);
    assertEquals(arrays, PickleReader.read(folder.resolve("a.pkl")));
  }

  @Test
  void arrayArraysComeBack() throws Exception {
    for (String dtype : new String[] {"i1", "u1", "<i2", "<u4", "<i8", "<u8", "<f4", "<f8"}) {
      NDArray array = some(dtype, 5);
      byte[] pickle = PickleWriter.encodeArrayArray(array);
      NDArray back = PickleReader.read(pickle).get("");
      assertEquals(array, back, dtype);
    }
  }

  @Test
  void structsHaveNoOrderOfBytesAndNumbersNoZeroBeforeThem() throws Exception {
    String right =
        "\u0080\u0002cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntU\u0001btR(I1\n(I1\ntcnumpy\ndtype\n(U\u0002V2I0\nI1\ntR"
            + "(I3\nU\u0001|N(U\u0001at}U\u0001a(cnumpy\ndtype\n(U\u0002i2I0\nI1\ntR(I3\nU\u0001<NNNI-1\nI-1\nI0\ntbI0\ntsI2\nI1\nI16\ntb"
            + "I00\nU\u0002\u0001\u0000tb.";
    assertEquals(1, PickleReader.read(right.getBytes(StandardCharsets.ISO_8859_1)).get("").size());
    for (String wrong : new String[] {right.replace("U\u0001|", "U\u0001>"), right.replace("I16\n", "I016\n")}) {
      assertThrows(NdferryException.class, () -> PickleReader.read(wrong.getBytes(StandardCharsets.ISO_8859_1)));
    }
  }

  @Test
  void whatCouldRunIsRefusedByName() {
    String[] pickles = {
      "cos\nsystem\n(S'id'\ntR.", "(S'id'\nios\nsystem\n.", "cnumpy\nload\n(S'x'\ntR.", "cnumpy.core.multiarray\nfromstring\n(tR.",
      "cbuiltins\neval\n(S'1'\ntR.", "(cbuiltins\neval\nS'1'\no.", "\u0080\u0002cx\ny\n)\u0081.",
    };
    for (String text : pickles) {
      byte[] pickle = text.getBytes(StandardCharsets.ISO_8859_1);
      NdferryException error = assertThrows(NdferryException.class, () -> PickleReader.read(pickle), text);
      assertEquals(NdferryException.Reason.UNSUPPORTED, error.reason(), text);
      assertTrue(error.getMessage().contains("the pickle needs "), error.getMessage());
    }
  }

  @Test
  void claimsAndNestingAreNotBelieved() {
    byte[] length = {'B', -1, -1, -1, 127, '.'};
    assertThrows(NdferryException.class, () -> PickleReader.read(length));
    byte[] long8 = {(byte) 0x8e, -1, -1, -1, -1, -1, -1, -1, -1, '.'};
    assertThrows(NdferryException.class, () -> PickleReader.read(long8));
    byte[] memo = {'N', 'r', -1, -1, -1, -1, '.'};
    assertTrue(assertDoesRead(memo));
    byte[] deep = new byte[100_001];
    Arrays.fill(deep, (byte) ']');
    deep[100_000] = '.';
    assertThrows(NdferryException.class, () -> PickleReader.read(deep));
    // Lists that each hold the former twice: a million million million leaves.
    StringBuilder laughs = new StringBuilder("]q0");
    laughs.setLength(0);
    laughs.append("(lp0\n");
    for (int i = 0; i < 60; i++) {
      laughs.append("(g").append(i).append("\ng").append(i).append("\nlp").append(i + 1).append("\n");
    }
    byte[] shared = ("(" + laughs + "t.").getBytes(StandardCharsets.US_ASCII);
    assertTrue(assertDoesRead(shared));
  }

  private static boolean assertDoesRead(byte[] pickle) {
    try {
      return PickleReader.read(pickle).isEmpty();
    } catch (NdferryException error) {
      throw new AssertionError(error);
    }
  }

  @Test
  void structsThatShareStructsEndSomewhere() {
    // Each level is a struct of the former twice, of no bytes at all.
    StringBuilder text = new StringBuilder("cnumpy\ndtype\np0\n(S'V0'\nI0\nI1\ntRp1\n");
    for (int i = 1; i < 60; i++) {
      text.append("g0\n(S'V0'\nI0\nI1\ntR(I3\nS'|'\nN(S'a'\nS'b'\nt(dS'a'\n(g").append(i);
      text.append("\nI0\ntsS'b'\n(g").append(i).append("\nI0\ntsI0\nI1\nI16\ntbp").append(i + 1).append("\n");
    }
    byte[] pickle = (text + ".").getBytes(StandardCharsets.US_ASCII);
    NdferryException error = assertThrows(NdferryException.class, () -> PickleReader.read(pickle));
    assertEquals(NdferryException.Reason.LIMIT, error.reason(), error.getMessage());
  }

  @Test
  void theCommandReadsWhatJavaWrote() throws Exception {
    Repo.command();
    NDArray array = some("<u2", 4, 5, 6);
    for (int protocol = 2; protocol <= 4; protocol++) {
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      arrays.put("c", array);
      arrays.put("f", array.transpose());
      arrays.put("s", some("i4,(2,3)f8,U2,M8[s]", 3));
      Path file = folder.resolve(protocol + ".pkl");
      PickleWriter.write(file, arrays, protocol);
      String line = Repo.run(folder, "info", "--json", "--sha256", file.toString()).split("\n")[0];
      Map<String, Object> info = Repo.map(Json.parse(line));
      assertEquals("clean", info.get("safety"));
      int count = 0;
      for (Object item : Repo.list(info.get("members"))) {
        Map<String, Object> member = Repo.map(item);
        NDArray own = arrays.get(member.get("path"));
        assertArrayEquals(own.shape(), Repo.longs(member.get("shape")));
        assertEquals(Repo.sha256(own.toBytes()), member.get("sha256"));
        count++;
      }
      assertEquals(3, count);
    }
    Files.write(folder.resolve("aa.pkl"), PickleWriter.encodeArrayArray(some("<i4", 7)));
    String line = Repo.run(folder, "info", "--json", "--sha256", "aa.pkl").split("\n")[0];
    Map<String, Object> member = Repo.map(Repo.list(Repo.map(Json.parse(line)).get("members")).get(0));
    assertEquals(Repo.sha256(some("<i4", 7).toBytes()), member.get("sha256"));
  }
}
