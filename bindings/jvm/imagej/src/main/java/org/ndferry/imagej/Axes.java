package org.ndferry.imagej;

import org.ndferry.NDArray;

/**
 * Which axis of an array is which: a letter for each, of T (time), Z (slices), C (channels), Y, X and S (the samples of
 * RGB).
 */
final class Axes {
  /** The order of ImageJ's planes, slowest first, and of an array that has all axes. */
  private static final String ORDER = "TZCYXS";

  private Axes() {}

  /** The letters for an array of these axes; what is not given is never guessed beyond a stack of planes. */
  static String of(String given, int ndim) {
    if (given != null && !given.isEmpty()) {
      String axes = given.toUpperCase(java.util.Locale.ROOT);
      for (int i = 0; i < axes.length(); i++) {
        char letter = axes.charAt(i);
        if (ORDER.indexOf(letter) < 0 || axes.indexOf(letter) != i) {
          throw new IllegalArgumentException("axes " + given + ": each of T, Z, C, Y, X and S at most once");
        }
      }
      if (axes.length() != ndim) {
        throw new IllegalArgumentException("axes " + given + " are " + axes.length() + ", but the array has " + ndim);
      }
      if (axes.indexOf('Y') < 0 || axes.indexOf('X') < 0) {
        throw new IllegalArgumentException("axes " + given + " have no Y and X");
      }
      return axes;
    }
    switch (ndim) {
      case 2:
        return "YX";
      case 3:
        return "ZYX";
      default:
        throw new IllegalArgumentException(
            "the array has " + ndim + " axes: say which they are, for instance axes=TZCYX");
    }
  }

  /** The array with axes TZCYX, and S at the end if it has samples; what it does not have is of extent 1. */
  static NDArray canonical(NDArray array, String axes) {
    String order = axes.indexOf('S') < 0 ? ORDER.substring(0, 5) : ORDER;
    StringBuilder missing = new StringBuilder();
    for (char letter : order.toCharArray()) {
      missing.append(axes.indexOf(letter) < 0 ? letter : "");
    }
    StringBuilder index = new StringBuilder();
    for (int i = 0; i < missing.length(); i++) {
      index.append("None, ");
    }
    return array.slice(index + "...").transpose(places(missing + axes, order));
  }

  /** An array of axes TZCYX(S) with those axes that are named, in their order. */
  static NDArray original(NDArray canonical, String axes) {
    String order = canonical.ndim() == 6 ? ORDER : ORDER.substring(0, 5);
    StringBuilder index = new StringBuilder();
    StringBuilder left = new StringBuilder();
    for (char letter : order.toCharArray()) {
      boolean there = axes.indexOf(letter) >= 0;
      index.append(there ? ":," : "0,");
      left.append(there ? letter : "");
    }
    return canonical.slice(index.toString()).transpose(places(left.toString(), axes));
  }

  /** Where in {@code from} each letter of {@code to} is. */
  private static int[] places(String from, String to) {
    int[] places = new int[to.length()];
    for (int i = 0; i < places.length; i++) {
      places[i] = from.indexOf(to.charAt(i));
    }
    return places;
  }
}
