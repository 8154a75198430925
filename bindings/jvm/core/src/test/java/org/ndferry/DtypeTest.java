package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class DtypeTest {
  @Test
  void typeStringsMeanWhatNumpySays() {
    String[][] pairs = {
      {"<f4", "<f4"}, {"float64", "<f8"}, {">i2", ">i2"}, {"=u8", "<u8"}, {"|u1", "|u1"},
      {"?", "|b1"}, {"b", "|i1"}, {"B", "|u1"}, {"l", "<i8"}, {"S10", "|S10"}, {"a3", "|S3"},
      {"U5", "<U5"}, {">U2", ">U2"}, {"V7", "|V7"}, {"O", "|O"}, {"M8[25us]", "<M8[25us]"},
      {"datetime64", "<M8"}, {"m8[1D]", "<m8[D]"}, {"timedelta64[generic]", "<m8"},
      {"c16", "<c16"}, {"longdouble", "<f16"}, {"str", "<U0"}, {"c", "|S1"}
    };
    for (String[] pair : pairs) {
      assertEquals(pair[1], Dtype.of(pair[0]).str(), pair[0]);
    }
  }

  @Test
  void listsOfTypesAreStructsAndSubarrays() {
    Dtype struct = Dtype.of("i4, (2,3)f8, 3S5");
    assertEquals("[('f0', '<i4'), ('f1', '<f8', (2, 3)), ('f2', '|S5', (3,))]", struct.toString());
    assertEquals(4 + 48 + 15, struct.itemsize());
    assertEquals("('<f4', (3,))", Dtype.of("3f4").toString());
  }

  @Test
  void whatNumpyDoesNotHaveIsRefused() {
    for (String text : new String[] {"", "x", "i3", "f10", "M8[x]", "M8[0s]", "<", "U9999999999", "i4,,", "T"}) {
      assertThrows(IllegalArgumentException.class, () -> Dtype.of(text), text);
    }
  }

  @Test
  void equalityIsOfAllThatMatters() {
    assertEquals(Dtype.UINT16, Dtype.of("<u2"));
    assertNotEquals(Dtype.UINT16, Dtype.of(">u2"));
    assertNotEquals(Dtype.of("M8[s]"), Dtype.of("M8[ms]"));
    assertNotEquals(Dtype.of("i4,i4"), Dtype.of("i4,u4"));
    assertEquals(Dtype.of("2i4").hashCode(), Dtype.of("2i4").hashCode());
  }
}
