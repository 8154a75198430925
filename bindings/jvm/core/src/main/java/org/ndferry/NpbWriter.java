package org.ndferry;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Messages of arrays into a file, with the index that makes it random access. */
final class NpbWriter {
  /** Raw bytes of one block. */
  static final int BLOCK = 1 << 20;

  private static final int LEVEL = 6;
  private static final SecureRandom RANDOM = new SecureRandom();

  private final OutputStream out;
  private long at;

  NpbWriter(OutputStream out) {
    this.out = out;
  }

  static long newTransfer() {
    long transfer = RANDOM.nextLong();
    return transfer == 0 ? 1 : transfer;
  }

  private void put(byte[] bytes) throws IOException {
    out.write(bytes);
    at += bytes.length;
  }

  private void message(int kind, long transfer, long sequence, byte[] body) throws IOException {
    put(NpbMessage.encode(kind, transfer, sequence, body));
  }

  /** The header blocks of an array: NPY's, and attributes if it has a name. */
  static List<byte[]> headers(byte[] head, String name) {
    List<byte[]> headers = new ArrayList<>();
    headers.add(head);
    if (!name.isEmpty()) {
      String json = "{\"name\":" + Json.quote(name) + "}";
      headers.add(json.getBytes(StandardCharsets.UTF_8));
    }
    return headers;
  }

  void write(Map<String, NDArray> arrays, Npb.Packing packing) throws IOException {
    boolean cataloged = arrays.size() != 1 || !arrays.containsKey("");
    List<NpbIndex.Entry> entries = new ArrayList<>();
    List<NpbIndex.Root> roots = new ArrayList<>();
    List<long[]> places = new ArrayList<>();
    for (Map.Entry<String, NDArray> entry : arrays.entrySet()) {
      NpbIndex.Entry own = new NpbIndex.Entry();
      own.name = entry.getKey();
      own.transfer = newTransfer();
      own.manifest = at;
      NpbIndex.Root root = new NpbIndex.Root();
      places.add(array(own, root, entry.getValue(), packing, cataloged));
      entries.add(own);
      roots.add(root);
    }
    for (int i = 0; i < roots.size(); i++) {
      index(entries.get(i), roots.get(i), places.get(i));
    }
    long target = cataloged ? at : entries.get(0).root;
    if (cataloged) {
      message(NpbMessage.CATALOG, 0, 0, NpbIndex.encode(entries));
    }
    long nbytes = cataloged ? at - target : entries.get(0).rootNbytes;
    int kind = cataloged ? NpbMessage.CATALOG : NpbMessage.INDEX;
    message(NpbMessage.TAIL, 0, 0, NpbIndex.tail(at, target, nbytes, kind));
  }

  private long[] array(
      NpbIndex.Entry own, NpbIndex.Root root, NDArray array, Npb.Packing packing, boolean cataloged)
      throws IOException {
    NDArray stored = Npb.stored(array);
    NDArray contiguous = stored.isContiguous() ? stored : stored.copy();
    long[] shape = stored.shape();
    int itemsize = array.dtype().itemsize();
    NpbManifest manifest =
        NpbManifest.of(array.dtype(), shape, TileGrid.flat(shape, itemsize, BLOCK, false));
    root.manifest = manifest;
    root.shape = shape;
    root.headers.addAll(headers(NpyHeader.of(array).encode(), own.name));
    TileGrid grid = manifest.grid();
    manifest.headerBlocks = root.headers.size();
    manifest.dataBlocks = grid.size();
    manifest.cataloged = cataloged;
    manifest.codec = packing.codec;
    manifest.filter = packing.filter;
    manifest.level = packing == Npb.Packing.RAW ? 0 : LEVEL;
    message(NpbMessage.MANIFEST, own.transfer, 0, manifest.encode());
    for (int i = 0; i < root.headers.size(); i++) {
      message(NpbMessage.HEADER, own.transfer, i, root.headers.get(i));
    }
    if (grid.size() > Integer.MAX_VALUE / 2) {
      throw new IllegalArgumentException("more than 2^30 blocks");
    }
    long[] places = new long[(int) (2 * grid.size())];
    for (int number = 0; number < grid.size(); number++) {
      ByteBuffer raw = Npb.flatTile(contiguous, grid, number);
      long nbytes = raw.remaining();
      ByteBuffer payload = raw;
      if (packing != Npb.Packing.RAW) {
        byte[] bytes = new byte[raw.remaining()];
        raw.duplicate().get(bytes);
        int width = (int) Math.max(manifest.width, 1);
        payload = ByteBuffer.wrap(NpbCodec.pack(packing.codec, packing.filter, LEVEL, width, bytes));
      }
      boolean packs = payload.remaining() < nbytes;
      payload = packs ? payload : raw;
      int codec = packs ? packing.codec : NpbCodec.RAW;
      int filter = packs ? packing.filter : NpbCodec.NONE;
      put(new byte[(int) (-at & 15)]);
      places[2 * number] = at;
      places[2 * number + 1] = NpbBlock.SUBHEAD_NBYTES + payload.remaining();
      put(NpbBlock.head(own.transfer, number, codec, filter, nbytes, payload));
      byte[] bytes = new byte[payload.remaining()];
      payload.get(bytes);
      put(bytes);
    }
    long extent = shape.length == 0 ? 0 : shape[0];
    byte[] end = new Packet().u64(grid.size()).u64(extent).toBytes();
    message(NpbMessage.END, own.transfer, 0, end);
    return places;
  }

  private void index(NpbIndex.Entry own, NpbIndex.Root root, long[] places) throws IOException {
    int tiles = places.length / 2;
    int parts = (tiles + NpbIndex.PART_TILES - 1) / NpbIndex.PART_TILES;
    root.parts = new long[2 * parts];
    for (int part = 0; part < parts; part++) {
      int first = part * NpbIndex.PART_TILES;
      int count = Math.min(tiles - first, NpbIndex.PART_TILES);
      Packet body = new Packet().u64(first).u64(count);
      for (int i = first; i < first + count; i++) {
        body.u64(places[2 * i]).u32(places[2 * i + 1]);
      }
      root.parts[2 * part] = at;
      message(NpbMessage.INDEX, own.transfer, part, body.toBytes());
      root.parts[2 * part + 1] = at - root.parts[2 * part];
    }
    own.root = at;
    message(NpbMessage.INDEX, own.transfer, NpbIndex.ROOT, root.encode(tiles));
    own.rootNbytes = at - own.root;
  }
}
