"""What `ndferry stats` says of numbers, against NumPy's own functions. Ten arrays are asked about at once."""

import json

import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest

from cases import cases
from test_cli import folder, ndferry  # noqa: F401 (a fixture)

REAL = ["?", "i1", "<i2", ">i4", "<i8", "u1", ">u2", "<u4", ">u8", "<f2", ">f4", "<f8", ">f8"]
DTYPES = REAL + ["<c8", ">c16", "<m8[s]", "<M8[D]"]
PERCENTILES = [0, 1, 12.5, 50, 75, 99, 100]
BINS = 7


@st.composite
def numbers(draw):
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    elements = None
    if dtype.kind in "fc":
        width = 8 * dtype.itemsize // (2 if dtype.kind == "c" else 1)
        most = float(np.dtype(f"f{width // 8}").type({16: 6e4, 32: 1e30, 64: 1e100}[width]))
        elements = st.one_of(
            st.floats(-most, most, width=width),
            st.floats(-100, 100, width=width),
            st.sampled_from([0.0, 1.0, np.nan, np.inf, -np.inf]),
        )
        if dtype.kind == "c":
            elements = st.builds(complex, elements, elements)
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=7))
    return np.asarray(draw(hnp.arrays(dtype, shape, elements=elements)), order=draw(st.sampled_from("CF")))


def value(said):
    return float(said.replace("Infinity", "inf")) if isinstance(said, str) else said


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
    assert counts == right_counts.tolist() and edges == right_edges.tolist()


@cases(500, st.lists(numbers(), min_size=10, max_size=10))
def test_statistics_of_ten_arrays_are_numpys(folder, arrays):  # noqa: F811
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
