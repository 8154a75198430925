//! [`Number`]: the Rust types that loops run over; [`Source`]: how elements become those.

use bytemuck::Pod;
use half::f16;
use half::slice::HalfFloatSliceExt;
use num_complex::Complex;

use crate::code::Code;

/// What a loop computes with. Bools are `u8` of 0 and 1; f2 is computed as f4, as in NumPy.
pub(crate) trait Number: Pod + Send + Sync + PartialEq {
    /// The dtype whose elements in this machine's order are such numbers.
    const CODE: Code;

    fn from_i64(value: i64) -> Self;
    fn from_u64(value: u64) -> Self;
    fn from_f64(value: f64) -> Self;
    fn from_c128(value: Complex<f64>) -> Self;
    /// Rounded, if it is a large integer.
    fn to_c128(self) -> Complex<f64>;
}

macro_rules! number {
    ($($type:ty: $code:ident)*) => {$(
        impl Number for $type {
            const CODE: Code = Code::$code;

            fn from_i64(value: i64) -> Self { value as Self }
            fn from_u64(value: u64) -> Self { value as Self }
            fn from_f64(value: f64) -> Self { value as Self }
            fn from_c128(value: Complex<f64>) -> Self { value.re as Self }
            fn to_c128(self) -> Complex<f64> { Complex::new(self as f64, 0.0) }
        }
    )*};
}

number!(i8: I8 i16: I16 i32: I32 i64: I64 u8: U8 u16: U16 u32: U32 u64: U64 f32: F32 f64: F64);

macro_rules! complex {
    ($($part:ty: $code:ident)*) => {$(
        impl Number for Complex<$part> {
            const CODE: Code = Code::$code;

            fn from_i64(value: i64) -> Self { Self::new(value as $part, 0.0) }
            fn from_u64(value: u64) -> Self { Self::new(value as $part, 0.0) }
            fn from_f64(value: f64) -> Self { Self::new(value as $part, 0.0) }
            fn from_c128(value: Complex<f64>) -> Self { Self::new(value.re as $part, value.im as $part) }
            fn to_c128(self) -> Complex<f64> { Complex::new(self.re.into(), self.im.into()) }
        }
    )*};
}

complex!(f32: C64 f64: C128);

/// What an array may hold.
trait Source: Copy {
    const NBYTES: usize;

    fn read(bytes: &[u8]) -> Self;
    fn swapped(bytes: &[u8]) -> Self;
    fn to<T: Number>(self) -> T;
}

macro_rules! source {
    ($($type:ty: $to:ident as $wide:ty)*) => {$(
        impl Source for $type {
            const NBYTES: usize = size_of::<$type>();

            fn read(bytes: &[u8]) -> Self {
                let mut own = [0; size_of::<$type>()];
                own.copy_from_slice(bytes);
                Self::from_ne_bytes(own)
            }

            fn swapped(bytes: &[u8]) -> Self {
                let mut own = [0; size_of::<$type>()];
                own.copy_from_slice(bytes);
                own.reverse();
                Self::from_ne_bytes(own)
            }

            fn to<T: Number>(self) -> T {
                T::$to(<$wide>::from(self))
            }
        }
    )*};
}

source!(i8: from_i64 as i64 i16: from_i64 as i64 i32: from_i64 as i64 i64: from_i64 as i64);
source!(u8: from_u64 as u64 u16: from_u64 as u64 u32: from_u64 as u64 u64: from_u64 as u64);
source!(f16: from_f64 as f64 f32: from_f64 as f64 f64: from_f64 as f64);

#[derive(Clone, Copy)]
struct Truth(bool);

impl Source for Truth {
    const NBYTES: usize = 1;

    fn read(bytes: &[u8]) -> Self {
        Self(bytes[0] != 0)
    }

    fn swapped(bytes: &[u8]) -> Self {
        Self::read(bytes)
    }

    fn to<T: Number>(self) -> T {
        T::from_u64(u64::from(self.0))
    }
}

macro_rules! complex_source {
    ($($part:ty)*) => {$(
        impl Source for Complex<$part> {
            const NBYTES: usize = 2 * size_of::<$part>();

            fn read(bytes: &[u8]) -> Self {
                let (re, im) = bytes.split_at(size_of::<$part>());
                Self::new(<$part as Source>::read(re), <$part as Source>::read(im))
            }

            fn swapped(bytes: &[u8]) -> Self {
                let (re, im) = bytes.split_at(size_of::<$part>());
                Self::new(<$part as Source>::swapped(re), <$part as Source>::swapped(im))
            }

            fn to<T: Number>(self) -> T {
                T::from_c128(Complex::new(self.re.into(), self.im.into()))
            }
        }
    )*};
}

complex_source!(f32 f64);

/// A run of elements that lie `stride` bytes apart, as numbers.
pub(crate) fn load<T: Number>(
    code: Code,
    swapped: bool,
    bytes: &[u8],
    offset: usize,
    stride: isize,
    out: &mut [T],
) {
    let run = Run {
        swapped,
        bytes,
        offset,
        stride,
    };
    match code {
        Code::Bool => run.load::<Truth, T>(out),
        Code::I8 => run.load::<i8, T>(out),
        Code::I16 => run.load::<i16, T>(out),
        Code::I32 => run.load::<i32, T>(out),
        Code::I64 => run.load::<i64, T>(out),
        Code::U8 => run.load::<u8, T>(out),
        Code::U16 => run.load::<u16, T>(out),
        Code::U32 => run.load::<u32, T>(out),
        Code::U64 => run.load::<u64, T>(out),
        Code::F16 if stride == 2 && !swapped => run.load_halves(out),
        Code::F16 => run.load::<f16, T>(out),
        Code::F32 => run.load::<f32, T>(out),
        Code::F64 => run.load::<f64, T>(out),
        Code::C64 => run.load::<Complex<f32>, T>(out),
        Code::C128 => run.load::<Complex<f64>, T>(out),
    }
}

struct Run<'a> {
    swapped: bool,
    bytes: &'a [u8],
    offset: usize,
    stride: isize,
}

impl Run<'_> {
    /// Those that lie side by side, many by one instruction.
    fn load_halves<T: Number>(&self, out: &mut [T]) {
        let items = &self.bytes[self.offset..][..2 * out.len()];
        let (mut halves, mut singles) = ([f16::ZERO; 64], [0.0; 64]);
        for (out, items) in out.chunks_mut(64).zip(items.chunks(128)) {
            let (halves, singles) = (&mut halves[..out.len()], &mut singles[..out.len()]);
            for (half, item) in halves.iter_mut().zip(items.as_chunks::<2>().0) {
                *half = f16::from_ne_bytes(*item);
            }
            halves.convert_to_f32_slice(singles);
            for (out, single) in out.iter_mut().zip(singles) {
                *out = T::from_f64((*single).into());
            }
        }
    }

    fn load<S: Source, T: Number>(&self, out: &mut [T]) {
        if self.stride == 0 {
            let item = &self.bytes[self.offset..][..S::NBYTES];
            let item = if self.swapped {
                S::swapped(item)
            } else {
                S::read(item)
            };
            out.fill(item.to());
        } else if self.stride == S::NBYTES as isize && !self.swapped {
            let items = &self.bytes[self.offset..][..S::NBYTES * out.len()];
            for (out, item) in out.iter_mut().zip(items.chunks_exact(S::NBYTES)) {
                *out = S::read(item).to();
            }
        } else {
            let mut at = self.offset as isize;
            for out in out {
                let item = &self.bytes[at as usize..][..S::NBYTES];
                let item = if self.swapped {
                    S::swapped(item)
                } else {
                    S::read(item)
                };
                *out = item.to();
                at += self.stride;
            }
        }
    }
}
