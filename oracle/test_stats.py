"""What `ndferry stats` says of numbers, against NumPy's own functions."""

import json

import hypothesis.strategies as st
import numpy as np
import pytest

from agent import ask, request
from cases import cases
from test_cli import folder, ndferry  # noqa: F401 (a fixture)

REAL = ["?", "i1", "<i2", ">i4", "<i8", "u1", ">u2", "<u4", ">u8", "<f2", ">f4", "<f8", ">f8"]
DTYPES = REAL + ["<c8", ">c16", "<m8[s]", "<M8[D]"]
PERCENTILES = [0, 1, 12.5, 50, 75, 99, 100]
BINS = 7


def drawn(dtype, seed):
    """Zero to three axes of up to six: small numbers with repetitions, numbers of every size, what is no number."""
    random = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    shape = tuple(random.integers(0 if random.random() < 0.1 else 1, 7, random.integers(0, 4)))
    if dtype.kind == "c":
        parts = [drawn_floats(dtype.itemsize // 2, shape, random) for _ in "ri"]
        array = (parts[0] + 1j * np.where(np.isfinite(parts[1]), parts[1], 0)).astype(dtype)
    elif dtype.kind == "f":
        array = drawn_floats(dtype.itemsize, shape, random).astype(dtype)
    elif dtype.kind == "b":
        array = random.integers(0, 2, shape).astype(dtype)
    else:
        info = np.iinfo(f"{dtype.kind}{dtype.itemsize}" if dtype.kind in "iu" else "i8")
        least, most = [(info.min, info.max), (0, 9), (max(info.min, -100), 100)][random.integers(0, 3)]
        array = random.integers(least, most, shape, dtype=info.dtype, endpoint=True).astype(dtype.newbyteorder("=")).astype(dtype)
    return np.asarray(array, order=random.choice(["C", "F"]))


def drawn_floats(itemsize, shape, random):
    size = {2: 3, 4: 30, 8: 100}[itemsize]
    kinds = [random.integers(-5, 5, shape) / 2, random.normal(0, 100, shape), random.normal(5, 1e-3, shape)]
    kinds.append(random.choice([-1, 1], shape) * 10 ** random.uniform(-size, size, shape))
    array = np.choose(random.integers(0, 4, shape) if random.random() < 0.5 else random.integers(0, 4), kinds)
    if random.random() < 0.3:
        array = np.where(random.random(shape) < 0.2, random.choice([np.nan, np.inf, -np.inf, 0.0], shape), array)
    return np.asarray(array)


def value(said):
    return float(said.replace("Infinity", "inf")) if isinstance(said, str) else said


def values(said):
    return [value(one) for one in said]


def near(said, expected, size):
    """Both were rounded on the way; `size` is how large the numbers were."""
    if not np.isfinite(expected):
        return np.isnan(expected) == np.isnan(value(said)) and (np.isnan(expected) or value(said) == expected)
    return abs(value(said) - expected) <= 1e-9 * max(abs(expected), size) + 1e-300


def check(said, array):
    kind = array.dtype.kind
    is_nan = np.isnat(array) if kind in "mM" else np.isnan(array) if kind in "fc" else np.zeros(array.shape, bool)
    kept = array[~is_nan]
    if kind in "mM":
        kept = kept.view(array.dtype.str[0] + "i8")
    is_inf = np.isinf(kept)
    expected = {"n": array.size, "nan": is_nan.sum(), "inf": is_inf.sum(), "zeros": (kept == 0).sum()}
    assert {key: said[key] for key in expected} == expected
    if not kept.size:
        assert said["mean"] is said["std"] is said["min"] is None
        return
    if kind == "c":
        if not is_inf.any():
            wide = kept.astype("c16")
            size = abs(wide).max()
            assert near(said["mean"][0], wide.mean().real, size) and near(said["mean"][1], wide.mean().imag, size)
            assert near(said["std"], wide.std(), size)
        return
    exact = int if kept.dtype.kind in "iu" else value
    assert exact(said["min"]) == kept.min() and exact(said["max"]) == kept.max()
    wide = kept.astype("f8")
    finite = wide[np.isfinite(wide)]
    size = abs(finite).max(initial=0)
    assert near(said["mean"], wide.mean(), size) and near(said["std"], wide.std(), size)
    for percentile, right in zip(PERCENTILES, np.percentile(wide, PERCENTILES)):
        # Between infinities NumPy finds NaN even where nothing lies between.
        if not np.isnan(right):
            assert value(said["percentiles"][str(percentile)]) == right
    if not finite.size:
        return
    counts, edges = said["histogram"]["counts"], said["histogram"]["edges"]
    try:
        right_counts, right_edges = np.histogram(finite, BINS)
    except (ValueError, IndexError):  # bins narrower than numbers: NumPy 2 refuses, NumPy 1 stumbles
        assert sum(counts) == finite.size
        return
    assert counts == right_counts.tolist() and values(edges) == right_edges.tolist()


@cases(5_000, st.sampled_from(DTYPES), st.integers(0, 2**32))
def test_the_statistics_of_an_array_are_numpys(dtype, seed):
    array = drawn(dtype, seed)
    base = np.frombuffer(array.tobytes("A"), np.uint8)
    array = np.ndarray(array.shape, array.dtype, base.data, order="F" if array.flags.fnc else "C")
    said, _ = ask("stats", base.tobytes(), array=request(array, base), steps=[], bins=BINS, percentiles=PERCENTILES)
    with np.errstate(all="ignore"):
        check(said, array)


@cases(20, st.integers(0, 2**32))
def test_the_command_says_the_same_of_ten_arrays(folder, seed):  # noqa: F811
    arrays = [drawn(DTYPES[(seed + i) % len(DTYPES)], (seed, i)) for i in range(10)]
    np.savez(folder / "s.npz", **{f"a{i}": array for i, array in enumerate(arrays)})
    options = ["--json", "--hist", str(BINS), "--percentiles", ",".join(map(str, PERCENTILES))]
    lines = ndferry(folder, "stats", "s.npz", *options).splitlines()
    with np.errstate(all="ignore"):
        for line, array in zip(lines, arrays, strict=True):
            check(json.loads(line), array)


@pytest.mark.parametrize("dtype", ["<f8", "<f4", "<i8", ">u4", "<i2"])
def test_statistics_of_large_arrays_are_numpys(folder, dtype):  # noqa: F811
    drawn = np.random.default_rng(5).normal(0, 1000, 1_200_000).astype(dtype)
    np.save(folder / "large.npy", drawn)
    options = ["--json", "--hist", str(BINS), "--percentiles", ",".join(map(str, PERCENTILES))]
    check(json.loads(ndferry(folder, "stats", "large.npy", *options)), drawn)


@cases(20, st.integers(0, 2), st.sampled_from("CF"))
def test_statistics_along_an_axis_are_numpys(folder, axis, order):  # noqa: F811
    array = np.asarray(np.random.default_rng(axis).normal(size=(7, 11, 300)), order=order)
    np.save(folder / "axis.npy", array)
    said = [json.loads(line) for line in ndferry(folder, "stats", "--json", "--axis", str(axis), "axis.npy").splitlines()]
    others = tuple({0, 1, 2} - {axis})
    for key, right in [("mean", array.mean(others)), ("std", array.std(others)), ("max", array.max(others))]:
        assert np.allclose([line[key] for line in said], right, rtol=1e-12, atol=1e-12)
