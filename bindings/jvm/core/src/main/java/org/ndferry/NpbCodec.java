package org.ndferry;

import java.util.Arrays;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/** How one block is packed: a filter, then a codec. */
final class NpbCodec {
  static final int RAW = 0;
  static final int LZ4 = 1;
  static final int DEFLATE = 4;

  static final int NONE = 0;
  static final int SHUFFLE = 1;
  static final int BITSHUFFLE = 2;
  static final int DELTA = 3;

  private static final int OWN = 1 << RAW | 1 << LZ4 | 1 << DEFLATE;

  /** A bit for each filter. */
  static final int FILTERS = 0xf;

  private static final String[] NAMES = {"raw", "lz4", "zstd", "pco", "deflate"};

  private NpbCodec() {}

  /** A bit for each codec that is unpacked here, with the native library all. */
  static int codecs() {
    return Natives.isAvailable() ? (1 << NAMES.length) - 1 : OWN;
  }

  static int known(int codec, Cursor in) throws NdferryException {
    if (codec >= NAMES.length) {
      throw NdferryException.unsupported(in.offset() - 1, "codec " + codec + " is not known");
    }
    return codec;
  }

  static int knownFilter(int filter, Cursor in) throws NdferryException {
    if (filter > DELTA) {
      throw NdferryException.unsupported(in.offset() - 1, "filter " + filter + " is not known");
    }
    return filter;
  }

  static byte[] pack(int codec, int filter, int level, int width, byte[] raw) {
    byte[] filtered = filter == SHUFFLE && width > 1 ? shuffle(raw, width, true) : raw;
    if (codec == RAW) {
      return filtered;
    }
    Deflater deflater = new Deflater(level);
    try {
      deflater.setInput(filtered);
      deflater.finish();
      byte[] out = new byte[filtered.length / 2 + 64];
      int n = 0;
      while (!deflater.finished()) {
        if (n == out.length) {
          out = Arrays.copyOf(out, out.length * 2);
        }
        n += deflater.deflate(out, n, out.length - n);
      }
      return Arrays.copyOf(out, n);
    } finally {
      deflater.end();
    }
  }

  /** Unpacks a payload to exactly {@code nbytes} bytes, which have been compared with the grid and a limit. */
  static byte[] unpack(NpbManifest of, int codec, int filter, byte[] body, int from, int nbytes)
      throws NdferryException {
    int width = (int) Math.max(of.width, 1);
    if ((OWN >> codec & 1) == 0 && Natives.isAvailable()) {
      return natively(of, codec, filter, body, from, nbytes);
    }
    byte[] filtered;
    switch (codec) {
      case RAW:
        filtered = Arrays.copyOfRange(body, from, body.length);
        break;
      case LZ4:
        filtered = lz4(body, from, nbytes);
        break;
      case DEFLATE:
        filtered = inflate(body, from, nbytes);
        break;
      default:
        String hint = ": without native code only raw, lz4 and deflate blocks are read";
        throw NdferryException.unsupported(-1, "a block packed with " + NAMES[codec] + hint);
    }
    if (filtered.length != nbytes) {
      throw NdferryException.format(-1, "a block unpacks to another length than it says");
    }
    switch (filter) {
      case SHUFFLE:
        return width > 1 ? shuffle(filtered, width, false) : filtered;
      case BITSHUFFLE:
        return unbitshuffle(filtered, width);
      case DELTA:
        if (of.numbers == 0 || width > 8 || Integer.bitCount(width) != 1) {
          throw NdferryException.format(-1, "differences of what are no numbers of 1, 2, 4 or 8 bytes");
        }
        byte[] differences = width > 1 ? shuffle(filtered, width, false) : filtered;
        return undelta(differences, width, of.endian == 2);
      default:
        return filtered;
    }
  }

  private static byte[] natively(
      NpbManifest of, int codec, int filter, byte[] body, int from, int nbytes)
      throws NdferryException {
    long element = of.numbers | of.endian << 8 | of.width << 16;
    try {
      return NativeCalls.unpack(codec | filter << 8, element, of.itemsize, body, from, nbytes);
    } catch (NdferryException error) {
      throw error;
    } catch (java.io.IOException error) {
      throw NdferryException.bug(String.valueOf(error.getMessage()));
    }
  }

  private static byte[] inflate(byte[] body, int from, int nbytes) throws NdferryException {
    Inflater inflater = new Inflater();
    try {
      inflater.setInput(body, from, body.length - from);
      byte[] out = new byte[nbytes];
      int n = 0;
      while (n < nbytes) {
        int got = inflater.inflate(out, n, nbytes - n);
        if (got == 0) {
          throw NdferryException.format(-1, "a deflated block ends too early");
        }
        n += got;
      }
      // The end of the stream, with its checksum, may still be unread.
      if (inflater.inflate(new byte[1]) != 0 || !inflater.finished() || inflater.getRemaining() != 0) {
        throw NdferryException.format(-1, "a deflated block unpacks to another length than it says");
      }
      return out;
    } catch (DataFormatException error) {
      throw NdferryException.format(-1, "a deflated block is damaged: " + error.getMessage());
    } finally {
      inflater.end();
    }
  }

  /** One LZ4 block (lz4_Block_format.md). */
  private static byte[] lz4(byte[] body, int from, int nbytes) throws NdferryException {
    byte[] out = new byte[nbytes];
    int at = from;
    int n = 0;
    try {
      while (at < body.length) {
        int token = body[at++] & 0xff;
        int literals = token >> 4;
        if (literals == 15) {
          int more;
          do {
            more = body[at++] & 0xff;
            literals = Math.addExact(literals, more);
          } while (more == 255);
        }
        System.arraycopy(body, at, out, n, literals);
        at += literals;
        n += literals;
        if (at == body.length) {
          return Arrays.copyOf(out, n);
        }
        int distance = body[at++] & 0xff | (body[at++] & 0xff) << 8;
        int match = (token & 15) + 4;
        if ((token & 15) == 15) {
          int more;
          do {
            more = body[at++] & 0xff;
            match = Math.addExact(match, more);
          } while (more == 255);
        }
        if (distance == 0 || distance > n || match > nbytes - n) {
          throw NdferryException.format(-1, "an lz4 block is damaged");
        }
        for (int i = 0; i < match; i++, n++) {
          out[n] = out[n - distance];
        }
      }
    } catch (IndexOutOfBoundsException | ArithmeticException error) {
      throw NdferryException.format(-1, "an lz4 block is damaged");
    }
    return Arrays.copyOf(out, n);
  }

  /** All first bytes of the numbers, then all second ones, ...; or back. */
  private static byte[] shuffle(byte[] from, int width, boolean forth) {
    byte[] out = from.clone(); // what is no whole number at the end stays
    int count = from.length / width;
    for (int plane = 0; plane < width; plane++) {
      int at = plane * count;
      for (int i = 0, number = plane; i < count; i++, number += width) {
        if (forth) {
          out[at + i] = from[number];
        } else {
          out[number] = from[at + i];
        }
      }
    }
    return out;
  }

  private static byte[] unbitshuffle(byte[] from, int width) {
    byte[] out = new byte[from.length];
    int count = from.length / width / 8 * 8;
    int planeNbytes = count / 8;
    for (int bit = 0; bit < 8 * width; bit++) {
      int at = bit * planeNbytes;
      int to = bit / 8;
      int mask = 1 << bit % 8;
      for (int i = 0; i < planeNbytes; i++) {
        int eight = from[at + i];
        for (int j = 0; j < 8; j++) {
          if ((eight >> j & 1) != 0) {
            out[(8 * i + j) * width + to] |= (byte) mask;
          }
        }
      }
    }
    int done = count * width;
    System.arraycopy(from, done, out, done, from.length - done);
    return out;
  }

  private static byte[] undelta(byte[] numbers, int width, boolean big) {
    Bytes bytes = Bytes.wrap(numbers);
    long value = 0;
    for (int at = 0; at + width <= numbers.length; at += width) {
      value += bytes.bits(at, width, big);
      bytes.putBits(at, width, big, value);
    }
    return numbers;
  }
}
