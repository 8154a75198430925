package org.ndferry.imagej;

import java.util.List;
import java.util.Map;

/** The fields of a JSON object that a peer sent: of the right type, or a problem that names them. */
final class Fields {
  private final Map<?, ?> map;

  Fields(Object json) throws Problem {
    if (!(json instanceof Map)) {
      throw new Problem("usage", "an object is needed");
    }
    map = (Map<?, ?>) json;
  }

  boolean has(String key) {
    return map.get(key) != null;
  }

  Object get(String key) {
    return map.get(key);
  }

  private static Problem wrong(String key, String needed) {
    return new Problem("usage", key + ": " + needed + " is needed");
  }

  String text(String key, String otherwise) throws Problem {
    Object value = map.get(key);
    if (value != null && !(value instanceof String)) {
      throw wrong(key, "text");
    }
    return value == null ? otherwise : (String) value;
  }

  boolean flag(String key) throws Problem {
    Object value = map.get(key);
    if (value != null && !(value instanceof Boolean)) {
      throw wrong(key, "true or false");
    }
    return value != null && (Boolean) value;
  }

  double number(String key, double otherwise) throws Problem {
    Object value = map.get(key);
    if (value != null && !(value instanceof Number)) {
      throw wrong(key, "a number");
    }
    return value == null ? otherwise : ((Number) value).doubleValue();
  }

  int integer(String key, int otherwise) throws Problem {
    double value = number(key, otherwise);
    if (value != Math.rint(value) || Math.abs(value) > Integer.MAX_VALUE) {
      throw wrong(key, "an integer");
    }
    return (int) value;
  }

  Fields object(String key) throws Problem {
    Object value = map.get(key);
    if (!(value instanceof Map)) {
      throw wrong(key, "an object");
    }
    return new Fields(value);
  }

  List<?> list(String key) throws Problem {
    Object value = map.get(key);
    if (!(value instanceof List)) {
      throw wrong(key, "a list");
    }
    return (List<?>) value;
  }

  /** So many numbers; any number of them for -1. */
  double[] numbers(String key, int count) throws Problem {
    return numbers(key, list(key), count);
  }

  static double[] numbers(String key, List<?> list, int count) throws Problem {
    double[] out = new double[list.size()];
    for (int i = 0; i < out.length; i++) {
      if (!(list.get(i) instanceof Number)) {
        throw wrong(key, "a list of numbers");
      }
      out[i] = ((Number) list.get(i)).doubleValue();
    }
    if (count >= 0 && out.length != count) {
      throw wrong(key, "a list of " + count + " numbers");
    }
    return out;
  }

  long[] sizes(String key) throws Problem {
    double[] numbers = numbers(key, -1);
    long[] out = new long[numbers.length];
    for (int i = 0; i < out.length; i++) {
      out[i] = (long) numbers[i];
      if (out[i] != numbers[i] || out[i] < 0) {
        throw wrong(key, "a list of sizes");
      }
    }
    return out;
  }
}
