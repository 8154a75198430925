package org.ndferry;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;

/** What an NPY file says before its elements. */
final class NpyHeader {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

  /** Heads are padded so that elements start at a multiple of this many bytes. */
  private static final int ALIGN = 64;

  /** NumPy leaves room for the growing extent to have this many digits. */
  private static final int GROWTH_DIGITS = 21;

  /** Bytes of the longest header that is read. */
  static final int LIMIT = 1 << 20;

  private final Dtype dtype;
  private final long[] shape;
  private final boolean fortran;

  /** Bytes of the whole head as it was read. */
  private final long nbytes;

  private NpyHeader(Dtype dtype, long[] shape, boolean fortran, long nbytes) {
    this.dtype = dtype;
    this.shape = shape;
    this.fortran = fortran;
    this.nbytes = nbytes;
  }

  /** Of an array: Fortran order only if it is not in C order too, as NumPy does. */
  static NpyHeader of(NDArray array) {
    boolean fortran = !array.isContiguous() && array.isFortran();
    return new NpyHeader(array.dtype(), array.shape(), fortran, 0);
  }

  static NpyHeader of(Dtype dtype, long[] shape, boolean fortran) {
    return new NpyHeader(dtype, shape, fortran, 0);
  }

  Dtype dtype() {
    return dtype;
  }

  long[] shape() {
    return shape;
  }

  boolean isFortran() {
    return fortran;
  }

  long nbytes() {
    return nbytes;
  }

  long dataNbytes() throws NdferryException {
    return Shapes.nbytes(shape, dtype.itemsize());
  }

  /** Parses a head that must fill all of these bytes. */
  static NpyHeader parse(byte[] bytes) throws NdferryException {
    try {
      NpyHeader header = read(new java.io.ByteArrayInputStream(bytes));
      if (header.nbytes != bytes.length) {
        throw NdferryException.format(header.nbytes, "something after the header");
      }
      return header;
    } catch (NdferryException error) {
      throw error;
    } catch (IOException error) {
      throw new IllegalStateException(error); // memory does not fail
    }
  }

  static NpyHeader read(InputStream in) throws IOException {
    byte[] head = more(in, new byte[0], 8);
    int version = head[6] & 0xff;
    if (head[7] != 0 || version < 1 || version > 3) {
      String problem = "version " + version + "." + (head[7] & 0xff) + " of NPY is not known";
      throw NdferryException.unsupported(6, problem);
    }
    int prefix = version == 1 ? 10 : 12;
    head = more(in, head, prefix);
    long length = 0;
    for (int i = prefix - 1; i >= 8; i--) {
      length = length << 8 | head[i] & 0xff;
    }
    if (length > LIMIT) {
      throw NdferryException.limit(8, "a header of " + length + " bytes, more than " + LIMIT);
    }
    head = more(in, head, prefix + (int) length);
    byte[] text = Arrays.copyOfRange(head, prefix, head.length);
    Object literal = Literal.parse(text, version == 3, prefix);
    try {
      return of(literal, head.length);
    } catch (NdferryException error) {
      throw error.at(prefix);
    }
  }

  /** As many bytes of the head as are asked for; refuses a wrong magic before a head that is cut off. */
  private static byte[] more(InputStream in, byte[] head, int needed) throws IOException {
    byte[] longer = Arrays.copyOf(head, needed);
    int have = head.length;
    while (have < needed) {
      int n = in.read(longer, have, needed - have);
      if (n < 0) {
        break;
      }
      have += n;
    }
    for (int i = 0; i < Math.min(have, MAGIC.length); i++) {
      if (longer[i] != MAGIC[i]) {
        throw NdferryException.format(0, "not an NPY file: it starts with " + hex(longer, have));
      }
    }
    if (have < needed) {
      String problem = "the head is cut off: it needs " + needed + " bytes, but there are " + have;
      throw NdferryException.format(have, problem);
    }
    return longer;
  }

  static String hex(byte[] bytes, int count) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < Math.min(Math.min(count, bytes.length), 8); i++) {
      out.append(i > 0 ? " " : "").append(String.format("%02x", bytes[i]));
    }
    return out.toString();
  }

  private static NpyHeader of(Object literal, long nbytes) throws NdferryException {
    if (!(literal instanceof Map)) {
      throw NdferryException.format(-1, "the header is not a dictionary");
    }
    Map<?, ?> keys = (Map<?, ?>) literal;
    for (String key : new String[] {"descr", "fortran_order", "shape"}) {
      if (!keys.containsKey(key)) {
        throw NdferryException.format(-1, "the header has no " + key);
      }
    }
    if (keys.size() != 3) {
      String problem = "the header has other keys than descr, fortran_order and shape";
      throw NdferryException.format(-1, problem);
    }
    if (!(keys.get("fortran_order") instanceof Boolean)) {
      throw NdferryException.format(-1, "fortran_order is neither True nor False");
    }
    if (!(keys.get("shape") instanceof Literal.Tuple)) {
      throw NdferryException.format(-1, "shape is not a tuple of sizes");
    }
    Dtype dtype = Descr.parse(keys.get("descr"));
    if (dtype.base() != dtype) {
      throw NdferryException.format(-1, "descr is a subarray, which NumPy never writes here");
    }
    long[] shape = Descr.extents(keys.get("shape"));
    Shapes.nbytes(shape, dtype.itemsize());
    return new NpyHeader(dtype, shape, (Boolean) keys.get("fortran_order"), nbytes);
  }

  /** The head as {@code numpy.save} writes it, byte for byte. */
  byte[] encode() {
    if (dtype.hasObject()) {
      throw new IllegalArgumentException("Python objects cannot be written: " + dtype);
    }
    if (!Descr.isPossible(dtype)) {
      throw new IllegalArgumentException("fields overlap or come out of order: " + dtype);
    }
    StringBuilder text = new StringBuilder("{'descr': ").append(dtype);
    text.append(", 'fortran_order': ").append(fortran ? "True" : "False");
    text.append(", 'shape': ").append(Literal.tuple(shape)).append(", }");
    if (shape.length > 0) {
      long growing = fortran ? shape[shape.length - 1] : shape[0];
      for (int i = Long.toString(growing).length(); i < GROWTH_DIGITS; i++) {
        text.append(' ');
      }
    }
    String whole = text.toString();
    if (StandardCharsets.ISO_8859_1.newEncoder().canEncode(whole)) {
      byte[] latin = whole.getBytes(StandardCharsets.ISO_8859_1);
      byte[] head = wrap(1, latin);
      return head != null ? head : wrap(2, latin);
    }
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(whole)) {
      throw new IllegalArgumentException("a field's name has half a surrogate pair: " + dtype);
    }
    return wrap(3, whole.getBytes(StandardCharsets.UTF_8));
  }

  private static byte[] wrap(int version, byte[] text) {
    int prefix = version == 1 ? 10 : 12;
    int padding = ALIGN - (prefix + text.length + 1) % ALIGN;
    int length = text.length + padding + 1;
    if (version == 1 && length > 0xffff) {
      return null;
    }
    byte[] out = Arrays.copyOf(MAGIC, prefix + length);
    out[6] = (byte) version;
    for (int i = 8; i < prefix; i++) {
      out[i] = (byte) (length >> 8 * (i - 8));
    }
    System.arraycopy(text, 0, out, prefix, text.length);
    Arrays.fill(out, prefix + text.length, out.length, (byte) ' ');
    out[out.length - 1] = '\n';
    return out;
  }
}
