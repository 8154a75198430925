package org.ndferry;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;

/** Waits for connections that bring arrays, or take them. */
public final class Listener implements AutoCloseable {
  private final ServerSocketChannel server;
  private final Selector selector;
  private final long timeoutMillis;
  private final Token token;

  private Listener(InetSocketAddress address, long timeoutMillis, Token token) throws IOException {
    this.timeoutMillis = timeoutMillis;
    this.token = token;
    server = ServerSocketChannel.open();
    try {
      server.bind(address);
      server.configureBlocking(false);
      selector = Selector.open();
      server.register(selector, SelectionKey.OP_ACCEPT);
    } catch (IOException | RuntimeException error) {
      server.close();
      throw error;
    }
  }

  /**
   * Listens on this machine alone (127.0.0.1).
   *
   * @param port 0 takes any free one
   * @return to be closed
   * @throws IOException as the system says
   */
  public static Listener bind(int port) throws IOException {
    InetAddress loopback = InetAddress.getByAddress("localhost", new byte[] {127, 0, 0, 1});
    return bind(new InetSocketAddress(loopback, port), Connection.DEFAULT_TIMEOUT);
  }

  /**
   * Listens at an address. Whoever reaches it can send: bind to other than this machine's loopback only behind a tunnel.
   *
   * @param address where; port 0 takes any free one
   * @param timeoutMillis how long a peer may be silent once it is connected
   * @return to be closed
   * @throws IOException as the system says
   */
  public static Listener bind(InetSocketAddress address, long timeoutMillis) throws IOException {
    return bind(address, timeoutMillis, null);
  }

  /**
   * Listens at an address for those who know a token.
   *
   * @param address where; port 0 takes any free one
   * @param timeoutMillis how long a peer may be silent once it is connected
   * @param token others are refused; null if there is none
   * @return to be closed
   * @throws IOException as the system says
   */
  public static Listener bind(InetSocketAddress address, long timeoutMillis, Token token)
      throws IOException {
    return new Listener(address, timeoutMillis, token);
  }

  /**
   * The port.
   *
   * @return the real one, if it was bound to 0
   */
  public int port() {
    return server.socket().getLocalPort();
  }

  /** Somebody who has connected and not been greeted yet. */
  public static final class Visitor implements AutoCloseable {
    private final SocketChannel channel;
    private final long timeoutMillis;
    private final Token token;

    private Visitor(SocketChannel channel, long timeoutMillis, Token token) {
      this.channel = channel;
      this.timeoutMillis = timeoutMillis;
      this.token = token;
    }

    /**
     * Waits for what they say first, 10 seconds at most, and answers.
     *
     * @return to be closed
     * @throws NdferryException if they do not speak NPB, or do not know the token
     * @throws IOException as the system says
     */
    public Connection greet() throws IOException {
      return new Connection(channel, timeoutMillis, token, true);
    }

    /** Sends them away without a word. */
    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  /**
   * Waits for somebody to connect and to say HELLO.
   *
   * @param waitMillis how long at most
   * @return to be closed, or null if nobody came
   * @throws NdferryException if somebody came who does not speak NPB, or does not know the token; another may follow
   * @throws IOException as the system says
   */
  public Connection accept(long waitMillis) throws IOException {
    Visitor visitor = next(waitMillis);
    return visitor == null ? null : visitor.greet();
  }

  /**
   * Waits for somebody to connect. For those who serve several at once and greet each in a thread of its own.
   *
   * @param waitMillis how long at most
   * @return to be greeted or closed, or null if nobody came
   * @throws IOException as the system says
   */
  public Visitor next(long waitMillis) throws IOException {
    selector.selectedKeys().clear();
    SocketChannel channel = server.accept();
    if (channel == null) {
      selector.select(Math.max(waitMillis, 1));
      if (!server.isOpen()) {
        return null;
      }
      channel = server.accept();
    }
    return channel == null ? null : new Visitor(channel, timeoutMillis, token);
  }

  /** Listens no more. */
  @Override
  public void close() throws IOException {
    selector.close();
    server.close();
  }
}
