package org.ndferry;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

/**
 * What the bytes of one element mean ({@code numpy.dtype}). Immutable.
 *
 * <p>Equal when NumPy would find them equal, except that NumPy ignores titles.
 */
public final class Dtype {
  /** NumPy's kinds of dtype. */
  public enum Kind {
    /** {@code ?}: one byte, 0 or 1. */
    BOOL('b'),
    /** Two's complement of 1, 2, 4 or 8 bytes. */
    INT('i'),
    /** 1, 2, 4 or 8 bytes without a sign. */
    UINT('u'),
    /** IEEE of 2, 4 or 8 bytes; 12 or 16 bytes are the writer's {@code long double} as stored. */
    FLOAT('f'),
    /** Two floats, real part first. */
    COMPLEX('c'),
    /** Bytes, padded with NUL. */
    BYTES('S'),
    /** UTF-32 code points, padded with NUL. */
    UNICODE('U'),
    /** Bytes without meaning, or a struct. */
    VOID('V'),
    /** Ticks since 1970; {@link Long#MIN_VALUE} is not a time. */
    DATETIME('M'),
    /** Ticks; {@link Long#MIN_VALUE} is not a time. */
    TIMEDELTA('m'),
    /** Python objects; never bytes that mean anything here. */
    OBJECT('O');

    private final char code;

    Kind(char code) {
      this.code = code;
    }

    /**
     * NumPy's letter ({@code numpy.dtype.kind}).
     *
     * @return for example {@code f}
     */
    public char code() {
      return code;
    }
  }

  /** One field of a structured dtype. */
  public static final class Field {
    private final String name;
    private final String title;
    private final Dtype dtype;
    private final int offset;

    Field(String name, String title, Dtype dtype, int offset) {
      this.name = name;
      this.title = title;
      this.dtype = dtype;
      this.offset = offset;
    }

    /**
     * Its name.
     *
     * @return one of {@code numpy.dtype.names}
     */
    public String name() {
      return name;
    }

    /**
     * Its title, a second name.
     *
     * @return null if it has none
     */
    public String title() {
      return title;
    }

    /**
     * What it holds.
     *
     * @return its dtype
     */
    public Dtype dtype() {
      return dtype;
    }

    /**
     * Where it begins.
     *
     * @return bytes from the start of the element
     */
    public int offset() {
      return offset;
    }

    @Override
    public boolean equals(Object other) {
      if (!(other instanceof Field)) {
        return false;
      }
      Field field = (Field) other;
      return name.equals(field.name)
          && Objects.equals(title, field.title)
          && dtype.equals(field.dtype)
          && offset == field.offset;
    }

    @Override
    public int hashCode() {
      return Objects.hash(name, offset);
    }
  }

  /** How many fields there may be at all depths: in a pickle nested structs can share what is inside of them. */
  private static final long MAX_FIELDS = 1 << 20;

  /** How deep structs and subarrays may be nested. */
  static final int MAX_DEPTH = 64;

  /** {@code |b1} */
  public static final Dtype BOOL = new Dtype(Kind.BOOL, ByteOrder.NONE, 1);

  /** {@code |i1} */
  public static final Dtype INT8 = new Dtype(Kind.INT, ByteOrder.NONE, 1);

  /** {@code |u1} */
  public static final Dtype UINT8 = new Dtype(Kind.UINT, ByteOrder.NONE, 1);

  /** {@code <i2} */
  public static final Dtype INT16 = new Dtype(Kind.INT, ByteOrder.LITTLE, 2);

  /** {@code <u2} */
  public static final Dtype UINT16 = new Dtype(Kind.UINT, ByteOrder.LITTLE, 2);

  /** {@code <i4} */
  public static final Dtype INT32 = new Dtype(Kind.INT, ByteOrder.LITTLE, 4);

  /** {@code <u4} */
  public static final Dtype UINT32 = new Dtype(Kind.UINT, ByteOrder.LITTLE, 4);

  /** {@code <i8} */
  public static final Dtype INT64 = new Dtype(Kind.INT, ByteOrder.LITTLE, 8);

  /** {@code <u8} */
  public static final Dtype UINT64 = new Dtype(Kind.UINT, ByteOrder.LITTLE, 8);

  /** {@code <f4} */
  public static final Dtype FLOAT32 = new Dtype(Kind.FLOAT, ByteOrder.LITTLE, 4);

  /** {@code <f8} */
  public static final Dtype FLOAT64 = new Dtype(Kind.FLOAT, ByteOrder.LITTLE, 8);

  private final Kind kind;
  private final ByteOrder byteOrder;
  private final int itemsize;

  /** Of times: what stands between the brackets; empty for none. */
  private final String unit;

  /** Of structs; null otherwise. */
  private final List<Field> fields;

  /** Of subarrays; null otherwise. */
  private final Dtype base;

  private final long[] subshape;
  private final int depth;

  /** Fields at all depths, each as often as it is reached. */
  private final long count;

  private Dtype(Kind kind, ByteOrder byteOrder, int itemsize) {
    this(kind, byteOrder, itemsize, "", null, null, new long[0], 0);
  }

  private Dtype(
      Kind kind,
      ByteOrder byteOrder,
      int itemsize,
      String unit,
      List<Field> fields,
      Dtype base,
      long[] subshape,
      int depth) {
    this.kind = kind;
    this.byteOrder = byteOrder;
    this.itemsize = itemsize;
    this.unit = unit;
    this.fields = fields;
    this.base = base;
    this.subshape = subshape;
    this.depth = depth;
    long all = base == null ? 1 : base.count + 1;
    for (Field field : fields()) {
      all += field.dtype.count;
    }
    this.count = all;
  }

  /**
   * The dtype with this type string: {@code <f4}, {@code float64}, {@code M8[25us]}, {@code i4,(2,3)f8}. Without a byte
   * order it is little-endian.
   *
   * @param text as {@code numpy.dtype(text)} takes it
   * @return the dtype
   * @throws IllegalArgumentException if NumPy has no such dtype
   */
  public static Dtype of(String text) {
    try {
      return DtypeParser.parse(text);
    } catch (NdferryException error) {
      throw new IllegalArgumentException(error.getMessage(), error);
    }
  }

  /**
   * The dtype that a Python literal describes ({@code numpy.dtype.descr}).
   *
   * @param literal for example {@code [('x', '<f4'), ('y', '<f4', (2,))]}
   * @return the dtype
   * @throws IllegalArgumentException if NumPy has no such dtype
   */
  public static Dtype ofDescr(String literal) {
    try {
      return Descr.parse(Literal.parse(literal.getBytes(java.nio.charset.StandardCharsets.UTF_8), true, 0));
    } catch (NdferryException error) {
      throw new IllegalArgumentException(error.getMessage(), error);
    }
  }

  /** A dtype without fields; the byte order is ignored where it means nothing. */
  static Dtype plain(Kind kind, ByteOrder byteOrder, long itemsize, String unit)
      throws NdferryException {
    if (!comesIn(kind, itemsize)) {
      String problem = "no dtype " + kind.code + " has " + itemsize + " bytes";
      throw NdferryException.format(-1, problem);
    }
    ByteOrder order = byteOrder;
    if (!hasByteOrder(kind, itemsize)) {
      order = ByteOrder.NONE;
    } else if (order == ByteOrder.NONE) {
      order = ByteOrder.LITTLE;
    }
    return new Dtype(kind, order, (int) itemsize, unit, null, null, new long[0], 0);
  }

  private static boolean comesIn(Kind kind, long n) {
    switch (kind) {
      case BOOL:
        return n == 1;
      case INT:
      case UINT:
        return n == 1 || n == 2 || n == 4 || n == 8;
      case FLOAT:
        return n == 2 || n == 4 || n == 8 || n == 12 || n == 16;
      case COMPLEX:
        return n == 8 || n == 16 || n == 24 || n == 32;
      case UNICODE:
        return n % 4 == 0 && n >= 0 && n <= Integer.MAX_VALUE;
      case DATETIME:
      case TIMEDELTA:
        return n == 8;
      case OBJECT:
        return n == 4 || n == 8;
      default:
        return n >= 0 && n <= Integer.MAX_VALUE;
    }
  }

  private static boolean hasByteOrder(Kind kind, long itemsize) {
    switch (kind) {
      case INT:
      case UINT:
        return itemsize > 1;
      case FLOAT:
      case COMPLEX:
      case UNICODE:
      case DATETIME:
      case TIMEDELTA:
        return true;
      default:
        return false;
    }
  }

  /**
   * Fields inside an element. Gaps and overlaps are allowed, as in NumPy.
   *
   * @param fields with names that differ
   * @param itemsize bytes of an element
   * @return their dtype
   * @throws NdferryException if they do not fit
   */
  public static Dtype struct(List<Field> fields, long itemsize) throws NdferryException {
    if (itemsize < 0 || itemsize > Integer.MAX_VALUE) {
      throw NdferryException.format(-1, "a struct of " + itemsize + " bytes");
    }
    Set<String> names = new HashSet<>();
    int depth = 0;
    long count = 0;
    for (Field field : fields) {
      long end = (long) field.offset + field.dtype.itemsize;
      if (field.offset < 0 || end > itemsize) {
        String problem = " lies outside of its element of " + itemsize + " bytes";
        throw NdferryException.format(-1, "field " + field.name + problem);
      }
      boolean twice = !names.add(field.name);
      if (field.title != null && !field.title.equals(field.name)) {
        twice |= !names.add(field.title);
      }
      if (twice) {
        throw NdferryException.format(-1, "two fields have the name " + field.name);
      }
      depth = Math.max(depth, field.dtype.depth);
      count += field.dtype.count;
    }
    if (count > MAX_FIELDS) {
      throw NdferryException.limit(-1, "a struct of more than " + MAX_FIELDS + " fields");
    }
    checkDepth(depth + 1);
    List<Field> own = Collections.unmodifiableList(new ArrayList<>(fields));
    return new Dtype(
        Kind.VOID, ByteOrder.NONE, (int) itemsize, "", own, null, new long[0], depth + 1);
  }

  /** So many elements of {@code base} in C order; an empty shape gives {@code base} itself. */
  static Dtype subarray(Dtype base, long[] shape) throws NdferryException {
    if (shape.length == 0) {
      return base;
    }
    // NumPy flattens: an array of (2,) of arrays of (3,) is one of (2, 3).
    long[] whole = shape;
    Dtype element = base;
    if (base.base != null) {
      whole = Arrays.copyOf(shape, shape.length + base.subshape.length);
      System.arraycopy(base.subshape, 0, whole, shape.length, base.subshape.length);
      element = base.base;
    }
    if (whole.length > Shapes.MAX_NDIM) {
      throw NdferryException.format(-1, "a subarray of " + whole.length + " axes");
    }
    // Each factor is at most 2^31 - 1 here, so that no product overflows.
    long nbytes = element.itemsize;
    for (long extent : whole) {
      if (extent < 0 || extent > Integer.MAX_VALUE || nbytes * extent > Integer.MAX_VALUE) {
        throw NdferryException.format(-1, "a subarray of more than 2^31 - 1 bytes");
      }
      nbytes *= extent;
    }
    checkDepth(element.depth + 1);
    return new Dtype(
        Kind.VOID, ByteOrder.NONE, (int) nbytes, "", null, element, whole, element.depth + 1);
  }

  private static void checkDepth(int depth) throws NdferryException {
    if (depth > MAX_DEPTH) {
      throw NdferryException.limit(-1, "a dtype nested more than " + MAX_DEPTH + " deep");
    }
  }

  /**
   * What the bytes are.
   *
   * @return {@link Kind#VOID} for structs
   */
  public Kind kind() {
    return kind;
  }

  /**
   * The order of the bytes in each number.
   *
   * @return {@link ByteOrder#NONE} for structs, whose fields have their own
   */
  public ByteOrder byteOrder() {
    return byteOrder;
  }

  /**
   * Bytes per element ({@code numpy.dtype.itemsize}).
   *
   * @return at least 0
   */
  public int itemsize() {
    return itemsize;
  }

  /**
   * The unit of times.
   *
   * @return for example {@code 25us}; empty for a bare {@code datetime64} and all that are not times
   */
  public String unit() {
    return unit;
  }

  /**
   * The fields of a structured dtype, in the order of their names.
   *
   * @return empty if it is not structured, or has no fields
   */
  public List<Field> fields() {
    return fields == null ? Collections.<Field>emptyList() : fields;
  }

  /**
   * Whether it is structured; a struct may have no fields.
   *
   * @return as said
   */
  public boolean isStruct() {
    return fields != null;
  }

  /**
   * What a field with a shape is an array of ({@code numpy.dtype.base}).
   *
   * @return this dtype itself unless it is such an array
   */
  public Dtype base() {
    return base == null ? this : base;
  }

  /**
   * The shape inside each element ({@code numpy.dtype.shape}).
   *
   * @return empty unless it is that of a field with a shape
   */
  public long[] subshape() {
    return subshape.clone();
  }

  /**
   * Whether elements hold Python objects anywhere, so that their bytes mean nothing outside of the process that made
   * them.
   *
   * @return as said
   */
  public boolean hasObject() {
    if (base != null) {
      return base.hasObject();
    }
    for (Field field : fields()) {
      if (field.dtype.hasObject()) {
        return true;
      }
    }
    return kind == Kind.OBJECT;
  }

  /** The same with every number in this order ({@code numpy.dtype.newbyteorder}). */
  Dtype withByteOrder(ByteOrder order) {
    if (fields != null) {
      List<Field> turned = new ArrayList<>();
      for (Field field : fields) {
        Dtype dtype = field.dtype.withByteOrder(order);
        turned.add(new Field(field.name, field.title, dtype, field.offset));
      }
      return new Dtype(
          kind, byteOrder, itemsize, unit, Collections.unmodifiableList(turned), null, subshape, depth);
    }
    if (base != null) {
      Dtype turned = base.withByteOrder(order);
      return new Dtype(kind, byteOrder, itemsize, unit, null, turned, subshape, depth);
    }
    ByteOrder own = byteOrder == ByteOrder.NONE ? ByteOrder.NONE : order;
    return new Dtype(kind, own, itemsize, unit, null, null, subshape, depth);
  }

  /**
   * The type string ({@code numpy.dtype.str}).
   *
   * @return for example {@code <f4}, {@code |S3}, {@code <M8[us]}, {@code |V12} for a struct
   */
  public String str() {
    switch (kind) {
      case OBJECT:
        return "|O";
      case UNICODE:
        return byteOrder.code() + "U" + itemsize / 4;
      case DATETIME:
      case TIMEDELTA:
        return "" + byteOrder.code() + kind.code + "8" + (unit.isEmpty() ? "" : "[" + unit + "]");
      default:
        return "" + byteOrder.code() + kind.code + itemsize;
    }
  }

  /**
   * The name ({@code numpy.dtype.name}).
   *
   * @return for example {@code float32}, {@code datetime64[us]}, {@code str96}; of a struct {@code void} and its bits
   */
  public String name() {
    int bits = 8 * itemsize;
    switch (kind) {
      case BOOL:
        return "bool";
      case INT:
        return "int" + bits;
      case UINT:
        return "uint" + bits;
      case FLOAT:
        return "float" + bits;
      case COMPLEX:
        return "complex" + bits;
      case OBJECT:
        return "object";
      case DATETIME:
      case TIMEDELTA:
        return (kind == Kind.DATETIME ? "datetime64" : "timedelta64") + (unit.isEmpty() ? "" : "[" + unit + "]");
      default:
        String word = kind == Kind.BYTES ? "bytes" : kind == Kind.UNICODE ? "str" : "void";
        return word + (bits == 0 ? "" : Integer.toString(bits));
    }
  }

  /**
   * The Python expression that NumPy shows ({@code str(dtype)}, in quotes unless it has fields).
   *
   * @return a list of fields if they lie side by side, otherwise a dictionary that says where each is
   */
  public String spelling() {
    if (base != null) {
      return "(" + base.spelling() + ", " + Literal.tuple(subshape) + ")";
    }
    if (!isStruct()) {
      return kind == Kind.BOOL ? "'?'" : Literal.quote(str().replace("|", ""));
    }
    List<String> list = new ArrayList<>();
    List<String> names = new ArrayList<>();
    List<String> formats = new ArrayList<>();
    List<String> offsets = new ArrayList<>();
    long end = 0;
    boolean packed = true;
    for (Field field : fields) {
      String name = Literal.quote(field.name);
      String shape = field.dtype.base == null ? "" : ", " + Literal.tuple(field.dtype.subshape);
      String title = field.title == null ? name : "(" + Literal.quote(field.title) + ", " + name + ")";
      list.add("(" + title + ", " + field.dtype.base().spelling() + shape + ")");
      names.add(name);
      formats.add(field.dtype.spelling());
      offsets.add(Integer.toString(field.offset));
      packed &= field.offset == end;
      end += field.dtype.itemsize;
    }
    if (packed && end == itemsize) {
      return "[" + String.join(", ", list) + "]";
    }
    return "{'names': [" + String.join(", ", names) + "], 'formats': [" + String.join(", ", formats)
        + "], 'offsets': [" + String.join(", ", offsets) + "], 'itemsize': " + itemsize + "}";
  }

  /** As an argument ({@code numpy._core.arrayprint.dtype_short_repr}). */
  String shortName() {
    if (isStruct() || base != null) {
      return spelling();
    }
    boolean flexible = kind == Kind.BYTES || kind == Kind.UNICODE || kind == Kind.VOID;
    if (flexible || byteOrder == ByteOrder.BIG) {
      return "'" + str() + "'";
    }
    String name = name();
    return name.matches("[a-z][a-z0-9]*") ? name : "'" + name + "'";
  }

  /**
   * The Python literal that describes it completely.
   *
   * @return for example {@code '<f4'} or {@code [('x', '<f4'), ('y', '<f4')]}
   */
  @Override
  public String toString() {
    return Descr.text(this);
  }

  @Override
  public boolean equals(Object other) {
    if (!(other instanceof Dtype)) {
      return false;
    }
    Dtype dtype = (Dtype) other;
    return kind == dtype.kind
        && byteOrder == dtype.byteOrder
        && itemsize == dtype.itemsize
        && unit.equals(dtype.unit)
        && Objects.equals(fields, dtype.fields)
        && Objects.equals(base, dtype.base)
        && Arrays.equals(subshape, dtype.subshape);
  }

  @Override
  public int hashCode() {
    return Objects.hash(kind, byteOrder, itemsize, unit, fields, base);
  }
}
