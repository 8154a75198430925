package org.ndferry;

import java.nio.ByteBuffer;
import java.util.zip.CRC32;

/** The unit of NPB: a head of forty bytes, then the body. */
final class NpbMessage {
  static final int HEAD_NBYTES = 40;

  static final int MANIFEST = 0;
  static final int HEADER = 1;
  static final int DATA = 2;
  static final int INDEX = 3;
  static final int END = 4;
  static final int CATALOG = 5;
  static final int TAIL = 6;
  static final int RESUME = 16;
  static final int CREDIT = 17;
  static final int ACK = 18;
  static final int REFUSE = 19;
  static final int HELLO = 32;
  static final int AUTH = 33;
  static final int PING = 34;

  /** Kinds from here on may be skipped by whoever does not know them. */
  static final int SKIPPABLE = 128;

  /** Those of programs that answer calls: see {@code docs/formats/imagej.md}. */
  static final int CALL = 160;

  static final int ANSWER = 161;
  static final int LENT = 162;
  static final int RETURNED = 163;

  private static final int MAGIC = 0x42504e93;
  private static final String[] NAMES = {"MANIFEST", "HEADER", "DATA", "INDEX", "END", "CATALOG", "TAIL"};

  /** What a peer may claim. */
  static final long PEER_BLOCK = 16 << 20;

  /** What a file may claim. */
  static final long FILE_BLOCK = 256 << 20;

  static final long HEADER_LIMIT = 1 << 20;
  static final int HEADER_BLOCKS = 16;
  static final long TILES = 1L << 32;
  static final long ARRAYS = 1 << 20;

  final int kind;
  final long transfer;
  final long sequence;
  final long bodyNbytes;
  private final int bodyCrc;

  private NpbMessage(int kind, long transfer, long sequence, long bodyNbytes, int bodyCrc) {
    this.kind = kind;
    this.transfer = transfer;
    this.sequence = sequence;
    this.bodyNbytes = bodyNbytes;
    this.bodyCrc = bodyCrc;
  }

  /** The longest body of a message whose tiles have at most so many bytes: the root INDEX repeats all headers. */
  static long bodyLimit(long block) {
    return Math.max(block, HEADER_LIMIT * (HEADER_BLOCKS + 1)) + 4096;
  }

  /** The head of a message whose body is these parts, one after the other. */
  static byte[] head(int kind, long transfer, long sequence, ByteBuffer... body) {
    CRC32 crc = new CRC32();
    long nbytes = 0;
    for (ByteBuffer part : body) {
      nbytes += part.remaining();
      crc.update(part.duplicate());
    }
    return head(kind, transfer, sequence, nbytes, (int) crc.getValue());
  }

  /** The same for a body of this length and checksum. */
  static byte[] head(int kind, long transfer, long sequence, long nbytes, int bodyCrc) {
    CRC32 crc = new CRC32();
    ByteBuffer head = ByteBuffer.allocate(HEAD_NBYTES).order(java.nio.ByteOrder.LITTLE_ENDIAN);
    head.putInt(MAGIC).put((byte) 1).put((byte) kind).putShort((short) 0);
    head.putLong(transfer).putLong(sequence).putLong(nbytes).putInt(bodyCrc);
    crc.update(head.array(), 0, 36);
    head.putInt((int) crc.getValue());
    return head.array();
  }

  static byte[] encode(int kind, long transfer, long sequence, byte[] body) {
    byte[] head = head(kind, transfer, sequence, ByteBuffer.wrap(body));
    return new Packet().bytes(head).bytes(body).toBytes();
  }

  /** Parses and checks the forty bytes at {@code at}; offsets of errors count from there. */
  static NpbMessage parse(byte[] bytes, int at) throws NdferryException {
    if (bytes.length - at < HEAD_NBYTES) {
      String problem = "cut off: a message's head has 40 bytes, but ";
      throw NdferryException.format(0, problem + (bytes.length - at) + " are left");
    }
    ByteBuffer head = ByteBuffer.wrap(bytes, at, HEAD_NBYTES).slice();
    head.order(java.nio.ByteOrder.LITTLE_ENDIAN);
    if (head.getInt(0) != MAGIC) {
      byte[] first = java.util.Arrays.copyOfRange(bytes, at, at + 8);
      throw NdferryException.format(0, "not an NPB message: it starts with " + NpyHeader.hex(first, 8));
    }
    CRC32 crc = new CRC32();
    crc.update(bytes, at, 36);
    if ((int) crc.getValue() != head.getInt(36)) {
      throw NdferryException.format(36, "a message's head is damaged: its checksum is wrong");
    }
    if (head.get(4) != 1) {
      throw NdferryException.unsupported(4, "version " + (head.get(4) & 0xff) + " of NPB");
    }
    int kind = head.get(5) & 0xff;
    boolean named = kind <= TAIL || (kind >= RESUME && kind <= REFUSE) || (kind >= HELLO && kind <= PING);
    if (!named && kind < SKIPPABLE) {
      throw NdferryException.unsupported(5, "a message of unknown kind " + kind);
    }
    if (head.get(6) != 0) {
      throw NdferryException.unsupported(6, "a message with unknown flags");
    }
    NpbMessage message =
        new NpbMessage(kind, head.getLong(8), head.getLong(16), head.getLong(24), head.getInt(32));
    message.checkFields();
    return message;
  }

  private void checkFields() throws NdferryException {
    boolean none = kind == CATALOG || kind == TAIL || kind == HELLO || kind == AUTH || kind == PING;
    boolean free = kind == ACK || kind == REFUSE || kind == CREDIT || kind >= SKIPPABLE;
    if (!free && none != (transfer == 0)) {
      throw NdferryException.format(8, name() + " has a transfer that it cannot have");
    }
    boolean numbered = kind == DATA || kind == HEADER || kind == INDEX || kind >= SKIPPABLE;
    if (!numbered && sequence != 0) {
      throw NdferryException.format(16, name() + " has a sequence that it cannot have");
    }
    if (bodyNbytes < 0) {
      throw NdferryException.limit(24, "a body of 2^63 bytes or more");
    }
  }

  void limit(long block) throws NdferryException {
    if (bodyNbytes > bodyLimit(block)) {
      String problem = name() + " has " + bodyNbytes + " bytes, more than " + bodyLimit(block);
      throw NdferryException.limit(24, problem);
    }
  }

  /** Compares the body's length and checksum. */
  void check(byte[] body, int at, int n) throws NdferryException {
    check(ByteBuffer.wrap(body, at, n));
  }

  void check(ByteBuffer body) throws NdferryException {
    int n = body.remaining();
    if (n != bodyNbytes) {
      String problem = name() + " is cut off: " + bodyNbytes + " bytes are needed, but " + n + " are left";
      throw NdferryException.format(HEAD_NBYTES + n, problem);
    }
    CRC32 crc = new CRC32();
    crc.update(body);
    if ((int) crc.getValue() != bodyCrc) {
      throw NdferryException.format(32, name() + " is damaged: its checksum is wrong");
    }
  }

  /** The same for one that lies in shared memory: what was not moved may come without a checksum. */
  void checkLent(ByteBuffer body) throws NdferryException {
    if (bodyCrc != 0 || body.remaining() != bodyNbytes) {
      check(body);
    }
  }

  String name() {
    String name = kind < NAMES.length ? NAMES[kind] : "a message of kind " + kind;
    return kind == DATA || kind == HEADER ? name + " " + Long.toUnsignedString(sequence) : name;
  }
}
