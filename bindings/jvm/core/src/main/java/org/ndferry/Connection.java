package org.ndferry;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
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

  // What the peer takes, as its HELLO says.
  private long peerBlock;
  private long window;

  Connection(SocketChannel channel, long timeoutMillis, Token token, boolean listening)
      throws IOException {
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

  /** A raw tile; hears a refusal before it. */
  void block(long transfer, long number, ByteBuffer raw) throws IOException {
    long nbytes = NpbMessage.HEAD_NBYTES + NpbBlock.SUBHEAD_NBYTES + raw.remaining();
    while (link.hasInput() || (window >= 0 && window < nbytes)) {
      NpbMessage head = link.recv();
      if (head == null) {
        throw NdferryException.protocol(link.peer() + " has closed the connection during a transfer");
      }
      listen(head);
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
    NpbDecoder decoder = new NpbDecoder(NpbMessage.PEER_BLOCK, assembly);
    try {
      boolean begun = false;
      while (!decoder.isDone()) {
        NpbMessage head = link.recv();
        if (head == null && !begun) {
          return null;
        }
        if (head == null) {
          throw NdferryException.protocol(link.peer() + " has broken off during a transfer");
        }
        listen(head);
        begun |= head.kind <= NpbMessage.CATALOG;
        decoder.feed(head, link.bytes(), NpbMessage.HEAD_NBYTES);
      }
    } catch (NdferryException error) {
      link.refuse(code(error), error.getMessage());
      throw error;
    }
    byte[] blocks = new Packet().u64(decoder.allBlocks).toBytes();
    link.send(NpbMessage.ACK, decoder.lastTransfer, 0, blocks);
    return assembly.arrays();
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

  /** Closes the connection. */
  @Override
  public void close() throws IOException {
    link.close();
  }
}
