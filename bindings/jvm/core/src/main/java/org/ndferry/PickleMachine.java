package org.ndferry;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * A pickle's opcodes, up to STOP. Values are {@link #NONE}, {@link Boolean}, {@link Long}, {@link BigInteger}, {@link
 * Double}, {@link String}, {@link ByteBuffer} (bytes), {@link Raw} (Python 2's str), {@link Tuple}, {@link List},
 * {@link Dict}, {@link Global}, and what {@link PickleNumpy} makes of the few calls that it knows. Nothing is imported
 * or run.
 */
final class PickleMachine {
  static final Object NONE = new Object();
  private static final Object MARK = new Object();

  /** Digits of the longest number: parsing takes time that grows with their square. */
  private static final int MAX_DIGITS = 10_000;

  /** Python 2's str: bytes and text alike. */
  static final class Raw {
    final byte[] bytes;

    Raw(byte[] bytes) {
      this.bytes = bytes;
    }

    @Override
    public String toString() {
      return new String(bytes, StandardCharsets.ISO_8859_1);
    }
  }

  /** A tuple, which never changes. */
  static final class Tuple {
    final List<Object> items;
    final boolean isFrozenSet;

    Tuple(List<Object> items) {
      this(items, false);
    }

    Tuple(List<Object> items, boolean isFrozenSet) {
      this.items = items;
      this.isFrozenSet = isFrozenSet;
    }
  }

  /** A set, whose items are not compared. */
  static final class Items extends ArrayList<Object> {
    private static final long serialVersionUID = 1;
  }

  /** What a name that means no array is called with, and what is done with the outcome. Only a builder carries it out. */
  static final class Instance {
    final Global callable;
    final List<Object> arguments;
    final boolean create;
    final long at;
    final List<Object> items = new ArrayList<>();
    final Dict pairs = new Dict();
    Object state;

    Instance(Global callable, List<Object> arguments, boolean create, long at) {
      this.callable = callable;
      this.arguments = arguments;
      this.create = create;
      this.at = at;
    }
  }

  /** A dictionary in the order in which it was filled; keys are not compared. */
  static final class Dict {
    final List<Object> keys = new ArrayList<>();
    final List<Object> values = new ArrayList<>();
  }

  /** A name that Python would import. */
  static final class Global {
    final String module;
    final String name;
    final long at;

    Global(String module, String name, long at) {
      this.module = module;
      this.name = name;
      this.at = at;
    }

    @Override
    public String toString() {
      return module + "." + name;
    }
  }

  private final byte[] bytes;
  private final Iterator<ByteBuffer> buffers;
  private final List<Object> stack = new ArrayList<>();
  private final Map<Long, Object> memo = new HashMap<>();
  private final boolean keepsCalls;
  private int at;

  /** Where the opcode that is carried out begins. */
  private int opcodeAt;

  PickleMachine(byte[] bytes, Iterator<ByteBuffer> buffers) {
    this(bytes, buffers, false);
  }

  /** {@code keepsCalls}: calls of unknown names become {@link Instance}s and are not refused. */
  PickleMachine(byte[] bytes, Iterator<ByteBuffer> buffers, boolean keepsCalls) {
    this.bytes = bytes;
    this.buffers = buffers;
    this.keepsCalls = keepsCalls;
  }

  /** Where STOP was. */
  int end() {
    return at;
  }

  private NdferryException wrong(String problem) {
    return NdferryException.format(opcodeAt, problem);
  }

  Object run() throws NdferryException {
    for (; ; ) {
      opcodeAt = at;
      int opcode = (int) number(1);
      if (opcode == '.') {
        Object value = pop();
        if (!stack.isEmpty()) {
          throw wrong("STOP with values left over");
        }
        return value;
      }
      step(opcode);
    }
  }

  private void step(int opcode) throws NdferryException {
    switch (opcode) {
      case 0x80: // PROTO
        long protocol = number(1);
        if (protocol > 5) {
          throw NdferryException.unsupported(opcodeAt, "protocol " + protocol + " of pickle");
        }
        return;
      case 0x95: // FRAME, a hint
        number(8);
        return;
      case '(':
        push(MARK);
        return;
      case '0':
        if (peek() == MARK) {
          stack.remove(stack.size() - 1);
        } else {
          pop();
        }
        return;
      case '1':
        popMark();
        return;
      case '2':
        push(top());
        return;
      case 'N':
        push(NONE);
        return;
      case 0x88:
      case 0x89:
        push(opcode == 0x88);
        return;
      default:
        break;
    }
    if (!numberOrText(opcode) && !container(opcode) && !memo(opcode) && !call(opcode)) {
      String hex = String.format("%02x", opcode);
      throw wrong("0x" + hex + " is no opcode of pickle");
    }
  }

  private boolean numberOrText(int opcode) throws NdferryException {
    switch (opcode) {
      case 'K':
        push(number(1));
        return true;
      case 'M':
        push(number(2));
        return true;
      case 'J':
        push((long) (int) number(4));
        return true;
      case 'I':
        String line = line();
        push(line.equals("00") ? (Object) false : line.equals("01") ? (Object) true : integer(line));
        return true;
      case 'L':
        String digits = line();
        push(integer(digits.endsWith("L") ? digits.substring(0, digits.length() - 1) : digits));
        return true;
      case 0x8a:
        push(twosComplement(take(number(1))));
        return true;
      case 0x8b:
        push(twosComplement(take((int) number(4))));
        return true;
      case 'F':
        push(real(line()));
        return true;
      case 'G':
        push(Double.longBitsToDouble(Long.reverseBytes(number(8))));
        return true;
      case 'S':
        push(new Raw(PickleText.quoted(line(), opcodeAt)));
        return true;
      case 'T':
        push(new Raw(copy(take((int) number(4)))));
        return true;
      case 'U':
        push(new Raw(copy(take(number(1)))));
        return true;
      case 'V':
        push(PickleText.rawUnicode(line(), opcodeAt));
        return true;
      case 'X':
        push(PickleText.utf8(take(number(4)), opcodeAt));
        return true;
      case 0x8c:
        push(PickleText.utf8(take(number(1)), opcodeAt));
        return true;
      case 0x8d:
        push(PickleText.utf8(take(number(8)), opcodeAt));
        return true;
      case 'B':
        push(take(number(4)));
        return true;
      case 'C':
        push(take(number(1)));
        return true;
      case 0x8e:
      case 0x96:
        push(take(number(8)));
        return true;
      case 0x97: // NEXT_BUFFER
        if (!buffers.hasNext()) {
          throw wrong("a buffer that lies outside of the pickle, and none is there");
        }
        push(buffers.next().slice());
        return true;
      case 0x98: // READONLY_BUFFER
        top();
        return true;
      default:
        return false;
    }
  }

  private boolean container(int opcode) throws NdferryException {
    switch (opcode) {
      case ')':
        push(new Tuple(new ArrayList<>()));
        return true;
      case 't':
        push(new Tuple(popMark()));
        return true;
      case 0x85:
      case 0x86:
      case 0x87:
        push(new Tuple(popSome(opcode - 0x84)));
        return true;
      case ']':
        push(new ArrayList<>());
        return true;
      case 'l':
        push(popMark());
        return true;
      case '}':
        push(new Dict());
        return true;
      case 'd':
        Dict dict = new Dict();
        fill(dict, popMark());
        push(dict);
        return true;
      case 0x8f: // EMPTY_SET
        push(new Items());
        return true;
      case 0x91: // FROZENSET
        push(new Tuple(popMark(), true));
        return true;
      case 'a':
        Object item = pop();
        list(top()).add(item);
        return true;
      case 'e':
      case 0x90: // ADDITEMS
        List<Object> items = popMark();
        list(top()).addAll(items);
        return true;
      case 's':
        List<Object> pair = popSome(2);
        fill(top(), pair);
        return true;
      case 'u':
        List<Object> pairs = popMark();
        fill(top(), pairs);
        return true;
      default:
        return false;
    }
  }

  private boolean memo(int opcode) throws NdferryException {
    switch (opcode) {
      case 'p':
        put(key(line()));
        return true;
      case 'q':
        put(number(1));
        return true;
      case 'r':
        put(number(4));
        return true;
      case 0x94: // MEMOIZE
        put(memo.size());
        return true;
      case 'g':
        get(key(line()));
        return true;
      case 'h':
        get(number(1));
        return true;
      case 'j':
        get(number(4));
        return true;
      default:
        return false;
    }
  }

  private boolean call(int opcode) throws NdferryException {
    switch (opcode) {
      case 'c':
        String module = line();
        push(new Global(module, line(), opcodeAt));
        return true;
      case 0x93: // STACK_GLOBAL
        List<Object> names = popSome(2);
        push(new Global(text(names.get(0)), text(names.get(1)), opcodeAt));
        return true;
      case 'R':
      case 0x81: // NEWOBJ
        List<Object> two = popSome(2);
        push(invoke(global(two.get(0)), tuple(two.get(1)), opcode != 'R'));
        return true;
      case 'b':
        Object state = pop();
        if (top() instanceof Instance) {
          ((Instance) top()).state = state;
          return true;
        }
        PickleNumpy.build(top(), state, opcodeAt);
        return true;
      case 'i': // INST
        Global named = new Global(line(), line(), opcodeAt);
        push(invoke(named, popMark(), false));
        return true;
      case 'o': // OBJ
        List<Object> parts = popMark();
        if (parts.isEmpty()) {
          throw wrong("OBJ without a class");
        }
        push(invoke(global(parts.get(0)), parts.subList(1, parts.size()), false));
        return true;
      case 0x92: // NEWOBJ_EX
        Object kind = popSome(3).get(0);
        throw PickleNumpy.refused(global(kind), opcodeAt);
      case 'P':
      case 'Q':
        throw NdferryException.unsupported(opcodeAt, "an object that lies outside of the pickle");
      case 0x82:
      case 0x83:
      case 0x84:
        throw NdferryException.unsupported(opcodeAt, "an object by its number in a registry");
      default:
        return false;
    }
  }

  private Object invoke(Global callable, List<Object> arguments, boolean create) throws NdferryException {
    if (keepsCalls && !PickleNumpy.isArrays(callable)) {
      return new Instance(callable, arguments, create, opcodeAt);
    }
    return PickleNumpy.call(callable, arguments, opcodeAt);
  }

  private void push(Object value) {
    stack.add(value);
  }

  private Object peek() throws NdferryException {
    if (stack.isEmpty()) {
      throw wrong("nothing on the stack");
    }
    return stack.get(stack.size() - 1);
  }

  private Object top() throws NdferryException {
    Object top = peek();
    if (top == MARK) {
      throw wrong("nothing on the stack since the last MARK");
    }
    return top;
  }

  private Object pop() throws NdferryException {
    Object top = top();
    stack.remove(stack.size() - 1);
    return top;
  }

  private List<Object> popSome(int n) throws NdferryException {
    Object[] items = new Object[n];
    for (int i = n - 1; i >= 0; i--) {
      items[i] = pop();
    }
    return new ArrayList<>(java.util.Arrays.asList(items));
  }

  private List<Object> popMark() throws NdferryException {
    int mark = stack.size() - 1;
    while (mark >= 0 && stack.get(mark) != MARK) {
      mark--;
    }
    if (mark < 0) {
      throw wrong("no MARK on the stack");
    }
    List<Object> since = stack.subList(mark + 1, stack.size());
    List<Object> items = new ArrayList<>(since);
    stack.subList(mark, stack.size()).clear();
    return items;
  }

  private void put(long key) throws NdferryException {
    memo.put(key, top());
  }

  private void get(long key) throws NdferryException {
    if (!memo.containsKey(key)) {
      throw wrong("nothing is remembered as " + key);
    }
    push(memo.get(key));
  }

  private long key(String line) throws NdferryException {
    Object key = integer(line);
    if (!(key instanceof Long)) {
      throw wrong("not the number of something remembered");
    }
    return (Long) key;
  }

  @SuppressWarnings("unchecked")
  private List<Object> list(Object value) throws NdferryException {
    if (value instanceof Instance) {
      return ((Instance) value).items;
    }
    if (!(value instanceof List)) {
      throw wrong("items for what is no list");
    }
    return (List<Object>) value;
  }

  private void fill(Object target, List<Object> pairs) throws NdferryException {
    Object into = target instanceof Instance ? ((Instance) target).pairs : target;
    if (!(into instanceof Dict) || pairs.size() % 2 != 0) {
      throw wrong("keys and values for what is no dictionary");
    }
    for (int i = 0; i < pairs.size(); i += 2) {
      ((Dict) into).keys.add(pairs.get(i));
      ((Dict) into).values.add(pairs.get(i + 1));
    }
  }

  private Global global(Object value) throws NdferryException {
    if (!(value instanceof Global)) {
      throw wrong("a call of what is no name");
    }
    return (Global) value;
  }

  private List<Object> tuple(Object value) throws NdferryException {
    if (!(value instanceof Tuple)) {
      throw wrong("arguments that are no tuple");
    }
    return ((Tuple) value).items;
  }

  private String text(Object value) throws NdferryException {
    if (!(value instanceof String)) {
      throw wrong("a name that is no text");
    }
    return (String) value;
  }

  /** A little-endian number of up to eight bytes. */
  private long number(int width) throws NdferryException {
    if (width > bytes.length - at) {
      throw cut(width);
    }
    long value = 0;
    for (int i = 0; i < width; i++) {
      value |= (bytes[at++] & 0xffL) << 8 * i;
    }
    return value;
  }

  private NdferryException cut(long needed) {
    String problem = "cut off: " + needed + " bytes are needed, but " + (bytes.length - at) + " are left";
    return NdferryException.format(bytes.length, problem);
  }

  /** So many bytes, shared with the pickle. */
  private ByteBuffer take(long n) throws NdferryException {
    if (n < 0) {
      throw wrong("a length of " + n);
    }
    if (n > bytes.length - at) {
      throw cut(n);
    }
    ByteBuffer taken = ByteBuffer.wrap(bytes, at, (int) n).slice();
    at += (int) n;
    return taken;
  }

  private static byte[] copy(ByteBuffer buffer) {
    byte[] out = new byte[buffer.remaining()];
    buffer.duplicate().get(out);
    return out;
  }

  /** Text up to the end of the line, as Latin-1. */
  private String line() throws NdferryException {
    int end = at;
    while (end < bytes.length && bytes[end] != '\n') {
      end++;
    }
    if (end == bytes.length) {
      throw cut(bytes.length - at + 1L);
    }
    int stop = end > at && bytes[end - 1] == '\r' ? end - 1 : end; // after a trip through text mode
    String line = new String(bytes, at, stop - at, StandardCharsets.ISO_8859_1);
    at = end + 1;
    return line;
  }

  private Object integer(String digits) throws NdferryException {
    if (digits.length() > MAX_DIGITS) {
      throw NdferryException.limit(opcodeAt, "a number of " + digits.length() + " digits");
    }
    String text = digits.trim();
    if (text.matches("[+-]?0+[^0].*")) {
      throw wrong("a number that begins with zero"); // CPython takes I010 for 8, or for nothing
    }
    try {
      return small(new BigInteger(text));
    } catch (NumberFormatException error) {
      throw wrong("not an integer");
    }
  }

  private static Object small(BigInteger value) {
    return value.bitLength() < 64 ? (Object) value.longValue() : value;
  }

  private Object twosComplement(ByteBuffer little) {
    int n = little.remaining();
    byte[] big = new byte[n];
    for (int i = 0; i < n; i++) {
      big[i] = little.get(n - 1 - i);
    }
    return n == 0 ? (Object) 0L : small(new BigInteger(big));
  }

  private Double real(String text) throws NdferryException {
    switch (text) {
      case "inf":
        return Double.POSITIVE_INFINITY;
      case "-inf":
        return Double.NEGATIVE_INFINITY;
      case "nan":
      case "-nan":
        return Double.NaN;
      default:
        break;
    }
    if (text.length() > 400 || !text.matches("[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?")) {
      throw wrong("not a float");
    }
    return Double.parseDouble(text);
  }
}
