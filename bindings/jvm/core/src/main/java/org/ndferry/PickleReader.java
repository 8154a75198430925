package org.ndferry;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Pickles of arrays, protocols 0 to 5, of Python 2 and 3 and of NumPy from 1.0 on; {@code array.array} too. Nothing
 * that a pickle names is ever imported or run: the few names that mean an array are known, all others are refused.
 */
public final class PickleReader {
  /** How deep lists and dictionaries may be nested. */
  private static final int MAX_DEPTH = 200;

  private final Map<String, NDArray> arrays = new LinkedHashMap<>();
  private final Map<Object, Boolean> seen = new IdentityHashMap<>();

  private PickleReader() {}

  /**
   * All arrays of a file, in lists, tuples and dictionaries too.
   *
   * @param file a pickle
   * @return path to array: keys and indexes from the root on, joined by dots; the root itself is {@code ""}
   * @throws NdferryException if it is damaged, or needs anything but arrays and plain values
   * @throws IOException as the system says
   */
  public static Map<String, NDArray> read(Path file) throws IOException {
    try (Input input = Input.open(file)) {
      return read(input.bytes(0, input.size()));
    }
  }

  /**
   * All arrays of a pickle in memory. They share their elements with the bytes that are given.
   *
   * @param pickle its bytes
   * @param buffers those that lie outside of it (protocol 5), in order
   * @return path to array, as of {@link #read(Path)}
   * @throws NdferryException if it is damaged, or needs anything but arrays and plain values
   */
  public static Map<String, NDArray> read(byte[] pickle, ByteBuffer... buffers)
      throws NdferryException {
    List<ByteBuffer> outside = new ArrayList<>();
    Collections.addAll(outside, buffers);
    PickleMachine machine = new PickleMachine(pickle, outside.iterator());
    PickleReader reader = new PickleReader();
    reader.walk("", machine.run(), 0, machine.end());
    return reader.arrays;
  }

  /**
   * Makes whatever the pickle holds, by a builder's own means. Arrays and dtypes are recognised by their closed list of
   * names as everywhere; the builder is asked about all other names.
   *
   * @param pickle its bytes
   * @param builder makes the objects
   * @param buffers those that lie outside of it (protocol 5), in order
   * @return what the builder made of the root
   * @throws NdferryException if it is damaged, or holds what the builder does not take
   */
  public static Object build(byte[] pickle, PickleBuilder builder, ByteBuffer... buffers) throws NdferryException {
    List<ByteBuffer> outside = new ArrayList<>();
    Collections.addAll(outside, buffers);
    PickleMachine machine = new PickleMachine(pickle, outside.iterator(), true);
    Object root = machine.run();
    return new PickleWalk(builder, machine.end()).value(root, 0);
  }

  /**
   * How long the first pickle is, where others follow.
   *
   * @param pickles one pickle after another
   * @return bytes up to and with its STOP
   * @throws NdferryException if it is damaged
   */
  public static int length(byte[] pickles) throws NdferryException {
    List<ByteBuffer> none = new ArrayList<>();
    PickleMachine machine = new PickleMachine(pickles, none.iterator(), true);
    machine.run();
    return machine.end();
  }

  private void walk(String path, Object value, int depth, long end) throws NdferryException {
    if (PickleNumpy.isPlain(value)) {
      return;
    }
    if (depth > MAX_DEPTH) {
      throw NdferryException.limit(end, "values nested more than " + MAX_DEPTH + " deep");
    }
    if (seen.put(value, true) != null) {
      return; // reached twice, listed once
    }
    if (value instanceof PickleNumpy.Array) {
      arrays.put(path, ((PickleNumpy.Array) value).array(end));
    } else if (value instanceof PickleMachine.Dict) {
      PickleMachine.Dict dict = (PickleMachine.Dict) value;
      for (int i = 0; i < dict.keys.size(); i++) {
        String key = key(dict.keys.get(i));
        walk(join(path, key), dict.values.get(i), depth + 1, end);
      }
    } else {
      boolean tuple = value instanceof PickleMachine.Tuple;
      List<?> items = tuple ? ((PickleMachine.Tuple) value).items : (List<?>) value;
      for (int i = 0; i < items.size(); i++) {
        walk(join(path, Integer.toString(i)), items.get(i), depth + 1, end);
      }
    }
  }

  private static String key(Object key) {
    String text = PickleNumpy.text(key);
    String word = text != null ? text : key instanceof Number ? key.toString() : "?";
    return word.replace("\\", "\\\\").replace(".", "\\.").replace(":", "\\:");
  }

  private static String join(String path, String step) {
    return path.isEmpty() ? step : path + "." + step;
  }
}
