import Jama.Matrix;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Locale;
import java.util.Random;
import org.ndferry.Functions;
import org.ndferry.NDArray;
import org.ndferry.Natives;

/** Linear algebra in Java, ours and JAMA's: `Algebra ours|theirs WORD N` measures itself, from double[][] to double[][]. */
public class Algebra {
  public static void main(String[] words) throws Exception {
    boolean ours = words[0].equals("ours");
    int n = Integer.parseInt(words[2]);
    if (ours && !Natives.isAvailable()) {
      throw new IllegalStateException(Natives.missing());
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
    // As many times as fit into two seconds, the first to warm up.
    long end = System.nanoTime() + 2_000_000_000L;
    for (int round = 0; round < 2 || System.nanoTime() < end; round++) {
      long cpuBefore = cpu();
      long before = System.nanoTime();
      result = ours ? ours(words[1], a, b, n) : theirs(words[1], a, b, n);
      long took = System.nanoTime() - before;
      if (took < wall) {
        wall = took;
        cpu = cpu() - cpuBefore;
      }
    }
    long peak = 0;
    for (String line : Files.readAllLines(Paths.get("/proc/self/status"))) {
      peak = line.startsWith("VmHWM:") ? Long.parseLong(line.replaceAll("[^0-9]", "")) << 10 : peak;
    }
    System.out.printf(
        Locale.ROOT,
        "{\"cpu\": %.9f, \"wall\": %.9f, \"peak\": %d, \"result\": \"%.6e\"}%n",
        cpu / 1e9, wall / 1e9, peak, result);
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
        return sum(Functions.call("linalg.solve", a, b)[0]);
      case "inverse":
        return sum(Functions.call("linalg.inv", a)[0]);
      case "svd":
        return sum(Functions.call("linalg.svd", a)[1]);
      default:
        NDArray values = Functions.call("linalg.eig", a)[0];
        return sum(values);
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
