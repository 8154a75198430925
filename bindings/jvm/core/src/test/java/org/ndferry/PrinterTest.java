package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Arrays and what NumPy prints of them, from the table that the Rust library is held to as well. */
class PrinterTest {
  private static Dtype dtype(Object json) throws Exception {
    if (json instanceof String) {
      return Dtype.of((String) json);
    }
    Map<String, Object> parts = Repo.map(json);
    if (parts.containsKey("base")) {
      return Dtype.subarray(dtype(parts.get("base")), Repo.longs(parts.get("shape")));
    }
    List<Dtype.Field> fields = new ArrayList<>();
    for (Object field : Repo.list(parts.get("fields"))) {
      List<Object> four = Repo.list(field);
      int offset = ((Long) four.get(3)).intValue();
      String name = (String) four.get(0);
      fields.add(new Dtype.Field(name, (String) four.get(1), dtype(four.get(2)), offset));
    }
    return Dtype.struct(fields, (Long) parts.get("itemsize"));
  }

  private static NDArray array(Map<String, Object> json) throws Exception {
    Dtype dtype = dtype(json.get("dtype"));
    long[] shape = Repo.longs(json.get("shape"));
    byte[] few = Repo.unhex((String) json.get("bytes"));
    byte[] bytes = new byte[(int) Shapes.nbytes(shape, dtype.itemsize())];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = few[i % few.length];
    }
    NDArray whole = NDArray.wrap(ByteBuffer.wrap(bytes), dtype, shape);
    NDArray part = whole.slice((String) json.get("index"));
    return json.get("transpose").equals(true) ? part.transpose() : part;
  }

  @Test
  void arraysPrintAsInNumpy() throws Exception {
    String named = System.getenv("NDFERRY_PRINT_CASES");
    Path table = Repo.root().resolve("crates/ndferry-array/tests/print/cases.jsonl");
    int count = 0;
    List<String> wrong = new ArrayList<>();
    for (String line : Files.readAllLines(named == null ? table : Paths.get(named))) {
      Map<String, Object> json = Repo.map(Json.parse(line));
      boolean plain = Repo.map(json.get("options")).isEmpty() && json.get("form") instanceof String;
      // Long doubles are rounded to doubles here, StringDType has no bytes.
      String dtype = json.get("dtype").toString();
      // Nor does a dtype know here whether it is aligned.
      if (!plain || dtype.contains("aligned=true") || dtype.contains("f16") || dtype.contains("c32") || dtype.contains("T")) {
        continue;
      }
      count++;
      boolean str = json.get("form").equals("str");
      String ours = str ? array(json).toString() : array(json).repr();
      if (!ours.equals(json.get("text"))) {
        wrong.add(json.get("dtype") + " " + json.get("shape") + ":\n" + ours + "\nnot\n" + json.get("text"));
      }
    }
    assertTrue(count > 20, "only " + count + " cases");
    assertEquals("", String.join("\n\n", wrong));
    System.out.println("printed as NumPy does: " + count);
  }
}
