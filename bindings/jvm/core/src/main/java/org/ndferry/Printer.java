package org.ndferry;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;

/** Arrays as NumPy prints them, by {@link PrintOptions} ({@code numpy.array2string}). */
final class Printer {
  private final String separator;
  private final int edge = options().edgeItems();
  private final boolean summary;
  private final Function<NDArray, String> format;

  private Printer(NDArray array, String separator) {
    this.separator = separator;
    this.summary = array.size() > options().threshold();
    List<NDArray> shown = new ArrayList<>();
    corners(array, summary, shown);
    this.format = formatOf(array.dtype(), shown);
  }

  private static PrintOptions options() {
    return PrintOptions.current();
  }

  static String print(NDArray array) {
    if (array.dtype().hasObject()) {
      return "<" + array.size() + " Python objects>";
    }
    if (array.ndim() == 0) {
      return scalar(array);
    }
    if (array.size() == 0) {
      return "[]";
    }
    return new Printer(array, " ").text(array, " ", options().lineWidth());
  }

  /** {@code numpy._core.arrayprint._array_repr_implementation} */
  static String repr(NDArray array) {
    long[] shape = array.shape();
    boolean line = shape.length == 1 && shape[0] == 0;
    String prefix = "array(";
    StringBuilder out = new StringBuilder(prefix);
    if (array.dtype().hasObject()) {
      out.append(print(array));
    } else if (array.size() == 0) {
      out.append("[]");
    } else {
      out.append(new Printer(array, ", ").text(array, "       ", options().lineWidth() - 1));
    }
    List<String> more = new ArrayList<>();
    if ((array.size() == 0 && !line) || array.size() > options().threshold()) {
      more.add("shape=" + Literal.tuple(shape));
    }
    if (array.size() == 0 || !isImplied(array.dtype())) {
      more.add("dtype=" + array.dtype().shortName());
    }
    if (more.isEmpty()) {
      return out.append(')').toString();
    }
    out.append(',');
    String extra = String.join(", ", more) + ")";
    int last = width(out.substring(out.lastIndexOf("\n") + 1));
    return out.append(last + width(extra) + 1 > options().lineWidth() ? "\n      " : " ").append(extra).toString();
  }

  /** Whether a literal alone says it: no dtype is shown then. */
  private static boolean isImplied(Dtype dtype) {
    boolean plain = "?ifc".indexOf(dtype.kind() == Dtype.Kind.BOOL ? '?' : dtype.kind().code()) >= 0;
    int size = dtype.kind() == Dtype.Kind.BOOL ? 1 : dtype.kind() == Dtype.Kind.COMPLEX ? 16 : 8;
    return plain && dtype.itemsize() == size && dtype.byteOrder() != ByteOrder.BIG;
  }

  private static String scalar(NDArray element) {
    Dtype dtype = element.dtype();
    if (dtype.isStruct()) {
      return struct(dtype, Collections.singletonList(element), true).apply(element);
    }
    switch (dtype.kind()) {
      case FLOAT:
        return FloatFormat.scalar(element.getDouble(), dtype.itemsize());
      case COMPLEX:
        double[] parts = (double[]) element.get();
        String real = FloatFormat.scalar(parts[0], dtype.itemsize() / 2).replaceAll("\\.0$", "");
        String imaginary = FloatFormat.scalar(parts[1], dtype.itemsize() / 2).replaceAll("\\.0$", "");
        boolean zero = parts[0] == 0 && 1 / parts[0] > 0;
        String sign = imaginary.startsWith("-") || zero ? "" : "+";
        return zero ? imaginary + "j" : "(" + real + sign + imaginary + "j)";
      case UNICODE:
        return element.getText();
      case BYTES:
        return "np.bytes_(" + bytes((byte[]) element.get(), false) + ")";
      case DATETIME:
        return DateText.of(element.getLong(), dtype.unit());
      case TIMEDELTA:
        long ticks = element.getLong();
        return ticks == Long.MIN_VALUE ? "NaT" : spelled(ticks, dtype.unit());
      case BOOL:
        return element.getLong() != 0 ? "True" : "False";
      default:
        return formatOf(dtype, Collections.singletonList(element)).apply(element);
    }
  }

  /** {@code 5 days}, as {@code str(numpy.timedelta64(5, "D"))}. */
  private static String spelled(long ticks, String unit) {
    String code = unit.replaceAll("[0-9]", "");
    long multiple = unit.equals(code) ? 1 : Long.parseLong(unit.replaceAll("[^0-9]", ""));
    String[] names = {
      "Y", "years", "M", "months", "W", "weeks", "D", "days", "h", "hours", "m", "minutes", "s",
      "seconds", "ms", "milliseconds", "us", "microseconds", "ns", "nanoseconds", "ps", "picoseconds",
      "fs", "femtoseconds", "as", "attoseconds"
    };
    for (int i = 0; i < names.length; i += 2) {
      if (names[i].equals(code)) {
        return ticks * multiple + " " + names[i + 1];
      }
    }
    return ticks + " generic time units";
  }

  private static String ticks(NDArray element) {
    long value = element.getLong();
    return value == Long.MIN_VALUE ? "'NaT'" : Long.toString(value);
  }

  /** The elements that are shown, as arrays without axes. */
  private static void corners(NDArray part, boolean summary, List<NDArray> shown) {
    if (part.ndim() == 0) {
      shown.add(part);
      return;
    }
    long extent = part.shape()[0];
    int edge = options().edgeItems();
    boolean cut = summary && extent > 2 * edge;
    for (long i = 0; i < extent; i++) {
      if (cut && i == edge) {
        i = extent - edge;
        if (edge == 0) {
          break;
        }
      }
      corners(part.slice(Long.toString(i)), summary, shown);
    }
  }

  private static Function<NDArray, String> formatOf(Dtype dtype, List<NDArray> shown) {
    if (dtype.isStruct()) {
      return struct(dtype, shown, false);
    }
    switch (dtype.kind()) {
      case FLOAT:
        FloatFormat reals = floats(shown, 0, dtype.itemsize(), false);
        return element -> reals.format(element.getDouble());
      case COMPLEX:
        FloatFormat real = floats(shown, 0, dtype.itemsize() / 2, false);
        FloatFormat imaginary = floats(shown, 1, dtype.itemsize() / 2, true);
        return element -> {
          double[] parts = (double[]) element.get();
          String text = imaginary.format(parts[1]);
          String bare = text.replaceAll(" +$", "");
          return real.format(parts[0]) + bare + "j" + text.substring(bare.length());
        };
      case BOOL:
        return element -> element.getLong() != 0 ? " True" : "False";
      case INT:
      case UINT:
        return padded(shown, element -> element.get().toString());
      case TIMEDELTA:
        return padded(shown, Printer::ticks);
      case DATETIME:
        return padded(
            shown,
            element -> "'" + DateText.of(element.getLong(), dtype.unit()) + "'");
      case UNICODE:
        return element -> Literal.quote(element.getText());
      case BYTES:
        return element -> bytes((byte[]) element.get(), false);
      default:
        return element -> bytes((byte[]) element.get(), true);
    }
  }

  private static FloatFormat floats(List<NDArray> shown, int part, int width, boolean plus) {
    double[] values = new double[shown.size()];
    for (int i = 0; i < values.length; i++) {
      Object value = shown.get(i).get();
      values[i] = value instanceof Double ? (Double) value : ((double[]) value)[part];
    }
    return new FloatFormat(values, width, plus);
  }

  private static Function<NDArray, String> padded(
      List<NDArray> shown, Function<NDArray, String> text) {
    int width = 0;
    for (NDArray element : shown) {
      width = Math.max(width, text.apply(element).length());
    }
    int most = width;
    return element -> {
      StringBuilder out = new StringBuilder();
      String own = text.apply(element);
      for (int i = own.length(); i < most; i++) {
        out.append(' ');
      }
      return out.append(own).toString();
    };
  }

  /** {@code alone}: of one struct and not of an array of them, whose floats have no common width. */
  private static Function<NDArray, String> struct(Dtype dtype, List<NDArray> shown, boolean alone) {
    List<Function<NDArray, String>> formats = new ArrayList<>();
    for (Dtype.Field field : dtype.fields()) {
      List<NDArray> values = new ArrayList<>();
      for (NDArray element : shown) {
        NDArray value = element.field(field.name());
        if (value.size() > 0) {
          corners(value, value.size() > options().threshold(), values);
        }
      }
      Dtype base = field.dtype().base();
      boolean bare = alone && base.kind() == Dtype.Kind.FLOAT;
      formats.add(bare ? Printer::scalar : formatOf(base, values));
    }
    return element -> {
      StringBuilder out = new StringBuilder("(");
      int i = 0;
      for (Dtype.Field field : dtype.fields()) {
        NDArray value = element.field(field.name());
        out.append(i > 0 ? ", " : "").append(subarray(value, formats.get(i++), value.size() > options().threshold()));
      }
      return out.append(i == 1 ? ",)" : ")").toString();
    };
  }

  /** What a field with a shape holds, on one line and with commas. */
  private static String subarray(NDArray value, Function<NDArray, String> format, boolean cut) {
    if (value.ndim() == 0) {
      return format.apply(value);
    }
    StringBuilder out = new StringBuilder("[");
    long extent = value.shape()[0];
    int edge = options().edgeItems();
    for (long i = 0; i < extent; i++) {
      boolean dots = cut && extent > 2 * edge && i == edge;
      NDArray item = value.slice(Long.toString(i));
      out.append(i > 0 ? ", " : "").append(dots ? "..." : subarray(item, format, cut));
      i = dots ? extent - edge - 1 : i;
    }
    return out.append("]").toString();
  }

  /** Python's spelling of bytes; of {@code V} elements every byte is escaped. */
  private static String bytes(byte[] raw, boolean escapeAll) {
    boolean single = false;
    boolean twice = false;
    for (byte b : raw) {
      single |= b == '\'';
      twice |= b == '"';
    }
    char quote = single && !twice && !escapeAll ? '"' : '\'';
    StringBuilder out = new StringBuilder("b").append(quote);
    for (byte b : raw) {
      if (escapeAll) {
        out.append(String.format("\\x%02X", b));
      } else if (b == quote || b == '\\') {
        out.append('\\').append((char) b);
      } else if (b >= ' ' && b < 127) {
        out.append((char) b);
      } else if (b == '\n' || b == '\r' || b == '\t') {
        out.append(b == '\n' ? "\\n" : b == '\r' ? "\\r" : "\\t");
      } else {
        out.append(String.format("\\x%02x", b));
      }
    }
    return out.append(quote).toString();
  }

  /** Characters, where Java counts halves of surrogate pairs. */
  private static int width(CharSequence text) {
    return Character.codePointCount(text, 0, text.length());
  }

  private String text(NDArray part, String indent, int room) {
    int axes = part.ndim();
    if (axes == 0) {
      return format.apply(part);
    }
    long extent = part.shape()[0];
    boolean cut = summary && extent > 2 * edge;
    StringBuilder out = new StringBuilder();
    StringBuilder line = new StringBuilder(indent);
    for (long i = 0; i < extent; i++) {
      boolean dots = cut && i == edge;
      String word = dots ? "..." : text(part.slice(Long.toString(i)), indent + " ", room - 1);
      i = dots ? extent - edge - 1 : i;
      boolean last = i == extent - 1;
      if (axes > 1) {
        out.append(indent).append(word).append(last ? "" : separator.trim());
        for (int n = last ? 0 : axes - 1; n > 0; n--) {
          out.append('\n');
        }
      } else {
        if (width(line) + width(word) > room - 1 && line.length() > indent.length()) {
          out.append(line.toString().replaceAll(" +$", "")).append('\n');
          line = new StringBuilder(indent);
        }
        line.append(word).append(last ? "" : separator);
      }
    }
    if (axes == 1) {
      out.append(line);
    }
    return "[" + out.substring(indent.length()) + "]";
  }
}
