import Jama.Matrix;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Locale;
import java.util.Random;
import org.ndferry.Functions;
import org.ndferry.Linalg;
import org.ndferry.NDArray;
import org.ndferry.Natives;

/**
 * Linear algebra in Java, ours and JAMA's: `Algebra ours|theirs WORD N` measures itself, from double[] to double[].
 * `Algebra ours call N`: what one of N calls into the native library takes.
 */
public class Algebra {
  private static final MethodHandle SUCCESSOR = successor();

  public static void main(String[] words) throws Exception {
    boolean ours = words[0].equals("ours");
    int n = Integer.parseInt(words[2]);
    if (ours && !Natives.isAvailable()) {
      throw new IllegalStateException(Natives.missing());
    }
    if (words[1].equals("call")) {
      report(calls(n) / n, 0, "done");
      return;
    }
    Random random = new Random(1);
    double[] a = random.doubles((long) n * n).toArray();
    double[] b = random.doubles((long) n * n).toArray();
    for (int i = 0; i < n; i++) {
      a[i * n + i] += n; // well conditioned
    }
    double result = 0;
    long wall = Long.MAX_VALUE;
    long cpu = 0;
    // As many times as fit into two seconds, the first to warm up; what takes many seconds needs none.
    long end = System.nanoTime() + 2_000_000_000L;
    for (int round = 0; round < 1 || (round < 2 && wall < 4_000_000_000L) || System.nanoTime() < end; round++) {
      long cpuBefore = cpu();
      long before = System.nanoTime();
      result = ours ? ours(words[1], a, b, n) : theirs(words[1], a, b, n);
      long took = System.nanoTime() - before;
      if (took < wall) {
        wall = took;
        cpu = cpu() - cpuBefore;
      }
    }
    report(wall / 1e9, cpu / 1e9, String.format(Locale.ROOT, "%.6e", result));
  }

  private static void report(double wall, double cpu, String result) throws Exception {
    long peak = 0;
    for (String line : Files.readAllLines(Paths.get("/proc/self/status"))) {
      peak = line.startsWith("VmHWM:") ? Long.parseLong(line.replaceAll("[^0-9]", "")) << 10 : peak;
    }
    System.out.printf(
        Locale.ROOT,
        "{\"cpu\": %.9f, \"wall\": %.9f, \"peak\": %d, \"result\": \"%s\"}%n",
        cpu, wall, peak, result);
  }

  /** The best seconds of ten times so many calls that only add 1. */
  private static double calls(int n) throws Exception {
    double best = Double.MAX_VALUE;
    for (int round = 0; round < 10; round++) {
      long before = System.nanoTime();
      int number = 0;
      try {
        while (number < n) {
          number = (int) SUCCESSOR.invokeExact(number);
        }
      } catch (Throwable error) {
        throw new IllegalStateException(error);
      }
      best = Math.min(best, (System.nanoTime() - before) / 1e9);
    }
    return best;
  }

  private static MethodHandle successor() {
    try {
      Method method = Class.forName("org.ndferry.NativeCalls").getDeclaredMethod("successor", int.class);
      method.setAccessible(true);
      return MethodHandles.lookup().unreflect(method);
    } catch (ReflectiveOperationException error) {
      throw new IllegalStateException(error);
    }
  }

  private static long cpu() {
    return ((com.sun.management.OperatingSystemMXBean)
            java.lang.management.ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  /** Something that only the right answer has. */
  private static double ours(String word, double[] left, double[] right, int n) {
    NDArray a = NDArray.of(left, n, n);
    NDArray b = NDArray.of(right, n, n);
    switch (word) {
      case "matmul":
        return sum(Functions.matmul(a, b));
      case "solve":
        return sum(Linalg.solve(a, b));
      case "inverse":
        return sum(Linalg.inv(a));
      case "svd":
        Linalg.Svd parts = Linalg.svd(a);
        parts.u().toDoubles();
        parts.vh().toDoubles();
        return sum(parts.s());
      default:
        // JAMA gives the vectors, too.
        return sum(Functions.call("real", Linalg.eig(a).values())[0]);
    }
  }

  private static double sum(NDArray array) {
    double sum = 0;
    for (double value : array.toDoubles()) {
      sum += value;
    }
    return sum;
  }

  private static double theirs(String word, double[] left, double[] right, int n) {
    Matrix a = new Matrix(left, n).transpose();
    Matrix b = new Matrix(right, n).transpose();
    double[] found;
    switch (word) {
      case "matmul":
        found = a.times(b).getRowPackedCopy();
        break;
      case "solve":
        found = a.solve(b).getRowPackedCopy();
        break;
      case "inverse":
        found = a.inverse().getRowPackedCopy();
        break;
      case "svd":
        Jama.SingularValueDecomposition svd = a.svd();
        svd.getU();
        svd.getV();
        found = svd.getSingularValues();
        break;
      default:
        found = a.eig().getRealEigenvalues();
    }
    double sum = 0;
    for (double value : found) {
      sum += value;
    }
    return sum;
  }
}
