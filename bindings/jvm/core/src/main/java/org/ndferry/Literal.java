package org.ndferry;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The Python literals that an NPY header may hold, and no others: {@link String}, {@link Long}, {@link Boolean}, {@link
 * #NONE}, {@link Tuple}, {@link List} and {@link Map}.
 */
final class Literal {
  /** Python's {@code None}. */
  static final Object NONE = new Object();

  private static final int MAX_DEPTH = 200;
  private static final int MAX_NAMES = 16;

  private final String text;
  private final boolean utf8;
  private final long start;
  private int at;
  private int names;

  /** Python's tuple, which is not a list. */
  static final class Tuple {
    private final List<Object> items;

    Tuple(List<Object> items) {
      this.items = items;
    }

    List<Object> items() {
      return items;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Tuple && items.equals(((Tuple) other).items);
    }

    @Override
    public int hashCode() {
      return items.hashCode();
    }
  }

  private Literal(String text, boolean utf8, long start) {
    this.text = text;
    this.utf8 = utf8;
    this.start = start;
  }

  /** Parses a whole text that lies {@code start} bytes into the input. */
  static Object parse(byte[] bytes, boolean utf8, long start) throws NdferryException {
    String text;
    if (utf8) {
      try {
        text =
            StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT)
                .decode(ByteBuffer.wrap(bytes))
                .toString();
      } catch (CharacterCodingException error) {
        throw NdferryException.format(start, "the header is not UTF-8");
      }
    } else {
      text = new String(bytes, StandardCharsets.ISO_8859_1);
    }
    Literal parser = new Literal(text, utf8, start);
    parser.space();
    Object value = parser.value(0);
    parser.space();
    if (parser.at < text.length()) {
      throw parser.wrong("something after the header's dictionary");
    }
    return value;
  }

  private NdferryException wrong(String problem) {
    int place = Math.min(at, text.length());
    int offset = utf8 ? text.substring(0, place).getBytes(StandardCharsets.UTF_8).length : place;
    return NdferryException.format(start + offset, problem);
  }

  private int peek(int ahead) {
    return at + ahead < text.length() ? text.charAt(at + ahead) : -1;
  }

  /** Spaces, comments, and lines that are continued. */
  private void space() {
    for (; ; at++) {
      int c = peek(0);
      if (c == '#') {
        while (peek(1) >= 0 && peek(1) != '\n') {
          at++;
        }
      } else if (c == '\\' && peek(1) == '\n') {
        at++;
      } else if (c < 0 || " \t\n\r\f".indexOf(c) < 0) {
        return;
      }
    }
  }

  private Object value(int depth) throws NdferryException {
    if (depth > MAX_DEPTH) {
      throw wrong("nested more than " + MAX_DEPTH + " deep");
    }
    int c = peek(0);
    switch (c) {
      case '(':
        return parenthesis(depth);
      case '[':
        at++;
        return items(']', depth, null);
      case '{':
        return dictionary(depth);
      default:
        break;
    }
    boolean prefixed = c >= 0 && "rRuU".indexOf(c) >= 0 && (peek(1) == '\'' || peek(1) == '"');
    if (c == '\'' || c == '"' || prefixed) {
      return strings();
    }
    if (c == '-' || c == '+' || (c >= '0' && c <= '9')) {
      return integer();
    }
    int end = at;
    while (end < text.length() && (Character.isLetterOrDigit(text.charAt(end)) || text.charAt(end) == '_')) {
      end++;
    }
    Object value;
    switch (text.substring(at, Math.min(end, at + 8))) {
      case "True":
        value = Boolean.TRUE;
        break;
      case "False":
        value = Boolean.FALSE;
        break;
      case "None":
        value = NONE;
        break;
      default:
        throw wrong("neither text, a number, True, False, None, a tuple, a list nor a dictionary");
    }
    at = end;
    return value;
  }

  /** A tuple, or a value in parentheses. */
  private Object parenthesis(int depth) throws NdferryException {
    at++;
    boolean[] comma = {false};
    List<Object> items = items(')', depth, comma);
    return items.size() == 1 && !comma[0] ? items.get(0) : new Tuple(items);
  }

  private List<Object> items(char close, int depth, boolean[] comma) throws NdferryException {
    List<Object> items = new ArrayList<>();
    for (; ; ) {
      space();
      if (peek(0) == close) {
        at++;
        return items;
      }
      items.add(value(depth + 1));
      space();
      if (peek(0) == ',') {
        at++;
        if (comma != null) {
          comma[0] = true;
        }
      } else if (peek(0) != close) {
        throw wrong("expected , or " + close);
      }
    }
  }

  private Map<Object, Object> dictionary(int depth) throws NdferryException {
    at++;
    Map<Object, Object> pairs = new LinkedHashMap<>();
    for (; ; ) {
      space();
      if (peek(0) == '}') {
        at++;
        return pairs;
      }
      Object key = value(depth + 1);
      space();
      if (peek(0) != ':') {
        throw wrong("expected :");
      }
      at++;
      space();
      // Of a key that is there twice Python keeps the last.
      pairs.put(key, value(depth + 1));
      space();
      if (peek(0) == ',') {
        at++;
      } else if (peek(0) != '}') {
        throw wrong("expected , or }");
      }
    }
  }

  private Long integer() throws NdferryException {
    boolean negative = false;
    while (peek(0) == '-' || peek(0) == '+') {
      negative ^= peek(0) == '-';
      at++;
      space();
    }
    int radix = 10;
    boolean wasDigit = false;
    if (peek(0) == '0' && peek(1) >= 0 && "xXoObB".indexOf(peek(1)) >= 0) {
      int letter = Character.toLowerCase(peek(1));
      radix = letter == 'x' ? 16 : letter == 'o' ? 8 : 2;
      at += 2;
      wasDigit = true; // 0x_f is spelled with an underscore there
    }
    int first = at;
    int digits = 0;
    long value = 0;
    for (; ; at++) {
      int c = peek(0);
      int digit = c >= 0 && c < 128 ? Character.digit(c, radix) : -1;
      if (c == '_' && wasDigit) {
        wasDigit = false;
      } else if (digit >= 0) {
        if (value > (Long.MAX_VALUE - digit) / radix) {
          throw wrong("a number that is too large");
        }
        value = value * radix + digit;
        digits++;
        wasDigit = true;
      } else {
        break;
      }
    }
    if (digits == 0 || !wasDigit) {
      throw wrong("not an integer");
    }
    if (radix == 10 && digits > 1 && text.charAt(first) == '0' && value != 0) {
      throw wrong("a number with leading zeros");
    }
    if (peek(0) == 'l' || peek(0) == 'L') {
      at++; // Python 2's long
    }
    int c = peek(0);
    if (c >= 0 && (Character.isLetterOrDigit(c) || c == '.' || c == '_')) {
      throw wrong("not an integer");
    }
    return negative ? -value : value;
  }

  /** One or more adjacent strings, which Python joins. */
  private String strings() throws NdferryException {
    StringBuilder out = new StringBuilder();
    for (; ; ) {
      int c = peek(0);
      boolean raw = c == 'r' || c == 'R';
      if (raw || c == 'u' || c == 'U') {
        c = peek(1);
        if (c != '\'' && c != '"') {
          return out.toString();
        }
        at++;
      } else if (c != '\'' && c != '"') {
        return out.toString();
      }
      string((char) c, raw, out);
      space();
    }
  }

  private void string(char quote, boolean raw, StringBuilder out) throws NdferryException {
    String three = "" + quote + quote + quote;
    boolean triple = text.startsWith(three, at);
    at += triple ? 3 : 1;
    for (; ; ) {
      int c = peek(0);
      if (c < 0 || (c == '\n' && !triple)) {
        throw wrong("a string without an end");
      }
      if (c == 0) {
        throw wrong("a zero byte");
      }
      if (c == '\\') {
        at++;
        if (!raw) {
          escape(out);
          continue;
        }
        out.append('\\');
        if (peek(0) == quote || peek(0) == '\\') {
          out.append((char) peek(0));
          at++;
        }
        continue;
      }
      if (c == quote && (!triple || text.startsWith(three, at))) {
        at += triple ? 3 : 1;
        return;
      }
      out.append((char) c);
      at++;
    }
  }

  /** What follows a backslash. */
  private void escape(StringBuilder out) throws NdferryException {
    int code = peek(0);
    if (code < 0) {
      throw wrong("a string without an end");
    }
    at++;
    int plain = "\\'\"nrtabfv".indexOf(code);
    if (code == '\n') {
      return;
    } else if (plain >= 0) {
      out.append("\\'\"\n\r\t\u0007\b\f\u000b".charAt(plain));
    } else if (code >= '0' && code <= '7') {
      at--;
      out.appendCodePoint(digits(8, 1, 3));
    } else if (code == 'x') {
      out.appendCodePoint(digits(16, 2, 2));
    } else if (code == 'u') {
      out.appendCodePoint(digits(16, 4, 4));
    } else if (code == 'U') {
      out.appendCodePoint(digits(16, 8, 8));
    } else if (code == 'N') {
      out.appendCodePoint(named());
    } else {
      out.append('\\'); // Python keeps an unknown escape as it is.
      at--;
    }
  }

  /** The character of {@code \N{...}}. */
  private int named() throws NdferryException {
    int end = text.indexOf('}', at);
    if (peek(0) != '{' || end < 0 || end > at + 128) {
      throw wrong("not the name of a character");
    }
    if (++names > MAX_NAMES) {
      throw wrong("more than " + MAX_NAMES + " characters by their names"); // each takes milliseconds
    }
    String name = text.substring(at + 1, end).toUpperCase(java.util.Locale.ROOT);
    for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
      if (name.equals(Character.getName(c))) {
        at = end + 1;
        return c;
      }
    }
    throw wrong("not the name of a character");
  }

  private int digits(int radix, int least, int most) throws NdferryException {
    int value = 0;
    int count = 0;
    while (count < most) {
      int c = peek(0);
      int digit = c >= 0 && c < 128 ? Character.digit(c, radix) : -1;
      if (digit < 0) {
        break;
      }
      value = value * radix + digit;
      count++;
      at++;
    }
    if (count < least) {
      throw wrong("an escape that is cut off");
    }
    if (!Character.isValidCodePoint(value)) {
      throw wrong("an escape that is not a character");
    }
    return value;
  }

  /** Python's spelling of a shape. */
  static String tuple(long[] shape) {
    StringBuilder out = new StringBuilder("(");
    for (int i = 0; i < shape.length; i++) {
      out.append(i > 0 ? ", " : "").append(shape[i]);
    }
    return out.append(shape.length == 1 ? ",)" : ")").toString();
  }

  /** {@code repr} of a Python 3 str. */
  static String quote(String text) {
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    StringBuilder out = new StringBuilder().append(quote);
    text.codePoints()
        .forEach(
            c -> {
              if (c == quote || c == '\\') {
                out.append('\\').append((char) c);
              } else if (c == '\n') {
                out.append("\\n");
              } else if (c == '\r') {
                out.append("\\r");
              } else if (c == '\t') {
                out.append("\\t");
              } else if (isPrintable(c)) {
                out.appendCodePoint(c);
              } else if (c < 256) {
                out.append(String.format("\\x%02x", c));
              } else {
                out.append(String.format(c < 0x10000 ? "\\u%04x" : "\\U%08x", c));
              }
            });
    return out.append(quote).toString();
  }

  private static boolean isPrintable(int c) {
    switch (Character.getType(c)) {
      case Character.CONTROL:
      case Character.FORMAT:
      case Character.SURROGATE:
      case Character.PRIVATE_USE:
      case Character.UNASSIGNED:
      case Character.LINE_SEPARATOR:
      case Character.PARAGRAPH_SEPARATOR:
        return false;
      case Character.SPACE_SEPARATOR:
        return c == ' ';
      default:
        return true;
    }
  }
}
