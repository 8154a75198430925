"""Every function that `ndferry_math` has, against the real NumPy 2: all dtypes, shapes and layouts, options right and wrong."""

import hypothesis.strategies as st
import numpy as np
import pytest

from agent import ask
from cases import cases
from mathematics import COMPLEX, FLOATS, INTS, NUMBERS, Draw, both, two

pytestmark = pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="promotes as NumPy 1")
seeds = st.integers(0, 2**32)

EXACT = """positive negative absolute abs fabs sign square conjugate conj real imag sqrt floor ceil trunc fix rint isnan isinf
    isfinite signbit spacing logical_not invert bitwise_not bitwise_invert add subtract multiply remainder mod fmod maximum
    minimum fmax fmin equal not_equal less less_equal greater greater_equal logical_and logical_or logical_xor bitwise_and
    bitwise_or bitwise_xor left_shift right_shift bitwise_left_shift bitwise_right_shift gcd lcm copysign nextafter heaviside
    floor_divide""".split()
CLOSE = """reciprocal cbrt exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan asin acos atan sinh cosh tanh
    arcsinh arccosh arctanh asinh acosh atanh degrees rad2deg radians deg2rad angle divide true_divide power pow float_power
    arctan2 atan2 hypot logaddexp logaddexp2""".split()
REDUCED = """sum prod mean var std min max amin amax any all count_nonzero ptp nansum nanprod nanmean nanvar nanstd nanmin nanmax
    median nanmedian""".split()
JOINED = "concatenate stack vstack hstack dstack column_stack".split()



def element_wise(name, draw):
    tame = name in CLOSE or draw.chance(0.3)
    numpy = getattr(np, name)
    arity = getattr(numpy, "nin", 1)
    operands = [draw.array(tame=tame)] if arity == 1 else two(draw, tame=tame)
    if name == "reciprocal":
        # Of an integer 0 it is what the processor makes of an infinity; NumPy itself gives this and that.
        operands = [np.where(a == 0, 1, a).astype(a.dtype) if a.dtype.kind in "biu" else a for a in operands]
    if name == "angle":
        # Zeros have a sign here, which complex arithmetic does not keep.
        operands = [np.where(a == 0, 1, a).astype(a.dtype) for a in operands]
    is_complex = any(np.asarray(x).dtype.kind == "c" for x in operands)
    if is_complex and "pow" in name:
        # As many digits as the exponent has are lost.
        operands = [x if isinstance(x, np.ndarray) or abs(x) < 8 else 3 for x in operands]
    ulps = (0 if name in EXACT else 4) if not is_complex else 2 if name in EXACT else 200
    return operands, lambda: numpy(*operands), {}, {"ulps": ulps}


def axis_of(draw, ndim):
    """One that there is, mostly."""
    if draw.chance(0.1):
        return draw.one([ndim, -ndim - 1, 100, -100])
    return int(draw.random.integers(-max(ndim, 1), max(ndim, 1)))


def magnitude(*arrays):
    return float(max(np.max(np.abs(np.nan_to_num(np.asarray(a, "c16"), posinf=0, neginf=0)), initial=1) for a in arrays))


def reduced(name, draw):
    a, options, ndim = draw.array(tame=draw.chance(0.5)), {}, 0
    ndim = a.ndim
    if draw.chance(0.6):
        options["axis"] = axis_of(draw, ndim)
        if ndim > 1 and draw.chance(0.4):
            axes = [int(x) for x in draw.random.permutation(ndim)[: draw.random.integers(1, ndim + 1)]]
            options["axis"] = [x - ndim if draw.chance(0.3) else x for x in axes]
            if draw.chance(0.1):
                options["axis"].append(options["axis"][0])
    if draw.chance(0.4):
        options["keepdims"] = True
    if name.endswith(("var", "std")) and draw.chance(0.4):
        options["ddof"] = draw.one([1, 2, 0.5, 100])
    if name in ("sum", "prod", "mean", "var", "std", "nansum") and draw.chance(0.2):
        # NumPy takes the mean of f4 from integers as they are.
        narrow = [] if name in ("var", "std") and a.dtype.kind in "iu" else ["<f4"]
        options["dtype"] = draw.one(["<f8", *narrow] if a.dtype.kind != "c" else COMPLEX)
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    scale = None if name.endswith("prod") else magnitude(a) ** (2 if name.endswith(("var", "std")) else 1) * max(a.size, 1)
    return [a], lambda: getattr(np, name)(a, **given), options, {"ulps": 60 if a.dtype.kind == "c" else 8, "scale": scale}


def ranked(name, draw):
    a, options = draw.array(tame=draw.chance(0.7)), {}
    if draw.chance(0.6):
        options["axis"] = axis_of(draw, a.ndim)
    if draw.chance(0.3):
        options["keepdims"] = True
    whole = 100 if name.endswith("percentile") else 1
    q = draw.one([0, 1, True, 0.25, 0.9, 1.5, -0.1, float("nan")]) if draw.chance(0.5) else draw.one(
        [np.array([0.0, 0.3, 1.0]), np.array([[0.5]], "f4"), np.array(0.7, "f2"), np.array([]), np.array([0, 1]), np.array([0.5, 2])]
    )
    q = q if isinstance(q, bool) or not whole > 1 else q * whole
    if name.startswith("nan") and a.dtype.kind in "fc":
        # Where a lane is nothing but NaNs, the dtype is the first lane's.
        a = np.where(np.isnan(a), 1, a).astype(a.dtype) if draw.chance(0.8) or isinstance(q, np.ndarray) else a
    return [a, q], lambda: getattr(np, name)(a, q, **options), options, {"ulps": 8, "scale": magnitude(a)}


def along(name, draw):
    a = draw.array(tame=draw.chance(0.3))
    axis = None if draw.chance(0.2) and name not in ("sort", "argsort") else axis_of(draw, a.ndim)
    options, more = {"axis": axis}, {"kind": "stable"} if name == "argsort" else {}
    if name.startswith("arg") and name != "argsort" and draw.chance(0.3):
        options["keepdims"] = True
    given = {**options, **more}
    if name.startswith("nanarg") and a.dtype.kind in "fc":
        a = np.where(np.isnan(a), 1, a).astype(a.dtype)
    scale = magnitude(a) * max(a.size, 1) if name == "cumsum" else None
    return [a], lambda: getattr(np, name)(a, **given), options, {"ulps": 8 if a.dtype.kind in "fc" else 0, "scale": scale}


def chosen(name, draw):
    a = draw.array(tame=draw.chance(0.3))
    if name == "astype":
        dtype = draw.one(NUMBERS + [">i4", ">f8", ">c8", ">f2", "S5"] if a.dtype.kind in "iu" else NUMBERS + [">f4"])
        if a.dtype.kind in "fc" and np.dtype(dtype).kind == "u":
            # What has no room in u4 and u8 is what NumPy's compiler made of it.
            a = np.abs(np.nan_to_num(a.real, posinf=7, neginf=7)).astype(a.dtype)
        return [a], lambda: a.astype(dtype), {"dtype": dtype}, {}
    if name == "where":
        b, c = two(draw)
        return [a, b, c], lambda: np.where(a, b, c), {}, {}
    if name == "clip":
        b, c = two(draw, INTS + FLOATS)
        a = draw.array(INTS + FLOATS)
        return [a, b, c], lambda: np.clip(a, b, c), {}, {}
    if name in ("modf", "frexp"):
        return [a], lambda: getattr(np, name)(a), {}, {}
    if name == "divmod":
        b, c = two(draw, INTS + FLOATS)
        return [b, c], lambda: np.divmod(b, c), {}, {}
    if name == "ldexp":
        a, b = draw.array(tame=True), draw.array(INTS[:3], (), tame=True)
        return [a, b], lambda: np.ldexp(a, b), {}, {}
    if name in ("round", "around"):
        decimals = draw.one([0, 1, 2, 3, -1, -2, 5, 2**40])
        return [a], lambda: getattr(np, name)(a, decimals), {"decimals": decimals}, {"ulps": 1}
    options = {key: draw.one([0.5, -1.0, 7.0]) for key in ("nan", "posinf", "neginf") if draw.chance(0.3)}
    return [a], lambda: np.nan_to_num(a, **options), options, {}


def counted(name, draw):
    if name == "histogram":
        a = draw.array(INTS[:6] + FLOATS, tame=True)
        bins = draw.one([1, 5, 12, 0, -1, np.array([-3.0, 0, 0.5, 4]), np.array([3.0, 1.0])])
        density = draw.chance(0.3) and a.size > 0
        options = {"density": True} if density else {}
        return [a, bins], lambda: np.histogram(a, bins, density=density), options, {"ulps": 8, "scale": magnitude(a)}
    if name == "bincount":
        a = draw.array(INTS, draw.one([(30,), (0,), (2, 2), ()]), tame=True)
        a = a if draw.chance(0.2) else np.abs(a) % 50
        options = {"minlength": draw.one([0, 5, 100, -1])} if draw.chance(0.5) else {}
        return [a], lambda: np.bincount(a, **options), options, {}
    if name == "unique":
        a = draw.array(tame=draw.chance(0.3))
        options = {option: True for option in ("return_index", "return_inverse", "return_counts") if draw.chance(0.5)}
        return [a], lambda: np.unique(a, **options), options, {}
    if name == "nonzero":
        a = draw.array(tame=draw.chance(0.3))
        return [a], lambda: np.nonzero(a), {}, {}
    a, b = np.sort(draw.array(NUMBERS, draw.one([(20,), (0,)]))), draw.array(NUMBERS)
    side = draw.one(["left", "right"])
    return [a, b], lambda: np.searchsorted(a, b, side), {"side": side}, {}


def moved(name, draw):
    a, random = draw.array(NUMBERS), draw.random
    ndim, axis = a.ndim, axis_of(draw, a.ndim)
    small = int(random.integers(-3, 5))
    if name in JOINED:
        arrays = [a, *(draw.array(NUMBERS, a.shape if draw.chance(0.9) else None) for _ in range(random.integers(0, 3)))]
        options = {"axis": axis_of(draw, ndim + (name == "stack"))} if name in ("concatenate", "stack") else {}
        return arrays, lambda: getattr(np, name)(arrays, **options), options, {}
    if name in ("split", "array_split"):
        if draw.chance(0.5):
            cuts = [int(x) for x in random.integers(-3, 6, 2)]
            return [a], lambda: getattr(np, name)(a, cuts, axis), {"indices": cuts, "axis": axis}, {}
        # Into 0 it is a ZeroDivisionError.
        return [a], lambda: getattr(np, name)(a, small or 1, axis), {"sections": small or 1, "axis": axis}, {}
    if name == "roll":
        shift = draw.one([small, 2**40, -(2**62), [1, 2]])
        axis = draw.one([None, axis, [0, -1]])
        given = tuple(axis) if isinstance(axis, list) else axis
        shift = small if axis is None else shift
        # NumPy's own rolls of a single axis by several shifts are sums of them.
        return [a], lambda: np.roll(a, shift, given), {"shift": shift, "axis": axis}, {}
    if name in ("flip", "fliplr", "flipud"):
        options = {"axis": draw.one([None, axis, [0, -1]])} if name == "flip" else {}
        given = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
        return [a], lambda: getattr(np, name)(a, **given), options, {}
    if name == "rot90":
        axes = draw.one([[0, 1], [1, 0], [-1, 0], [0, 0], [0, 7]])
        return [a], lambda: np.rot90(a, small, axes), {"k": small, "axes": axes}, {}
    if name == "tile":
        reps = [int(x) for x in random.integers(0, 3, random.integers(1, 4))]
        return [a], lambda: np.tile(a, reps), {"reps": reps}, {}
    if name == "repeat":
        repeats = draw.one([small, [1, 2, 0], [2]])
        axis = None if draw.chance(0.3) else axis
        return [a], lambda: np.repeat(a, repeats, axis), {"repeats": repeats, "axis": axis}, {}
    if name == "take":
        indices, mode = draw.array(INTS[:4], draw.one([(), (3,), (2, 2), (0,)]), tame=True), draw.one(["raise", "wrap", "clip"])
        axis = None if draw.chance(0.3) else axis
        return [a, indices], lambda: np.take(a, indices, axis, mode=mode), {"axis": axis, "mode": mode}, {}
    if name == "delete":
        indices, axis = [int(x) for x in random.integers(-3, 4, 2)], None if draw.chance(0.3) else axis
        return [a], lambda: np.delete(a, indices, axis), {"indices": indices, "axis": axis}, {}
    if name == "broadcast_to":
        shape = draw.one([[2, *a.shape], list(a.shape), [3], [0, *a.shape], [-1], [2, 2, 2, 2, 2]])
        return [a], lambda: np.broadcast_to(a, shape), {"shape": shape}, {}
    if name == "pad":
        widths, mode = [int(x) for x in random.integers(0, 4, 2 * ndim)], draw.one("constant edge symmetric wrap reflect".split())
        if draw.chance(0.3) or not ndim:
            widths = [abs(small)]
        pairs = abs(small) if len(widths) == 1 else list(zip(widths[::2], widths[1::2]))
        return [a], lambda: np.pad(a, pairs, mode), {"pad_width": widths, "mode": mode}, {}
    if name == "diagonal":
        options = {"offset": small, "axis1": axis_of(draw, ndim), "axis2": axis_of(draw, ndim)}
        return [a], lambda: np.diagonal(a, **options), options, {}
    if not ndim and name in ("tril", "triu"):
        # A TypeError about an argument of a function inside.
        a = np.atleast_1d(a)
    return [a], lambda: getattr(np, name)(a, small), {"k": small}, {}


def indexed(name, draw):
    a = draw.array(NUMBERS, draw.one([(4,), (3, 4), (2, 3, 4), (0, 2)]))
    index = draw.array(INTS[:4], draw.one([(), (2,), (2, 1)]), tame=True)
    index = draw.one([index % max(a.shape[0], 1), index])
    if name == "getitem":
        return [a, index], lambda: a[index], {"index": [{"array": 1}]}, {}
    value = draw.array(NUMBERS if a.dtype.kind == "c" else NUMBERS[:12], draw.one([(), (1,), a.shape[1:]]), tame=True)

    def changed():
        copy = a.copy()
        copy[index] = value
        return copy

    return [a, value, index], changed, {"index": [{"array": 2}]}, {}


def multiplied(name, draw):
    a, b = draw.array(tame=True), draw.array(tame=True)
    if draw.chance(0.6):
        shapes = [(4,), (3, 4), (4, 3), (2, 3, 4), (2, 4, 3), (1, 4, 2), (), (0, 4), (4, 0), (4, 4)]
        a, b = draw.array(shape=draw.one(shapes), tame=True), draw.array(shape=draw.one(shapes), tame=True)
    if name == "trace":
        options = {"offset": int(draw.random.integers(-3, 4))}
        if draw.chance(0.3):
            options.update(axis1=axis_of(draw, a.ndim), axis2=axis_of(draw, a.ndim))
        return [a], lambda: np.trace(a, **options), options, {"ulps": 8, "scale": magnitude(a) * 10}
    scale = magnitude(a) * magnitude(b) * max(a.shape[-1:] or [1])
    return [a, b], lambda: getattr(np, name)(a, b), {}, {"ulps": 8, "scale": scale}


FAMILIES = [
    (EXACT + CLOSE, element_wise),
    (REDUCED, reduced),
    ("quantile nanquantile percentile nanpercentile".split(), ranked),
    ("sort argsort argmin argmax nanargmin nanargmax cumsum cumprod".split(), along),
    ("where clip modf frexp divmod ldexp round around nan_to_num".split(), chosen),
    ("histogram bincount unique nonzero searchsorted".split(), counted),
    (
        [*JOINED, *"split array_split roll flip fliplr flipud rot90 tile repeat take delete broadcast_to pad tril triu diag".split()]
        + ["diagonal"],
        moved,
    ),
    (["getitem", "setitem"], indexed),
    ("matmul dot inner vdot outer kron trace".split(), multiplied),
    (["astype"], chosen),
]
CASES = {name: family for names, family in FAMILIES for name in names}


@cases(20, seeds)
def test_every_function(seed):
    """Those of `linalg` have tests of their own."""
    for number, (name, family) in enumerate(CASES.items()):
        draw = Draw([seed, number])
        operands, numpy, options, close = family(name, draw)
        both(name, operands, numpy, options, **close)


def test_ints_beyond_the_dtype_are_no_bounds_of_clip():
    a, low = np.array([68, 90], "i1"), np.array([0.9, np.inf])
    for bound in [126, 127, 200, 10**30]:
        both("clip", [a, low, bound], lambda: np.clip(a, low, bound))
        both("clip", [a, -bound, -low], lambda: np.clip(a, -bound, -low))
    wide = np.array([1000, 2], "i4")
    both("clip", [a, wide, 200], lambda: np.clip(a, wide, 200))


def test_no_function_lacks_a_case():
    from test_linalg import NAMES

    known = {name for name, _, _ in ask("functions")[0]["functions"]}
    assert known == set(CASES) | {f"linalg.{name}" for name in NAMES}


SCALARS = [True, False, 0, 1, -1, 0.5, 1e40, float("nan"), float("inf"), 1j, 2.5 - 1e300j, 2**64, 2**70, -(2**63) - 1]
SCALARS += [sign * 2**bits - (sign > 0) * last for bits in (7, 8, 15, 16, 31, 32, 63) for sign in (1, -1) for last in (0, 1)]


def test_numbers_of_python_are_weak():
    """All dtypes with all kinds of numbers, also those that have no room in them."""
    for name in ["add", "multiply", "maximum", "less", "equal", "bitwise_and"]:
        numpy = getattr(np, name)
        for dtype in NUMBERS:
            a = np.array([1, 0], dtype)
            for number in SCALARS:
                both(name, [a, number], lambda: numpy(a, number), ulps=2 if isinstance(number, complex) else 0)
                both(name, [number, a], lambda: numpy(number, a), ulps=2 if isinstance(number, complex) else 0)
