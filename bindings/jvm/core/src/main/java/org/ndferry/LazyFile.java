package org.ndferry;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A file of any format that ndferry reads (NPY, NPZ, NPB with every codec, pickles, joblib, PyTorch, Zarr stores, packed or
 * not), of whose arrays only what is asked for is read. Needs the native library; may be used from several threads.
 *
 * <pre>{@code
 * try (LazyFile file = LazyFile.open(path)) {
 *   NDArray plane = file.array("frames").read("-1, :, 0");
 * }
 * }</pre>
 */
public final class LazyFile implements AutoCloseable {
  private final long number;
  private final Map<String, Member> arrays;
  private volatile boolean closed;

  /** An array of the file. */
  public final class Member {
    private final int place;
    private final Dtype dtype;
    private final long[] shape;

    private Member(int place, Dtype dtype, long[] shape) {
      this.place = place;
      this.dtype = dtype;
      this.shape = shape;
    }

    /**
     * What each element is.
     *
     * @return null if they are Python objects, which cannot be read here
     */
    public Dtype dtype() {
      return dtype;
    }

    /**
     * The extent of each axis.
     *
     * @return a copy
     */
    public long[] shape() {
      return shape.clone();
    }

    /**
     * All of it.
     *
     * @return a new array
     * @throws NdferryException if what is read is damaged, or is Python objects
     * @throws IOException as the system says
     * @throws IllegalStateException if the file is closed
     */
    public NDArray read() throws IOException {
      return read("");
    }

    /**
     * A part of it, by NumPy's basic indexing.
     *
     * @param index as of {@link NDArray#slice}
     * @return a new array
     * @throws NdferryException if what is read is damaged, or is Python objects
     * @throws IOException as the system says
     * @throws IllegalArgumentException if that is no such index
     * @throws IndexOutOfBoundsException for an integer outside of its axis
     * @throws IllegalStateException if the file is closed
     */
    public NDArray read(String index) throws IOException {
      return NativeArrays.read(NativeCalls.read(open(), place, index))[0];
    }

    /**
     * All of an array of Python objects, as {@link Pickle} gives values.
     *
     * @param allow what its pickle may name
     * @return a new array
     * @throws NdferryException if it is damaged, or names what is not allowed
     * @throws IOException as the system says
     * @throws IllegalArgumentException if its elements are no objects
     * @throws IllegalStateException if the file is closed
     */
    public Object readObjects(Pickle.Allow allow) throws IOException {
      return PickledValues.read(NativeCalls.objects(open(), place, allow == Pickle.Allow.OPAQUE));
    }

    /**
     * A part of it into the memory of a direct buffer, in C order and in the dtype's byte order. The position moves behind
     * what was read.
     *
     * @param index as of {@link NDArray#slice}; all of it if empty
     * @param buffer direct, with room for the part
     * @throws NdferryException if what is read is damaged, or is Python objects
     * @throws IOException as the system says
     * @throws IllegalArgumentException if that is no such index, the buffer is not direct or has no room
     * @throws IndexOutOfBoundsException for an integer outside of its axis
     * @throws IllegalStateException if the file is closed
     */
    public void read(String index, ByteBuffer buffer) throws IOException {
      if (!buffer.isDirect() || buffer.isReadOnly()) {
        throw new IllegalArgumentException("a direct buffer that can be written to is needed");
      }
      int from = buffer.position();
      long nbytes = NativeCalls.readInto(open(), place, index, buffer, from, buffer.limit());
      buffer.position(from + (int) nbytes);
    }
  }

  private LazyFile(long number, Map<String, Member> arrays) {
    this.number = number;
    this.arrays = arrays;
  }

  /**
   * Opens a file. Nothing but its directory is read.
   *
   * @param file a file, or the folder of a Zarr store
   * @return the file, to be closed
   * @throws NdferryException if it is damaged, or nothing that is known
   * @throws IOException as the system says
   * @throws UnsupportedOperationException without the native library
   */
  public static LazyFile open(Path file) throws IOException {
    Natives.require("LazyFile");
    long number = NativeCalls.open(file.toAbsolutePath().toString());
    LazyFile opened = new LazyFile(number, new LinkedHashMap<>());
    boolean whole = false;
    try {
      opened.list(new NativePacket.Reader(NativeCalls.members(number)));
      whole = true;
    } finally {
      if (!whole) {
        opened.close();
      }
    }
    return opened;
  }

  private void list(NativePacket.Reader in) throws NdferryException {
    int count = in.count();
    for (int place = 0; place < count; place++) {
      String path = in.text();
      String dtype = in.text();
      in.u8();
      long[] shape = in.numbers();
      arrays.put(path, new Member(place, dtype.equals("|O") ? null : NativeArrays.dtype(dtype), shape));
    }
  }

  private long open() {
    if (closed) {
      throw new IllegalStateException("the file is closed");
    }
    return number;
  }

  /**
   * The arrays in the file.
   *
   * @return path to array, in the file's order; the only array of an NPY file is {@code ""}
   */
  public Map<String, Member> arrays() {
    return Collections.unmodifiableMap(arrays);
  }

  /**
   * One array.
   *
   * @param path its path
   * @return never null
   * @throws IllegalArgumentException if there is none
   */
  public Member array(String path) {
    Member member = arrays.get(path);
    if (member == null) {
      throw new IllegalArgumentException("no array " + Literal.quote(path) + " in the file: " + arrays.keySet());
    }
    return member;
  }

  /** Closes it. Reading from it then throws; what is being read in other threads is read to its end. */
  @Override
  public void close() {
    closed = true;
    NativeCalls.free(number);
  }
}
