package org.ndferry;

import java.io.IOException;
import java.util.Arrays;

/** An array in an NPB file, not read yet: only the tiles that an index touches are. */
public final class NpbArray {
  private final Npb file;
  private final String name;
  private final long transfer;
  private final NpbIndex.Root root;
  private final NpyHeader header;
  private final TileGrid grid;
  private final long[][] parts;

  NpbArray(Npb file, String name, long transfer, NpbIndex.Root root) throws NdferryException {
    this.file = file;
    this.name = name;
    this.transfer = transfer;
    this.root = root;
    this.header = root.manifest.checked(root.headers.get(0), root.shape);
    TileGrid first = root.manifest.grid();
    this.grid = root.manifest.growing ? first.grownTo(root.shape[0]) : first;
    this.parts = new long[root.parts.length / 2][];
  }

  /**
   * Its name.
   *
   * @return empty if it has none
   */
  public String name() {
    return name;
  }

  /**
   * What each element is.
   *
   * @return its dtype
   */
  public Dtype dtype() {
    return header.dtype();
  }

  /**
   * The extent of each axis.
   *
   * @return a copy
   */
  public long[] shape() {
    return header.shape().clone();
  }

  /**
   * All of it.
   *
   * @return a new array
   * @throws NdferryException if a tile is damaged, lost, or packed in a way that needs native code
   * @throws IOException as the system says
   */
  public NDArray read() throws IOException {
    return read("...");
  }

  /**
   * A part of it; only the tiles that it touches are read.
   *
   * @param index as {@link NDArray#slice} takes it
   * @return a new array
   * @throws NdferryException if a tile is damaged, lost, or packed in a way that needs native code
   * @throws IOException as the system says
   */
  public NDArray read(String index) throws IOException {
    // The box that the index spans is read, then indexed.
    long[] shape = header.shape();
    int ndim = shape.length;
    long[] low = new long[ndim];
    long[] high = new long[ndim];
    String[] inner = Index.box(index, shape, low, high);
    long[] start = low;
    long[] extents = new long[ndim];
    for (int axis = 0; axis < ndim; axis++) {
      extents[axis] = high[axis] - low[axis];
    }
    if (header.isFortran()) {
      start = Shapes.reversed(low);
      extents = Shapes.reversed(extents);
    }
    NDArray box = box(start, extents);
    box = header.isFortran() ? box.transpose() : box;
    return box.slice(String.join(",", inner));
  }

  /** A box, in stored axes. */
  private NDArray box(long[] start, long[] extents) throws IOException {
    int ndim = extents.length;
    long nbytes = Shapes.nbytes(extents, dtype().itemsize());
    NDArray out =
        NDArray.contiguous(Bytes.allocateClaimed(nbytes), dtype(), extents.clone(), false);
    if (nbytes == 0) {
      return out;
    }
    long[] first = new long[ndim];
    long[] last = new long[ndim];
    for (int axis = 0; axis < ndim; axis++) {
      first[axis] = start[axis] / grid.tile[axis];
      last[axis] = (start[axis] + extents[axis] - 1) / grid.tile[axis];
    }
    long[] place = first.clone();
    for (; ; ) {
      long number = grid.number(place);
      NDArray tile = tile(number);
      if (tile != null) {
        NpbAssembly.paste(tile, grid.start(number), out, start);
      }
      int axis = ndim - 1;
      while (axis >= 0 && place[axis] == last[axis]) {
        place[axis] = first[axis];
        axis--;
      }
      if (axis < 0) {
        return out;
      }
      place[axis]++;
    }
  }

  /** A tile; null if it was never written and is zeros. */
  private NDArray tile(long number) throws IOException {
    int part = (int) (number / NpbIndex.PART_TILES);
    long[] places;
    synchronized (parts) {
      if (parts[part] == null) {
        parts[part] = file.part(transfer, root, part, grid.size());
      }
      places = parts[part];
    }
    int at = (int) (2 * (number % NpbIndex.PART_TILES));
    if (places[at] == 0) {
      return null;
    }
    if (places[at] == -1) {
      throw NdferryException.format(-1, "tile " + number + " is lost: the file was damaged");
    }
    byte[] message = file.message(places[at], NpbMessage.HEAD_NBYTES + places[at + 1]);
    try {
      NpbMessage head = NpbMessage.parse(message, 0);
      if (head.kind != NpbMessage.DATA || head.sequence != number || head.transfer != transfer) {
        throw NdferryException.format(0, "the index leads to another message than tile " + number);
      }
      int n = message.length - NpbMessage.HEAD_NBYTES;
      head.check(message, NpbMessage.HEAD_NBYTES, n);
      NpbBlock block = NpbBlock.parse(number, message, NpbMessage.HEAD_NBYTES);
      long[] extents = grid.extents(grid.start(number));
      if (block.nbytes != Shapes.size(extents) * grid.itemsize) {
        throw NdferryException.format(44, "tile " + number + " has another length than its place");
      }
      Bytes raw = Bytes.wrap(block.unpack(root.manifest));
      return NDArray.contiguous(raw, dtype(), extents, false);
    } catch (NdferryException error) {
      throw error.after(places[at]);
    }
  }

  /**
   * What it is, for people.
   *
   * @return name, dtype and shape
   */
  @Override
  public String toString() {
    return name + " " + dtype() + " " + Arrays.toString(header.shape());
  }
}
