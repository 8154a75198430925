package org.ndferry;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** Follows a stream of messages, checks each against all before it, and hands on what they mean. Does no I/O. */
final class NpbDecoder {
  /** What is done with an array as it comes. */
  interface Sink {
    /** All that is known before the first tile. */
    void begin(NpbManifest manifest, List<byte[]> headers) throws IOException;

    /** A tile, in its place and of its length. */
    void block(NpbBlock block) throws IOException;

    /** The array is whole; its final extents, stored axes. */
    void end(long[] shape) throws IOException;
  }

  private final long limit;
  private final Sink sink;
  private final List<Long> ended = new ArrayList<>();
  private boolean cataloged;
  private boolean done;

  // Of the array under way; manifest is null between arrays.
  private NpbManifest manifest;
  private TileGrid grid;
  private long transfer;
  private final List<byte[]> headers = new ArrayList<>();
  private final BitSet tiles = new BitSet();
  private long blocks;
  private long shortTile;
  private long shortNbytes;

  /** The array's transfer, and how many DATA messages came in all; for the ACK. */
  long lastTransfer;

  long allBlocks;

  NpbDecoder(long limit, Sink sink) {
    this.limit = limit;
    this.sink = sink;
  }

  boolean isDone() {
    return done;
  }

  /** What this message must be instead, for an error. */
  private static NdferryException unexpected(NpbMessage head, String expected) {
    return NdferryException.format(5, head.name() + " came where " + expected + " was expected");
  }

  /** Takes one message whose body begins at {@code at}; both checksums have been compared. */
  void feed(NpbMessage head, byte[] bytes, int at) throws IOException {
    switch (head.kind) {
      case NpbMessage.MANIFEST:
        begin(head, bytes, at);
        return;
      case NpbMessage.HEADER:
      case NpbMessage.DATA:
      case NpbMessage.END:
        ready(head);
        inside(head, bytes, at);
        return;
      case NpbMessage.CATALOG:
        catalog(head, bytes, at);
        return;
      default: // what concerns files or the session
    }
  }

  /** Takes a DATA message whose body lies in a buffer, valid until this returns. */
  void feed(NpbMessage head, ByteBuffer body) throws IOException {
    ready(head);
    if (headers.size() < manifest.headerBlocks) {
      throw unexpected(head, "HEADER");
    }
    NpbBlock block = NpbBlock.parse(head.sequence, body);
    check(block);
    sink.block(block);
  }

  /** Whether an array is under way that the message belongs to. */
  private void ready(NpbMessage head) throws NdferryException {
    if (manifest == null) {
      throw unexpected(head, "MANIFEST");
    }
    if (head.transfer != transfer) {
      throw NdferryException.format(8, head.name() + " is of another array than the one that began");
    }
  }

  private void begin(NpbMessage head, byte[] bytes, int at) throws NdferryException {
    if (manifest != null || done) {
      throw unexpected(head, done ? "the end" : "the rest of an array");
    }
    if (ended.contains(head.transfer) || ended.size() >= NpbMessage.ARRAYS) {
      throw NdferryException.format(8, "a transfer that has ended begins again");
    }
    byte[] body = java.util.Arrays.copyOfRange(bytes, at, bytes.length);
    manifest = NpbManifest.parse(body, NpbMessage.HEAD_NBYTES, limit);
    grid = manifest.grid();
    transfer = head.transfer;
    lastTransfer = transfer;
    headers.clear();
    tiles.clear();
    blocks = 0;
    shortTile = -1;
  }

  private void inside(NpbMessage head, byte[] bytes, int at) throws IOException {
    if (head.kind == NpbMessage.HEADER) {
      if (headers.size() == manifest.headerBlocks || head.sequence != headers.size()) {
        throw unexpected(head, headers.size() == manifest.headerBlocks ? "DATA or END" : "the next HEADER");
      }
      if (bytes.length - at > NpbMessage.HEADER_LIMIT) {
        throw NdferryException.limit(24, head.name() + " has more than 1 MiB");
      }
      headers.add(java.util.Arrays.copyOfRange(bytes, at, bytes.length));
      if (headers.size() == manifest.headerBlocks) {
        sink.begin(manifest, headers);
      }
      return;
    }
    if (headers.size() < manifest.headerBlocks) {
      throw unexpected(head, "HEADER");
    }
    if (head.kind == NpbMessage.DATA) {
      NpbBlock block = NpbBlock.parse(head.sequence, bytes, at);
      check(block);
      sink.block(block);
    } else {
      end(new Cursor(bytes, at, NpbMessage.HEAD_NBYTES));
    }
  }

  private static NdferryException length(long number, long found, long expected) {
    String problem = "tile " + number + " has " + found + " bytes, not " + expected;
    return NdferryException.format(NpbMessage.HEAD_NBYTES + 4, problem);
  }

  private void check(NpbBlock block) throws NdferryException {
    long number = block.number;
    long expected = grid.nbytes(number);
    long row = expected / Math.max(grid.tile.length == 0 ? 1 : grid.tile[0], 1);
    boolean partial =
        manifest.growing
            && block.nbytes < expected
            && block.nbytes > 0
            && row > 0
            && block.nbytes % row == 0;
    if (block.nbytes != expected && !partial) {
      throw length(number, block.nbytes, expected);
    }
    if (number > Integer.MAX_VALUE - 1) {
      throw NdferryException.limit(16, "more than 2^31 tiles"); // a bit of memory for each
    }
    boolean isNew = !tiles.get((int) number);
    boolean completes = shortTile == number && shortNbytes < block.nbytes;
    if (!isNew && !completes) {
      throw NdferryException.format(16, "tile " + number + " came twice");
    }
    if (isNew && shortTile >= 0 && shortTile < number) {
      throw length(shortTile, shortNbytes, expected);
    }
    // A bit set is as long as its highest bit, which a peer could choose.
    if (manifest.growing && number > blocks + (1 << 20)) {
      throw NdferryException.limit(16, "tile " + number + " came long before its turn");
    }
    tiles.set((int) number);
    if (partial || completes) {
      shortTile = partial ? number : -1;
      shortNbytes = block.nbytes;
    }
    blocks++;
    allBlocks++;
    if (manifest.dataBlocks >= 0 && blocks > manifest.dataBlocks) {
      throw NdferryException.format(16, "more DATA messages than MANIFEST said");
    }
  }

  private void end(Cursor in) throws IOException {
    long count = in.u64();
    long extent = in.u64();
    in.end();
    if (count != blocks || (manifest.dataBlocks != -1 && manifest.dataBlocks != blocks)) {
      throw NdferryException.format(NpbMessage.HEAD_NBYTES, blocks + " DATA messages came, not " + count);
    }
    long fixed = manifest.shape.length == 0 ? 0 : manifest.shape[0];
    if (!manifest.growing && extent != fixed) {
      throw NdferryException.format(NpbMessage.HEAD_NBYTES + 8, "END has another extent than MANIFEST");
    }
    if (extent < 0) {
      throw NdferryException.format(NpbMessage.HEAD_NBYTES + 8, "END has an extent of 2^63 or more");
    }
    TileGrid whole = manifest.growing ? grid.grownTo(extent) : grid;
    long size = whole.size();
    if (tiles.cardinality() != size || tiles.nextClearBit(0) < size) {
      String problem = tiles.cardinality() + " of " + size + " tiles came; the first missing is ";
      throw NdferryException.format(NpbMessage.HEAD_NBYTES, problem + tiles.nextClearBit(0));
    }
    if (manifest.growing && size > 0) {
      // The last tiles must be exactly as short as the extent says.
      long expected = whole.nbytes(size - 1);
      long found = shortTile < 0 ? grid.nbytes(size - 1) : shortNbytes;
      if (found != expected || (shortTile >= 0 && shortTile != size - 1)) {
        throw length(shortTile < 0 ? size - 1 : shortTile, found, expected);
      }
    }
    sink.end(whole.shape);
    ended.add(transfer);
    cataloged = manifest.cataloged;
    done = !cataloged;
    manifest = null;
  }

  private void catalog(NpbMessage head, byte[] bytes, int at) throws NdferryException {
    if (manifest != null || done) {
      throw unexpected(head, "the rest of an array");
    }
    List<Long> listed = new ArrayList<>();
    for (NpbIndex.Entry entry : NpbIndex.catalog(new Cursor(bytes, at, NpbMessage.HEAD_NBYTES))) {
      listed.add(entry.transfer);
    }
    if (!listed.equals(ended)) {
      throw NdferryException.format(
          NpbMessage.HEAD_NBYTES, "CATALOG does not list the arrays that came");
    }
    done = true;
    lastTransfer = 0;
  }
}
