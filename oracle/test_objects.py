"""Arrays of Python objects, and structs with some: from pickles, NPY and NPZ into each other, without running anything."""

import datetime
import decimal
import json
import pickle
import subprocess

import hypothesis.strategies as st
import numpy as np
import pytest

from agent import TARGET
from cases import cases
from pickle_kinds import digest

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6) | st.binary(max_size=6)
more = st.sampled_from([decimal.Decimal("1.5"), datetime.date(2020, 1, 2), 3j, range(3), np.float32(2), np.arange(3), np.arange(6.0).reshape(2, 3).T])
values = st.recursive(scalars | more, lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner, max_size=3), max_leaves=6)
shapes = st.lists(st.integers(0, 3), max_size=3).map(tuple)


@st.composite
def arrays(draw):
    shape = draw(shapes)
    kind = draw(st.sampled_from(["O", "struct", "T"] if hasattr(np.dtypes, "StringDType") else ["O", "struct"]))
    if kind == "T":
        array = np.full(shape, "", dtype=np.dtypes.StringDType())
        for index in np.ndindex(shape):
            array[index] = draw(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40))
        return array
    if kind == "struct":
        array = np.zeros(shape, [("i", "<i4"), ("o", object), ("f", ">f8", (2,))])
        for index in np.ndindex(shape):
            array[index] = (draw(st.integers(-9, 9)), draw(values), draw(st.floats(-1, 1)))
    else:
        array = np.empty(shape, object)
        for index in np.ndindex(shape):
            array[index] = draw(values)
    return np.asfortranarray(array) if draw(st.booleans()) else array


def convert(*words):
    run = subprocess.run([TARGET / "ndferry", "-q", "convert", "-f", *words], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, (words, run.stderr)


def same(found, wanted):
    # NumPy's own copy is what is to be had: what is shared and what is contiguous may change with it.
    wanted = pickle.loads(pickle.dumps(wanted, 4))
    assert json.dumps(digest(found), default=str) == json.dumps(digest(wanted), default=str)


@cases(150, arrays(), st.integers(0, 5), st.sampled_from(["none", "deflate"]))
def test_objects_go_into_every_format_and_back(tmp_path_factory, array, protocol, codec):
    folder = tmp_path_factory.getbasetemp() / "objects"
    folder.mkdir(exist_ok=True)
    at = lambda name: folder / name
    at("a.pkl").write_bytes(pickle.dumps(array, protocol))
    convert(at("a.pkl"), "-o", at("a.npy"))
    same(np.load(at("a.npy"), allow_pickle=True), array)
    convert(at("a.npy"), "-o", at("b.npz"), "--codec", codec)
    with np.load(at("b.npz"), allow_pickle=True) as archive:
        assert list(archive) == ["arr_0"]
        same(archive["arr_0"], array)
    convert(f"{at('b.npz')}:arr_0", "-o", at("b.pkl"), "--protocol", str(protocol))
    same(pickle.loads(at("b.pkl").read_bytes()), array)
    np.savez(at("c.npz"), array, numbers=np.arange(3))
    convert(at("c.npz"), "-o", at("d.npz"))
    with np.load(at("d.npz"), allow_pickle=True) as archive:
        assert sorted(archive) == ["arr_0", "numbers"]
        same(archive["arr_0"], array)
        same(archive["numbers"], np.arange(3))
    np.save(at("e.npy"), array)
    convert(at("e.npy"), "-o", at("f.npy"))
    same(np.load(at("f.npy"), allow_pickle=True), array)


def test_what_numpy_would_write_is_written(tmp_path):
    array = np.array([1, "a", None, np.arange(3), [1.5]], object)
    np.save(tmp_path / "a.npy", array)
    era = "2" if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else "1"
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(array, 4))
    # `np.save` pickles by protocol 4 since 2.2, by 3 before.
    ours = subprocess.run([TARGET / "ndferry", "-q", "convert", "a.pkl", "-o", "b.npy"], cwd=tmp_path, capture_output=True)
    assert ours.returncode == 0, ours.stderr
    head = (tmp_path / "a.npy").read_bytes()[:128]
    assert (tmp_path / "b.npy").read_bytes()[:128] == head
    subprocess.run([TARGET / "ndferry", "-q", "repickle", "b.npy", "c.npy", "--numpy", era], cwd=tmp_path, check=True, capture_output=True)
    same(np.load(tmp_path / "c.npy", allow_pickle=True), array)


@pytest.mark.parametrize("target", ["a.tif", "a.png"])
def test_other_formats_refuse_them_and_leave_nothing(tmp_path, target):
    np.save(tmp_path / "a.npy", np.array([1, "a"], object))
    run = subprocess.run([TARGET / "ndferry", "convert", "a.npy", "-o", target], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 2 and "Python objects" in run.stderr
    assert not (tmp_path / target).exists()
