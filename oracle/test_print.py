"""Text of arrays: as the newest NumPy prints them."""

import hypothesis.strategies as st
import numpy as np
import pytest

from agent import ask, request
from arrays import arrays, filled, plain_dtypes, structs
from cases import cases

pytestmark = pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="the newest NumPy says how arrays are printed")

# Any bytes are neither long doubles nor code points, nor times for which NumPy's arithmetic suffices: ours is exact.
WORDS = plain_dtypes().filter(lambda dtype: dtype.itemsize and dtype.char not in "gGUMm")
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=5)
SCALES = {"f": [1, 0.1, 1000, 1e-7, 1e20, 1 / 3], "c": [1, 0.1 + 3j, 1e-7], "M": [1, 7_654_321], "m": [1, -7_654_321]}
OPTIONS = {
    "threshold": [1000, 1000, 10, 0], "precision": [8, 8, 3, 0, 17], "edgeitems": [3, 3, 1, 2], "linewidth": [75, 75, 40, 10],
    "suppress": [False, False, True], "sign": ["-", "-", "+", " "], "floatmode": ["maxprec"] * 3 + ["fixed", "unique", "maxprec_equal"],
}  # fmt: skip


@st.composite
def printable(draw):
    kind = draw(st.sampled_from(["record", "any", "any", "numbers", "numbers", "text"]))
    if kind == "text":
        array = np.array(draw(st.lists(TEXTS, min_size=1, max_size=6))).astype(draw(st.sampled_from([">U6", "<U5"])))
    elif kind == "record":
        return draw(arrays(structs(WORDS)))
    else:
        seed = draw(st.integers(0, 2**32))
        random = np.random.default_rng(seed)
        dtype = draw(plain_dtypes() if kind == "numbers" else WORDS)
        shape = tuple(random.integers(0, 6, random.integers(0, 5)))
        if kind == "any":
            base = filled(int(np.prod(shape, dtype=int)) * dtype.itemsize, seed)
            return np.ndarray(shape, dtype, base.data, order=draw(st.sampled_from("CF"))), base
        values = np.arange(int(np.prod(shape, dtype=int))).reshape(shape) - 3
        with np.errstate(all="ignore"):
            array = np.asarray(values * random.choice(SCALES.get(dtype.kind, [1]))).astype(dtype)
        if dtype.kind in "fc":
            array[random.random(shape) < 0.05] = np.nan
            array[random.random(shape) < 0.05] = -np.inf
    base = np.frombuffer(array.tobytes(), np.uint8)
    return np.ndarray(array.shape, array.dtype, base.data), base


@cases(5_000, printable(), st.fixed_dictionaries({name: st.sampled_from(choices) for name, choices in OPTIONS.items()}))
def test_an_array_is_printed_as_numpy_prints_it(drawn, options):
    array, base = drawn
    with np.printoptions(**options):
        try:
            want = {"str": str(array), "repr": repr(array)}
            assert array.ndim == 0 or np.array2string(array) == want["str"]
        except ValueError:  # no year that NumPy can say
            return
    assert ask("text", base.tobytes(), array=request(array, base), steps=[], **options)[0] == want
