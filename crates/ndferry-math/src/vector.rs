//! Functions of floats in loops without branches, which the compiler makes vectors of: as wide as this processor has them,
//! chosen when the program runs.
//!
//! Each is within 3 units in the last place of the true value (tests hold them to that), as NumPy's own are. Those of `f32`
//! are computed as `f64` and rounded once. Methods and coefficients are those of fdlibm, by Sun Microsystems, where nothing
//! else is said.

mod arc;
mod exp;
mod log;
mod pairs;
mod power;
#[cfg(test)]
mod tests;
mod trig;

pub(crate) use self::arc::{angles, angles_single};
pub(crate) use self::power::{powers, powers_single};
use crate::unary::Unary;
use crate::widest::widest;

/// Elements between two questions whether the loop can have them.
const CHUNK: usize = 128;

/// A function without branches.
trait Kernel {
    /// Farther from 0 than this, [`Self::scalar`] computes it.
    const LIMIT: f64 = f64::INFINITY;

    /// `FUSED`: whether there are instructions that multiply and add at once.
    fn at<const FUSED: bool>(x: f64) -> f64;

    /// As exact as an `f32` has to be, of a number that is one.
    #[inline(always)]
    fn single<const FUSED: bool>(x: f64) -> f64 {
        Self::at::<FUSED>(x)
    }

    /// What elements beyond the limit are computed by.
    fn scalar(x: f64) -> f64 {
        x
    }
}

/// `a * b + c`.
#[inline(always)]
fn fma<const FUSED: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Of powers of `x`, the constant first, by Horner's rule.
#[inline(always)]
fn polynomial<const FUSED: bool, const N: usize>(x: f64, coefficients: [f64; N]) -> f64 {
    let mut sum = coefficients[N - 1];
    for at in (0..N - 1).rev() {
        sum = fma::<FUSED>(sum, x, coefficients[at]);
    }
    sum
}

/// What is added to a float of less than 2^51 to have its nearest integer as the low bits, and subtracted to have it as a
/// float.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// 2 to the power of an integer from -1022 to 1023 that [`ROUNDER`] was added to.
#[inline(always)]
fn exponent(rounded: f64) -> f64 {
    f64::from_bits(rounded.to_bits().wrapping_add(1023) << 52)
}

/// `f32` and `f64`.
trait Float: Copy {
    fn wide(self) -> f64;
    fn narrowed(wide: f64) -> Self;
    fn apply<K: Kernel, const FUSED: bool>(self) -> Self;
}

impl Float for f64 {
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn narrowed(wide: f64) -> Self {
        wide
    }

    #[inline(always)]
    fn apply<K: Kernel, const FUSED: bool>(self) -> Self {
        K::at::<FUSED>(self)
    }
}

impl Float for f32 {
    #[inline(always)]
    fn wide(self) -> f64 {
        self.into()
    }

    #[inline(always)]
    fn narrowed(wide: f64) -> Self {
        wide as Self
    }

    #[inline(always)]
    fn apply<K: Kernel, const FUSED: bool>(self) -> Self {
        K::single::<FUSED>(self.into()) as Self
    }
}

#[inline(always)]
fn run<K: Kernel, T: Float, const FUSED: bool>(x: &[T], out: &mut [T]) {
    for (x, out) in x.chunks(CHUNK).zip(out.chunks_mut(CHUNK)) {
        let beyond = |x: &T| x.wide().abs() > K::LIMIT;
        if K::LIMIT < f64::INFINITY && x.iter().fold(false, |any, x| any | beyond(x)) {
            for (out, x) in out.iter_mut().zip(x) {
                *out = T::narrowed(K::scalar(x.wide()));
            }
        } else {
            for (out, x) in out.iter_mut().zip(x) {
                *out = x.apply::<K, FUSED>();
            }
        }
    }
}

fn all<K: Kernel, T: Float>(x: &[T], out: &mut [T]) {
    widest(
        #[inline(always)]
        |fused| {
            if fused {
                run::<K, T, true>(x, out);
            } else {
                run::<K, T, false>(x, out);
            }
        },
    );
}

type Loop<T> = fn(&[T], &mut [T]);

/// The loop of this function, if it is one of these.
fn kernel<T: Float>(f: Unary) -> Option<Loop<T>> {
    Some(match f {
        Unary::Exp => all::<exp::Exp, T>,
        Unary::Exp2 => all::<exp::Exp2, T>,
        Unary::Expm1 => all::<exp::Expm1, T>,
        Unary::Sinh => all::<exp::Sinh, T>,
        Unary::Cosh => all::<exp::Cosh, T>,
        Unary::Tanh => all::<exp::Tanh, T>,
        Unary::Log => all::<log::Log, T>,
        Unary::Log2 => all::<log::Log2, T>,
        Unary::Log10 => all::<log::Log10, T>,
        Unary::Log1p => all::<log::Log1p, T>,
        Unary::Arcsinh => all::<log::Arcsinh, T>,
        Unary::Arccosh => all::<log::Arccosh, T>,
        Unary::Arctanh => all::<log::Arctanh, T>,
        Unary::Sin => all::<trig::Sin, T>,
        Unary::Cos => all::<trig::Cos, T>,
        Unary::Tan => all::<trig::Tan, T>,
        Unary::Arcsin => all::<arc::Arcsin, T>,
        Unary::Arccos => all::<arc::Arccos, T>,
        Unary::Arctan => all::<arc::Arctan, T>,
        Unary::Cbrt => all::<power::Cbrt, T>,
        _ => return None,
    })
}

pub(crate) fn doubles(f: Unary) -> Option<Loop<f64>> {
    kernel(f)
}

pub(crate) fn singles(f: Unary) -> Option<Loop<f32>> {
    kernel(f)
}
