package org.ndferry;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/** Files that appear whole or not at all. */
final class Whole {
  /** What fills a file. */
  interface Filler {
    void fill(OutputStream out) throws IOException;
  }

  private Whole() {}

  static void write(Path file, Filler filler) throws IOException {
    Path target = file.toAbsolutePath();
    String name = "." + target.getFileName() + "." + UUID.randomUUID() + ".part";
    Path part = target.resolveSibling(name);
    try {
      StandardOpenOption[] fresh = {StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE};
      try (FileChannel channel = FileChannel.open(part, fresh);
          OutputStream out =
              new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16)) {
        filler.fill(out);
        out.flush();
        channel.force(true);
      }
      try {
        Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
      } catch (AtomicMoveNotSupportedException error) {
        Files.move(part, target, StandardCopyOption.REPLACE_EXISTING);
      }
    } finally {
      Files.deleteIfExists(part);
    }
  }
}
