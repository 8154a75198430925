//! The functions that there are.

use ndferry_array::Array;

use crate::astype::astype;
use crate::binary::Binary;
use crate::counting::bincount;
use crate::cumulate::cumulate;
use crate::diagonal::{diagonal, triangle};
use crate::extreme::arg_extreme;
use crate::histogram::histogram;
use crate::indexing::{getitem, nonzero, setitem};
use crate::joining::{concatenate, pile, stack};
use crate::linalg;
use crate::moving::{broadcast_to, delete, flip, repeat, roll, rot90, split, take, tile};
use crate::options::Options;
use crate::padding::pad;
use crate::products::{dot, inner, kron, matmul, outer, vdot};
use crate::quantile::{median, quantile};
use crate::reduce::{Nans, Reduce, ptp};
use crate::select::{choose, clip, frexp, modf, nan_to_num, round};
use crate::sorting::{argsort, searchsorted, sort, unique};
use crate::table::{Function, Other, Run};
use crate::unary::Unary;
use crate::{MathError, Operand};

/// All of them.
pub(crate) const ALL: &[&[Function]] = &[
    UNARIES, BINARIES, CHOICES, REDUCED, STATISTICS, SORTING, INDEXING, JOINING, PRODUCTS, LINALG,
];

const DTYPE: &[&str] = &["dtype"];

macro_rules! unaries {
    ($($name:literal $f:ident)*) => { &[$(Function::new($name, (1, 1), DTYPE, Run::Unary(Unary::$f))),*] };
}

macro_rules! binaries {
    ($($name:literal $f:ident)*) => { &[$(Function::new($name, (2, 2), DTYPE, Run::Binary(Binary::$f))),*] };
}

const UNARIES: &[Function] = unaries!(
    "positive" Positive "negative" Negative "absolute" Absolute "abs" Absolute "fabs" Fabs "sign" Sign "square" Square
    "reciprocal" Reciprocal "conjugate" Conjugate "conj" Conjugate "real" Real "imag" Imag "angle" Angle
    "sqrt" Sqrt "cbrt" Cbrt "exp" Exp "exp2" Exp2 "expm1" Expm1 "log" Log "log2" Log2 "log10" Log10 "log1p" Log1p
    "sin" Sin "cos" Cos "tan" Tan "arcsin" Arcsin "arccos" Arccos "arctan" Arctan
    "asin" Arcsin "acos" Arccos "atan" Arctan "sinh" Sinh "cosh" Cosh "tanh" Tanh
    "arcsinh" Arcsinh "arccosh" Arccosh "arctanh" Arctanh "asinh" Arcsinh "acosh" Arccosh "atanh" Arctanh
    "degrees" Degrees "rad2deg" Degrees "radians" Radians "deg2rad" Radians
    "floor" Floor "ceil" Ceil "trunc" Trunc "fix" Trunc "rint" Rint
    "isnan" Isnan "isinf" Isinf "isfinite" Isfinite "signbit" Signbit "spacing" Spacing
    "logical_not" LogicalNot "invert" Invert "bitwise_not" Invert "bitwise_invert" Invert
);

const BINARIES: &[Function] = binaries!(
    "add" Add "subtract" Subtract "multiply" Multiply "divide" Divide "true_divide" Divide
    "floor_divide" FloorDivide "remainder" Remainder "mod" Remainder "fmod" Fmod
    "power" Power "pow" Power "float_power" FloatPower
    "maximum" Maximum "minimum" Minimum "fmax" Fmax "fmin" Fmin
    "equal" Equal "not_equal" NotEqual "less" Less "less_equal" LessEqual "greater" Greater "greater_equal" GreaterEqual
    "logical_and" LogicalAnd "logical_or" LogicalOr "logical_xor" LogicalXor
    "bitwise_and" BitwiseAnd "bitwise_or" BitwiseOr "bitwise_xor" BitwiseXor
    "left_shift" LeftShift "right_shift" RightShift "bitwise_left_shift" LeftShift "bitwise_right_shift" RightShift
    "gcd" Gcd "lcm" Lcm "arctan2" Arctan2 "atan2" Arctan2 "hypot" Hypot "copysign" Copysign "nextafter" Nextafter
    "logaddexp" Logaddexp "logaddexp2" Logaddexp2 "heaviside" Heaviside "ldexp" Ldexp
);

const TOTAL: &[&str] = &["axis", "keepdims", "dtype", "initial"];
const BOUND: &[&str] = &["axis", "keepdims", "initial"];
const MEAN: &[&str] = &["axis", "keepdims", "dtype"];
const SPREAD: &[&str] = &["axis", "keepdims", "dtype", "ddof", "correction"];
const AXES: &[&str] = &["axis", "keepdims"];

/// A second operand says which elements count, NumPy's `where`.
macro_rules! reductions {
    ($($name:literal $arity:literal $options:ident $f:ident $nans:ident)*) => {
        &[$(Function::new($name, (1, $arity), $options, Run::Reduce(Reduce::$f, Nans::$nans))),*]
    };
}

const REDUCED: &[Function] = reductions!(
    "sum" 2 TOTAL Sum Kept "prod" 2 TOTAL Prod Kept "mean" 2 MEAN Mean Kept "var" 2 SPREAD Var Kept "std" 2 SPREAD Std Kept
    "min" 2 BOUND Min Kept "max" 2 BOUND Max Kept "amin" 2 BOUND Min Kept "amax" 2 BOUND Max Kept
    "any" 2 AXES Any Kept "all" 2 AXES All Kept "count_nonzero" 1 AXES CountNonzero Kept
    "nansum" 2 TOTAL Sum Skipped "nanprod" 2 TOTAL Prod Skipped "nanmean" 2 MEAN Mean Skipped
    "nanvar" 2 SPREAD Var Skipped "nanstd" 2 SPREAD Std Skipped "nanmin" 2 BOUND Min Skipped "nanmax" 2 BOUND Max Skipped
);

type One = Result<Vec<Array>, MathError>;

const fn other(
    name: &'static str,
    arity: (usize, usize),
    options: &'static [&'static str],
    f: Other,
) -> Function {
    Function::new(name, arity, options, Run::Other(f))
}

fn one(result: Result<Array, MathError>) -> One {
    result.map(|array| vec![array])
}

const CHOICES: &[Function] = &[
    other("astype", (1, 1), DTYPE, |given, options| {
        one(astype(&given[0], options))
    }),
    other("where", (3, 3), &[], |given, _| one(choose(given))),
    other("clip", (3, 3), &[], |given, _| one(clip(given))),
    other("modf", (1, 1), &[], |given, _| modf(&given[0])),
    other("frexp", (1, 1), &[], |given, _| frexp(&given[0])),
    other("round", (1, 1), &["decimals"], |given, options| {
        one(round(&given[0], options))
    }),
    other("around", (1, 1), &["decimals"], |given, options| {
        one(round(&given[0], options))
    }),
    other(
        "nan_to_num",
        (1, 1),
        &["nan", "posinf", "neginf"],
        |given, options| one(nan_to_num(&given[0], options)),
    ),
    other("divmod", (2, 2), &[], |given, _| divmod(given)),
];

fn divmod(operands: &[Operand<'_>]) -> One {
    let pair = [operands[0].clone(), operands[1].clone()];
    let both = [Binary::FloorDivide, Binary::Remainder].into_iter();
    both.map(|f| crate::binary::binary("divmod", f, &pair, &Options::new()))
        .collect()
}

const STATISTICS: &[Function] = &[
    other("ptp", (1, 1), AXES, |given, options| {
        one(ptp(&given[0], options))
    }),
    other("median", (1, 1), AXES, |given, options| {
        one(median("median", &given[0], false, options))
    }),
    other("nanmedian", (1, 1), AXES, |given, options| {
        one(median("nanmedian", &given[0], true, options))
    }),
    other("quantile", (2, 2), AXES, |given, options| {
        one(quantile("quantile", given, 1.0, false, options))
    }),
    other("nanquantile", (2, 2), AXES, |given, options| {
        one(quantile("nanquantile", given, 1.0, true, options))
    }),
    other("percentile", (2, 2), AXES, |given, options| {
        one(quantile("percentile", given, 100.0, false, options))
    }),
    other("nanpercentile", (2, 2), AXES, |given, options| {
        one(quantile("nanpercentile", given, 100.0, true, options))
    }),
    other("histogram", (1, 2), &["low", "high", "density"], histogram),
    other("bincount", (1, 2), &["minlength"], |given, options| {
        one(bincount(given, options))
    }),
];

const LANES: &[&str] = &["axis", "flat"];

const SORTING: &[Function] = &[
    other("sort", (1, 1), LANES, |given, options| {
        one(sort(&given[0], options))
    }),
    other("argsort", (1, 1), LANES, |given, options| {
        one(argsort(&given[0], options))
    }),
    other("argmin", (1, 1), AXES, |given, options| {
        one(arg_extreme("argmin", false, false, &given[0], options))
    }),
    other("argmax", (1, 1), AXES, |given, options| {
        one(arg_extreme("argmax", true, false, &given[0], options))
    }),
    other("nanargmin", (1, 1), AXES, |given, options| {
        one(arg_extreme("nanargmin", false, true, &given[0], options))
    }),
    other("nanargmax", (1, 1), AXES, |given, options| {
        one(arg_extreme("nanargmax", true, true, &given[0], options))
    }),
    other("cumsum", (1, 1), &["axis", "dtype"], |given, options| {
        one(cumulate("cumsum", false, &given[0], options))
    }),
    other("cumprod", (1, 1), &["axis", "dtype"], |given, options| {
        one(cumulate("cumprod", true, &given[0], options))
    }),
    other(
        "unique",
        (1, 1),
        &["return_index", "return_inverse", "return_counts"],
        |given, options| unique(&given[0], options),
    ),
    other("searchsorted", (2, 2), &["side"], |given, options| {
        one(searchsorted(given, options))
    }),
];

const INDEXING: &[Function] = &[
    other("getitem", (1, usize::MAX), &["index"], |given, options| {
        one(getitem(given, options))
    }),
    other("setitem", (2, usize::MAX), &["index"], |given, options| {
        one(setitem(given, options))
    }),
    other("nonzero", (1, 1), &[], |given, _| nonzero(&given[0])),
];

const JOINED: &[&str] = &["axis", "flat"];
const MANY: (usize, usize) = (1, usize::MAX);

const JOINING: &[Function] = &[
    other("concatenate", MANY, JOINED, |given, options| {
        one(concatenate(given, options))
    }),
    other("stack", MANY, &["axis"], |given, options| {
        one(stack(given, options))
    }),
    other("vstack", MANY, &[], |given, _| one(pile("vstack", given))),
    other("hstack", MANY, &[], |given, _| one(pile("hstack", given))),
    other("dstack", MANY, &[], |given, _| one(pile("dstack", given))),
    other("column_stack", MANY, &[], |given, _| {
        one(pile("column_stack", given))
    }),
    other(
        "split",
        (1, 1),
        &["sections", "indices", "axis"],
        |given, options| split("split", &given[0], options),
    ),
    other(
        "array_split",
        (1, 1),
        &["sections", "indices", "axis"],
        |given, options| split("array_split", &given[0], options),
    ),
    other("roll", (1, 1), &["shift", "axis"], |given, options| {
        one(roll(&given[0], options))
    }),
    other("flip", (1, 1), &["axis"], |given, options| {
        one(flip("flip", &given[0], options))
    }),
    other("fliplr", (1, 1), &[], |given, options| {
        one(flip("fliplr", &given[0], options))
    }),
    other("flipud", (1, 1), &[], |given, options| {
        one(flip("flipud", &given[0], options))
    }),
    other("rot90", (1, 1), &["k", "axes"], |given, options| {
        one(rot90(&given[0], options))
    }),
    other("tile", (1, 1), &["reps"], |given, options| {
        one(tile(&given[0], options))
    }),
    other("repeat", (1, 1), &["repeats", "axis"], |given, options| {
        one(repeat(&given[0], options))
    }),
    other("take", (2, 2), &["axis", "mode"], |given, options| {
        one(take(given, options))
    }),
    other("delete", (1, 1), &["indices", "axis"], |given, options| {
        one(delete(&given[0], options))
    }),
    other("broadcast_to", (1, 1), &["shape"], |given, options| {
        one(broadcast_to(&given[0], options))
    }),
    other("pad", (1, 2), &["pad_width", "mode"], |given, options| {
        one(pad(given, options))
    }),
    other("tril", (1, 1), &["k"], |given, options| {
        one(triangle("tril", &given[0], options))
    }),
    other("triu", (1, 1), &["k"], |given, options| {
        one(triangle("triu", &given[0], options))
    }),
    other("diag", (1, 1), &["k"], |given, options| {
        one(diagonal("diag", &given[0], options))
    }),
    other(
        "diagonal",
        (1, 1),
        &["offset", "axis1", "axis2"],
        |given, options| one(diagonal("diagonal", &given[0], options)),
    ),
];

const PRODUCTS: &[Function] = &[
    other("matmul", (2, 2), &[], |given, _| {
        one(matmul("matmul", given))
    }),
    other("dot", (2, 2), &[], |given, _| one(dot(given))),
    other("inner", (2, 2), &[], |given, _| one(inner(given))),
    other("vdot", (2, 2), &[], |given, _| one(vdot(given))),
    other("outer", (2, 2), &[], |given, _| one(outer(given))),
    other("kron", (2, 2), &[], |given, _| one(kron(given))),
];

const LINALG: &[Function] = &[
    other(
        "trace",
        (1, 1),
        &["offset", "axis1", "axis2", "dtype"],
        |given, options| one(linalg::trace(&given[0], options)),
    ),
    other("linalg.solve", (2, 2), &[], |given, _| {
        one(linalg::solve(given))
    }),
    other("linalg.inv", (1, 1), &[], |given, _| {
        one(linalg::inv(&given[0]))
    }),
    other("linalg.det", (1, 1), &[], |given, _| {
        one(linalg::det(&given[0]))
    }),
    other("linalg.slogdet", (1, 1), &[], |given, _| {
        linalg::slogdet(&given[0])
    }),
    other("linalg.matrix_power", (1, 1), &["n"], |given, options| {
        one(linalg::matrix_power(&given[0], options))
    }),
    other(
        "linalg.pinv",
        (1, 1),
        &["rcond", "rtol"],
        |given, options| one(linalg::pinv(&given[0], options)),
    ),
    other("linalg.lstsq", (2, 2), &["rcond"], linalg::lstsq),
    other("linalg.cholesky", (1, 1), &["upper"], |given, options| {
        one(linalg::cholesky(&given[0], options))
    }),
    other("linalg.qr", (1, 1), &["mode"], |given, options| {
        linalg::qr(&given[0], options)
    }),
    other(
        "linalg.svd",
        (1, 1),
        &["full_matrices", "compute_uv"],
        |given, options| linalg::svd(&given[0], options),
    ),
    other("linalg.lu", (1, 1), &[], |given, _| linalg::lu(&given[0])),
    other("linalg.eig", (1, 1), &[], |given, _| linalg::eig(&given[0])),
    other("linalg.eigvals", (1, 1), &[], |given, _| {
        linalg::eigvals(&given[0])
    }),
    other("linalg.eigh", (1, 1), &["UPLO"], |given, options| {
        linalg::eigh(&given[0], options)
    }),
    other("linalg.eigvalsh", (1, 1), &["UPLO"], |given, options| {
        linalg::eigvalsh(&given[0], options)
    }),
    other(
        "linalg.norm",
        (1, 1),
        &["ord", "axis", "keepdims"],
        |given, options| one(linalg::norm(&given[0], options)),
    ),
    other("linalg.cond", (1, 1), &["p"], |given, options| {
        one(linalg::cond(&given[0], options))
    }),
    other(
        "linalg.matrix_rank",
        (1, 1),
        &["tol", "rtol"],
        |given, options| one(linalg::matrix_rank(&given[0], options)),
    ),
];
