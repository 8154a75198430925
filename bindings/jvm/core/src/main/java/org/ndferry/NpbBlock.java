package org.ndferry;

import java.nio.ByteBuffer;

/** The body of a DATA message: one tile as it travels. */
final class NpbBlock {
  static final int SUBHEAD_NBYTES = 8;

  final long number;
  final int codec;
  final int filter;
  final long nbytes;
  private final ByteBuffer payload;

  private NpbBlock(long number, int codec, int filter, long nbytes, ByteBuffer payload) {
    this.number = number;
    this.codec = codec;
    this.filter = filter;
    this.nbytes = nbytes;
    this.payload = payload;
  }

  /** Parses a body that begins at {@code at} of these bytes and ends with them. */
  static NpbBlock parse(long number, byte[] bytes, int at) throws NdferryException {
    Cursor in = new Cursor(bytes, at, NpbMessage.HEAD_NBYTES);
    int codec = NpbCodec.known(in.u8(), in);
    int filter = NpbCodec.knownFilter(in.u8(), in);
    if (in.u16() != 0) {
      throw in.wrong("DATA has reserved bytes that are not 0");
    }
    long nbytes = in.u32();
    ByteBuffer payload = ByteBuffer.wrap(bytes, in.at(), bytes.length - in.at()).slice();
    return new NpbBlock(number, codec, filter, nbytes, payload);
  }

  /** Parses a body that lies in a buffer of its own. */
  static NpbBlock parse(long number, ByteBuffer body) throws NdferryException {
    byte[] head = new byte[Math.min(SUBHEAD_NBYTES, body.remaining())];
    ByteBuffer rest = body.duplicate();
    rest.get(head);
    NpbBlock block = parse(number, head, 0);
    return new NpbBlock(number, block.codec, block.filter, block.nbytes, rest.slice());
  }

  /** The tile's bytes, checked to be as many as it says. */
  byte[] unpack(NpbManifest manifest) throws NdferryException {
    byte[] packed = new byte[payload.remaining()];
    payload.duplicate().get(packed);
    return NpbCodec.unpack(manifest, codec, filter, packed, 0, (int) nbytes);
  }

  /** The same, shared with the message if it is raw: valid until the next one comes. */
  ByteBuffer raw(NpbManifest manifest) throws NdferryException {
    boolean plain = codec == NpbCodec.RAW && filter == NpbCodec.NONE && payload.remaining() == nbytes;
    return plain ? payload.duplicate() : ByteBuffer.wrap(unpack(manifest));
  }

  /** Head and subhead of a raw tile that lies in these bytes. */
  static byte[] rawHead(long transfer, long number, ByteBuffer raw) {
    return head(transfer, number, NpbCodec.RAW, NpbCodec.NONE, raw.remaining(), raw);
  }

  /** The same without a checksum, for one that lies in shared memory. */
  static byte[] lentHead(long transfer, long number, long nbytes) {
    byte[] sub = new Packet().u8(NpbCodec.RAW).u8(NpbCodec.NONE).u16(0).u32(nbytes).toBytes();
    byte[] head = NpbMessage.head(NpbMessage.DATA, transfer, number, sub.length + nbytes, 0);
    return new Packet().bytes(head).bytes(sub).toBytes();
  }

  static byte[] head(
      long transfer, long number, int codec, int filter, long nbytes, ByteBuffer payload) {
    byte[] sub = new Packet().u8(codec).u8(filter).u16(0).u32(nbytes).toBytes();
    byte[] head =
        NpbMessage.head(NpbMessage.DATA, transfer, number, ByteBuffer.wrap(sub), payload);
    return new Packet().bytes(head).bytes(sub).toBytes();
  }
}
