//! NumPy's functions as functions of Rust: `np::add(&a, 2.5)?`, `np::sum(&a, 0)?`, `np::linalg::solve(&a, &b)?`.
//!
//! Each is [`call`] by the same name; operands are what an [`Operand`] can be made of: arrays, views, numbers.
//! Options that are not arguments here (`keepdims`, `ddof`, `dtype`, …) are said to `call`.
//!
//! ```
//! use ndferry_array::Array;
//! use ndferry_math::np;
//!
//! let a = Array::from_elements(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
//! let centred = np::subtract(&a, &np::mean(&a, 0)?)?;
//! assert_eq!(centred.to_elements::<f64>()?, [-1.5, -1.5, -1.5, 1.5, 1.5, 1.5]);
//! assert_eq!(np::max(&np::abs(&centred)?, None)?.to_elements::<f64>()?, [1.5]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Errors
//! All give the [`MathError`] that `call` gives: shapes that do not go together, dtypes that there is no such function for,
//! axes that there are not.

pub mod linalg;

use ndferry_array::{Array, Dtype};

use crate::options::{Options, Pick, Setting};
use crate::{MathError, Operand, call};

/// What all of these give.
type Result<T> = std::result::Result<T, MathError>;

/// Along which axes: `None` (all), `0`, `-1`, `[0, 2]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Axes(Option<Vec<i64>>);

impl From<Option<i64>> for Axes {
    fn from(axis: Option<i64>) -> Self {
        Self(axis.map(|axis| vec![axis]))
    }
}

impl From<i64> for Axes {
    fn from(axis: i64) -> Self {
        Self(Some(vec![axis]))
    }
}

impl<const N: usize> From<[i64; N]> for Axes {
    fn from(axes: [i64; N]) -> Self {
        Self(Some(axes.to_vec()))
    }
}

impl From<&[i64]> for Axes {
    fn from(axes: &[i64]) -> Self {
        Self(Some(axes.to_vec()))
    }
}

impl Axes {
    /// The option `axis`.
    fn options(self) -> Options {
        match self.0 {
            None => Options::new(),
            Some(axes) => match axes[..] {
                [axis] => int("axis", axis),
                _ => Options::new().with("axis", Setting::Ints(axes)),
            },
        }
    }

    /// The same of functions that have an axis of their own where none is given: `None` means all elements.
    fn or_flat(self) -> Options {
        let flat = self.0.is_none();
        self.options().with("flat", Setting::Bool(flat))
    }
}

fn int(option: &str, value: i64) -> Options {
    Options::new().with(option, Setting::Int(value))
}

fn ints(option: &str, values: &[i64]) -> Options {
    Options::new().with(option, Setting::Ints(values.to_vec()))
}

/// The only result of a function.
fn one(name: &str, operands: &[Operand<'_>], options: &Options) -> Result<Array> {
    several(name, operands, options).map(|[array]| array)
}

/// As many results as a function has.
fn several<const N: usize>(
    name: &str,
    operands: &[Operand<'_>],
    options: &Options,
) -> Result<[Array; N]> {
    call(name, operands, options)?
        .try_into()
        .map_err(|_| MathError::Unknown {
            name: name.to_owned(),
        })
}

macro_rules! unary {
    ($($name:ident $text:literal;)*) => {
        $(
            #[doc = concat!("`numpy.", stringify!($name), "`: ", $text, ".")]
            pub fn $name<'a>(a: impl Into<Operand<'a>>) -> Result<Array> {
                one(stringify!($name), &[a.into()], &Options::new())
            }
        )*

    };
}

macro_rules! binary {
    ($($name:ident $text:literal;)*) => {
        $(
            #[doc = concat!("`numpy.", stringify!($name), "`: ", $text, ".")]
            pub fn $name<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Result<Array> {
                one(stringify!($name), &[a.into(), b.into()], &Options::new())
            }
        )*

    };
}

macro_rules! reduced {
    ($($name:ident $text:literal;)*) => {
        $(
            #[doc = concat!("`numpy.", stringify!($name), "`: ", $text, ", along axes.")]
            pub fn $name<'a>(a: impl Into<Operand<'a>>, axes: impl Into<Axes>) -> Result<Array> {
                one(stringify!($name), &[a.into()], &axes.into().options())
            }
        )*

    };
}

unary! {
    positive "the same numbers"; negative "with the other sign"; absolute "how large each is"; abs "how large each is";
    fabs "how large each is, as floats"; sign "-1, 0 or 1"; square "times itself"; reciprocal "1 over each";
    conj "with the other imaginary part"; conjugate "with the other imaginary part"; real "the real parts";
    imag "the imaginary parts"; angle "the angles of complex numbers, in radians";
    sqrt "the square root"; cbrt "the cube root"; exp "e to the power of each"; exp2 "2 to the power of each";
    expm1 "exp less 1, exact near 0"; log "the natural logarithm"; log2 "the logarithm to base 2";
    log10 "the logarithm to base 10"; log1p "the logarithm of 1 more, exact near 0";
    sin "the sine"; cos "the cosine"; tan "the tangent"; arcsin "the inverse sine"; arccos "the inverse cosine";
    arctan "the inverse tangent"; sinh "the hyperbolic sine"; cosh "the hyperbolic cosine"; tanh "the hyperbolic tangent";
    arcsinh "the inverse hyperbolic sine"; arccosh "the inverse hyperbolic cosine"; arctanh "the inverse hyperbolic tangent";
    degrees "radians as degrees"; radians "degrees as radians"; floor "down to a whole number"; ceil "up to a whole number";
    trunc "towards 0 to a whole number"; rint "to the nearest whole number, halves to the even one";
    isnan "whether it is no number"; isinf "whether it is infinite"; isfinite "whether it is neither";
    signbit "whether its sign is set"; spacing "how far the next float is"; logical_not "whether it is 0";
    invert "the other bits"; fliplr "the other way along axis 1"; flipud "the other way along axis 0";
}

binary! {
    add "a + b"; subtract "a - b"; multiply "a * b"; divide "a / b, as floats"; floor_divide "a / b, rounded down";
    remainder "what floor_divide leaves"; fmod "what is left with the sign of a"; power "a to the power of b";
    float_power "a to the power of b, as f8 at least"; maximum "the greater one, or NaN"; minimum "the lesser one, or NaN";
    fmax "the greater one, without NaNs"; fmin "the lesser one, without NaNs"; equal "a == b"; not_equal "a != b";
    less "a < b"; less_equal "a <= b"; greater "a > b"; greater_equal "a >= b"; logical_and "whether both are not 0";
    logical_or "whether one is not 0"; logical_xor "whether just one is not 0"; bitwise_and "a & b"; bitwise_or "a | b";
    bitwise_xor "a ^ b"; left_shift "a << b"; right_shift "a >> b"; gcd "the greatest common divisor";
    lcm "the least common multiple"; arctan2 "the angle of a point, its y first, in radians"; hypot "the length of (a, b)";
    copysign "a with the sign of b"; nextafter "the next float from a towards b"; logaddexp "log(exp(a) + exp(b))";
    logaddexp2 "log2(2^a + 2^b)"; heaviside "0, b or 1 as a is below 0, 0 or above"; ldexp "a times 2^b";
    matmul "the product of matrices, the last two axes"; dot "the product along the last axis and the one before it";
    inner "products along both last axes"; outer "all products of two"; vdot "the product of all elements, a conjugated";
    kron "the Kronecker product"; searchsorted "where b goes into a sorted a";
}

reduced! {
    sum "the sum"; prod "the product"; mean "the mean"; var "the variance"; std "the standard deviation"; min "the least";
    max "the greatest"; ptp "from the least to the greatest"; any "whether one is not 0"; all "whether none is 0";
    count_nonzero "how many are not 0"; median "the median"; argmin "where the least is"; argmax "where the greatest is";
    cumsum "the sum so far"; cumprod "the product so far"; nansum "the sum without NaNs"; nanprod "the product without NaNs";
    nanmean "the mean without NaNs"; nanvar "the variance without NaNs"; nanstd "the standard deviation without NaNs";
    nanmin "the least without NaNs"; nanmax "the greatest without NaNs"; nanmedian "the median without NaNs";
    nanargmin "where the least is, without NaNs"; nanargmax "where the greatest is, without NaNs";
    flip "the other way";
}

/// `numpy.where`: elements of `a` where `condition` is not 0, of `b` elsewhere.
pub fn where_<'a>(
    condition: impl Into<Operand<'a>>,
    a: impl Into<Operand<'a>>,
    b: impl Into<Operand<'a>>,
) -> Result<Array> {
    let operands = [condition.into(), a.into(), b.into()];
    one("where", &operands, &Options::new())
}

/// `numpy.clip`: no less than `low`, no more than `high`.
pub fn clip<'a>(
    a: impl Into<Operand<'a>>,
    low: impl Into<Operand<'a>>,
    high: impl Into<Operand<'a>>,
) -> Result<Array> {
    one(
        "clip",
        &[a.into(), low.into(), high.into()],
        &Options::new(),
    )
}

/// `numpy.round` to so many digits after the point, before it if negative; halves to the even one.
pub fn round<'a>(a: impl Into<Operand<'a>>, decimals: i64) -> Result<Array> {
    one("round", &[a.into()], &int("decimals", decimals))
}

/// `numpy.quantile`: between the elements that the ranks `q`, from 0 to 1, lie between, along axes.
pub fn quantile<'a>(
    a: impl Into<Operand<'a>>,
    q: impl Into<Operand<'a>>,
    axes: impl Into<Axes>,
) -> Result<Array> {
    one("quantile", &[a.into(), q.into()], &axes.into().options())
}

/// `numpy.percentile`: the same with ranks from 0 to 100.
pub fn percentile<'a>(
    a: impl Into<Operand<'a>>,
    q: impl Into<Operand<'a>>,
    axes: impl Into<Axes>,
) -> Result<Array> {
    one("percentile", &[a.into(), q.into()], &axes.into().options())
}

/// `numpy.histogram`: how many are in each of so many bins of the same width, and the edges, one more.
pub fn histogram<'a>(a: impl Into<Operand<'a>>, bins: u32) -> Result<(Array, Array)> {
    let operands = [a.into(), Operand::Int(bins.into())];
    several("histogram", &operands, &Options::new()).map(|[counts, edges]| (counts, edges))
}

/// `numpy.sort` along an axis; `None`: all elements.
pub fn sort<'a>(a: impl Into<Operand<'a>>, axis: impl Into<Axes>) -> Result<Array> {
    one("sort", &[a.into()], &axis.into().or_flat())
}

/// `numpy.argsort`: the places of the elements in order along an axis, stable; `None`: of all elements.
pub fn argsort<'a>(a: impl Into<Operand<'a>>, axis: impl Into<Axes>) -> Result<Array> {
    one("argsort", &[a.into()], &axis.into().or_flat())
}

/// `numpy.unique`: each value once, in order.
pub fn unique<'a>(a: impl Into<Operand<'a>>) -> Result<Array> {
    one("unique", &[a.into()], &Options::new())
}

/// `numpy.nonzero`: the indices of what is not 0, along each axis.
pub fn nonzero<'a>(a: impl Into<Operand<'a>>) -> Result<Vec<Array>> {
    call("nonzero", &[a.into()], &Options::new())
}

/// `a[…]`, also with arrays of ints or bools, which `index` refers to by their numbers in `arrays`, from 1 on.
///
/// ```
/// use ndferry_array::Array;
/// use ndferry_math::{Operand, Pick, np};
///
/// let a = Array::from_elements(&[4], &[3, -1, 4, -1])?;
/// let above = np::greater(&a, 0)?;
/// let kept = np::getitem(&a, &[Pick::Array(1)], &[Operand::from(&above)])?;
/// assert_eq!(kept.to_elements::<i32>()?, [3, 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn getitem<'a>(
    a: impl Into<Operand<'a>>,
    index: &[Pick],
    arrays: &[Operand<'a>],
) -> Result<Array> {
    let operands = [&[a.into()], arrays].concat();
    let options = Options::new().with("index", Setting::Index(index.to_vec()));
    one("getitem", &operands, &options)
}

/// `a.astype(dtype)`: the elements as another dtype, with the values that [`ndferry_array::Cast`] gives; in F order if they
/// lie so.
pub fn astype<'a>(a: impl Into<Operand<'a>>, dtype: &Dtype) -> Result<Array> {
    let options = Options::new().with("dtype", Setting::Dtype(dtype.clone()));
    one("astype", &[a.into()], &options)
}

/// `numpy.concatenate` along an axis that all have; `None`: all elements, one array after the other.
pub fn concatenate(arrays: &[Operand<'_>], axis: impl Into<Axes>) -> Result<Array> {
    one("concatenate", arrays, &axis.into().or_flat())
}

/// `numpy.stack` along a new axis.
pub fn stack(arrays: &[Operand<'_>], axis: i64) -> Result<Array> {
    one("stack", arrays, &int("axis", axis))
}

/// `numpy.split` into so many parts of the same size along an axis.
pub fn split<'a>(a: impl Into<Operand<'a>>, sections: i64, axis: i64) -> Result<Vec<Array>> {
    let options = int("axis", axis).with("sections", Setting::Int(sections));
    call("split", &[a.into()], &options)
}

/// `numpy.take`: the elements at these indices along an axis; `None`: of all elements.
pub fn take<'a>(
    a: impl Into<Operand<'a>>,
    indices: impl Into<Operand<'a>>,
    axis: impl Into<Axes>,
) -> Result<Array> {
    one("take", &[a.into(), indices.into()], &axis.into().options())
}

/// `numpy.roll` by so many elements; what leaves at one end comes in at the other.
pub fn roll<'a>(a: impl Into<Operand<'a>>, shift: i64, axis: impl Into<Axes>) -> Result<Array> {
    let options = axis.into().options().with("shift", Setting::Int(shift));
    one("roll", &[a.into()], &options)
}

/// `numpy.rot90`: turned by so many quarters, from axis 0 to axis 1.
pub fn rot90<'a>(a: impl Into<Operand<'a>>, quarters: i64) -> Result<Array> {
    one("rot90", &[a.into()], &int("k", quarters))
}

/// `numpy.tile`: so many times along each axis.
pub fn tile<'a>(a: impl Into<Operand<'a>>, times: &[i64]) -> Result<Array> {
    one("tile", &[a.into()], &ints("reps", times))
}

/// `numpy.broadcast_to` a larger shape.
pub fn broadcast_to<'a>(a: impl Into<Operand<'a>>, shape: &[i64]) -> Result<Array> {
    one("broadcast_to", &[a.into()], &ints("shape", shape))
}

/// `numpy.diag`: the `k`th diagonal of a matrix, or a matrix with that diagonal.
pub fn diag<'a>(a: impl Into<Operand<'a>>, k: i64) -> Result<Array> {
    one("diag", &[a.into()], &int("k", k))
}

/// `numpy.tril`: 0 above the `k`th diagonal.
pub fn tril<'a>(a: impl Into<Operand<'a>>, k: i64) -> Result<Array> {
    one("tril", &[a.into()], &int("k", k))
}

/// `numpy.triu`: 0 below the `k`th diagonal.
pub fn triu<'a>(a: impl Into<Operand<'a>>, k: i64) -> Result<Array> {
    one("triu", &[a.into()], &int("k", k))
}

/// `numpy.trace`: the sum of the main diagonal.
pub fn trace<'a>(a: impl Into<Operand<'a>>) -> Result<Array> {
    one("trace", &[a.into()], &Options::new())
}
