//! Elements as another dtype (`numpy.ndarray.astype`), on all threads.

use ndferry_array::{Array, ArrayView, Casting, Dtype, Order};
use rayon::prelude::*;

use crate::arith::Arith;
use crate::code::Code;
use crate::feed::Feed;
use crate::map::{convert, each1, map1, wide1};
use crate::number::Number;
use crate::options::Options;
use crate::room::Room;
use crate::{MathError, Operand};

/// Bytes that are copied at once.
const BLOCK: usize = 1 << 20;

/// `numpy.ndarray.astype`, with the values of [`ndferry_array::Cast`]; anything may become anything that it can be.
pub(crate) fn astype(operand: &Operand<'_>, options: &Options) -> Result<Array, MathError> {
    let dtype = options.dtype("dtype")?.ok_or(MathError::OptionType {
        option: "dtype",
        wanted: "a dtype",
    })?;
    to_dtype(&operand.own()?.view(), &dtype)
}

/// In F order if the elements lie so.
pub(crate) fn to_dtype(view: &ArrayView<'_>, dtype: &Dtype) -> Result<Array, MathError> {
    match Code::of(dtype) {
        Some(code) if dtype.is_native() && Code::of(view.dtype()).is_some() => cast(view, code),
        _ => Ok(view.to_dtype(dtype, Casting::Unsafe)?),
    }
}

/// Numbers as other numbers, in F order if they lie so.
///
/// # Errors
/// [`MathError::Memory`]; [`MathError::Type`] of dtypes that are not numbers.
pub(crate) fn cast(view: &ArrayView<'_>, code: Code) -> Result<Array, MathError> {
    if view.order() == Some(Order::F) {
        return Ok(cast(&view.reversed(), code)?.reversed());
    }
    if *view.dtype() == code.dtype() {
        return copy(view);
    }
    let feed = &Feed::new(view)?;
    let shape = view.shape();
    match (Code::of(view.dtype()).unwrap_or(code), code) {
        (own, Code::Bool) => dispatch!(own, T => map1(code, shape, feed, &|x: &[T], out| {
            each1(x, out, |x| u8::from(x.is_true()));
        })),
        (Code::F64, Code::F32) => map1(code, shape, feed, &|x: &[f64], out| {
            wide1(x, out, |x| x as f32);
        }),
        (Code::F64 | Code::C128, Code::F16) => map1(code, shape, feed, &|x: &[f64], out| {
            wide1(x, out, odd_single);
        }),
        (own, _) if own >= Code::F16 && code.is_int() => dispatch_ints!(code, T => {
            truncated::<T>(own, code, feed, shape)
        }),
        _ => convert(feed, code, shape),
    }
}

/// The bytes, on all threads.
fn copy(view: &ArrayView<'_>) -> Result<Array, MathError> {
    let nbytes = view.size() * view.dtype().itemsize();
    let Some((Order::C, from)) = view.contiguous_bytes().filter(|_| nbytes >= BLOCK) else {
        return Ok(view.to_array(Order::C)?);
    };
    let mut room = Room::new(nbytes)?;
    let blocks = room.bytes_mut().par_chunks_mut(BLOCK);
    blocks
        .zip(from.par_chunks(BLOCK))
        .for_each(|(to, from)| to.copy_from_slice(from));
    room.into_array(view.dtype(), view.shape())
}

/// Floats, or the real parts of complex numbers, without what is behind the point.
fn truncated<T: Truncated>(
    own: Code,
    code: Code,
    feed: &Feed<'_>,
    shape: &[usize],
) -> Result<Array, MathError> {
    match own {
        Code::F64 | Code::C128 => map1(code, shape, feed, &|x: &[f64], out| {
            wide1(x, out, T::truncated);
        }),
        _ => map1(code, shape, feed, &|x: &[f32], out| {
            wide1(x, out, |x| T::truncated(x.into()));
        }),
    }
}

/// Integers of floats, as the instructions of x86-64 have it that NumPy is compiled to: what does not fit is the least
/// integer of 32 or 64 bits, of which shorter ones are the lowest bits.
trait Truncated: Number {
    fn truncated(x: f64) -> Self;
}

macro_rules! truncated {
    ($($type:ty: $by:ident;)*) => {$(
        impl Truncated for $type {
            #[inline(always)]
            fn truncated(x: f64) -> Self { $by(x) as Self }
        }
    )*};
}

truncated!(i8: to_32; i16: to_32; i32: to_32; i64: to_64; u8: to_32; u16: to_32; u32: to_64; u64: to_64_unsigned;);

#[inline(always)]
fn to_32(x: f64) -> i32 {
    // Of a NaN as well.
    if x > -(2f64.powi(31)) - 1.0 && x < 2f64.powi(31) {
        x as i32
    } else {
        i32::MIN
    }
}

#[inline(always)]
fn to_64(x: f64) -> i64 {
    if x >= -(2f64.powi(63)) && x < 2f64.powi(63) {
        x as i64
    } else {
        i64::MIN
    }
}

#[inline(always)]
fn to_64_unsigned(x: f64) -> u64 {
    if x >= 2f64.powi(63) {
        to_64(x - 2f64.powi(63)) as u64 ^ (1 << 63)
    } else {
        to_64(x) as u64
    }
}

/// What is rounded to f2 as `x` is, once: towards zero, the last bit set where something is lost, so that no tie is feigned
/// and none is missed.
#[inline(always)]
fn odd_single(x: f64) -> f32 {
    let single = x as f32;
    let back = f64::from(single);
    let bits = single.to_bits() - u32::from(back.abs() > x.abs());
    let exact = back == x || x.is_nan();
    f32::from_bits(if exact { bits } else { bits | 1 })
}

#[cfg(test)]
mod tests {
    use ndferry_array::{Array, ArrayView, ByteOrder, Casting, Dtype, Layout, Order};

    use super::to_dtype;
    use crate::code::Code;

    const ALL: [Code; 14] = [
        Code::Bool,
        Code::I8,
        Code::U8,
        Code::I16,
        Code::U16,
        Code::I32,
        Code::U32,
        Code::I64,
        Code::U64,
        Code::F16,
        Code::F32,
        Code::F64,
        Code::C64,
        Code::C128,
    ];

    /// Floats of all sizes, halves between integers, ties of f2, infinities, NaNs; of integers all bits.
    fn elements(code: Code, count: usize) -> Array {
        let chance = |at: usize| {
            let mixed = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93)
        };
        if code == Code::Bool {
            let truths: Vec<bool> = (0..count).map(|at| chance(at) % 3 == 0).collect();
            return Array::from_elements(&[count], &truths).expect("an array");
        }
        let special = [
            f64::NAN,
            f64::INFINITY,
            -f64::INFINITY,
            -0.0,
            0.0,
            65519.99,
            65520.0,
            2f64.powi(63),
            2f64.powi(32),
        ];
        let float = |at: usize| {
            let bits = chance(at);
            match at % 5 {
                0 => special[at / 5 % special.len()],
                1 => f64::from_bits(bits),
                2 => (bits as i64 >> (bits % 64)) as f64 / 4.0,
                // Near what lies in the middle of two f2.
                3 => {
                    (1024.5 + (bits % 1024) as f64)
                        * 2f64.powi(at as i32 % 50 - 40)
                        * (1.0 + [0.0, 1e-12, -1e-12][at % 3])
                }
                _ => (bits as i32) as f64 / 65536.0,
            }
        };
        let bytes: Vec<u8> = match code {
            Code::F32 | Code::C64 => (0..count * code.itemsize() / 4)
                .flat_map(|at| (float(at) as f32).to_ne_bytes())
                .collect(),
            Code::F64 | Code::C128 => (0..count * code.itemsize() / 8)
                .flat_map(|at| float(at).to_ne_bytes())
                .collect(),
            _ => (0..count)
                .flat_map(|at| chance(at).to_ne_bytes())
                .take(count * code.itemsize())
                .collect(),
        };
        Array::contiguous(code.dtype(), &[count], Order::C, bytes).expect("an array")
    }

    /// Bytes in which all NaNs are the same.
    fn bytes(array: &Array) -> Vec<u8> {
        let bytes = array.view().to_bytes(Order::C).expect("bytes");
        match Code::of(array.dtype()) {
            Some(Code::F16) => {
                let halves = bytes
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|half| half::f16::from_ne_bytes(*half));
                halves
                    .flat_map(|half| {
                        if half.is_nan() { half::f16::NAN } else { half }.to_ne_bytes()
                    })
                    .collect()
            }
            Some(Code::F32 | Code::C64) => {
                let singles = bytes
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|single| f32::from_ne_bytes(*single));
                singles
                    .flat_map(|single| {
                        if single.is_nan() { f32::NAN } else { single }.to_ne_bytes()
                    })
                    .collect()
            }
            Some(Code::F64 | Code::C128) => {
                let doubles = bytes
                    .as_chunks::<8>()
                    .0
                    .iter()
                    .map(|double| f64::from_ne_bytes(*double));
                doubles
                    .flat_map(|double| {
                        if double.is_nan() { f64::NAN } else { double }.to_ne_bytes()
                    })
                    .collect()
            }
            _ => bytes,
        }
    }

    fn swapped(dtype: &Dtype) -> Dtype {
        dtype.with_byteorder(match ByteOrder::NATIVE {
            ByteOrder::Big => ByteOrder::Little,
            _ => ByteOrder::Big,
        })
    }

    #[test]
    fn every_number_becomes_what_the_cast_of_arrays_makes_of_it() {
        for own in ALL {
            // More than are cast on one thread, and not whole pieces.
            let array = elements(own, 40_003);
            let tall = array
                .index(&":40000".parse().expect("an index"))
                .expect("a part");
            let tall = tall.reshaped(&[200, 200]).expect("a square");
            let shapes = [
                array.clone(),
                array
                    .index(&"3:35".parse().expect("an index"))
                    .expect("a part"),
                array
                    .index(&"::-3".parse().expect("an index"))
                    .expect("a part"),
                tall.reversed(),
                tall.index(&"5:, ::2".parse().expect("an index"))
                    .expect("a part"),
                array
                    .index(&":0".parse().expect("an index"))
                    .expect("a part"),
                array
                    .index(&"7".parse().expect("an index"))
                    .expect("a number"),
            ];
            for to in ALL {
                for array in &shapes {
                    let view = array.view();
                    let right = view.to_dtype(&to.dtype(), Casting::Unsafe).expect("a cast");
                    let found = to_dtype(&view, &to.dtype()).expect("a cast");
                    assert_eq!(
                        (found.dtype(), found.shape()),
                        (right.dtype(), right.shape())
                    );
                    assert_eq!(
                        found.view().order(),
                        right.view().order(),
                        "{own:?} as {to:?}"
                    );
                    let (found, right) = (bytes(&found), bytes(&right));
                    assert!(found == right, "{own:?} as {to:?}, {:?}", array.shape());
                }
            }
        }
    }

    #[test]
    fn elements_that_lie_at_odd_places_or_are_swapped_are_cast_as_well() {
        for own in ALL {
            let array = elements(own, 5000);
            let data = array.view().to_bytes(Order::C).expect("bytes");
            let shifted = [&[0][..], &data].concat();
            let layout = Layout::strided(&[5000], &[own.itemsize() as isize], 1).expect("a layout");
            let odd = ArrayView::new(own.dtype(), layout, &shifted).expect("a view");
            let other = array
                .view()
                .to_dtype(&swapped(&own.dtype()), Casting::Unsafe)
                .expect("a cast");
            for to in ALL {
                let right = bytes(&to_dtype(&array.view(), &to.dtype()).expect("a cast"));
                assert!(
                    bytes(&to_dtype(&odd, &to.dtype()).expect("a cast")) == right,
                    "{own:?} as {to:?}"
                );
                assert!(
                    bytes(&to_dtype(&other.view(), &to.dtype()).expect("a cast")) == right,
                    "{own:?} as {to:?}"
                );
                let back = to_dtype(&array.view(), &swapped(&to.dtype())).expect("a cast");
                assert_eq!(back.dtype(), &swapped(&to.dtype()));
                let back = back
                    .view()
                    .to_dtype(&to.dtype(), Casting::Unsafe)
                    .expect("a cast");
                assert!(bytes(&back) == right, "{own:?} as {to:?}");
            }
        }
    }
}
