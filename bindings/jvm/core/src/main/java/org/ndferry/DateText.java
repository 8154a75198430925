package org.ndferry;

/** {@code datetime64} as {@code numpy.datetime_as_string} spells it. */
final class DateText {
  private DateText() {}

  static String of(long ticks, String unit) {
    if (ticks == Long.MIN_VALUE) {
      return "NaT";
    }
    String code = unit.replaceAll("[0-9]", "");
    long multiple = unit.equals(code) ? 1 : Long.parseLong(unit.replaceAll("[^0-9]", ""));
    try {
      return spelled(Math.multiplyExact(ticks, multiple), code);
    } catch (ArithmeticException error) {
      return ticks + " * " + unit; // beyond 64 bits
    }
  }

  private static String spelled(long n, String code) {
    switch (code) {
      case "":
        return Long.toString(n);
      case "Y":
        return year(Math.addExact(1970, n));
      case "M":
        return year(1970 + Math.floorDiv(n, 12)) + String.format("-%02d", Math.floorMod(n, 12) + 1);
      case "W":
        return date(Math.multiplyExact(n, 7));
      case "D":
        return date(n);
      case "h":
        return date(Math.floorDiv(n, 24)) + String.format("T%02d", Math.floorMod(n, 24));
      case "m":
        return date(Math.floorDiv(n, 1440)) + minute(Math.floorMod(n, 1440));
      case "s":
        return seconds(n);
      default:
        break;
    }
    int digits = 0;
    switch (code) {
      case "ms":
        digits = 3;
        break;
      case "us":
        digits = 6;
        break;
      case "ns":
        digits = 9;
        break;
      case "ps":
        digits = 12;
        break;
      case "fs":
        digits = 15;
        break;
      default:
        digits = 18;
    }
    long scale = 1;
    for (int i = 0; i < digits; i++) {
      scale *= 10;
    }
    String format = ".%0" + digits + "d";
    return seconds(Math.floorDiv(n, scale)) + String.format(format, Math.floorMod(n, scale));
  }

  private static String year(long year) {
    return String.format("%04d", year); // the sign is one of the four
  }

  private static String date(long days) {
    // Years begin in March here, so that a leap day is the last one; 146,097 days are 400 years.
    long shifted = Math.addExact(days, 719468);
    long era = Math.floorDiv(shifted, 146097);
    long dayOfEra = Math.floorMod(shifted, 146097);
    long yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
    long dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
    long month = (5 * dayOfYear + 2) / 153;
    long day = dayOfYear - (153 * month + 2) / 5 + 1;
    long year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0);
    return year(year) + String.format("-%02d-%02d", month < 10 ? month + 3 : month - 9, day);
  }

  private static String minute(long minutes) {
    return String.format("T%02d:%02d", minutes / 60, minutes % 60);
  }

  private static String seconds(long n) {
    long second = Math.floorMod(n, 86400);
    String time = minute(second / 60) + String.format(":%02d", second % 60);
    return date(Math.floorDiv(n, 86400)) + time;
  }
}
