package org.ndferry;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** JSON as {@link Map}, {@link List}, {@link String}, {@link Long}, {@link Double}, {@link Boolean} and null. */
public final class Json {
  private static final int MAX_DEPTH = 100;

  private final String text;
  private int at;

  private Json(String text) {
    this.text = text;
  }

  static Object parse(byte[] utf8) throws NdferryException {
    try {
      ByteBuffer bytes = ByteBuffer.wrap(utf8);
      return parse(StandardCharsets.UTF_8.newDecoder().decode(bytes).toString());
    } catch (CharacterCodingException error) {
      throw NdferryException.format(0, "JSON that is not UTF-8");
    }
  }

  /**
   * Parses strict JSON, in which no key comes twice.
   *
   * @param text one value
   * @return the value
   * @throws NdferryException if it is not JSON
   */
  public static Object parse(String text) throws NdferryException {
    Json json = new Json(text);
    Object value = json.value(0);
    json.space();
    if (json.at < text.length()) {
      throw json.wrong();
    }
    return value;
  }

  private NdferryException wrong() {
    return NdferryException.format(at, "not JSON");
  }

  private void space() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private boolean accept(char c) {
    space();
    boolean there = at < text.length() && text.charAt(at) == c;
    at += there ? 1 : 0;
    return there;
  }

  private Object value(int depth) throws NdferryException {
    if (depth > MAX_DEPTH) {
      throw wrong();
    }
    if (accept('{')) {
      return object(depth);
    }
    if (accept('[')) {
      List<Object> items = new ArrayList<>();
      if (accept(']')) {
        return items;
      }
      do {
        items.add(value(depth + 1));
      } while (accept(','));
      if (!accept(']')) {
        throw wrong();
      }
      return items;
    }
    if (accept('"')) {
      return string();
    }
    for (Object[] word : new Object[][] {{"true", true}, {"false", false}, {"null", null}}) {
      if (text.startsWith((String) word[0], at)) {
        at += ((String) word[0]).length();
        return word[1];
      }
    }
    return number();
  }

  private Map<String, Object> object(int depth) throws NdferryException {
    Map<String, Object> pairs = new LinkedHashMap<>();
    if (accept('}')) {
      return pairs;
    }
    do {
      if (!accept('"')) {
        throw wrong();
      }
      String key = string();
      if (!accept(':') || pairs.containsKey(key)) {
        throw wrong();
      }
      pairs.put(key, value(depth + 1));
    } while (accept(','));
    if (!accept('}')) {
      throw wrong();
    }
    return pairs;
  }

  private String string() throws NdferryException {
    StringBuilder out = new StringBuilder();
    while (at < text.length()) {
      char c = text.charAt(at++);
      if (c == '"') {
        return out.toString();
      }
      if (c < ' ') {
        throw wrong();
      }
      if (c != '\\') {
        out.append(c);
        continue;
      }
      char code = at < text.length() ? text.charAt(at++) : 0;
      int plain = "\"\\/bfnrt".indexOf(code);
      if (plain >= 0) {
        out.append("\"\\/\b\f\n\r\t".charAt(plain));
      } else if (code == 'u' && at + 4 <= text.length()) {
        int unit = 0;
        for (int i = 0; i < 4; i++) {
          int digit = Character.digit(text.charAt(at++), 16);
          if (digit < 0) {
            throw wrong();
          }
          unit = unit * 16 + digit;
        }
        out.append((char) unit);
      } else {
        throw wrong();
      }
    }
    throw wrong();
  }

  private Object number() throws NdferryException {
    int start = at;
    while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
    String digits = text.substring(start, at);
    if (!digits.matches("-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?")) {
      throw wrong();
    }
    if (digits.matches("-?[0-9]{1,18}")) {
      return Long.parseLong(digits);
    }
    return Double.parseDouble(digits);
  }

  /**
   * Writes a value: maps, iterables, text, numbers, booleans, null, and arrays of double.
   *
   * @param value what
   * @return JSON in one line; numbers that are not finite become null
   * @throws IllegalArgumentException for anything else
   */
  public static String write(Object value) {
    StringBuilder out = new StringBuilder();
    write(value, out);
    return out.toString();
  }

  private static void write(Object value, StringBuilder out) {
    String comma = "";
    if (value instanceof Map) {
      out.append('{');
      for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
        out.append(comma).append(quote(String.valueOf(entry.getKey()))).append(':');
        write(entry.getValue(), out);
        comma = ",";
      }
      out.append('}');
    } else if (value instanceof Iterable) {
      out.append('[');
      for (Object item : (Iterable<?>) value) {
        out.append(comma);
        write(item, out);
        comma = ",";
      }
      out.append(']');
    } else if (value instanceof double[]) {
      out.append('[');
      for (double item : (double[]) value) {
        out.append(comma);
        write(item, out);
        comma = ",";
      }
      out.append(']');
    } else if (value instanceof Double || value instanceof Float) {
      double number = ((Number) value).doubleValue();
      boolean finite = !Double.isNaN(number) && !Double.isInfinite(number);
      boolean whole = finite && number == Math.rint(number) && Math.abs(number) < 1e15;
      out.append(!finite ? "null" : whole ? String.valueOf((long) number) : String.valueOf(value));
    } else if (value == null || value instanceof Boolean || value instanceof Number) {
      out.append(value);
    } else if (value instanceof CharSequence) {
      out.append(quote(value.toString()));
    } else {
      throw new IllegalArgumentException("no JSON for " + value.getClass());
    }
  }

  /** Text as JSON spells it. */
  static String quote(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ' || Character.isSurrogate(c)) {
        out.append(String.format("\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    return out.append('"').toString();
  }
}
