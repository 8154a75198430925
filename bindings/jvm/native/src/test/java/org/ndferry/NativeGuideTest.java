package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.BeforeAll;

/** The same examples, with the native library. */
class NativeGuideTest extends GuideTest {
  @BeforeAll
  static void load() {
    assertEquals("", Natives.missing());
  }

  @Override
  String classPath() throws Exception {
    return Javas.path();
  }
}
