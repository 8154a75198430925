package org.ndferry;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The few calls that mean an array, by their whole names. Everything else is refused by its name. */
final class PickleNumpy {
  /** What is known, and what it means. */
  private static final Map<String, String> NAMES = new HashMap<>();

  /** Classes that {@code _reconstruct} may be given. */
  private static final Set<String> CLASSES =
      new HashSet<>(
          Arrays.asList(
              "numpy.ndarray", "numpy.memmap", "numpy.core.memmap.memmap", "numpy.matrix",
              "numpy.matrixlib.defmatrix.matrix", "numpy.core.defmatrix.matrix", "numpy.recarray",
              "numpy.core.records.recarray", "numpy.rec.recarray", "numpy.chararray",
              "numpy.core.defchararray.chararray", "numpy.char.chararray"));

  static {
    for (String core : new String[] {"numpy.core", "numpy._core"}) {
      NAMES.put(core + ".multiarray._reconstruct", "reconstruct");
      NAMES.put(core + ".multiarray.scalar", "scalar");
      NAMES.put(core + ".numeric._frombuffer", "frombuffer");
    }
    NAMES.put("numpy.core._multiarray_umath._reconstruct", "reconstruct");
    NAMES.put("numpy.core._multiarray_umath.scalar", "scalar");
    NAMES.put("numpy.core._internal._reconstruct", "reconstruct");
    NAMES.put("numpy.ndarray", "ndarray");
    NAMES.put("numpy.dtype", "dtype");
    NAMES.put("array.array", "array.array");
    NAMES.put("array._array_reconstructor", "array reconstructor");
    NAMES.put("_codecs.encode", "encode");
    for (String builtins : new String[] {"builtins", "__builtin__"}) {
      NAMES.put(builtins + ".bytes", "bytes");
      NAMES.put(builtins + ".bytearray", "bytes");
    }
    NAMES.put("collections.OrderedDict", "dict");
  }

  private PickleNumpy() {}

  /** A dtype whose state may be still to come. */
  static final class Type {
    Dtype dtype;
  }

  /** An array whose state may be still to come. */
  static final class Array {
    NDArray array;

    /** Python's letter if it is an {@code array.array}, otherwise 0. */
    char typecode;

    /** The elements in C order if they are Python's objects, and their shape. */
    List<?> objects;

    long[] shape;

    NDArray array(long at) throws NdferryException {
      if (objects != null) {
        throw NdferryException.unsupported(at, "an array of Python objects");
      }
      if (array == null) {
        throw NdferryException.format(at, "an array without elements");
      }
      return array;
    }
  }

  /** A number or text alone. */
  static final class Scalar {
    final NDArray value;

    Scalar(NDArray value) {
      this.value = value;
    }
  }

  /** Whether a call of it gives something of NumPy's, an {@code array.array}, or bytes. */
  static boolean isArrays(PickleMachine.Global global) {
    String meaning = NAMES.get(global.toString());
    return meaning != null && !meaning.equals("dict");
  }

  static NdferryException refused(PickleMachine.Global global, long at) {
    String problem = "the pickle needs " + global + ", which is neither an array nor a plain value";
    return NdferryException.unsupported(at, problem);
  }

  private static NdferryException state(String problem, long at) {
    return NdferryException.format(at, problem);
  }

  static Object call(PickleMachine.Global global, List<Object> args, long at)
      throws NdferryException {
    String meaning = NAMES.get(global.toString());
    if (meaning == null) {
      throw refused(global, at);
    }
    try {
      switch (meaning) {
        case "reconstruct":
          if (!CLASSES.contains(String.valueOf(args.get(0)))) {
            throw NdferryException.unsupported(at, "an array of class " + word(args.get(0)));
          }
          return new Array();
        case "dtype":
          return type(args, at);
        case "frombuffer":
          return fromBuffer(args, at);
        case "ndarray":
          return ofBuffer(args, at);
        case "scalar":
          return scalar(args, at);
        case "encode":
          return encoded(args, at);
        case "bytes":
          return args.isEmpty() ? ByteBuffer.allocate(0) : payload(args.get(0), at);
        case "dict":
          return args.isEmpty() ? new PickleMachine.Dict() : pairs(args.get(0), at);
        default:
          Array array = new Array();
          array.array = PickleArrayArray.read(meaning, args, at);
          array.typecode = text(args.get(meaning.equals("array.array") ? 0 : 1)).charAt(0);
          return array;
      }
    } catch (IndexOutOfBoundsException error) {
      throw state("too few arguments for " + global, at);
    }
  }

  /** {@code scalar(dtype, bytes)}; without bytes it is zero, and what is behind its own bytes is ignored. */
  private static Scalar scalar(List<Object> args, long at) throws NdferryException {
    Dtype dtype = dtype(args.get(0), at);
    if (dtype.hasObject()) {
      throw NdferryException.unsupported(at, "a scalar with Python objects");
    }
    if (args.size() == 1) {
      return new Scalar(NDArray.zeros(dtype));
    }
    ByteBuffer bytes = payload(args.get(1), at).duplicate();
    if (bytes.remaining() < dtype.itemsize()) {
      throw state("a scalar of " + dtype.itemsize() + " bytes, but there are " + bytes.remaining(), at);
    }
    bytes.limit(bytes.position() + dtype.itemsize());
    return new Scalar(NDArray.contiguous(Bytes.wrap(bytes), dtype, new long[0], false));
  }

  private static String word(Object value) {
    return value instanceof PickleMachine.Global ? value.toString() : "that is not named";
  }

  private static PickleMachine.Dict pairs(Object items, long at) throws NdferryException {
    PickleMachine.Dict dict = new PickleMachine.Dict();
    if (!(items instanceof List)) {
      throw state("OrderedDict of what are no pairs", at);
    }
    for (Object item : (List<?>) items) {
      List<?> pair = item instanceof PickleMachine.Tuple ? ((PickleMachine.Tuple) item).items : null;
      pair = item instanceof List ? (List<?>) item : pair;
      if (pair == null || pair.size() != 2) {
        throw state("OrderedDict of what are no pairs", at);
      }
      dict.keys.add(pair.get(0));
      dict.values.add(pair.get(1));
    }
    return dict;
  }

  /** {@code _codecs.encode(text, 'latin1')}: each character of the text is a byte. */
  private static ByteBuffer encoded(List<Object> args, long at) throws NdferryException {
    String encoding = args.size() > 1 ? text(args.get(1)) : null;
    if (!(args.get(0) instanceof String) || !("latin1".equals(encoding) || "latin-1".equals(encoding))) {
      throw state("an encoding other than latin1", at);
    }
    return latin1((String) args.get(0), at);
  }

  private static ByteBuffer latin1(String text, long at) throws NdferryException {
    byte[] bytes = new byte[text.length()];
    for (int i = 0; i < bytes.length; i++) {
      if (text.charAt(i) > 0xff) {
        throw state("bytes with a character that is none", at);
      }
      bytes[i] = (byte) text.charAt(i);
    }
    return ByteBuffer.wrap(bytes);
  }

  /** Bytes in any of their spellings. */
  static ByteBuffer payload(Object value, long at) throws NdferryException {
    if (value instanceof ByteBuffer) {
      return (ByteBuffer) value;
    }
    if (value instanceof PickleMachine.Raw) {
      return ByteBuffer.wrap(((PickleMachine.Raw) value).bytes);
    }
    if (value instanceof String) {
      return latin1((String) value, at); // Python 3 that read Python 2's with encoding="latin1"
    }
    throw state("elements that are no bytes", at);
  }

  /** Text in any of its spellings, or null. */
  static String text(Object value) {
    if (value instanceof ByteBuffer) {
      ByteBuffer bytes = ((ByteBuffer) value).duplicate();
      return StandardCharsets.ISO_8859_1.decode(bytes).toString();
    }
    boolean isText = value instanceof String || value instanceof PickleMachine.Raw;
    return isText ? value.toString() : null;
  }

  static void build(Object value, Object state, long at) throws NdferryException {
    List<Object> items =
        state instanceof PickleMachine.Tuple ? ((PickleMachine.Tuple) state).items : null;
    if (items == null) {
      throw state("a state that is no tuple", at);
    }
    if (value instanceof Type) {
      ((Type) value).dtype = withState(((Type) value).dtype, items, at);
    } else if (value instanceof Array) {
      ofState((Array) value, items, at);
    } else {
      throw state("a state for what has none", at);
    }
  }

  private static void ofState(Array into, List<Object> whole, long at) throws NdferryException {
    // (version, shape, dtype, is Fortran, elements); the version is absent before NumPy 1.0.
    List<Object> items = whole;
    if (whole.size() > 4) {
      if (!Long.valueOf(1).equals(whole.get(0)) && !Long.valueOf(0).equals(whole.get(0))) {
        throw NdferryException.unsupported(at, "an array's state of unknown version");
      }
      items = whole.subList(1, whole.size());
    }
    if (items.size() != 4) {
      throw state("an array's state of " + whole.size() + " items", at);
    }
    long[] shape = extents(items.get(0), at);
    Dtype dtype = dtype(items.get(1), at);
    if (dtype.kind() == Dtype.Kind.OBJECT && items.get(3) instanceof List) {
      List<?> objects = (List<?>) items.get(3);
      long nbytes;
      try {
        nbytes = Shapes.nbytes(shape, dtype.itemsize());
      } catch (NdferryException error) {
        throw error.at(at);
      }
      if (nbytes != (long) objects.size() * dtype.itemsize()) {
        throw state("shape " + Literal.tuple(shape) + " of objects, but there are " + objects.size(), at);
      }
      into.objects = objects;
      into.shape = shape;
      return;
    }
    if (dtype.hasObject() || items.get(3) instanceof List) {
      throw NdferryException.unsupported(at, "an array of Python objects");
    }
    boolean fortran = Boolean.TRUE.equals(items.get(2)) || Long.valueOf(1).equals(items.get(2));
    into.objects = null;
    into.array = array(payload(items.get(3), at), dtype, shape, fortran, at);
  }

  private static NDArray array(
      ByteBuffer bytes, Dtype dtype, long[] shape, boolean fortran, long at)
      throws NdferryException {
    long nbytes;
    try {
      nbytes = Shapes.nbytes(shape, dtype.itemsize());
    } catch (NdferryException error) {
      throw error.at(at);
    }
    if (nbytes != bytes.remaining()) {
      String problem = " needs " + nbytes + " bytes, but there are " + bytes.remaining();
      throw state("shape " + Literal.tuple(shape) + " of " + dtype.str() + problem, at);
    }
    return NDArray.contiguous(Bytes.wrap(bytes), dtype, shape, fortran);
  }

  /** {@code _frombuffer(buffer, dtype, shape, order[, axes])}, protocol 5. */
  private static Array fromBuffer(List<Object> args, long at) throws NdferryException {
    Dtype dtype = dtype(args.get(1), at);
    long[] shape = extents(args.get(2), at);
    String order = text(args.get(3));
    if (dtype.hasObject() || !("C".equals(order) || "F".equals(order) || "K".equals(order))) {
      throw state("a buffer of objects or in no order", at);
    }
    NDArray array = array(payload(args.get(0), at), dtype, shape, "F".equals(order), at);
    if ("K".equals(order)) {
      long[] axes = extents(args.get(4), at);
      try {
        array = array.transpose(Arrays.stream(axes).mapToInt(Math::toIntExact).toArray());
      } catch (IllegalArgumentException | ArithmeticException error) {
        throw state("axes that are none of the array's", at);
      }
    }
    Array out = new Array();
    out.array = array;
    return out;
  }

  /** {@code ndarray(shape, dtype, buffer, 0, None, order)}. */
  private static Array ofBuffer(List<Object> args, long at) throws NdferryException {
    boolean plain = args.size() == 6 && Long.valueOf(0).equals(args.get(3)) && args.get(4) == PickleMachine.NONE;
    if (!plain || !("C".equals(text(args.get(5))) || "F".equals(text(args.get(5))))) {
      throw state("numpy.ndarray with arguments that no writer uses", at);
    }
    return fromBuffer(Arrays.asList(args.get(2), args.get(1), args.get(0), args.get(5)), at);
  }

  static long[] extents(Object value, long at) throws NdferryException {
    List<Object> items;
    if (value instanceof Long) {
      items = Arrays.asList(value);
    } else if (value instanceof PickleMachine.Tuple) {
      items = ((PickleMachine.Tuple) value).items;
    } else {
      throw state("a shape that is no tuple", at);
    }
    long[] shape = new long[items.size()];
    for (int i = 0; i < shape.length; i++) {
      if (!(items.get(i) instanceof Long) || (Long) items.get(i) < 0) {
        throw state("a shape that is none", at);
      }
      shape[i] = (Long) items.get(i);
    }
    return shape;
  }

  private static Dtype dtype(Object value, long at) throws NdferryException {
    if (!(value instanceof Type)) {
      throw state("a dtype that is none", at);
    }
    return ((Type) value).dtype;
  }

  /** {@code dtype('u2', False, True)}: kind and size, of text the number of characters. */
  private static Type type(List<Object> args, long at) throws NdferryException {
    String name = text(args.get(0));
    boolean record = args.get(0) instanceof PickleMachine.Global;
    if (name == null && record) {
      String global = args.get(0).toString();
      if (!global.equals("numpy.record") && !global.equals("numpy.core.records.record")
          && !global.equals("numpy.rec.record")) {
        throw NdferryException.unsupported(at, "a dtype of class " + global);
      }
      name = "V0";
    }
    if (name == null || !name.matches("[biufcSUVOMm][0-9]{1,9}")) {
      throw NdferryException.unsupported(at, "a dtype called " + Literal.quote(String.valueOf(name)));
    }
    Type type = new Type();
    try {
      type.dtype = DtypeParser.parse(name);
    } catch (NdferryException error) {
      throw error.at(at);
    }
    return type;
  }

  /** (version, byte order, subarray, names, fields, itemsize, alignment[, flags[, metadata]]), shorter in old files. */
  private static Dtype withState(Dtype named, List<Object> whole, long at) throws NdferryException {
    int n = whole.size();
    int version = n == 5 ? 0 : whole.isEmpty() || !(whole.get(0) instanceof Long) ? -1 : ((Long) whole.get(0)).intValue();
    List<Object> items = new ArrayList<>(version == 0 ? whole : whole.subList(Math.min(1, n), n));
    boolean fits = n == new int[] {5, 6, 7, 8, 9}[Math.max(0, Math.min(version, 4))];
    if (version < 0 || version > 4 || !fits) {
      throw NdferryException.unsupported(at, "a dtype's state of unknown version");
    }
    if (version < 2) {
      items.add(2, null); // the names are the last item of the fields there
    }
    String code = text(items.get(0));
    if (code == null || code.length() != 1 || "<>|=".indexOf(code) < 0) {
      throw state("a dtype in no byte order", at);
    }
    ByteOrder order = code.equals(">") ? ByteOrder.BIG : ByteOrder.LITTLE;
    if (order == ByteOrder.BIG && (items.get(1) instanceof PickleMachine.Tuple || items.get(3) instanceof PickleMachine.Dict)) {
      throw state("a dtype with parts and an order of bytes", at); // NumPy would swap its fields, whatever their order
    }
    long itemsize = items.get(4) instanceof Long ? (Long) items.get(4) : -1;
    try {
      if (items.get(1) instanceof PickleMachine.Tuple) {
        List<Object> sub = ((PickleMachine.Tuple) items.get(1)).items;
        if (sub.size() != 2) {
          throw state("a subarray that is none", at);
        }
        return Dtype.subarray(dtype(sub.get(0), at), extents(sub.get(1), at));
      }
      if (items.get(3) instanceof PickleMachine.Dict) {
        return struct(items.get(2), (PickleMachine.Dict) items.get(3), itemsize, at);
      }
      String unit = "";
      boolean time = named.kind() == Dtype.Kind.DATETIME || named.kind() == Dtype.Kind.TIMEDELTA;
      if (time && version == 4) {
        unit = unit(items.get(7), at);
      }
      boolean sized = named.kind() == Dtype.Kind.BYTES || named.kind() == Dtype.Kind.UNICODE || named.kind() == Dtype.Kind.VOID;
      long size = sized && itemsize >= 0 ? itemsize : named.itemsize();
      return Dtype.plain(named.kind(), order, size, unit);
    } catch (NdferryException error) {
      throw error.offset() < 0 ? error.at(at) : error;
    }
  }

  private static String unit(Object metadata, long at) throws NdferryException {
    Object last = metadata;
    if (metadata instanceof PickleMachine.Tuple && ((PickleMachine.Tuple) metadata).items.size() == 2) {
      last = ((PickleMachine.Tuple) metadata).items.get(1);
    }
    List<Object> four = last instanceof PickleMachine.Tuple ? ((PickleMachine.Tuple) last).items : null;
    if (four == null || four.size() != 4 || text(four.get(0)) == null || !(four.get(1) instanceof Long)) {
      throw state("a unit of time that is none", at);
    }
    boolean generic = text(four.get(0)).equals("generic");
    return DtypeParser.unit(generic ? "generic" : four.get(1) + text(four.get(0)));
  }

  private static Dtype struct(Object names, PickleMachine.Dict dict, long itemsize, long at)
      throws NdferryException {
    Map<String, List<Object>> byName = new HashMap<>();
    Object order = names;
    for (int i = 0; i < dict.keys.size(); i++) {
      Object value = dict.values.get(i);
      if (value instanceof PickleMachine.Tuple && text(dict.keys.get(i)) != null) {
        byName.put(text(dict.keys.get(i)), ((PickleMachine.Tuple) value).items);
      }
      if (names == null && Long.valueOf(-1).equals(dict.keys.get(i))) {
        order = value;
      }
    }
    List<?> listed = order instanceof PickleMachine.Tuple ? ((PickleMachine.Tuple) order).items : null;
    listed = order instanceof List ? (List<?>) order : listed;
    if (listed == null) {
      throw state("fields without names", at);
    }
    List<Dtype.Field> fields = new ArrayList<>();
    for (Object name : listed) {
      List<Object> field = byName.get(text(name));
      if (field == null || field.size() < 2 || !(field.get(1) instanceof Long)) {
        throw state("a field that is not (dtype, offset)", at);
      }
      long offset = (Long) field.get(1);
      if (offset < 0 || offset > Integer.MAX_VALUE) {
        throw state("a field outside of its element", at);
      }
      String title = field.size() > 2 ? text(field.get(2)) : null;
      fields.add(new Dtype.Field(text(name), title, dtype(field.get(0), at), (int) offset));
    }
    return Dtype.struct(fields, itemsize);
  }

  /** Whether a value stands for itself and holds no arrays. */
  static boolean isPlain(Object value) {
    return value == PickleMachine.NONE
        || value instanceof Boolean
        || value instanceof Number
        || value instanceof BigInteger
        || value instanceof String
        || value instanceof PickleMachine.Raw
        || value instanceof ByteBuffer
        || value instanceof Scalar
        || value instanceof Type
        || value instanceof PickleMachine.Global;
  }
}
