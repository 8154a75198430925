package org.ndferry;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.util.AbstractMap;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Values of pickles on their way between Java and the native library: {@code pickle.rs} is the other side. */
final class PickledValues {
  /** What a record is, in the order of {@code Tag}. */
  private static final int NONE = 0;

  private static final int FALSE = 1;
  private static final int TRUE = 2;
  private static final int INT = 3;
  private static final int BIG_INT = 4;
  private static final int FLOAT = 5;
  private static final int COMPLEX = 6;
  private static final int TEXT = 7;
  private static final int UTF16 = 8;
  private static final int BYTES = 9;
  private static final int BYTE_ARRAY = 10;
  private static final int TUPLE = 11;
  private static final int LIST = 12;
  private static final int SET = 13;
  private static final int FROZEN_SET = 14;
  private static final int DICT = 15;
  private static final int ARRAY = 16;
  private static final int OBJECTS = 17;
  private static final int MASKED = 18;
  private static final int DECIMAL = 19;
  private static final int DATE = 20;
  private static final int DATE_TIME = 21;
  private static final int OPAQUE = 22;
  private static final int FILL_LIST = 100;
  private static final int FILL_DICT = 101;
  private static final int ROOT = 102;

  private PickledValues() {}

  /** A container that exists, and what it will be filled with. */
  private static final class Filling {
    final Object object;
    final Object inside;
    final int[][] parts;

    Filling(Object object, Object inside, int[]... parts) {
      this.object = object;
      this.inside = inside;
      this.parts = parts;
    }
  }

  /** Arrays, then records: first all values are made, then those that have parts are filled, inner ones first. */
  static Object read(Object[] given) throws NdferryException {
    NDArray[] arrays = NativeArrays.read(given);
    byte[] records = (byte[]) given[given.length - 1];
    NativePacket.Reader in = new NativePacket.Reader(records);
    Map<Integer, Object> made = new HashMap<>();
    List<Filling> fillings = new ArrayList<>();
    while (in.hasMore()) {
      int number = in.count();
      made.put(number, make(in, arrays, fillings));
    }
    for (Filling filling : fillings) {
      fill(filling, made);
    }
    return made.get(1);
  }

  private static Object make(NativePacket.Reader in, NDArray[] arrays, List<Filling> fillings) {
    int tag = in.u8();
    switch (tag) {
      case NONE:
        return null;
      case FALSE:
        return false;
      case TRUE:
        return true;
      case INT:
        return in.number();
      case BIG_INT:
        return new BigInteger(in.bytes());
      case FLOAT:
        return in.real();
      case COMPLEX:
        return new double[] {in.real(), in.real()};
      case TEXT:
        return in.text();
      case UTF16:
        return utf16(in.bytes());
      case BYTES:
        return in.bytes();
      case BYTE_ARRAY:
        return ByteBuffer.wrap(in.bytes());
      case ARRAY:
        return arrays[in.count()];
      case DECIMAL:
        return new BigDecimal(in.text());
      case DATE:
        return LocalDate.parse(in.text());
      case DATE_TIME:
        return LocalDateTime.parse(in.text());
      default:
        return unfinished(tag, in, arrays, fillings);
    }
  }

  private static Object unfinished(
      int tag, NativePacket.Reader in, NDArray[] arrays, List<Filling> fillings) {
    Object inside;
    Object object;
    switch (tag) {
      case MASKED:
        NDArray data = arrays[in.count()];
        NDArray mask = arrays[in.count()];
        object = MaskedArray.unfinished(data, mask);
        fillings.add(new Filling(object, null, new int[] {in.count()}));
        return object;
      case OBJECTS:
        long[] shape = in.numbers();
        int[] elements = in.counts();
        inside = new Object[elements.length];
        object = ObjectArray.unfinished(shape, (Object[]) inside);
        fillings.add(new Filling(object, inside, elements));
        return object;
      case OPAQUE:
        Opaque opaque = new Opaque(in.text(), in.text(), in.text());
        fillings.add(
            new Filling(opaque, null, in.counts(), in.counts(), in.counts(), in.counts(), in.counts()));
        return opaque;
      default:
        int[] parts = in.counts();
        switch (tag) {
          case TUPLE:
            inside = new Object[parts.length];
            object = PyTuple.unfinished((Object[]) inside);
            break;
          case LIST:
            inside = object = new ArrayList<Object>(parts.length);
            break;
          case SET:
            inside = object = new LinkedHashSet<Object>();
            break;
          case FROZEN_SET:
            Set<Object> set = new LinkedHashSet<>();
            inside = set;
            object = PyFrozenSet.unfinished(set);
            break;
          case DICT:
            inside = object = new LinkedHashMap<Object, Object>();
            break;
          default:
            throw new IllegalStateException("a record of kind " + tag);
        }
        fillings.add(new Filling(object, inside, parts));
        return object;
    }
  }

  @SuppressWarnings("unchecked") // they were made above
  private static void fill(Filling filling, Map<Integer, Object> made) {
    int[] parts = filling.parts[0];
    if (filling.object instanceof Opaque) {
      fill((Opaque) filling.object, filling.parts, made);
    } else if (filling.object instanceof MaskedArray) {
      ((MaskedArray) filling.object).finish(made.get(parts[0]));
    } else if (filling.inside instanceof Object[]) {
      for (int i = 0; i < parts.length; i++) {
        ((Object[]) filling.inside)[i] = made.get(parts[i]);
      }
    } else if (filling.inside instanceof Map) {
      for (int i = 0; i + 1 < parts.length; i += 2) {
        ((Map<Object, Object>) filling.inside).put(made.get(parts[i]), made.get(parts[i + 1]));
      }
    } else {
      for (int part : parts) {
        ((Collection<Object>) filling.inside).add(made.get(part));
      }
    }
  }

  private static void fill(Opaque opaque, int[][] parts, Map<Integer, Object> made) {
    opaque.args = parts[0].length == 0 ? null : made.get(parts[0][0]);
    opaque.kwargs = parts[1].length == 0 ? null : made.get(parts[1][0]);
    opaque.hasState = parts[2].length > 0;
    opaque.state = opaque.hasState ? made.get(parts[2][0]) : null;
    for (int part : parts[3]) {
      opaque.items.add(made.get(part));
    }
    for (int i = 0; i + 1 < parts[4].length; i += 2) {
      Object key = made.get(parts[4][i]);
      opaque.pairs.add(new AbstractMap.SimpleEntry<>(key, made.get(parts[4][i + 1])));
    }
  }

  private static String utf16(byte[] bytes) {
    char[] units = new char[bytes.length / 2];
    ByteBuffer.wrap(bytes).order(java.nio.ByteOrder.LITTLE_ENDIAN).asCharBuffer().get(units);
    return new String(units);
  }

  /** A value for the library. */
  static NativeArrays.Given write(Object value) {
    Writer writer = new Writer();
    writer.make(value);
    for (Object next = writer.toFill.poll(); next != null; next = writer.toFill.poll()) {
      writer.fill(next);
    }
    writer.packet.u8(ROOT).number(writer.number(value));
    return writer.given;
  }

  /** Writes a record for each value, parts before what they are in. */
  private static final class Writer {
    final NativeArrays.Given given = new NativeArrays.Given();
    final NativePacket packet = given.packet;
    final Map<Object, Integer> numbers = new IdentityHashMap<>();
    final Map<Object, Boolean> open = new IdentityHashMap<>();
    final Deque<Object> toFill = new ArrayDeque<>();
    int count;
    int none = -1;

    int number(Object value) {
      return value == null ? none : numbers.get(value);
    }

    private boolean isMade(Object value) {
      return value == null ? none >= 0 : numbers.containsKey(value);
    }

    private void made(Object value) {
      if (value == null) {
        none = count++;
      } else {
        numbers.put(value, count++);
      }
    }

    /** The parts that have to be there first, or null if it has been written. */
    private List<Object> parts(Object value) {
      if (value instanceof PyTuple || value instanceof ObjectArray) {
        return new ArrayList<Object>((List<?>) value);
      }
      if (value instanceof Set) {
        return new ArrayList<Object>((Set<?>) value);
      }
      if (value instanceof Opaque) {
        Opaque opaque = (Opaque) value;
        List<Object> parts = new ArrayList<>();
        parts.add(opaque.args);
        parts.add(opaque.kwargs);
        parts.add(opaque.state);
        parts.addAll(opaque.items);
        for (Map.Entry<Object, Object> pair : opaque.pairs) {
          parts.add(pair.getKey());
          parts.add(pair.getValue());
        }
        return parts;
      }
      return null;
    }

    void make(Object root) {
      Deque<Object[]> steps = new ArrayDeque<>();
      steps.push(new Object[] {root, false});
      while (!steps.isEmpty()) {
        Object[] step = steps.pop();
        Object value = step[0];
        if (isMade(value)) {
          continue;
        }
        List<Object> parts = parts(value);
        if (parts == null) {
          leaf(value);
          made(value);
        } else if ((Boolean) step[1]) {
          open.remove(value);
          whole(value, parts);
          made(value);
        } else {
          if (open.put(value, true) != null) {
            throw new IllegalArgumentException("a " + value.getClass().getName() + " that is in itself");
          }
          steps.push(new Object[] {value, true});
          for (int i = parts.size() - 1; i >= 0; i--) {
            steps.push(new Object[] {parts.get(i), false});
          }
        }
      }
    }

    private void refer(Collection<?> values) {
      packet.number(values.size());
      for (Object value : values) {
        packet.number(number(value));
      }
    }

    private void whole(Object value, List<Object> parts) {
      if (value instanceof PyTuple) {
        packet.u8(TUPLE);
      } else if (value instanceof PyFrozenSet) {
        packet.u8(FROZEN_SET);
      } else if (value instanceof Set) {
        packet.u8(SET);
      } else if (value instanceof ObjectArray) {
        packet.u8(OBJECTS).numbers(((ObjectArray) value).shape());
      } else {
        opaque((Opaque) value);
        return;
      }
      refer(parts);
    }

    private void opaque(Opaque opaque) {
      packet.u8(OPAQUE).text(opaque.kind).text(opaque.module()).text(opaque.name());
      boolean bare = opaque.kind.equals("global");
      refer(bare ? Collections.emptyList() : Collections.singletonList(opaque.args));
      refer(opaque.kwargs == null ? Collections.emptyList() : Collections.singletonList(opaque.kwargs));
      refer(opaque.hasState ? Collections.singletonList(opaque.state) : Collections.emptyList());
      refer(opaque.items);
      List<Object> flat = new ArrayList<>();
      for (Map.Entry<Object, Object> pair : opaque.pairs) {
        flat.add(pair.getKey());
        flat.add(pair.getValue());
      }
      refer(flat);
    }

    private void leaf(Object value) {
      if (value == null) {
        packet.u8(NONE);
      } else if (value instanceof Boolean) {
        packet.u8((Boolean) value ? TRUE : FALSE);
      } else if (value instanceof Long
          || value instanceof Integer
          || value instanceof Short
          || value instanceof Byte) {
        packet.u8(INT).number(((Number) value).longValue());
      } else if (value instanceof BigInteger) {
        packet.u8(BIG_INT).bytes(((BigInteger) value).toByteArray());
      } else if (value instanceof Double || value instanceof Float) {
        packet.u8(FLOAT).real(((Number) value).doubleValue());
      } else if (value instanceof BigDecimal) {
        packet.u8(DECIMAL).text(value.toString());
      } else if (value instanceof double[] && ((double[]) value).length == 2) {
        packet.u8(COMPLEX).real(((double[]) value)[0]).real(((double[]) value)[1]);
      } else if (value instanceof String || value instanceof Character) {
        text(value.toString());
      } else if (value instanceof byte[]) {
        packet.u8(BYTES).bytes((byte[]) value);
      } else if (value instanceof ByteBuffer) {
        ByteBuffer buffer = ((ByteBuffer) value).duplicate();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        packet.u8(BYTE_ARRAY).bytes(bytes);
      } else if (value instanceof NDArray) {
        packet.u8(ARRAY);
        NativeArrays.write((NDArray) value, given);
      } else {
        other(value);
      }
    }

    private void other(Object value) {
      if (value instanceof LocalDate) {
        packet.u8(DATE).bytes(date((LocalDate) value));
      } else if (value instanceof LocalDateTime) {
        LocalDateTime time = (LocalDateTime) value;
        byte[] bytes = Arrays.copyOf(date(time.toLocalDate()), 10);
        int micros = time.getNano() / 1000;
        if (time.getNano() % 1000 != 0) {
          throw new IllegalArgumentException("Python's datetime ends at microseconds: " + time);
        }
        byte[] clock = {
          (byte) time.getHour(), (byte) time.getMinute(), (byte) time.getSecond(),
          (byte) (micros >> 16), (byte) (micros >> 8), (byte) micros
        };
        System.arraycopy(clock, 0, bytes, 4, 6);
        packet.u8(DATE_TIME).bytes(bytes);
      } else if (value instanceof List) {
        packet.u8(LIST);
        toFill.add(value);
      } else if (value instanceof Map) {
        packet.u8(DICT);
        toFill.add(value);
      } else {
        throw new IllegalArgumentException("no pickle for a " + value.getClass().getName());
      }
    }

    private static byte[] date(LocalDate date) {
      int year = date.getYear();
      if (year < 1 || year > 9999) {
        throw new IllegalArgumentException("Python has the years 1 to 9999: " + date);
      }
      return new byte[] {
        (byte) (year >> 8), (byte) year, (byte) date.getMonthValue(), (byte) date.getDayOfMonth()
      };
    }

    private void text(String text) {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      if (!new String(utf8, StandardCharsets.UTF_8).equals(text)) {
        throw new IllegalArgumentException("a text with half of a surrogate pair in it");
      }
      packet.u8(TEXT).bytes(utf8);
    }

    void fill(Object container) {
      List<Object> parts = new ArrayList<>();
      if (container instanceof Map) {
        for (Map.Entry<?, ?> pair : ((Map<?, ?>) container).entrySet()) {
          parts.add(pair.getKey());
          parts.add(pair.getValue());
        }
      } else {
        parts.addAll((List<?>) container);
      }
      for (Object part : parts) {
        make(part);
      }
      packet.u8(container instanceof Map ? FILL_DICT : FILL_LIST).number(number(container));
      refer(parts);
    }
  }
}
