package org.ndferry;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** How pickles spell text. */
final class PickleText {
  private PickleText() {}

  /** STRING: {@code repr} of Python 2's str. */
  static byte[] quoted(String line, int at) throws NdferryException {
    String text = line.trim();
    int n = text.length();
    boolean quotes = n >= 2 && (text.charAt(0) == '\'' || text.charAt(0) == '"');
    if (!quotes || text.charAt(n - 1) != text.charAt(0)) {
      throw NdferryException.format(at, "a string without quotes");
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int i = 1; i < n - 1; i++) {
      char c = text.charAt(i);
      if (c != '\\' || i + 1 >= n - 1) {
        out.write(c);
        continue;
      }
      char code = text.charAt(++i);
      int plain = "\\'\"ntrabfv".indexOf(code);
      if (plain >= 0) {
        out.write("\\'\"\n\t\r\u0007\b\f\u000b".charAt(plain));
      } else if (code == 'x') {
        out.write(hex(text, i + 1, Math.min(i + 3, n - 1), 2, at));
        i += 2;
      } else if (code >= '0' && code <= '7') {
        int value = 0;
        int digits = 0;
        while (digits < 3 && i < n - 1 && text.charAt(i) >= '0' && text.charAt(i) <= '7') {
          value = value * 8 + text.charAt(i++) - '0';
          digits++;
        }
        i--;
        out.write(value);
      } else {
        out.write('\\');
        out.write(code);
      }
    }
    return out.toByteArray();
  }

  /** UNICODE: Latin-1, where only {@code \}{@code u} and {@code \}{@code U} are escapes. */
  static String rawUnicode(String line, int at) throws NdferryException {
    if (line.indexOf('\\') < 0) {
      return line;
    }
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      char code = i + 1 < line.length() ? line.charAt(i + 1) : 0;
      if (c != '\\' || (code != 'u' && code != 'U')) {
        out.append(c);
        continue;
      }
      int digits = code == 'u' ? 4 : 8;
      int point = hex(line, i + 2, Math.min(i + 2 + digits, line.length()), digits, at);
      if (!Character.isValidCodePoint(point)) {
        throw NdferryException.format(at, "an escape that is not a character");
      }
      out.appendCodePoint(point);
      i += 1 + digits;
    }
    return out.toString();
  }

  private static int hex(String text, int from, int end, int digits, int at) throws NdferryException {
    int value = 0;
    for (int i = from; i < end; i++) {
      int digit = text.charAt(i) < 128 ? Character.digit(text.charAt(i), 16) : -1;
      if (digit < 0) {
        throw NdferryException.format(at, "an escape that is cut off");
      }
      value = value * 16 + digit;
    }
    if (end - from != digits) {
      throw NdferryException.format(at, "an escape that is cut off");
    }
    return value;
  }

  /** UTF-8, in which Python also writes halves of surrogate pairs. */
  static String utf8(ByteBuffer bytes, int at) throws NdferryException {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes.duplicate()).toString();
    } catch (CharacterCodingException error) {
      return surrogates(bytes, at);
    }
  }

  private static String surrogates(ByteBuffer bytes, int at) throws NdferryException {
    StringBuilder out = new StringBuilder();
    int start = 0;
    for (int i = 0; i + 2 < bytes.limit(); i++) {
      boolean half = (bytes.get(i) & 0xff) == 0xed && (bytes.get(i + 1) & 0xe0) == 0xa0;
      if (half && (bytes.get(i + 2) & 0xc0) == 0x80) {
        out.append(part(bytes, start, i, at));
        out.append((char) (0xd000 | (bytes.get(i + 1) & 0x3f) << 6 | bytes.get(i + 2) & 0x3f));
        i += 2;
        start = i + 1;
      }
    }
    return out.append(part(bytes, start, bytes.limit(), at)).toString();
  }

  private static String part(ByteBuffer bytes, int start, int end, int at) throws NdferryException {
    ByteBuffer part = bytes.duplicate();
    part.position(start);
    part.limit(end);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(part).toString();
    } catch (CharacterCodingException error) {
      throw NdferryException.format(at, "text that is not UTF-8");
    }
  }
}
