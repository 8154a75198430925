package org.ndferry.jython;

import org.ndferry.Dtype;
import org.ndferry.Dtype.Kind;

/** Which dtype holds the values of two others ({@code numpy.promote_types}), by the rules of NumPy 2. */
public final class Promotion {
  private Promotion() {}

  /**
   * The smallest dtype to which both can be cast safely.
   *
   * @param a one
   * @param b the other
   * @return null if there is none
   */
  public static Dtype promote(Dtype a, Dtype b) {
    if (a.kind() == b.kind() && a.itemsize() == b.itemsize() && a.unit().equals(b.unit()) && !a.isStruct()) {
      return a.equals(b) ? native_(a) : Dtype.of(plain(a));
    }
    if (a.equals(b)) {
      return a;
    }
    int ra = rank(a.kind());
    int rb = rank(b.kind());
    if (ra < 0 || rb < 0) {
      return text(a, b);
    }
    if (ra > rb) {
      return promote(b, a);
    }
    int na = a.itemsize();
    int nb = b.itemsize();
    switch (b.kind()) {
      case BOOL:
        return Dtype.BOOL;
      case UINT:
        return Dtype.of("u" + (a.kind() == Kind.BOOL ? nb : Math.max(na, nb)));
      case INT:
        if (a.kind() != Kind.UINT) {
          return Dtype.of("i" + (a.kind() == Kind.BOOL ? nb : Math.max(na, nb)));
        }
        int needed = Math.max(2 * na, nb);
        return Dtype.of(needed > 8 ? "f8" : "i" + needed);
      case FLOAT:
        return Dtype.of("f" + Math.max(nb, asFloat(a)));
      default:
        int part = a.kind() == Kind.COMPLEX ? na / 2 : asFloat(a);
        return Dtype.of("c" + 2 * Math.max(Math.max(nb / 2, part), 4));
    }
  }

  /** The bytes of a float that holds integers as NumPy says. */
  private static int asFloat(Dtype dtype) {
    switch (dtype.kind()) {
      case BOOL:
        return 2;
      case FLOAT:
        return dtype.itemsize();
      default:
        return Math.min(8, 2 * dtype.itemsize());
    }
  }

  private static int rank(Kind kind) {
    switch (kind) {
      case BOOL:
        return 0;
      case UINT:
        return 1;
      case INT:
        return 2;
      case FLOAT:
        return 3;
      case COMPLEX:
        return 4;
      default:
        return -1;
    }
  }

  private static Dtype native_(Dtype dtype) {
    return dtype.str().startsWith(">") ? Dtype.of(plain(dtype)) : dtype;
  }

  private static String plain(Dtype dtype) {
    return "<" + dtype.str().substring(1);
  }

  private static Dtype text(Dtype a, Dtype b) {
    boolean bytes = a.kind() == Kind.BYTES && b.kind() == Kind.BYTES;
    boolean both = isText(a) && isText(b);
    if (!both) {
      return null;
    }
    int length = Math.max(length(a), length(b));
    return Dtype.of((bytes ? "S" : "U") + length);
  }

  private static boolean isText(Dtype dtype) {
    return dtype.kind() == Kind.BYTES || dtype.kind() == Kind.UNICODE;
  }

  private static int length(Dtype dtype) {
    return dtype.kind() == Kind.UNICODE ? dtype.itemsize() / 4 : dtype.itemsize();
  }
}
