package org.ndferry;

import java.util.ArrayList;
import java.util.List;

/** How NPY headers and {@code numpy.dtype.descr} spell a dtype. */
final class Descr {
  private Descr() {}

  /** The dtype that a literal means ({@code numpy.lib.format.descr_to_dtype}). */
  static Dtype parse(Object literal) throws NdferryException {
    if (literal instanceof String) {
      return DtypeParser.parse((String) literal);
    }
    if (literal instanceof Literal.Tuple) {
      List<Object> pair = ((Literal.Tuple) literal).items();
      if (pair.size() == 2) {
        return Dtype.subarray(parse(pair.get(0)), extents(pair.get(1)));
      }
    }
    if (literal instanceof List) {
      return fields((List<?>) literal);
    }
    throw NdferryException.format(-1, "descr is not a dtype");
  }

  private static Dtype fields(List<?> list) throws NdferryException {
    List<Dtype.Field> fields = new ArrayList<>();
    long offset = 0;
    for (Object item : list) {
      List<Object> parts = item instanceof Literal.Tuple ? ((Literal.Tuple) item).items() : null;
      if (parts == null || parts.size() < 2 || parts.size() > 3) {
        throw NdferryException.format(-1, "descr has a field that is not (name, descr[, shape])");
      }
      Object name = parts.get(0);
      String title = null;
      if (name instanceof Literal.Tuple && ((Literal.Tuple) name).items().size() == 2) {
        Object first = ((Literal.Tuple) name).items().get(0);
        name = ((Literal.Tuple) name).items().get(1);
        if (first instanceof String) {
          title = (String) first;
        } else if (first != Literal.NONE) {
          throw NdferryException.format(-1, "descr has a field whose title is not text");
        }
      }
      if (!(name instanceof String)) {
        throw NdferryException.format(-1, "descr has a field whose name is not text");
      }
      Dtype dtype = parse(parts.get(1));
      if (parts.size() == 3) {
        dtype = Dtype.subarray(dtype, extents(parts.get(2)));
      }
      boolean bare = dtype.kind() == Dtype.Kind.VOID && !dtype.isStruct() && dtype.base() == dtype;
      boolean padding = ((String) name).isEmpty() && title == null && bare;
      if (offset + dtype.itemsize() > Integer.MAX_VALUE) {
        throw NdferryException.format(-1, "a struct of more than 2^31 - 1 bytes");
      }
      if (!padding) {
        // NumPy names a field without a name after its place.
        String own = ((String) name).isEmpty() ? "f" + fields.size() : (String) name;
        fields.add(new Dtype.Field(own, title, dtype, (int) offset));
      }
      offset += dtype.itemsize();
    }
    return Dtype.struct(fields, offset);
  }

  /** A shape: a tuple of extents, or one extent. */
  static long[] extents(Object literal) throws NdferryException {
    if (literal instanceof Long) {
      return new long[] {extent(literal)};
    }
    if (!(literal instanceof Literal.Tuple)) {
      throw NdferryException.format(-1, "shape is not a tuple of sizes");
    }
    List<Object> items = ((Literal.Tuple) literal).items();
    long[] shape = new long[items.size()];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = extent(items.get(i));
    }
    return shape;
  }

  private static long extent(Object literal) throws NdferryException {
    if (!(literal instanceof Long) || (Long) literal < 0) {
      throw NdferryException.format(-1, "shape is not a tuple of sizes");
    }
    return (Long) literal;
  }

  /** Whether an NPY header can say it: no fields that overlap or come out of order. */
  static boolean isPossible(Dtype dtype) {
    long end = 0;
    for (Dtype.Field field : dtype.fields()) {
      if (field.offset() < end || !isPossible(field.dtype())) {
        return false;
      }
      end = (long) field.offset() + field.dtype().itemsize();
    }
    return dtype.base() == dtype || isPossible(dtype.base());
  }

  /** The literal that {@code numpy.save} writes. */
  static String text(Dtype dtype) {
    StringBuilder out = new StringBuilder();
    write(dtype, out);
    return out.toString();
  }

  private static void write(Dtype dtype, StringBuilder out) {
    if (dtype.base() != dtype) {
      out.append('(');
      write(dtype.base(), out);
      out.append(", ").append(Literal.tuple(dtype.subshape())).append(')');
    } else if (!dtype.isStruct()) {
      out.append(Literal.quote(dtype.str()));
    } else {
      out.append('[');
      String separator = "";
      int end = 0;
      for (Dtype.Field field : dtype.fields()) {
        separator = pad(field.offset() - end, separator, out);
        out.append(separator).append('(');
        separator = ", ";
        if (field.title() != null) {
          out.append('(').append(Literal.quote(field.title())).append(", ");
          out.append(Literal.quote(field.name())).append(')');
        } else {
          out.append(Literal.quote(field.name()));
        }
        out.append(", ");
        write(field.dtype().base(), out);
        if (field.dtype().base() != field.dtype()) {
          out.append(", ").append(Literal.tuple(field.dtype().subshape()));
        }
        out.append(')');
        end = field.offset() + field.dtype().itemsize();
      }
      pad(dtype.itemsize() - end, separator, out);
      out.append(']');
    }
  }

  private static String pad(int nbytes, String separator, StringBuilder out) {
    if (nbytes <= 0) {
      return separator;
    }
    out.append(separator).append("('', '|V").append(nbytes).append("')");
    return ", ";
  }
}
