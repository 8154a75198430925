package org.ndferry;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * NPB files: arrays in blocks that are packed and checked one by one, so that a part is read without the rest. Blocks
 * that are raw, LZ4 or deflated are read; Zstandard and Pco need native code.
 */
public final class Npb implements AutoCloseable {
  /** How blocks are packed. */
  public enum Packing {
    /** Not at all. */
    RAW(NpbCodec.RAW, NpbCodec.NONE),
    /** Deflated. */
    DEFLATE(NpbCodec.DEFLATE, NpbCodec.NONE),
    /** All first bytes of the numbers, then all second ones, and so on, deflated: smaller for most images. */
    SHUFFLE_DEFLATE(NpbCodec.DEFLATE, NpbCodec.SHUFFLE);

    final int codec;
    final int filter;

    Packing(int codec, int filter) {
      this.codec = codec;
      this.filter = filter;
    }
  }

  private final Input input;
  private final List<NpbArray> arrays = new ArrayList<>();

  private Npb(Input input) throws IOException {
    this.input = input;
    long tailAt = input.size() - NpbIndex.TAIL_NBYTES;
    byte[] first = input.bytes(0, Math.min(input.size(), 4));
    if (!Arrays.equals(first, new byte[] {(byte) 0x93, 'N', 'P', 'B'})) {
      String start = input.size() == 0 ? "it is empty" : "it starts with " + NpyHeader.hex(first, 4);
      throw NdferryException.format(0, "not an NPB file: " + start);
    }
    if (tailAt < 0) {
      throw NdferryException.format(input.size(), "cut off: an NPB file ends with 64 bytes of TAIL");
    }
    Cursor tail;
    try {
      tail = body(tailAt, NpbIndex.TAIL_NBYTES, NpbMessage.TAIL, 0);
    } catch (NdferryException error) {
      String problem = "no index at the end: the file was cut or is still being written;";
      throw NdferryException.format(tailAt, problem + " `ndferry repair` makes one");
    }
    long own = tail.u64();
    long target = tail.u64();
    long packed = tail.u64();
    int kind = (int) (packed & 0xff);
    long nbytes = packed >>> 8;
    if (own != tailAt || target < 0 || target > tailAt || nbytes > tailAt - target) {
      throw NdferryException.format(tailAt, "TAIL speaks of another file: it was cut or joined");
    }
    if (kind == NpbMessage.INDEX) {
      arrays.add(array(null, target, nbytes));
      return;
    }
    for (NpbIndex.Entry entry : NpbIndex.catalog(body(target, nbytes, NpbMessage.CATALOG, 0))) {
      arrays.add(array(entry, entry.root, entry.rootNbytes));
    }
  }

  private NpbArray array(NpbIndex.Entry entry, long at, long nbytes) throws IOException {
    byte[] message = message(at, nbytes);
    Cursor body = body(at, nbytes, NpbMessage.INDEX, NpbIndex.ROOT);
    NpbIndex.Root root = NpbIndex.root(body, NpbMessage.FILE_BLOCK);
    long transfer = NpbMessage.parse(message, 0).transfer;
    if (entry != null && entry.transfer != transfer) {
      throw NdferryException.format(at, "CATALOG leads to the index of another array");
    }
    String name = entry != null ? entry.name : "";
    if (entry == null && root.headers.size() > 1) {
      name = NpbAssembly.name(root.headers.get(1));
    }
    try {
      return new NpbArray(this, name, transfer, root);
    } catch (NdferryException error) {
      throw error.at(at);
    }
  }

  /** A whole message; its length is compared with the file and a limit first. */
  byte[] message(long at, long nbytes) throws IOException {
    if (nbytes > NpbMessage.HEAD_NBYTES + NpbMessage.bodyLimit(NpbMessage.FILE_BLOCK)) {
      throw NdferryException.limit(at, "a message of " + nbytes + " bytes");
    }
    return input.bytes(at, nbytes);
  }

  private Cursor body(long at, long nbytes, int kind, long sequence) throws IOException {
    byte[] message = message(at, nbytes);
    try {
      NpbMessage head = NpbMessage.parse(message, 0);
      if (head.kind != kind || head.sequence != sequence) {
        throw NdferryException.format(0, "the index leads to another message: " + head.name());
      }
      head.check(message, NpbMessage.HEAD_NBYTES, message.length - NpbMessage.HEAD_NBYTES);
    } catch (NdferryException error) {
      throw error.after(at);
    }
    return new Cursor(message, NpbMessage.HEAD_NBYTES, at + NpbMessage.HEAD_NBYTES);
  }

  long[] part(long transfer, NpbIndex.Root root, int part, long tiles) throws IOException {
    Cursor body = body(root.parts[2 * part], root.parts[2 * part + 1], NpbMessage.INDEX, part);
    return NpbIndex.part(body, part, tiles);
  }

  /**
   * Opens a file; only its index is read.
   *
   * @param file an NPB file
   * @return to be closed
   * @throws NdferryException if it is not such a file, or was cut
   * @throws IOException as the system says
   */
  public static Npb open(Path file) throws IOException {
    Input input = Input.open(file);
    try {
      return new Npb(input);
    } catch (IOException | RuntimeException error) {
      input.close();
      throw error;
    }
  }

  /**
   * Opens a file that is in memory.
   *
   * @param file an NPB file's bytes
   * @return need not be closed
   * @throws NdferryException if these are not such a file's
   * @throws IOException never otherwise
   */
  public static Npb open(byte[] file) throws IOException {
    return new Npb(Input.of(file));
  }

  /**
   * Its arrays.
   *
   * @return in the order in which they were added
   */
  public List<NpbArray> arrays() {
    return Collections.unmodifiableList(arrays);
  }

  /**
   * One of its arrays.
   *
   * @param name as {@link NpbArray#name}
   * @return not read yet
   * @throws IllegalArgumentException if there is no such array
   */
  public NpbArray array(String name) {
    for (NpbArray array : arrays) {
      if (array.name().equals(name)) {
        return array;
      }
    }
    throw new IllegalArgumentException("no array " + name + "; there are " + arrays);
  }

  /**
   * All arrays of a file.
   *
   * @param file an NPB file
   * @return name to array, in the file's order; the name of a single array may be empty
   * @throws NdferryException if it is not such a file, or is damaged
   * @throws IOException as the system says
   */
  public static Map<String, NDArray> read(Path file) throws IOException {
    try (Npb npb = open(file)) {
      Map<String, NDArray> all = new LinkedHashMap<>();
      for (NpbArray array : npb.arrays) {
        all.put(array.name(), array.read());
      }
      return all;
    }
  }

  /**
   * Reads the messages of a stream up to the end of its arrays: what {@code ndferry send -} writes, or a file that
   * comes through a pipe.
   *
   * @param in at the start of the first message
   * @return name to array; the name of a single array may be empty
   * @throws NdferryException if it is damaged, breaks off, or claims more memory than this machine has
   * @throws IOException as the stream says
   */
  public static Map<String, NDArray> read(InputStream in) throws IOException {
    NpbAssembly assembly = new NpbAssembly(Runtime.getRuntime().maxMemory());
    NpbDecoder decoder = new NpbDecoder(NpbMessage.FILE_BLOCK, assembly);
    NpbStream stream = new NpbStream(in, NpbMessage.FILE_BLOCK);
    while (!decoder.isDone()) {
      NpbMessage head = stream.next();
      if (head == null) {
        throw NdferryException.format(stream.offset(), "cut off: the rest of the arrays is missing");
      }
      try {
        decoder.feed(head, stream.bytes(), NpbMessage.HEAD_NBYTES);
      } catch (NdferryException error) {
        throw error.after(stream.messageOffset());
      }
    }
    return assembly.arrays();
  }

  /**
   * Writes a file. It appears whole or not at all; one that is there is replaced.
   *
   * @param file where
   * @param arrays name to array; a single array may be called {@code ""}
   * @param packing how blocks are packed
   * @throws IllegalArgumentException if a dtype cannot be said in a header: Python objects, fields that overlap
   * @throws IOException as the system says
   */
  public static void write(Path file, Map<String, NDArray> arrays, Packing packing)
      throws IOException {
    for (NDArray array : arrays.values()) {
      NpyHeader.of(array).encode();
    }
    Whole.write(file, out -> new NpbWriter(out).write(arrays, packing));
  }

  /** Blocks of an array as they are stored: its axes reversed if it is in Fortran order. */
  static NDArray stored(NDArray array) {
    return NpyHeader.of(array).isFortran() ? array.transpose() : array;
  }

  /** The bytes of one flat tile, which lie one after the other in a contiguous array. */
  static ByteBuffer flatTile(NDArray contiguous, TileGrid grid, long number) throws NdferryException {
    long[] start = grid.start(number);
    long first = 0;
    long[] strides = Shapes.strides(grid.shape, grid.itemsize, false);
    for (int axis = 0; axis < start.length; axis++) {
      first += start[axis] * strides[axis];
    }
    long nbytes = Shapes.size(grid.extents(start)) * grid.itemsize;
    ByteBuffer piece = contiguous.storage().piece(contiguous.offset() + first, nbytes);
    if (piece.remaining() == nbytes) {
      return piece;
    }
    byte[] copy = contiguous.storage().get(contiguous.offset() + first, (int) nbytes);
    return ByteBuffer.wrap(copy);
  }

  /** Closes the file. */
  @Override
  public void close() throws IOException {
    input.close();
  }
}
