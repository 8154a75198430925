package org.ndferry;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Whole messages from a stream of bytes. */
final class NpbStream {
  /** Memory grows by at most this much before what was claimed has come. */
  private static final int STEP = 1 << 20;

  /** Bytes that go where they belong without an array in between. */
  interface Direct {
    /** As {@link java.nio.channels.ReadableByteChannel#read}, but waits for at least one. */
    int read(ByteBuffer into) throws IOException;
  }

  private final InputStream in;
  private final long limit;
  private Direct direct;
  private ByteBuffer room;

  /** The body of the last message, if it lies there. */
  private ByteBuffer body;

  private byte[] bytes = new byte[0];
  private long offset;
  private long most = Long.MAX_VALUE;
  private long start;

  NpbStream(InputStream in, long limit) {
    this.in = in;
    this.limit = limit;
  }

  /** No message may end behind this byte. */
  void setMost(long most) {
    this.most = most;
  }

  /** Where in the stream the next byte is. */
  long offset() {
    return offset;
  }

  /** Where the last message began. */
  long messageOffset() {
    return start;
  }

  /** From now on the bodies of DATA go into memory outside of Java's, as far as they are no longer than usual; null ends that. */
  void setDirect(Direct direct) {
    this.direct = direct;
    room = direct == null ? null : Scratch.of(Scratch.NBYTES);
    body = null;
  }

  /** The body of the last message, valid until the next one; null if {@link #bytes} has it. */
  ByteBuffer body() {
    return body;
  }

  /** Head and body of the last message; the next one may lie in the same array. */
  byte[] bytes() {
    return bytes;
  }

  /** The next message, both checksums compared; null at the end of the stream. */
  NpbMessage next() throws IOException {
    byte[] head = new byte[NpbMessage.HEAD_NBYTES];
    int have = fill(head, 0, 1);
    // In files zeros may stand before a head, so that payloads are aligned.
    for (int zeros = 0; have == 1 && head[0] == 0 && zeros < 15; zeros++) {
      have = fill(head, 0, 1);
    }
    if (have == 0) {
      return null;
    }
    start = offset - 1;
    have = fill(head, 1, head.length);
    try {
      NpbMessage message = NpbMessage.parse(have < head.length ? Arrays.copyOf(head, have) : head, 0);
      message.limit(limit);
      if (message.bodyNbytes > most - offset) {
        throw NdferryException.limit(24, message.name() + " has " + message.bodyNbytes + " bytes before the end of the greeting");
      }
      body = null;
      if (direct != null && message.kind == NpbMessage.DATA && message.bodyNbytes <= room.capacity()) {
        body = direct((int) message.bodyNbytes);
        message.check(body.duplicate());
        return message;
      }
      body(head, message.bodyNbytes);
      int n = bytes.length - head.length;
      message.check(bytes, head.length, n);
      return message;
    } catch (NdferryException error) {
      throw error.after(start);
    }
  }

  private ByteBuffer direct(int nbytes) throws IOException {
    room.clear();
    room.limit(nbytes);
    while (room.hasRemaining()) {
      int n = direct.read(room);
      if (n < 0) {
        break;
      }
      offset += n;
    }
    room.flip();
    return room;
  }

  private void body(byte[] head, long nbytes) throws IOException {
    int whole = head.length + (int) nbytes;
    if (bytes.length == whole) {
      System.arraycopy(head, 0, bytes, 0, head.length); // tiles mostly have the same length
    } else {
      bytes = Arrays.copyOf(head, Math.min(whole, head.length + STEP));
    }
    int have = head.length;
    while (have < whole) {
      if (have == bytes.length) {
        bytes = Arrays.copyOf(bytes, (int) Math.min(whole, 2L * bytes.length));
      }
      int n = fill(bytes, have, bytes.length);
      if (n < bytes.length) {
        bytes = Arrays.copyOf(bytes, n);
        return;
      }
      have = n;
    }
  }

  /** Reads up to {@code end}; gives where it came to. */
  private int fill(byte[] into, int from, int end) throws IOException {
    int at = from;
    while (at < end) {
      int n = in.read(into, at, end - at);
      if (n < 0) {
        break;
      }
      at += n;
      offset += n;
    }
    return at;
  }
}
