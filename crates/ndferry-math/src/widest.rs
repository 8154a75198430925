//! [`widest`]: code for the widest vectors that this processor has.

#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
use fearless_simd::{Level, Simd};

/// Runs a loop that was compiled once for AVX-512, once for AVX2, once for what all processors of this kind have.
///
/// `work` is told whether there are instructions that multiply and add at once. It has to be `#[inline(always)]`, as has
/// all that it calls, to be compiled with wider vectors; otherwise it is the same, slower.
#[inline(always)]
pub(crate) fn widest<R>(work: impl FnOnce(bool) -> R) -> R {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    match Level::new() {
        Level::Avx512(simd) => {
            return simd.vectorize(
                #[inline(always)]
                || work(true),
            );
        }
        Level::Avx2(simd) => {
            return simd.vectorize(
                #[inline(always)]
                || work(true),
            );
        }
        _ => {}
    }
    work(cfg!(target_arch = "aarch64"))
}
