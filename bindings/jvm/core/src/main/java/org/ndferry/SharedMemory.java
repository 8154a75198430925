package org.ndferry;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;

/**
 * Memory of another process of this user, in which messages lie that stand in a connection only by their place. For one
 * thread at a time.
 */
final class SharedMemory {
  /** One message: that of a block of the usual length, and it begins at a page. */
  private static final int SLOT = NpbWriter.BLOCK + 4096;

  private static final int PROOF_NBYTES = 32;
  private static final long LEAST = SLOT;
  private static final long MOST = 64 << 20;
  private static final Unmapper UNMAPPER = Unmapper.find();

  private MappedByteBuffer map;

  /** Messages that were put into it, and how many of them the other side has taken out. */
  private long lent;

  private long returned;

  /** Messages that were taken out of it. */
  private long taken;

  private SharedMemory(MappedByteBuffer map) {
    this.map = map;
  }

  /**
   * Opens it, if it is what the peer says: on this machine, of the same user, as long, and with the proof at its start. Null
   * otherwise.
   */
  static SharedMemory open(String path, long nbytes, byte[] proof) {
    boolean sane = nbytes >= LEAST && nbytes <= MOST && proof.length == PROOF_NBYTES;
    // Nothing but the descriptor of a process is opened, and only if it is of a file: a pipe would wait for its other end.
    if (!sane || UNMAPPER == null || File.separatorChar != '/' || !path.matches("/proc/[0-9]+/fd/[0-9]+")) {
      return null;
    }
    try {
      Path file = Paths.get(path);
      Object user = Files.getAttribute(Paths.get("/proc/self"), "unix:uid");
      if (!Files.isRegularFile(file) || !user.equals(Files.getAttribute(file, "unix:uid"))) {
        return null;
      }
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        ByteBuffer found = ByteBuffer.allocate(PROOF_NBYTES);
        while (found.hasRemaining() && channel.read(found, found.position()) > 0) {
          // until it is full, or the file at its end
        }
        if (channel.size() != nbytes || !MessageDigest.isEqual(found.array(), proof)) {
          return null;
        }
        return new SharedMemory(channel.map(FileChannel.MapMode.READ_WRITE, 0, nbytes));
      }
    } catch (IOException | RuntimeException notHere) {
      return null;
    }
  }

  private ByteBuffer slice(long offset, long nbytes) {
    ByteBuffer part = map.duplicate();
    part.position((int) offset).limit((int) (offset + nbytes));
    return part.slice().order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Head and body of the message that is meant by the body of a LENT; valid until it is given back. */
  ByteBuffer take(byte[] bytes, int at) throws NdferryException {
    Cursor in = new Cursor(bytes, at, NpbMessage.HEAD_NBYTES);
    long offset = in.u64();
    long nbytes = in.u64();
    in.end();
    boolean inside = offset >= 0 && nbytes >= NpbMessage.HEAD_NBYTES && nbytes <= map.capacity() - offset;
    if (!inside) {
      throw NdferryException.protocol("a message is said to lie outside of the shared memory");
    }
    taken++;
    return slice(offset, nbytes);
  }

  /** How many were taken in all. */
  long taken() {
    return taken;
  }

  /** The other side has taken so many in all. */
  void returned(long count) throws NdferryException {
    if (count < returned || count > lent) {
      throw NdferryException.protocol("more messages were taken out of the shared memory than were put into it");
    }
    returned = count;
  }

  /** Whether a message of this length can lie there at all. */
  static boolean fits(long nbytes) {
    return nbytes <= SLOT;
  }

  /** Whether there is room for one more now. */
  boolean hasRoom() {
    return lent - returned < map.capacity() / SLOT;
  }

  /** Room for the next message, which must be there. */
  ByteBuffer room(long nbytes) {
    return slice(place(), nbytes);
  }

  private long place() {
    return lent % (map.capacity() / SLOT) * SLOT;
  }

  /** The body of the LENT for the message that was written into the room; it has gone now. */
  byte[] lend(long nbytes) {
    byte[] body = new Packet().u64(place()).u64(nbytes).toBytes();
    lent++;
    return body;
  }

  long lent() {
    return lent;
  }

  /** Gives it back to the system at once. Nobody may use what {@link #take} and {@link #room} gave after this. */
  void close() {
    MappedByteBuffer whole = map;
    map = null;
    if (whole != null) {
      UNMAPPER.unmap(whole);
    }
  }

  /**
   * What unmaps: the collector would do so when it comes round to it, which may be never, and each map holds the memory of
   * another program.
   */
  private abstract static class Unmapper {
    abstract void unmap(MappedByteBuffer map);

    /** What this Java has; null if nothing. */
    static Unmapper find() {
      try {
        Class<?> type = Class.forName("sun.misc.Unsafe");
        Field field = type.getDeclaredField("theUnsafe");
        field.setAccessible(true);
        Object unsafe = field.get(null);
        Method method = type.getMethod("invokeCleaner", ByteBuffer.class); // since Java 9
        return of(map -> method.invoke(unsafe, map));
      } catch (ReflectiveOperationException | RuntimeException older) {
        // Java 8, or one that has done away with it
      }
      try {
        Method cleaner = Class.forName("sun.nio.ch.DirectBuffer").getMethod("cleaner");
        Method clean = Class.forName("sun.misc.Cleaner").getMethod("clean");
        return of(map -> clean.invoke(cleaner.invoke(map)));
      } catch (ReflectiveOperationException | RuntimeException none) {
        return null;
      }
    }

    private interface Call {
      void on(MappedByteBuffer map) throws ReflectiveOperationException;
    }

    private static Unmapper of(Call call) {
      return new Unmapper() {
        @Override
        void unmap(MappedByteBuffer map) {
          try {
            call.on(map);
          } catch (ReflectiveOperationException | RuntimeException later) {
            // The collector does it.
          }
        }
      };
    }
  }
}
