package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NpyTest {
  @TempDir Path folder;

  private static byte[] bytes(NDArray array) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Npy.write(out, array);
    return out.toByteArray();
  }

  private static NDArray some(String dtype, long... shape) {
    NDArray array = NDArray.zeros(Dtype.of(dtype), shape);
    for (java.nio.ByteBuffer piece : array.storage().pieces(0, array.nbytes())) {
      for (int i = 0; piece.hasRemaining(); i++) {
        piece.put((byte) (i * 37 + 11));
      }
    }
    return array;
  }

  @Test
  void theDocumentedFileIsReadAndWritten() throws Exception {
    byte[] file = Repo.hexdump("npy.md", "npy");
    NDArray array = Npy.read(file);
    assertEquals("<u2", array.dtype().str());
    assertArrayEquals(new long[] {2, 3}, array.shape());
    assertArrayEquals(new int[] {1, 2, 3, 4, 5, 6}, array.toInts());
    assertArrayEquals(file, bytes(array));
  }

  @Test
  void everyDtypeComesBackByteForByte() throws Exception {
    String[] dtypes = {
      "?", "i1", "u1", "<i2", ">u4", "<i8", "<f2", ">f4", "<f8", "<c8", ">c16", "S3", ">U2", "V5", "<M8[25us]",
      "<m8", "i4,(2,3)f8,U2", "<f16"
    };
    for (String dtype : dtypes) {
      for (long[] shape : new long[][] {{}, {3}, {2, 3}, {0, 4}, {1, 1, 5}}) {
        NDArray array = some(dtype, shape);
        assertEquals(array, Npy.read(bytes(array)), dtype);
      }
    }
  }

  @Test
  void fortranOrderStaysSo() throws Exception {
    NDArray array = some("<i2", 3, 4, 5).transpose();
    byte[] file = bytes(array);
    assertTrue(new String(file, StandardCharsets.ISO_8859_1).contains("'fortran_order': True"));
    NDArray back = Npy.read(file);
    assertTrue(back.isFortran());
    assertEquals(array, back);
    NDArray strided = some("<i2", 3, 4, 5).slice("::2, 1:, ::-1");
    assertEquals(strided, Npy.read(bytes(strided)));
  }

  @Test
  void structsWithTitlesPaddingAndOtherScriptsComeBack() throws Exception {
    String descr =
        "[('a', '|u1'), ('', '|V3'), (('the title', 'b'), '<i4'), ('\u00e4', '<f4', (2,)),"
            + " ('\u65e5', [('x', '|S2')])]";
    byte[] utf8 = descr.getBytes(StandardCharsets.UTF_8);
    Dtype dtype = Descr.parse(Literal.parse(utf8, true, 0));
    assertEquals(descr, dtype.toString());
    NDArray array = NDArray.zeros(dtype, 3);
    array.field("the title").setLong(5, 2);
    byte[] file = bytes(array);
    assertEquals(3, file[6]);
    NDArray back = Npy.read(file);
    assertEquals(array, back);
    assertEquals(5, back.field("b").getLong(2));
  }

  @Test
  void longHeadersAreVersionTwo() throws Exception {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 9000; i++) {
      text.append(i > 0 ? "," : "").append("u1");
    }
    NDArray array = NDArray.zeros(Dtype.of(text.toString()), 1);
    byte[] file = bytes(array);
    assertEquals(2, file[6]);
    assertEquals(array, Npy.read(file));
  }

  @Test
  void anotherArrayMayFollowInAStream() throws Exception {
    NDArray first = some("<u2", 3);
    NDArray second = some("<f8", 2, 2);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Npy.write(out, first);
    Npy.write(out, second);
    InputStream in = new ByteArrayInputStream(out.toByteArray());
    assertEquals(first, Npy.read(in));
    assertEquals(second, Npy.read(in));
  }

  @Test
  void filesAndMapsHoldTheSame() throws Exception {
    Path file = folder.resolve("a.npy");
    NDArray array = some("<i4", 5, 7);
    Npy.write(file, array);
    assertEquals(array, Npy.read(file));
    NDArray map = Npy.map(file);
    assertEquals(array, map);
    assertTrue(map.isReadOnly());
    assertThrows(java.nio.ReadOnlyBufferException.class, () -> map.setLong(1, 0, 0));
    Npy.write(file, array.slice("0"));
    assertEquals(array.slice("0"), Npy.read(file));
    assertEquals(1, Files.list(folder).count());
  }

  @Test
  void whatIsNotAnArrayOfNumbersIsRefusedWithItsPlace() throws Exception {
    NdferryException magic = assertThrows(NdferryException.class, () -> Npy.read("GIF89a..".getBytes("ASCII")));
    assertEquals("byte 0: not an NPY file: it starts with 47 49 46 38 39 61 2e 2e", magic.getMessage());
    byte[] file = bytes(some("<u2", 4));
    file[6] = 9;
    assertEquals(6, assertThrows(NdferryException.class, () -> Npy.read(file)).offset());
    byte[] objects = head("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }");
    NdferryException error = assertThrows(NdferryException.class, () -> Npy.read(objects));
    assertEquals(NdferryException.Reason.UNSUPPORTED, error.reason());
    assertThrows(IllegalArgumentException.class, () -> bytes(NDArray.zeros(Dtype.of("O"), 1)));
  }

  private static byte[] head(String text) {
    byte[] out = new byte[10 + text.length()];
    byte[] start = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) text.length(), 0};
    System.arraycopy(start, 0, out, 0, 10);
    System.arraycopy(text.getBytes(StandardCharsets.ISO_8859_1), 0, out, 10, text.length());
    return out;
  }

  @Test
  void claimsAreNotBelieved() {
    for (String shape : new String[] {"(9999999999999,)", "(9223372036854775807, 9)", "(4000000000, 4)", "(300000000,)"}) {
      byte[] file = head("{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + "}");
      assertThrows(NdferryException.class, () -> Npy.read(file), shape);
      assertThrows(NdferryException.class, () -> Npy.read(new ByteArrayInputStream(file)), shape);
    }
    StringBuilder deep = new StringBuilder();
    for (int i = 0; i < 200; i++) {
      deep.append('(');
    }
    assertThrows(NdferryException.class, () -> Npy.read(head(deep.toString())));
    assertThrows(NdferryException.class, () -> Literal.parse(new byte[] {'['}, false, 0));
  }

  @Test
  void cutAndChangedFilesNeverDoHarm() throws Exception {
    Repo.survives(bytes(some("i2,(2,)f4", 2)), Npy::read, true);
  }

  @Test
  void archivesComeBack() throws Exception {
    for (boolean compress : new boolean[] {false, true}) {
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      arrays.put("arr_0", some("<u2", 30, 40));
      arrays.put("b", some("<f8", 3).slice("::-1"));
      arrays.put("\u00e4", some("?", 0, 2));
      Path file = folder.resolve("a.npz");
      Npz.write(file, arrays, compress);
      assertEquals(arrays, Npz.read(file));
      byte[] whole = Files.readAllBytes(file);
      Repo.survives(
          java.util.Arrays.copyOf(whole, whole.length),
          bytes -> {
            try (Npz npz = Npz.open(bytes)) {
              for (String name : npz.names()) {
                npz.read(name);
              }
              return npz;
            }
          },
          true);
    }
  }

  @Test
  void aChangedElementInAnArchiveIsFound() throws Exception {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    arrays.put("a", some("<u2", 100));
    Path file = folder.resolve("b.npz");
    Npz.write(file, arrays, false);
    byte[] whole = Files.readAllBytes(file);
    whole[250] ^= 1;
    try (Npz npz = Npz.open(whole)) {
      NdferryException error = assertThrows(NdferryException.class, () -> npz.read("a"));
      assertEquals("a.npy: damaged: its checksum is wrong", error.getMessage());
      assertThrows(IllegalArgumentException.class, () -> npz.read("b"));
    }
  }

  @Test
  void theCommandReadsWhatJavaWroteAndJavaWhatItWrote() throws Exception {
    Repo.command();
    NDArray array = some("<u2", 6, 50, 60);
    Npy.write(folder.resolve("a.npy"), array);
    Repo.run(folder, "convert", "a.npy", "-o", "b.npz");
    assertEquals(array, Npz.read(folder.resolve("b.npz")).values().iterator().next());
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    arrays.put("x", array.transpose());
    arrays.put("y", some("i4,(2,)f8", 4));
    Npz.write(folder.resolve("c.npz"), arrays, true);
    String[] lines = Repo.run(folder, "info", "--json", "--sha256", "c.npz").split("\n");
    Map<String, Object> info = Repo.map(Json.parse(lines[0]));
    int i = 0;
    for (Map.Entry<String, NDArray> entry : arrays.entrySet()) {
      Map<String, Object> member = Repo.map(Repo.list(info.get("members")).get(i++));
      assertArrayEquals(entry.getValue().shape(), Repo.longs(member.get("shape")));
      assertEquals(Repo.sha256(entry.getValue().toBytes()), member.get("sha256"));
    }
  }
}
