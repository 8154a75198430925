package org.ndferry;

import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * {@code numpy.linalg}: equations, decompositions and norms, of one matrix or of stacks of them in the last two axes.
 *
 * <p>As with {@link Functions}, arrays may lie anyhow, results are new ones, and the native library is needed: {@link
 * UnsupportedOperationException} says so without it. Integers are taken as float64, and float32 gives float32. What has no
 * result is a {@link FunctionException}, of the kind {@code LINALG} where NumPy raises {@code LinAlgError}: matrices that are not
 * square, singular, or not positive definite.
 *
 * <pre>{@code
 * NDArray x = Linalg.solve(a, b);
 * Linalg.Svd parts = Linalg.svd(image, false);
 * double largest = parts.s().getDouble(0);
 * }</pre>
 */
public final class Linalg {
  private Linalg() {}

  private static NDArray[] all(String name, Object... operands) {
    return Functions.call("linalg." + name, operands, "");
  }

  private static NDArray one(String name, Object... operands) {
    return all(name, operands)[0];
  }

  private static NDArray[] with(String name, String option, Object value, NDArray... operands) {
    return Functions.call("linalg." + name, Collections.singletonMap(option, value), (Object[]) operands);
  }

  /**
   * The solution of a system of equations.
   *
   * @param a square matrices
   * @param b right sides: one vector, or matrices with one in each column
   * @return x, so that a times x is b
   */
  public static NDArray solve(NDArray a, NDArray b) {
    return one("solve", a, b);
  }

  /**
   * The solution that is nearest, of equations that are too many or too few.
   *
   * @param a a matrix
   * @param b right sides: one vector, or a matrix with one in each column
   * @return it, and how near it comes
   */
  public static LeastSquares lstsq(NDArray a, NDArray b) {
    return new LeastSquares(all("lstsq", a, b));
  }

  /**
   * The inverse.
   *
   * @param a square matrices
   * @return of the same shape
   */
  public static NDArray inv(NDArray a) {
    return one("inv", a);
  }

  /**
   * The pseudo-inverse; singular values of at most 1e-15 of the largest count as 0.
   *
   * @param a matrices of shape (..., m, n)
   * @return of shape (..., n, m)
   */
  public static NDArray pinv(NDArray a) {
    return one("pinv", a);
  }

  /**
   * A matrix times itself, so often.
   *
   * @param a square matrices
   * @param n how often; the inverse is taken if it is negative
   * @return of the same shape
   */
  public static NDArray matrixPower(NDArray a, int n) {
    return with("matrix_power", "n", (long) n, a)[0];
  }

  /**
   * The determinant.
   *
   * @param a square matrices
   * @return one number of each; without axes for one matrix
   */
  public static NDArray det(NDArray a) {
    return one("det", a);
  }

  /**
   * The determinant where it is too large or small for a double.
   *
   * @param a square matrices
   * @return its sign, and the logarithm of its size
   */
  public static LogDeterminant slogdet(NDArray a) {
    return new LogDeterminant(all("slogdet", a));
  }

  /**
   * The sum of the diagonal.
   *
   * @param a a matrix; of more axes the first two
   * @return without those axes
   */
  public static NDArray trace(NDArray a) {
    return Functions.call("trace", new Object[] {a}, "")[0];
  }

  /**
   * The length of a vector, or of all elements as one: of a matrix the Frobenius norm.
   *
   * @param a of any shape
   * @return without axes
   */
  public static NDArray norm(NDArray a) {
    return one("norm", a);
  }

  /**
   * Another norm.
   *
   * @param a a vector or a matrix, or with axes any array
   * @param order of vectors the exponent, also infinite; of matrices 1, 2, or infinity, or the negative of it
   * @param axes one or two, of which the norms are; none for the whole array
   * @return without those axes
   */
  public static NDArray norm(NDArray a, double order, int... axes) {
    Map<String, Object> options = new LinkedHashMap<>();
    boolean whole = order == Math.rint(order) && !Double.isInfinite(order);
    options.put("ord", whole ? (Object) (long) order : Double.isInfinite(order) ? (Object) (order > 0 ? "inf" : "-inf") : order);
    if (axes.length == 1) {
      options.put("axis", (long) axes[0]);
    } else if (axes.length > 1) {
      Long[] list = new Long[axes.length];
      for (int i = 0; i < axes.length; i++) {
        list[i] = (long) axes[i];
      }
      options.put("axis", Arrays.asList(list));
    }
    return Functions.call("linalg.norm", options, a)[0];
  }

  /**
   * How much errors grow when equations with this matrix are solved: its largest singular value over the smallest.
   *
   * @param a matrices
   * @return one number of each
   */
  public static NDArray cond(NDArray a) {
    return one("cond", a);
  }

  /**
   * How many rows are independent of each other.
   *
   * @param a matrices
   * @return one integer of each
   */
  public static NDArray matrixRank(NDArray a) {
    return one("matrix_rank", a);
  }

  /**
   * The Cholesky decomposition of positive definite matrices; the lower triangle is read.
   *
   * @param a square matrices
   * @return lower triangular; times its conjugate transpose it is a
   */
  public static NDArray cholesky(NDArray a) {
    return one("cholesky", a);
  }

  /**
   * The QR decomposition.
   *
   * @param a matrices of shape (..., m, n)
   * @return q of shape (..., m, k) and r of shape (..., k, n), k being the less of m and n
   */
  public static Qr qr(NDArray a) {
    return new Qr(all("qr", a));
  }

  /**
   * The LU decomposition with partial pivoting, as {@code scipy.linalg.lu} has it.
   *
   * @param a matrices of shape (..., m, n)
   * @return p, l and u
   */
  public static Lu lu(NDArray a) {
    return new Lu(all("lu", a));
  }

  /**
   * The singular value decomposition with square u and vh.
   *
   * @param a matrices of shape (..., m, n)
   * @return u, s and vh
   */
  public static Svd svd(NDArray a) {
    return svd(a, true);
  }

  /**
   * The singular value decomposition.
   *
   * @param a matrices of shape (..., m, n)
   * @param fullMatrices whether u and vh are square, (m, m) and (n, n); else (m, k) and (k, n), k being the less of m and n
   * @return u, s and vh
   */
  public static Svd svd(NDArray a, boolean fullMatrices) {
    return new Svd(with("svd", "full_matrices", fullMatrices, a));
  }

  /**
   * The singular values alone, which take less time.
   *
   * @param a matrices of shape (..., m, n)
   * @return falling, as many as the less of m and n
   */
  public static NDArray svdvals(NDArray a) {
    return with("svd", "compute_uv", false, a)[0];
  }

  /**
   * Eigenvalues and right eigenvectors; complex unless all of them are real.
   *
   * @param a square matrices
   * @return values in no order, and vectors
   */
  public static Eigen eig(NDArray a) {
    return new Eigen(all("eig", a));
  }

  /**
   * The eigenvalues alone, which take less time.
   *
   * @param a square matrices
   * @return in no order; complex unless all of them are real
   */
  public static NDArray eigvals(NDArray a) {
    return one("eigvals", a);
  }

  /**
   * Eigenvalues and eigenvectors of symmetric or Hermitian matrices; the lower triangle is read.
   *
   * @param a square matrices
   * @return values, rising, and vectors
   */
  public static Eigen eigh(NDArray a) {
    return new Eigen(all("eigh", a));
  }

  /**
   * The eigenvalues of symmetric or Hermitian matrices alone; the lower triangle is read.
   *
   * @param a square matrices
   * @return rising
   */
  public static NDArray eigvalsh(NDArray a) {
    return one("eigvalsh", a);
  }

  /** A singular value decomposition: a is u times the diagonal matrix of s times vh. */
  public static final class Svd {
    private final NDArray[] parts;

    private Svd(NDArray[] parts) {
      this.parts = parts;
    }

    /**
     * Left singular vectors.
     *
     * @return in columns
     */
    public NDArray u() {
      return parts[0];
    }

    /**
     * Singular values.
     *
     * @return falling
     */
    public NDArray s() {
      return parts[1];
    }

    /**
     * Right singular vectors, conjugated.
     *
     * @return in rows
     */
    public NDArray vh() {
      return parts[2];
    }
  }

  /** Eigenvalues and eigenvectors: a times vector i is value i times vector i. */
  public static final class Eigen {
    private final NDArray[] parts;

    private Eigen(NDArray[] parts) {
      this.parts = parts;
    }

    /**
     * The eigenvalues.
     *
     * @return n of each matrix
     */
    public NDArray values() {
      return parts[0];
    }

    /**
     * The eigenvectors, of length 1.
     *
     * @return in columns, in the order of the values
     */
    public NDArray vectors() {
      return parts[1];
    }
  }

  /** A QR decomposition: a is q times r. */
  public static final class Qr {
    private final NDArray[] parts;

    private Qr(NDArray[] parts) {
      this.parts = parts;
    }

    /**
     * The factor with orthonormal columns.
     *
     * @return of shape (..., m, k)
     */
    public NDArray q() {
      return parts[0];
    }

    /**
     * The upper triangular factor.
     *
     * @return of shape (..., k, n)
     */
    public NDArray r() {
      return parts[1];
    }
  }

  /** An LU decomposition: a is p times l times u. */
  public static final class Lu {
    private final NDArray[] parts;

    private Lu(NDArray[] parts) {
      this.parts = parts;
    }

    /**
     * The permutation of the rows.
     *
     * @return a square matrix of zeros and ones
     */
    public NDArray p() {
      return parts[0];
    }

    /**
     * The lower triangular factor.
     *
     * @return with ones on the diagonal
     */
    public NDArray l() {
      return parts[1];
    }

    /**
     * The upper triangular factor.
     *
     * @return of shape (..., k, n)
     */
    public NDArray u() {
      return parts[2];
    }
  }

  /** What {@link #lstsq} gives. */
  public static final class LeastSquares {
    private final NDArray[] parts;

    private LeastSquares(NDArray[] parts) {
      this.parts = parts;
    }

    /**
     * The solution.
     *
     * @return of as many rows as a has columns
     */
    public NDArray x() {
      return parts[0];
    }

    /**
     * The squares of what is left, added up for each right side.
     *
     * @return empty where a has not more rows than columns, or its columns depend on each other
     */
    public NDArray residuals() {
      return parts[1];
    }

    /**
     * How many columns of a are independent of each other.
     *
     * @return from 0 on
     */
    public int rank() {
      return (int) parts[2].getLong();
    }

    /**
     * The singular values of a.
     *
     * @return falling
     */
    public NDArray s() {
      return parts[3];
    }
  }

  /** A determinant as sign and logarithm. */
  public static final class LogDeterminant {
    private final NDArray[] parts;

    private LogDeterminant(NDArray[] parts) {
      this.parts = parts;
    }

    /**
     * Its sign.
     *
     * @return 1, 0 or -1; of complex matrices a number of size 1, or 0
     */
    public NDArray sign() {
      return parts[0];
    }

    /**
     * The natural logarithm of its size.
     *
     * @return minus infinity for singular matrices
     */
    public NDArray logabsdet() {
      return parts[1];
    }
  }
}
