package org.ndferry;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * Arrays to and from another process over TCP, in checked blocks: what {@code ndferry send} and {@code ndferry recv}
 * speak. For one thread at a time.
 *
 * <pre>{@code
 * try (Connection connection = Connection.connect("127.0.0.1", port)) {
 *   connection.send(array); // returns when the other side has stored it
 * }
 * }</pre>
 */
public final class Connection implements AutoCloseable {
  /** How long a peer may be silent, in milliseconds, when nobody says. */
  public static final long DEFAULT_TIMEOUT = 60_000;

  private final Link link;
  private final long memory;
  private final long timeoutMillis;

  // What the peer takes, as its HELLO says.
  private long peerBlock;
  private long window;

  Connection(SocketChannel channel, long timeoutMillis, Token token, boolean listening)
      throws IOException {
    this.timeoutMillis = timeoutMillis;
    this.memory = Runtime.getRuntime().maxMemory() / 2;
    try {
      link = new Link(channel, Math.min(timeoutMillis, Greeting.MILLIS), NpbMessage.PEER_BLOCK);
      Greeting greeting = new Greeting(link, token);
      link.begin(Greeting.MILLIS, Greeting.NBYTES);
      if (listening) {
        greeting.listen();
      } else {
        greeting.connect();
      }
      link.begun();
      peerBlock = greeting.peerBlock;
      window = greeting.window;
      link.setTimeout(timeoutMillis);
    } catch (IOException | RuntimeException error) {
      channel.close();
      throw error;
    }
  }

  /**
   * Connects to whoever waits for arrays there, with the default time-out.
   *
   * @param host its name or address
   * @param port its port
   * @return to be closed
   * @throws NdferryException if somebody else answers, or nobody
   * @throws IOException as the system says
   */
  public static Connection connect(String host, int port) throws IOException {
    return connect(new InetSocketAddress(host, port), DEFAULT_TIMEOUT);
  }

  /**
   * Connects to whoever waits for arrays there.
   *
   * @param address where
   * @param timeoutMillis how long the peer may be silent
   * @return to be closed
   * @throws NdferryException if somebody else answers, or nobody
   * @throws IOException as the system says
   */
  public static Connection connect(InetSocketAddress address, long timeoutMillis)
      throws IOException {
    return connect(address, timeoutMillis, null);
  }

  /**
   * Connects to whoever waits for arrays there and knows a token.
   *
   * @param address where
   * @param timeoutMillis how long the peer may be silent
   * @param token nothing is sent to a peer that does not prove to know it; null if there is none
   * @return to be closed
   * @throws NdferryException if somebody else answers, or nobody
   * @throws IOException as the system says
   */
  public static Connection connect(InetSocketAddress address, long timeoutMillis, Token token)
      throws IOException {
    SocketChannel channel = SocketChannel.open();
    try {
      channel.socket().connect(address, (int) Math.min(timeoutMillis, Greeting.MILLIS));
    } catch (IOException error) {
      channel.close();
      throw error;
    }
    return new Connection(channel, timeoutMillis, token, false);
  }

  /** Throws if the message is a refusal; takes note of a CREDIT. */
  private void listen(NpbMessage head) throws IOException {
    if (head.kind == NpbMessage.REFUSE) {
      throw link.refusal();
    }
    if (head.kind == NpbMessage.CREDIT && window >= 0) {
      Cursor in = new Cursor(link.bytes(), NpbMessage.HEAD_NBYTES, NpbMessage.HEAD_NBYTES);
      window += Math.max(in.u64(), 0);
    }
  }

  /**
   * Sends one array. Returns only when the other side has said that it is stored and verified.
   *
   * @param array what
   * @throws IllegalArgumentException for Python objects, or fields that overlap
   * @throws NdferryException if the peer refuses, breaks off or falls silent
   * @throws IOException as the system says
   */
  public void send(NDArray array) throws IOException {
    send(Collections.singletonMap("", array));
  }

  /**
   * Sends arrays as one transfer. Returns only when the other side has said that all is stored and verified.
   *
   * @param arrays name to array
   * @throws IllegalArgumentException for Python objects, or fields that overlap
   * @throws NdferryException if the peer refuses, breaks off or falls silent
   * @throws IOException as the system says
   */
  public void send(Map<String, NDArray> arrays) throws IOException {
    for (NDArray array : arrays.values()) {
      NpyHeader.of(array).encode();
    }
    try {
      boolean cataloged = arrays.size() != 1 || !arrays.containsKey("");
      List<NpbIndex.Entry> entries = new java.util.ArrayList<>();
      long blocks = 0;
      long transfer = 0;
      for (Map.Entry<String, NDArray> entry : arrays.entrySet()) {
        NpbIndex.Entry own = new NpbIndex.Entry();
        own.name = entry.getKey();
        own.transfer = NpbWriter.newTransfer();
        transfer = own.transfer;
        entries.add(own);
        blocks += array(own, entry.getValue(), cataloged);
      }
      if (cataloged) {
        transfer = 0;
        link.send(NpbMessage.CATALOG, 0, 0, NpbIndex.encode(entries));
      }
      acknowledged(transfer, blocks);
    } catch (NdferryException error) {
      throw error;
    } catch (IOException error) {
      throw why(error);
    }
  }

  /**
   * Sends one array whose elements are made on the way. Returns only when the other side has said that all is stored and
   * verified.
   *
   * @param name its name; may be empty
   * @param dtype what each element is
   * @param shape the extent of each axis
   * @param source where its elements come from
   * @throws NdferryException if the peer refuses, breaks off or falls silent
   * @throws IOException as the system says
   */
  public void send(String name, Dtype dtype, long[] shape, ArraySource source) throws IOException {
    try {
      long block = Math.min(NpbWriter.BLOCK, Math.max(peerBlock, 1));
      long[] tile = TileGrid.flat(shape, dtype.itemsize(), block, false);
      NpbManifest manifest = NpbManifest.of(dtype, shape.clone(), tile);
      TileGrid grid = manifest.grid();
      manifest.dataBlocks = grid.size();
      long transfer = NpbWriter.newTransfer();
      byte[] head = NpyHeader.of(dtype, shape.clone(), false).encode();
      begin(transfer, manifest, NpbWriter.headers(head, name));
      ByteBuffer scratch = link.isShared() ? null : Scratch.of(Math.max(grid.maxNbytes(), 1));
      long at = 0;
      for (long number = 0; number < grid.size(); number++) {
        int nbytes = (int) grid.nbytes(number);
        ByteBuffer room = room(nbytes);
        if (room != null) {
          ByteBuffer raw = room.slice().order(java.nio.ByteOrder.LITTLE_ENDIAN);
          source.fill(at, raw);
          lend(transfer, number, room);
        } else {
          scratch = scratch == null ? Scratch.of(Math.max(grid.maxNbytes(), 1)) : scratch;
          scratch.clear();
          scratch.limit(nbytes);
          source.fill(at, scratch);
          scratch.flip();
          block(transfer, number, scratch);
        }
        at += nbytes;
      }
      end(transfer, grid.size(), shape.length == 0 ? 0 : shape[0]);
      acknowledged(transfer, grid.size());
    } catch (NdferryException error) {
      throw error;
    } catch (IOException error) {
      throw why(error);
    }
  }

  private long array(NpbIndex.Entry own, NDArray array, boolean cataloged) throws IOException {
    NDArray stored = Npb.stored(array);
    NDArray contiguous = stored.isContiguous() ? stored : stored.copy();
    long[] shape = stored.shape();
    long block = Math.min(NpbWriter.BLOCK, Math.max(peerBlock, 1));
    long[] tile = TileGrid.flat(shape, array.dtype().itemsize(), block, false);
    NpbManifest manifest = NpbManifest.of(array.dtype(), shape, tile);
    TileGrid grid = manifest.grid();
    manifest.dataBlocks = grid.size();
    manifest.cataloged = cataloged;
    begin(own.transfer, manifest, NpbWriter.headers(NpyHeader.of(array).encode(), own.name));
    for (long number = 0; number < grid.size(); number++) {
      block(own.transfer, number, Npb.flatTile(contiguous, grid, number));
    }
    end(own.transfer, grid.size(), shape.length == 0 ? 0 : shape[0]);
    return grid.size();
  }

  void begin(long transfer, NpbManifest manifest, List<byte[]> headers) throws IOException {
    manifest.headerBlocks = headers.size();
    link.send(NpbMessage.MANIFEST, transfer, 0, manifest.encode());
    for (int i = 0; i < headers.size(); i++) {
      link.send(NpbMessage.HEADER, transfer, i, headers.get(i));
    }
  }

  private static final int DATA_HEAD = NpbMessage.HEAD_NBYTES + NpbBlock.SUBHEAD_NBYTES;

  /** Hears what the other side has to say in the middle of a transfer. */
  private void hearBetween() throws IOException {
    NpbMessage head = link.recv();
    if (head == null) {
      throw NdferryException.protocol(link.peer() + " has closed the connection during a transfer");
    }
    listen(head);
  }

  /** Room in shared memory for a raw tile, behind its head; null if it goes through the connection. Hears a refusal. */
  private ByteBuffer room(long nbytes) throws IOException {
    if (!link.lends(DATA_HEAD + nbytes)) {
      return null;
    }
    while (link.hasInput() || !link.hasRoom()) {
      hearBetween();
    }
    ByteBuffer room = link.room(DATA_HEAD + nbytes);
    room.position(DATA_HEAD);
    return room;
  }

  /** Sends the tile that was written there. */
  private void lend(long transfer, long number, ByteBuffer room) throws IOException {
    room.clear();
    room.put(NpbBlock.lentHead(transfer, number, room.capacity() - DATA_HEAD));
    link.lend(room.capacity());
  }

  /** A raw tile; hears a refusal before it. */
  void block(long transfer, long number, ByteBuffer raw) throws IOException {
    long nbytes = DATA_HEAD + raw.remaining();
    ByteBuffer room = room(raw.remaining());
    if (room != null) {
      room.put(raw.duplicate());
      lend(transfer, number, room);
      return;
    }
    while (link.hasInput() || (window >= 0 && window < nbytes)) {
      hearBetween();
    }
    window -= window >= 0 ? nbytes : 0;
    link.send(ByteBuffer.wrap(NpbBlock.rawHead(transfer, number, raw)), raw.duplicate());
  }

  void end(long transfer, long blocks, long extent) throws IOException {
    link.send(NpbMessage.END, transfer, 0, new Packet().u64(blocks).u64(extent).toBytes());
  }

  /** Waits until the other side has said that all is stored. */
  void acknowledged(long transfer, long blocks) throws IOException {
    for (; ; ) {
      NpbMessage head = link.recv();
      if (head == null) {
        String problem = " has closed the connection without saying that the arrays are stored";
        throw NdferryException.protocol(link.peer() + problem);
      }
      listen(head);
      if (head.kind == NpbMessage.ACK) {
        Cursor in = new Cursor(link.bytes(), NpbMessage.HEAD_NBYTES, NpbMessage.HEAD_NBYTES);
        long stored = in.u64();
        if (head.transfer != transfer || stored != blocks) {
          throw NdferryException.protocol(link.peer() + " has stored " + stored + " blocks of " + blocks);
        }
        return;
      }
    }
  }

  /** The refusal behind a connection that broke, if there is one to be read. */
  IOException why(IOException broken) {
    try {
      link.setTimeout(1000);
      for (NpbMessage head = link.recv(); head != null; head = link.recv()) {
        listen(head);
      }
    } catch (NdferryException refusal) {
      boolean told = refusal.reason() != NdferryException.Reason.PROTOCOL;
      return told ? refusal : broken;
    } catch (IOException error) {
      return broken;
    }
    return broken;
  }

  /**
   * Waits for one transfer. The sender hears that all is well only after everything has been verified; on an error it is
   * told why.
   *
   * @return name to array (the name of a single array may be empty), or null if the peer has nothing more to send
   * @throws NdferryException if what comes is damaged, breaks off, or is more than memory holds
   * @throws IOException as the system says
   */
  public Map<String, NDArray> receive() throws IOException {
    NpbAssembly assembly = new NpbAssembly(memory);
    return take(assembly) ? assembly.arrays() : null;
  }

  /**
   * Waits for one transfer, whose elements go where the sink puts them. The sender hears that all is well only after
   * everything has been verified and taken; on an error it is told why.
   *
   * @param sink takes them
   * @return whether there was one; false if the peer has nothing more to send
   * @throws NdferryException if what comes is damaged or breaks off
   * @throws IOException as the sink or the system says
   */
  public boolean receive(ArraySink sink) throws IOException {
    link.setDirect(true);
    try {
      return take(new NpbRuns(sink));
    } finally {
      link.setDirect(false);
    }
  }

  private boolean take(NpbDecoder.Sink sink) throws IOException {
    NpbDecoder decoder = new NpbDecoder(NpbMessage.PEER_BLOCK, sink);
    boolean begun = false;
    while (!decoder.isDone()) {
      NpbMessage head = link.recv();
      if (head == null && !begun) {
        return false;
      }
      if (head == null) {
        throw NdferryException.protocol(link.peer() + " has broken off during a transfer");
      }
      listen(head);
      begun |= head.kind <= NpbMessage.CATALOG;
      try {
        if (link.body() != null) {
          decoder.feed(head, link.body());
        } else {
          decoder.feed(head, link.bytes(), NpbMessage.HEAD_NBYTES);
        }
      } catch (NdferryException error) {
        link.refuse(code(error), error.getMessage());
        throw error;
      } catch (IOException error) {
        link.refuse(3, String.valueOf(error.getMessage()));
        throw error;
      }
    }
    byte[] blocks = new Packet().u64(decoder.allBlocks).toBytes();
    link.send(NpbMessage.ACK, decoder.lastTransfer, 0, blocks);
    return true;
  }

  private static int code(NdferryException error) {
    switch (error.reason()) {
      case LIMIT:
        return 2;
      case UNSUPPORTED:
        return 5;
      case FORMAT:
      case PROTOCOL:
        return 1;
      default:
        return 0;
    }
  }

  /**
   * Begins an array that gets longer: frames of a camera, rows of a measurement.
   *
   * @param name its name; may be empty
   * @param dtype what each element is
   * @param rowShape the shape of one row (frame)
   * @return to be finished
   * @throws IllegalArgumentException if one row is larger than the peer takes (16 MiB), or of no bytes
   * @throws IOException as the system says
   */
  public GrowingSender grow(String name, Dtype dtype, long... rowShape) throws IOException {
    return new GrowingSender(this, name, dtype, rowShape, peerBlock);
  }

  /** What programs say to each other beside arrays: calls, and answers to them. */
  public static final class Word {
    private final boolean isCall;
    private final long number;
    private final String text;

    private Word(boolean isCall, long number, String text) {
      this.isCall = isCall;
      this.number = number;
      this.text = text;
    }

    /**
     * Whether it wants an answer.
     *
     * @return true for a call, false for an answer
     */
    public boolean isCall() {
      return isCall;
    }

    /**
     * Which call it is, or answers.
     *
     * @return the caller's number
     */
    public long number() {
      return number;
    }

    /**
     * What is said.
     *
     * @return JSON, not parsed yet
     */
    public String text() {
      return text;
    }
  }

  /**
   * Calls.
   *
   * @param number to be given again in the answer
   * @param json what is wanted
   * @throws IOException as the system says
   */
  public void call(long number, String json) throws IOException {
    link.send(NpbMessage.CALL, 0, number, json.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Answers.
   *
   * @param number of the call
   * @param json the answer
   * @throws IOException as the system says
   */
  public void answer(long number, String json) throws IOException {
    link.send(NpbMessage.ANSWER, 0, number, json.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Waits for the next call or answer, in between transfers.
   *
   * @param waitMillis how long the peer may be silent before it
   * @return what was said, or null if the peer has closed its side
   * @throws NdferryException if something else comes, or nothing in time
   * @throws IOException as the system says
   */
  public Word hear(long waitMillis) throws IOException {
    link.setTimeout(waitMillis);
    try {
      for (; ; ) {
        NpbMessage head = link.recv();
        if (head == null) {
          return null;
        }
        listen(head);
        if (head.kind == NpbMessage.CALL || head.kind == NpbMessage.ANSWER) {
          byte[] bytes = link.bytes();
          int n = bytes.length - NpbMessage.HEAD_NBYTES;
          String text = new String(bytes, NpbMessage.HEAD_NBYTES, n, StandardCharsets.UTF_8);
          return new Word(head.kind == NpbMessage.CALL, head.sequence, text);
        }
        if (head.kind < NpbMessage.RESUME) {
          throw NdferryException.protocol(head.name() + " came from " + link.peer() + " where a call was expected");
        }
      }
    } finally {
      link.setTimeout(timeoutMillis);
    }
  }

  /**
   * Says that this side is still there, while it is busy with something else than sending.
   *
   * @throws IOException as the system says
   */
  public void ping() throws IOException {
    link.send(NpbMessage.PING, 0, 0, new byte[0]);
  }

  /**
   * Takes memory that the other side offers, so that large messages lie there: see {@code docs/formats/imagej.md}. Until it
   * is told, it will not use it.
   *
   * @param path where a process of this machine has it
   * @param nbytes how long it is
   * @param proof what stands at its start, so that it is known to be the one
   * @return whether it can be used from here
   */
  public boolean share(String path, long nbytes, byte[] proof) {
    SharedMemory memory = SharedMemory.open(path, nbytes, proof);
    if (memory == null) {
      return false;
    }
    link.unshare();
    link.share(memory);
    return true;
  }

  /** Lets go of such memory at once. Only for the thread that sends and receives, when it has done so for the last time. */
  public void unshare() {
    link.unshare();
  }

  /**
   * The other side, for people to read.
   *
   * @return address and port
   */
  public String peer() {
    return link.peer();
  }

  /** Closes the connection. */
  @Override
  public void close() throws IOException {
    link.close();
  }
}
