package org.ndferry;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;

/** A million calls and a hundred thousand arrays, in a Java of its own: prints how much memory that took. */
final class NativesMemory {
  private NativesMemory() {}

  public static void main(String[] arguments) throws Exception {
    if (!Natives.isAvailable()) {
      throw new AssertionError(Natives.missing());
    }
    int calls = Integer.parseInt(arguments.length > 0 ? arguments[0] : "1000000");
    int arrays = calls / 10;
    work(calls / 5, arrays / 5);
    long before = resident();
    work(calls, arrays);
    long after = resident();
    System.out.println(
        calls + " calls and " + arrays + " arrays: from " + (before >> 20) + " to " + (after >> 20) + " MiB, "
            + NativeCalls.held() + " held");
    // Arrays that nobody frees would take 2 GiB. How many wait to be freed depends on when Java's own thread is given time.
    if (after - before > 128 << 20) {
      throw new AssertionError("memory grows");
    }
  }

  private static void work(int calls, int arrays) {
    for (int i = 0; i < calls; i++) {
      if (NativeCalls.successor(i) != i + 1) {
        throw new AssertionError(i);
      }
    }
    // Half of them so large that they stay in memory of the library.
    NDArray small = NDArray.zeros(Dtype.FLOAT64, 100);
    NDArray large = NDArray.zeros(Dtype.FLOAT64, 5000);
    for (int i = 0; i < arrays; i++) {
      NDArray sum = Functions.add(i % 2 == 0 ? small : large, i);
      if (sum.getDouble(99) != i) {
        throw new AssertionError(i);
      }
    }
  }

  private static long resident() throws Exception {
    Path status = Paths.get("/proc/self/status");
    if (!Files.exists(status)) {
      return 0;
    }
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
      }
    }
    return 0;
  }
}
