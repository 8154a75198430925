"""Text of arrays: as the newest NumPy prints them."""

import hypothesis.strategies as st
import numpy as np
import pytest

from agent import ask, request
from arrays import arrays, plain_dtypes, structs
from cases import cases

pytestmark = pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="the newest NumPy says how arrays are printed")

# Any bytes are neither long doubles nor code points, nor times for which NumPy's arithmetic suffices: ours is exact.
WORDS = plain_dtypes().filter(lambda dtype: dtype.itemsize and dtype.char not in "gGUMm")
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=5)


@st.composite
def printable(draw):
    kind = draw(st.sampled_from(["any", "any", "any", "numbers", "text"]))
    if kind == "text":
        array = np.array(draw(st.lists(TEXTS, min_size=1, max_size=6))).astype(draw(st.sampled_from([">U6", "<U5"])))
    else:
        array, base = draw(arrays(st.one_of(WORDS, WORDS, structs(WORDS)) if kind == "any" else plain_dtypes()))
        if kind == "any":
            return array, base
        values = np.arange(array.size).reshape(array.shape) - 3
        scales = {"f": [1, 0.1, 1000, 1e-7, 1e20], "c": [1, 0.1 + 3j, 1e-7], "M": [1, 7_654_321], "m": [1, -7_654_321]}
        scale = draw(st.sampled_from(scales.get(array.dtype.kind, [1])))
        with np.errstate(all="ignore"):
            array = (values * scale).astype(array.dtype)
    base = np.frombuffer(array.tobytes(), np.uint8)
    return np.ndarray(array.shape, array.dtype, base.data), base


@cases(3_000, printable(), st.sampled_from([1000, 1000, 10, 0]), st.sampled_from([8, 8, 3, 0, 17]))
def test_an_array_is_printed_as_numpy_prints_it(drawn, threshold, precision):
    array, base = drawn
    with np.printoptions(threshold=threshold, precision=precision):
        try:
            want = {"str": str(array), "repr": repr(array)}
        except ValueError:  # no year that NumPy can say
            return
    assert ask("text", base.tobytes(), array=request(array, base), steps=[], threshold=threshold, precision=precision)[0] == want
