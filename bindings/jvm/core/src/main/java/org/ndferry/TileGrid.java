package org.ndferry;

/**
 * An array's shape cut into tiles, counted in C order over <em>stored</em> axes; edge tiles are clipped. A growing grid
 * has no end along axis 0.
 */
final class TileGrid {
  final long[] shape;
  final long[] tile;
  final long itemsize;
  final boolean growing;
  private final long[] counts;

  TileGrid(long[] shape, long[] tile, long itemsize, boolean growing) throws NdferryException {
    if (shape.length != tile.length) {
      throw NdferryException.format(-1, "shape and tile have different numbers of axes");
    }
    if (growing && shape.length == 0) {
      throw NdferryException.format(-1, "an array without axes cannot grow");
    }
    this.shape = shape;
    this.tile = tile;
    this.itemsize = itemsize;
    this.growing = growing;
    this.counts = new long[shape.length];
    Shapes.nbytes(shape, itemsize);
    long[] clipped = new long[shape.length];
    for (int i = 0; i < shape.length; i++) {
      if (tile[i] < 1) {
        throw NdferryException.format(-1, "a tile extent of 0");
      }
      counts[i] = shape[i] == 0 ? 0 : (shape[i] - 1) / tile[i] + 1;
      clipped[i] = growing && i == 0 ? tile[0] : Math.min(tile[i], Math.max(shape[i], 1));
    }
    Shapes.nbytes(clipped, itemsize);
  }

  /** Flat tiles (1, ..., 1, r, whole trailing axes) of at most so many bytes, or of one element. */
  static long[] flat(long[] shape, long itemsize, long block, boolean growing) {
    long[] tile = new long[shape.length];
    java.util.Arrays.fill(tile, 1);
    long room = Math.max(block / Math.max(itemsize, 1), 1);
    for (int axis = shape.length - 1; axis >= 0; axis--) {
      if (growing && axis == 0) {
        tile[0] = room;
        break;
      }
      tile[axis] = Math.min(room, Math.max(shape[axis], 1));
      if (tile[axis] < shape[axis]) {
        break;
      }
      room = Math.max(room / tile[axis], 1);
    }
    return tile;
  }

  TileGrid grownTo(long extent) throws NdferryException {
    long[] whole = shape.clone();
    if (whole.length > 0) {
      whole[0] = extent;
    }
    return new TileGrid(whole, tile, itemsize, false);
  }

  /** Number of tiles; of a growing grid those known. */
  long size() {
    long size = itemsize == 0 ? 0 : 1;
    for (long count : counts) {
      size *= count;
    }
    return size;
  }

  private long perRow() {
    long size = itemsize == 0 ? 0 : 1;
    for (int i = 1; i < counts.length; i++) {
      size *= counts[i];
    }
    return size;
  }

  /** Where a tile begins along each axis. */
  long[] start(long number) throws NdferryException {
    boolean there = growing ? perRow() > 0 && number >= 0 : number >= 0 && number < size();
    if (!there) {
      String problem = "there is no tile " + Long.toUnsignedString(number) + " of " + size();
      throw NdferryException.format(16, problem);
    }
    long[] start = new long[shape.length];
    long rest = number;
    for (int axis = shape.length - 1; axis >= 0; axis--) {
      boolean endless = growing && axis == 0;
      long at = endless ? rest : rest % counts[axis];
      rest = endless ? 0 : rest / counts[axis];
      if (at > Long.MAX_VALUE / tile[axis]) {
        throw NdferryException.limit(16, "a tile too far away to count");
      }
      start[axis] = at * tile[axis];
    }
    return start;
  }

  /** The extents of the tile that begins there; a growing grid's are whole along axis 0. */
  long[] extents(long[] start) {
    long[] extents = new long[start.length];
    for (int axis = 0; axis < start.length; axis++) {
      boolean endless = growing && axis == 0;
      extents[axis] = endless ? tile[0] : Math.min(tile[axis], shape[axis] - start[axis]);
    }
    return extents;
  }

  long nbytes(long number) throws NdferryException {
    return Shapes.size(extents(start(number))) * itemsize;
  }

  long maxNbytes() {
    long n = itemsize;
    for (int axis = 0; axis < tile.length; axis++) {
      n *= growing && axis == 0 ? tile[0] : Math.min(tile[axis], Math.max(shape[axis], 1));
    }
    return n;
  }

  /** The number of the tile with this place in the grid. */
  long number(long[] place) {
    long number = 0;
    for (int axis = 0; axis < place.length; axis++) {
      number = number * counts[axis] + place[axis];
    }
    return number;
  }
}
