"""Pickles: what NumPy pickles is read without Python, and what is written, NumPy unpickles."""

import pickle

import hypothesis.strategies as st
import numpy as np

from agent import ask, spec
from arrays import arrays, fields_of
from cases import cases
from test_index import walks

PROTOCOLS = st.integers(0, 5)
ERA = "1" if np.lib.NumpyVersion(np.__version__) < "2.0.0" else "2"
# NumPy 1 need not load what is written for NumPy 2.
ERAS = ["any", "1", "2"] if ERA == "2" else ["any", "1"]


def check_array(got, data, want):
    """The same array, its elements in C order. (Unpickling, NumPy itself swaps numbers to the machine's order.)"""
    assert (got["dtype"], tuple(got["shape"])) == (spec(want.dtype), want.shape)
    assert fields_of(data, want.dtype) == fields_of(want.tobytes(), want.dtype)
    if want.nbytes and want.flags.forc:
        assert (got["c"], got["f"]) == (want.flags.c_contiguous, want.flags.f_contiguous)


def opened(file):
    got, data = ask("open", file)
    at = 0
    for member in got["members"]:
        yield member, data[at : at + member["nbytes"]]
        at += member["nbytes"]


def but_aligned(spec):
    """NumPy 2 does not find in the flags of a NumPy 1 that a struct was aligned, so the form for both says it in vain."""
    if isinstance(spec, str):
        return spec
    if "base" in spec:
        return {**spec, "base": but_aligned(spec["base"])}
    fields = [[name, title, but_aligned(field), offset] for name, title, field, offset in spec["fields"]]
    return {**spec, "fields": fields, "aligned": None}


def has_bytes(walk):
    return walk.array.dtype.itemsize


@cases(2_000, walks(max_steps=2).filter(has_bytes), PROTOCOLS)
def test_what_numpy_pickles_is_read(walk, protocol):
    file = pickle.dumps(walk.array, protocol)
    [(got, data)] = opened(file)
    assert got["path"] == ""
    check_array(got, data, walk.array)


@cases(300, st.lists(arrays(max_ndim=2).filter(lambda drawn: drawn[0].dtype.itemsize), min_size=1, max_size=4), PROTOCOLS)
def test_arrays_inside_of_containers_are_found_by_their_path(drawn, protocol):
    arrays = [array for array, _ in drawn]
    thing = {"first": arrays[0], "rest": [tuple(arrays[1:]), "no array"], "again": arrays[0]}
    file = pickle.dumps(thing, protocol)
    members = {member["path"]: (member, data) for member, data in opened(file)}
    assert list(members) == ["first"] + [f"rest.0.{i}" for i in range(len(arrays) - 1)]
    check_array(*members["first"], arrays[0])
    for i, want in enumerate(arrays[1:]):
        check_array(*members[f"rest.0.{i}"], want)


@cases(1_500, walks(max_steps=2).filter(has_bytes), PROTOCOLS, st.sampled_from(ERAS))
def test_numpy_unpickles_what_is_written(walk, protocol, numpy):
    file = ask("save", walk.base.tobytes(), array=walk.request, steps=walk.steps, format="pickle", protocol=protocol, numpy=numpy)[1]
    back, want = pickle.loads(file), walk.array
    if not want.dtype.isnative and back.dtype.isnative:
        # NumPy swaps what it unpickles, its own pickles too.
        assert spec(pickle.loads(pickle.dumps(want, min(protocol, 4))).dtype) == spec(back.dtype)
        want = want.byteswap().view(back.dtype)
    kept = spec if numpy == ERA else lambda dtype: but_aligned(spec(dtype))
    assert (kept(back.dtype), back.shape) == (kept(want.dtype), want.shape)
    assert fields_of(back.tobytes(), back.dtype) == fields_of(want.tobytes(), want.dtype)
    if want.flags.forc:
        assert not want.nbytes or back.flags.fnc == want.flags.fnc
    assert back.flags.writeable


def is_as_it_was(walk):
    return has_bytes(walk) and walk.array.flags.forc and not walk.copied


@cases(500, walks(max_steps=1).filter(is_as_it_was), PROTOCOLS)
def test_a_pickle_is_written_byte_for_byte_as_by_this_numpy(walk, protocol):
    file = ask("save", walk.base.tobytes(), array=walk.request, steps=walk.steps, format="pickle", protocol=protocol, numpy=ERA)[1]
    theirs = pickle.dumps(walk.array.copy("K"), protocol)
    if walk.array.dtype.names is None:
        assert file == theirs
    else:
        # Of a struct, a pickle also says which dtypes and texts happened to be one object, and what lay in the padding.
        assert (b"_frombuffer" in file) == (b"_frombuffer" in theirs)
