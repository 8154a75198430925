package org.ndferry.jython;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The jar in the plugins folder of an ImageJ that has windows; the script of the guide. */
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

  /** The block of the guide that begins with this line. */
  private static String example(String first) throws Exception {
    Path at = Paths.get("").toAbsolutePath();
    while (!Files.exists(at.resolve("LAYOUT.md"))) {
      at = at.getParent();
    }
    String page = JythonIT.text(at.resolve("docs/guide/jython.md"));
    int start = page.indexOf("```python\n" + first);
    assertTrue(start >= 0, "no example that begins with " + first);
    return page.substring(start + 10, page.indexOf("```", start + 10));
  }

  private String run(String script) throws Exception {
    Path plugins = Files.createDirectories(folder.resolve("plugins"));
    Files.copy(JythonIT.jar(), plugins.resolve("ndferry-jython.jar"));
    Path standalone = JythonIT.of(org.python.util.jython.class);
    Files.copy(standalone, plugins.resolve("jython-standalone.jar"));
    Files.copy(Paths.get("target", "test-classes", "Jython.class"), plugins.resolve("Jython.class"));
    Path file = folder.resolve("script.py");
    Files.write(file, script.getBytes(StandardCharsets.UTF_8));
    Path out = folder.resolve("out.txt");
    Process display = new ProcessBuilder(onPath("Xvfb"), "-displayfd", "1").start();
    File log = folder.resolve("log.txt").toFile();
    Process imagej = null;
    try {
      String number = new BufferedReader(new InputStreamReader(display.getInputStream())).readLine();
      String ij = JythonIT.of(ij.ImageJ.class).toString();
      String java = Paths.get(System.getProperty("java.home"), "bin", "java").toString();
      String[] line = {
        java, "-Dplugins.dir=" + folder, "-Duser.home=" + folder, "-Dpython.cachedir.skip=true", "-cp", ij, "ij.ImageJ",
        "-macro", file.toString()
      };
      ProcessBuilder builder = new ProcessBuilder(line).redirectErrorStream(true).redirectOutput(log);
      builder.environment().put("DISPLAY", ":" + number);
      imagej = builder.start();
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(180);
      while (System.nanoTime() < end && imagej.isAlive()) {
        String result = Files.exists(out) ? JythonIT.text(out) : "";
        if (result.endsWith("\nend\n")) {
          return result;
        }
        Thread.sleep(100);
      }
      throw new AssertionError("no answer from ImageJ: " + JythonIT.text(log.toPath()));
    } finally {
      if (imagej != null) {
        imagej.destroyForcibly().waitFor();
      }
      display.destroy();
    }
  }

  @Test
  void theScriptOfTheGuideSegmentsAnImage() throws Exception {
    String before =
        "import traceback\n"
            + "def tell(text):\n"
            + "    with open('" + folder.resolve("out.txt") + "', 'a') as out: out.write(text + '\\n')\n"
            + "try:\n"
            + indented(
                "from ij import IJ, ImagePlus\nfrom ij.process import ByteProcessor\nfrom java.util import Random\n"
                    + "ip = ByteProcessor(160, 120)\nip.setColor(40)\nip.fill()\n"
                    + "for x, y, r, value in [(20, 20, 10, 180), (60, 30, 16, 200), (110, 80, 25, 150), (30, 90, 12, 220)]:\n"
                    + "    ip.setColor(value)\n    ip.fillOval(x - r, y - r, 2 * r, 2 * r)\n"
                    + "r = Random(1)\n"
                    + "for i in range(160 * 120): ip.set(i, max(0, min(255, ip.get(i) + int(8 * r.nextGaussian()))))\n"
                    + "ImagePlus('cells', ip).show()\n");
    String after =
        indented(
            "tell('%d objects' % len(areas))\n"
                + "tell(IJ.getImage().getTitle() + ' %d' % IJ.getImage().getProcessor().getMax())\n"
                + "import ndferry_images\n"
                + "for dtype in ('u1', 'u2', 'i2', 'f4', '?'):\n"
                + "    a = (np.arange(24).reshape(2, 3, 4) - (5 if dtype in ('i2', 'f4') else 0)).astype(dtype)\n"
                + "    back = np.asarray(ndferry_images.to_image(a))\n"
                + "    expected = a if dtype != '?' else a.astype('u1') * 255\n"
                + "    tell('%s %s' % (back.dtype == expected.dtype, (back == expected).all()))\n"
                + "rgb = np.arange(36, dtype='u1').reshape(3, 4, 3)\n"
                + "tell(str((np.array(ndferry_images.to_image(rgb, axes='YXS')) == rgb).all()))\n"
                + "five = np.arange(48, dtype='u2').reshape(2, 3, 2, 2, 2)\n"
                + "image = ndferry_images.to_image(five, axes='TZCYX')\n"
                + "tell('%s %s' % (list(image.getDimensions()), (np.array(image) == five).all()))\n"
                + "try: ndferry_images.to_image(np.array([[1e300]]))\n"
                + "except ValueError as error: tell('refused' if 'cast=True' in str(error) else str(error))\n");
    String end = "except:\n    tell(traceback.format_exc())\ntell('end')\n";
    String result = run(before + indented(example("from ij import IJ")) + after + end);
    String[] lines = result.split("\n");
    assertEquals("4 objects", lines[0], result);
    assertEquals("labels 4", lines[1], result);
    for (int i = 2; i < 7; i++) {
      assertEquals("True True", lines[i], result);
    }
    assertEquals("True", lines[7], result);
    assertEquals("[2, 2, 2, 3, 2] True", lines[8].replace("L", ""), result);
    assertEquals("refused", lines[9], result);
    System.out.println("jython: the guide's script found 4 objects in a real ImageJ");
  }

  private static String indented(String script) {
    return "    " + script.trim().replace("\n", "\n    ") + "\n";
  }
}
