//! [`Operand`]: an array, or a number of Python.

use ndferry_array::{Array, ArrayView, Layout, Order};
use num_complex::Complex;

use crate::code::Code;
use crate::number::Number;
use crate::room::Room;
use crate::{ErrorKind, MathError};

/// Bytes of a c16.
const WIDEST: usize = 16;

/// What a function is called with.
///
/// Python's own numbers have no dtype: as in NumPy 2 ([NEP 50](https://numpy.org/neps/nep-0050-scalar-promotion.html)) an int
/// or a float takes that of the arrays beside it if it is of that kind. NumPy's scalars are arrays without axes.
#[derive(Clone, Debug)]
pub enum Operand<'a> {
    /// Of any dtype, byte order and strides.
    Array(ArrayView<'a>),
    /// `True` and `False`, which are of dtype bool.
    Bool(bool),
    /// An int of Python.
    Int(i128),
    /// A float of Python.
    Float(f64),
    /// A complex number of Python: real and imaginary part.
    Complex(f64, f64),
}

impl<'a> From<ArrayView<'a>> for Operand<'a> {
    fn from(view: ArrayView<'a>) -> Self {
        Self::Array(view)
    }
}

impl<'a> From<&'a Array> for Operand<'a> {
    fn from(array: &'a Array) -> Self {
        Self::Array(array.view())
    }
}

macro_rules! from {
    ($($type:ty: $value:ident => $operand:expr;)*) => {$(
        impl From<$type> for Operand<'_> {
            fn from($value: $type) -> Self { $operand }
        }
    )*};
}

from! {
    bool: value => Self::Bool(value);
    i32: value => Self::Int(value.into());
    i64: value => Self::Int(value.into());
    f64: value => Self::Float(value);
}

impl<'a> Operand<'a> {
    /// That the elements can be copied as the widest numbers there are: a view may repeat a few bytes without end.
    ///
    /// # Errors
    /// [`MathError::Memory`]; [`MathError::Array`] of shapes that cannot be addressed.
    pub(crate) fn check(&self) -> Result<(), MathError> {
        let Self::Array(view) = self else {
            return Ok(());
        };
        let itemsize = view.dtype().itemsize();
        let mut extents = view.shape().iter();
        let nbytes = extents.try_fold(itemsize, |nbytes, extent| nbytes.checked_mul(*extent));
        if nbytes.is_some_and(|nbytes| nbytes > 0 && nbytes <= view.bytes().len()) {
            return Ok(());
        }
        let widest = itemsize.max(WIDEST);
        let layout = Layout::contiguous(view.shape(), widest, Order::C)?;
        let nbytes = layout.size() * widest;
        if layout.size() * itemsize.max(1) <= view.bytes().len() {
            return Ok(());
        }
        crate::feed::room_for::<u8>(nbytes).map(drop)
    }

    pub(crate) fn type_name(&self) -> String {
        match self {
            Self::Array(view) => view.dtype().name().unwrap_or_else(|| view.dtype().str()),
            Self::Bool(_) => "bool".to_owned(),
            Self::Int(_) => "int".to_owned(),
            Self::Float(_) => "float".to_owned(),
            Self::Complex(..) => "complex".to_owned(),
        }
    }

    /// The array, or one without axes of the dtype that the number has on its own.
    pub(crate) fn own(&self) -> Result<Held<'a>, MathError> {
        let code = match self {
            Self::Array(view) => return Ok(Held::Borrowed(view.clone())),
            Self::Bool(_) => Code::Bool,
            Self::Int(value) if i64::try_from(*value).is_err() && u64::try_from(*value).is_ok() => {
                Code::U64
            }
            Self::Int(_) => Code::I64,
            Self::Float(_) => Code::F64,
            Self::Complex(..) => Code::C128,
        };
        self.held(code)
    }

    /// The array as it is, or one without axes of this dtype.
    ///
    /// # Errors
    /// [`MathError::IntBounds`] of an int that has no room in the dtype.
    pub(crate) fn held(&self, code: Code) -> Result<Held<'a>, MathError> {
        let out_of_bounds = |value: i128| MathError::IntBounds {
            value,
            dtype: code.name(),
        };
        Ok(Held::Owned(match *self {
            Self::Array(ref view) => return Ok(Held::Borrowed(view.clone())),
            Self::Bool(value) => one(code, Complex::new(f64::from(u8::from(value)), 0.0))?,
            Self::Int(value) if code == Code::U64 => {
                let value = u64::try_from(value).map_err(|_| out_of_bounds(value))?;
                filled(code, value)?
            }
            Self::Int(value) if code.is_int() => {
                let (least, most) = code.bounds();
                if !(least..=most).contains(&value) {
                    return Err(out_of_bounds(value));
                }
                one_int(code, value as i64)?
            }
            Self::Int(value) if code == Code::Bool => one_int(code, i64::from(value != 0))?,
            Self::Int(value) => one(code, Complex::new(value as f64, 0.0))?,
            Self::Float(value) => one(code, Complex::new(value, 0.0))?,
            Self::Complex(re, im) => one(code, Complex::new(re, im))?,
        }))
    }
}

/// An array that lives as long as a call.
#[derive(Clone, Debug)]
pub(crate) enum Held<'a> {
    Borrowed(ArrayView<'a>),
    Owned(Array),
}

impl Held<'_> {
    pub(crate) fn view(&self) -> ArrayView<'_> {
        match self {
            Self::Borrowed(view) => view.clone(),
            Self::Owned(array) => array.view(),
        }
    }
}

fn one(code: Code, value: Complex<f64>) -> Result<Array, MathError> {
    match code {
        Code::F16 => filled(code, half::f16::from_f64(value.re).to_bits()),
        Code::F32 => filled(code, value.re as f32),
        Code::F64 => filled(code, value.re),
        Code::C64 => filled(code, Complex::<f32>::from_c128(value)),
        Code::C128 => filled(code, value),
        _ => one_int(code, value.re as i64),
    }
}

fn one_int(code: Code, value: i64) -> Result<Array, MathError> {
    match code {
        Code::Bool => filled(code, u8::from(value != 0)),
        Code::I8 | Code::U8 => filled(code, value as u8),
        Code::I16 | Code::U16 => filled(code, value as u16),
        Code::I32 | Code::U32 => filled(code, value as u32),
        Code::I64 | Code::U64 => filled(code, value),
        _ => one(code, Complex::new(value as f64, 0.0)),
    }
}

/// An array without axes.
fn filled<T: bytemuck::Pod>(code: Code, value: T) -> Result<Array, MathError> {
    Room::of(std::slice::from_ref(&value))?.into_array(&code.dtype(), &[])
}

/// Views of one byte or item that stand for a whole shape: the layout with new strides of 0 for axes that are new or repeat.
///
/// # Errors
/// [`MathError::Broadcast`].
pub(crate) fn broadcast<'a>(
    view: &ArrayView<'a>,
    shape: &[usize],
) -> Result<ArrayView<'a>, MathError> {
    if view.shape() == shape {
        return Ok(view.clone());
    }
    let wrong = || MathError::Broadcast {
        shapes: vec![view.shape().to_vec(), shape.to_vec()],
    };
    let new = shape.len().checked_sub(view.ndim()).ok_or_else(wrong)?;
    let mut strides = vec![0; new];
    let axes = view.shape().iter().zip(view.layout().strides());
    for ((extent, stride), wanted) in axes.zip(&shape[new..]) {
        match (*extent, *wanted) {
            (extent, wanted) if extent == wanted => strides.push(*stride),
            (1, _) => strides.push(0),
            _ => return Err(wrong()),
        }
    }
    let layout = Layout::strided(shape, &strides, view.layout().offset())?;
    Ok(ArrayView::new(view.dtype().clone(), layout, view.bytes())?)
}

/// The shape that all of these are broadcast to (`numpy.broadcast_shapes`).
///
/// # Errors
/// [`MathError::Broadcast`].
pub(crate) fn broadcast_shapes<'a>(
    shapes: impl Iterator<Item = &'a [usize]> + Clone,
) -> Result<Vec<usize>, MathError> {
    let ndim = shapes.clone().map(<[usize]>::len).max().unwrap_or(0);
    let mut out = vec![1; ndim];
    for shape in shapes.clone() {
        for (extent, wide) in shape.iter().rev().zip(out.iter_mut().rev()) {
            if *wide == 1 {
                *wide = *extent;
            } else if *extent != 1 && *extent != *wide {
                return Err(MathError::Broadcast {
                    shapes: shapes.map(<[usize]>::to_vec).collect(),
                });
            }
        }
    }
    Ok(out)
}

impl MathError {
    /// Whether NumPy would raise this exception.
    pub fn is(&self, kind: ErrorKind) -> bool {
        self.kind() == kind
    }
}
