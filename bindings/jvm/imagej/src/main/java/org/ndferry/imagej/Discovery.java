package org.ndferry.imagej;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.ndferry.Json;

/** The file by which programs of the same user find the server: its port and its token. Nobody else may read it. */
final class Discovery {
  private static final boolean POSIX = File.separatorChar == '/';

  private Discovery() {}

  /** The number of this process. */
  static long pid() {
    String name = ManagementFactory.getRuntimeMXBean().getName();
    return Long.parseLong(name.substring(0, name.indexOf('@')));
  }

  /** The folder: of the session if the system has such a thing, otherwise the user's caches. */
  static Path folder() {
    String runtime = System.getenv("XDG_RUNTIME_DIR");
    if (runtime != null && !runtime.isEmpty()) {
      return Paths.get(runtime, "ndferry");
    }
    String home = System.getProperty("user.home");
    String system = System.getProperty("os.name", "");
    if (system.startsWith("Windows")) {
      String local = System.getenv("LOCALAPPDATA");
      return local != null ? Paths.get(local, "ndferry") : Paths.get(home, "AppData", "Local", "ndferry");
    }
    if (system.startsWith("Mac")) {
      return Paths.get(home, "Library", "Caches", "ndferry");
    }
    String cache = System.getenv("XDG_CACHE_HOME");
    return cache != null && !cache.isEmpty() ? Paths.get(cache, "ndferry") : Paths.get(home, ".cache", "ndferry");
  }

  private static FileAttribute<?>[] only(String permissions) {
    if (!POSIX) {
      return new FileAttribute<?>[0]; // the user's own folders are private there
    }
    return new FileAttribute<?>[] {
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
    };
  }

  /** Writes the file; it appears whole. */
  static Path write(Map<String, Object> entry) throws IOException {
    Path folder = folder();
    Files.createDirectories(folder.getParent());
    try {
      Files.createDirectory(folder, only("rwx------"));
    } catch (FileAlreadyExistsException there) {
      if (POSIX && Files.isDirectory(folder)) {
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
      }
    }
    Path file = folder.resolve("imagej-" + pid() + ".json");
    Path part = Files.createTempFile(folder, ".imagej-", ".part", only("rw-------"));
    try {
      Files.write(part, (Json.write(entry) + "\n").getBytes(StandardCharsets.UTF_8));
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException error) {
      Files.deleteIfExists(part);
      throw error;
    }
    return file;
  }
}
