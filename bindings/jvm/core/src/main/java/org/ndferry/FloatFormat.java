package org.ndferry;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Floats as NumPy prints them: all of an array with one width ({@code numpy._core.arrayprint.FloatingFormat}). */
final class FloatFormat {
  private final int width;
  private final boolean plus;
  private boolean scientific;
  private int padLeft;
  private int padRight;
  private int precision = PrintOptions.current().precision();
  private int exponentDigits;

  /** For these values of so many bytes each; {@code plus} also shows the sign of positive ones. */
  FloatFormat(double[] values, int width, boolean plus) {
    this.width = width;
    this.plus = plus;
    double max = 0;
    double min = Double.POSITIVE_INFINITY;
    boolean special = false;
    boolean negativeInfinity = plus;
    for (double value : values) {
      if (Double.isNaN(value) || Double.isInfinite(value)) {
        special = true;
        negativeInfinity |= value == Double.NEGATIVE_INFINITY;
      } else if (value != 0) {
        max = Math.max(max, Math.abs(value));
        min = Math.min(min, Math.abs(value));
      }
    }
    double ratio = width == 4 ? (float) max / (float) min : max / min;
    boolean small = !PrintOptions.current().suppress() && (min < 0.0001 || ratio > 1000);
    scientific = max > 0 && (max >= cutoff(width) || small);
    int fraction = 0;
    for (double value : values) {
      if (Double.isNaN(value) || Double.isInfinite(value)) {
        continue;
      }
      String text = scientific ? scientific(value, precision, 0, 0) : positional(value, precision);
      int point = text.indexOf('.');
      padLeft = Math.max(padLeft, point);
      int end = scientific ? text.indexOf('e') : text.length();
      fraction = Math.max(fraction, end - point - 1);
      exponentDigits = scientific ? Math.max(exponentDigits, text.length() - end - 2) : 0;
    }
    if (scientific) {
      precision = fraction;
      padRight = exponentDigits + 2 + precision;
    } else {
      padRight = fraction;
    }
    if (special) {
      int room = padRight + 1;
      padLeft = Math.max(padLeft, Math.max(3 - room, 3 + (negativeInfinity ? 1 : 0) - room));
    }
  }

  /** {@code 10 ** min(8, numpy.finfo(dtype).precision)} */
  private static double cutoff(int width) {
    return width == 2 ? 1e3 : width == 4 ? 1e6 : 1e8;
  }

  String format(double value) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      String sign = value < 0 ? "-" : plus ? "+" : "";
      String text = Double.isNaN(value) ? (plus ? "+nan" : "nan") : sign + "inf";
      return left(text, padLeft + padRight + 1);
    }
    if (scientific) {
      String text = scientific(value, precision, precision, exponentDigits);
      return left(text, padLeft + padRight + 1);
    }
    String text = positional(value, precision);
    int point = text.indexOf('.');
    StringBuilder out = new StringBuilder(left(text, padLeft - point + text.length()));
    while (out.length() < padLeft + 1 + padRight) {
      out.append(' ');
    }
    return out.toString();
  }

  private static String left(String text, int width) {
    StringBuilder out = new StringBuilder();
    for (int i = text.length(); i < width; i++) {
      out.append(' ');
    }
    return out.append(text).toString();
  }

  private String sign(double value) {
    return Double.doubleToRawLongBits(value) < 0 ? "-" : plus ? "+" : "";
  }

  /** Without an exponent, with as few digits after the point as tell the number from others, and at most so many. */
  private String positional(double value, int most) {
    BigDecimal digits = shortest(value, width);
    if (digits.scale() > most) {
      digits = exact(value).setScale(most, RoundingMode.HALF_EVEN);
    }
    String text = trimmed(digits).toPlainString();
    return sign(value) + text + (text.indexOf('.') < 0 ? "." : "");
  }

  private static BigDecimal trimmed(BigDecimal digits) {
    BigDecimal out = digits.signum() == 0 ? BigDecimal.ZERO : digits.stripTrailingZeros();
    return out.scale() < 0 ? out.setScale(0) : out;
  }

  private String scientific(double value, int most, int least, int exponentWidth) {
    BigDecimal digits = shortest(value, width);
    // Where NumPy wants more digits than are unique, it gives the exact ones, not zeros.
    int places = digits.precision() > most + 1 ? most + 1 : Math.max(digits.precision(), least + 1);
    if (places != digits.precision()) {
      digits = exact(value).round(new MathContext(places, RoundingMode.HALF_EVEN));
    }
    digits = digits.signum() == 0 ? BigDecimal.ZERO : digits.stripTrailingZeros();
    String all = digits.unscaledValue().toString();
    int exponent = digits.signum() == 0 ? 0 : digits.precision() - digits.scale() - 1;
    StringBuilder fraction = new StringBuilder(all.substring(1));
    while (fraction.length() < least) {
      fraction.append('0');
    }
    String power = Integer.toString(Math.abs(exponent));
    while (power.length() < Math.max(2, exponentWidth)) {
      power = "0" + power;
    }
    return sign(value) + all.charAt(0) + "." + fraction + "e" + (exponent < 0 ? "-" : "+") + power;
  }

  /** The exact size of a number. */
  private static BigDecimal exact(double value) {
    return new BigDecimal(Math.abs(value));
  }

  /** The size with as few digits as tell it from all others of so many bytes. */
  static BigDecimal shortest(double value, int width) {
    BigDecimal exact = exact(value);
    if (exact.signum() == 0) {
      return BigDecimal.ZERO;
    }
    for (int digits = 1; digits < 17; digits++) {
      BigDecimal rounded = exact.round(new MathContext(digits, RoundingMode.HALF_EVEN));
      if (rounds(rounded, Math.abs(value), width)) {
        return rounded;
      }
    }
    return exact.round(new MathContext(17, RoundingMode.HALF_EVEN));
  }

  private static boolean rounds(BigDecimal digits, double value, int width) {
    switch (width) {
      case 2:
        return Values.half(Values.toHalf(digits.doubleValue())) == value;
      case 4:
        return Float.parseFloat(digits.toString()) == (float) value;
      default:
        return digits.doubleValue() == value;
    }
  }

  /** One number alone, as {@code str} of a NumPy scalar: {@code 1.5}, {@code 1e-05}. */
  static String scalar(double value, int width) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value < 0 ? "-inf" : "inf";
    }
    FloatFormat format = new FloatFormat(new double[0], width, false);
    double size = Math.abs(value);
    if (size == 0 || (size >= 1e-4 && size < (width < 8 ? cutoff(width) : 1e16))) {
      String text = format.positional(value, Integer.MAX_VALUE);
      return text.endsWith(".") ? text + "0" : text;
    }
    return format.scientific(value, 20, 0, 0).replace(".e", "e");
  }
}
