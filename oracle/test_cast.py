"""`convert --dtype` against `astype`. Ten arrays are cast at once."""

import hypothesis.strategies as st
import numpy as np
import pytest

from cases import cases
from test_cli import folder, ndferry  # noqa: F401 (a fixture)

IS_NUMPY_1 = np.lib.NumpyVersion(np.__version__) < "2.0.0"
NUMBERS = ["?", "i1", "<i2", ">i4", "<i8", "u1", ">u2", "<u4", ">u8", "<f2", ">f4", "<f8", "<c8", ">c16"]
TIMES = ["<m8[s]", ">m8[3D]", "<m8[Y]", "<M8[us]", ">M8[D]", "<M8[M]", "<M8[5m]"]
# NumPy 1 writes spans of time without their unit, and reads bools otherwise.
TEXTS = [] if IS_NUMPY_1 else ["S6", "S40", "<U3", ">U40"]


def drawn(dtype, seed):
    """Many small numbers, and some of every size."""
    random = np.random.default_rng(seed)
    dtype, n = np.dtype(dtype), random.integers(1, 40)
    if dtype.kind == "b":
        return random.integers(0, 2, n).astype(bool)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        large = random.integers(info.min, info.max, n, dtype=dtype.newbyteorder("="), endpoint=True)
        return np.where(random.random(n) < 0.4, random.integers(0, 100, n).astype(large.dtype), large).astype(dtype)
    if dtype.kind == "f":
        small = random.integers(-100, 100, n) + random.integers(0, 4, n) / 4
        large = np.exp(random.normal(0, 5, n)) * random.choice([-1, 1], n)
        array = np.where(random.random(n) < 0.5, small, large)
        array[random.random(n) < 0.1] = np.nan
        array[random.random(n) < 0.1] = np.inf
        return array.astype(dtype)
    if dtype.kind == "c":
        part = f"f{dtype.itemsize // 2}"
        array = drawn(part, seed).astype(dtype)
        array.imag = drawn(part, seed)[::-1]
        return array
    most = {"us": 2**51, "s": 2**33, "D": 30_000, "Y": 200, "M": 2000, "m": 10**7}[np.datetime_data(dtype)[0]]
    ticks = random.integers(-most, most, n)
    ticks[random.random(n) < 0.1] = np.iinfo("i8").min
    return ticks.astype(dtype.str[0] + "i8").view(dtype)


def defined(array, dtype):
    """Those of whose cast NumPy is sure: it makes u4 and u8 of floats beyond them as the compiler happened to do."""
    if array.dtype.kind not in "fc" or dtype.kind != "u" or dtype.itemsize < 4:
        return array
    real = array.real.astype("f8")
    return array[(real > -1) & (real < 2.0 ** (8 * dtype.itemsize))]


@cases(700, st.sampled_from(NUMBERS + TIMES), st.sampled_from(NUMBERS + TIMES + TEXTS), st.integers(0, 2**32))
def test_casts_of_ten_arrays_are_numpys(folder, source, target, seed):  # noqa: F811
    target = np.dtype(target)
    arrays = [defined(drawn(source, (seed, i)), target) for i in range(10)]
    with np.errstate(all="ignore"):
        try:
            expected = [array.astype(target) for array in arrays]
        except (TypeError, ValueError, RuntimeError):  # complex numbers are no times, dates need room
            return
    np.savez(folder / "from.npz", **{f"a{i}": array for i, array in enumerate(arrays)})
    ndferry(folder, "convert", "from.npz", "-f", "-o", "to.npz", "--dtype", target.str, "--casting", "unsafe")
    found = np.load(folder / "to.npz")
    for i, right in enumerate(expected):
        cast = found[f"a{i}"]
        assert cast.dtype == right.dtype and cast.shape == right.shape
        if right.dtype.kind in "fc":
            assert np.array_equal(cast, right, equal_nan=True)
        else:
            assert cast.tobytes() == right.tobytes()


@pytest.mark.skipif(IS_NUMPY_1, reason="NumPy 1 reads some of it otherwise")
@pytest.mark.parametrize("kind", "SU")
@pytest.mark.parametrize(
    "dtype, texts",
    [
        ("i4", [" 12", "1_0", "-5", "+7"]),
        ("u8", ["18446744073709551615", "0"]),
        ("f8", ["1e3", "nan", "-inf", "2.5 ", "1e400", "0.1"]),
        ("f4", ["0.1", "16777217"]),
        ("f2", ["0.1", "65520"]),
        ("c16", ["1+2j", "(3-1j)", "4", "1e-2-j", "-j", "nan+infj"]),
        ("?", ["", "0", "False"]),
        ("M8[D]", ["2020-02-29", "-005-01-01", "1969", "", "NaT", "2020-01-01T05:06:07.123"]),
        ("M8[ns]", ["2020-02-29T01:02:03.123456789", "1969-12-31T23:59:59.9"]),
        ("m8[s]", ["5", "-7", "NaT"]),
    ],
)
def test_text_is_read_as_numpy_reads_it(folder, kind, dtype, texts):  # noqa: F811
    array = np.array(texts, kind)
    np.save(folder / "text.npy", array)
    ndferry(folder, "convert", "text.npy", "-f", "-o", "read.npy", "--dtype", dtype, "--casting", "unsafe")
    found, right = np.load(folder / "read.npy"), array.astype(dtype)
    if right.dtype.kind in "fc":
        assert np.array_equal(found, right, equal_nan=True)
    else:
        assert found.tobytes() == right.tobytes()


@pytest.mark.parametrize("casting", ["safe", "same_kind"])
@pytest.mark.parametrize("source", NUMBERS + TIMES)
def test_the_rules_are_numpys(folder, source, casting):  # noqa: F811
    np.save(folder / "rule.npy", np.zeros(0, source))
    for target in NUMBERS + TIMES + TEXTS:
        allowed = np.can_cast(source, target, casting)
        words = ["convert", "rule.npy", "-f", "-o", "ruled.npy", "--dtype", target, "--casting", casting]
        ndferry(folder, *words, code=0 if allowed else 2)
