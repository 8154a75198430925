package org.ndferry;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Arrays on their way from the native library: {@code memory.rs} is the other side. */
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
}
