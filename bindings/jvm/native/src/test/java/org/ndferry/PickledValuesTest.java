package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PickledValuesTest {
  @TempDir Path folder;

  @BeforeAll
  static void load() {
    assertEquals("", Natives.missing());
  }

  /** A bit of everything. */
  private static Map<Object, Object> everything() {
    Map<Object, Object> all = new LinkedHashMap<>();
    all.put("none", null);
    all.put("yes", true);
    all.put("int", -5L);
    all.put("big", BigInteger.ONE.shiftLeft(100).negate());
    all.put("float", 0.1);
    all.put("complex", new double[] {1, -2});
    all.put("text", "h\u00e9llo \u20ac \ud83d\ude00");
    all.put("bytes", new byte[] {0, -1, 65});
    all.put("bytearray", ByteBuffer.wrap(new byte[] {1, 2}));
    all.put("tuple", new PyTuple(1L, "two", new PyTuple()));
    all.put(new PyTuple("a", 1L), new ArrayList<>(Arrays.asList(1L, 2.5, null)));
    all.put("set", new LinkedHashSet<>(Arrays.asList(1L, 2L)));
    all.put("frozen", new PyFrozenSet(Arrays.asList("x")));
    all.put("decimal", new BigDecimal("1.50"));
    all.put("date", LocalDate.of(2026, 11, 27));
    all.put("time", LocalDateTime.of(1999, 1, 2, 3, 4, 5, 6000));
    all.put("array", NDArray.of(new double[] {1, 2, 3, 4, 5, 6}, 2, 3));
    all.put("turned", NDArray.of(new int[] {1, 2, 3, 4, 5, 6}, 2, 3).transpose());
    all.put("part", NDArray.of(new short[] {1, 2, 3, 4, 5, 6}, 2, 3).slice("::-1, ::2"));
    all.put("objects", new ObjectArray(new Object[] {1L, "two", null, new PyTuple()}, 2, 2));
    return all;
  }

  @Test
  void everythingComesBackInEveryProtocol() throws Exception {
    Map<Object, Object> all = everything();
    for (int protocol = 0; protocol <= 5; protocol++) {
      assertEquals(text(all), text(Pickle.loads(Pickle.dumps(all, protocol))), "protocol " + protocol);
    }
  }

  @Test
  void oneObjectInTwoPlacesIsOneAndCyclesAreCycles() throws Exception {
    NDArray array = NDArray.of(new int[] {1, 2});
    List<Object> list = new ArrayList<>(Arrays.asList(array, array));
    list.add(new PyTuple(list));
    for (int protocol = 0; protocol <= 5; protocol++) {
      List<?> back = (List<?>) Pickle.loads(Pickle.dumps(list, protocol));
      assertSame(back.get(0), back.get(1));
      assertSame(back, ((PyTuple) back.get(2)).get(0));
    }
  }

  @Test
  void deepAndManyValuesAreNoStackOverflow() throws Exception {
    List<Object> deep = new ArrayList<>();
    for (int i = 0; i < 900; i++) {
      deep = new ArrayList<>(Arrays.asList(deep));
    }
    Object back = Pickle.loads(Pickle.dumps(deep, 2));
    assertEquals(1, ((List<?>) back).size());
    List<Object> many = new ArrayList<>();
    for (int i = 0; i < 100_000; i++) {
      many.add("number " + i);
    }
    assertEquals(many, Pickle.loads(Pickle.dumps(many, 4)));
  }

  @Test
  void realNumPyLoadsWhatJavaWrites() throws Exception {
    String python = python();
    if (python == null) {
      System.out.println("skipped: no NumPy for the pickles of Java");
      return;
    }
    for (int protocol = 0; protocol <= 5; protocol++) {
      Files.write(folder.resolve("p" + protocol + ".pkl"), Pickle.dumps(everything(), protocol));
    }
    String script =
        "import pickle, sys, datetime, decimal, numpy as np\n"
            + "for p in range(6):\n"
            + "    v = pickle.load(open(f'p{p}.pkl', 'rb'))\n"
            + "    assert v['none'] is None and v['yes'] is True and v['int'] == -5 and v['big'] == -2**100\n"
            + "    assert v['float'] == 0.1 and v['complex'] == 1-2j and v['text'] == 'h\\u00e9llo \\u20ac \\U0001f600'\n"
            + "    assert v['bytes'] == b'\\0\\xffA' and v['bytearray'] == bytearray([1, 2]) and type(v['bytearray']) is bytearray\n"
            + "    assert v['tuple'] == (1, 'two', ()) and v[('a', 1)] == [1, 2.5, None]\n"
            + "    assert v['set'] == {1, 2} and v['frozen'] == frozenset('x') and type(v['frozen']) is frozenset\n"
            + "    assert v['decimal'] == decimal.Decimal('1.50') and v['date'] == datetime.date(2026, 11, 27)\n"
            + "    assert v['time'] == datetime.datetime(1999, 1, 2, 3, 4, 5, 6)\n"
            + "    a = v['array']; assert a.dtype == 'f8' and a.tolist() == [[1, 2, 3], [4, 5, 6]]\n"
            + "    a = v['turned']; assert a.dtype == 'i4' and a.tolist() == [[1, 4], [2, 5], [3, 6]]\n"
            + "    a = v['part']; assert a.dtype == 'i2' and a.tolist() == [[4, 6], [1, 3]]\n"
            + "    a = v['objects']; assert a.dtype == object and a.tolist() == [[1, 'two'], [None, ()]]\n"
            + "    v['fields'] = np.array([(1, 2.5)], dtype=[('a', 'i2'), ('b', 'f8')])\n"
            + "    v['masked'] = np.ma.array([1, 2], mask=[0, 1], fill_value=7)\n"
            + "    v['scalar'] = np.float32(1.5)\n"
            + "    pickle.dump(v, open(f'q{p}.pkl', 'wb'), p)\n";
    Path file = Files.write(folder.resolve("check.py"), script.getBytes(StandardCharsets.UTF_8));
    run(python, file);
    for (int protocol = 0; protocol <= 5; protocol++) {
      Map<?, ?> back = (Map<?, ?>) Pickle.load(folder.resolve("q" + protocol + ".pkl"));
      assertEquals(2.5, ((NDArray) back.get("fields")).field("b").getDouble(0));
      MaskedArray masked = (MaskedArray) back.get("masked");
      assertArrayEquals(new int[] {1, 2}, masked.data().toInts());
      assertEquals(true, masked.mask().get(1));
      assertEquals(1.5, ((NDArray) back.get("scalar")).getDouble());
      Map<Object, Object> rest = new LinkedHashMap<>(back);
      rest.keySet().removeAll(Arrays.asList("fields", "masked", "scalar"));
      assertEquals(text(everything()), text(rest), "protocol " + protocol);
      NDArray fields = (NDArray) back.get("fields");
      assertEquals(fields, Pickle.loads(Pickle.dumps(fields, protocol)));
    }
    System.out.println("natives: pickles of protocols 0 to 5 to NumPy and back");
  }

  @Test
  void whatIsNotHarmlessIsRefusedByNameAndShownIfAllowed() throws Exception {
    byte[] evil = "cos\nsystem\n(S'rm -rf'\ntR.".getBytes(StandardCharsets.US_ASCII);
    NdferryException error = assertThrows(NdferryException.class, () -> Pickle.loads(evil));
    assertEquals(NdferryException.Reason.UNSUPPORTED, error.reason());
    assertTrue(error.getMessage().startsWith("byte 0: it refers to os.system; nothing was imported"), error.getMessage());
    assertEquals(0, error.offset());
    Opaque shown = (Opaque) Pickle.loads(evil, Pickle.Allow.OPAQUE);
    assertEquals("os.system", shown.toString());
    assertEquals(new PyTuple("rm -rf"), shown.args());
    byte[] again = Pickle.dumps(shown, 2);
    assertEquals("os.system", Pickle.loads(again, Pickle.Allow.OPAQUE).toString());
  }

  @Test
  void whatCannotBeWrittenIsSaid() {
    assertThrows(IllegalArgumentException.class, () -> Pickle.dumps(new Object(), 4));
    assertThrows(IllegalArgumentException.class, () -> Pickle.dumps("half \ud83d", 4));
    assertThrows(IllegalArgumentException.class, () -> Pickle.dumps(1L, 6));
    assertThrows(IllegalArgumentException.class, () -> Pickle.dumps(1L, -1));
    assertThrows(NdferryException.class, () -> Pickle.loads(new byte[] {'.'}));
  }

  @Test
  void thePicklesOfTheCorpusComeAsValuesAndAreWrittenAgain() throws Exception {
    int read = 0;
    int written = 0;
    List<Path> files;
    try (Stream<Path> all = Files.walk(Repo.root().resolve("corpus"))) {
      files = all.filter(path -> path.toString().endsWith(".pkl")).sorted().collect(Collectors.toList());
    }
    for (Path file : files) {
      Object value;
      try {
        value = Pickle.load(file, Pickle.Allow.OPAQUE);
      } catch (NdferryException refused) {
        continue;
      }
      read++;
      byte[] again;
      try {
        again = Pickle.dumps(value, 4);
      } catch (IllegalArgumentException unsaid) {
        continue;
      }
      assertEquals(text(value), text(Pickle.loads(again, Pickle.Allow.OPAQUE)), file.toString());
      written++;
    }
    System.out.println("natives: " + read + " of " + files.size() + " pickles of the corpus read as values, " + written + " written again");
    assertTrue(read > 0 && written > 0, read + " " + written);
  }

  @Test
  void objectsOfOtherFilesAreReadToo() throws Exception {
    try (LazyFile opened = LazyFile.open(Repo.root().resolve("corpus/npb/objects.npb"))) {
      Object objects = opened.arrays().values().iterator().next().readObjects(Pickle.Allow.STANDARD);
      assertTrue(objects instanceof ObjectArray, String.valueOf(objects));
    }
  }

  private static String python() throws Exception {
    Path venv = Repo.root().resolve("oracle/venv");
    Process process = new ProcessBuilder(venv.toString(), "2").redirectError(new java.io.File("/dev/null")).start();
    String said = new String(readAll(process.getInputStream()), StandardCharsets.UTF_8).trim();
    return process.waitFor() == 0 ? said : null;
  }

  private static byte[] readAll(java.io.InputStream in) throws Exception {
    java.io.ByteArrayOutputStream out = new java.io.ByteArrayOutputStream();
    byte[] buffer = new byte[4096];
    for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
      out.write(buffer, 0, n);
    }
    return out.toByteArray();
  }

  private void run(String python, Path script) throws Exception {
    Path log = folder.resolve("python.txt");
    Process process =
        new ProcessBuilder(python, script.toString())
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    assertTrue(process.waitFor(120, TimeUnit.SECONDS), "Python hangs");
    assertEquals(0, process.exitValue(), Repo.text(log));
  }

  /** A value as text that tells apart what differs; objects that are met again by their number. */
  private static String text(Object value) {
    StringBuilder out = new StringBuilder();
    write(value, out, new IdentityHashMap<>());
    return out.toString();
  }

  private static void write(Object value, StringBuilder out, Map<Object, Integer> seen) {
    boolean contains = value instanceof Collection || value instanceof Map || value instanceof Opaque;
    // Python has one empty tuple.
    if (contains && !value.equals(new PyTuple())) {
      Integer number = seen.get(value);
      if (number != null) {
        out.append('#').append(number);
        return;
      }
      seen.put(value, seen.size());
    }
    if (value instanceof byte[]) {
      out.append('b').append(Arrays.toString((byte[]) value));
    } else if (value instanceof double[]) {
      out.append('c').append(Arrays.toString((double[]) value));
    } else if (value instanceof ByteBuffer) {
      byte[] bytes = new byte[((ByteBuffer) value).remaining()];
      ((ByteBuffer) value).duplicate().get(bytes);
      out.append("ba").append(Arrays.toString(bytes));
    } else if (value instanceof NDArray) {
      NDArray array = (NDArray) value;
      out.append(array.dtype()).append(Arrays.toString(array.shape())).append(Arrays.toString(array.toBytes()));
    } else if (value instanceof MaskedArray) {
      out.append("masked");
    } else if (value instanceof Map) {
      out.append('{');
      for (Map.Entry<?, ?> pair : ((Map<?, ?>) value).entrySet()) {
        write(pair.getKey(), out, seen);
        out.append(": ");
        write(pair.getValue(), out, seen);
        out.append(", ");
      }
      out.append('}');
    } else if (value instanceof Collection) {
      out.append(value.getClass().getSimpleName());
      if (value instanceof ObjectArray) {
        out.append(Arrays.toString(((ObjectArray) value).shape()));
      }
      out.append('[');
      for (Object item : (Collection<?>) value) {
        write(item, out, seen);
        out.append(", ");
      }
      out.append(']');
    } else if (value instanceof Opaque) {
      Opaque opaque = (Opaque) value;
      out.append(opaque.kind).append(' ').append(opaque).append('(');
      for (Object part : new Object[] {opaque.args(), opaque.kwargs(), opaque.state(), opaque.items()}) {
        write(part, out, seen);
        out.append(" | ");
      }
      for (Map.Entry<Object, Object> pair : opaque.pairs()) {
        write(pair.getKey(), out, seen);
        out.append(": ");
        write(pair.getValue(), out, seen);
      }
      out.append(')');
    } else {
      out.append(value == null ? "None" : value.getClass().getSimpleName() + " " + value);
    }
  }
}
