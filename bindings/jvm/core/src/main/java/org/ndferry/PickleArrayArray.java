package org.ndferry;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.List;

/** {@code array.array}, in the spellings of CPython 2 and 3, PyPy and Jython. */
final class PickleArrayArray {
  private static final String CODES = "bBuwhHiIlLqQfdc";
  private static final String[] ITEMS = {
    "i1", "u1", "U1", "U1", "i2", "u2", "i4", "u4", "i8", "u8", "i8", "u8", "f4", "f8", "S1"
  };

  /** {@code mformatdescriptors} of CPython's arraymodule.c; UTF-16 has no dtype, its units are numbers. */
  private static final String[] FORMATS = {
    "u1", "i1", "<u2", ">u2", "<i2", ">i2", "<u4", ">u4", "<i4", ">i4", "<u8", ">u8", "<i8", ">i8",
    "<f4", ">f4", "<f8", ">f8", "<u2", ">u2", "<U1", ">U1"
  };

  private PickleArrayArray() {}

  /** {@code array(code, items)}, {@code array(code, bytes)} or {@code _array_reconstructor(class, code, format, bytes)}. */
  static NDArray read(String meaning, List<Object> args, long at) throws NdferryException {
    if (meaning.equals("array reconstructor")) {
      Object format = args.get(2);
      boolean known = format instanceof Long && (Long) format >= 0 && (Long) format < FORMATS.length;
      if (!known || code(args.get(1)) < 0) {
        throw NdferryException.format(at, "array.array with an unknown typecode or format");
      }
      String text = FORMATS[((Long) format).intValue()];
      return ofBytes(DtypeParser.parse(text), PickleNumpy.payload(args.get(3), at), at);
    }
    int code = code(args.get(0));
    if (code < 0) {
      throw NdferryException.format(at, "array.array with an unknown typecode");
    }
    if (args.size() == 1) {
      return NDArray.zeros(DtypeParser.parse(ITEMS[code]), 0);
    }
    if (args.get(1) instanceof List) {
      return ofItems(DtypeParser.parse(ITEMS[code]), (List<?>) args.get(1), at);
    }
    // Jython writes big-endian whatever the machine; Python up to 2.6, which nobody uses any more, its machine's order.
    Dtype dtype = DtypeParser.parse(">" + ITEMS[code]);
    return ofBytes(dtype, PickleNumpy.payload(args.get(1), at), at);
  }

  private static int code(Object value) {
    String text = PickleNumpy.text(value);
    return text == null || text.length() != 1 ? -1 : CODES.indexOf(text);
  }

  private static NDArray ofBytes(Dtype dtype, ByteBuffer bytes, long at) throws NdferryException {
    if (bytes.remaining() % dtype.itemsize() != 0) {
      String problem = bytes.remaining() + " bytes are no whole items of " + dtype.itemsize();
      throw NdferryException.format(at, "array.array: " + problem);
    }
    long[] shape = {bytes.remaining() / dtype.itemsize()};
    return NDArray.contiguous(Bytes.wrap(bytes), dtype, shape, false);
  }

  private static NDArray ofItems(Dtype dtype, List<?> items, long at) throws NdferryException {
    NDArray array = NDArray.zeros(dtype, items.size());
    for (int i = 0; i < items.size(); i++) {
      if (!put(array, i, items.get(i))) {
        throw NdferryException.format(at, "array.array: item " + i + " does not fit " + dtype.str());
      }
    }
    return array;
  }

  private static boolean put(NDArray array, int i, Object item) {
    int n = array.dtype().itemsize();
    switch (array.dtype().kind()) {
      case FLOAT:
        boolean number = item instanceof Double || item instanceof Long;
        if (number) {
          array.setDouble(((Number) item).doubleValue(), i);
        }
        return number;
      case INT:
        boolean signed = item instanceof Long && (Long) item << 64 - 8 * n >> 64 - 8 * n == (Long) item;
        if (signed) {
          array.setLong((Long) item, i);
        }
        return signed;
      case UINT:
        BigInteger value = item instanceof Long ? BigInteger.valueOf((Long) item) : null;
        value = item instanceof BigInteger ? (BigInteger) item : value;
        boolean fits = value != null && value.signum() >= 0 && value.bitLength() <= 8 * n;
        if (fits) {
          array.setLong(value.longValue(), i);
        }
        return fits;
      case UNICODE:
        String text = item instanceof String ? (String) item : "";
        boolean one = text.codePointCount(0, text.length()) == 1;
        if (one) {
          array.setText(text, i);
        }
        return one;
      default:
        String raw = PickleNumpy.text(item);
        boolean single = raw != null && raw.length() == 1;
        if (single) {
          array.setText(raw, i);
        }
        return single;
    }
  }
}
