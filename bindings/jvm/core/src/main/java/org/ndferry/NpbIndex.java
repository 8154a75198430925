package org.ndferry;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Where things lie in an NPB file: INDEX, CATALOG and TAIL. */
final class NpbIndex {
  /** The most tiles in one part of an index. */
  static final int PART_TILES = 65536;

  static final int TAIL_NBYTES = 64;

  /** The sequence of a root. */
  static final long ROOT = -1;

  private NpbIndex() {}

  /** One array of a catalog. */
  static final class Entry {
    String name;
    long transfer;
    long manifest;
    long root;
    long rootNbytes;
  }

  /** All that a reader needs of one array before its tiles. */
  static final class Root {
    NpbManifest manifest;
    final List<byte[]> headers = new ArrayList<>();
    long[] shape;

    /** Offset and length of each part, one after the other. */
    long[] parts;

    byte[] encode(long tiles) {
      byte[] own = manifest.encode();
      Packet out = new Packet().u32(parts.length / 2).u32(headers.size()).u64(tiles);
      out.u32(own.length).bytes(own);
      for (byte[] header : headers) {
        out.u32(header.length).bytes(header);
      }
      return out.u64s(shape).u64s(parts).toBytes();
    }
  }

  static Root root(Cursor in, long limit) throws NdferryException {
    Root root = new Root();
    long parts = in.u32();
    long headers = in.u32();
    long tiles = in.u64();
    long nbytes = in.u32();
    long place = in.offset();
    root.manifest = NpbManifest.parse(in.take(nbytes), place, limit);
    if (headers != root.manifest.headerBlocks) {
      throw in.wrong("INDEX has another number of headers than its MANIFEST");
    }
    for (long i = 0; i < headers; i++) {
      root.headers.add(in.take(in.u32()));
    }
    root.shape = in.sizes(root.manifest.shape.length);
    for (int i = root.manifest.growing ? 1 : 0; i < root.shape.length; i++) {
      if (root.shape[i] != root.manifest.shape[i]) {
        throw in.wrong("INDEX has another shape than its MANIFEST");
      }
    }
    TileGrid grid = root.manifest.grid();
    grid = root.manifest.growing ? grid.grownTo(root.shape[0]) : grid;
    long needed = (tiles + PART_TILES - 1) / PART_TILES;
    if (tiles != grid.size() || tiles > NpbMessage.TILES || parts != needed) {
      throw in.wrong("INDEX has another number of tiles than its shape");
    }
    root.parts = in.sizes(2 * parts);
    in.end();
    return root;
  }

  /** The places of one part's tiles: offset of the DATA message, bytes of its body, one after the other. */
  static long[] part(Cursor in, long number, long tiles) throws NdferryException {
    long first = in.u64();
    long count = in.u64();
    long expected = Math.min(tiles - number * PART_TILES, PART_TILES);
    if (first != number * PART_TILES || count != expected) {
      throw in.wrong("INDEX has other tiles than part " + number);
    }
    if (in.left() != 12 * count) {
      throw in.wrong("INDEX has another length than its tiles need");
    }
    long[] places = new long[(int) (2 * count)];
    for (int i = 0; i < places.length; i += 2) {
      places[i] = in.u64();
      places[i + 1] = in.u32();
    }
    return places;
  }

  static List<Entry> catalog(Cursor in) throws NdferryException {
    long count = in.u64();
    if (count < 0 || count > NpbMessage.ARRAYS) {
      throw NdferryException.limit(in.offset(), "more than 2^20 arrays");
    }
    List<Entry> entries = new ArrayList<>();
    for (long i = 0; i < count; i++) {
      Entry entry = new Entry();
      ByteBuffer name = ByteBuffer.wrap(in.take(in.u32()));
      try {
        entry.name = StandardCharsets.UTF_8.newDecoder().decode(name).toString();
      } catch (CharacterCodingException error) {
        throw in.wrong("CATALOG has a name that is not UTF-8");
      }
      entry.transfer = in.u64();
      entry.manifest = in.u64();
      entry.root = in.u64();
      entry.rootNbytes = in.u64();
      entries.add(entry);
    }
    in.end();
    return entries;
  }

  static byte[] encode(List<Entry> entries) {
    Packet out = new Packet().u64(entries.size());
    for (Entry entry : entries) {
      byte[] name = entry.name.getBytes(StandardCharsets.UTF_8);
      out.u32(name.length).bytes(name).u64(entry.transfer);
      out.u64(entry.manifest).u64(entry.root).u64(entry.rootNbytes);
    }
    return out.toBytes();
  }

  static byte[] tail(long at, long target, long nbytes, int kind) {
    return new Packet().u64(at).u64(target).u64(nbytes << 8 | kind).toBytes();
  }
}
