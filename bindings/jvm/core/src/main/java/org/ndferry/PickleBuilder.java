package org.ndferry;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Makes another language's objects of what {@link PickleReader#build} finds in a pickle. The reader itself imports and runs
 * nothing: what names mean that are no arrays is decided here, in {@link #name} and {@link #call}.
 */
public interface PickleBuilder {
  /**
   * {@code None}.
   *
   * @return the object
   */
  Object none();

  /**
   * A bool.
   *
   * @param value as said
   * @return the object
   */
  Object bool(boolean value);

  /**
   * An integer.
   *
   * @param value of any size
   * @return the object
   */
  Object integer(BigInteger value);

  /**
   * A float.
   *
   * @param value as said
   * @return the object
   */
  Object real(double value);

  /**
   * Text; Python 2's {@code unicode}.
   *
   * @param value as said
   * @return the object
   */
  Object text(String value);

  /**
   * Python 3's {@code bytes} or {@code bytearray}.
   *
   * @param value between position and limit
   * @return the object
   */
  Object bytes(ByteBuffer value);

  /**
   * Python 2's {@code str}.
   *
   * @param value its bytes
   * @return the object
   */
  Object oldText(byte[] value);

  /**
   * A tuple.
   *
   * @param items what this builder made
   * @return the object
   */
  Object tuple(List<Object> items);

  /**
   * A set.
   *
   * @param items what this builder made
   * @param frozen whether it is a {@code frozenset}
   * @return the object
   */
  Object set(List<Object> items, boolean frozen);

  /**
   * A list that is filled later.
   *
   * @return the object
   */
  Object list();

  /**
   * One more item at the end.
   *
   * @param list of {@link #list}, {@link #objects}, or {@link #call}
   * @param item what this builder made
   */
  void append(Object list, Object item);

  /**
   * A dictionary that is filled later.
   *
   * @return the object
   */
  Object dict();

  /**
   * One more item.
   *
   * @param dict of {@link #dict}, or of {@link #call}
   * @param key what this builder made
   * @param value what this builder made
   */
  void put(Object dict, Object key, Object value);

  /**
   * An array, of whatever subclass it was.
   *
   * @param array its elements, which the builder may keep
   * @return the object
   */
  Object array(NDArray array);

  /**
   * An array of Python's objects, whose elements come later, by {@link #append}, in C order. Refused unless this is
   * overridden.
   *
   * @param shape the extent of each axis
   * @param offset of the byte, for errors
   * @return the object
   * @throws NdferryException if the builder has no such arrays
   */
  default Object objects(long[] shape, long offset) throws NdferryException {
    throw NdferryException.unsupported(offset, "an array of Python objects");
  }

  /**
   * An {@code array.array}.
   *
   * @param typecode Python's letter
   * @param items one axis, in any byte order
   * @return the object
   */
  Object arrayArray(char typecode, NDArray items);

  /**
   * One of NumPy's scalars.
   *
   * @param value an array without axes
   * @return the object
   */
  Object scalar(NDArray value);

  /**
   * A dtype alone.
   *
   * @param dtype as said
   * @return the object
   */
  Object dtype(Dtype dtype);

  /**
   * What the pickle calls by a name: a class or function, alone or about to be called.
   *
   * @param module where Python would import it from
   * @param name in the module, with dots if it is inside of a class
   * @param offset of the byte, for errors
   * @return the object
   * @throws NdferryException if the builder takes no such name
   */
  Object name(String module, String name, long offset) throws NdferryException;

  /**
   * What a call gives.
   *
   * @param callable of {@link #name}
   * @param arguments what this builder made
   * @param create whether {@code __new__} of a class is called, not the class
   * @param offset of the byte, for errors
   * @return the object
   * @throws NdferryException if the builder does not want to call it
   */
  Object call(Object callable, List<Object> arguments, boolean create, long offset) throws NdferryException;

  /**
   * The state of an object ({@code __setstate__}).
   *
   * @param object of {@link #call}
   * @param state what this builder made
   * @param offset of the byte, for errors
   * @throws NdferryException if that is no state of it
   */
  void state(Object object, Object state, long offset) throws NdferryException;
}
