package org.ndferry.imagej;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.BindException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ndferry.Connection;
import org.ndferry.Dtype;
import org.ndferry.Listener;
import org.ndferry.NDArray;
import org.ndferry.Npy;

/** The jar in the plugins folder of an ImageJ that has windows, driven by macros. */
class RealImageJIT {
  @TempDir Path folder;

  private static String onPath(String program) {
    for (String place : System.getenv("PATH").split(File.pathSeparator)) {
      if (Files.isExecutable(Paths.get(place, program))) {
        return Paths.get(place, program).toString();
      }
    }
    System.out.println("skipped: no " + program + " for ImageJ's windows");
    Assumptions.abort("no " + program);
    return null;
  }

  /** Runs a macro in an ImageJ of its own, on a display of its own; gives what it leaves in {@code result}. */
  private String macro(String text) throws Exception {
    Path plugins = Files.createDirectories(folder.resolve("plugins"));
    Path jar = Paths.get("target", "Ndferry_-" + System.getProperty("ndferry.version") + ".jar");
    assertTrue(Files.exists(jar), jar + " is not there: run mvn verify");
    Files.copy(jar, plugins.resolve("Ndferry_.jar"));
    Path script = folder.resolve("test.ijm");
    Path out = folder.resolve("out.txt");
    String whole = text + "\nFile.saveString(result + \"\\nend\", \"" + out + "\");\n";
    Files.write(script, whole.getBytes(StandardCharsets.UTF_8));
    Process display = new ProcessBuilder(onPath("Xvfb"), "-displayfd", "1").start();
    File log = folder.resolve("log.txt").toFile();
    Process imagej = null;
    try {
      String number = new BufferedReader(new InputStreamReader(display.getInputStream())).readLine();
      String ij =
          new File(ij.ImageJ.class.getProtectionDomain().getCodeSource().getLocation().toURI()).getPath();
      String java = Paths.get(System.getProperty("java.home"), "bin", "java").toString();
      String[] line = {
        java, "-Dplugins.dir=" + folder, "-Duser.home=" + folder, "-cp", ij, "ij.ImageJ", "-macro", script.toString()
      };
      ProcessBuilder builder = new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(log);
      builder.environment().put("DISPLAY", ":" + number);
      imagej = builder.start();
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(120);
      while (System.nanoTime() < end && imagej.isAlive()) {
        String result = Files.exists(out) ? text(out) : "";
        if (result.trim().endsWith("\nend")) {
          return result.substring(0, result.lastIndexOf("\nend")).trim();
        }
        Thread.sleep(100);
      }
      throw new AssertionError("no answer from ImageJ: " + text(log.toPath()));
    } finally {
      if (imagej != null) {
        imagej.destroyForcibly().waitFor();
      }
      display.destroy();
    }
  }

  private static String text(Path file) throws IOException {
    return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
  }

  @Test
  void aMacroSeesThePixelsOfAnArrayAndSavesThemBack() throws Exception {
    NDArray array = NDArray.zeros(Dtype.UINT16, 2, 3, 20, 30);
    for (int t = 0; t < 2; t++) {
      for (int c = 0; c < 3; c++) {
        for (int y = 0; y < 20; y++) {
          for (int x = 0; x < 30; x++) {
            array.setLong(10000 * t + 1000 * c + 40 * y + x, t, c, y, x);
          }
        }
      }
    }
    Npy.write(folder.resolve("a.npy"), array);
    String result =
        macro(
            "run(\"Open NumPy Array...\", \"open=[" + folder + "/a.npy] axes=TCYX\");\n"
                + "getDimensions(w, h, c, z, t);\n"
                + "result = \"\" + w + \" \" + h + \" \" + c + \" \" + z + \" \" + t + \" \" + bitDepth();\n"
                + "for (i = 1; i <= t; i++) for (j = 1; j <= c; j++) {\n"
                + "  Stack.setPosition(j, 1, i);\n"
                + "  result = result + \" \" + getPixel(7, 5);\n"
                + "}\n"
                + "run(\"Save as NumPy Array...\", \"save=[" + folder + "/b.npy]\");\n"
                + "close();\n"
                + "run(\"Open NumPy Array...\", \"open=[" + folder + "/b.npy] axes=TCYX virtual\");\n"
                + "Stack.setPosition(2, 1, 2);\n"
                + "result = result + \" \" + getPixel(29, 19) + \" \" + getTitle();\n");
    assertEquals("30 20 3 1 2 16 207 1207 2207 10207 11207 12207 11789 b.npy", result);
    assertEquals(array, Npy.read(folder.resolve("b.npy")));
  }

  private static Connection connect(int port) throws Exception {
    for (int tries = 0; ; tries++) {
      try {
        return Connection.connect("127.0.0.1", port);
      } catch (ConnectException notYet) {
        if (tries > 600) {
          throw notYet;
        }
        Thread.sleep(100);
      }
    }
  }

  /** One that is not among those that connections get by themselves, so that it is still free when it is needed. */
  private static int freePort() throws IOException {
    for (; ; ) {
      int port = ThreadLocalRandom.current().nextInt(20_000, 32_000);
      try (ServerSocket free = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        return free.getLocalPort();
      } catch (BindException taken) {
        continue;
      }
    }
  }

  @Test
  void arraysGoToAnOpenImageJAndComeBackWithoutFiles() throws Exception {
    NDArray array = NDArray.zeros(Dtype.INT16, 3, 20, 30);
    for (int i = 0; i < 1800; i++) {
      array.setLong(i - 900, i / 600, i / 30 % 20, i % 30);
    }
    int port = freePort();
    Map<String, NDArray> back = new LinkedHashMap<>();
    try (Listener listener = Listener.bind(0)) {
      Thread peer =
          new Thread(
              () -> {
                try {
                  // A stranger first: ImageJ goes on waiting.
                  try (Connection stranger = connect(port)) {
                    stranger.grow("", Dtype.UINT8, 4);
                  }
                  try (Connection connection = connect(port)) {
                    connection.send(Collections.singletonMap("cells", array));
                  }
                  try (Connection connection = listener.accept(120_000)) {
                    back.putAll(connection.receive());
                  }
                } catch (Exception error) {
                  error.printStackTrace();
                }
              });
      peer.start();
      String result =
          macro(
              "run(\"Receive NumPy Arrays...\", \"port=" + port + " axes=ZYX wait=60\");\n"
                  + "setSlice(3);\n"
                  + "result = getTitle() + \" \" + nSlices + \" \" + calibrate(getPixel(29, 19));\n"
                  + "run(\"Send Active Image...\", \"port=" + listener.port() + "\");\n");
      assertEquals("cells 3 899", result);
      peer.join(60_000);
    }
    assertEquals(Collections.singletonMap("cells", array), back);
  }
}
