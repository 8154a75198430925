"""Dtypes: type strings, descrs, byte order."""

import ast

import hypothesis.strategies as st
import numpy as np
import pytest

from agent import Refused, ask, spec
from arrays import UNITS, dtypes
from cases import cases


def in_order(dtype):
    """Whether an NPY header can say where its fields lie."""
    if dtype.subdtype is not None:
        return in_order(dtype.base)
    end = 0
    for name in dtype.names or ():
        field, offset = dtype.fields[name][:2]
        if offset < end or not in_order(field):
            return False
        end = offset + field.itemsize
    return True


def has_subarray(dtype):
    return dtype.subdtype is not None or any(has_subarray(dtype[name]) for name in dtype.names or ())


@cases(3_000, dtypes())
def test_a_dtype_is_described_as_numpy_does(dtype):
    if not in_order(dtype):
        with pytest.raises(Refused, match="overlaps or precedes"):
            ask("dtype", dtype=spec(dtype))
        with pytest.raises(ValueError):
            dtype.descr
        return
    got, _ = ask("dtype", dtype=spec(dtype))
    descr = np.lib.format.dtype_to_descr(dtype)
    assert got["descr"] == repr(descr)
    assert got["back"] == spec(np.lib.format.descr_to_dtype(ast.literal_eval(got["descr"])))
    assert (got["str"], got["kind"], got["itemsize"]) == (dtype.str, dtype.kind, dtype.itemsize)
    assert got["has_object"] == dtype.hasobject
    # NumPy calls every subarray native.
    assert has_subarray(dtype) or got["native"] == dtype.isnative
    assert got["little"] == spec(dtype.newbyteorder("<"))
    assert got["big"] == spec(dtype.newbyteorder(">"))


WORDS = """bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 longdouble complex64 complex128
clongdouble half single double csingle cdouble str bytes void int float complex datetime64 timedelta64 byte ubyte short ushort
intc uintc long ulong longlong ulonglong intp uintp uint object object_ str_ bytes_ bool_ unicode""".split()


@st.composite
def type_texts(draw):
    """Type strings, most of them right.

    A multiple of 0 ticks, as in `M8[0s]`, is refused on purpose; `O4`, from machines of 32 bits, keeps its 4 bytes.
    """
    order = draw(st.sampled_from(["", "", "<", ">", "=", "|"]))
    number = st.sampled_from([1, 2, 4, 8, 16, 32, 0, 3, 5, 100]).map(str)
    unit = st.tuples(st.sampled_from(["", "", "1", "7", "25", "007"]), st.sampled_from([*UNITS, "x"]))
    one = st.one_of(
        st.tuples(st.sampled_from("biufcSUVMmgt"), number).map("".join),
        st.sampled_from("?bBhHiIlLqQpPefdgFDGSUVOMmcz"),
        st.sampled_from(WORDS),
        st.tuples(st.sampled_from(["M8", "m8", "datetime64", "timedelta64"]), unit.map("".join)).map("{0[0]}[{0[1]}]".format),
    )
    text = order + draw(one)
    for _ in range(draw(st.sampled_from([0, 0, 0, 0, 1, 2]))):
        count = draw(st.sampled_from(["", "2", "(2,)", "(2,3)", "(2, 3)", "1"]))
        text += draw(st.sampled_from([",", ", "])) + count + draw(st.sampled_from(["", "<", ">"])) + draw(one)
    return text


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="the newest NumPy says what type strings mean")
@cases(3_000, type_texts())
def test_a_type_string_means_what_it_means_to_numpy(text):
    try:
        want = np.dtype(text)
    except (TypeError, ValueError, SyntaxError):
        with pytest.raises(Refused):
            ask("parse", text=text)
        return
    assert ask("parse", text=text)[0]["dtype"] == spec(want)
