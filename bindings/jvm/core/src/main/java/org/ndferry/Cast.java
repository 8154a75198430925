package org.ndferry;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;

/** Elements of one dtype as those of another, by NumPy's rules for {@code casting="unsafe"}. */
final class Cast {
  private Cast() {}

  /** What casts one element. */
  private interface One {
    void cast(long from, long to);
  }

  /** Whether elements of one can become elements of the other. */
  static boolean can(Dtype from, Dtype to) {
    return from.equals(to)
        || (isNumber(from) && isNumber(to))
        || (isText(from) && isText(to))
        || (isNumber(from) && isText(to) && from.kind() != Dtype.Kind.COMPLEX)
        || (isText(from) && isNumber(to) && to.kind() != Dtype.Kind.COMPLEX)
        || (isTime(from) && (to.kind() == Dtype.Kind.INT || sameTime(from, to)))
        || (isTime(to) && from.kind() == Dtype.Kind.INT);
  }

  private static boolean isNumber(Dtype dtype) {
    switch (dtype.kind()) {
      case FLOAT:
      case COMPLEX:
        return dtype.itemsize() <= (dtype.kind() == Dtype.Kind.FLOAT ? 8 : 16);
      case BOOL:
      case INT:
      case UINT:
        return true;
      default:
        return false;
    }
  }

  private static boolean isText(Dtype dtype) {
    return dtype.kind() == Dtype.Kind.BYTES || dtype.kind() == Dtype.Kind.UNICODE;
  }

  private static boolean isTime(Dtype dtype) {
    return dtype.kind() == Dtype.Kind.DATETIME || dtype.kind() == Dtype.Kind.TIMEDELTA;
  }

  private static boolean sameTime(Dtype from, Dtype to) {
    return from.kind() == to.kind() && from.unit().equals(to.unit());
  }

  /** A new array in C order. */
  static NDArray cast(NDArray array, Dtype to) {
    Dtype from = array.dtype();
    if (!can(from, to)) {
      throw new IllegalArgumentException("cannot cast from " + from + " to " + to);
    }
    if (from.equals(to)) {
      return array.copy();
    }
    NDArray out = NDArray.zeros(to, array.shape());
    One one = one(array.storage(), from, out.storage(), to);
    long[] at = {0};
    int step = to.itemsize();
    array.runs(
        (place, count, stride) -> {
          for (long i = 0; i < count; i++, at[0] += step) {
            one.cast(place + i * stride, at[0]);
          }
        });
    return out;
  }

  private static One one(Bytes in, Dtype from, Bytes out, Dtype to) {
    boolean floating = from.kind() == Dtype.Kind.FLOAT || from.kind() == Dtype.Kind.COMPLEX;
    if (isText(from)) {
      boolean same = from.kind() == to.kind();
      return isText(to)
          ? (a, b) -> Values.putText(out, b, to, same ? Values.toText(in, a, from) : ascii(in, a, from))
          : (a, b) -> parse(Values.toText(in, a, from).trim(), out, b, to);
    }
    if (isText(to)) {
      return (a, b) -> Values.putText(out, b, to, spelled(in, a, from));
    }
    if (from.kind() == Dtype.Kind.COMPLEX && to.kind() == Dtype.Kind.COMPLEX) {
      return (a, b) ->
          Values.putComplex(out, b, to, Values.toDouble(in, a, from), Values.imaginary(in, a, from));
    }
    if (floating && to.kind() == Dtype.Kind.BOOL) {
      boolean complex = from.kind() == Dtype.Kind.COMPLEX;
      return (a, b) ->
          Values.putLong(
              out, b, to, Values.toDouble(in, a, from) != 0 || (complex && Values.imaginary(in, a, from) != 0) ? 1 : 0);
    }
    if (to.kind() == Dtype.Kind.FLOAT || to.kind() == Dtype.Kind.COMPLEX) {
      return (a, b) -> Values.putDouble(out, b, to, Values.toDouble(in, a, from));
    }
    if (floating) {
      return (a, b) -> Values.putLong(out, b, to, truncated(Values.toDouble(in, a, from), to));
    }
    return (a, b) -> Values.putLong(out, b, to, Values.toLong(in, a, from));
  }

  /** What x86's {@code cvttsd2si} makes of it: what does not fit is the least integer. */
  static long truncated(double value, Dtype to) {
    boolean wide = to.itemsize() == 8 || (to.kind() == Dtype.Kind.UINT && to.itemsize() == 4);
    if (!wide) {
      return value > -0x1p31 - 1 && value < 0x1p31 ? (long) value : Integer.MIN_VALUE;
    }
    if (value >= -0x1p63 && value < 0x1p63) {
      return (long) value;
    }
    boolean unsigned = to.kind() == Dtype.Kind.UINT && to.itemsize() == 8 && value >= 0x1p63 && value < 0x1p64;
    return unsigned ? (long) (value - 0x1p63) ^ Long.MIN_VALUE : Long.MIN_VALUE;
  }

  /** NumPy takes no other text for bytes, nor other bytes for text. */
  private static String ascii(Bytes in, long at, Dtype from) {
    String text = Values.toText(in, at, from);
    if (!StandardCharsets.US_ASCII.newEncoder().canEncode(text)) {
      throw new IllegalArgumentException("not ASCII: " + Literal.quote(text));
    }
    return text;
  }

  private static String spelled(Bytes in, long at, Dtype from) {
    Object value = Values.toObject(in, at, from);
    if (value instanceof Boolean) {
      return (Boolean) value ? "True" : "False";
    }
    return value instanceof Double ? FloatFormat.scalar((Double) value, from.itemsize()) : value.toString();
  }

  private static void parse(String text, Bytes out, long at, Dtype to) {
    try {
      if (to.kind() == Dtype.Kind.FLOAT) {
        Values.putDouble(out, at, to, real(text));
      } else if (to.kind() == Dtype.Kind.BOOL) {
        Values.putLong(out, at, to, text.isEmpty() ? 0 : 1);
      } else {
        Values.putLong(out, at, to, new BigDecimal(text).toBigIntegerExact().longValue());
      }
    } catch (NumberFormatException | ArithmeticException error) {
      throw new IllegalArgumentException("could not convert string to number: " + Literal.quote(text), error);
    }
  }

  private static double real(String text) {
    switch (text.toLowerCase(java.util.Locale.ROOT).replaceAll("^[+-]", "")) {
      case "nan":
        return Double.NaN;
      case "inf":
      case "infinity":
        return text.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
      default:
        // Java would take a suffix, and hexadecimal numbers.
        if (!text.matches("[+-]?[0-9.]+([eE][+-]?[0-9]+)?")) {
          throw new NumberFormatException(text);
        }
        return Double.parseDouble(text);
    }
  }
}
