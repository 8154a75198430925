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
    if (protocol < 0 || protocol > 5) {
      throw new IllegalArgumentException("protocol " + protocol + " is not one of 0 to 5");
    }
    this.out = out;
    this.protocol = protocol;
  }

  /**
   * Writes one array as {@code pickle.dump(array)} would.
   *
   * @param file where; one that is there is replaced
   * @param array what
   * @param protocol 0 to 2 (Python 2 and 3; bytes take half as much room again), 3 to 5 (Python 3; from 4 GiB on not 3)
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
          writer.emptyDict();
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
    return memory(protocol, writer -> writer.root(array));
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
    return memory(
        2,
        writer -> {
          writer.start();
          writer.arrayArray("bBhHiIqQfd".charAt(which), array);
          writer.opcode('.');
        });
  }

  /**
   * The opcodes that push one array onto the stack of a pickle that somebody else writes: neither PROTO nor STOP, and
   * nothing that is remembered.
   *
   * @param array what
   * @param protocol 0 to 5
   * @return the opcodes
   * @throws IllegalArgumentException for Python objects, or a protocol that cannot hold it
   */
  public static byte[] fragment(NDArray array, int protocol) {
    return memory(protocol, writer -> writer.array(array));
  }

  /**
   * The same for one of NumPy's scalars.
   *
   * @param value an array without axes
   * @param protocol 0 to 5
   * @return the opcodes
   * @throws IllegalArgumentException for Python objects
   */
  public static byte[] scalarFragment(NDArray value, int protocol) {
    return memory(
        protocol,
        writer -> {
          writer.global(MULTIARRAY, "scalar");
          writer.open();
          writer.dtype(value.dtype());
          writer.elements(value);
          writer.close(2);
          writer.opcode('R');
        });
  }

  /**
   * The same for a dtype.
   *
   * @param dtype what
   * @param protocol 0 to 5
   * @return the opcodes
   */
  public static byte[] dtypeFragment(Dtype dtype, int protocol) {
    return memory(protocol, writer -> writer.dtype(dtype));
  }

  /**
   * The same for an {@code array.array}, which Python 2 and 3 and Jython load alike.
   *
   * @param typecode Python's letter, one of {@code bBhHiIlLqQfd}
   * @param array integers or floats; its axes are joined
   * @param protocol 0 to 5
   * @return the opcodes
   */
  public static byte[] arrayFragment(char typecode, NDArray array, int protocol) {
    return memory(protocol, writer -> writer.arrayArray(typecode, array));
  }

  /** What is written by a writer. */
  private interface Part {
    void write(PickleWriter writer) throws IOException;
  }

  private static byte[] memory(int protocol, Part part) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try {
      part.write(new PickleWriter(out, protocol));
    } catch (IOException error) {
      throw new IllegalStateException(error); // memory does not fail
    }
    return out.toByteArray();
  }

  private void arrayArray(char typecode, NDArray array) throws IOException {
    global("array", "array");
    open();
    if (protocol == 0) {
      out.write(("S'" + typecode + "'\n(").getBytes(StandardCharsets.US_ASCII));
    } else {
      out.write(new byte[] {'U', 1, (byte) typecode, ']', '('});
    }
    NDArray flat = array.reshape(array.size());
    for (long i = 0; i < flat.size(); i++) {
      Object item = flat.get(i);
      if (!(item instanceof Double)) {
        integer(new java.math.BigInteger(item.toString()));
      } else if (protocol == 0) {
        String text = item.toString().replace("Infinity", "inf").replace("NaN", "nan");
        out.write(("F" + text + "\n").getBytes(StandardCharsets.US_ASCII));
      } else {
        long bits = Double.doubleToRawLongBits((Double) item);
        out.write(new Packet().u8('G').u64(Long.reverseBytes(bits)).toBytes());
      }
    }
    opcode(protocol == 0 ? 'l' : 'e');
    close(2);
    opcode('R');
  }

  private void root(NDArray array) throws IOException {
    start();
    array(array);
    opcode('.');
  }

  private void start() throws IOException {
    if (protocol >= 2) {
      opcode(0x80);
      opcode(protocol);
    }
  }

  /** Before the items of a short tuple, which protocols 0 and 1 have to mark. */
  private void open() throws IOException {
    if (protocol < 2) {
      opcode('(');
    }
  }

  private void close(int items) throws IOException {
    opcode(protocol < 2 ? 't' : 0x84 + items);
  }

  private void emptyDict() throws IOException {
    if (protocol == 0) {
      opcode('(');
    }
    opcode(protocol == 0 ? 'd' : '}');
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
    if (protocol == 0) {
      opcode('V');
      StringBuilder raw = new StringBuilder();
      for (int i = 0; i < text.length(); i++) {
        escape(text.charAt(i), raw);
      }
      out.write(raw.append('\n').toString().getBytes(StandardCharsets.ISO_8859_1));
      return;
    }
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    put(new Packet().u8('X').u32(utf8.length).bytes(utf8));
  }

  /** Raw-unicode-escape, and what would end the line or be changed where files are text. */
  private static void escape(char c, StringBuilder into) {
    boolean plain = c < 0x100 && c != '\\' && c != '\n' && c != '\r' && c != 0 && c != 0x1a;
    if (plain) {
      into.append(c);
    } else {
      into.append(String.format("\\u%04x", (int) c));
    }
  }

  private void integer(java.math.BigInteger value) throws IOException {
    if (protocol == 0 || (protocol == 1 && value.bitLength() >= 32)) {
      String digits = value.bitLength() < 32 ? "I" + value : "L" + value + "L";
      out.write((digits + "\n").getBytes(StandardCharsets.US_ASCII));
      return;
    }
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
    if (protocol < 2) {
      out.write((value ? "I01\n" : "I00\n").getBytes(StandardCharsets.US_ASCII));
      return;
    }
    opcode(value ? 0x88 : 0x89);
  }

  private void tuple(long[] values) throws IOException {
    opcode('(');
    for (long value : values) {
      integer(value);
    }
    opcode('t');
  }

  /** Python 3's bytes; {@code _codecs.encode} up to protocol 2, which has none. */
  private void shortBytes(String latin1) throws IOException {
    if (protocol <= 2) {
      global("_codecs", "encode");
      open();
      text(latin1);
      text("latin1");
      close(2);
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
    open();
    global("numpy", "ndarray");
    tuple(new long[] {0});
    shortBytes("b");
    close(3);
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
    if (protocol <= 2) {
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
    if (protocol == 0) {
      asciiLine(stored);
      return;
    }
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
    open();
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
    close(2);
    opcode('R');
  }

  private void asciiLine(NDArray stored) throws IOException {
    global("_codecs", "encode");
    open();
    opcode('V');
    StringBuilder line = new StringBuilder();
    for (ByteBuffer piece : stored.buffers()) {
      while (piece.hasRemaining()) {
        escape((char) (piece.get() & 0xff), line);
        if (line.length() > 1 << 15 || !piece.hasRemaining()) {
          out.write(line.toString().getBytes(StandardCharsets.ISO_8859_1));
          line.setLength(0);
        }
      }
    }
    opcode('\n');
    text("latin1");
    close(2);
    opcode('R');
  }

  /** {@code dtype(name, False, True)}, then its state of version 3, or 4 for times. */
  private void dtype(Dtype dtype) throws IOException {
    boolean objects = dtype.kind() == Dtype.Kind.OBJECT && dtype.base() == dtype;
    if (dtype.hasObject() && !objects) {
      throw new IllegalArgumentException("Python objects cannot be written: " + dtype);
    }
    boolean time = dtype.kind() == Dtype.Kind.DATETIME || dtype.kind() == Dtype.Kind.TIMEDELTA;
    boolean sized = dtype.kind() == Dtype.Kind.BYTES || dtype.kind() == Dtype.Kind.UNICODE || dtype.kind() == Dtype.Kind.VOID;
    int size = dtype.kind() == Dtype.Kind.UNICODE ? dtype.itemsize() / 4 : dtype.itemsize();
    global("numpy", "dtype");
    open();
    text("" + dtype.kind().code() + size);
    bool(false);
    bool(true);
    close(3);
    opcode('R');
    opcode('(');
    integer(time ? 4 : 3);
    text("" + dtype.byteOrder().code());
    subarray(dtype);
    fields(dtype);
    integer(sized ? dtype.itemsize() : -1);
    integer(sized ? 1 : -1);
    // Its flags: NumPy believes them, and 63 says that the elements are references.
    integer(objects ? 63 : dtype.isStruct() ? 16 : dtype.kind() == Dtype.Kind.UNICODE ? 8 : 0);
    if (time) {
      metadata(dtype.unit());
    }
    opcode('t');
    opcode('b');
  }

  private void metadata(String unit) throws IOException {
    String code = unit.isEmpty() ? "generic" : unit.replaceAll("[0-9]", "");
    String multiple = unit.replaceAll("[^0-9]", "");
    open();
    emptyDict();
    opcode('(');
    shortBytes(code);
    integer(multiple.isEmpty() ? 1 : Long.parseLong(multiple));
    integer(1);
    integer(1);
    opcode('t');
    close(2);
  }

  private void subarray(Dtype dtype) throws IOException {
    if (dtype.base() == dtype) {
      opcode('N');
      return;
    }
    open();
    dtype(dtype.base());
    tuple(dtype.subshape());
    close(2);
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
    emptyDict();
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
