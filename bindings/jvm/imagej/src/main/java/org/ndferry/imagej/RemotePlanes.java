package org.ndferry.imagej;

import ij.ImageListener;
import ij.ImagePlus;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.ndferry.Connection;
import org.ndferry.Json;
import org.ndferry.NDArray;

/** Planes that another program has: it is asked for each over a connection that ends with the image. */
final class RemotePlanes implements LazyStack.Source, ImageListener {
  /** How long a plane may take. */
  private static final long PATIENCE = 10_000;

  private static final long PING_SECONDS = 5;
  private static final ScheduledExecutorService PINGS =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work, "ndferry-pings");
            thread.setDaemon(true);
            return thread;
          });

  private final Connection connection;
  private ImagePlus image;
  private ScheduledFuture<?> pings;
  private long number;
  private String lost;

  RemotePlanes(Connection connection) {
    this.connection = connection;
  }

  void begin(ImagePlus shown) {
    image = shown;
    ImagePlus.addImageListener(this);
    pings = PINGS.scheduleWithFixedDelay(this::ping, PING_SECONDS, PING_SECONDS, TimeUnit.SECONDS);
  }

  private synchronized void ping() {
    try {
      if (lost == null) {
        connection.ping();
      }
    } catch (IOException error) {
      lose(error);
    }
  }

  private void lose(IOException error) {
    lost = "the program that has its planes is gone: " + error.getMessage();
    Server.log(lost);
    close();
  }

  @Override
  public synchronized NDArray read(String index) throws IOException {
    if (lost != null) {
      throw new IOException(lost);
    }
    List<Object> places = new ArrayList<>();
    for (String item : index.split(",")) {
      places.add(item.trim().equals(":") ? null : Long.valueOf(item.trim()));
    }
    Map<String, Object> call = new LinkedHashMap<>();
    call.put("call", "plane");
    call.put("index", places);
    try {
      connection.call(++number, Json.write(call));
      Connection.Word word = connection.hear(PATIENCE);
      if (word == null || word.isCall() || word.number() != number) {
        throw new IOException("it does not answer");
      }
      Fields answer = new Fields(Json.parse(word.text()));
      if (answer.has("error")) {
        // This plane only.
        throw new IllegalStateException(answer.object("error").text("message", "it cannot be read"));
      }
      Map<String, NDArray> arrays = connection.receive();
      if (arrays == null || arrays.size() != 1) {
        throw new IOException("it did not send the plane");
      }
      return arrays.values().iterator().next();
    } catch (IOException error) {
      lose(error);
      throw new IOException(lost, error);
    } catch (Problem error) {
      throw new IOException(error.getMessage(), error);
    }
  }

  synchronized void close() {
    ImagePlus.removeImageListener(this);
    if (pings != null) {
      pings.cancel(false);
    }
    try {
      connection.close();
    } catch (IOException ignored) {
      // it is closed
    }
    Server.forget(connection);
    if (lost == null) {
      lost = "the image is closed";
    }
  }

  @Override
  public void imageClosed(ImagePlus closed) {
    if (closed == image) {
      Server.WORKERS.execute(this::close);
    }
  }

  @Override
  public void imageOpened(ImagePlus opened) {
    // of no concern
  }

  @Override
  public void imageUpdated(ImagePlus updated) {
    // of no concern
  }
}
