package org.ndferry;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** Processes of this Java and of the others that are here. */
final class Javas {
  private Javas() {}

  static Path own() {
    return Paths.get(System.getProperty("java.home"), "bin", "java");
  }

  /** The version of each Java that is here, and where it is. */
  static Map<Integer, Path> all() throws IOException {
    Map<Integer, Path> found = new TreeMap<>();
    Path folder = Paths.get("/usr/lib/jvm");
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> homes = Files.newDirectoryStream(folder)) {
        for (Path home : homes) {
          Path java = home.resolve("bin/java");
          Path release = home.resolve("release");
          if (Files.isExecutable(java) && Files.exists(release)) {
            String[] words = Repo.text(release).split("JAVA_VERSION=\"");
            if (words.length == 2) {
              found.put(major(words[1].split("\"")[0]), java);
            }
          }
        }
      }
    }
    found.put(major(System.getProperty("java.version")), own());
    return found;
  }

  private static int major(String version) {
    String[] words = version.split("[^0-9]");
    return Integer.parseInt(words[0].equals("1") ? words[1] : words[0]);
  }

  /** What a class of these tests prints, with both outputs in one. */
  static String run(Path java, Path folder, List<String> options, Class<?> main) throws Exception {
    List<String> line = new ArrayList<>();
    line.add(java.toString());
    line.addAll(options);
    line.addAll(Arrays.asList("-cp", path(), main.getName()));
    Path log = Files.createTempFile(folder, "java", ".txt");
    Process process =
        new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    if (!process.waitFor(120, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("hangs: " + line);
    }
    String said = Repo.text(log);
    Files.delete(log);
    if (process.exitValue() != 0) {
      throw new AssertionError(line + " exits with " + process.exitValue() + ": " + said);
    }
    return said;
  }

  /** Where the core, the library and these tests are. */
  static String path() throws Exception {
    String library = Natives.class.getClassLoader().getResource("natives").toURI().getPath();
    return place(NDArray.class)
        + File.pathSeparator + place(NativesAtWork.class)
        + File.pathSeparator + Paths.get(library).getParent();
  }

  static Path place(Class<?> of) throws Exception {
    return Paths.get(of.getProtectionDomain().getCodeSource().getLocation().toURI());
  }
}
