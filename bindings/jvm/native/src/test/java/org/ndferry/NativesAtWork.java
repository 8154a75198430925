package org.ndferry;

import java.io.IOException;
import java.util.Arrays;

/** All that the native library does, once, for a Java of its own: prints what came of it. */
final class NativesAtWork {
  private NativesAtWork() {}

  public static void main(String[] arguments) throws Exception {
    if (!Natives.isAvailable()) {
      System.out.println("missing: " + Natives.missing());
      return;
    }
    System.out.println("version: " + Natives.version());
    System.out.println("panic: " + panic("on purpose"));
    Thread[] threads = new Thread[8];
    for (int i = 0; i < threads.length; i++) {
      threads[i] = new Thread(NativesAtWork::calls);
      threads[i].start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    System.out.println("done");
  }

  private static void calls() {
    for (int i = 0; i < 1000; i++) {
      if (NativeCalls.successor(i) != i + 1) {
        throw new AssertionError(i);
      }
    }
    panic("in a thread");
    NDArray[] rows = new NDArray[200];
    Arrays.setAll(rows, i -> NDArray.zeros(Dtype.FLOAT64, 5000));
    Object[] joined = Functions.call("concatenate", rows, "");
    NDArray[] parts = Functions.call("split", joined, "{\"sections\": 200}");
    if (parts.length != rows.length || parts[199].size() != 5000) {
      throw new AssertionError("other parts");
    }
    NDArray array = NDArray.zeros(Dtype.FLOAT64, 50, 100);
    for (int i = 0; i < 50; i++) {
      array = Functions.add(array, NDArray.of(new double[] {i}));
    }
    if (Functions.sum(array).getDouble() != 5000.0 * 25 * 49) {
      throw new AssertionError("another sum");
    }
    try {
      Functions.sum(array, 7);
      throw new AssertionError("no such axis");
    } catch (FunctionException expected) {
      panic("again");
    }
  }

  /** What a panic says as an exception. */
  static String panic(String text) {
    try {
      NativeCalls.panic(text);
      throw new AssertionError("it did not panic");
    } catch (IOException error) {
      return error.getMessage();
    }
  }
}
