package org.ndferry;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.ZipEntry;

/** The directory at the end of a ZIP file, which is what counts in it. */
final class ZipDirectory {
  private static final int END = 0x06054b50;
  private static final int END64 = 0x06064b50;
  private static final int LOCATOR64 = 0x07064b50;
  private static final int CENTRAL = 0x02014b50;
  private static final int LOCAL = 0x04034b50;

  /** Bytes of the longest directory that is read. */
  private static final long LIMIT = 64 << 20;

  /** Deflate never makes less of anything. */
  private static final long RATIO = 1032;

  private ZipDirectory() {}

  /** One file of the archive. */
  static final class Member {
    private String name;
    private int method;
    private long crc;
    private long packed;
    private long size;
    private long header;

    String name() {
      return name;
    }

    int method() {
      return method;
    }

    long crc() {
      return crc;
    }

    long packed() {
      return packed;
    }

    long size() {
      return size;
    }

    /** Where its bytes begin; the local header must agree. */
    long dataOffset(Input input) throws IOException {
      ByteBuffer local = little(input.bytes(header, 30));
      if (local.getInt(0) != LOCAL || local.getShort(8) != method) {
        throw NdferryException.format(header, "its local header contradicts the directory");
      }
      long start = header + 30 + (local.getShort(26) & 0xffff) + (local.getShort(28) & 0xffff);
      if (start > input.size() || packed > input.size() - start) {
        throw NdferryException.format(header, "its bytes lie outside of the file");
      }
      return start;
    }
  }

  private static ByteBuffer little(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN);
  }

  static List<Member> read(Input input) throws IOException {
    int tailNbytes = (int) Math.min(input.size(), 22 + 0xffff);
    long tailAt = input.size() - tailNbytes;
    ByteBuffer tail = little(input.bytes(tailAt, tailNbytes));
    int at = tailNbytes - 22;
    while (at >= 0 && (tail.getInt(at) != END || (tail.getShort(at + 20) & 0xffff) > tailNbytes - at - 22)) {
      at--;
    }
    if (at < 0) {
      throw NdferryException.format(0, "not an archive: there is no directory at its end");
    }
    long endAt = tailAt + at;
    long count = tail.getShort(at + 10) & 0xffff;
    long nbytes = tail.getInt(at + 12) & 0xffffffffL;
    long start = tail.getInt(at + 16) & 0xffffffffL;
    if (at >= 20 && tail.getInt(at - 20) == LOCATOR64) {
      long place = tail.getLong(at - 12);
      ByteBuffer wide = little(input.bytes(place, 56));
      if (wide.getInt(0) != END64) {
        throw NdferryException.format(place, "no 64-bit directory where the file says it is");
      }
      count = wide.getLong(32);
      nbytes = wide.getLong(40);
      start = wide.getLong(48);
      endAt = place;
    }
    if (nbytes < 0 || start < 0 || start > endAt || nbytes > endAt - start) {
      throw NdferryException.format(endAt, "the directory does not lie where its end says");
    }
    if (nbytes > LIMIT) {
      throw NdferryException.limit(endAt, "a directory of " + nbytes + " bytes");
    }
    return members(little(input.bytes(start, nbytes)), start, count);
  }

  private static List<Member> members(ByteBuffer directory, long start, long count)
      throws NdferryException {
    List<Member> members = new ArrayList<>();
    int at = 0;
    for (long i = 0; i < count; i++) {
      if (directory.limit() - at < 46 || directory.getInt(at) != CENTRAL) {
        throw NdferryException.format(start + at, "the directory has fewer entries than it says");
      }
      int nameNbytes = directory.getShort(at + 28) & 0xffff;
      int extraNbytes = directory.getShort(at + 30) & 0xffff;
      int next = at + 46 + nameNbytes + extraNbytes + (directory.getShort(at + 32) & 0xffff);
      if (next > directory.limit()) {
        throw NdferryException.format(start + at, "an entry of the directory is cut off");
      }
      int flags = directory.getShort(at + 8);
      Member member = new Member();
      member.method = directory.getShort(at + 10) & 0xffff;
      member.crc = directory.getInt(at + 16) & 0xffffffffL;
      member.packed = directory.getInt(at + 20) & 0xffffffffL;
      member.size = directory.getInt(at + 24) & 0xffffffffL;
      member.header = directory.getInt(at + 42) & 0xffffffffL;
      byte[] name = Arrays.copyOfRange(directory.array(), at + 46, at + 46 + nameNbytes);
      member.name = name(name, (flags & 0x800) != 0, start + at);
      widen(directory, at + 46 + nameNbytes, extraNbytes, member);
      check(member, flags, start + at);
      members.add(member);
      at = next;
    }
    if (at != directory.limit()) {
      throw NdferryException.format(start + at, "the directory has more bytes than entries");
    }
    List<Member> inOrder = new ArrayList<>(members);
    inOrder.sort((a, b) -> Long.compare(a.header, b.header));
    for (int i = 1; i < inOrder.size(); i++) {
      Member before = inOrder.get(i - 1);
      if (before.header + 30 + before.packed > inOrder.get(i).header) {
        throw NdferryException.format(inOrder.get(i).header, "two members overlap");
      }
    }
    return members;
  }

  private static String name(byte[] bytes, boolean utf8, long place) throws NdferryException {
    String name;
    try {
      Charset charset = utf8 ? StandardCharsets.UTF_8 : Charset.forName("IBM437");
      name = charset.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException error) {
      throw NdferryException.format(place, "a member's name is not UTF-8");
    } catch (IllegalArgumentException error) {
      name = new String(bytes, StandardCharsets.ISO_8859_1); // a Java without that code page
    }
    boolean bad = name.startsWith("/") || name.matches("[A-Za-z]:.*");
    for (String part : name.split("[/\\\\]")) {
      bad |= part.equals("..");
    }
    bad |= name.chars().anyMatch(c -> c < ' ');
    if (bad) {
      throw NdferryException.format(place, "a member's name that leads elsewhere: " + Literal.quote(name));
    }
    return name;
  }

  /** Sizes of more than 32 bits stand in an extra field. */
  private static void widen(ByteBuffer directory, int start, int nbytes, Member member)
      throws NdferryException {
    int at = start;
    while (at + 4 <= start + nbytes) {
      int id = directory.getShort(at) & 0xffff;
      int length = directory.getShort(at + 2) & 0xffff;
      int end = at + 4 + length;
      if (end > start + nbytes) {
        return;
      }
      if (id == 1) {
        int field = at + 4;
        long[] values = {member.size, member.packed, member.header};
        for (int i = 0; i < 3; i++) {
          if (values[i] == 0xffffffffL) {
            if (field + 8 > end) {
              throw NdferryException.format(-1, member.name + ": its 64-bit sizes are cut off");
            }
            values[i] = directory.getLong(field);
            field += 8;
          }
        }
        member.size = values[0];
        member.packed = values[1];
        member.header = values[2];
      }
      at = end;
    }
  }

  private static void check(Member member, int flags, long place) throws NdferryException {
    String name = member.name + ": ";
    if ((flags & 1) != 0) {
      throw NdferryException.unsupported(place, name + "it is encrypted");
    }
    if (member.method != ZipEntry.STORED && member.method != ZipEntry.DEFLATED) {
      String problem = name + "packed by method " + member.method + ", neither stored nor deflated";
      throw NdferryException.unsupported(place, problem);
    }
    boolean stored = member.method == ZipEntry.STORED;
    boolean possible = stored ? member.size == member.packed : member.size / RATIO <= member.packed;
    if (member.size < 0 || member.packed < 0 || member.header < 0 || !possible) {
      throw NdferryException.format(place, name + "its sizes cannot be true");
    }
  }
}
