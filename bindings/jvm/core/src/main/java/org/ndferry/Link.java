package org.ndferry;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;

/** NPB messages over TCP, both ways; gives up when no byte moves for a time. For one thread at a time. */
final class Link implements Closeable {
  /** How long a refused sender may go on sending before it is cut off, and how much. */
  private static final long DRAIN_MILLIS = 2000;

  private static final long DRAIN_NBYTES = 16 << 20;
  private static final int BUFFER = 1 << 16;

  private final SocketChannel channel;
  private final Selector selector;
  private final SelectionKey key;
  private final Incoming in;
  private final NpbStream messages;
  private final String peer;
  private long timeoutMillis;

  /** Memory in which large messages lie; null for none. */
  private SharedMemory shared;

  /** The body of the message that came last, if it lies there; it is given back with the next one. */
  private ByteBuffer lent;

  /** When the greeting must be over, in nanoseconds; 0 once it is. */
  private long deadline;

  Link(SocketChannel channel, long timeoutMillis, long limit) throws IOException {
    this.channel = channel;
    this.timeoutMillis = timeoutMillis;
    peer = String.valueOf(channel.getRemoteAddress()).replaceFirst("^.*/", "");
    channel.configureBlocking(false);
    channel.socket().setTcpNoDelay(true);
    selector = Selector.open();
    key = channel.register(selector, 0);
    in = new Incoming();
    messages = new NpbStream(in, limit);
  }

  String peer() {
    return peer;
  }

  void setTimeout(long millis) {
    timeoutMillis = millis;
  }

  /** The greeting begins: all of it must be done within this time, and within so many bytes from the peer. */
  void begin(long millis, long nbytes) {
    deadline = System.nanoTime() + millis * 1_000_000;
    messages.setMost(nbytes);
  }

  /** The greeting is over. */
  void begun() {
    deadline = 0;
    messages.setMost(Long.MAX_VALUE);
  }

  private void await(int operation, String what) throws IOException {
    if (!channel.isOpen()) {
      throw NdferryException.protocol("the connection is closed");
    }
    key.interestOps(operation);
    selector.selectedKeys().clear();
    long wait = timeoutMillis;
    if (deadline != 0) {
      wait = Math.min(wait, (deadline - System.nanoTime()) / 1_000_000);
      if (wait <= 0) {
        throw NdferryException.protocol(peer + " takes too long to greet");
      }
    }
    if (selector.select(Math.max(wait, 1)) == 0) {
      if (Thread.currentThread().isInterrupted()) {
        throw new java.io.InterruptedIOException("interrupted");
      }
      String problem = " " + what + " for " + timeoutMillis + " ms";
      throw NdferryException.protocol(peer + problem);
    }
  }

  /** What comes, as a stream that waits. Small reads are taken from a buffer, large ones go where they belong. */
  private final class Incoming extends InputStream {
    private final byte[] buffer = new byte[BUFFER];
    private int at;
    private int end;

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int n) throws IOException {
      if (at == end && n >= BUFFER) {
        return receive(into, offset, n);
      }
      if (at == end) {
        int got = receive(buffer, 0, BUFFER);
        if (got <= 0) {
          return got;
        }
        at = 0;
        end = got;
      }
      int some = Math.min(n, end - at);
      System.arraycopy(buffer, at, into, offset, some);
      at += some;
      return some;
    }

    private int receive(byte[] into, int offset, int n) throws IOException {
      return receive(ByteBuffer.wrap(into, offset, n));
    }

    /** What is in the buffer, or else what comes. */
    int read(ByteBuffer target) throws IOException {
      if (at == end) {
        return receive(target);
      }
      int some = Math.min(target.remaining(), end - at);
      target.put(buffer, at, some);
      at += some;
      return some;
    }

    private int receive(ByteBuffer target) throws IOException {
      for (; ; ) {
        int got = channel.read(target);
        if (got != 0) {
          return got;
        }
        await(SelectionKey.OP_READ, "has sent nothing");
      }
    }

    @Override
    public int available() throws IOException {
      if (at < end) {
        return end - at;
      }
      key.interestOps(SelectionKey.OP_READ);
      selector.selectedKeys().clear();
      return selector.selectNow();
    }
  }

  /** Whether a message, or the end, can be read without waiting for its first byte. */
  boolean hasInput() throws IOException {
    return in.available() > 0;
  }

  /** A whole message. */
  synchronized void send(ByteBuffer... parts) throws IOException {
    long left = 0;
    for (ByteBuffer part : parts) {
      left += part.remaining();
    }
    while (left > 0) {
      long n = channel.write(parts);
      left -= n;
      if (n == 0) {
        await(SelectionKey.OP_WRITE, "has taken nothing");
      }
    }
  }

  void send(int kind, long transfer, long sequence, byte[] body) throws IOException {
    send(ByteBuffer.wrap(NpbMessage.encode(kind, transfer, sequence, body)));
  }

  /** The next message, or null if the peer has closed its side in between. */
  NpbMessage recv() throws IOException {
    if (lent != null) {
      lent = null;
      send(NpbMessage.RETURNED, 0, shared.taken(), new byte[0]);
    }
    NpbMessage message = messages.next();
    if (message == null || (message.kind != NpbMessage.LENT && message.kind != NpbMessage.RETURNED)) {
      return message;
    }
    if (shared == null) {
      throw NdferryException.protocol(peer + " speaks of shared memory that there is not");
    }
    if (message.kind == NpbMessage.RETURNED) {
      shared.returned(message.sequence);
      return message;
    }
    ByteBuffer whole = shared.take(bytes(), NpbMessage.HEAD_NBYTES);
    byte[] head = new byte[NpbMessage.HEAD_NBYTES];
    whole.get(head);
    NpbMessage inside = NpbMessage.parse(head, 0);
    if (inside.kind != NpbMessage.DATA) {
      throw NdferryException.protocol(inside.name() + " came through shared memory");
    }
    lent = whole.slice();
    inside.checkLent(lent.duplicate());
    return inside;
  }

  /** From now on large messages lie there. */
  void share(SharedMemory memory) {
    shared = memory;
  }

  /** Lets go of the shared memory. By the thread that sends and receives. */
  void unshare() {
    lent = null;
    if (shared != null) {
      shared.close();
      shared = null;
    }
  }

  boolean isShared() {
    return shared != null;
  }

  /** Whether a message of this length goes through shared memory; then {@link #room} has room for it once this was true. */
  boolean lends(long nbytes) {
    return shared != null && SharedMemory.fits(nbytes);
  }

  /** Whether there is room for it already. */
  boolean hasRoom() {
    return shared.hasRoom();
  }

  /** Where to write a message. */
  ByteBuffer room(long nbytes) {
    return shared.room(nbytes);
  }

  /** Sends the message that was written there. */
  void lend(long nbytes) throws IOException {
    long number = shared.lent();
    send(NpbMessage.LENT, 0, number, shared.lend(nbytes));
  }

  /** Whether the bodies of DATA come outside of Java's memory. */
  void setDirect(boolean direct) {
    messages.setDirect(direct ? in::read : null);
  }

  /** The body of the message that came last, if it lies there; null if {@link #bytes} has it. */
  ByteBuffer body() {
    return lent != null ? lent.duplicate() : messages.body();
  }

  /** Head and body of the message that came last. */
  byte[] bytes() {
    return messages.bytes();
  }

  /** The message that came last, a REFUSE, as an error. */
  NdferryException refusal() throws NdferryException {
    Cursor in = new Cursor(bytes(), NpbMessage.HEAD_NBYTES, NpbMessage.HEAD_NBYTES);
    boolean token = in.u32() == 4;
    byte[] text = in.take(Math.min(in.left(), 4096));
    String problem = peer + " refuses: " + new String(text, StandardCharsets.UTF_8);
    NdferryException.Reason reason =
        token ? NdferryException.Reason.TOKEN : NdferryException.Reason.REFUSED;
    return new NdferryException(reason, -1, problem);
  }

  long messageOffset() {
    return messages.messageOffset();
  }

  /** Says why not, and lets the sentence arrive before the connection is closed. */
  void refuse(int code, String reason) {
    try {
      byte[] text = reason.getBytes(StandardCharsets.UTF_8);
      send(NpbMessage.REFUSE, 0, 0, new Packet().u32(code).bytes(text).toBytes());
      channel.shutdownOutput();
      long end = System.nanoTime() + DRAIN_MILLIS * 1_000_000;
      byte[] bin = new byte[1 << 16];
      timeoutMillis = DRAIN_MILLIS;
      for (long drained = 0; drained < DRAIN_NBYTES && System.nanoTime() < end; ) {
        int n = in.read(bin);
        if (n < 0) {
          break;
        }
        drained += n;
      }
    } catch (IOException gone) {
      // The peer does not want to know.
    }
  }

  @Override
  public void close() throws IOException {
    selector.close();
    channel.close();
  }
}
