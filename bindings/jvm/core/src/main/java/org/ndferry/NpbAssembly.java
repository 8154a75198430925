package org.ndferry;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Puts the tiles of arrays that come in a stream where they belong, in memory. */
final class NpbAssembly implements NpbDecoder.Sink {
  private final Map<String, NDArray> arrays = new LinkedHashMap<>();
  private final long memory;
  private NpbManifest manifest;
  private TileGrid grid;
  private byte[] head;
  private String name;

  /** Null for an array that grows, and until enough has come to believe its shape. */
  private NDArray whole;

  /** What came before that, by number. */
  private final Map<Long, byte[]> tiles = new LinkedHashMap<>();

  private long waiting;
  private long taken;

  /** Memory for the whole array is taken when this part of it has come, or if it is no more than this many bytes. */
  private static final long BELIEVED = 16;

  private static final long SMALL = 16 << 20;

  /** For at most so many bytes of elements. */
  NpbAssembly(long memory) {
    this.memory = memory;
  }

  Map<String, NDArray> arrays() {
    return arrays;
  }

  private void take(long nbytes) throws NdferryException {
    if (nbytes > memory - taken) {
      throw NdferryException.limit(-1, "arrays of more than " + memory + " bytes");
    }
    taken += nbytes;
  }

  @Override
  public void begin(NpbManifest manifest, List<byte[]> headers) throws NdferryException {
    this.manifest = manifest;
    grid = manifest.grid();
    head = headers.get(0);
    name = headers.size() > 1 ? name(headers.get(1)) : "";
    if (arrays.containsKey(name)) {
      throw NdferryException.format(-1, "two arrays are called " + Literal.quote(name));
    }
    manifest.checked(head, manifest.shape);
    tiles.clear();
    waiting = 0;
    whole = null;
    if (!manifest.growing) {
      take(Shapes.nbytes(manifest.shape, manifest.itemsize));
      believe(grid);
    }
  }

  /** Takes memory for the whole array if enough of it has come. */
  private void believe(TileGrid all) throws NdferryException {
    long nbytes = Shapes.nbytes(all.shape, all.itemsize);
    if (nbytes > SMALL && waiting < nbytes / BELIEVED) {
      return;
    }
    Dtype dtype = manifest.checked(head, all.shape).dtype();
    whole = NDArray.contiguous(Bytes.allocateClaimed(nbytes), dtype, all.shape.clone(), false);
    for (Map.Entry<Long, byte[]> tile : tiles.entrySet()) {
      put(tile.getKey(), tile.getValue(), all);
      tile.setValue(null);
    }
    tiles.clear();
  }

  private void put(long number, byte[] raw, TileGrid all) throws NdferryException {
    long[] start = all.start(number);
    NDArray tile = NDArray.contiguous(Bytes.wrap(raw), whole.dtype(), all.extents(start), false);
    paste(tile, start, whole, new long[start.length]);
  }

  /** The name that attributes give. */
  static String name(byte[] attributes) throws NdferryException {
    Object json = Json.parse(attributes);
    Object name = json instanceof Map ? ((Map<?, ?>) json).get("name") : null;
    return name instanceof String ? (String) name : "";
  }

  @Override
  public void block(NpbBlock block) throws NdferryException {
    byte[] raw = block.unpack(manifest);
    if (whole != null) {
      put(block.number, raw, grid);
      return;
    }
    waiting += raw.length;
    tiles.put(block.number, raw);
    if (manifest.growing) {
      take(raw.length);
    } else {
      believe(grid);
    }
  }

  @Override
  public void end(long[] shape) throws NdferryException {
    NpyHeader header = manifest.checked(head, shape);
    if (whole == null) {
      believe(manifest.growing ? grid.grownTo(shape[0]) : grid);
    }
    arrays.put(name, header.isFortran() ? whole.transpose() : whole);
    whole = null;
  }

  /** Copies what two boxes have in common; {@code tileAt} and {@code intoAt} are where they begin. */
  static void paste(NDArray tile, long[] tileAt, NDArray into, long[] intoAt) {
    int ndim = tileAt.length;
    long[] extents = new long[ndim];
    long from = tile.offset();
    long to = into.offset();
    long[] tileStrides = tile.strides();
    long[] intoStrides = into.strides();
    long[] tileShape = tile.shape();
    long[] intoShape = into.shape();
    for (int axis = 0; axis < ndim; axis++) {
      long low = Math.max(tileAt[axis], intoAt[axis]);
      long high = Math.min(tileAt[axis] + tileShape[axis], intoAt[axis] + intoShape[axis]);
      extents[axis] = high - low;
      from += (low - tileAt[axis]) * tileStrides[axis];
      to += (low - intoAt[axis]) * intoStrides[axis];
    }
    NDArray source = new NDArray(tile.storage(), from, tile.dtype(), extents, tileStrides);
    NDArray target = new NDArray(into.storage(), to, into.dtype(), extents, intoStrides);
    copy(source, target);
  }

  /** Both have the same shape and elements that are contiguous along the last axis. */
  private static void copy(NDArray source, NDArray target) {
    long[] extents = source.shape();
    int n = extents.length;
    // As many last axes as lie without gaps on both sides are one run.
    int outer = n;
    long run = source.dtype().itemsize();
    while (outer > 0 && source.strides()[outer - 1] == run && target.strides()[outer - 1] == run) {
      run *= extents[--outer];
    }
    if (source.size() == 0) {
      return;
    }
    long[] index = new long[outer];
    long[] sourceStrides = source.strides();
    long[] targetStrides = target.strides();
    long from = source.offset();
    long to = target.offset();
    for (; ; ) {
      source.storage().copyTo(from, target.storage(), to, run);
      int axis = outer - 1;
      while (axis >= 0 && ++index[axis] == extents[axis]) {
        from -= (extents[axis] - 1) * sourceStrides[axis];
        to -= (extents[axis] - 1) * targetStrides[axis];
        index[axis--] = 0;
      }
      if (axis < 0) {
        return;
      }
      from += sourceStrides[axis];
      to += targetStrides[axis];
    }
  }
}
