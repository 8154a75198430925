package org.ndferry;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.Inflater;
import java.util.zip.InflaterInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * NPZ archives, which {@code numpy.savez} and {@code numpy.savez_compressed} write: NPY files in a ZIP file. Members are
 * read when they are asked for.
 */
public final class Npz implements AutoCloseable {
  private final Input input;
  private final Map<String, ZipDirectory.Member> members;

  private Npz(Input input) throws IOException {
    this.input = input;
    Map<String, ZipDirectory.Member> found = new LinkedHashMap<>();
    for (ZipDirectory.Member member : ZipDirectory.read(input)) {
      String name = member.name();
      String key = name.endsWith(".npy") ? name.substring(0, name.length() - 4) : name;
      found.put(key, member); // of two with one name the later is found, as NumPy does
    }
    this.members = Collections.unmodifiableMap(found);
  }

  /**
   * Opens a file; only its directory is read.
   *
   * @param file an NPZ file
   * @return to be closed
   * @throws NdferryException if it is not such a file
   * @throws IOException as the system says
   */
  public static Npz open(Path file) throws IOException {
    Input input = Input.open(file);
    try {
      return new Npz(input);
    } catch (IOException | RuntimeException error) {
      input.close();
      throw error;
    }
  }

  /**
   * Opens an archive in memory.
   *
   * @param file an NPZ file's bytes
   * @return need not be closed
   * @throws NdferryException if these are not such a file's
   * @throws IOException never otherwise
   */
  public static Npz open(byte[] file) throws IOException {
    return new Npz(Input.of(file));
  }

  /**
   * All arrays of a file.
   *
   * @param file an NPZ file
   * @return name (without {@code .npy}) to array, in the file's order
   * @throws NdferryException if it is not such a file, is damaged, or a member is no array of numbers or text
   * @throws IOException as the system says
   */
  public static Map<String, NDArray> read(Path file) throws IOException {
    try (Npz npz = open(file)) {
      Map<String, NDArray> arrays = new LinkedHashMap<>();
      for (String name : npz.names()) {
        arrays.put(name, npz.read(name));
      }
      return arrays;
    }
  }

  /**
   * The names of its arrays, without {@code .npy}.
   *
   * @return in the file's order
   */
  public List<String> names() {
    return Collections.unmodifiableList(new ArrayList<>(members.keySet()));
  }

  /**
   * One of its arrays; the archive's checksum of it is compared.
   *
   * @param name without {@code .npy}
   * @return a new array
   * @throws IllegalArgumentException if there is no such array
   * @throws NdferryException if it is damaged, or holds Python objects
   * @throws IOException as the system says
   */
  public NDArray read(String name) throws IOException {
    ZipDirectory.Member member = members.get(name);
    if (member == null) {
      throw new IllegalArgumentException("no array " + name + "; there are " + members.keySet());
    }
    try {
      return read(member);
    } catch (NdferryException error) {
      throw error.in(member.name());
    }
  }

  private NDArray read(ZipDirectory.Member member) throws IOException {
    long start = member.dataOffset(input);
    InputStream packed = input.stream(start, member.packed());
    Inflater inflater = new Inflater(true);
    try {
      InputStream plain = packed;
      if (member.method() == ZipEntry.DEFLATED) {
        plain = new InflaterInputStream(packed, inflater, 1 << 15);
      }
      Checked in = new Checked(new BufferedInputStream(plain, 1 << 15));
      NDArray array = Npy.read(in, member.size());
      long left = in.skipAll(member.size() - in.count);
      if (left != 0 || in.read() >= 0) {
        throw NdferryException.format(in.count, "its length is not what the directory says");
      }
      if (in.crc.getValue() != member.crc()) {
        throw NdferryException.format(-1, "damaged: its checksum is wrong");
      }
      return array;
    } catch (java.util.zip.ZipException error) {
      throw NdferryException.format(start, "damaged: " + error.getMessage());
    } catch (java.io.EOFException error) {
      throw NdferryException.format(start, "damaged: its packed bytes end too early");
    } finally {
      inflater.end();
    }
  }

  /** Counts and sums what is read. */
  private static final class Checked extends InputStream {
    private final InputStream in;
    final CRC32 crc = new CRC32();
    long count;

    Checked(InputStream in) {
      this.in = in;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int n) throws IOException {
      int got = in.read(into, offset, n);
      if (got > 0) {
        crc.update(into, offset, got);
        count += got;
      }
      return got;
    }

    /** How many of so many bytes are missing. */
    long skipAll(long n) throws IOException {
      byte[] bin = new byte[1 << 13];
      long left = n;
      while (left > 0) {
        int got = read(bin, 0, (int) Math.min(left, bin.length));
        if (got < 0) {
          break;
        }
        left -= got;
      }
      return left;
    }
  }

  /**
   * Writes a file as {@code numpy.savez} does, or with {@code compress} as {@code numpy.savez_compressed}. It appears
   * whole or not at all; one that is there is replaced.
   *
   * @param file where
   * @param arrays name (without {@code .npy}) to array
   * @param compress whether to deflate
   * @throws IllegalArgumentException if a dtype cannot be said in a header: Python objects, fields that overlap
   * @throws IOException as the system says
   */
  public static void write(Path file, Map<String, NDArray> arrays, boolean compress)
      throws IOException {
    Map<String, byte[]> heads = new LinkedHashMap<>();
    for (Map.Entry<String, NDArray> entry : arrays.entrySet()) {
      heads.put(entry.getKey(), NpyHeader.of(entry.getValue()).encode());
    }
    Whole.write(
        file,
        out -> {
          ZipOutputStream zip = new ZipOutputStream(out);
          for (Map.Entry<String, NDArray> entry : arrays.entrySet()) {
            write(zip, entry.getKey(), heads.get(entry.getKey()), entry.getValue(), compress);
          }
          zip.finish();
        });
  }

  private static void write(
      ZipOutputStream zip, String name, byte[] head, NDArray array, boolean compress)
      throws IOException {
    ZipEntry entry = new ZipEntry(name + ".npy");
    entry.setTime(315532800000L); // 1980, as NumPy writes it
    entry.setMethod(compress ? ZipEntry.DEFLATED : ZipEntry.STORED);
    if (!compress) {
      CRC32 crc = new CRC32();
      crc.update(head, 0, head.length);
      Npy.writeElements(
          new OutputStream() {
            @Override
            public void write(int b) {
              crc.update(b);
            }

            @Override
            public void write(byte[] bytes, int offset, int n) {
              crc.update(bytes, offset, n);
            }
          },
          array);
      entry.setCrc(crc.getValue());
      entry.setSize(head.length + array.nbytes());
      entry.setCompressedSize(head.length + array.nbytes());
    }
    zip.putNextEntry(entry);
    zip.write(head);
    Npy.writeElements(zip, array);
    zip.closeEntry();
  }

  /** Closes the file. */
  @Override
  public void close() throws IOException {
    input.close();
  }
}
