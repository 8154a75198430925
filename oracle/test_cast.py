"""Casts against `astype` and `can_cast`, in the library and in `convert --dtype`."""

import hypothesis.strategies as st
import numpy as np
import pytest

from agent import Refused, ask, request, spec
from arrays import UNITS, fields_of, filled
from cases import cases
from test_cli import folder, ndferry  # noqa: F401 (a fixture)

IS_NUMPY_1 = np.lib.NumpyVersion(np.__version__) < "2.0.0"
NUMBERS = ["?", "i1", "<i2", ">i4", "<i8", "u1", ">u2", "<u4", ">u8", "<f2", ">f2", ">f4", "<f8", "<c8", ">c16"]
LONG = ["<g", ">g", "<G", ">G"]
TIMES = ["<m8[s]", ">m8[3D]", "<m8[Y]", "<M8[us]", ">M8[D]", "<M8[M]", "<M8[5m]"]
# NumPy 1 writes spans of time without their unit, and reads bools otherwise.
TEXTS = [] if IS_NUMPY_1 else ["S6", "S40", "<U3", ">U40", "S0", "<U0"]
SOURCES = NUMBERS + LONG + TIMES + [f"{kind}8[{unit}]" for kind in "mM" for unit in UNITS]
# NumPy 1 dies of some texts.
SOURCES += [] if IS_NUMPY_1 else ["text", "text"]
WORDS = ["1", "-7", "0", "12.5", "-0.1", "1e3", "1e400", "255", "65536", "1_0", "nan", "-inf", "", " 4", "abc", "1+2j", "True",
         "NaT", "2020-02-29", "1969-12-31T23", "2001-01-01T01:02Z", "2001-01-01 01+0130", "-0044-03-15", "18446744073709551615"]


def drawn(dtype, seed):
    """Many small numbers, and some of every size."""
    random = np.random.default_rng(seed)
    n = random.integers(1, 40)
    if dtype == "text":
        return random.choice(WORDS, random.integers(1, 4)).astype(random.choice(["S23", "<U30", ">U23"]))
    dtype = np.dtype(dtype)
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
        if dtype.char == "g":
            # More bits than a double has, and exponents.
            scale = np.ldexp(np.longdouble(1), random.choice([0, 0, 0, 20, -20, 2000, -16400], n).astype("i4"))
            array = (array + array.astype("g") / 3 * random.integers(0, 2, n)) * scale
        return array.astype(dtype)
    if dtype.kind == "c":
        part = "g" if dtype.char == "G" else f"f{dtype.itemsize // 2}"
        array = drawn(part, seed).astype(dtype)
        array.imag = drawn(part, seed)[::-1]
        return array
    # Beyond, NumPy's products wrap around, where ours are exact.
    most = 2 ** random.integers(3, 42)
    ticks = random.integers(-most, most, n)
    ticks[random.random(n) < 0.1] = np.iinfo("i8").min
    return ticks.astype(dtype.str[0] + "i8").view(dtype)


def bare(array):
    """Long doubles, if they are few, without what happens to lie behind them: it might make them another machine's."""
    if array.dtype.char in "gG" and 0 < array.size < 16:
        clean = np.zeros(array.shape, array.dtype)
        parts = clean.view("u1").reshape(array.size, -1, 16), np.array(array).view("u1").reshape(array.size, -1, 16)
        if array.dtype.str[0] == ">":
            parts[0][..., 6:] = parts[1][..., 6:]
        else:
            parts[0][..., :10] = parts[1][..., :10]
        return clean
    return array


def defined(array, dtype):
    """Those of whose cast NumPy is sure: it makes u4 and u8 of floats beyond them as the compiler happened to do."""
    if array.dtype.kind not in "fc" or dtype.kind != "u" or dtype.itemsize < 4:
        return array
    real = array.real.astype("g")
    return array[(real > -1) & (real < 2.0 ** (8 * dtype.itemsize))]


def as_numpy(array, target):
    """`astype`, or the error that it raises."""
    with np.errstate(all="ignore"):
        try:
            return array.astype(target)
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            return error


def significant(array):
    """Its bytes, every NaN the same, long doubles without their padding."""
    if array.dtype.kind == "c":
        return significant(array.real) + significant(array.imag)
    array = np.array(array)
    if array.dtype.kind != "f":
        return array.tobytes()
    array[np.isnan(array)] = np.nan
    if array.dtype.char == "g":
        return array.astype("=g").view("u1").reshape(-1, array.dtype.itemsize)[:, :10].tobytes()
    return array.tobytes()


@cases(5_000, st.sampled_from(SOURCES), st.sampled_from(NUMBERS + LONG + TIMES + TEXTS), st.integers(0, 2**32))
def test_an_array_is_cast_as_numpy_casts_it(source, target, seed):
    target = np.dtype(target)
    array = bare(defined(drawn(source, seed), target))
    if source == "text" and target.kind in "mM":
        array = array[np.char.str_len(array) < 20]  # NumPy counts that far, and wraps around
    if array.dtype.str[1:] == "M8[Y]" and target.str == "|S6":
        return  # NumPy wants room for one digit more, or it loses one
    base = np.frombuffer(array.tobytes(), np.uint8)
    array = np.ndarray(array.shape, array.dtype, base.data)
    right = as_numpy(array, target)
    try:
        answer, data = ask("steps", base.tobytes(), array=request(array, base), steps=[["cast", target.str, "unsafe"]])
    except Refused as refused:
        # Times that the new unit cannot count: NumPy's product wraps around.
        assert isinstance(right, Exception) or "is beyond" in str(refused), (str(refused), array, right)
        return
    if isinstance(right, OverflowError) and array.dtype.kind == target.kind:
        return  # NumPy's factor between two units does not fit, ours may
    assert not isinstance(right, Exception), (right, array, answer)
    found = np.frombuffer(data, answer["dtype"])
    if array.dtype.kind == "m" and target.kind in "SU":
        found = found.astype(f"{target.kind}21").astype(right.dtype)  # NumPy cuts them, whatever the room
    assert found.dtype == right.dtype
    assert significant(found) == significant(right), (array, found, right)
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


RECORDS = [
    [("a", "<i4")],
    [("a", ">i4"), ("b", "<u2")],
    [("x", "<f8"), ("y", "S4")],
    [("a", "<i2", (2,)), ("b", [("c", "u1"), ("d", ">i8")])],
    {"names": ["a"], "formats": ["<i4"], "offsets": [4], "itemsize": 12},
    {"names": ["a", "b"], "formats": [">u2", "<i4"], "offsets": [4, 0]},
]


@pytest.mark.parametrize("target", RECORDS + ["<i4", ">u8", "S9", "V3", "V9", "V0"], ids=str)
@pytest.mark.parametrize("source", RECORDS + ["<i4", ">u2", "?", "S3", ">U4", ">M8[s]"], ids=str)
def test_records_are_cast_field_by_field_as_in_numpy(source, target):
    source, target = np.dtype(source), np.dtype(target)
    if source.kind in "SU":
        array = np.array(["1", "22", "3"], source)
    elif source.names and "y" in source.names:
        array = np.array([(1.5, b"1"), (-2, b"22")], source)
    else:
        array = np.ndarray(3, source, filled(3 * source.itemsize, 7).data)
    base = np.frombuffer(array.tobytes(), np.uint8)
    array = np.ndarray(array.shape, source, base.data)
    right = as_numpy(array, target)
    try:
        answer, data = ask("steps", base.tobytes(), array=request(array, base), steps=[["cast", spec(target), "unsafe"]])
    except Refused as refused:
        # Of several values in a field, NumPy takes the first one.
        assert isinstance(right, Exception) or source.names and source["a"].subdtype, (str(refused), right)
        return
    assert answer["dtype"] == spec(right.dtype)
    assert fields_of(data, right.dtype) == fields_of(right.tobytes(), right.dtype)


@pytest.mark.parametrize("casting", ["safe", "same_kind"])
@pytest.mark.parametrize("source", NUMBERS + LONG + TIMES)
def test_the_rules_are_numpys(source, casting):
    empty = np.zeros(0, source)
    for target in map(np.dtype, NUMBERS + LONG + TIMES + TEXTS):
        steps = [["cast", target.str, casting]]
        try:
            ask("steps", array=request(empty, np.zeros(0, np.uint8)), steps=steps)
            allowed = True
        except Refused:
            allowed = False
        assert allowed == np.can_cast(empty.dtype, target, casting), (source, target, casting)


@cases(50, st.sampled_from(NUMBERS), st.sampled_from(NUMBERS), st.sampled_from(["safe", "same_kind", "unsafe"]))
def test_convert_casts_as_numpy_does(folder, source, target, casting):  # noqa: F811
    target = np.dtype(target)
    array = defined(drawn(source, 1), target)
    np.save(folder / "from.npy", array)
    allowed = np.can_cast(array.dtype, target, casting)
    words = ["convert", "from.npy", "-f", "-o", "to.npy", "--dtype", target.str, "--casting", casting]
    ndferry(folder, *words, code=0 if allowed else 2)
    if allowed:
        found = np.load(folder / "to.npy")
        assert found.dtype == target
        assert significant(found) == significant(as_numpy(array, target))
