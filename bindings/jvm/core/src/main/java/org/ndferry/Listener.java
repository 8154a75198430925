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

  private Listener(InetSocketAddress address, long timeoutMillis) throws IOException {
    this.timeoutMillis = timeoutMillis;
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
    return new Listener(address, timeoutMillis);
  }

  /**
   * The port.
   *
   * @return the real one, if it was bound to 0
   */
  public int port() {
    return server.socket().getLocalPort();
  }

  /**
   * Waits for somebody to connect and to say HELLO.
   *
   * @param waitMillis how long at most
   * @return to be closed, or null if nobody came
   * @throws NdferryException if somebody came who does not speak NPB; another may follow
   * @throws IOException as the system says
   */
  public Connection accept(long waitMillis) throws IOException {
    selector.selectedKeys().clear();
    SocketChannel channel = server.accept();
    if (channel == null) {
      selector.select(Math.max(waitMillis, 1));
      if (!server.isOpen()) {
        return null;
      }
      channel = server.accept();
    }
    if (channel == null) {
      return null;
    }
    return new Connection(channel, timeoutMillis, Runtime.getRuntime().maxMemory() / 2);
  }

  /** Listens no more. */
  @Override
  public void close() throws IOException {
    selector.close();
    server.close();
  }
}
