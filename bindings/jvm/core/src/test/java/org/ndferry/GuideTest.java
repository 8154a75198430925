package org.ndferry;

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
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The examples of the guide are compiled and run. */
class GuideTest {
  private static final String IMPORTS =
      "import java.io.*; import java.nio.ByteBuffer; import java.nio.file.*; import java.util.*; import org.ndferry.*;\n";

  @TempDir Path folder;

  /** What the examples see. */
  String classPath() throws Exception {
    return Paths.get(NDArray.class.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
  }

  @Test
  void theExamplesOfTheGuideRun() throws Exception {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    Assumptions.assumeTrue(compiler != null, "no compiler");
    String page = Repo.text(Repo.root().resolve("docs/guide/java.md"));
    Matcher blocks = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(page);
    String classes = classPath();
    int count = 0;
    while (blocks.find()) {
      String name = "Example" + count++;
      String check = "static void check(boolean ok) { if (!ok) throw new AssertionError(); }\n";
      String whole =
          IMPORTS + "public class " + name + " {\n" + check + "public static void main(String[] args) throws Exception {\n"
              + blocks.group(1) + "}}\n";
      Path source = folder.resolve(name + ".java");
      Files.write(source, whole.getBytes(StandardCharsets.UTF_8));
      assertEquals(0, compiler.run(null, null, null, "-cp", classes, source.toString()), name);
      String java = Paths.get(System.getProperty("java.home"), "bin", "java").toString();
      String path = classes + File.pathSeparator + folder;
      Path log = folder.resolve(name + ".txt");
      Process process =
          new ProcessBuilder(java, "-cp", path, name)
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      assertTrue(process.waitFor(60, TimeUnit.SECONDS), name + " hangs");
      assertEquals(0, process.exitValue(), Repo.text(log));
    }
    assertTrue(count >= 4, "only " + count);
  }
}
