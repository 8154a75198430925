package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativesTest {
  private static final List<String> NONE = Collections.emptyList();

  @TempDir Path folder;

  @BeforeAll
  static void load() {
    assertTrue(Natives.isAvailable(), Natives.missing());
  }

  @Test
  void theLibraryIsThereAndSaysItsVersion() {
    assertEquals("", Natives.missing());
    assertTrue(Natives.version().matches("\\d+\\.\\d+\\.\\d+"), Natives.version());
  }

  @Test
  void aPanicIsAnExceptionWithItsTextAndPlace() {
    NdferryException error = assertThrows(NdferryException.class, () -> NativeCalls.panic("ouch \u00e9\u20ac"));
    assertEquals(NdferryException.Reason.BUG, error.reason());
    assertTrue(error.getMessage().contains("ouch \u00e9\u20ac ("), error.getMessage());
    assertTrue(error.getMessage().contains("exports.rs:"), error.getMessage());
    assertEquals(8, NativeCalls.successor(7));
  }

  @Test
  void nullWhereATextIsNeededIsAnException() {
    assertThrows(Exception.class, () -> NativeCalls.panic(null));
  }

  @Test
  void eachClassLoaderHasItsOwnAndTheyComeAndGo() throws Exception {
    List<URL> urls = new ArrayList<>();
    for (String part : Javas.path().split(java.io.File.pathSeparator)) {
      urls.add(Paths.get(part).toUri().toURL());
    }
    Class<?> before = null;
    for (int i = 0; i < 20; i++) {
      ClassLoader system = ClassLoader.getSystemClassLoader().getParent();
      try (URLClassLoader loader = new URLClassLoader(urls.toArray(new URL[0]), system)) {
        Class<?> natives = loader.loadClass("org.ndferry.Natives");
        assertNotSame(Natives.class, natives);
        assertNotSame(before, natives);
        before = natives;
        assertEquals("", natives.getMethod("missing").invoke(null));
        Class<?> work = loader.loadClass("org.ndferry.NativesAtWork");
        Method panic = work.getDeclaredMethod("panic", String.class);
        panic.setAccessible(true);
        assertTrue(panic.invoke(null, "mine").toString().contains("mine ("));
      }
      System.gc();
    }
    assertEquals(1, NativeCalls.successor(0));
  }

  @Test
  void nothingIsLeftOfTheCopyAndOnlyItsOwnerCouldReadIt() throws Exception {
    Path tmp = Files.createDirectory(folder.resolve("tmp"));
    List<String> options = Collections.singletonList("-Djava.io.tmpdir=" + tmp);
    assertTrue(Javas.run(Javas.own(), folder, options, NativesAtWork.class).endsWith("done\n"));
    assertEquals(0, files(tmp));
  }

  @Test
  void aFolderThatCannotBeWrittenIsNotTheEnd() throws Exception {
    Path file = Files.createFile(folder.resolve("no-folder"));
    List<String> options = Arrays.asList("-Djava.io.tmpdir=" + file, "-Duser.home=" + folder);
    assertTrue(Javas.run(Javas.own(), folder, options, NativesAtWork.class).endsWith("done\n"));
  }

  @Test
  void whatIsMissingIsOneSentence() throws Exception {
    String off = one("-Dndferry.natives=off");
    assertEquals("missing: it is switched off by the property ndferry.natives", off);
    String absent = one("-Dndferry.natives=/nowhere/lib.so");
    assertTrue(absent.startsWith("missing: this system does not load lib.so: "), absent);
    Path text = Files.write(folder.resolve("lib.so"), "no library".getBytes("UTF-8"));
    String damaged = one("-Dndferry.natives=" + text);
    assertTrue(damaged.startsWith("missing: this system does not load lib.so: "), damaged);
    String other = one("-Dos.arch=pdp11");
    assertEquals("missing: no jar ndferry-natives with linux-pdp11 in it is on the class path", other);
  }

  private String one(String option) throws Exception {
    String said = Javas.run(Javas.own(), folder, Collections.singletonList(option), NativesAtWork.class);
    // The Java machine may warn of what it is asked to load.
    String[] lines = said.split("\n");
    return lines[lines.length - 1];
  }

  @Test
  void everyJavaThatIsHereLoadsItWithAndWithoutItsPermission() throws Exception {
    List<String> seen = new ArrayList<>();
    for (Map.Entry<Integer, Path> java : Javas.all().entrySet()) {
      int version = java.getKey();
      String plain = Javas.run(java.getValue(), folder, NONE, NativesAtWork.class);
      assertTrue(plain.endsWith("done\n"), plain);
      if (version >= 17) {
        List<String> allowed = Collections.singletonList("--enable-native-access=ALL-UNNAMED");
        String said = Javas.run(java.getValue(), folder, allowed, NativesAtWork.class);
        assertTrue(said.endsWith("done\n") && said.startsWith("version: "), said);
      }
      if (version >= 24) {
        List<String> denied = Collections.singletonList("--illegal-native-access=deny");
        String said = Javas.run(java.getValue(), folder, denied, NativesAtWork.class);
        assertTrue(said.startsWith("missing: Java refuses to load it; run it with --enable-native-access"), said);
      }
      seen.add(Integer.toString(version));
    }
    System.out.println("natives: loaded by Java " + String.join(", ", seen));
    assertFalse(seen.isEmpty());
  }

  @Test
  void javaFindsNothingToSayAboutTheCalls() throws Exception {
    List<String> options = Arrays.asList("-Xcheck:jni", "-Xmx256m");
    String said = Javas.run(Javas.own(), folder, options, NativesAtWork.class);
    assertTrue(said.endsWith("done\n"), said);
    assertFalse(said.contains("WARNING") || said.contains("FATAL"), said);
  }

  @Test
  void aCallTakesLessThanHalfAMicrosecond() {
    long best = Long.MAX_VALUE;
    int number = 0;
    for (int batch = 0; batch < 50; batch++) {
      long start = System.nanoTime();
      for (int i = 0; i < 20_000; i++) {
        number = NativeCalls.successor(number);
      }
      best = Math.min(best, System.nanoTime() - start);
    }
    assertEquals(1_000_000, number);
    System.out.println("natives: a call takes " + best / 20_000 + " ns");
    assertTrue(best / 20_000 < 500, best / 20_000 + " ns");
  }

  @Test
  void aMillionCallsAndAHundredThousandArraysTakeNoMoreMemory() throws Exception {
    String said = Javas.run(Javas.own(), folder, Collections.singletonList("-Xmx64m"), NativesMemory.class);
    System.out.print("natives: " + said);
    assertTrue(said.startsWith("1000000 calls and 100000 arrays: "), said);
  }

  private static long files(Path folder) throws Exception {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(path -> !path.equals(folder)).count();
    }
  }
}
