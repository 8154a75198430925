package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NpbTest {
  private static final long TRANSFER = 0x1122334455667788L;

  @TempDir Path folder;

  /** Smooth enough to be packed, rough enough that an error shows. */
  private static NDArray some(String dtype, long... shape) {
    NDArray array = NDArray.zeros(Dtype.of(dtype), shape);
    Random random = new Random(1);
    byte[] bytes = new byte[(int) array.nbytes()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (i / 7 + random.nextInt(3));
    }
    return NDArray.wrap(ByteBuffer.wrap(bytes), array.dtype(), shape);
  }

  private static Map<String, NDArray> named(String name, NDArray array) {
    return Collections.singletonMap(name, array);
  }

  private static byte[] file(Map<String, NDArray> arrays, Npb.Packing packing) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new NpbWriter(out).write(arrays, packing);
    return out.toByteArray();
  }

  private static NpbManifest manifest() {
    NpbManifest manifest =
        NpbManifest.of(Dtype.UINT16, new long[] {3, 4}, new long[] {2, 4});
    manifest.headerBlocks = 2;
    manifest.dataBlocks = 2;
    return manifest;
  }

  private static byte[] body(String name) throws Exception {
    byte[] message = Repo.hexdump("npb.md", name);
    NpbMessage head = NpbMessage.parse(message, 0);
    head.check(message, NpbMessage.HEAD_NBYTES, message.length - NpbMessage.HEAD_NBYTES);
    return Arrays.copyOfRange(message, NpbMessage.HEAD_NBYTES, message.length);
  }

  @Test
  void theDocumentedMessagesAreTheOnesWritten() throws Exception {
    assertArrayEquals(
        Repo.hexdump("npb.md", "manifest"),
        NpbMessage.encode(NpbMessage.MANIFEST, TRANSFER, 0, manifest().encode()));
    byte[] attributes = "{\"name\": \"cells\"}".getBytes(StandardCharsets.UTF_8);
    assertArrayEquals(
        Repo.hexdump("npb.md", "header"),
        NpbMessage.encode(NpbMessage.HEADER, TRANSFER, 1, attributes));
    ByteBuffer raw = ByteBuffer.wrap(NDArray.of(new short[] {0, 1, 2, 3, 4, 5, 6, 7}).toBytes());
    byte[] data =
        new Packet().bytes(NpbBlock.rawHead(TRANSFER, 0, raw)).bytes(raw.array()).toBytes();
    assertArrayEquals(Repo.hexdump("npb.md", "data"), data);
    NpbIndex.Root root = new NpbIndex.Root();
    root.manifest = manifest();
    root.shape = new long[] {3, 4};
    root.headers.add("(NPY header)".getBytes(StandardCharsets.UTF_8));
    root.headers.add(attributes);
    root.parts = new long[] {476, 80};
    assertArrayEquals(
        Repo.hexdump("npb.md", "index-root"),
        NpbMessage.encode(NpbMessage.INDEX, TRANSFER, NpbIndex.ROOT, root.encode(2)));
    NpbIndex.Entry entry = new NpbIndex.Entry();
    entry.name = "cells";
    entry.transfer = TRANSFER;
    entry.root = 556;
    entry.rootNbytes = 221;
    assertArrayEquals(
        Repo.hexdump("npb.md", "catalog"),
        NpbMessage.encode(
            NpbMessage.CATALOG, 0, 0, NpbIndex.encode(Collections.singletonList(entry))));
    assertArrayEquals(
        Repo.hexdump("npb.md", "tail"),
        NpbMessage.encode(NpbMessage.TAIL, 0, 0, NpbIndex.tail(777, 556, 221, NpbMessage.INDEX)));
  }

  @Test
  void theDocumentedMessagesAreRead() throws Exception {
    NpbManifest manifest = NpbManifest.parse(body("manifest"), 0, 1 << 20);
    assertArrayEquals(manifest().encode(), manifest.encode());
    assertEquals("cells", NpbAssembly.name(body("header")));
    NpbIndex.Root root = NpbIndex.root(new Cursor(body("index-root"), 0, 0), 1 << 20);
    assertArrayEquals(new long[] {476, 80}, root.parts);
    long[] places = NpbIndex.part(new Cursor(body("index-part"), 0, 0), 0, 2);
    assertArrayEquals(new long[] {300, 24, 364, 16}, places);
    assertEquals("cells", NpbIndex.catalog(new Cursor(body("catalog"), 0, 0)).get(0).name);
  }

  @Test
  void everyKindOfArrayComesBack() throws Exception {
    String[] dtypes = {"?", "<u2", ">i4", "<f8", "<c8", "S3", "<U2", "i4,(2,)f8", "<M8[s]", "V0"};
    for (Npb.Packing packing : Npb.Packing.values()) {
      for (String dtype : dtypes) {
        for (long[] shape : new long[][] {{}, {5}, {3, 4}, {0, 3}, {2, 1, 6}}) {
          NDArray array = some(dtype, shape);
          for (NDArray one : new NDArray[] {array, array.transpose()}) {
            byte[] file = file(named("", one), packing);
            assertEquals(one, Npb.open(file).array("").read(), dtype);
            assertEquals(one, Npb.read(new ByteArrayInputStream(file)).get(""), dtype);
          }
        }
      }
    }
  }

  @Test
  void severalArraysKeepTheirNames() throws Exception {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    arrays.put("cells \u65e5", some("<u2", 40, 50));
    arrays.put("mask", some("?", 40, 50));
    Path file = folder.resolve("a.npb");
    Npb.write(file, arrays, Npb.Packing.SHUFFLE_DEFLATE);
    assertEquals(arrays, Npb.read(file));
    assertEquals(arrays, Npb.read(Files.newInputStream(file)));
    try (Npb npb = Npb.open(file)) {
      assertThrows(IllegalArgumentException.class, () -> npb.array("x"));
    }
  }

  @Test
  void partsAreThoseOfTheWhole() throws Exception {
    NDArray array = some("<u2", 5, 300, 700);
    for (NDArray one : new NDArray[] {array, array.transpose(2, 1, 0)}) {
      NpbArray lazy = Npb.open(file(named("", one), Npb.Packing.DEFLATE)).array("");
      String[] indices = {"2", "..., 3", "1:3, 100, ::-7", "::-2, ::50, 10:20", "-1, -1, -1", "3:1", "None, 4, ::2"};
      for (String index : indices) {
        assertEquals(one.slice(index), lazy.read(index), index);
      }
      assertThrows(IndexOutOfBoundsException.class, () -> lazy.read("700"));
    }
  }

  @Test
  void cutAndChangedFilesNeverDoHarm() throws Exception {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    arrays.put("a", some("<u2", 3, 4));
    arrays.put("b", some("<f4", 2));
    for (Npb.Packing packing : new Npb.Packing[] {Npb.Packing.RAW, Npb.Packing.SHUFFLE_DEFLATE}) {
      byte[] file = file(arrays, packing);
      Repo.survives(
          file,
          bytes -> {
            for (NpbArray array : Npb.open(bytes).arrays()) {
              array.read();
            }
            return null;
          },
          true);
      Repo.survives(file, bytes -> Npb.read(new ByteArrayInputStream(bytes)), false);
    }
  }

  @Test
  void aChangedElementIsAlwaysFound() throws Exception {
    NDArray array = some("<u2", 3, 4);
    byte[] file = file(named("", array), Npb.Packing.RAW);
    int found = 0;
    for (int at = 0; at < file.length; at++) {
      byte[] changed = file.clone();
      changed[at] ^= 1;
      try {
        NDArray read = Npb.read(new ByteArrayInputStream(changed)).get("");
        assertEquals(array, read, "byte " + at);
      } catch (NdferryException error) {
        found++;
      }
    }
    assertTrue(found > 300, "only " + found);
  }

  @Test
  void aPeersClaimsTakeNoMemory() throws Exception {
    // 400 MB of the 512 that this test has, five times, and not one tile.
    for (int i = 0; i < 5; i++) {
      long[] shape = {400, 1000, 1000};
      NpbManifest manifest = NpbManifest.of(Dtype.UINT8, shape, new long[] {1, 1000, 1000});
      manifest.headerBlocks = 1;
      manifest.dataBlocks = 400;
      byte[] head = NpyHeader.of(Dtype.UINT8, shape, false).encode();
      Packet out = new Packet();
      out.bytes(NpbMessage.encode(NpbMessage.MANIFEST, 1, 0, manifest.encode()));
      out.bytes(NpbMessage.encode(NpbMessage.HEADER, 1, 0, head));
      long before = Runtime.getRuntime().totalMemory();
      NdferryException error =
          assertThrows(
              NdferryException.class, () -> Npb.read(new ByteArrayInputStream(out.toBytes())));
      assertTrue(error.getMessage().contains("the rest of the arrays is missing"), error.getMessage());
      assertTrue(Runtime.getRuntime().totalMemory() - before < 300 << 20);
    }
    byte[] huge = {(byte) 0x93, 'N', 'P', 'B', 1};
    assertThrows(NdferryException.class, () -> Npb.read(new ByteArrayInputStream(huge)));
  }

  @Test
  void theCommandReadsWhatJavaWrote() throws Exception {
    Repo.command();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    arrays.put("x", some("<u2", 30, 200, 100).transpose());
    arrays.put("y", some(">f8", 1000));
    arrays.put("empty", some("<i4", 0, 3));
    for (Npb.Packing packing : Npb.Packing.values()) {
      Path file = folder.resolve(packing + ".npb");
      Npb.write(file, arrays, packing);
      Repo.run(folder, "verify", file.toString());
      Repo.run(folder, "check", file.toString());
      String line = Repo.run(folder, "info", "--json", "--sha256", file.toString()).split("\n")[0];
      int i = 0;
      for (Object item : Repo.list(Repo.map(Json.parse(line)).get("members"))) {
        Map<String, Object> member = Repo.map(item);
        NDArray own = arrays.get(member.get("path"));
        assertArrayEquals(own.shape(), Repo.longs(member.get("shape")));
        assertEquals(Repo.sha256(own.toBytes()), member.get("sha256"));
        i++;
      }
      assertEquals(3, i);
    }
  }

  @Test
  void javaReadsWhatTheCommandWrote() throws Exception {
    Repo.command();
    for (String dtype : new String[] {"<u2", ">i4", "|u1", "<f8", "S5"}) {
      for (NDArray array : new NDArray[] {some(dtype, 13, 50, 61), some(dtype, 13, 50, 61).transpose()}) {
        Npy.write(folder.resolve("a.npy"), array);
        for (String codec : new String[] {"none", "lz4", "deflate", "deflate:9"}) {
          for (String filter : new String[] {"none", "shuffle", "bitshuffle", "delta"}) {
            if (filter.equals("delta") && (dtype.equals("S5"))) {
              continue;
            }
            String[] arguments = {
              "convert", "-f", "a.npy", "-o", "b.npb", "--codec", codec, "--filter", filter, "--tile", "3,20,20"
            };
            Repo.run(folder, arguments);
            Map<String, NDArray> read = Npb.read(folder.resolve("b.npb"));
            assertEquals(array, read.values().iterator().next(), dtype + codec + filter);
            NDArray streamed =
                Npb.read(Files.newInputStream(folder.resolve("b.npb"))).values().iterator().next();
            assertEquals(array, streamed, dtype + codec + filter);
          }
        }
      }
    }
  }

  @Test
  void codecsThatNeedNativeCodeAreNamed() throws Exception {
    Repo.command();
    Npy.write(folder.resolve("a.npy"), some("<f8", 10000));
    Repo.run(folder, "convert", "a.npy", "-o", "b.npb", "--codec", "zstd");
    NdferryException error =
        assertThrows(NdferryException.class, () -> Npb.read(folder.resolve("b.npb")));
    assertEquals(NdferryException.Reason.UNSUPPORTED, error.reason());
    assertTrue(error.getMessage().contains("zstd"), error.getMessage());
  }
}
