"""`ndferry_math` against the real NumPy 2: dtypes, shapes, values and exceptions of thousands of calls."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest

from cases import cases
from mathematics import COMPLEX, FLOATS, INTS, NUMBERS, Draw, both, two

pytestmark = pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="promotes as NumPy 1")
seeds = st.integers(0, 2**32)

EXACT_UNARY = """positive negative absolute fabs sign square conjugate real imag sqrt floor ceil trunc rint isnan isinf
    isfinite signbit logical_not invert""".split()
CLOSE_UNARY = """reciprocal cbrt exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh
    arccosh arctanh degrees radians angle""".split()
EXACT_BINARY = """add subtract multiply maximum minimum fmax fmin equal not_equal less less_equal greater greater_equal
    logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor left_shift right_shift gcd lcm copysign nextafter
    heaviside floor_divide remainder fmod""".split()
CLOSE_BINARY = "divide power float_power arctan2 hypot logaddexp logaddexp2".split()


def test_promotion_is_a_table():
    for a in NUMBERS:
        for b in NUMBERS:
            assert both("add", [np.ones(2, a), np.ones(1, b)], lambda: np.add(np.ones(2, a), np.ones(1, b)))
        for weak in [True, 3, 2.5, 2j]:
            both("multiply", [np.ones(2, a), weak], lambda: np.multiply(np.ones(2, a), weak))
            both("multiply", [weak, np.ones(2, a)], lambda: np.multiply(weak, np.ones(2, a)))


def test_every_function_knows_every_dtype():
    for name in EXACT_UNARY + CLOSE_UNARY:
        for dtype in NUMBERS:
            a = np.ones(3, dtype)
            both(name, [a], lambda: getattr(np, name)(a), ulps=40)
    for name in EXACT_BINARY + CLOSE_BINARY:
        for dtype in NUMBERS:
            for other in NUMBERS:
                a, b = np.ones(1, dtype), np.ones(2, other)
                both(name, [a, b], lambda: getattr(np, name)(a, b), ulps=40)
            for weak in [True, 1, 1.0, 1 + 0j]:
                both(name, [a, weak], lambda: getattr(np, name)(a, weak), ulps=40)


@cases(1500, seeds)
def test_functions_of_one(seed):
    draw = Draw(seed)
    if draw.chance(0.5):
        name = draw.one(EXACT_UNARY)
        a = draw.array(tame=draw.chance(0.3))
        both(name, [a], lambda: getattr(np, name)(a), ulps=2 if a.dtype.kind == "c" else 0)
        return
    name = draw.one(CLOSE_UNARY)
    a = draw.array(tame=True) if draw.chance(0.5) else draw.array(FLOATS)
    if name == "reciprocal" and a.dtype.kind in "biu":
        # Of 0 it is what the processor makes of an infinity; NumPy itself gives this and that.
        a = np.where(a == 0, 1, a).astype(a.dtype)
    if a.dtype.kind == "c" and name == "angle":
        a = np.where(a == 0, 1, a).astype(a.dtype)
    both(name, [a], lambda: getattr(np, name)(a), ulps=40 if a.dtype.kind == "c" else 4)


@cases(2500, seeds)
def test_functions_of_two(seed):
    draw = Draw(seed)
    if draw.chance(0.7):
        name = draw.one(EXACT_BINARY)
        a, b = two(draw, tame=draw.chance(0.3))
        is_complex = any(np.asarray(x).dtype.kind == "c" for x in (a, b))
        both(name, [a, b], lambda: getattr(np, name)(a, b), ulps=2 if is_complex else 0)
        return
    name = draw.one(CLOSE_BINARY)
    a, b = two(draw, tame=draw.chance(0.5) or name.endswith("power"))
    is_complex = any(np.asarray(x).dtype.kind == "c" for x in (a, b))
    both(name, [a, b], lambda: getattr(np, name)(a, b), ulps=200 if is_complex else 4)


@cases(1500, seeds)
def test_reductions(seed):
    draw = Draw(seed)
    name = draw.one("sum prod mean var std min max any all count_nonzero ptp nansum nanprod nanmean nanvar nanstd".split())
    a = draw.array(tame=draw.chance(0.6))
    options = {}
    if a.ndim and draw.chance(0.7):
        options["axis"] = int(draw.random.integers(-a.ndim, a.ndim + draw.chance(0.1)))
        if a.ndim > 1 and draw.chance(0.3):
            count = draw.random.integers(1, a.ndim + 1)
            options["axis"] = [int(x) for x in draw.random.permutation(a.ndim)[:count]]
    if draw.chance(0.3):
        options["keepdims"] = True
    if name.endswith(("var", "std")) and draw.chance(0.3):
        options["ddof"] = 1
    if name in ("sum", "prod", "mean") and draw.chance(0.2):
        options["dtype"] = draw.one(["<f8", "<c16", "<f4"] if a.dtype.kind != "c" else COMPLEX)
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    with np.errstate(all="ignore"):
        wide = np.abs(np.nan_to_num(a.astype("c16"), posinf=0, neginf=0))
        scale = float(np.sum(wide)) if "sum" in name or "mean" in name else float(np.max(wide, initial=0)) ** 2
    a_kind = a.dtype.kind
    if name.endswith("prod"):
        scale = None
    both(name, [a], lambda: getattr(np, name)(a, **given), options, ulps=60 if a_kind == "c" else 8, scale=scale)


@cases(1500, seeds)
def test_reductions_of_some_elements_and_from_a_number_on(seed):
    draw = Draw(seed)
    starting = "sum prod min max nansum nanprod nanmin nanmax".split()
    name = draw.one(starting + "mean var std any all nanmean nanvar nanstd".split())
    a = draw.array(tame=draw.chance(0.6))
    options, given = {}, [a]
    if a.ndim and draw.chance(0.7):
        options["axis"] = int(draw.random.integers(-a.ndim, a.ndim))
    if draw.chance(0.3):
        options["keepdims"] = True
    if name.endswith(("var", "std")) and draw.chance(0.3):
        options["ddof"] = 1
    if name in starting and draw.chance(0.6):
        numbers = [0, 1, 3, -2, 300, True, False] + ([2.5, -0.0, float("inf"), float("nan")] if a.dtype.kind in "fc" else [1.5])
        options["initial"] = draw.one(numbers)
    theirs = {**options}
    if isinstance(options.get("initial"), float):
        # JSON has no NaN.
        options["initial"] = str(options["initial"]) if not math.isfinite(options["initial"]) else options["initial"]
    if draw.chance(0.8) or "initial" not in options:
        shape = tuple(draw.one([1, extent]) for extent in a.shape[int(draw.random.integers(0, a.ndim + 1)) :])
        mask = draw.random.random(shape) < 0.7 if draw.chance(0.9) else draw.one([True, False])
        if draw.chance(0.03):
            mask = draw.one([np.ones((2, *a.shape), bool), np.ones(a.shape), np.ones((17,), bool)])
        given, theirs["where"] = [a, mask], mask
    wide = np.abs(np.nan_to_num(a.astype("c16"), posinf=0, neginf=0))
    scale = float(np.sum(wide)) + 300 if "sum" in name or "mean" in name else float(np.max(wide, initial=0)) ** 2
    scale = None if name.endswith("prod") else scale
    both(name, given, lambda: getattr(np, name)(a, **theirs), options, ulps=60 if a.dtype.kind == "c" else 8, scale=scale)


@cases(700, seeds)
def test_sorting_and_choosing(seed):
    draw = Draw(seed)
    name = draw.one("sort argsort argmin argmax cumsum cumprod unique searchsorted where clip modf frexp divmod round".split())
    a = draw.array(tame=draw.chance(0.3))
    if name in ("sort", "argsort"):
        axis = int(draw.random.integers(-max(a.ndim, 1), max(a.ndim, 1)))
        more = {} if name == "sort" else {"kind": "stable"}
        both(name, [a], lambda: getattr(np, name)(a, axis=axis, **more), {"axis": axis})
    elif name in ("argmin", "argmax", "cumsum", "cumprod"):
        axis = None if draw.chance(0.3) else int(draw.random.integers(-max(a.ndim, 1), max(a.ndim, 1)))
        ulps = 0 if name.startswith("arg") else 4 if a.dtype.kind == "c" else 0
        wide = float(np.sum(np.abs(np.nan_to_num(a.astype("c16"), posinf=0, neginf=0)))) if name == "cumsum" else None
        both(name, [a], lambda: getattr(np, name)(a, axis=axis), {"axis": axis}, ulps=ulps, scale=wide)
    elif name == "unique":
        options = {option: True for option in ("return_index", "return_inverse", "return_counts") if draw.chance(0.5)}
        both(name, [a], lambda: np.unique(a, **options), options)
    elif name == "searchsorted":
        a = np.sort(draw.array(INTS + FLOATS, (20,)))
        b, side = draw.array(INTS + FLOATS), draw.one(["left", "right"])
        both(name, [a, b], lambda: np.searchsorted(a, b, side), {"side": side})
    elif name == "where":
        b, c = two(draw)
        both(name, [a, b, c], lambda: np.where(a, b, c))
    elif name == "clip":
        b, c = two(draw, INTS + FLOATS)
        a = draw.array(INTS + FLOATS)
        both(name, [a, b, c], lambda: np.clip(a, b, c))
    elif name == "divmod":
        b, c = two(draw, INTS + FLOATS)
        both(name, [b, c], lambda: np.divmod(b, c))
    elif name == "round":
        a, decimals = draw.array(FLOATS + INTS), int(draw.random.integers(0, 4))
        both(name, [a], lambda: np.round(a, decimals), {"decimals": decimals}, ulps=1)
    else:
        a = draw.array(INTS + FLOATS)
        both(name, [a], lambda: getattr(np, name)(a))


@cases(300, seeds)
def test_quantiles_and_histograms(seed):
    draw = Draw(seed)
    a = draw.array(INTS[:6] + FLOATS, tame=True)
    options = {"keepdims": True} if draw.chance(0.3) else {}
    if a.ndim and draw.chance(0.6):
        options["axis"] = int(draw.random.integers(a.ndim))
    name = draw.one(["median", "percentile", "quantile", "histogram", "bincount"])
    scale = float(np.max(np.abs(a.astype("f8")), initial=0))
    if name == "median":
        both(name, [a], lambda: np.median(a, **options), options, ulps=4, scale=scale)
    elif name == "histogram":
        bins = int(draw.random.integers(1, 12))
        both(name, [a, bins], lambda: np.histogram(a, bins), ulps=4, scale=scale)
    elif name == "bincount":
        a = np.abs(draw.array(INTS[:6], (30,), tame=True)) % 50
        both(name, [a], lambda: np.bincount(a))
    else:
        whole = 100 if name == "percentile" else 1
        q = draw.one([0.25 * whole, 0.9 * whole, np.array([0.0, 0.3, 1.0]) * whole])
        if a.size:
            both(name, [a, q], lambda: getattr(np, name)(a, q, **options), options, ulps=8, scale=scale)


@cases(500, seeds)
def test_products(seed):
    draw = Draw(seed)
    name = draw.one(["matmul", "dot", "inner", "outer", "kron", "vdot"])
    shapes = [(4,), (3, 4), (4, 3), (2, 3, 4), (2, 4, 3), (1, 4, 2), (), (0, 4), (4, 0)]
    a, b = (draw.array(shape=draw.one(shapes), tame=True) for _ in range(2))
    scale = float(np.max(np.abs(a.astype("c16")), initial=0) * np.max(np.abs(b.astype("c16")), initial=0)) * 4
    both(name, [a, b], lambda: getattr(np, name)(a, b), ulps=8, scale=scale)
