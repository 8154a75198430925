//! faer's decompositions, on as many threads as are worth it, without asking for memory that is not there.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::evd::{
    ComputeEigenvectors, evd_cplx, evd_real, evd_scratch, self_adjoint_evd,
    self_adjoint_evd_scratch,
};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj,
};
use faer::linalg::qr::no_pivoting::factor::{
    qr_in_place, qr_in_place_scratch, recommended_block_size,
};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{Conj, Mat, MatRef, Side};
use num_complex::Complex;

use super::{Field, parallel};
use crate::MathError;

/// Room for intermediate results.
fn memory(needs: StackReq) -> Result<MemBuffer, MathError> {
    MemBuffer::try_new(needs).map_err(|_| MathError::Memory {
        nbytes: needs.size_bytes() as u128,
    })
}

/// The matrix times a power of two, and that: squares of what is huge or tiny do not fit into a double.
fn scaled<T: Field>(matrix: MatRef<'_, T>) -> (Mat<T>, f64) {
    let mut own = matrix.to_owned();
    let most = own
        .col_iter()
        .flat_map(|column| column.iter())
        .fold(0.0, |most: f64, item| most.max(item.size()));
    if most == 0.0 || (TINY..=HUGE).contains(&most) {
        return (own, 1.0);
    }
    // In two steps, since the power alone may not fit.
    let half = 2f64.powi(libm::ilogb(most) / -2);
    for column in own.col_iter_mut() {
        for item in column.iter_mut() {
            *item = item.times(half).times(half);
        }
    }
    (own, half)
}

const TINY: f64 = 1e-60;
const HUGE: f64 = 1e60;

/// What a value of the matrix is, of one that was scaled.
fn unscaled<T: Field>(value: T, half: f64) -> T {
    value.times(1.0 / half).times(1.0 / half)
}

/// `Q` and `R` of `A = Q R`, both of them in one matrix.
pub(super) struct Qr<T> {
    both: Mat<T>,
    coefficients: Mat<T>,
    /// What the matrix was scaled by, twice.
    half: f64,
    /// The columns that are not finite.
    spoilt: Vec<bool>,
    /// The first reflection that is made of one; it spoils what it touches.
    from: usize,
}

impl<T: Field> Qr<T> {
    pub(super) fn new(matrix: MatRef<'_, T>) -> Result<Self, MathError> {
        let (m, n) = matrix.shape();
        let spoilt: Vec<bool> = matrix
            .col_iter()
            .map(|column| column.iter().any(|item| !item.size().is_finite()))
            .collect();
        let from = spoilt.iter().position(|spoilt| *spoilt);
        // The last row is not reflected.
        let from = from.filter(|from| from + 1 < m).unwrap_or(usize::MAX);
        let (mut both, half) = if spoilt.contains(&true) {
            let mut rest = matrix.to_owned();
            let columns = rest.col_iter_mut().zip(&spoilt);
            columns
                .filter(|(_, spoilt)| **spoilt)
                .for_each(|(column, _)| column.iter_mut().for_each(|item| *item = T::of(0.0)));
            scaled(rest.as_ref())
        } else {
            scaled(matrix)
        };
        if m == 0 || n == 0 {
            let coefficients = Mat::zeros(0, 0);
            return Ok(Self {
                both,
                coefficients,
                half,
                spoilt,
                from,
            });
        }
        let (block, par) = (recommended_block_size::<T>(m, n), parallel(m.min(n)));
        let mut coefficients = Mat::zeros(block, m.min(n));
        let params = Default::default();
        let mut memory = memory(qr_in_place_scratch::<T>(m, n, block, par, params))?;
        let stack = MemStack::new(&mut memory);
        qr_in_place(both.as_mut(), coefficients.as_mut(), par, stack, params);
        Ok(Self {
            both,
            coefficients,
            half,
            spoilt,
            from,
        })
    }

    /// An element of `R`, on its diagonal or above it.
    pub(super) fn r(&self, i: usize, j: usize) -> T {
        if self.spoilt[j] || i >= self.from {
            return T::of(f64::NAN);
        }
        unscaled(self.both[(i, j)], self.half)
    }

    /// The first columns of `Q`.
    pub(super) fn q(&self, columns: usize) -> Result<Mat<T>, MathError> {
        let (m, n) = self.both.shape();
        let mut q = Mat::identity(m, columns);
        if m == 0 || n == 0 || columns == 0 {
            return Ok(q);
        }
        let block = self.coefficients.nrows();
        let needs =
            apply_block_householder_sequence_on_the_left_in_place_scratch::<T>(m, block, columns);
        let mut memory = memory(needs)?;
        apply_block_householder_sequence_on_the_left_in_place_with_conj(
            self.both.as_ref().subcols(0, m.min(n)),
            self.coefficients.as_ref(),
            Conj::No,
            q.as_mut(),
            parallel(m.min(n)),
            MemStack::new(&mut memory),
        );
        for column in q.col_iter_mut().skip(self.from) {
            column.iter_mut().for_each(|item| *item = T::of(f64::NAN));
        }
        Ok(q)
    }
}

/// `U`, the singular values in falling order, and `V`.
pub(super) struct Svd<T> {
    pub(super) u: Mat<T>,
    pub(super) s: Vec<f64>,
    pub(super) v: Mat<T>,
}

/// Of a matrix of finite numbers.
pub(super) fn decompose<T: Field>(
    function: &'static str,
    matrix: MatRef<'_, T>,
    vectors: ComputeSvdVectors,
) -> Result<Svd<T>, MathError> {
    let (m, n) = matrix.shape();
    let (matrix, half) = scaled(matrix);
    let least = m.min(n);
    let (left, right) = match vectors {
        ComputeSvdVectors::No => (0, 0),
        ComputeSvdVectors::Thin => (least, least),
        ComputeSvdVectors::Full => (m, n),
    };
    let (mut u, mut v) = (Mat::identity(m, left), Mat::identity(n, right));
    if least == 0 {
        let s = Vec::new();
        return Ok(Svd { u, s, v });
    }
    let (mut s, par) = (Diag::<T>::zeros(least), parallel(least));
    let params = Default::default();
    let mut memory = memory(svd_scratch::<T>(m, n, vectors, vectors, par, params))?;
    let wanted = vectors != ComputeSvdVectors::No;
    svd(
        matrix.as_ref(),
        s.as_mut(),
        wanted.then(|| u.as_mut()),
        wanted.then(|| v.as_mut()),
        par,
        MemStack::new(&mut memory),
        params,
    )
    .map_err(|_| MathError::NotConverged { function })?;
    let s = s
        .column_vector()
        .iter()
        .map(|value| unscaled(value.size(), half))
        .collect();
    Ok(Svd { u, s, v })
}

/// Eigenvalues, and the eigenvectors of them in columns.
pub(super) type Eigen<T> = (Vec<T>, Mat<T>);

/// Of real matrices: pairs of complex numbers stand side by side.
pub(super) fn eigen_real(
    function: &'static str,
    matrix: MatRef<'_, f64>,
    vectors: bool,
) -> Result<Eigen<Complex<f64>>, MathError> {
    let n = matrix.nrows();
    let (matrix, half) = scaled(matrix);
    let (mut re, mut im) = (Diag::<f64>::zeros(n), Diag::<f64>::zeros(n));
    let mut columns = Mat::<f64>::zeros(n, if vectors { n } else { 0 });
    let (par, params) = (parallel(n), Default::default());
    let mut memory = memory(evd_scratch::<f64>(
        n,
        ComputeEigenvectors::No,
        computed(vectors),
        par,
        params,
    ))?;
    evd_real(
        matrix.as_ref(),
        re.as_mut(),
        im.as_mut(),
        None,
        vectors.then(|| columns.as_mut()),
        par,
        MemStack::new(&mut memory),
        params,
    )
    .map_err(|_| MathError::NotConverged { function })?;
    let values: Vec<Complex<f64>> = (0..n)
        .map(|nth| Complex::new(unscaled(re[nth], half), unscaled(im[nth], half)))
        .collect();
    let mut wide = Mat::zeros(n, columns.ncols());
    let mut j = 0;
    while j < columns.ncols() {
        // A pair has the real part of its vectors in the first column and the imaginary one in the second.
        let pair = im[j] != 0.0 && j + 1 < n;
        for i in 0..n {
            let im = if pair { columns[(i, j + 1)] } else { 0.0 };
            wide[(i, j)] = Complex::new(columns[(i, j)], im);
            if pair {
                wide[(i, j + 1)] = Complex::new(columns[(i, j)], -im);
            }
        }
        j += 1 + usize::from(pair);
    }
    Ok((values, wide))
}

/// Of complex matrices.
pub(super) fn eigen_complex(
    function: &'static str,
    matrix: MatRef<'_, Complex<f64>>,
    vectors: bool,
) -> Result<Eigen<Complex<f64>>, MathError> {
    type C = Complex<f64>;
    let n = matrix.nrows();
    let (matrix, half) = scaled(matrix);
    let mut values = Diag::<C>::zeros(n);
    let mut columns = Mat::<C>::zeros(n, if vectors { n } else { 0 });
    let (par, params) = (parallel(n), Default::default());
    let mut memory = memory(evd_scratch::<C>(
        n,
        ComputeEigenvectors::No,
        computed(vectors),
        par,
        params,
    ))?;
    evd_cplx(
        matrix.as_ref(),
        values.as_mut(),
        None,
        vectors.then(|| columns.as_mut()),
        par,
        MemStack::new(&mut memory),
        params,
    )
    .map_err(|_| MathError::NotConverged { function })?;
    let values = (0..n).map(|nth| unscaled(values[nth], half)).collect();
    Ok((values, columns))
}

/// Of matrices that are their own conjugate transpose, of which one triangle is read; values in rising order.
pub(super) fn eigen_self_adjoint<T: Field>(
    function: &'static str,
    matrix: MatRef<'_, T>,
    side: Side,
    vectors: bool,
) -> Result<(Vec<f64>, Mat<T>), MathError> {
    let n = matrix.nrows();
    let (mut lower, half) = scaled(matrix);
    if side == Side::Upper {
        lower = super::adjoint(lower.as_ref());
    }
    let mut values = Diag::<T>::zeros(n);
    let mut columns = Mat::<T>::zeros(n, if vectors { n } else { 0 });
    let (par, params) = (parallel(n), Default::default());
    let mut memory = memory(self_adjoint_evd_scratch::<T>(
        n,
        computed(vectors),
        par,
        params,
    ))?;
    self_adjoint_evd(
        lower.as_ref(),
        values.as_mut(),
        vectors.then(|| columns.as_mut()),
        par,
        MemStack::new(&mut memory),
        params,
    )
    .map_err(|_| MathError::NotConverged { function })?;
    let values = (0..n)
        .map(|nth| unscaled(values[nth].complex().re, half))
        .collect();
    Ok((values, columns))
}

fn computed(vectors: bool) -> ComputeEigenvectors {
    if vectors {
        ComputeEigenvectors::Yes
    } else {
        ComputeEigenvectors::No
    }
}
