package org.ndferry;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Bytes at an offset: a file, or memory. */
abstract class Input implements Closeable {
  static Input open(Path file) throws IOException {
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    long size = channel.size();
    return new Input() {
      @Override
      long size() {
        return size;
      }

      @Override
      int read(long at, ByteBuffer into) throws IOException {
        return channel.read(into, at);
      }

      @Override
      public void close() throws IOException {
        channel.close();
      }
    };
  }

  static Input of(byte[] bytes) {
    return new Input() {
      @Override
      long size() {
        return bytes.length;
      }

      @Override
      int read(long at, ByteBuffer into) {
        int n = (int) Math.min(into.remaining(), bytes.length - at);
        if (n <= 0) {
          return -1;
        }
        into.put(bytes, (int) at, n);
        return n;
      }

      @Override
      public void close() {}
    };
  }

  abstract long size();

  /** Some bytes, or -1 at the end. */
  abstract int read(long at, ByteBuffer into) throws IOException;

  /** So many bytes; compared with what there is before memory is taken. */
  byte[] bytes(long at, long n) throws IOException {
    if (at < 0 || n < 0 || at > size() || n > size() - at) {
      String problem = "cut off: " + n + " bytes at " + at + " are needed, but the input has " + size();
      throw NdferryException.format(Math.max(0, Math.min(at, size())), problem);
    }
    if (n > Integer.MAX_VALUE - 8) {
      throw NdferryException.limit(at, n + " bytes in one piece");
    }
    ByteBuffer into = ByteBuffer.allocate((int) n);
    while (into.hasRemaining()) {
      if (read(at + into.position(), into) < 0) {
        throw NdferryException.format(at + into.position(), "cut off while it was read");
      }
    }
    return into.array();
  }

  /** A part as a stream. */
  InputStream stream(long start, long n) {
    return new InputStream() {
      private long at = start;
      private final long end = start + n;

      @Override
      public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
      }

      @Override
      public int read(byte[] into, int offset, int count) throws IOException {
        if (count == 0) {
          return 0;
        }
        if (at >= end) {
          return -1;
        }
        int n = Input.this.read(at, ByteBuffer.wrap(into, offset, (int) Math.min(count, end - at)));
        at += Math.max(n, 0);
        return n;
      }
    };
  }
}
