package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class SharedMemoryTest {
  private static final int NBYTES = 3 * ((1 << 20) + 4096);

  @TempDir Path folder;

  private final byte[] proof = new byte[32];

  @BeforeEach
  void onLinux() {
    if (!Files.isDirectory(Paths.get("/proc/self/fd"))) {
      System.out.println("skipped: no /proc for shared memory");
      Assumptions.abort("no /proc");
    }
    Arrays.fill(proof, (byte) 7);
  }

  /** A file with the proof at its start, held open: another process offers a path like this. */
  private RandomAccessFile file() throws IOException {
    RandomAccessFile file = new RandomAccessFile(folder.resolve("memory").toFile(), "rw");
    file.setLength(NBYTES);
    file.write(proof);
    return file;
  }

  /** The path of a descriptor of this process that leads there. */
  private static String descriptor(String to) throws IOException {
    String process = Paths.get("/proc/self").toRealPath().toString();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(Paths.get(process, "fd"))) {
      for (Path one : all) {
        try {
          if (Files.readSymbolicLink(one).toString().startsWith(to)) {
            return one.toString();
          }
        } catch (IOException closedMeanwhile) {
          // another one
        }
      }
    }
    throw new AssertionError("no descriptor of " + to);
  }

  private static NDArray some(String dtype, long... shape) {
    byte[] bytes = new byte[(int) NDArray.zeros(Dtype.of(dtype), shape).nbytes()];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (i * 89 >> 3);
    }
    return NDArray.wrap(ByteBuffer.wrap(bytes), Dtype.of(dtype), shape);
  }

  @Test
  void arraysGoBothWaysThroughItMoreThanOnceRound() throws Exception {
    NDArray large = some("<u2", 9, 800, 900);
    NDArray turned = some(">f4", 700, 900).transpose();
    try (RandomAccessFile file = file();
        Listener listener = Listener.bind(0)) {
      String path = descriptor(folder.resolve("memory").toString());
      CompletableFuture<Object> other =
          CompletableFuture.supplyAsync(
              () -> {
                try (Connection connection = listener.accept(10_000)) {
                  assertTrue(connection.share(path, NBYTES, proof));
                  connection.call(1, "{}");
                  assertEquals(large, connection.receive().get(""));
                  assertEquals(turned, connection.receive().get(""));
                  connection.send("", Dtype.UINT16, large.shape(), (at, out) -> out.put(part(large, at, out.remaining())));
                  assertNull(connection.receive());
                  connection.unshare();
                  return null;
                } catch (Exception error) {
                  throw new IllegalStateException(error);
                }
              });
      try (Connection connection = Connection.connect("127.0.0.1", listener.port())) {
        assertTrue(connection.share(path, NBYTES, proof));
        assertNotNull(connection.hear(10_000));
        connection.send(large);
        byte[] found = new byte[32];
        file.seek(1 << 19);
        file.readFully(found);
        assertFalse(Arrays.equals(found, new byte[32]), "nothing lay in the memory");
        connection.send(turned);
        assertEquals(large, connection.receive().get(""));
        connection.unshare();
      }
      other.get(20, TimeUnit.SECONDS);
    }
  }

  private static byte[] part(NDArray array, long at, int nbytes) {
    return Arrays.copyOfRange(array.toBytes(), (int) at, (int) at + nbytes);
  }

  @Test
  void whatIsNotAsItWasOfferedIsLeftAlone() throws Exception {
    try (RandomAccessFile file = file();
        Socket socket = new Socket();
        Listener listener = Listener.bind(0)) {
      String path = descriptor(folder.resolve("memory").toString());
      assertEquals(NBYTES, file.length());
      assertNotNull(SharedMemory.open(path, NBYTES, proof));
      byte[] wrong = proof.clone();
      wrong[31]++;
      assertNull(SharedMemory.open(path, NBYTES, wrong));
      assertNull(SharedMemory.open(path, NBYTES, new byte[0]));
      for (long nbytes : new long[] {0, -1, 4096, NBYTES - 1, NBYTES + 1, 1L << 40, Long.MAX_VALUE}) {
        assertNull(SharedMemory.open(path, nbytes, proof));
      }
      socket.connect(new java.net.InetSocketAddress(InetAddress.getLoopbackAddress(), listener.port()));
      String process = Paths.get("/proc/self").toRealPath().toString();
      String[] paths = {
        "", "/", folder.resolve("memory").toString(), path + "/..", "../" + path, process + "/fd/999999", process + "/fd",
        "/proc/999999999/fd/3", process + "/mem", descriptor("socket:"), path + "\n", "/proc/self/fd/3"
      };
      for (String other : paths) {
        assertNull(SharedMemory.open(other, NBYTES, proof), other);
      }
    }
  }

  private static void lend(ByteArrayOutputStream out, long offset, long nbytes) throws IOException {
    out.write(NpbMessage.encode(NpbMessage.LENT, 0, 0, new Packet().u64(offset).u64(nbytes).toBytes()));
  }

  /** What a receiver who shares memory, or not, says to these messages. */
  private String said(boolean shares, ByteArrayOutputStream messages) throws Exception {
    try (RandomAccessFile file = file();
        Listener listener = Listener.bind(0)) {
      file.write(NpbMessage.encode(NpbMessage.PING, 0, 0, new byte[0])); // behind the proof
      String path = descriptor(folder.resolve("memory").toString());
      CompletableFuture<Object> other =
          CompletableFuture.supplyAsync(
              () -> {
                try (Connection connection = listener.accept(10_000)) {
                  assertEquals(shares, shares && connection.share(path, NBYTES, proof));
                  return connection.receive();
                } catch (IOException error) {
                  throw new IllegalStateException(error);
                }
              });
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), listener.port())) {
        byte[] hello = new Packet().u8(1).u8(1).u16(0).u32(1).u32(1).u32(0).u64(1 << 20).u64(-1).toBytes();
        socket.getOutputStream().write(NpbMessage.encode(NpbMessage.HELLO, 0, 0, hello));
        socket.getOutputStream().write(messages.toByteArray());
        socket.shutdownOutput();
        ExecutionException error = assertThrows(ExecutionException.class, () -> other.get(20, TimeUnit.SECONDS));
        assertTrue(error.getCause().getCause() instanceof NdferryException, error.toString());
        return error.getCause().getCause().getMessage();
      }
    }
  }

  @Test
  void nonsenseAboutItIsAnError() throws Exception {
    long[][] outside = {{-1, 100}, {0, 39}, {NBYTES, 100}, {NBYTES - 50, 51}, {0, Long.MAX_VALUE}, {5, -1}};
    for (long[] place : outside) {
      ByteArrayOutputStream messages = new ByteArrayOutputStream();
      lend(messages, place[0], place[1]);
      assertTrue(said(true, messages).contains("outside of the shared memory"));
    }
    ByteArrayOutputStream ping = new ByteArrayOutputStream();
    lend(ping, 32, NpbMessage.HEAD_NBYTES);
    assertTrue(said(false, ping).contains("shared memory that there is not"));
    assertTrue(said(true, ping).contains("came through shared memory"));
    ByteArrayOutputStream none = new ByteArrayOutputStream();
    lend(none, 4096, 100);
    assertTrue(said(true, none).contains("not an NPB message"));
    ByteArrayOutputStream returned = new ByteArrayOutputStream();
    returned.write(NpbMessage.encode(NpbMessage.RETURNED, 0, 1, new byte[0]));
    assertTrue(said(true, returned).contains("than were put into it"));
  }
}
