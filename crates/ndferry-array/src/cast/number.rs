//! Numbers as other numbers, as C on x86-64 does it.

use half::f16;

use crate::{Dtype, Kind};

/// What the bytes of an old number are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bits {
    Bool,
    /// Of so many bytes.
    Int(usize),
    Uint(usize),
    Float(usize),
    /// Of two floats of so many bytes.
    Complex(usize),
}

/// What a new number is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Bool,
    Int(usize),
    Uint(usize),
    Float(usize),
    Complex(usize),
}

impl Bits {
    /// `None` for what is no number, or a long double.
    pub(super) fn of(dtype: &Dtype) -> Option<Self> {
        Some(match (dtype.kind(), dtype.itemsize()) {
            (Kind::Bool, _) => Self::Bool,
            (Kind::Int, n) => Self::Int(n),
            (Kind::Datetime(_) | Kind::Timedelta(_), n) => Self::Int(n),
            (Kind::Uint, n) => Self::Uint(n),
            (Kind::Float, n @ ..=8) => Self::Float(n),
            (Kind::Complex, n @ ..=16) => Self::Complex(n / 2),
            _ => return None,
        })
    }

    fn width(self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Int(n) | Self::Uint(n) | Self::Float(n) => n,
            Self::Complex(n) => 2 * n,
        }
    }
}

impl Target {
    /// `None` for what is no number, or a long double.
    pub(super) fn of(dtype: &Dtype) -> Option<Self> {
        Some(match Bits::of(dtype)? {
            Bits::Bool => Self::Bool,
            Bits::Int(n) => Self::Int(n),
            Bits::Uint(n) => Self::Uint(n),
            Bits::Float(n) => Self::Float(n),
            Bits::Complex(n) => Self::Complex(n),
        })
    }
}

/// A number in the widest type of its kind.
pub(super) trait Wide: Copy {
    fn is_true(self) -> bool;
    /// As an integer of so many bytes, in the lowest ones.
    fn integer(self, nbytes: usize, signed: bool) -> u64;
    fn double(self) -> f64;
    fn single(self) -> f32;
    fn half(self) -> f16;
    fn imaginary(self) -> f64 {
        0.0
    }
}

macro_rules! integer {
    ($type:ty) => {
        impl Wide for $type {
            fn is_true(self) -> bool {
                self != 0
            }

            fn integer(self, _: usize, _: bool) -> u64 {
                self as u64
            }

            fn double(self) -> f64 {
                self as f64
            }

            fn single(self) -> f32 {
                self as f32
            }

            fn half(self) -> f16 {
                // NumPy goes through single precision here.
                half_of(f64::from(self as f32))
            }
        }
    };
}

integer!(i64);
integer!(u64);

impl Wide for f64 {
    fn is_true(self) -> bool {
        self != 0.0
    }

    fn integer(self, nbytes: usize, signed: bool) -> u64 {
        match (nbytes, signed) {
            (8, true) | (4, false) => truncated_64(self) as u64,
            (8, false) if self >= 2f64.powi(63) => {
                truncated_64(self - 2f64.powi(63)) as u64 ^ (1 << 63)
            }
            (8, false) => truncated_64(self) as u64,
            _ => truncated_32(self) as u64,
        }
    }

    fn double(self) -> f64 {
        self
    }

    fn single(self) -> f32 {
        self as f32
    }

    fn half(self) -> f16 {
        half_of(self)
    }
}

impl Wide for [f64; 2] {
    fn is_true(self) -> bool {
        self[0] != 0.0 || self[1] != 0.0
    }

    fn integer(self, nbytes: usize, signed: bool) -> u64 {
        self[0].integer(nbytes, signed)
    }

    fn double(self) -> f64 {
        self[0]
    }

    fn single(self) -> f32 {
        self[0] as f32
    }

    fn half(self) -> f16 {
        half_of(self[0])
    }

    fn imaginary(self) -> f64 {
        self[1]
    }
}

/// The instruction `cvttsd2si` with 64 bits: what does not fit is the least integer.
fn truncated_64(x: f64) -> i64 {
    if x >= -(2f64.powi(63)) && x < 2f64.powi(63) {
        x as i64
    } else {
        i64::MIN
    }
}

/// The same with 32 bits.
fn truncated_32(x: f64) -> i32 {
    if x > -(2f64.powi(31)) - 1.0 && x < 2f64.powi(31) {
        x as i32
    } else {
        i32::MIN
    }
}

/// Rounded once: `half` may go through single precision and round twice.
fn half_of(x: f64) -> f16 {
    let single = x as f32;
    if single.is_nan() || f64::from(single) == x {
        return f16::from_f32(single);
    }
    // Single precision towards zero, its last bit set where something is lost: no tie is feigned, none is missed.
    let towards_zero = if f64::from(single).abs() > x.abs() {
        f32::from_bits(single.to_bits() - 1)
    } else {
        single
    };
    f16::from_f32(f32::from_bits(towards_zero.to_bits() | 1))
}

/// Casts numbers that lie side by side, each of which is swapped on the way in or out.
pub(super) fn cast(
    bits: Bits,
    target: Target,
    swapped_in: bool,
    swapped_out: bool,
    values: &[u8],
    out: &mut Vec<u8>,
) {
    let sink = Sink {
        target,
        swapped: swapped_out,
    };
    let width = bits.width();
    macro_rules! each {
        ($n:literal, $read:expr) => {{
            let read = $read;
            let numbers = values.as_chunks::<$n>().0.iter();
            if swapped_in {
                let swapped = |bytes: &[u8; $n]| {
                    let mut bytes = *bytes;
                    bytes.reverse();
                    bytes
                };
                sink.put(numbers.map(|bytes| read(swapped(bytes))), out);
            } else {
                sink.put(numbers.map(|bytes| read(*bytes)), out);
            }
        }};
    }
    match bits {
        Bits::Bool => each!(1, |[byte]: [u8; 1]| u64::from(byte != 0)),
        Bits::Int(1) => each!(1, |b| i64::from(i8::from_ne_bytes(b))),
        Bits::Int(2) => each!(2, |b| i64::from(i16::from_ne_bytes(b))),
        Bits::Int(4) => each!(4, |b| i64::from(i32::from_ne_bytes(b))),
        Bits::Int(_) => each!(8, i64::from_ne_bytes),
        Bits::Uint(1) => each!(1, |[byte]: [u8; 1]| u64::from(byte)),
        Bits::Uint(2) => each!(2, |b| u64::from(u16::from_ne_bytes(b))),
        Bits::Uint(4) => each!(4, |b| u64::from(u32::from_ne_bytes(b))),
        Bits::Uint(_) => each!(8, u64::from_ne_bytes),
        Bits::Float(2) => each!(2, |b| f64::from(f16::from_ne_bytes(b))),
        Bits::Float(4) => each!(4, |b| f64::from(f32::from_ne_bytes(b))),
        Bits::Float(_) => each!(8, f64::from_ne_bytes),
        Bits::Complex(part) => {
            let float = |bytes: &[u8]| {
                let mut own = [0; 8];
                own[..part].copy_from_slice(bytes);
                if swapped_in {
                    own[..part].reverse();
                }
                if part == 4 {
                    f64::from(f32::from_ne_bytes([own[0], own[1], own[2], own[3]]))
                } else {
                    f64::from_ne_bytes(own)
                }
            };
            let numbers = values.chunks_exact(width);
            let numbers = numbers.map(|bytes| [float(&bytes[..part]), float(&bytes[part..])]);
            sink.put(numbers, out);
        }
    }
}

/// Where new numbers go.
struct Sink {
    target: Target,
    swapped: bool,
}

impl Sink {
    fn put<W: Wide>(&self, values: impl ExactSizeIterator<Item = W>, out: &mut Vec<u8>) {
        macro_rules! each {
            ($write:expr) => {
                self.fill(values, out, $write)
            };
        }
        match self.target {
            Target::Bool => each!(|x: W| [u8::from(x.is_true())]),
            Target::Int(1) => each!(|x: W| (x.integer(1, true) as u8).to_ne_bytes()),
            Target::Int(2) => each!(|x: W| (x.integer(2, true) as u16).to_ne_bytes()),
            Target::Int(4) => each!(|x: W| (x.integer(4, true) as u32).to_ne_bytes()),
            Target::Int(_) => each!(|x: W| x.integer(8, true).to_ne_bytes()),
            Target::Uint(1) => each!(|x: W| (x.integer(1, false) as u8).to_ne_bytes()),
            Target::Uint(2) => each!(|x: W| (x.integer(2, false) as u16).to_ne_bytes()),
            Target::Uint(4) => each!(|x: W| (x.integer(4, false) as u32).to_ne_bytes()),
            Target::Uint(_) => each!(|x: W| x.integer(8, false).to_ne_bytes()),
            Target::Float(2) => each!(|x: W| x.half().to_ne_bytes()),
            Target::Float(4) => each!(|x: W| x.single().to_ne_bytes()),
            Target::Float(_) => each!(|x: W| x.double().to_ne_bytes()),
            Target::Complex(part) => {
                for value in values {
                    let start = out.len();
                    if part == 4 {
                        out.extend_from_slice(&value.single().to_ne_bytes());
                        out.extend_from_slice(&(value.imaginary() as f32).to_ne_bytes());
                    } else {
                        out.extend_from_slice(&value.double().to_ne_bytes());
                        out.extend_from_slice(&value.imaginary().to_ne_bytes());
                    }
                    if self.swapped {
                        let (re, im) = out[start..].split_at_mut(part);
                        re.reverse();
                        im.reverse();
                    }
                }
            }
        }
    }
}

impl Sink {
    /// Makes room once, so that the loop is one over two slices.
    fn fill<W: Wide, const N: usize>(
        &self,
        values: impl ExactSizeIterator<Item = W>,
        out: &mut Vec<u8>,
        write: impl Fn(W) -> [u8; N],
    ) {
        let start = out.len();
        out.resize(start + values.len() * N, 0);
        let slots = out[start..].as_chunks_mut::<N>().0;
        for (slot, value) in slots.iter_mut().zip(values) {
            *slot = write(value);
        }
        if self.swapped {
            slots.iter_mut().for_each(|slot| slot.reverse());
        }
    }
}

/// One number, for what comes from text.
pub(super) fn put<W: Wide>(value: W, target: Target, swapped: bool, out: &mut Vec<u8>) {
    Sink { target, swapped }.put(std::iter::once(value), out);
}
