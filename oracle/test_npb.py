"""The block protocol's files: every array comes back, whole or in part, as NumPy has it."""

import hypothesis.strategies as st
import numpy as np

from agent import ask, request, spec
from arrays import arrays, dtypes, fields_of
from cases import cases
from test_dtype import in_order
from test_index import index_text, indexes


@st.composite
def parts(draw):
    array, base = draw(arrays(dtypes().filter(lambda dtype: dtype.itemsize and in_order(dtype))))
    items = draw(indexes(array.shape))
    return array, base, items, index_text(draw, items)


@cases(1_000, parts())
def test_a_part_is_read_out_of_a_file_as_numpy_takes_it(drawn):
    array, base, items, text = drawn
    file = ask("save", base.tobytes(), array=request(array, base), steps=[], format="npb")[1]
    got, data = ask("part", file, index=text)
    want = array[items if Ellipsis in items else (*items, ...)]
    assert got["dtype"] == spec_in_files(array.dtype)
    assert tuple(got["shape"]) == want.shape
    assert fields_of(data, want.dtype) == fields_of(want.tobytes(), want.dtype)


def spec_in_files(dtype):
    """What is left of a dtype in a header: not that it was aligned."""
    return spec(np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(dtype)))
