package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class ConnectionTest {
  @TempDir Path folder;

  private static NDArray some(String dtype, long... shape) {
    byte[] bytes = new byte[(int) NDArray.zeros(Dtype.of(dtype), shape).nbytes()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (i * 89 >> 3);
    }
    return NDArray.wrap(ByteBuffer.wrap(bytes), Dtype.of(dtype), shape);
  }

  private static <T> CompletableFuture<T> async(Callable<T> task) {
    CompletableFuture<T> future = new CompletableFuture<>();
    Thread thread =
        new Thread(
            () -> {
              try {
                future.complete(task.call());
              } catch (Throwable error) {
                future.completeExceptionally(error);
              }
            });
    thread.setDaemon(true);
    thread.start();
    return future;
  }

  private static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  @Test
  void arraysArriveAndMoreThanOnceOverOneConnection() throws Exception {
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    arrays.put("a", some("<u2", 7, 500, 600));
    arrays.put("b", some(">f8", 30, 40).transpose());
    arrays.put("empty", some("i4,(2,)f8", 0));
    try (Listener listener = Listener.bind(0)) {
      CompletableFuture<Object> other =
          async(
              () -> {
                try (Connection connection = listener.accept(60_000)) {
                  assertEquals(arrays, connection.receive());
                  NDArray one = connection.receive().get("");
                  connection.send(one);
                  assertNull(connection.receive());
                  return null;
                }
              });
      try (Connection connection = Connection.connect("127.0.0.1", listener.port())) {
        connection.send(arrays);
        connection.send(some("S3", 5));
        assertEquals(some("S3", 5), connection.receive().get(""));
      }
      other.get(60, TimeUnit.SECONDS);
    }
  }

  @Test
  void growingArraysHaveAllTheirRows() throws Exception {
    NDArray frames = some("<u2", 11, 300, 400);
    try (Listener listener = Listener.bind(0)) {
      CompletableFuture<Map<String, NDArray>> other =
          async(() -> listener.accept(60_000).receive());
      try (Connection connection = Connection.connect("127.0.0.1", listener.port())) {
        GrowingSender sender = connection.grow("camera", Dtype.UINT16, 300, 400);
        sender.append(frames.slice("0"));
        sender.flush();
        sender.append(frames.slice("1:8"));
        sender.flush();
        sender.append(frames.slice("8:"));
        assertThrows(IllegalArgumentException.class, () -> sender.append(some("<u2", 3)));
        assertEquals(11, sender.finish());
      }
      assertEquals(frames, other.get(60, TimeUnit.SECONDS).get("camera"));
      assertThrows(
          IllegalArgumentException.class,
          () -> {
            CompletableFuture<Connection> peer = async(() -> listener.accept(60_000));
            try (Connection connection = Connection.connect("127.0.0.1", listener.port())) {
              connection.grow("", Dtype.UINT8, 1 << 25);
            } finally {
              peer.get().close();
            }
          });
    }
  }

  @Test
  void anEmptyGrowingArrayIsOneWithoutRows() throws Exception {
    try (Listener listener = Listener.bind(0)) {
      CompletableFuture<Map<String, NDArray>> other =
          async(() -> listener.accept(60_000).receive());
      try (Connection connection = Connection.connect("127.0.0.1", listener.port())) {
        assertEquals(0, connection.grow("", Dtype.FLOAT32, 3).finish());
      }
      assertArrayEquals(new long[] {0, 3}, other.get().get("").shape());
    }
  }

  /** A peer that sends these bytes and then reads what it is told until the end. */
  private static String say(Listener listener, byte[] bytes) throws Exception {
    CompletableFuture<Object> server =
        async(
            () -> {
              try (Connection connection = listener.accept(60_000)) {
                return connection.receive();
              }
            });
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), listener.port())) {
      socket.getOutputStream().write(bytes);
      socket.shutdownOutput();
      byte[] bin = new byte[1 << 16];
      while (socket.getInputStream().read(bin) >= 0) {
        continue;
      }
    } catch (IOException reset) {
      // it was cut off, which is what is wanted
    }
    try {
      return String.valueOf(server.get(60, TimeUnit.SECONDS));
    } catch (ExecutionException error) {
      assertTrue(error.getCause() instanceof NdferryException, String.valueOf(error.getCause()));
      return error.getCause().getMessage();
    }
  }

  @Test
  void whoeverElseConnectsIsToldNothingAndCutOff() throws Exception {
    InetSocketAddress address = loopback(0);
    try (Listener listener = Listener.bind(address, 60_000)) {
      String browser = say(listener, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes("ASCII"));
      assertTrue(browser.contains("cut off") || browser.contains("not an NPB message"), browser);
      assertTrue(say(listener, new byte[0]).contains("before HELLO"));
      byte[] hello = Repo.hexdump("npb.md", "hello");
      assertEquals("null", say(listener, hello));
      byte[] ping = Repo.hexdump("npb.md", "ping");
      assertTrue(say(listener, ping).contains("where HELLO was expected"));
      byte[] half = new Packet().bytes(hello).bytes(Repo.hexdump("npb.md", "manifest")).toBytes();
      assertTrue(say(listener, half).contains("broken off"));
      byte[] version = hello.clone();
      version[40] = 7;
      version[41] = 9;
      byte[] body = java.util.Arrays.copyOfRange(version, 40, version.length);
      String other = say(listener, NpbMessage.encode(NpbMessage.HELLO, 0, 0, body));
      assertTrue(other.contains("speaks versions 7 to 9"), other);
    }
  }

  @Test
  void aSilentPeerIsGivenUp() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      NdferryException error =
          assertThrows(
              NdferryException.class, () -> Connection.connect(loopback(silent.getLocalPort()), 500));
      assertEquals(NdferryException.Reason.PROTOCOL, error.reason());
      assertTrue(error.getMessage().contains("has sent nothing for 500 ms"), error.getMessage());
    }
  }

  @Test
  void aPeerThatTakesNothingIsGivenUp() throws Exception {
    byte[] hello = Repo.hexdump("npb.md", "hello");
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      CompletableFuture<Socket> other =
          async(
              () -> {
                Socket socket = server.accept();
                socket.getOutputStream().write(hello);
                return socket;
              });
      // It has to greet within that time, too.
      try (Connection connection = Connection.connect(loopback(server.getLocalPort()), 5000)) {
        NdferryException error =
            assertThrows(NdferryException.class, () -> connection.send(some("u1", 64 << 20)));
        assertTrue(error.getMessage().contains("has taken nothing for 5000 ms"), error.getMessage());
      }
      other.get().close();
    }
  }

  @Test
  void aRefusalIsHeardWithItsReason() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      CountDownLatch heard = new CountDownLatch(1);
      CompletableFuture<Object> other =
          async(
              () -> {
                try (Socket socket = server.accept()) {
                  socket.getOutputStream().write(Repo.hexdump("npb.md", "hello"));
                  socket.getOutputStream().write(Repo.hexdump("npb.md", "refuse"));
                  socket.shutdownOutput();
                  assertTrue(heard.await(60, TimeUnit.SECONDS));
                  return null;
                }
              });
      try (Connection connection = Connection.connect(loopback(server.getLocalPort()), 60_000)) {
        NdferryException error =
            assertThrows(NdferryException.class, () -> connection.send(some("u1", 64 << 20)));
        assertEquals(NdferryException.Reason.REFUSED, error.reason());
        assertTrue(error.getMessage().endsWith("refuses: disk full"), error.getMessage());
      }
      heard.countDown();
      other.get();
    }
  }

  @Test
  void nobodyComes() throws Exception {
    try (Listener listener = Listener.bind(0)) {
      assertNull(listener.accept(50));
    }
  }

  /** Puts runs where they belong. */
  private static class Gatherer implements ArraySink {
    byte[] bytes = new byte[1 << 22];
    String begun;
    long[] shape;

    @Override
    public void begin(String name, Dtype dtype, long[] extents, boolean fortran) {
      begun = name + " " + dtype.str() + " " + Literal.tuple(extents) + " " + fortran;
    }

    @Override
    public void run(long at, ByteBuffer run) throws IOException {
      run.get(bytes, (int) at, run.remaining());
    }

    @Override
    public void end(long[] extents) {
      shape = extents;
    }
  }

  @Test
  void elementsGoWhereASinkPutsThemAndComeFromWhereASourceHasThem() throws Exception {
    NDArray array = some("<u2", 7, 300, 400);
    byte[] expected = array.toBytes();
    try (Listener listener = Listener.bind(0)) {
      Gatherer gatherer = new Gatherer();
      CompletableFuture<Object> other =
          async(
              () -> {
                try (Connection connection = listener.accept(60_000)) {
                  assertTrue(connection.receive(gatherer));
                  assertEquals("x <u2 (7, 300, 400) false", gatherer.begun);
                  assertArrayEquals(expected, java.util.Arrays.copyOf(gatherer.bytes, expected.length));
                  assertTrue(connection.receive(gatherer));
                  assertEquals(" <u2 (0, 400) false", gatherer.begun);
                  assertArrayEquals(new long[] {2100, 400}, gatherer.shape);
                  assertArrayEquals(expected, java.util.Arrays.copyOf(gatherer.bytes, expected.length));
                  assertTrue(connection.receive(gatherer));
                  assertEquals(" <u2 (400, 300, 7) true", gatherer.begun);
                  assertArrayEquals(expected, java.util.Arrays.copyOf(gatherer.bytes, expected.length));
                  assertEquals(false, connection.receive(gatherer));
                  return null;
                }
              });
      try (Connection connection = Connection.connect("127.0.0.1", listener.port())) {
        ArraySource source = (at, out) -> out.put(expected, (int) at, out.remaining());
        connection.send("x", Dtype.UINT16, new long[] {7, 300, 400}, source);
        GrowingSender sender = connection.grow("", Dtype.UINT16, 400);
        NDArray rows = array.reshape(2100, 400);
        sender.append(rows.slice("0"));
        sender.flush();
        sender.append(rows.slice("1:5"));
        sender.flush();
        sender.append(rows.slice("5:"));
        sender.finish();
        connection.send(array.transpose());
      }
      other.get(60, TimeUnit.SECONDS);
    }
  }

  @Test
  void tilesOfAnyShapeBecomeRuns() throws Exception {
    NDArray array = some("<i4", 5, 6, 7);
    byte[] expected = array.toBytes();
    long[][] tiles = {{1, 1, 1}, {2, 3, 4}, {5, 6, 7}, {1, 4, 7}, {3, 6, 2}, {2, 6, 7}};
    for (long[] tile : tiles) {
      Gatherer gatherer = new Gatherer();
      NpbManifest manifest = NpbManifest.of(array.dtype(), array.shape(), tile);
      manifest.headerBlocks = 1;
      TileGrid grid = manifest.grid();
      NpbRuns runs = new NpbRuns(gatherer);
      runs.begin(manifest, java.util.Collections.singletonList(NpyHeader.of(array).encode()));
      for (long number = 0; number < grid.size(); number++) {
        long[] start = grid.start(number);
        StringBuilder index = new StringBuilder();
        for (int axis = 0; axis < 3; axis++) {
          index.append(start[axis]).append(':').append(start[axis] + grid.extents(start)[axis]).append(',');
        }
        byte[] raw = array.slice(index.toString()).copy().toBytes();
        byte[] body = new Packet().u8(0).u8(0).u16(0).u32(raw.length).bytes(raw).toBytes();
        runs.block(NpbBlock.parse(number, body, 0));
      }
      assertArrayEquals(expected, java.util.Arrays.copyOf(gatherer.bytes, expected.length));
    }
  }

  @Test
  void whatASinkRefusesIsToldToTheSender() throws Exception {
    try (Listener listener = Listener.bind(0)) {
      CompletableFuture<Object> other =
          async(
              () -> {
                try (Connection connection = listener.accept(60_000)) {
                  Gatherer unwilling =
                      new Gatherer() {
                        @Override
                        public void run(long at, ByteBuffer run) throws IOException {
                          throw new IOException("no room");
                        }
                      };
                  return connection.receive(unwilling);
                }
              });
      try (Connection connection = Connection.connect("127.0.0.1", listener.port())) {
        NdferryException error =
            assertThrows(NdferryException.class, () -> connection.send(some("u1", 5)));
        assertTrue(error.getMessage().endsWith("refuses: no room"), error.getMessage());
      }
      assertThrows(ExecutionException.class, () -> other.get(60, TimeUnit.SECONDS));
    }
  }

  @Test
  void callsAndAnswersGoBetweenTransfers() throws Exception {
    try (Listener listener = Listener.bind(0)) {
      CompletableFuture<Object> other =
          async(
              () -> {
                try (Connection connection = listener.accept(60_000)) {
                  Connection.Word word = connection.hear(60_000);
                  assertTrue(word.isCall());
                  assertEquals("{\"call\":\"sum\"}", word.text());
                  connection.ping();
                  connection.answer(word.number(), "{\"go\":true}");
                  NDArray array = connection.receive().get("");
                  connection.ping();
                  connection.answer(word.number(), "{\"sum\":" + (array.getLong(0) + array.getLong(1)) + "}");
                  assertNull(connection.hear(60_000));
                  return null;
                }
              });
      try (Connection connection = Connection.connect("127.0.0.1", listener.port())) {
        connection.call(7, "{\"call\":\"sum\"}");
        assertEquals("{\"go\":true}", connection.hear(60_000).text());
        connection.send(NDArray.of(new int[] {30, 12}));
        Connection.Word answer = connection.hear(60_000);
        assertEquals("false 7 {\"sum\":42}", answer.isCall() + " " + answer.number() + " " + answer.text());
        NdferryException silent = assertThrows(NdferryException.class, () -> connection.hear(300));
        assertEquals(NdferryException.Reason.PROTOCOL, silent.reason());
      }
      other.get(60, TimeUnit.SECONDS);
    }
  }

  @Test
  void callsAndAnswersAreThoseOfTheDocument() throws Exception {
    byte[] call = "{\"call\":\"images\"}".getBytes("US-ASCII");
    assertArrayEquals(Repo.hexdump("imagej.md", "call"), NpbMessage.encode(NpbMessage.CALL, 0, 1, call));
    byte[] answer = "{\"images\":[],\"current\":null}".getBytes("US-ASCII");
    assertArrayEquals(Repo.hexdump("imagej.md", "answer"), NpbMessage.encode(NpbMessage.ANSWER, 0, 1, answer));
  }

  @Test
  void jsonIsWrittenAsItIsRead() throws Exception {
    String text = "{\"a\":[1,2.5,-3,null,true],\"b\":{\"c\":\"x\\u0001\\\"\"},\"d\":[]}";
    assertEquals(text, Json.write(Json.parse(text)));
    assertEquals("[1,0.5,null]", Json.write(new double[] {1, 0.5, Double.NaN}));
    assertThrows(IllegalArgumentException.class, () -> Json.write(new Object()));
  }

  @Test
  void theCommandReceivesWhatJavaSends() throws Exception {
    String command = Repo.command();
    Map<String, NDArray> arrays = new LinkedHashMap<>();
    arrays.put("x", some("<u2", 30, 200, 100));
    arrays.put("y", some(">f8", 1000).reshape(10, 100).transpose());
    for (boolean growing : new boolean[] {false, true}) {
      Path out = folder.resolve("out" + growing + ".npb");
      ProcessBuilder builder = new ProcessBuilder(command, "recv", "-o", out.toString());
      Process process = builder.start();
      BufferedReader lines = new BufferedReader(new InputStreamReader(process.getErrorStream()));
      String url = lines.readLine();
      int port = Integer.parseInt(url.substring(url.lastIndexOf(':') + 1).trim());
      try (Connection connection = Connection.connect("127.0.0.1", port)) {
        if (growing) {
          GrowingSender sender = connection.grow("x", Dtype.UINT16, 200, 100);
          for (int i = 0; i < 30; i++) {
            sender.append(arrays.get("x").slice(Integer.toString(i)));
            sender.flush();
          }
          sender.finish();
        } else {
          connection.send(arrays);
        }
      }
      assertTrue(process.waitFor(60, TimeUnit.SECONDS));
      assertEquals(0, process.exitValue());
      Map<String, NDArray> stored = Npb.read(out);
      assertEquals(arrays.get("x"), stored.get("x"));
      assertEquals(growing ? 1 : 2, stored.size());
    }
  }

  @Test
  void javaReceivesWhatTheCommandSends() throws Exception {
    Repo.command();
    NDArray array = some("<u2", 30, 200, 100);
    Npy.write(folder.resolve("a.npy"), array);
    Npy.write(folder.resolve("f.npy"), array.transpose());
    for (String codec : new String[] {"none", "lz4", "deflate", "zstd", "pco"}) {
      try (Listener listener = Listener.bind(0)) {
        for (String file : new String[] {"a.npy", "f.npy"}) {
          CompletableFuture<Map<String, NDArray>> other =
              async(
                  () -> {
                    try (Connection connection = listener.accept(60_000)) {
                      return connection.receive();
                    }
                  });
          // What this side cannot unpack, as its HELLO says, is sent raw.
          Repo.run(folder, "send", file, "tcp://127.0.0.1:" + listener.port(), "--codec", codec);
          Map<String, NDArray> arrays = other.get(60, TimeUnit.SECONDS);
          NDArray expected = file.startsWith("a") ? array : array.transpose();
          assertEquals(expected, arrays.values().iterator().next(), codec);
        }
      }
    }
  }
}
