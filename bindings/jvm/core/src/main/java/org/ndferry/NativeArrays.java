package org.ndferry;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Arrays on their way to the native library and back: {@code memory.rs} is the other side. */
final class NativeArrays {
  /** Dtypes by their spelling; there are few. */
  private static final Map<String, Dtype> DTYPES = new ConcurrentHashMap<>();

  private static final int MOST = 1000;

  private NativeArrays() {}

  /** Arrays that the library gives: a packet, then the buffers of each. */
  static NDArray[] read(Object[] given) throws NdferryException {
    NativePacket.Reader in = new NativePacket.Reader((byte[]) given[0]);
    NDArray[] arrays = new NDArray[in.count()];
    int at = 1;
    // All are watched before anything is parsed, so that nothing is left behind by what fails.
    List<Object[]> found = new ArrayList<>();
    for (int i = 0; i < arrays.length; i++) {
      String dtype = in.text();
      boolean fortran = in.u8() == 1;
      long[] shape = in.numbers();
      long memory = in.number();
      int count = in.count();
      ByteBuffer[] buffers = new ByteBuffer[count];
      for (int part = 0; part < count; part++, at++) {
        buffers[part] =
            given[at] instanceof byte[] ? ByteBuffer.wrap((byte[]) given[at]) : (ByteBuffer) given[at];
      }
      if (memory != 0) {
        NativeMemory.watch(memory, buffers);
      }
      found.add(new Object[] {dtype, fortran, shape, buffers});
    }
    for (int i = 0; i < arrays.length; i++) {
      Object[] parts = found.get(i);
      ByteBuffer[] buffers = (ByteBuffer[]) parts[3];
      long nbytes = 0;
      for (ByteBuffer buffer : buffers) {
        nbytes += buffer.capacity();
      }
      Bytes bytes = Bytes.ofParts(Arrays.asList(buffers), nbytes);
      arrays[i] =
          NDArray.contiguous(bytes, dtype((String) parts[0]), (long[]) parts[2], (Boolean) parts[1]);
    }
    return arrays;
  }

  /** The dtype that is spelled as in NPY headers. */
  static Dtype dtype(String spelled) throws NdferryException {
    Dtype known = DTYPES.get(spelled);
    if (known == null) {
      Object literal =
          spelled.startsWith("[") || spelled.startsWith("(")
              ? Literal.parse(spelled.getBytes(java.nio.charset.StandardCharsets.UTF_8), true, 0)
              : spelled;
      known = Descr.parse(literal);
      if (DTYPES.size() < MOST) {
        DTYPES.put(spelled, known);
      }
    }
    return known;
  }

  /** Operands on their way to the library: a packet, direct buffers that it uses in place, arrays that it copies. */
  static final class Given {
    final NativePacket packet = new NativePacket();
    final List<ByteBuffer> direct = new ArrayList<>();
    final List<byte[]> heap = new ArrayList<>();
  }

  static Given write(Object... operands) {
    Given given = new Given();
    given.packet.number(operands.length);
    for (Object operand : operands) {
      write(operand, given);
    }
    return given;
  }

  private static void write(Object operand, Given given) {
    NativePacket packet = given.packet;
    if (operand instanceof NDArray) {
      packet.u8(0);
      write((NDArray) operand, given);
    } else if (operand instanceof Boolean) {
      packet.u8(1).u8((Boolean) operand ? 1 : 0);
    } else if (operand instanceof Double || operand instanceof Float) {
      packet.u8(3).real(((Number) operand).doubleValue());
    } else if (operand instanceof Long
        || operand instanceof Integer
        || operand instanceof Short
        || operand instanceof Byte) {
      long value = ((Number) operand).longValue();
      packet.u8(2).number(value).number(value >> 63);
    } else if (operand instanceof BigInteger) {
      BigInteger value = (BigInteger) operand;
      if (value.bitLength() > 127) {
        String problem = "Python integer " + value + " out of bounds for int64";
        throw new FunctionException(FunctionException.Kind.OVERFLOW, problem);
      }
      packet.u8(2).number(value.longValue()).number(value.shiftRight(64).longValue());
    } else if (operand instanceof double[] && ((double[]) operand).length == 2) {
      packet.u8(4).real(((double[]) operand)[0]).real(((double[]) operand)[1]);
    } else {
      String problem = "neither an array nor a number: " + (operand == null ? "null" : operand.getClass().getName());
      throw new FunctionException(FunctionException.Kind.TYPE, problem);
    }
  }

  /** A type string, or a whole NPY header for dtypes that have none. */
  private static void spell(Dtype dtype, NativePacket packet) {
    if (dtype.fields().isEmpty()) {
      packet.text(dtype.str());
    } else if (Descr.isPossible(dtype)) {
      packet.bytes(NpyHeader.of(dtype, new long[0], false).encode());
    } else {
      throw new IllegalArgumentException("fields that overlap or come out of order: " + dtype);
    }
  }

  static void write(NDArray array, Given given) {
    long[] shape = array.shape();
    long[] strides = array.strides();
    long first = array.offset();
    long end = first + array.dtype().itemsize();
    for (int axis = 0; axis < shape.length; axis++) {
      long span = (shape[axis] - 1) * strides[axis];
      first += Math.min(span, 0);
      end += Math.max(span, 0);
    }
    NativePacket packet = given.packet;
    spell(array.dtype(), packet);
    packet.numbers(shape);
    if (array.nbytes() == 0) {
      packet.numbers(new long[shape.length]).number(0).number(0);
      return;
    }
    ByteBuffer whole = array.storage().piece(first, end - first);
    if (whole.remaining() == end - first) {
      packet.numbers(strides).number(array.offset() - first).number(1);
      segment(whole, given);
      return;
    }
    // Parts that lie apart are put together.
    NDArray from = array.isContiguous() ? array : array.copy();
    List<ByteBuffer> pieces = from.storage().pieces(from.offset(), from.nbytes());
    packet.numbers(Shapes.strides(shape, from.dtype().itemsize(), false)).number(0).number(pieces.size());
    for (ByteBuffer piece : pieces) {
      segment(piece, given);
    }
  }

  private static void segment(ByteBuffer piece, Given given) {
    if (piece.isDirect() && !piece.isReadOnly()) {
      given.packet.u8(1).number(0).number(piece.remaining());
      given.direct.add(piece);
    } else if (piece.hasArray()) {
      given.packet.u8(0).number(piece.arrayOffset()).number(piece.remaining());
      given.heap.add(piece.array());
    } else {
      // A map of a file that somebody cuts off would end Java if native code read it.
      byte[] copy = new byte[piece.remaining()];
      piece.get(copy);
      given.packet.u8(0).number(0).number(copy.length);
      given.heap.add(copy);
    }
  }
}
