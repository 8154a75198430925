package org.ndferry.jython;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The jar beside a Jython, which finds {@code numpy} in it. */
class JythonIT {
  @TempDir Path folder;

  static Path jar() {
    Path jar = Paths.get("target", "ndferry-jython-" + System.getProperty("ndferry.version") + ".jar");
    assertTrue(Files.exists(jar), jar + " is not there: run mvn verify");
    return jar.toAbsolutePath();
  }

  static Path of(Class<?> kind) throws Exception {
    return Paths.get(kind.getProtectionDomain().getCodeSource().getLocation().toURI());
  }

  static String text(Path file) throws Exception {
    return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
  }

  @Test
  void theTestsInJythonPass() throws Exception {
    String path = of(org.python.util.jython.class) + File.pathSeparator + jar();
    // For the tests in which CPython takes part.
    Files.write(Paths.get("target", "class-path.txt"), path.getBytes(StandardCharsets.UTF_8));
    String java = Paths.get(System.getProperty("java.home"), "bin", "java").toString();
    String[] line = {
      java, "-Xmx512m", "-Dpython.cachedir.skip=true", "-cp", path, "org.python.util.jython", "-B",
      Paths.get("src", "test", "jython", "tests.py").toAbsolutePath().toString()
    };
    File log = folder.resolve("log.txt").toFile();
    Process process = new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(log).start();
    if (!process.waitFor(240, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
      throw new AssertionError("hangs: " + text(log.toPath()));
    }
    String said = text(log.toPath());
    assertEquals(0, process.exitValue(), said);
    Matcher count = Pattern.compile("Ran (\\d+) tests").matcher(said);
    assertTrue(count.find() && Integer.parseInt(count.group(1)) >= 15, said);
    System.out.println("jython: " + count.group(1) + " tests inside of Jython pass");
  }
}
