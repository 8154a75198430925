package org.ndferry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class LinalgTest {
  private static final NDArray SQUARE = NDArray.of(new double[] {4, 1, 2, 1, 3, 0, 2, 0, 5}, 3, 3);
  private static final NDArray TALL = NDArray.of(new double[] {1, 2, 3, 4, 5, 7}, 3, 2);

  @BeforeAll
  static void load() {
    assertEquals("", Natives.missing());
  }

  private static void near(NDArray expected, NDArray found) {
    assertArrayEquals(expected.shape(), found.shape());
    assertArrayEquals(expected.toDoubles(), found.toDoubles(), 1e-12);
  }

  private static NDArray product(NDArray first, NDArray... others) {
    NDArray product = first;
    for (NDArray other : others) {
      product = Functions.matmul(product, other);
    }
    return product;
  }

  private static NDArray identity(int n) {
    NDArray identity = NDArray.zeros(Dtype.FLOAT64, n, n);
    for (int i = 0; i < n; i++) {
      identity.setDouble(1, i, i);
    }
    return identity;
  }

  private static NDArray diagonal(NDArray values) {
    return Functions.multiply(identity((int) values.size()), values);
  }

  @Test
  void equationsAreSolved() {
    NDArray x = NDArray.of(new double[] {1, -2, 3});
    near(x, Linalg.solve(SQUARE, Functions.matmul(SQUARE, x)));
    near(SQUARE.transpose(), Linalg.solve(SQUARE, Functions.matmul(SQUARE, SQUARE.transpose())));
    near(identity(3), product(SQUARE, Linalg.inv(SQUARE)));
    near(identity(2), product(Linalg.pinv(TALL), TALL));
    near(product(SQUARE, SQUARE, SQUARE), Linalg.matrixPower(SQUARE, 3));
    near(product(Linalg.inv(SQUARE), Linalg.inv(SQUARE)), Linalg.matrixPower(SQUARE, -2));
  }

  @Test
  void tooManyEquationsHaveANearestSolution() {
    // A line through (0, 1), (1, 3), (2, 4): 7/6 + 3/2 x, which misses them by 1/6, 1/3, 1/6.
    NDArray a = NDArray.of(new double[] {1, 0, 1, 1, 1, 2}, 3, 2);
    Linalg.LeastSquares line = Linalg.lstsq(a, NDArray.of(new double[] {1, 3, 4}));
    near(NDArray.of(new double[] {7.0 / 6, 1.5}), line.x());
    near(NDArray.of(new double[] {1.0 / 6}), line.residuals());
    assertEquals(2, line.rank());
    near(Linalg.svdvals(a), line.s());
    assertEquals(0, Linalg.lstsq(SQUARE, NDArray.of(new double[] {1, 3, 4})).residuals().size());
  }

  @Test
  void numbersOfAMatrix() {
    assertEquals(43, Linalg.det(SQUARE).getDouble(), 1e-12);
    assertEquals(1, Linalg.slogdet(SQUARE).sign().getDouble());
    assertEquals(Math.log(43), Linalg.slogdet(SQUARE).logabsdet().getDouble(), 1e-12);
    assertEquals(12, Linalg.trace(SQUARE).getDouble());
    assertEquals(Math.sqrt(60), Linalg.norm(SQUARE).getDouble(), 1e-12);
    assertEquals(7, Linalg.norm(SQUARE, 1).getDouble());
    assertEquals(Linalg.svdvals(SQUARE).getDouble(0), Linalg.norm(SQUARE, 2).getDouble(), 1e-12);
    assertEquals(7, Linalg.norm(SQUARE, Double.POSITIVE_INFINITY).getDouble());
    near(NDArray.of(new double[] {7, 4, 7}), Linalg.norm(SQUARE, 1, 1));
    assertEquals(Math.pow(1 + Math.sqrt(2), 2), Linalg.norm(NDArray.of(new double[] {1, 2}), 0.5).getDouble(), 1e-12);
    near(NDArray.of(new double[] {7}), Linalg.norm(SQUARE.reshape(1, 3, 3), 1, 1, 2));
    NDArray values = Linalg.svdvals(SQUARE);
    assertEquals(values.getDouble(0) / values.getDouble(2), Linalg.cond(SQUARE).getDouble(), 1e-12);
    assertEquals(3, Linalg.matrixRank(SQUARE).getLong());
    assertEquals(1, Linalg.matrixRank(NDArray.of(new int[] {1, 2, 2, 4}, 2, 2)).getLong());
  }

  @Test
  void decompositionsMultiplyBackToTheMatrix() {
    NDArray lower = Linalg.cholesky(SQUARE);
    near(SQUARE, product(lower, lower.transpose()));
    Linalg.Qr qr = Linalg.qr(TALL);
    assertArrayEquals(new long[] {3, 2}, qr.q().shape());
    near(TALL, product(qr.q(), qr.r()));
    near(identity(2), product(qr.q().transpose(), qr.q()));
    Linalg.Lu lu = Linalg.lu(TALL);
    near(TALL, product(lu.p(), lu.l(), lu.u()));
    Linalg.Svd svd = Linalg.svd(TALL, false);
    near(TALL, product(svd.u(), diagonal(svd.s()), svd.vh()));
    assertArrayEquals(new long[] {3, 3}, Linalg.svd(TALL).u().shape());
    near(svd.s(), Linalg.svdvals(TALL));
    Linalg.Eigen symmetric = Linalg.eigh(SQUARE);
    near(SQUARE, product(symmetric.vectors(), diagonal(symmetric.values()), symmetric.vectors().transpose()));
    near(symmetric.values(), Linalg.eigvalsh(SQUARE));
    Linalg.Eigen any = Linalg.eig(NDArray.of(new double[] {2, 1, 0, 3}, 2, 2));
    near(product(NDArray.of(new double[] {2, 1, 0, 3}, 2, 2), any.vectors()), product(any.vectors(), diagonal(any.values())));
    near(NDArray.of(new double[] {2, 3}), Functions.sort(any.values(), 0));
  }

  @Test
  void turnsHaveComplexEigenvalues() {
    NDArray turn = NDArray.of(new double[] {0, -1, 1, 0}, 2, 2);
    NDArray values = Linalg.eigvals(turn);
    assertEquals("<c16", values.dtype().str());
    near(NDArray.of(new double[] {-1, 1}), Functions.sort(Functions.call("imag", values)[0], 0));
  }

  @Test
  void stacksAndOtherDtypesAreTaken() {
    Random random = new Random(1);
    NDArray stack = NDArray.of(random.doubles(2 * 4 * 4).toArray(), 2, 4, 4);
    NDArray inverse = Linalg.inv(stack);
    for (int i = 0; i < 2; i++) {
      near(Linalg.inv(stack.slice(i + "")), inverse.slice(i + ""));
    }
    assertArrayEquals(new long[] {2}, Linalg.det(stack).shape());
    assertEquals(Dtype.FLOAT64, Linalg.inv(SQUARE.cast(Dtype.INT16)).dtype());
    assertEquals(Dtype.FLOAT32, Linalg.inv(SQUARE.cast(Dtype.FLOAT32)).dtype());
    near(Linalg.inv(SQUARE), Linalg.inv(SQUARE.cast(Dtype.of(">f8"))));
  }

  private static void refused(FunctionException.Kind kind, String text, Executable call) {
    FunctionException error = assertThrows(FunctionException.class, call);
    assertEquals(kind, error.kind(), error.getMessage());
    assertEquals(true, error.getMessage().contains(text), error.getMessage());
  }

  @Test
  void whatHasNoResultIsNumpysExceptionByMeaning() {
    FunctionException.Kind linalg = FunctionException.Kind.LINALG;
    NDArray singular = NDArray.of(new double[] {1, 2, 2, 4}, 2, 2);
    refused(linalg, "Singular matrix", () -> Linalg.inv(singular));
    refused(linalg, "Singular matrix", () -> Linalg.solve(singular, NDArray.of(new double[] {1, 2})));
    refused(linalg, "square", () -> Linalg.inv(TALL));
    refused(linalg, "square", () -> Linalg.eig(TALL));
    refused(linalg, "two-dimensional", () -> Linalg.det(NDArray.of(new double[] {1, 2})));
    refused(linalg, "not positive definite", () -> Linalg.cholesky(NDArray.of(new double[] {1, 2, 2, 1}, 2, 2)));
    refused(linalg, "infs or NaNs", () -> Linalg.eig(NDArray.of(new double[] {Double.NaN, 1, 1, 1}, 2, 2)));
    refused(linalg, "converge", () -> Linalg.svd(NDArray.of(new double[] {Double.NaN, 1, 1, 1}, 2, 2)));
    refused(FunctionException.Kind.VALUE, "", () -> Linalg.solve(SQUARE, NDArray.of(new double[] {1, 2})));
    refused(FunctionException.Kind.TYPE, "unsupported in linalg", () -> Linalg.inv(SQUARE.cast(Dtype.of("f2"))));
    refused(FunctionException.Kind.AXIS, "axis 3", () -> Linalg.norm(SQUARE, 2, 3));
  }
}
