package org.ndferry;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;

/**
 * Writes pickles of arrays that every NumPy since 1.0 loads, with the names that NumPy 1 has and NumPy 2 still knows.
 */
public final class PickleWriter {
  private static final String MULTIARRAY = "numpy.core.multiarray";

  private final OutputStream out;
  private final int protocol;

  private PickleWriter(OutputStream out, int protocol) {
    if (protocol < 2 || protocol > 4) {
      throw new IllegalArgumentException("protocol " + protocol + " is not 2, 3 or 4");
    }
    this.out = out;
    this.protocol = protocol;
  }

  /**
   * Writes one array as {@code pickle.dump(array)} would.
   *
   * @param file where; one that is there is replaced
   * @param array what
   * @param protocol 2 (Python 2 and 3; bytes take half as much room again), 3 or 4 (Python 3; from 4 GiB on only 4)
   * @throws IllegalArgumentException for Python objects, or a protocol that cannot hold it
   * @throws IOException as the system says
   */
  public static void write(Path file, NDArray array, int protocol) throws IOException {
    Whole.write(file, out -> new PickleWriter(out, protocol).root(array));
  }

  /**
   * Writes a dictionary of arrays.
   *
   * @param file where; one that is there is replaced
   * @param arrays name to array
   * @param protocol as of {@link #write(Path, NDArray, int)}
   * @throws IllegalArgumentException for Python objects, or a protocol that cannot hold it
   * @throws IOException as the system says
   */
  public static void write(Path file, Map<String, NDArray> arrays, int protocol)
      throws IOException {
    Whole.write(
        file,
        out -> {
          PickleWriter writer = new PickleWriter(out, protocol);
          writer.start();
          writer.opcode('}');
          for (Map.Entry<String, NDArray> entry : arrays.entrySet()) {
            writer.text(entry.getKey());
            writer.array(entry.getValue());
            writer.opcode('s');
          }
          writer.opcode('.');
        });
  }

  /**
   * One array as a pickle in memory.
   *
   * @param array what
   * @param protocol as of {@link #write(Path, NDArray, int)}
   * @return the pickle
   * @throws IllegalArgumentException for Python objects, or a protocol that cannot hold it
   */
  public static byte[] encode(NDArray array, int protocol) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      new PickleWriter(out, protocol).root(array);
    } catch (IOException error) {
      throw new IllegalStateException(error); // memory does not fail
    }
    return out.toByteArray();
  }

  /**
   * Numbers as a pickle of Python's {@code array.array}, in the one form that Python 2 and 3 and Jython load alike.
   *
   * @param array integers or floats; its axes are joined
   * @return the pickle, protocol 2
   * @throws IllegalArgumentException if {@code array.array} has no such numbers
   */
  public static byte[] encodeArrayArray(NDArray array) {
    String dtype = array.dtype().str().substring(1);
    int which = java.util.Arrays.asList("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8").indexOf(dtype);
    if (which < 0) {
      throw new IllegalArgumentException("array.array has no items of " + array.dtype().str());
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PickleWriter writer = new PickleWriter(out, 2);
    try {
      writer.start();
      writer.global("array", "array");
      out.write(new byte[] {'U', 1, (byte) "bBhHiIqQfd".charAt(which)});
      out.write(new byte[] {']', '('});
      NDArray flat = array.reshape(array.size());
      for (long i = 0; i < flat.size(); i++) {
        Object item = flat.get(i);
        if (item instanceof Double) {
          long bits = Double.doubleToRawLongBits((Double) item);
          out.write(new Packet().u8('G').u64(Long.reverseBytes(bits)).toBytes());
        } else {
          writer.integer(new java.math.BigInteger(item.toString()));
        }
      }
      out.write(new byte[] {'e', (byte) 0x86, 'R', '.'});
    } catch (IOException error) {
      throw new IllegalStateException(error); // memory does not fail
    }
    return out.toByteArray();
  }

  private void root(NDArray array) throws IOException {
    start();
    array(array);
    opcode('.');
  }

  private void start() throws IOException {
    opcode(0x80);
    opcode(protocol);
  }

  private void opcode(int opcode) throws IOException {
    out.write(opcode);
  }

  private void put(Packet packet) throws IOException {
    out.write(packet.toBytes());
  }

  private void global(String module, String name) throws IOException {
    out.write(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
  }

  private void text(String text) throws IOException {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    put(new Packet().u8('X').u32(utf8.length).bytes(utf8));
  }

  private void integer(java.math.BigInteger value) throws IOException {
    if (value.bitLength() < 32) {
      put(new Packet().u8('J').u32(value.intValue()));
      return;
    }
    byte[] big = value.toByteArray();
    Packet packet = new Packet().u8(0x8a).u8(big.length);
    for (int i = big.length - 1; i >= 0; i--) {
      packet.u8(big[i]);
    }
    put(packet);
  }

  private void integer(long value) throws IOException {
    integer(java.math.BigInteger.valueOf(value));
  }

  private void bool(boolean value) throws IOException {
    opcode(value ? 0x88 : 0x89);
  }

  private void tuple(long[] values) throws IOException {
    opcode('(');
    for (long value : values) {
      integer(value);
    }
    opcode('t');
  }

  /** Python 3's bytes; {@code _codecs.encode} in protocol 2, which has none. */
  private void shortBytes(String latin1) throws IOException {
    if (protocol == 2) {
      global("_codecs", "encode");
      text(latin1);
      text("latin1");
      opcode(0x86);
      opcode('R');
      return;
    }
    byte[] bytes = latin1.getBytes(StandardCharsets.ISO_8859_1);
    put(new Packet().u8('C').u8(bytes.length).bytes(bytes));
  }

  private void array(NDArray array) throws IOException {
    Dtype dtype = array.dtype();
    if (dtype.hasObject()) {
      throw new IllegalArgumentException("Python objects cannot be written: " + dtype);
    }
    boolean fortran = !array.isContiguous() && array.isFortran();
    // _reconstruct(ndarray, (0,), b'b'), then the state (1, shape, dtype, is Fortran, elements)
    global(MULTIARRAY, "_reconstruct");
    global("numpy", "ndarray");
    tuple(new long[] {0});
    shortBytes("b");
    opcode(0x87);
    opcode('R');
    opcode('(');
    integer(1);
    tuple(array.shape());
    dtype(dtype);
    bool(fortran);
    elements(fortran ? array.transpose() : array);
    opcode('t');
    opcode('b');
  }

  private void elements(NDArray stored) throws IOException {
    long nbytes = stored.nbytes();
    if (protocol == 2) {
      latin1(stored, nbytes);
      return;
    }
    if (nbytes > 0xffffffffL && protocol < 4) {
      throw new IllegalArgumentException("more than 4 GiB need protocol 4");
    }
    put(nbytes > 0xffffffffL ? new Packet().u8(0x8e).u64(nbytes) : new Packet().u8('B').u32(nbytes));
    for (ByteBuffer piece : stored.buffers()) {
      byte[] step = new byte[1 << 16];
      while (piece.hasRemaining()) {
        int n = Math.min(step.length, piece.remaining());
        piece.get(step, 0, n);
        out.write(step, 0, n);
      }
    }
  }

  /** Each byte as a character: from 128 on it takes two bytes. */
  private void latin1(NDArray stored, long nbytes) throws IOException {
    long length = nbytes;
    for (ByteBuffer piece : stored.buffers()) {
      while (piece.hasRemaining()) {
        length += piece.get() < 0 ? 1 : 0;
      }
    }
    if (length > Integer.MAX_VALUE) {
      throw new IllegalArgumentException("more than 2 GiB need protocol 3 or 4");
    }
    global("_codecs", "encode");
    put(new Packet().u8('X').u32(length));
    byte[] step = new byte[1 << 16];
    int n = 0;
    for (ByteBuffer piece : stored.buffers()) {
      while (piece.hasRemaining()) {
        int b = piece.get() & 0xff;
        if (n > step.length - 2) {
          out.write(step, 0, n);
          n = 0;
        }
        if (b < 0x80) {
          step[n++] = (byte) b;
        } else {
          step[n++] = (byte) (0xc0 | b >> 6);
          step[n++] = (byte) (0x80 | b & 0x3f);
        }
      }
    }
    out.write(step, 0, n);
    text("latin1");
    opcode(0x86);
    opcode('R');
  }

  /** {@code dtype(name, False, True)}, then its state of version 3, or 4 for times. */
  private void dtype(Dtype dtype) throws IOException {
    boolean time = dtype.kind() == Dtype.Kind.DATETIME || dtype.kind() == Dtype.Kind.TIMEDELTA;
    boolean sized = dtype.kind() == Dtype.Kind.BYTES || dtype.kind() == Dtype.Kind.UNICODE || dtype.kind() == Dtype.Kind.VOID;
    int size = dtype.kind() == Dtype.Kind.UNICODE ? dtype.itemsize() / 4 : dtype.itemsize();
    global("numpy", "dtype");
    text("" + dtype.kind().code() + size);
    bool(false);
    bool(true);
    opcode(0x87);
    opcode('R');
    opcode('(');
    integer(time ? 4 : 3);
    text("" + dtype.byteOrder().code());
    subarray(dtype);
    fields(dtype);
    integer(sized ? dtype.itemsize() : -1);
    integer(sized ? 1 : -1);
    integer(dtype.isStruct() ? 16 : dtype.kind() == Dtype.Kind.UNICODE ? 8 : 0);
    if (time) {
      metadata(dtype.unit());
    }
    opcode('t');
    opcode('b');
  }

  private void metadata(String unit) throws IOException {
    String code = unit.isEmpty() ? "generic" : unit.replaceAll("[0-9]", "");
    String multiple = unit.replaceAll("[^0-9]", "");
    opcode('}');
    opcode('(');
    shortBytes(code);
    integer(multiple.isEmpty() ? 1 : Long.parseLong(multiple));
    integer(1);
    integer(1);
    opcode('t');
    opcode(0x86);
  }

  private void subarray(Dtype dtype) throws IOException {
    if (dtype.base() == dtype) {
      opcode('N');
      return;
    }
    dtype(dtype.base());
    tuple(dtype.subshape());
    opcode(0x86);
  }

  private void fields(Dtype dtype) throws IOException {
    if (!dtype.isStruct()) {
      opcode('N');
      opcode('N');
      return;
    }
    opcode('(');
    for (Dtype.Field field : dtype.fields()) {
      text(field.name());
    }
    opcode('t');
    opcode('}');
    for (Dtype.Field field : dtype.fields()) {
      for (String key : field.title() == null ? new String[] {field.name()} : new String[] {field.name(), field.title()}) {
        text(key);
        opcode('(');
        dtype(field.dtype());
        integer(field.offset());
        if (field.title() != null) {
          text(field.title());
        }
        opcode('t');
        opcode('s');
      }
    }
  }
}
