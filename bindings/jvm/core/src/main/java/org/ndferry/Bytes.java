package org.ndferry;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** A run of bytes of any length, in parts of 1 GiB, since a ByteBuffer ends at 2 GiB. */
final class Bytes {
  private static final int SHIFT = 30;
  static final int PART = 1 << SHIFT;

  /** Memory grows by at most this much before what was claimed has really come. */
  private static final int STEP = 1 << 20;

  private final ByteBuffer[] parts;
  private final long size;

  private Bytes(ByteBuffer[] parts, long size) {
    this.parts = parts;
    this.size = size;
    for (int i = 0; i < parts.length; i++) {
      parts[i].order(java.nio.ByteOrder.LITTLE_ENDIAN);
    }
  }

  /** Zeros. */
  static Bytes allocate(long size) {
    List<ByteBuffer> parts = new ArrayList<>();
    for (long left = size; left > 0; left -= PART) {
      parts.add(ByteBuffer.allocate((int) Math.min(left, PART)));
    }
    return new Bytes(parts.toArray(new ByteBuffer[0]), size);
  }

  /** Zeros, where the size comes from outside but was compared with what is there. */
  static Bytes allocateClaimed(long size) throws NdferryException {
    if (size > Runtime.getRuntime().maxMemory()) {
      throw tooBig(size);
    }
    try {
      return allocate(size);
    } catch (OutOfMemoryError error) {
      throw tooBig(size);
    }
  }

  private static NdferryException tooBig(long size) {
    return NdferryException.limit(-1, size + " bytes are more than this Java machine has memory for");
  }

  /** What lies between position and limit, shared. */
  static Bytes wrap(ByteBuffer buffer) {
    ByteBuffer all = buffer.slice();
    int size = all.limit();
    ByteBuffer[] parts = new ByteBuffer[(size >>> SHIFT) + ((size & (PART - 1)) > 0 ? 1 : 0)];
    for (int i = 0; i < parts.length; i++) {
      all.limit((int) Math.min(size, (long) (i + 1) << SHIFT));
      all.position(i << SHIFT);
      parts[i] = all.slice();
    }
    return new Bytes(parts, size);
  }

  static Bytes wrap(byte[] bytes) {
    return wrap(ByteBuffer.wrap(bytes));
  }

  /** Parts of {@link #PART} bytes each, the last shorter: maps of a file. */
  static Bytes ofParts(List<ByteBuffer> parts, long size) {
    return new Bytes(parts.toArray(new ByteBuffer[0]), size);
  }

  /**
   * Reads so many bytes. Memory is taken as they come, or at once if {@code available} says that they are there; {@code
   * offset} is where in the input they begin, for the error.
   */
  static Bytes read(InputStream in, long size, long available, long offset) throws IOException {
    if (available >= 0 && available < size) {
      throw cut(size, available, offset);
    }
    List<ByteBuffer> parts = new ArrayList<>();
    try {
      for (long done = 0; done < size; done += PART) {
        int target = (int) Math.min(size - done, PART);
        byte[] part = new byte[available >= size ? target : Math.min(target, STEP)];
        int have = 0;
        while (have < target) {
          if (have == part.length) {
            part = java.util.Arrays.copyOf(part, (int) Math.min(target, 2L * part.length));
          }
          int n = in.read(part, have, part.length - have);
          if (n < 0) {
            throw cut(size, done + have, offset);
          }
          have += n;
        }
        parts.add(ByteBuffer.wrap(part));
      }
    } catch (OutOfMemoryError error) {
      throw tooBig(size);
    }
    return new Bytes(parts.toArray(new ByteBuffer[0]), size);
  }

  private static NdferryException cut(long size, long found, long offset) {
    String problem = "cut off: " + size + " bytes are needed, but " + found + " are left";
    return NdferryException.format(offset + found, problem);
  }

  long size() {
    return size;
  }

  boolean isReadOnly() {
    return parts.length > 0 && parts[0].isReadOnly();
  }

  Bytes asReadOnly() {
    ByteBuffer[] out = new ByteBuffer[parts.length];
    for (int i = 0; i < parts.length; i++) {
      out[i] = parts[i].asReadOnlyBuffer();
    }
    return new Bytes(out, size);
  }

  byte get(long at) {
    return parts[(int) (at >>> SHIFT)].get((int) at & (PART - 1));
  }

  /** The bits of a number of 1, 2, 4 or 8 bytes; above them zeros. */
  long bits(long at, int width, boolean big) {
    ByteBuffer part = parts[(int) (at >>> SHIFT)];
    int in = (int) at & (PART - 1);
    if (in + width > part.limit()) {
      long bits = 0;
      for (int i = 0; i < width; i++) {
        bits |= (get(at + i) & 0xffL) << 8 * (big ? width - 1 - i : i);
      }
      return bits;
    }
    switch (width) {
      case 1:
        return part.get(in) & 0xffL;
      case 2:
        short two = part.getShort(in);
        return (big ? Short.reverseBytes(two) : two) & 0xffffL;
      case 4:
        int four = part.getInt(in);
        return (big ? Integer.reverseBytes(four) : four) & 0xffffffffL;
      default:
        long eight = part.getLong(in);
        return big ? Long.reverseBytes(eight) : eight;
    }
  }

  void putBits(long at, int width, boolean big, long bits) {
    ByteBuffer part = parts[(int) (at >>> SHIFT)];
    int in = (int) at & (PART - 1);
    if (in + width <= part.limit()) {
      switch (width) {
        case 1:
          part.put(in, (byte) bits);
          return;
        case 2:
          part.putShort(in, big ? Short.reverseBytes((short) bits) : (short) bits);
          return;
        case 4:
          part.putInt(in, big ? Integer.reverseBytes((int) bits) : (int) bits);
          return;
        case 8:
          part.putLong(in, big ? Long.reverseBytes(bits) : bits);
          return;
        default:
          break;
      }
    }
    for (int i = 0; i < width; i++) {
      long to = at + (big ? width - 1 - i : i);
      parts[(int) (to >>> SHIFT)].put((int) to & (PART - 1), (byte) (bits >>> 8 * i));
    }
  }

  void get(long at, byte[] into, int offset, int n) {
    int done = 0;
    while (done < n) {
      ByteBuffer piece = piece(at + done, n - done);
      int step = piece.remaining();
      piece.get(into, offset + done, step);
      done += step;
    }
  }

  byte[] get(long at, int n) {
    byte[] out = new byte[n];
    get(at, out, 0, n);
    return out;
  }

  void put(long at, byte[] from, int offset, int n) {
    int done = 0;
    while (done < n) {
      ByteBuffer piece = piece(at + done, n - done);
      int step = piece.remaining();
      piece.put(from, offset + done, step);
      done += step;
    }
  }

  /** At most {@code n} bytes from {@code at} on, shared, as far as their part goes; little-endian. */
  ByteBuffer piece(long at, long n) {
    ByteBuffer piece = parts[(int) (at >>> SHIFT)].duplicate();
    int in = (int) at & (PART - 1);
    piece.limit((int) Math.min(piece.limit(), in + Math.min(n, PART)));
    piece.position(in);
    return piece.slice().order(java.nio.ByteOrder.LITTLE_ENDIAN);
  }

  /** All of a run, shared, in as few buffers as it takes. */
  List<ByteBuffer> pieces(long at, long n) {
    List<ByteBuffer> out = new ArrayList<>();
    for (long done = 0; done < n; ) {
      ByteBuffer piece = piece(at + done, n - done);
      out.add(piece);
      done += piece.remaining();
    }
    return out;
  }

  void copyTo(long from, Bytes into, long at, long n) {
    for (long done = 0; done < n; ) {
      ByteBuffer target = into.piece(at + done, n - done);
      ByteBuffer source = piece(from + done, target.remaining());
      done += source.remaining();
      target.put(source);
    }
  }
}
