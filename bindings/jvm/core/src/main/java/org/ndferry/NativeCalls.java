package org.ndferry;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;

/** The functions of the native library, which {@link Natives} loads. Each throws what {@link #fail} throws. */
final class NativeCalls {
  /** Grows when what is declared here changes; a library with another number is not used. */
  static final int ABI = 1;

  private NativeCalls() {}

  static native int abi();

  static native String version();

  /** One more: what a call costs. */
  static native int successor(int number);

  /** Panics in Rust. */
  static native void panic(String text) throws IOException;

  /** Forgets what a number stands for. */
  static native void free(long number);

  /** How many numbers stand for something. */
  static native long held();

  /**
   * Unpacks a block of an NPB file: codec and, above 8 bits, filter; kind of the elements, above 8 bits the byte order, above
   * 16 the width.
   */
  static native byte[] unpack(int how, long element, long itemsize, byte[] body, int from, int nbytes)
      throws IOException;

  static native long open(String path) throws IOException;

  static native byte[] members(long file) throws IOException;

  static native Object[] read(long file, int member, String index) throws IOException;

  static native long readInto(long file, int member, String index, ByteBuffer into, int from, int to)
      throws IOException;

  /** Calls a function of arrays; {@link NativeArrays#write} says what they are. */
  static native Object[] call(String name, byte[] operands, ByteBuffer[] direct, byte[][] heap, String options)
      throws IOException;

  static native byte[] functions();

  static native Object[] unpickleFile(String path, boolean opaque) throws IOException;

  static native Object[] unpickle(byte[] pickle, boolean opaque) throws IOException;

  static native Object[] objects(long file, int member, boolean opaque) throws IOException;

  static native byte[] pickle(byte[] records, ByteBuffer[] direct, byte[][] heap, int protocol)
      throws IOException;

  /** Called by the library: throws what is wrong. The numbers are those of {@code failure.rs}. */
  static void fail(int kind, long offset, String text) throws IOException {
    switch (kind) {
      case 0:
        throw problem(NdferryException.Reason.FORMAT, offset, text);
      case 1:
        throw problem(NdferryException.Reason.UNSUPPORTED, offset, text);
      case 2:
        throw problem(NdferryException.Reason.LIMIT, offset, text);
      case 3:
        throw problem(NdferryException.Reason.PROTOCOL, offset, text);
      case 4:
        throw new IOException(text);
      case 5:
        throw new IllegalArgumentException(text);
      case 6:
        throw new IndexOutOfBoundsException(text);
      case 7:
        throw new IllegalStateException(text);
      case 8:
        throw new InterruptedIOException(text);
      case 10:
        throw new OutOfMemoryError(text);
      case 9:
        throw NdferryException.bug(text);
      default:
        throw new FunctionException(FunctionException.Kind.values()[kind - 16], text);
    }
  }

  /** The library's text has the place in it already. */
  private static NdferryException problem(NdferryException.Reason reason, long offset, String text) {
    String place = "byte " + offset + ": ";
    boolean named = offset >= 0 && text.startsWith(place);
    String problem = named ? text.substring(place.length()) : text;
    return new NdferryException(reason, named || !text.contains(place) ? offset : -1, problem);
  }
}
