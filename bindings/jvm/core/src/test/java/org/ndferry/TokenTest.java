package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class TokenTest {
  @TempDir Path folder;

  private static final Token TOKEN = Token.of("correct horse");

  private static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
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

  @Test
  void aProofIsTheOneInTheDocumentAndHoldsForNothingElse() throws IOException {
    byte[] hello = Repo.hexdump("npb.md", "hello");
    hello[42] = 2; // PROVES
    hello = NpbMessage.encode(NpbMessage.HELLO, 0, 0, Arrays.copyOfRange(hello, 40, hello.length));
    Token.Proof proof = new Token.Proof();
    proof.listener = new byte[32];
    Arrays.fill(proof.listener, (byte) 1);
    proof.connecter = new byte[32];
    Arrays.fill(proof.connecter, (byte) 2);
    proof.helloOfConnecter = hello;
    proof.helloOfListener = hello;
    byte[] shown = Repo.hexdump("npb.md", "auth");
    byte[] expected = Arrays.copyOfRange(shown, 40 + 36, shown.length);
    assertArrayEquals(expected, TOKEN.prove(proof, 2));
    assertTrue(TOKEN.isProved(proof, 2, expected));
    assertFalse(TOKEN.isProved(proof, 3, expected));
    assertFalse(Token.of("correct horsf").isProved(proof, 2, expected));
    assertFalse(TOKEN.isProved(proof, 2, new byte[0]));
  }

  @Test
  void madeOnesAreLongAndNeverTheSameAndNoneIsPrinted() {
    assertNotEquals(Token.random().reveal(), Token.random().reveal());
    assertEquals(52, Token.random().reveal().length());
    assertEquals("x", Token.of(" x\n").reveal());
    assertFalse(String.valueOf(TOKEN).contains("horse"));
    assertThrows(IllegalArgumentException.class, () -> Token.of(" \n"));
    assertThrows(IllegalArgumentException.class, () -> Token.of(new String(new char[4097]).replace('\0', 'x')));
  }

  /** What each side says when the two have these tokens. */
  private static String[] meet(Token listening, Token connecting) throws Exception {
    try (Listener listener = Listener.bind(loopback(0), 60_000, listening)) {
      CompletableFuture<String> other =
          async(
              () -> {
                try (Connection connection = listener.accept(60_000)) {
                  return String.valueOf(connection.receive().get(""));
                } catch (NdferryException error) {
                  return error.reason() + " " + error.getMessage();
                }
              });
      String said = "sent";
      try (Connection connection = Connection.connect(loopback(listener.port()), 60_000, connecting)) {
        connection.send(NDArray.of(new int[] {7}));
      } catch (NdferryException error) {
        said = error.reason() + " " + error.getMessage();
      }
      return new String[] {other.get(60, TimeUnit.SECONDS), said};
    }
  }

  @Test
  void onlyThoseWhoKnowItMeet() throws Exception {
    assertArrayEquals(new String[] {"[7]", "sent"}, meet(TOKEN, Token.of("correct horse ")));
    String[] wrong = meet(TOKEN, Token.of("guess"));
    assertTrue(wrong[0].startsWith("TOKEN") && wrong[0].endsWith("does not know the token"), wrong[0]);
    assertTrue(wrong[1].startsWith("TOKEN") && wrong[1].endsWith("the token is wrong"), wrong[1]);
    String[] none = meet(TOKEN, null);
    assertTrue(none[0].endsWith("has no token") && none[1].endsWith("it asks for a token"), none[1]);
    String[] needless = meet(null, TOKEN);
    assertTrue(needless[0].endsWith("asks for a token"), needless[0]);
    assertTrue(needless[1].endsWith("it has no token"), needless[1]);
  }

  @Test
  void aListenerThatOnlyClaimsToKnowItIsLeft() throws Exception {
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      CompletableFuture<Integer> other =
          async(
              () -> {
                try (Socket socket = server.accept()) {
                  InputStream in = socket.getInputStream();
                  OutputStream out = socket.getOutputStream();
                  byte[] hello = Repo.hexdump("npb.md", "hello");
                  hello[42] = 2;
                  byte[] body = Arrays.copyOfRange(hello, 40, hello.length);
                  out.write(NpbMessage.encode(NpbMessage.HELLO, 0, 0, body));
                  byte[] step = new byte[36];
                  step[0] = 1;
                  out.write(NpbMessage.encode(NpbMessage.AUTH, 0, 0, step));
                  step[0] = 3;
                  out.write(NpbMessage.encode(NpbMessage.AUTH, 0, 0, step));
                  int n = 0;
                  while (in.read() >= 0) {
                    n++;
                  }
                  return n;
                }
              });
      NdferryException error =
          assertThrows(
              NdferryException.class, () -> Connection.connect(loopback(server.getLocalPort()), 60_000, TOKEN));
      assertEquals(NdferryException.Reason.TOKEN, error.reason());
      // HELLO and the second step of AUTH, and nothing else.
      assertEquals(72 + 108, other.get(60, TimeUnit.SECONDS));
    }
  }

  @Test
  void nobodyIsListenedToForLongBeforeTheyAreKnown() throws Exception {
    try (Listener listener = Listener.bind(loopback(0), 60_000, TOKEN)) {
      CompletableFuture<Object> other = async(() -> listener.accept(60_000));
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), listener.port())) {
        socket.getOutputStream().write(Repo.hexdump("npb.md", "manifest"));
        byte[] much = NpbMessage.encode(NpbMessage.HELLO, 0, 0, new byte[5000]);
        socket.getOutputStream().write(much);
        ExecutionException error =
            assertThrows(ExecutionException.class, () -> other.get(60, TimeUnit.SECONDS));
        assertTrue(error.getMessage().contains("where HELLO was expected"), error.getMessage());
      }
      CompletableFuture<Object> again = async(() -> listener.accept(60_000));
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), listener.port())) {
        socket.getOutputStream().write(NpbMessage.encode(NpbMessage.HELLO, 0, 0, new byte[5000]));
        ExecutionException error =
            assertThrows(ExecutionException.class, () -> again.get(60, TimeUnit.SECONDS));
        assertTrue(error.getMessage().contains("before the end of the greeting"), error.getMessage());
      }
      // One who drips a byte now and then does not keep anybody waiting for ever.
      long start = System.nanoTime();
      CompletableFuture<Object> dripped = async(() -> listener.accept(60_000));
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), listener.port())) {
        byte[] hello = Repo.hexdump("npb.md", "hello");
        for (int i = 0; i < hello.length && !dripped.isDone(); i++) {
          socket.getOutputStream().write(hello[i]);
          Thread.sleep(1000);
        }
      } catch (IOException cutOff) {
        // which is what is wanted
      }
      assertThrows(ExecutionException.class, () -> dripped.get(60, TimeUnit.SECONDS));
      assertTrue(System.nanoTime() - start < 60_000_000_000L);
    }
  }

  private Process command(String token, String... arguments) throws IOException {
    String[] line = new String[arguments.length + 1];
    line[0] = Repo.command();
    System.arraycopy(arguments, 0, line, 1, arguments.length);
    ProcessBuilder builder = new ProcessBuilder(line).directory(folder.toFile());
    if (token != null) {
      builder.environment().put("NDFERRY_TOKEN", token);
    }
    return builder.start();
  }

  private static String rest(Process process) throws Exception {
    BufferedReader lines = new BufferedReader(new InputStreamReader(process.getErrorStream()));
    StringBuilder text = new StringBuilder();
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      text.append(line).append('\n');
    }
    assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    return text.toString();
  }

  @Test
  void theCommandAndJavaProveItToEachOtherBothWays() throws Exception {
    Repo.command();
    NDArray array = NDArray.of(new int[] {1, 2, 3});
    Npy.write(folder.resolve("a.npy"), array);
    int met = 0;
    for (String token : new String[] {"correct horse", "guess", null}) {
      boolean right = "correct horse".equals(token);
      try (Listener listener = Listener.bind(loopback(0), 60_000, TOKEN)) {
        CompletableFuture<NDArray> other =
            async(
                () -> {
                  try (Connection connection = listener.accept(60_000)) {
                    return connection.receive().values().iterator().next();
                  }
                });
        Process send = command(token, "send", "a.npy", "tcp://127.0.0.1:" + listener.port());
        String said = rest(send);
        assertEquals(right ? 0 : 2, send.exitValue(), said);
        if (right) {
          assertEquals(array, other.get(60, TimeUnit.SECONDS));
          met++;
        } else {
          assertTrue(said.contains("token"), said);
          assertThrows(ExecutionException.class, () -> other.get(60, TimeUnit.SECONDS));
        }
      }
      Path out = folder.resolve("out-" + token + ".npy");
      Process recv = command("correct horse", "recv", "-o", out.toString());
      BufferedReader lines = new BufferedReader(new InputStreamReader(recv.getErrorStream()));
      String url = lines.readLine();
      int port = Integer.parseInt(url.substring(url.lastIndexOf(':') + 1).trim());
      Token own = token == null ? null : Token.of(token);
      if (right) {
        try (Connection connection = Connection.connect(loopback(port), 60_000, own)) {
          connection.send(array);
        }
        assertTrue(recv.waitFor(60, TimeUnit.SECONDS));
        assertEquals(0, recv.exitValue());
        assertEquals(array, Npy.read(out));
        met++;
      } else {
        NdferryException error =
            assertThrows(NdferryException.class, () -> Connection.connect(loopback(port), 60_000, own));
        assertEquals(NdferryException.Reason.TOKEN, error.reason(), error.getMessage());
        assertTrue(recv.isAlive() && !Files.exists(out));
        recv.destroyForcibly();
      }
    }
    System.out.println("token: Java and the command met " + met + " times with it, 0 of 4 without");
  }
}
