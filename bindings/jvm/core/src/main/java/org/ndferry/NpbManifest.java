package org.ndferry;

/** The first message of an array: what follows, and how it is cut into tiles. Axes are the stored ones. */
final class NpbManifest {
  private static final int GROWING = 1;
  private static final int BYTES = 2;
  private static final int CATALOGED = 4;

  int headerBlocks;

  /** -1 if not known yet. */
  long dataBlocks;

  int codec;
  int filter;
  int level;
  int numbers;
  int endian;
  long width;
  long itemsize;
  long[] shape;
  long[] tile;
  boolean growing;
  boolean bytes;
  boolean cataloged;

  /** For an array of this dtype: what codecs and filters need to know of it. */
  static NpbManifest of(Dtype dtype, long[] storedShape, long[] tile) {
    NpbManifest manifest = new NpbManifest();
    manifest.shape = storedShape;
    manifest.tile = tile;
    manifest.itemsize = dtype.itemsize();
    manifest.width = manifest.itemsize;
    switch (dtype.kind()) {
      case BOOL:
      case UINT:
        manifest.numbers = 1;
        break;
      case INT:
      case DATETIME:
      case TIMEDELTA:
        manifest.numbers = 2;
        break;
      case FLOAT:
        manifest.numbers = 3;
        break;
      case COMPLEX:
        manifest.numbers = 4;
        manifest.width = manifest.itemsize / 2;
        break;
      case UNICODE:
        manifest.numbers = 1;
        manifest.width = Math.min(4, manifest.itemsize);
        break;
      default:
        manifest.numbers = 0;
    }
    if (manifest.numbers != 0 && dtype.byteOrder() != ByteOrder.NONE) {
      manifest.endian = dtype.byteOrder() == ByteOrder.LITTLE ? 1 : 2;
    }
    return manifest;
  }

  byte[] encode() {
    int flags = (growing ? GROWING : 0) | (bytes ? BYTES : 0) | (cataloged ? CATALOGED : 0);
    Packet out = new Packet().u32(headerBlocks).u64(dataBlocks).u8(codec).u8(filter).u16(level);
    out.u8(numbers).u8(endian).u16(flags).u32(width).u32(itemsize).u32(shape.length);
    return out.u64s(shape).u64s(tile).toBytes();
  }

  /** Parses a body that begins {@code start} bytes into the input. */
  static NpbManifest parse(byte[] body, long start, long block) throws NdferryException {
    Cursor in = new Cursor(body, 0, start);
    NpbManifest manifest = new NpbManifest();
    long headers = in.u32();
    manifest.dataBlocks = in.u64();
    manifest.codec = NpbCodec.known(in.u8(), in);
    manifest.filter = NpbCodec.knownFilter(in.u8(), in);
    manifest.level = (short) in.u16();
    manifest.numbers = in.u8();
    manifest.endian = in.u8();
    int flags = in.u16();
    manifest.width = in.u32();
    manifest.itemsize = in.u32();
    long ndim = in.u32();
    boolean whole =
        manifest.itemsize == 0
            ? manifest.width == 0
            : manifest.width > 0 && manifest.itemsize % manifest.width == 0;
    if (manifest.numbers > 4 || manifest.endian > 2 || !whole) {
      throw NdferryException.format(start + 16, "MANIFEST speaks of elements that there are not");
    }
    if ((flags & ~(GROWING | BYTES | CATALOGED)) != 0) {
      throw NdferryException.unsupported(start + 18, "MANIFEST has unknown flags");
    }
    if (ndim > Shapes.MAX_NDIM) {
      throw NdferryException.limit(start + 28, "an array of " + ndim + " axes");
    }
    if (headers < 1 || headers > NpbMessage.HEADER_BLOCKS) {
      throw NdferryException.format(start, "MANIFEST speaks of " + headers + " header blocks");
    }
    manifest.headerBlocks = (int) headers;
    manifest.shape = in.sizes(ndim);
    manifest.tile = in.sizes(ndim);
    in.end();
    manifest.growing = (flags & GROWING) != 0;
    manifest.bytes = (flags & BYTES) != 0;
    manifest.cataloged = (flags & CATALOGED) != 0;
    if (manifest.growing && ndim > 0 && manifest.shape[0] != 0) {
      throw NdferryException.format(start + 32, "a growing array has an extent before it ends");
    }
    TileGrid grid = manifest.grid();
    if (grid.maxNbytes() > block) {
      String problem = "tiles of " + grid.maxNbytes() + " bytes, more than " + block;
      throw NdferryException.limit(start, problem);
    }
    if (grid.size() > NpbMessage.TILES) {
      throw NdferryException.limit(start, grid.size() + " tiles");
    }
    long blocks = manifest.dataBlocks;
    if (!manifest.growing && blocks >= 0 && blocks < grid.size()) {
      throw NdferryException.format(start + 4, "fewer DATA messages than tiles");
    }
    return manifest;
  }

  TileGrid grid() throws NdferryException {
    return new TileGrid(shape, tile, itemsize, growing);
  }

  /** What the NPY header says must be what this says. */
  NpyHeader checked(byte[] head, long[] finalShape) throws NdferryException {
    NpyHeader header = NpyHeader.parse(head);
    long[] stored = header.isFortran() ? Shapes.reversed(header.shape()) : header.shape();
    NpbManifest own = of(header.dtype(), stored, tile);
    boolean same = own.itemsize == itemsize && java.util.Arrays.equals(stored, shape);
    boolean alike = own.numbers == numbers && own.width == width && own.endian == endian;
    // The bytes of a pickle are numbers of one byte whatever the array holds.
    if (bytes) {
      throw NdferryException.unsupported(-1, "the array holds Python objects, as a pickle");
    }
    if (!same || !alike) {
      throw NdferryException.format(-1, "MANIFEST contradicts the NPY header");
    }
    long[] extents = header.isFortran() ? Shapes.reversed(finalShape) : finalShape;
    return NpyHeader.of(header.dtype(), extents, header.isFortran());
  }
}
