//! [`Code`]: the dtypes that there is arithmetic for, and how they are promoted.

use ndferry_array::{ByteOrder, Dtype, Kind};

use crate::{MathError, Operand};

/// A dtype of numbers, in the order in which NumPy tries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Code {
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F16,
    F32,
    F64,
    C64,
    C128,
}

impl Code {
    /// `None` for times, text, records, objects and long doubles.
    pub(crate) fn of(dtype: &Dtype) -> Option<Self> {
        Some(match (dtype.kind(), dtype.itemsize()) {
            (Kind::Bool, 1) => Self::Bool,
            (Kind::Int, 1) => Self::I8,
            (Kind::Int, 2) => Self::I16,
            (Kind::Int, 4) => Self::I32,
            (Kind::Int, 8) => Self::I64,
            (Kind::Uint, 1) => Self::U8,
            (Kind::Uint, 2) => Self::U16,
            (Kind::Uint, 4) => Self::U32,
            (Kind::Uint, 8) => Self::U64,
            (Kind::Float, 2) => Self::F16,
            (Kind::Float, 4) => Self::F32,
            (Kind::Float, 8) => Self::F64,
            (Kind::Complex, 8) => Self::C64,
            (Kind::Complex, 16) => Self::C128,
            _ => return None,
        })
    }

    /// In this machine's byte order.
    pub(crate) fn dtype(self) -> Dtype {
        let kind = match self {
            Self::Bool => Kind::Bool,
            _ if self.is_signed() => Kind::Int,
            _ if self.is_int() => Kind::Uint,
            _ if self.is_float() => Kind::Float,
            _ => Kind::Complex,
        };
        // Every code is a size that its kind comes in.
        Dtype::new(kind, ByteOrder::NATIVE, self.itemsize()).unwrap_or(Dtype::BOOL)
    }

    /// As `numpy.dtype.name`.
    pub(crate) fn name(self) -> String {
        self.dtype().name().unwrap_or_default()
    }

    pub(crate) fn itemsize(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 | Self::C64 => 8,
            Self::C128 => 16,
        }
    }

    pub(crate) fn is_signed(self) -> bool {
        matches!(self, Self::I8 | Self::I16 | Self::I32 | Self::I64)
    }

    /// Not of bools.
    pub(crate) fn is_int(self) -> bool {
        self.is_signed() || matches!(self, Self::U8 | Self::U16 | Self::U32 | Self::U64)
    }

    /// The least and the greatest value of integers.
    pub(crate) fn bounds(self) -> (i128, i128) {
        let bits = 8 * self.itemsize() as u32 - u32::from(self.is_signed());
        let low = if self.is_signed() { -(1 << bits) } else { 0 };
        (low, (1 << bits) - 1)
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self, Self::F16 | Self::F32 | Self::F64)
    }

    pub(crate) fn is_complex(self) -> bool {
        self >= Self::C64
    }

    /// Of the real parts; of complex numbers alone something else.
    pub(crate) fn real(self) -> Self {
        match self {
            Self::C64 => Self::F32,
            Self::C128 => Self::F64,
            other => other,
        }
    }

    fn complex(self) -> Self {
        match self {
            Self::F64 | Self::C128 => Self::C128,
            _ => Self::C64,
        }
    }

    fn signed(itemsize: usize) -> Self {
        match itemsize {
            1 => Self::I8,
            2 => Self::I16,
            4 => Self::I32,
            8 => Self::I64,
            _ => Self::F64,
        }
    }

    /// The least float that holds all values, or nearly: of ints of 1, 2 and more bytes those of 2, 4 and 8.
    pub(crate) fn float(self) -> Self {
        match self.itemsize() {
            _ if self.is_float() || self.is_complex() => self,
            1 => Self::F16,
            2 => Self::F32,
            _ => Self::F64,
        }
    }

    /// To the digits of this float; of other codes as it is.
    pub(crate) fn rounded(self, value: f64) -> f64 {
        match self {
            Self::F16 => half::f16::from_f64(value).to_f64(),
            Self::F32 | Self::C64 => f64::from(value as f32),
            _ => value,
        }
    }

    /// `numpy.promote_types`.
    pub(crate) fn promote(self, other: Self) -> Self {
        let (low, high) = if self < other {
            (self, other)
        } else {
            (other, self)
        };
        if low == Self::Bool || low == high {
            return high;
        }
        if high.is_int() {
            // Both are integers.
            return match (low.is_signed(), high.is_signed()) {
                (true, true) | (false, false) => high,
                _ => {
                    let (signed, unsigned) = if low.is_signed() {
                        (low, high)
                    } else {
                        (high, low)
                    };
                    if signed.itemsize() > unsigned.itemsize() {
                        signed
                    } else {
                        Self::signed(2 * unsigned.itemsize())
                    }
                }
            };
        }
        let real = low.float().real().max(high.real());
        if high.is_complex() {
            real.real().complex()
        } else {
            real
        }
    }
}

/// What a Python scalar is when it meets arrays: only its kind counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weak {
    Int,
    Float,
    Complex,
}

/// `numpy.result_type` as in NumPy 2: arrays and bools by their dtype, Python's numbers by their kind alone.
pub(crate) fn result_code(
    function: &'static str,
    operands: &[Operand<'_>],
) -> Result<Code, MathError> {
    result_code_of(function, operands, |code| code)
}

/// The same of functions that have only floats: u1 and i1 have no integer in common that small, but f2.
pub(crate) fn result_float(
    function: &'static str,
    operands: &[Operand<'_>],
) -> Result<Code, MathError> {
    // Python's numbers go with what the arrays are, not with what they become.
    let has_array = |operand: &Operand<'_>| matches!(operand, Operand::Array(view) if Code::of(view.dtype()) != Some(Code::Bool));
    let weak = operands.iter().any(|operand| match operand {
        Operand::Float(_) | Operand::Complex(..) => true,
        Operand::Int(_) => !operands.iter().any(has_array),
        Operand::Array(_) | Operand::Bool(_) => false,
    });
    if weak {
        return result_code(function, operands);
    }
    result_code_of(function, operands, Code::float)
}

fn result_code_of(
    function: &'static str,
    operands: &[Operand<'_>],
    as_if: fn(Code) -> Code,
) -> Result<Code, MathError> {
    let mut strong: Vec<Code> = Vec::with_capacity(operands.len());
    let mut weak: Option<Weak> = None;
    for operand in operands {
        let code = match operand {
            Operand::Array(view) => match Code::of(view.dtype()) {
                Some(code) => code,
                None => return Err(no_loop(function, operands)),
            },
            Operand::Bool(_) => Code::Bool,
            Operand::Int(_) => {
                weak = weak.max(Some(Weak::Int));
                continue;
            }
            Operand::Float(_) => {
                weak = weak.max(Some(Weak::Float));
                continue;
            }
            Operand::Complex(..) => {
                weak = weak.max(Some(Weak::Complex));
                continue;
            }
        };
        strong.push(as_if(code));
    }
    // The highest kind first: u2, i1 and c8 are c8, though u2 and i1 alone are i4.
    let highest = strong.iter().copied().max();
    let strong = highest.map(|first| strong.iter().fold(first, |all, code| all.promote(*code)));
    Ok(match (strong, weak) {
        (Some(code), None) => code,
        (Some(code), Some(Weak::Int)) if code > Code::Bool => code,
        (_, Some(Weak::Int)) => Code::I64,
        (Some(code), Some(Weak::Float)) if code >= Code::F16 => code,
        (_, Some(Weak::Float)) => Code::F64,
        (Some(code), Some(Weak::Complex)) if code.is_complex() => code,
        (Some(Code::F16 | Code::F32), Some(Weak::Complex)) => Code::C64,
        (_, Some(Weak::Complex)) => Code::C128,
        (None, None) => Code::F64,
    })
}

/// There is nothing for these dtypes.
pub(crate) fn no_loop(function: &'static str, operands: &[Operand<'_>]) -> MathError {
    let dtypes = operands.iter().map(Operand::type_name).collect();
    MathError::NoLoop { function, dtypes }
}
