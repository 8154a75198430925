package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.BeforeAll;

/** The same table, with the native library. */
class NativeVectorsTest extends VectorsTest {
  @BeforeAll
  static void load() {
    assertEquals("", Natives.missing());
  }
}
