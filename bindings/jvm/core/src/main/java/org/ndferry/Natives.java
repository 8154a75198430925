package org.ndferry;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The native library, which is optional: what needs it says so, all else works without. It is used when the jar {@code
 * ndferry-natives} is beside this one and has this platform in it.
 *
 * <p>The library is copied out of the jar into a folder that nobody else can read, under a name that no other class
 * loader has, and loaded from there. The property {@code ndferry.natives} names a file to load instead, or is {@code
 * off}.
 */
public final class Natives {
  /** Where nothing was said. */
  private static final String PROPERTY = "ndferry.natives";

  private Natives() {}

  /** Loaded when somebody asks first. */
  private static final class Loaded {
    /** Why it is not there, or null. */
    static final String MISSING = load();
  }

  /**
   * Whether the native library is there.
   *
   * @return false also if it could not be loaded; {@link #missing} says why
   */
  public static boolean isAvailable() {
    return Loaded.MISSING == null;
  }

  /**
   * Why there is no native library.
   *
   * @return one sentence, or the empty string if it is there
   */
  public static String missing() {
    return Loaded.MISSING == null ? "" : Loaded.MISSING;
  }

  /**
   * The version of the native library.
   *
   * @return as {@code ndferry --version} has it
   * @throws UnsupportedOperationException without the library
   */
  public static String version() {
    require("its version");
    return NativeCalls.version();
  }

  /**
   * The platform as the jar of natives calls it.
   *
   * @return for example {@code linux-x86_64}
   */
  public static String platform() {
    return system() + "-" + processor();
  }

  /** Says what is missing for {@code what}, unless it is there. */
  static void require(String what) {
    if (Loaded.MISSING != null) {
      throw new UnsupportedOperationException(what + " needs the native library: " + Loaded.MISSING);
    }
  }

  private static String system() {
    String name = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
    return name.startsWith("windows") ? "windows" : name.startsWith("mac") ? "macos" : name.replace(' ', '_');
  }

  private static String processor() {
    String name = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
    switch (name) {
      case "amd64":
      case "x86-64":
        return "x86_64";
      case "arm64":
        return "aarch64";
      default:
        return name;
    }
  }

  private static String load() {
    try {
      String named = System.getProperty(PROPERTY, "");
      if (named.equals("off")) {
        return "it is switched off by the property " + PROPERTY;
      }
      String missing = named.isEmpty() ? extract() : link(Paths.get(named).toAbsolutePath());
      return missing != null ? missing : fits();
    } catch (RuntimeException | LinkageError | IOException error) {
      return "it could not be loaded: " + said(error);
    }
  }

  private static String said(Throwable error) {
    return error.getMessage() == null ? error.toString() : error.getMessage();
  }

  private static String fits() {
    int abi = NativeCalls.abi();
    return abi == NativeCalls.ABI
        ? null
        : "the jar ndferry-natives is of another version than ndferry-core (" + NativeCalls.version() + ")";
  }

  /** Loads it from the jar; says why not. */
  private static String extract() throws IOException {
    String file = System.mapLibraryName("ndferry_jni");
    String resource = "natives/" + platform() + "/" + file;
    ClassLoader loader = Natives.class.getClassLoader();
    String missing = null;
    for (Path parent : folders()) {
      try (InputStream in = loader == null ? null : loader.getResourceAsStream(resource)) {
        if (in == null) {
          return "no jar ndferry-natives with " + platform() + " in it is on the class path";
        }
        missing = extract(in, parent, file);
      } catch (IOException error) {
        missing = "it could not be copied to " + parent + ": " + said(error);
      }
      if (missing == null) {
        return null;
      }
    }
    return missing;
  }

  private static String extract(InputStream in, Path parent, String file) throws IOException {
    Files.createDirectories(parent);
    Path folder = Files.createTempDirectory(parent, "ndferry-", onlyOurs());
    Path copy = folder.resolve(file);
    try {
      Files.copy(in, copy);
      return link(copy);
    } finally {
      // What is loaded stays in memory; Windows removes files that are in use only when it ends.
      if (!remove(copy) | !remove(folder)) {
        folder.toFile().deleteOnExit();
        copy.toFile().deleteOnExit();
      }
    }
  }

  private static boolean remove(Path path) {
    try {
      Files.deleteIfExists(path);
      return true;
    } catch (IOException error) {
      return false;
    }
  }

  private static FileAttribute<?>[] onlyOurs() {
    if (!FileSystems.getDefault().supportedFileAttributeViews().contains("posix")) {
      return new FileAttribute<?>[0];
    }
    return new FileAttribute<?>[] {
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"))
    };
  }

  /** Where the copy may go: some machines run nothing out of the first. */
  private static List<Path> folders() {
    List<Path> folders = new ArrayList<>();
    folders.add(Paths.get(System.getProperty("java.io.tmpdir")));
    String runtime = System.getenv("XDG_RUNTIME_DIR");
    if (runtime != null && !runtime.isEmpty()) {
      folders.add(Paths.get(runtime));
    }
    folders.add(Paths.get(System.getProperty("user.home"), ".cache", "ndferry"));
    return folders;
  }

  @SuppressWarnings("restricted") // that is what this jar is for; newer Javas warn when it is loaded
  private static String link(Path file) {
    try {
      System.load(file.toString());
      return null;
    } catch (UnsatisfiedLinkError error) {
      return "this system does not load " + file.getFileName() + ": " + said(error);
    } catch (RuntimeException error) {
      // IllegalCallerException, of Java 9.
      return "Java refuses to load it; run it with --enable-native-access=ALL-UNNAMED: " + said(error);
    }
  }
}
