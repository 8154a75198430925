package org.ndferry;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** Where the repository's files and the command are, and small helpers of all tests. */
final class Repo {
  private Repo() {}

  static Path root() {
    for (Path at = Paths.get("").toAbsolutePath(); at != null; at = at.getParent()) {
      if (Files.exists(at.resolve("LAYOUT.md"))) {
        return at;
      }
    }
    throw new IllegalStateException("run inside of the repository");
  }

  /** The large corpus, which not every machine has. */
  static Path corpus(String part) {
    String named = System.getenv("NDFERRY_CORPUS");
    Path corpus = named != null ? Paths.get(named) : root().resolve("../shared/corpus");
    Path folder = corpus.resolve(part);
    boolean there = Files.exists(folder.resolve("manifest.json"));
    if (!there) {
      System.out.println("skipped: no corpus at " + folder);
    }
    Assumptions.assumeTrue(there, "no corpus at " + folder);
    return folder;
  }

  /** The {@code ndferry} command, which a test that needs it is skipped without. */
  static String command() {
    String named = System.getenv("NDFERRY_BIN");
    String target = System.getenv("CARGO_TARGET_DIR");
    Path built = target != null ? Paths.get(target) : root().resolve("target");
    Path command = named != null ? Paths.get(named) : built.resolve("release/ndferry");
    boolean there = Files.isExecutable(command);
    if (!there) {
      System.out.println("skipped: no command at " + command);
    }
    Assumptions.assumeTrue(there, "no command at " + command);
    return command.toString();
  }

  /** Runs the command; gives its standard output. */
  static String run(Path folder, String... arguments) throws Exception {
    List<String> line = new ArrayList<>();
    line.add(command());
    for (String argument : arguments) {
      line.add(argument);
    }
    Path out = Files.createTempFile(folder, "out", ".txt");
    Path err = Files.createTempFile(folder, "err", ".txt");
    ProcessBuilder builder = new ProcessBuilder(line).directory(folder.toFile());
    Process process = builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
    if (!process.waitFor(60, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("hangs: " + line);
    }
    if (process.exitValue() != 0) {
      throw new AssertionError(line + ": " + text(err));
    }
    return text(out);
  }

  static String text(Path file) throws IOException {
    return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
  }

  static String sha256(byte[] bytes) {
    try {
      return hex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException error) {
      throw new IllegalStateException(error);
    }
  }

  static String hex(byte[] bytes) {
    StringBuilder out = new StringBuilder();
    for (byte b : bytes) {
      out.append(String.format("%02x", b));
    }
    return out.toString();
  }

  static byte[] unhex(String hex) {
    byte[] out = new byte[hex.length() / 2];
    for (int i = 0; i < out.length; i++) {
      out[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
    }
    return out;
  }

  /** A hexdump of a page of the documentation, by the name after {@code ```hexdump}. */
  static byte[] hexdump(String page, String name) throws IOException {
    StringBuilder hex = new StringBuilder();
    boolean inside = false;
    for (String line : Files.readAllLines(root().resolve("docs/formats").resolve(page))) {
      if (line.equals("```hexdump " + name)) {
        inside = true;
      } else if (line.startsWith("```")) {
        inside = false;
      } else if (inside) {
        hex.append(line.substring(8, line.indexOf('|')).replace(" ", ""));
      }
    }
    if (hex.length() == 0) {
      throw new IllegalStateException("no hexdump " + name + " in " + page);
    }
    return unhex(hex.toString());
  }

  static long[] longs(Object list) {
    return ((List<?>) list).stream().mapToLong(n -> (Long) n).toArray();
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> map(Object json) {
    return (Map<String, Object>) json;
  }

  @SuppressWarnings("unchecked")
  static List<Object> list(Object json) {
    return (List<Object>) json;
  }

  /** Something that reads bytes from outside. */
  interface Reader {
    Object read(byte[] bytes) throws IOException;
  }

  /** Cut at every byte it must be refused; with any byte changed it is read or refused, and nothing else happens. */
  static void survives(byte[] whole, Reader reader, boolean cutsAreErrors) throws IOException {
    for (int n = 0; n < whole.length; n++) {
      byte[] cut = java.util.Arrays.copyOf(whole, n);
      try {
        reader.read(cut);
        if (cutsAreErrors) {
          throw new AssertionError("cut at " + n + " it is still read");
        }
      } catch (NdferryException expected) {
        check(expected, n);
      }
    }
    for (int at = 0; at < whole.length; at++) {
      for (int bits : new int[] {1, 0x80, 0xff, whole[at] & 0xff}) {
        byte[] changed = whole.clone();
        changed[at] ^= (byte) bits;
        try {
          reader.read(changed);
        } catch (NdferryException expected) {
          check(expected, whole.length);
        } catch (RuntimeException | Error error) {
          throw new AssertionError("byte " + at + " changed by " + bits, error);
        }
      }
    }
  }

  private static void check(NdferryException error, int length) {
    if (error.getMessage().isEmpty() || (error.offset() > length && !error.getMessage().contains(".npy: "))) {
      throw new AssertionError("a message without text or a place outside of the input", error);
    }
  }
}
