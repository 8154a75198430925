//! [`Sample`]: numbers in the widest type of their kind, and their order as bits.

use ndferry_array::{Kind, NAT};

use super::Number;
use super::leaf::Leaf;
use crate::number::{float, int, long_float, uint};

/// A number of any width of one kind.
pub(super) trait Sample: Copy + PartialOrd + Send + Sync + 'static {
    /// Reads those of whole items.
    fn decode(leaf: &Leaf, items: &[u8], out: &mut Vec<Self>);

    /// NaN, or NaT where the numbers are times.
    fn is_nan(self) -> bool;

    fn to_f64(self) -> f64;

    /// Ascends as the numbers do.
    fn key(self) -> u64;

    fn from_key(key: u64) -> Self;

    fn number(self) -> Number;
}

/// The bit that tells negative numbers.
const SIGN: u64 = 1 << 63;

impl Sample for i64 {
    fn decode(leaf: &Leaf, items: &[u8], out: &mut Vec<Self>) {
        match (leaf.dtype.itemsize(), leaf.swapped()) {
            (1, _) => leaf.each::<1, _>(items, out, |b| i8::from_ne_bytes(b).into()),
            (2, swap) => leaf.each::<2, _>(items, out, |b| int(&b, swap)),
            (4, false) => leaf.each::<4, _>(items, out, |b| i32::from_ne_bytes(b).into()),
            (4, true) => {
                leaf.each::<4, _>(items, out, |b| i32::from_ne_bytes(b).swap_bytes().into())
            }
            (_, false) => leaf.each::<8, _>(items, out, i64::from_ne_bytes),
            (_, true) => leaf.each::<8, _>(items, out, |b| i64::from_ne_bytes(b).swap_bytes()),
        }
    }

    fn is_nan(self) -> bool {
        self == NAT
    }

    fn to_f64(self) -> f64 {
        self as f64
    }

    fn key(self) -> u64 {
        self as u64 ^ SIGN
    }

    fn from_key(key: u64) -> Self {
        (key ^ SIGN) as i64
    }

    fn number(self) -> Number {
        Number::Int(self)
    }
}

impl Sample for u64 {
    fn decode(leaf: &Leaf, items: &[u8], out: &mut Vec<Self>) {
        match (leaf.dtype.itemsize(), leaf.swapped()) {
            (1, _) if *leaf.dtype.kind() == Kind::Bool => {
                leaf.each::<1, _>(items, out, |[b]| (b != 0).into());
            }
            (1, _) => leaf.each::<1, _>(items, out, |[b]| b.into()),
            (2, swap) => leaf.each::<2, _>(items, out, |b| uint(&b, swap)),
            (4, false) => leaf.each::<4, _>(items, out, |b| u32::from_ne_bytes(b).into()),
            (4, true) => {
                leaf.each::<4, _>(items, out, |b| u32::from_ne_bytes(b).swap_bytes().into())
            }
            (_, false) => leaf.each::<8, _>(items, out, u64::from_ne_bytes),
            (_, true) => leaf.each::<8, _>(items, out, |b| u64::from_ne_bytes(b).swap_bytes()),
        }
    }

    fn is_nan(self) -> bool {
        false
    }

    fn to_f64(self) -> f64 {
        self as f64
    }

    fn key(self) -> u64 {
        self
    }

    fn from_key(key: u64) -> Self {
        key
    }

    fn number(self) -> Number {
        Number::Uint(self)
    }
}

impl Sample for f64 {
    fn decode(leaf: &Leaf, items: &[u8], out: &mut Vec<Self>) {
        match (leaf.dtype.itemsize(), leaf.swapped()) {
            (2, swap) => leaf.each::<2, _>(items, out, |b| float(&b, swap)),
            (4, false) => leaf.each::<4, _>(items, out, |b| f32::from_ne_bytes(b).into()),
            (4, true) => leaf.each::<4, _>(items, out, |b| {
                f32::from_bits(u32::from_ne_bytes(b).swap_bytes()).into()
            }),
            (8, false) => leaf.each::<8, _>(items, out, f64::from_ne_bytes),
            (8, true) => leaf.each::<8, _>(items, out, |b| {
                f64::from_bits(u64::from_ne_bytes(b).swap_bytes())
            }),
            (12, swap) => leaf.each::<12, _>(items, out, |b| long_float(&b, swap)),
            (_, swap) => leaf.each::<16, _>(items, out, |b| long_float(&b, swap)),
        }
    }

    fn is_nan(self) -> bool {
        f64::is_nan(self)
    }

    fn to_f64(self) -> f64 {
        self
    }

    fn key(self) -> u64 {
        let bits = self.to_bits();
        if bits & SIGN == 0 { bits | SIGN } else { !bits }
    }

    fn from_key(key: u64) -> Self {
        f64::from_bits(if key & SIGN == 0 { !key } else { key ^ SIGN })
    }

    fn number(self) -> Number {
        Number::Float(self)
    }
}
