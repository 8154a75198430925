package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

/** The core alone. */
class NativesMissingTest {
  @Test
  void whatIsMissingIsSaidInOneSentence() {
    assertFalse(Natives.isAvailable());
    String missing = "no jar ndferry-natives with " + Natives.platform() + " in it is on the class path";
    assertEquals(missing, Natives.missing());
    UnsupportedOperationException error =
        assertThrows(UnsupportedOperationException.class, Natives::version);
    assertEquals("its version needs the native library: " + missing, error.getMessage());
    error = assertThrows(UnsupportedOperationException.class, () -> Functions.add(1, 2));
    assertEquals("numpy.add needs the native library: " + missing, error.getMessage());
    assertThrows(UnsupportedOperationException.class, () -> LazyFile.open(java.nio.file.Paths.get("a.npy")));
  }
}
