package org.ndferry.imagej;

import ij.IJ;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.SimpleDateFormat;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Date;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import org.ndferry.Connection;
import org.ndferry.Listener;
import org.ndferry.Token;

/** Answers programs of the same user on this machine, for as long as ImageJ runs: see {@code docs/formats/imagej.md}. */
public final class Server {
  /** The version of the calls, which both sides must share. */
  static final int VERSION = 1;

  /** How long a peer may be silent within a transfer. */
  private static final long TIMEOUT = 60_000;

  /** Who may be connected at once, known or not known yet. */
  private static final int MOST_SESSIONS = 64;

  private static final int MOST_STRANGERS = 16;
  private static final int MOST_LINES = 500;

  private static final ThreadFactory THREADS =
      new ThreadFactory() {
        private final AtomicInteger number = new AtomicInteger();

        @Override
        public Thread newThread(Runnable work) {
          Thread thread = new Thread(work, "ndferry-" + number.incrementAndGet());
          thread.setDaemon(true);
          return thread;
        }
      };

  /** Whatever is done with ImageJ is done here, never on the event thread. */
  static final ExecutorService WORKERS = Executors.newCachedThreadPool(THREADS);

  /** Where macros run, one after the other: what belongs to the one that runs, ImageJ keeps in static fields. */
  static final ExecutorService MACROS = Executors.newSingleThreadExecutor(THREADS);

  private static final Deque<String> LOG = new ArrayDeque<>();
  private static Server running;

  private final Listener listener;
  private final Token token = Token.random();
  private final Path file;
  private final Thread hook;
  private final Semaphore sessions = new Semaphore(MOST_SESSIONS);
  private final Semaphore strangers = new Semaphore(MOST_STRANGERS);
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private volatile boolean stopped;

  private Server() throws IOException {
    InetAddress loopback = InetAddress.getByAddress("localhost", new byte[] {127, 0, 0, 1});
    listener = Listener.bind(new InetSocketAddress(loopback, 0), TIMEOUT, token);
    try {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("pid", Discovery.pid());
      entry.put("port", listener.port());
      entry.put("version", VERSION);
      entry.put("plugin", plugin());
      entry.put("imagej", IJ.getVersion());
      entry.put("started", System.currentTimeMillis() / 1000);
      entry.put("token", token.reveal());
      file = Discovery.write(entry);
    } catch (IOException | RuntimeException error) {
      listener.close();
      throw error;
    }
    hook = new Thread(() -> forget(file), "ndferry-exit");
    Runtime.getRuntime().addShutdownHook(hook);
    THREADS.newThread(this::accept).start();
  }

  /** The version of this plugin. */
  static String plugin() {
    String version = Server.class.getPackage().getImplementationVersion();
    return version == null ? "unknown" : version;
  }

  /**
   * Starts it, unless it runs already.
   *
   * @return its port on 127.0.0.1
   * @throws IOException if there is no port, or the file by which it is found cannot be written
   */
  public static synchronized int start() throws IOException {
    if (running == null) {
      running = new Server();
      log("started on 127.0.0.1:" + running.listener.port());
    }
    return running.listener.port();
  }

  /** Stops it: whoever is connected is cut off. */
  public static synchronized void stop() {
    if (running != null) {
      running.end();
      running = null;
      log("stopped");
    }
  }

  /**
   * Whether it runs.
   *
   * @return its port, or 0
   */
  public static synchronized int port() {
    return running == null ? 0 : running.listener.port();
  }

  static synchronized String token() {
    return running == null ? null : running.token.reveal();
  }

  /** A line that the menu's Log shows. */
  static void log(String line) {
    synchronized (LOG) {
      LOG.add(new SimpleDateFormat("HH:mm:ss ").format(new Date()) + line);
      while (LOG.size() > MOST_LINES) {
        LOG.remove();
      }
    }
    if (IJ.debugMode) {
      IJ.log("ndferry: " + line);
    }
  }

  static List<String> lines() {
    synchronized (LOG) {
      return new ArrayList<>(LOG);
    }
  }

  /** A connection that a lazy image has closed. */
  static synchronized void forget(Connection connection) {
    if (running != null) {
      running.connections.remove(connection);
    }
  }

  private static void forget(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException gone) {
      // Whoever finds it finds nobody who listens.
    }
  }

  private void end() {
    stopped = true;
    forget(file);
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException exiting) {
      // it runs anyway
    }
    close(listener);
    for (Connection connection : connections) {
      close(connection);
    }
  }

  private static void close(AutoCloseable what) {
    try {
      what.close();
    } catch (Exception ignored) {
      // it is closed
    }
  }

  private void accept() {
    while (!stopped) {
      try {
        Listener.Visitor visitor = listener.next(60_000);
        if (visitor == null) {
          continue;
        }
        if (!strangers.tryAcquire()) {
          log("too many strangers at once");
          visitor.close();
          continue;
        }
        WORKERS.execute(() -> meet(visitor));
      } catch (IOException | RuntimeException error) {
        if (stopped) {
          return;
        }
        log("cannot accept: " + error.getMessage());
        IJ.wait(200); // no descriptors left, for instance
      }
    }
  }

  private void meet(Listener.Visitor visitor) {
    Connection connection;
    try {
      connection = visitor.greet();
    } catch (IOException | RuntimeException error) {
      log("turned away: " + error.getMessage());
      return;
    } finally {
      strangers.release();
    }
    if (!sessions.tryAcquire()) {
      log("more than " + MOST_SESSIONS + " programs at once");
      close(connection);
      return;
    }
    connections.add(connection);
    boolean kept = false;
    try {
      kept = new Session(connection).run();
    } catch (IOException | RuntimeException error) {
      if (!stopped) {
        log(connection.peer() + ": " + error.getMessage());
      }
    } finally {
      sessions.release();
      if (!kept) {
        connection.unshare();
        connections.remove(connection);
        close(connection);
      }
    }
  }
}
