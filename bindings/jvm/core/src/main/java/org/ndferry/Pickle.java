package org.ndferry;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Pickles as values of Java, protocols 0 to 5, of Python 2 and 3, with whatever is in them. Needs the native library; {@link
 * PickleReader} and {@link PickleWriter} do not, and know arrays. Nothing that a pickle names is ever imported or run.
 *
 * <p>{@code None} is null; bools, ints, floats, strings and bytes are {@link Boolean}, {@link Long} or {@link
 * java.math.BigInteger}, {@link Double}, {@link String} (Python 2's too, as Latin-1) and {@code byte[]}; a bytearray is a
 * {@link ByteBuffer}; a complex number is {@code double[2]}; lists, tuples, dicts (ordered ones too), sets and frozensets are
 * {@link java.util.ArrayList}, {@link PyTuple}, {@link java.util.LinkedHashMap}, {@link java.util.LinkedHashSet} and {@link
 * PyFrozenSet}; decimals, dates and times without a zone {@link java.math.BigDecimal}, {@link java.time.LocalDate} and
 * {@link java.time.LocalDateTime}; arrays and scalars of NumPy and {@code array.array} are {@link NDArray}, {@link
 * ObjectArray} and {@link MaskedArray}; everything else is {@link Opaque}. One object in two places is one in Java, cycles are
 * cycles.
 */
public final class Pickle {
  /** What a pickle may name. */
  public enum Allow {
    /** NumPy and what is harmless of the standard library; all else is refused. */
    STANDARD,
    /** Anything: it comes as {@link Opaque}. */
    OPAQUE
  }

  private Pickle() {}

  /**
   * The value in a file, which may be compressed.
   *
   * @param file a pickle, or a file of joblib
   * @return its value
   * @throws NdferryException if it is damaged, or names what is not harmless
   * @throws IOException as the system says
   * @throws UnsupportedOperationException without the native library
   */
  public static Object load(Path file) throws IOException {
    return load(file, Allow.STANDARD);
  }

  /**
   * The value in a file, which may be compressed.
   *
   * @param file a pickle, or a file of joblib
   * @param allow what it may name
   * @return its value
   * @throws NdferryException if it is damaged, or names what is not allowed
   * @throws IOException as the system says
   * @throws UnsupportedOperationException without the native library
   */
  public static Object load(Path file, Allow allow) throws IOException {
    Natives.require("Pickle");
    boolean opaque = allow == Allow.OPAQUE;
    return PickledValues.read(NativeCalls.unpickleFile(file.toAbsolutePath().toString(), opaque));
  }

  /**
   * The value of a pickle in memory.
   *
   * @param pickle its bytes
   * @return its value
   * @throws NdferryException if it is damaged, or names what is not harmless
   * @throws UnsupportedOperationException without the native library
   */
  public static Object loads(byte[] pickle) throws NdferryException {
    return loads(pickle, Allow.STANDARD);
  }

  /**
   * The value of a pickle in memory.
   *
   * @param pickle its bytes
   * @param allow what it may name
   * @return its value
   * @throws NdferryException if it is damaged, or names what is not allowed
   * @throws UnsupportedOperationException without the native library
   */
  public static Object loads(byte[] pickle, Allow allow) throws NdferryException {
    Natives.require("Pickle");
    try {
      return PickledValues.read(NativeCalls.unpickle(pickle, allow == Allow.OPAQUE));
    } catch (NdferryException error) {
      throw error;
    } catch (IOException error) {
      throw NdferryException.bug(String.valueOf(error.getMessage()));
    }
  }

  /**
   * A value as a pickle.
   *
   * @param value anything that {@link #load} gives but {@link MaskedArray}; other lists, maps, sets and numbers too
   * @param protocol 0 to 5
   * @return its bytes
   * @throws IllegalArgumentException for values of other classes, a set or tuple that is in itself, and what the protocol
   *     cannot say
   * @throws UnsupportedOperationException without the native library
   */
  public static byte[] dumps(Object value, int protocol) {
    Natives.require("Pickle");
    if (protocol < 0 || protocol > 5) {
      throw new IllegalArgumentException("protocol " + protocol + ": there are 0 to 5");
    }
    NativeArrays.Given given = PickledValues.write(value);
    try {
      return NativeCalls.pickle(
          given.packet.toBytes(),
          given.direct.toArray(new ByteBuffer[0]),
          given.heap.toArray(new byte[0][]),
          protocol);
    } catch (IOException error) {
      throw new IllegalArgumentException(error.getMessage(), error);
    }
  }
}
