"""The command line, on files that NumPy wrote."""

import hashlib
import json
import pickle
import subprocess

import hypothesis.strategies as st
import numpy as np
import pytest

from agent import TARGET, spec
from arrays import arrays, dtypes, fields_of, plain_dtypes
from cases import cases
from test_dtype import in_order
from test_index import index_text, indexes
from test_npz import MEMBERS

PLAIN = arrays(plain_dtypes().filter(lambda dtype: dtype.itemsize), max_ndim=3)
SAVABLE = arrays(dtypes().filter(in_order), max_ndim=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cli")


def ndferry(folder, *words, code=0):
    """What the command prints; it must exit with `code`."""
    words = [TARGET / "ndferry", *words]
    run = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert run.returncode == code, (words, run.returncode, run.stderr.decode())
    return run.stdout


def plain(value):
    """A value as JSON gives it back."""
    return json.loads(json.dumps(value))


def check_member(member, array, path):
    assert member["path"] == path
    assert member["dtype"] == plain(np.lib.format.dtype_to_descr(array.dtype))
    assert member["shape"] == list(array.shape)
    assert member["nbytes"] == array.nbytes
    assert not array.nbytes or member["order"] == ("F" if array.flags.fnc else "C")


@cases(150, SAVABLE)
def test_info_says_of_an_array_what_numpy_says(folder, drawn):
    np.save(folder / "a.npy", drawn[0], allow_pickle=False)
    said = json.loads(ndferry(folder, "info", "--json", "--sha256", "a.npy"))
    assert (said["source"], said["container"], said["safety"]) == ("a.npy", "npy", "no-pickle")
    [member] = said["members"]
    array = np.load(folder / "a.npy")
    check_member(member, array, "")
    if fields_of(b"\xff" * array.dtype.itemsize, array.dtype) == b"\xff" * array.dtype.itemsize:
        assert member["sha256"] == hashlib.sha256(array.tobytes()).hexdigest()


@cases(100, MEMBERS, st.sampled_from([np.savez, np.savez_compressed]))
def test_info_lists_an_archive_as_numpy_does(folder, members, save):
    save(folder / "a.npz", **{name: array for name, (array, _) in members.items()})
    said = json.loads(ndferry(folder, "info", "--json", "a.npz"))
    assert said["container"] == "npz"
    with np.load(folder / "a.npz") as npz:
        assert [member["path"] for member in said["members"]] == npz.files
        for member in said["members"]:
            check_member(member, npz[member["path"]], member["path"])


@st.composite
def parts(draw):
    array, _ = draw(PLAIN)
    items = draw(indexes(array.shape))
    return array, items, index_text(draw, items)


@cases(150, parts())
def test_show_gives_the_part_that_numpy_gives(folder, drawn):
    array, items, text = drawn
    np.save(folder / "part.npy", array)
    want = array[items if Ellipsis in items else (*items, ...)]
    assert ndferry(folder, "show", "part.npy", "-s", text, "--to", "raw") == want.tobytes()
    ndferry(folder, "show", "part.npy", "-s", text, "--to", "npy", "-o", "shown.npy", "-f")
    back = np.load(folder / "shown.npy")
    assert (spec(back.dtype), back.shape, back.tobytes()) == (spec(want.dtype), want.shape, want.tobytes())


@cases(60, SAVABLE, st.permutations(["npz", "npb", "npz", "npb"]))
def test_an_array_survives_conversions(folder, drawn, formats):
    array = drawn[0]
    np.save(folder / "0.npy", array)
    last = "0.npy"
    for i, format in enumerate(formats[:2], 1):
        ndferry(folder, "convert", last, "-o", f"{i}.{format}", "-f")
        last = f"{i}.{format}"
    ndferry(folder, "convert", last, "-o", "back.npy", "-f")
    want, back = np.load(folder / "0.npy"), np.load(folder / "back.npy")
    assert (spec(back.dtype), back.shape) == (spec(want.dtype), want.shape)
    assert fields_of(back.tobytes(), back.dtype) == fields_of(want.tobytes(), want.dtype)
    assert not want.nbytes or back.flags.fnc == want.flags.fnc
    ndferry(folder, "diff", "0.npy", "back.npy", "--equal-nan")


INTEGERS = plain_dtypes().filter(lambda dtype: dtype.kind in "iu")


@cases(60, arrays(INTEGERS, max_ndim=3).filter(lambda drawn: drawn[0].size), st.integers(0, 1000))
def test_diff_exits_by_whether_numpy_finds_them_equal(folder, drawn, at):
    array, base = drawn
    other = base.copy()
    other[at % len(base)] ^= 1
    other = np.ndarray(array.shape, array.dtype, other.data, order="F" if array.flags.fnc else "C")
    np.save(folder / "left.npy", array)
    np.save(folder / "right.npy", other)
    ndferry(folder, "diff", "left.npy", "left.npy")
    ndferry(folder, "diff", "left.npy", "right.npy", code=0 if np.array_equal(array, other) else 1)
    ndferry(folder, "diff", "left.npy", "absent.npy", code=2)


def test_check_finds_what_is_cut_off_or_follows(folder):
    np.save(folder / "whole.npy", np.arange(12.0).reshape(3, 4))
    whole = (folder / "whole.npy").read_bytes()
    ndferry(folder, "check", "whole.npy")
    (folder / "cut.npy").write_bytes(whole[:-1])
    (folder / "more.npy").write_bytes(whole + b"\0")
    for name in ["cut.npy", "more.npy"]:
        ndferry(folder, "check", name, code=1)
    ndferry(folder, "info", "--sha256", "cut.npy", code=2)
    ndferry(folder, "convert", "cut.npy", "-o", "cut.npz", code=2)
    assert not (folder / "cut.npz").exists()


def test_an_output_that_exists_is_kept(folder):
    np.save(folder / "from.npy", np.arange(3))
    (folder / "kept.npz").write_bytes(b"kept")
    ndferry(folder, "convert", "from.npy", "-o", "kept.npz", code=2)
    assert (folder / "kept.npz").read_bytes() == b"kept"
    ndferry(folder, "convert", "from.npy", "-o", "kept.npz", "-f")
    assert np.load(folder / "kept.npz").files


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="the newest NumPy says how arrays are printed")
@cases(40, arrays(plain_dtypes().filter(lambda dtype: dtype.itemsize and dtype.kind in "biufS" and dtype.char != "g")))
def test_show_prints_what_numpy_prints(folder, drawn):
    np.save(folder / "print.npy", drawn[0])
    assert ndferry(folder, "show", "print.npy").decode() == f"{drawn[0]}\n"


def objects(*items):
    array = np.empty(len(items), object)
    for i, item in enumerate(items):
        array[i] = item
    return array


MASKED = [
    np.ma.array([1.0, 2, 3], mask=[0, 1, 0]),
    np.ma.array(np.asfortranarray(np.arange(12.0).reshape(3, 4)), mask=np.eye(3, 4)),
    np.ma.array(np.arange(2000.0), mask=np.arange(2000) % 3 == 0),
    np.ma.array(np.arange(200.0), mask=np.arange(200) % 3 == 0),
    np.ma.array(["it's", "b"], mask=[0, 1]),
    np.ma.array(5, mask=True),
    np.ma.array([], mask=[]),
    np.ma.array([1 + 2j, 3], mask=[1, 0]),
    np.ma.array(np.array([0.1, 0.2], ">f4"), mask=[0, 1]),
    np.ma.array(np.array([0.1, 0.2], "g"), mask=[0, 1]),
    np.ma.array(np.array([b"abcd", b"ef"], "V4"), mask=[0, 1]),
    np.ma.array(np.array(["2020-01-01", "NaT", "12345-01-01"], "M8[D]"), mask=False),
    np.ma.array(np.array(["2020-01-01T10:00:00.5", "NaT"], "M8[ms]"), mask=False),
    np.ma.array(np.array([5, -6, 10**18], "m8[s]"), mask=False),
    np.ma.array([(1, 2.0), (3, 4.0)], dtype=[("a", "i4"), ("b", "f4")], mask=[(0, 1), (0, 0)]),
    np.ma.array(np.array([((1, 2), [[1, 2], [3, 4]])], [("a", [("x", "i4"), ("y", "f8")]), ("c", "f4", (2, 2))]), mask=[((0, 1), ((1, 0), (0, 0)))]),
]  # fmt: skip
OBJECTS = [
    objects(1, 2.5, "it's", b"it's", 1 + 2j, True, None, 2**70),
    objects([1, 2], (1, "b"), {"a": [1]}, set(), frozenset()),
    objects(np.arange(3), np.zeros((2, 2)), np.arange(2000), np.asfortranarray(np.arange(6).reshape(2, 3))),
    objects(np.arange(24.0).reshape(2, 3, 4), 1, "z" * 40, "y" * 40),
    objects(np.float64(1.5), np.int32(3), np.bool_(True), np.complex64(1 + 2j)),
    np.array([[1, None], ["abc", "x" * 300]], object, order="F"),
    np.arange(2000).astype(object),
    np.array(None, object),
    np.array([], object),
]


def printed(array):
    # `array2string` knows nothing of masks.
    return f"{str(array) if np.ma.isMA(array) else np.array2string(array)}\n"


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="the newest NumPy says how arrays are printed")
@pytest.mark.parametrize("protocol", range(6))
def test_show_prints_masked_arrays_and_objects_as_numpy_does(folder, protocol):
    for array in MASKED + OBJECTS:
        (folder / "a.pkl").write_bytes(pickle.dumps(array, protocol))
        assert ndferry(folder, "show", "a.pkl").decode() == printed(array)
        if array.ndim == 1:
            assert ndferry(folder, "show", "a.pkl", "-s", "::-2").decode() == printed(array[::-2])
    # Two arrays of these names are no masked array.
    pair = {"data": np.ones(2), "mask": np.zeros(2, bool)}
    (folder / "pair.pkl").write_bytes(pickle.dumps({"a": MASKED[0], "pair": pair}, protocol))
    assert ndferry(folder, "show", "pair.pkl:a").decode() == "[1.0 -- 3.0]\n"
    assert b"--" not in ndferry(folder, "show", "pair.pkl:pair")


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="the newest NumPy says how arrays are printed")
def test_show_prints_objects_in_npy_and_npz_as_numpy_does(folder):
    for array in OBJECTS:
        np.save(folder / "objects.npy", array)
        np.savez(folder / "objects.npz", a=array, b=1)
        for source in ["objects.npy", "objects.npz:a"]:
            assert ndferry(folder, "show", source).decode() == printed(array)
    # Masked arrays among the objects.
    objects = np.empty(2, object)
    objects[:] = [{"gain": MASKED[0]}, 1]
    np.save(folder / "objects.npy", objects)
    np.savez(folder / "objects.npz", a=objects, b=1)
    for source in ["objects.npy:0.gain", "objects.npz:a.0.gain"]:
        assert ndferry(folder, "show", source).decode() == "[1.0 -- 3.0]\n"
        assert ndferry(folder, "show", source, "-s", "1:").decode() == "[-- 3.0]\n"
        assert ndferry(folder, "show", f"{source}.data").decode().count(".") == 3
