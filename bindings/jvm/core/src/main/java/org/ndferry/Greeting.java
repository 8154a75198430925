package org.ndferry;

import java.io.IOException;
import java.util.Arrays;

/** How a session begins: HELLO both ways, and AUTH if there is a token. */
final class Greeting {
  /** How long it may take, whatever moves. */
  static final long MILLIS = 10_000;

  /** Bytes that are taken from the other side until it is over. */
  static final long NBYTES = 4096;

  private static final int PROVES = 2;
  private static final int REFUSED_TOKEN = 4;

  private final Link link;
  private final Token token;
  private final byte[] own;
  private byte[] peers;

  /** What the other side takes, as its HELLO says. */
  long peerBlock;

  long window;

  Greeting(Link link, Token token) {
    this.link = link;
    this.token = token;
    Packet body = new Packet().u8(1).u8(1).u16(token == null ? 0 : PROVES);
    body.u32(NpbCodec.codecs()).u32(NpbCodec.FILTERS).u32(0).u64(NpbMessage.PEER_BLOCK).u64(-1);
    own = NpbMessage.encode(NpbMessage.HELLO, 0, 0, body.toBytes());
  }

  /** The connecting side's, which speaks first. */
  void connect() throws IOException {
    link.send(java.nio.ByteBuffer.wrap(own));
    boolean proves = hello();
    if (proves != (token != null)) {
      throw NdferryException.token(link.peer() + (proves ? " asks for a token" : " has no token"));
    }
    if (!proves) {
      return;
    }
    Token.Proof proof = new Token.Proof();
    proof.helloOfConnecter = own;
    proof.helloOfListener = peers;
    proof.listener = auth(1, 32);
    proof.connecter = Token.challenge();
    byte[] answer = token.prove(proof, 2);
    send(2, proof.connecter, answer);
    if (!token.isProved(proof, 3, auth(3, 32))) {
      throw NdferryException.token(link.peer() + " does not know the token");
    }
  }

  /** The listening side's. */
  void listen() throws IOException {
    boolean proves = hello();
    if (proves != (token != null)) {
      link.refuse(REFUSED_TOKEN, proves ? "it has no token" : "it asks for a token");
      throw NdferryException.token(link.peer() + (proves ? " asks for a token" : " has no token"));
    }
    link.send(java.nio.ByteBuffer.wrap(own));
    if (!proves) {
      return;
    }
    Token.Proof proof = new Token.Proof();
    proof.helloOfConnecter = peers;
    proof.helloOfListener = own;
    proof.listener = Token.challenge();
    send(1, proof.listener, new byte[0]);
    byte[] answer = auth(2, 64);
    proof.connecter = Arrays.copyOf(answer, 32);
    if (!token.isProved(proof, 2, Arrays.copyOfRange(answer, 32, 64))) {
      link.refuse(REFUSED_TOKEN, "the token is wrong");
      throw NdferryException.token(link.peer() + " does not know the token");
    }
    send(3, token.prove(proof, 3), new byte[0]);
  }

  private void send(int step, byte[] first, byte[] second) throws IOException {
    byte[] body = new Packet().u8(step).u8(0).u16(0).bytes(first).bytes(second).toBytes();
    link.send(NpbMessage.AUTH, 0, 0, body);
  }

  private Cursor next(int kind, String name) throws IOException {
    NpbMessage head = link.recv();
    if (head == null) {
      throw NdferryException.protocol(link.peer() + " has closed the connection before " + name);
    }
    if (head.kind == NpbMessage.REFUSE) {
      throw link.refusal();
    }
    if (head.kind != kind) {
      throw NdferryException.protocol(
          head.name() + " came from " + link.peer() + " where " + name + " was expected");
    }
    return new Cursor(link.bytes(), NpbMessage.HEAD_NBYTES, NpbMessage.HEAD_NBYTES);
  }

  private byte[] auth(int step, int nbytes) throws IOException {
    Cursor in = next(NpbMessage.AUTH, "AUTH");
    if (in.u8() != step) {
      throw NdferryException.protocol(link.peer() + " is at another step of AUTH than " + step);
    }
    in.skip(3);
    byte[] body = in.take(nbytes);
    in.end();
    return body;
  }

  /** Whether the other side has a token. */
  private boolean hello() throws IOException {
    Cursor in = next(NpbMessage.HELLO, "HELLO");
    peers = link.bytes().clone();
    int lowest = in.u8();
    int highest = in.u8();
    if (lowest > 1 || highest < 1) {
      throw NdferryException.protocol(
          link.peer() + " speaks versions " + lowest + " to " + highest + " of NPB, this side 1");
    }
    int flags = in.u16();
    in.skip(12);
    peerBlock = in.u64();
    window = in.u64();
    if (peerBlock < 0 || peerBlock > NpbMessage.PEER_BLOCK) {
      peerBlock = NpbMessage.PEER_BLOCK;
    }
    return (flags & PROVES) != 0;
  }
}
