package org.ndferry;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Type strings, as {@code numpy.dtype(text)} takes them. */
final class DtypeParser {
  /** Names of NumPy's and Python's types, as type strings. */
  private static final Map<String, String> NAMES = new HashMap<>();

  /** Letters of C's types ({@code numpy.dtype.char}); those of 64-bit Linux and macOS. */
  private static final Map<Character, String> LETTERS = new HashMap<>();

  private static final List<String> UNITS =
      Arrays.asList("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as");

  static {
    names("b1", "bool", "bool_");
    names("i1", "int8", "byte");
    names("i2", "int16", "short");
    names("i4", "int32", "intc");
    names("i8", "int64", "int", "int_", "intp", "long", "longlong");
    names("u1", "uint8", "ubyte");
    names("u2", "uint16", "ushort");
    names("u4", "uint32", "uintc");
    names("u8", "uint64", "uint", "uintp", "ulong", "ulonglong");
    names("f2", "float16", "half");
    names("f4", "float32", "single");
    names("f8", "float64", "float", "float_", "double");
    names("f16", "float128", "longdouble", "longfloat");
    names("f12", "float96");
    names("c8", "complex64", "csingle", "singlecomplex");
    names("c16", "complex128", "complex", "complex_", "cdouble", "cfloat");
    names("c32", "complex256", "clongdouble", "clongfloat", "longcomplex");
    names("c24", "complex192");
    names("S0", "bytes", "bytes_", "string_");
    names("U0", "str", "str_", "unicode", "unicode_");
    names("V0", "void");
    names("O8", "object", "object_");
    names("M8", "datetime64");
    names("m8", "timedelta64");
    String letters =
        "?b1 bi1 hi2 ii4 li8 qi8 pi8 ni8 Bu1 Hu2 Iu4 Lu8 Qu8 Pu8 Nu8 ef2 ff4 df8 gf16 Fc8 Dc16"
            + " Gc32 SS0 aS0 cS1 UU0 VV0 OO8 MM8 mm8";
    for (String entry : letters.split(" ")) {
      LETTERS.put(entry.charAt(0), entry.substring(1));
    }
  }

  private DtypeParser() {}

  private static void names(String type, String... names) {
    for (String name : names) {
      NAMES.put(name, type);
    }
  }

  static Dtype parse(String text) throws NdferryException {
    Dtype one = one(text);
    return one != null ? one : list(text);
  }

  private static NdferryException wrong(String text) {
    String shown = text.length() > 100 ? text.substring(0, 100) + "..." : text;
    return NdferryException.format(-1, "no dtype is called '" + shown + "'");
  }

  /** One type, or null if it is not the spelling of one. */
  private static Dtype one(String text) throws NdferryException {
    if (text.isEmpty()) {
      throw wrong(text);
    }
    char first = text.charAt(0);
    ByteOrder order = first == '>' ? ByteOrder.BIG : ByteOrder.LITTLE;
    boolean marked = "<>=|".indexOf(first) >= 0;
    String rest = marked ? text.substring(1) : text;
    if (rest.isEmpty()) {
      return null;
    }
    String size = rest.substring(1);
    if (size.isEmpty()) {
      String type = LETTERS.get(rest.charAt(0));
      return type == null ? null : sized(type, order);
    }
    if (size.chars().allMatch(c -> c >= '0' && c <= '9')) {
      return sized(rest, order);
    }
    if (rest.endsWith("]") && rest.indexOf('[') > 0) {
      return time(rest, order);
    }
    String type = marked ? null : NAMES.get(rest);
    return type == null ? null : sized(type, order);
  }

  /** A kind and a size, in bytes but for U. */
  private static Dtype sized(String text, ByteOrder order) throws NdferryException {
    Dtype.Kind kind = kind(text.charAt(0));
    if (kind == null) {
      if (text.charAt(0) == 'T') {
        throw NdferryException.unsupported(-1, "StringDType has no bytes that mean anything here");
      }
      return null;
    }
    String digits = text.substring(1);
    if (digits.length() > 18) {
      throw wrong(text);
    }
    long size = Long.parseLong(digits);
    if (kind == Dtype.Kind.UNICODE) {
      size = size > Integer.MAX_VALUE ? Long.MAX_VALUE : size * 4;
    }
    return Dtype.plain(kind, order, size, "");
  }

  private static Dtype.Kind kind(char code) {
    if (code == 'a') {
      return Dtype.Kind.BYTES;
    }
    for (Dtype.Kind kind : Dtype.Kind.values()) {
      if (kind.code() == code) {
        return kind;
      }
    }
    return null;
  }

  /** {@code M8[us]}, {@code timedelta64[3D]}. */
  private static Dtype time(String text, ByteOrder order) throws NdferryException {
    int open = text.indexOf('[');
    Dtype.Kind kind;
    switch (text.substring(0, open)) {
      case "M8":
      case "M":
      case "datetime64":
        kind = Dtype.Kind.DATETIME;
        break;
      case "m8":
      case "m":
      case "timedelta64":
        kind = Dtype.Kind.TIMEDELTA;
        break;
      default:
        return null;
    }
    return Dtype.plain(kind, order, 8, unit(text.substring(open + 1, text.length() - 1)));
  }

  /** A unit as NumPy spells it: without a multiple of 1, and empty for the generic one. */
  static String unit(String text) throws NdferryException {
    int digits = 0;
    while (digits < text.length() && text.charAt(digits) >= '0' && text.charAt(digits) <= '9') {
      digits++;
    }
    String code = text.substring(digits);
    if (code.equals("generic") && digits == 0) {
      return "";
    }
    if (code.equals("\u03bcs") || code.equals("\u00b5s")) {
      code = "us";
    }
    if (!UNITS.contains(code) || digits > 10) {
      throw NdferryException.format(-1, "no unit of time is called '" + text + "'");
    }
    long multiple = digits == 0 ? 1 : Long.parseLong(text.substring(0, digits));
    if (multiple < 1 || multiple > Integer.MAX_VALUE) {
      throw NdferryException.format(-1, "no unit of time is called '" + text + "'");
    }
    return multiple == 1 ? code : multiple + code;
  }

  /** {@code i4, (2,3)f8, 3S5}: fields f0, f1, ...; a single repeated one is a subarray. */
  private static Dtype list(String text) throws NdferryException {
    List<Dtype.Field> fields = new ArrayList<>();
    long offset = 0;
    String rest = text.trim();
    boolean comma = false;
    while (!rest.isEmpty()) {
      long[] shape = {};
      int end = 0;
      if (rest.startsWith("(")) {
        int close = rest.indexOf(')');
        if (close < 0) {
          throw wrong(text);
        }
        shape = extents(rest.substring(1, close), text);
        end = close + 1;
      } else {
        while (end < rest.length() && rest.charAt(end) >= '0' && rest.charAt(end) <= '9') {
          end++;
        }
        if (end > 0) {
          shape = extents(rest.substring(0, end), text);
          shape = shape[0] == 1 ? new long[0] : shape;
        }
      }
      String after = rest.substring(end).trim();
      int next = after.indexOf(',');
      Dtype base = one((next < 0 ? after : after.substring(0, next)).trim());
      if (base == null) {
        throw wrong(text);
      }
      Dtype dtype = Dtype.subarray(base, shape);
      if (offset > Integer.MAX_VALUE) {
        throw NdferryException.format(-1, "a struct of more than 2^31 - 1 bytes");
      }
      fields.add(new Dtype.Field("f" + fields.size(), null, dtype, (int) offset));
      offset += dtype.itemsize();
      comma = next >= 0;
      rest = comma ? after.substring(next + 1).trim() : "";
    }
    if (fields.isEmpty()) {
      throw wrong(text);
    }
    return fields.size() == 1 && !comma ? fields.get(0).dtype() : Dtype.struct(fields, offset);
  }

  private static long[] extents(String text, String whole) throws NdferryException {
    String[] parts = text.split(",");
    long[] shape = new long[parts.length];
    for (int i = 0; i < parts.length; i++) {
      try {
        shape[i] = Long.parseLong(parts[i].trim());
      } catch (NumberFormatException error) {
        throw wrong(whole);
      }
    }
    if (shape.length == 0) {
      throw wrong(whole);
    }
    return shape;
  }
}
