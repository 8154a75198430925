package org.ndferry.imagej;

import ij.WindowManager;
import java.awt.Dialog;
import java.awt.Window;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.ndferry.ArraySink;
import org.ndferry.Connection;
import org.ndferry.Json;

/** One program's calls, one after the other. */
final class Session {
  /** How long nothing may be wanted. */
  private static final long IDLE = 600_000;

  /** How long a call may take, in seconds, when it does not say. */
  private static final double PATIENCE = 30;

  private static final double MOST_PATIENCE = 86_400;

  private final Connection connection;
  private final Calls calls = new Calls(this);
  private long number;
  private double patience;
  private boolean kept;

  /** Memory that the call offers. */
  private Fields share;

  Session(Connection connection) {
    this.connection = connection;
  }

  Connection connection() {
    return connection;
  }

  /** Gives whether the connection is still needed by an image that it brought. */
  boolean run() throws IOException {
    while (!kept) {
      Connection.Word word = connection.hear(IDLE);
      if (word == null) {
        return false;
      }
      if (!word.isCall()) {
        throw new IOException("an answer came that nobody had asked for");
      }
      number = word.number();
      try {
        Fields call = new Fields(Json.parse(word.text()));
        share = call.has("share") ? call.object("share") : null;
        patience = Math.min(Math.max(call.number("timeout", PATIENCE), 0), MOST_PATIENCE);
        calls.answer(call.text("call", ""), call);
      } catch (Problem | RuntimeException | OutOfMemoryError error) {
        Problem problem = Problem.of(error);
        Server.log("a call failed: " + problem.getMessage());
        answer(problem.json());
      }
    }
    return true;
  }

  /** From now on the connection belongs to somebody else. */
  void keep() {
    kept = true;
  }

  void answer(Object json) throws IOException {
    connection.answer(number, Json.write(json));
  }

  /** Asks for the array that the call is about, and takes it. */
  void receive(ArraySink sink) throws IOException {
    answer(go());
    if (!connection.receive(sink)) {
      throw new IOException("the array did not come");
    }
  }

  /** The same, as a whole. */
  Map<String, org.ndferry.NDArray> receive() throws IOException {
    answer(go());
    Map<String, org.ndferry.NDArray> arrays = connection.receive();
    if (arrays == null) {
      throw new IOException("the array did not come");
    }
    return arrays;
  }

  private Map<String, Object> go() {
    Map<String, Object> go = new LinkedHashMap<>();
    go.put("go", true);
    takeOffer(go);
    return go;
  }

  /** Takes the memory that came with the call, if there is any and it is what the caller says; the answer tells it. */
  void takeOffer(Map<String, Object> answer) {
    Fields offer = share;
    share = null;
    try {
      if (offer != null && connection.share(offer.text("path", ""), (long) offer.number("nbytes", 0), proof(offer))) {
        answer.put("shared", true);
      }
    } catch (Problem nonsense) {
      Server.log("an offer of memory makes no sense: " + nonsense.getMessage());
    }
  }

  private static byte[] proof(Fields offer) throws Problem {
    String text = offer.text("proof", "");
    if (!text.matches("([0-9a-f]{2})*")) {
      throw new Problem("usage", "its proof is no hexadecimal number");
    }
    byte[] proof = new byte[text.length() / 2];
    for (int i = 0; i < proof.length; i++) {
      proof[i] = (byte) Integer.parseInt(text.substring(2 * i, 2 * i + 2), 16);
    }
    return proof;
  }

  double patience() {
    return patience;
  }

  /**
   * Does something with ImageJ in another thread, for as long as the caller is patient. Meanwhile it is told that somebody
   * is there; a dialog that keeps ImageJ waiting is named.
   */
  <T> T work(Callable<T> work) throws Problem, IOException {
    return work(Server.WORKERS, work, () -> {});
  }

  /** The same by these workers; if the caller is patient no longer, or gone, it is not begun any more, or given up. */
  <T> T work(ExecutorService workers, Callable<T> work, Runnable giveUp) throws Problem, IOException {
    Future<T> future = workers.submit(() -> leaveNothing(work));
    try {
      return await(future);
    } finally {
      if (!future.isDone()) {
        future.cancel(false);
        giveUp.run();
      }
    }
  }

  /** ImageJ may have set a current image for this thread, which whoever works in it next must not find. */
  private static <T> T leaveNothing(Callable<T> work) throws Exception {
    try {
      return work.call();
    } finally {
      WindowManager.setTempCurrentImage(null);
    }
  }

  private <T> T await(Future<T> future) throws Problem, IOException {
    long end = System.nanoTime() + (long) (patience * 1e9);
    for (; ; ) {
      long left = Math.max(end - System.nanoTime(), 0);
      try {
        return future.get(Math.min(left, 1_000_000_000L), TimeUnit.NANOSECONDS);
      } catch (TimeoutException later) {
        if (end - System.nanoTime() > 0) {
          connection.ping();
          continue;
        }
        String title = dialog();
        if (title != null) {
          String message = "the dialog \"" + title + "\" waits for an answer in ImageJ";
          throw new Problem("dialog", message, title);
        }
        throw new Problem("timeout", "ImageJ has not done it within " + Json.write(patience) + " s");
      } catch (ExecutionException error) {
        throw Problem.of(error.getCause());
      } catch (InterruptedException error) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", error);
      }
    }
  }

  /** The title of a dialog that keeps ImageJ from going on; null if there is none. */
  static String dialog() {
    for (Window window : Window.getWindows()) {
      if (window instanceof Dialog && window.isShowing() && ((Dialog) window).isModal()) {
        String title = ((Dialog) window).getTitle();
        return title == null ? "" : title;
      }
    }
    return null;
  }
}
