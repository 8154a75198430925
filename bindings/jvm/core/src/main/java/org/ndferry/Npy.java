package org.ndferry;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** NPY files, which {@code numpy.save} writes and {@code numpy.load} reads. */
public final class Npy {
  private Npy() {}

  /**
   * Reads a file into memory.
   *
   * @param file an NPY file
   * @return its array
   * @throws NdferryException if it is not such a file, is cut off, or holds Python objects
   * @throws IOException as the system says
   */
  public static NDArray read(Path file) throws IOException {
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
      return read(in, Files.size(file));
    }
  }

  /**
   * Reads an array from memory.
   *
   * @param file an NPY file's bytes
   * @return its array, a copy
   * @throws NdferryException if these are not such a file's, are cut off, or hold Python objects
   */
  public static NDArray read(byte[] file) throws NdferryException {
    try {
      return read(new ByteArrayInputStream(file), file.length);
    } catch (NdferryException error) {
      throw error;
    } catch (IOException error) {
      throw new IllegalStateException(error); // memory does not fail
    }
  }

  /**
   * Reads one array from a stream and leaves the stream right behind it, where another may follow.
   *
   * @param in at the start of an NPY file
   * @return its array
   * @throws NdferryException if it is not such a file, is cut off, or holds Python objects
   * @throws IOException as the stream says
   */
  public static NDArray read(InputStream in) throws IOException {
    return read(in, -1);
  }

  /** {@code length} is of the whole input, or -1 if nobody knows. */
  static NDArray read(InputStream in, long length) throws IOException {
    NpyHeader header = NpyHeader.read(in);
    refuseObjects(header);
    long available = length < 0 ? -1 : length - header.nbytes();
    Bytes bytes = Bytes.read(in, header.dataNbytes(), available, header.nbytes());
    return NDArray.contiguous(bytes, header.dtype(), header.shape(), header.isFortran());
  }

  private static void refuseObjects(NpyHeader header) throws NdferryException {
    if (header.dtype().hasObject()) {
      String problem = "the array holds Python objects, as a pickle; convert it in Python";
      throw NdferryException.unsupported(header.nbytes(), problem);
    }
  }

  /**
   * Maps a file: elements are read when they are looked at, so this takes no time whatever the size. The file must not be
   * cut off meanwhile; the map lives until it is garbage.
   *
   * @param file an NPY file
   * @return its array, read-only
   * @throws NdferryException if it is not such a file, is cut off, or holds Python objects
   * @throws IOException as the system says
   */
  public static NDArray map(Path file) throws IOException {
    NpyHeader header;
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 12)) {
      header = NpyHeader.read(in);
    }
    refuseObjects(header);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long nbytes = header.dataNbytes();
      long found = channel.size() - header.nbytes();
      if (found < nbytes) {
        throw NdferryException.format(
            channel.size(), "cut off: " + nbytes + " bytes are needed, but " + found + " are left");
      }
      List<ByteBuffer> parts = new ArrayList<>();
      for (long at = 0; at < nbytes; at += Bytes.PART) {
        long n = Math.min(nbytes - at, Bytes.PART);
        parts.add(channel.map(FileChannel.MapMode.READ_ONLY, header.nbytes() + at, n));
      }
      Bytes bytes = Bytes.ofParts(parts, nbytes);
      return NDArray.contiguous(bytes, header.dtype(), header.shape(), header.isFortran());
    }
  }

  /**
   * Writes a file, byte for byte as {@code numpy.save} does. It appears whole or not at all; one that is there is
   * replaced.
   *
   * @param file where
   * @param array what; one in Fortran order stays so
   * @throws IllegalArgumentException if the dtype cannot be said in a header: Python objects, fields that overlap
   * @throws IOException as the system says
   */
  public static void write(Path file, NDArray array) throws IOException {
    byte[] head = NpyHeader.of(array).encode();
    Whole.write(
        file,
        out -> {
          out.write(head);
          writeElements(out, array);
        });
  }

  /**
   * Writes one array to a stream, which stays open.
   *
   * @param out where
   * @param array what; one in Fortran order stays so
   * @throws IllegalArgumentException if the dtype cannot be said in a header: Python objects, fields that overlap
   * @throws IOException as the stream says
   */
  public static void write(OutputStream out, NDArray array) throws IOException {
    out.write(NpyHeader.of(array).encode());
    writeElements(out, array);
  }

  /** The elements in the order that {@link NpyHeader#of} says. */
  static void writeElements(OutputStream out, NDArray array) throws IOException {
    NDArray stored = NpyHeader.of(array).isFortran() ? array.transpose() : array;
    byte[] step = new byte[1 << 16];
    for (ByteBuffer piece : stored.buffers()) {
      while (piece.hasRemaining()) {
        int n = Math.min(step.length, piece.remaining());
        piece.get(step, 0, n);
        out.write(step, 0, n);
      }
    }
  }
}
