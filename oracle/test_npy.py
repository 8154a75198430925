"""NPY files: written byte for byte as `np.save` writes them; what NumPy writes is read."""

import io

import hypothesis.strategies as st
import numpy as np
import pytest

from agent import Refused, ask, request, spec
from arrays import arrays, dtypes, fields_of, filled
from cases import cases
from test_dtype import in_order
from test_index import walks


def saved(array):
    """The file that `np.save` writes."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def head_nbytes(file):
    """Where the data starts in an NPY file."""
    if file[6] == 1:
        return 10 + int.from_bytes(file[8:10], "little")
    return 12 + int.from_bytes(file[8:12], "little")


def savable(walk):
    return in_order(walk.array.dtype) and (walk.array.dtype.itemsize or walk.array.dtype.names)


@cases(3_000, walks(max_steps=2).filter(savable))
def test_an_array_is_written_byte_for_byte_as_by_save(walk):
    ours = ask("npy_write", walk.base.tobytes(), array=walk.request, steps=walk.steps)[1]
    theirs = saved(walk.array)
    start = head_nbytes(theirs)
    assert ours[:start] == theirs[:start]
    dtype = walk.array.dtype
    if walk.array.flags.forc and not walk.copied:
        assert ours[start:] == theirs[start:]
    assert fields_of(ours[start:], dtype) == fields_of(theirs[start:], dtype)


@cases(1_000, walks(max_steps=2).filter(savable))
def test_numpy_loads_what_is_written(walk):
    ours = ask("npy_write", walk.base.tobytes(), array=walk.request, steps=walk.steps)[1]
    back = np.load(io.BytesIO(ours), allow_pickle=False)
    assert spec(back.dtype) == spec(np.load(io.BytesIO(saved(walk.array))).dtype)
    assert back.shape == walk.array.shape
    assert fields_of(back.tobytes(), back.dtype) == fields_of(walk.array.tobytes(), walk.array.dtype)


@cases(500, arrays(dtypes().filter(lambda dtype: not in_order(dtype)), max_ndim=1))
def test_what_a_header_cannot_say_is_refused_by_both(drawn):
    array, base = drawn
    with pytest.raises(ValueError):
        saved(array)
    with pytest.raises(Refused, match="overlaps or precedes"):
        ask("npy_write", base.tobytes(), array=request(array, base), steps=[])


@cases(2_000, arrays(dtypes().filter(in_order)), st.sampled_from([(1, 0), (2, 0), (3, 0)]), st.binary(max_size=9))
def test_what_numpy_writes_is_read_in_every_version(drawn, version, behind):
    file = io.BytesIO()
    try:
        np.lib.format.write_array(file, drawn[0], version)
    except UnicodeEncodeError:
        np.lib.format.write_array(file, drawn[0], (3, 0))
    file = file.getvalue()
    want = np.load(io.BytesIO(file))
    got, data = ask("npy_read", file + behind)
    assert got["dtype"] == spec(want.dtype)
    assert tuple(got["shape"]) == want.shape
    assert fields_of(data, want.dtype) == fields_of(want.tobytes(), want.dtype)
    assert got["end"] == len(file)
    if want.dtype.itemsize and want.size:
        assert (got["c"], got["f"]) == (want.flags.c_contiguous, want.flags.f_contiguous)


@pytest.mark.parametrize("count", [1, 100, 3_000, 9_000])
def test_a_header_of_any_length_is_written_as_by_save(count):
    dtype = np.dtype([(f"field {i} of many", "<f4") for i in range(count)])
    base = filled(2 * dtype.itemsize, 1)
    array = np.ndarray(2, dtype, base.data)
    ours = ask("npy_write", base.tobytes(), array=request(array, base), steps=[])[1]
    assert ours == saved(array)
    assert ours[6] == (1 if count < 3_000 else 2)


def test_a_memory_map_that_numpy_made_is_read(tmp_path):
    path = tmp_path / "map.npy"
    map = np.lib.format.open_memmap(path, "w+", ">u4", (3, 5), fortran_order=True)
    map[:] = np.arange(15).reshape(3, 5)
    map.flush()
    got, data = ask("npy_read", path.read_bytes())
    assert (got["dtype"], got["shape"], got["f"]) == (">u4", [3, 5], True)
    assert data == np.arange(15, dtype=">u4").tobytes()
