package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Pickles of many Pythons and NumPys, against what NumPy says they hold. */
class PickleCorpusTest {
  private int same;
  private int refused;

  @Test
  void realPicklesHoldWhatNumpySays() throws Exception {
    Path corpus = Repo.corpus("pickle");
    Map<String, Object> manifest = Repo.map(Json.parse(Files.readAllBytes(corpus.resolve("manifest.json"))));
    Map<String, Object> expected = Repo.map(Json.parse(Files.readAllBytes(corpus.resolve("expected.json"))));
    List<String> wrong = new ArrayList<>();
    for (Object item : Repo.list(manifest.get("entries"))) {
      Map<String, Object> entry = Repo.map(item);
      Object value = expected.get(entry.get("expected"));
      String problem = check(corpus, entry, value == null ? null : Repo.map(value));
      if (problem != null) {
        wrong.add(entry.get("file") + ": " + problem);
      }
    }
    assertEquals("", String.join("\n", wrong));
    assertTrue(same > 2000, "only " + same);
    System.out.println("corpus: " + same + " pickles read as NumPy does, " + refused + " refused");
  }

  /** What is wrong, or null. */
  private String check(Path corpus, Map<String, Object> entry, Map<String, Object> value)
      throws Exception {
    byte[] pickle = Files.readAllBytes(corpus.resolve((String) entry.get("file")));
    List<ByteBuffer> buffers = new ArrayList<>();
    if (entry.get("buffers") != null) {
      for (Object name : Repo.list(entry.get("buffers"))) {
        buffers.add(ByteBuffer.wrap(Files.readAllBytes(corpus.resolve((String) name))));
      }
    }
    boolean plain = value != null && (value.get("t").equals("ndarray") || value.get("t").equals("array.array"));
    NDArray array;
    try {
      array = PickleReader.read(pickle, buffers.toArray(new ByteBuffer[0])).get("");
    } catch (NdferryException error) {
      refused++;
      boolean foreign = error.reason() == NdferryException.Reason.UNSUPPORTED;
      boolean must = plain && !value.containsKey("items") && entry.get("extensions") == null;
      boolean text = value != null && String.valueOf(value.get("dtype")).contains("StringDType");
      boolean classes = value != null && !"numpy.ndarray".equals(value.get("class")) && value.get("t").equals("ndarray");
      boolean objects = value != null && hasObject(value.get("dtype"));
      return must && !(foreign && (text || objects || classes)) ? error.getMessage() : null;
    } catch (RuntimeException | Error error) {
      return "throws " + error;
    }
    if (!plain || array == null || value.containsKey("items")) {
      return null;
    }
    same++;
    return value.get("t").equals("ndarray") ? compare(array, value) : compareItems(array, value);
  }

  private static boolean hasObject(Object dtype) {
    return dtype != null && (dtype.toString().contains("kind=O") || dtype.toString().contains("kind=T"));
  }

  private static String compare(NDArray array, Map<String, Object> value) {
    if (!Arrays.equals(Repo.longs(value.get("shape")), array.shape())) {
      return "shape " + Arrays.toString(array.shape());
    }
    Map<String, Object> dtype = Repo.map(value.get("dtype"));
    if (!String.valueOf(array.dtype().kind().code()).equals(dtype.get("kind"))) {
      return "kind " + array.dtype();
    }
    if ((Long) dtype.get("itemsize") != array.dtype().itemsize()) {
      return "itemsize " + array.dtype();
    }
    Object fields = value.get("field_arrays");
    if (fields != null) {
      for (Object field : Repo.list(fields)) {
        String name = (String) Repo.list(field).get(0);
        Map<String, Object> theirs = Repo.map(Repo.list(field).get(1));
        String problem = theirs.containsKey("items") ? null : compare(array.field(name), theirs);
        if (problem != null) {
          return name + ": " + problem;
        }
      }
      return null;
    }
    String ours = Repo.sha256(little(array));
    // Of long doubles the padding is what happened to be there.
    boolean padded = "fc".contains((String) dtype.get("kind")) && array.dtype().itemsize() > 16;
    padded |= dtype.get("kind").equals("f") && array.dtype().itemsize() > 8;
    return padded || ours.equals(value.get("le_sha256")) ? null : "elements of " + array.dtype();
  }

  private static byte[] little(NDArray array) {
    byte[] bytes = array.toBytes();
    if (array.dtype().byteOrder() == ByteOrder.BIG) {
      Dtype dtype = array.dtype();
      int width = dtype.kind() == Dtype.Kind.UNICODE ? 4 : dtype.itemsize();
      width = dtype.kind() == Dtype.Kind.COMPLEX ? width / 2 : width;
      for (int at = 0; at < bytes.length; at += width) {
        for (int i = 0; i < width / 2; i++) {
          byte b = bytes[at + i];
          bytes[at + i] = bytes[at + width - 1 - i];
          bytes[at + width - 1 - i] = b;
        }
      }
    }
    return bytes;
  }

  private static String compareItems(NDArray array, Map<String, Object> value) {
    if (array.size() != (Long) value.get("n")) {
      return "has " + array.size() + " items";
    }
    String code = (String) value.get("typecode");
    if (value.get("values") == null || !"bBhHiIlLqQ".contains(code)) {
      return null;
    }
    for (int i = 0; i < array.size(); i++) {
      BigInteger theirs = new BigInteger(Repo.list(value.get("values")).get(i).toString());
      if (!theirs.equals(new BigInteger(array.get(i).toString()))) {
        return "item " + i + " is " + array.get(i) + ", not " + theirs;
      }
    }
    return null;
  }
}
