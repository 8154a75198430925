//! `numpy.linalg`: of matrices in the last two axes.
//!
//! ```
//! use ndferry_array::Array;
//! use ndferry_math::np;
//!
//! let a = Array::from_elements(&[2, 2], &[2.0, 0.0, 0.0, 4.0])?;
//! let b = Array::from_elements(&[2], &[2.0, 8.0])?;
//! assert_eq!(np::linalg::solve(&a, &b)?.to_elements::<f64>()?, [1.0, 2.0]);
//! let (_, sizes, _) = np::linalg::svd(&a)?;
//! assert_eq!(sizes.to_elements::<f64>()?, [4.0, 2.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use ndferry_array::Array;

use super::{Axes, Result, int, one, several};
use crate::Operand;
use crate::options::{Options, Setting};

macro_rules! matrices {
    ($($name:ident $text:literal;)*) => {
        $(
            #[doc = concat!("`numpy.linalg.", stringify!($name), "`: ", $text, ".")]
            pub fn $name<'a>(a: impl Into<Operand<'a>>) -> Result<Array> {
                one(concat!("linalg.", stringify!($name)), &[a.into()], &Options::new())
            }
        )*

    };
}

matrices! {
    inv "the inverse"; det "the determinant"; pinv "the pseudo-inverse"; cholesky "the lower factor of a positive matrix";
    eigvals "the eigenvalues, complex"; eigvalsh "the eigenvalues of a symmetric or Hermitian matrix, in order";
    cond "the condition number"; matrix_rank "how many singular values are not 0";
}

/// `numpy.linalg.solve`: x of a x = b.
///
/// # Errors
/// [`MathError::Singular`](crate::MathError::Singular).
pub fn solve<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Result<Array> {
    one("linalg.solve", &[a.into(), b.into()], &Options::new())
}

/// `numpy.linalg.lstsq`: the x for which a x is nearest to b; squared distances, the rank, the singular values.
pub fn lstsq<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Result<[Array; 4]> {
    several("linalg.lstsq", &[a.into(), b.into()], &Options::new())
}

/// `numpy.linalg.slogdet`: sign and logarithm of the determinant.
pub fn slogdet<'a>(a: impl Into<Operand<'a>>) -> Result<(Array, Array)> {
    several("linalg.slogdet", &[a.into()], &Options::new()).map(|[sign, log]| (sign, log))
}

/// `numpy.linalg.qr`: an orthogonal factor and an upper triangular one.
pub fn qr<'a>(a: impl Into<Operand<'a>>) -> Result<(Array, Array)> {
    several("linalg.qr", &[a.into()], &Options::new()).map(|[q, r]| (q, r))
}

/// `numpy.linalg.svd` without `full_matrices`: u, the singular values from the greatest on, v transposed.
pub fn svd<'a>(a: impl Into<Operand<'a>>) -> Result<(Array, Array, Array)> {
    let thin = Options::new().with("full_matrices", Setting::Bool(false));
    several("linalg.svd", &[a.into()], &thin).map(|[u, sizes, v]| (u, sizes, v))
}

/// `numpy.linalg.eig`: eigenvalues, and the eigenvectors as columns.
pub fn eig<'a>(a: impl Into<Operand<'a>>) -> Result<(Array, Array)> {
    several("linalg.eig", &[a.into()], &Options::new()).map(|[values, vectors]| (values, vectors))
}

/// `numpy.linalg.eigh`: the same of a symmetric or Hermitian matrix, whose lower half is read; in order.
pub fn eigh<'a>(a: impl Into<Operand<'a>>) -> Result<(Array, Array)> {
    several("linalg.eigh", &[a.into()], &Options::new()).map(|[values, vectors]| (values, vectors))
}

/// `numpy.linalg.matrix_power`: a times itself so often; of the inverse if negative.
pub fn matrix_power<'a>(a: impl Into<Operand<'a>>, n: i64) -> Result<Array> {
    one("linalg.matrix_power", &[a.into()], &int("n", n))
}

/// `numpy.linalg.norm`: the length of vectors, of matrices the Frobenius norm; of all elements without axes.
pub fn norm<'a>(a: impl Into<Operand<'a>>, axes: impl Into<Axes>) -> Result<Array> {
    one("linalg.norm", &[a.into()], &axes.into().options())
}
