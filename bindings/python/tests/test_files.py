"""Files: what NumPy wrote is loaded, what is saved NumPy loads; parts are read."""

import io
import os
import pathlib
import pickle
import threading
from typing import Any

import numpy as np
import pytest
from same import same

import ndferry

A = np.arange(24, dtype="<i4").reshape(2, 3, 4)
LAYOUTS = {
    "C": A,
    "F": np.asfortranarray(A),
    "permuted": A.transpose(1, 0, 2),
    "reversed": A[::-1, :, ::-2],
    "broadcast": np.broadcast_to(A[0], (2, 3, 4)),
    "big-endian": A.astype(">i4"),
    "no axes": A[0, 0, 0:1].reshape(()),
    "no elements": A[:, :0],
    "structs": np.array([(1, b"x", (2.5,))], [("a", "i4"), ("b", "S3"), ("c", [("d", ">f8")])]),
    "times": np.array(["2020-01-01"], "M8[us]"),
    "text": np.array(["é", "abc"]),
}


@pytest.mark.parametrize("format", ["npy", "npb", "pickle"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_comes_back_from_every_format(name: Any, format: Any) -> None:
    ours = ndferry.loads(ndferry.dumps(LAYOUTS[name], format))
    assert ours.dtype == LAYOUTS[name].dtype
    assert same(ours, np.array(LAYOUTS[name]))


@pytest.mark.parametrize("name", LAYOUTS)
def test_npy_files_are_those_of_numpy_to_the_byte(name: Any) -> None:
    theirs = io.BytesIO()
    np.save(theirs, LAYOUTS[name])
    assert ndferry.dumps(LAYOUTS[name], "npy") == theirs.getvalue()


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", LAYOUTS)
def test_numpy_loads_the_pickles_that_are_written(name: Any, protocol: Any) -> None:
    theirs = pickle.loads(ndferry.dumps(LAYOUTS[name], "pickle", pickle_protocol=protocol))
    assert same(theirs, np.array(LAYOUTS[name]))


def test_anything_is_written_as_a_pickle() -> None:
    a = np.arange(3.0)
    objects = np.array([a, None, "x"], object)
    tree = {"a": [a, a], "objects": objects, "masked": np.ma.array([1, 2], mask=[False, True]), 3: {"x": np.float32(1)}}
    for compat in ("any", 1, 2):
        theirs = pickle.loads(ndferry.dumps(tree, "pickle", numpy_compat=compat)) if compat != 2 else None
        ours = ndferry.loads(ndferry.dumps(tree, "pickle", numpy_compat=compat))
        assert same(ours, tree)
        assert ours["a"][0] is ours["a"][1]
        assert theirs is None or same(theirs, tree)


OBJECTS = {
    "objects": np.array([None, "x", 3, {"a": [1.5]}, b"y"], object),
    "matrix": np.array([[1, "é"], [None, ()]], object, order="F"),
    "arrays": np.array([np.arange(3), None], object),
    "fields": np.array([(1, None), (2, [3])], [("a", "i4"), ("b", "O")]),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_arrays_of_objects_go_where_numpy_loads_them(name: Any) -> None:
    a = OBJECTS[name]
    theirs = np.load(io.BytesIO(ndferry.dumps(a, "npy")), allow_pickle=True)
    assert same(theirs, a)
    assert same(ndferry.loads(ndferry.dumps(a, "npy")), a)
    for codec in "none", "deflate":
        archive = ndferry.dumps({"o": a, "n": A}, "npz", codec=codec)
        with np.load(io.BytesIO(archive), allow_pickle=True) as theirs:
            assert same(theirs["o"], a) and same(theirs["n"], A)
        assert same(ndferry.loads(archive), {"o": a, "n": A})


def test_arrays_of_objects_go_into_npb_and_back(tmp_path: pathlib.Path) -> None:
    array = np.array([[1, "a", None], [A[0, 0], {"b": 2.5}, [3]]], object)
    ndferry.save(tmp_path / "o.npb", {"o": array, "numbers": A})
    found = ndferry.load(tmp_path / "o.npb")
    assert same(found["o"], array) and same(found["numbers"], A)
    assert same(ndferry.loads(ndferry.dumps(array, format="npb")), array)


@pytest.mark.skipif(not hasattr(np, "dtypes") or not hasattr(np.dtypes, "StringDType"), reason="NumPy before 2.0 has none")
def test_strings_of_any_length_go_where_numpy_loads_them() -> None:
    a = np.array(["é", "a" * 100, ""], np.dtypes.StringDType())
    theirs = np.load(io.BytesIO(ndferry.dumps(a, "npy")), allow_pickle=True)
    assert theirs.tolist() == a.tolist()
    assert ndferry.loads(ndferry.dumps(a, "npy")).tolist() == a.tolist()


def test_long_doubles_of_other_machines_are_refused_wherever_they_stand() -> None:
    if np.dtype("longdouble").itemsize != 16 or np.finfo("longdouble").nmant != 63:
        pytest.skip("long doubles here are not those of x87")
    # Padding may be anything; what this is about has zeros there.
    native = np.zeros(3, "longdouble")
    native.view("u1").reshape(3, 16)[:, :10] = (np.arange(3, dtype="longdouble") / 3).view("u1").reshape(3, 16)[:, :10]
    ours = native.astype(">f16")
    nested = np.zeros(2, [("a", "i4"), ("b", [("c", ">f16", (2,)), ("d", "u1")])])
    nested["b"]["c"] = ours[1:2]
    for array in ours, nested:
        file = io.BytesIO()
        np.lib.format.write_array(file, array)
        assert same(ndferry.loads(file.getvalue()), array)
        # IEEE's, of 128 bits, have digits where x87's have padding.
        quads = bytearray(file.getvalue())
        at = quads.rfind(ours[1:2].tobytes())
        quads[at : at + 16] = bytes.fromhex("3ffd5555555555555555555555555555")
        with pytest.raises(ndferry.UnsupportedError, match="long doubles"):
            ndferry.loads(bytes(quads))


def test_archives_are_dicts(tmp_path: Any) -> None:
    np.savez(tmp_path / "theirs.npz", a=A, b=A.T)
    assert same(ndferry.load(tmp_path / "theirs.npz"), {"a": A, "b": A.T})
    ndferry.save(tmp_path / "ours.npz", {"a": A, "b": A.T}, codec="deflate")
    with np.load(tmp_path / "ours.npz") as theirs:
        assert same(dict(theirs), {"a": A, "b": A.T})
    assert same(ndferry.load(tmp_path / "ours.npz", "b"), np.array(A.T))


def test_arrays_of_objects_in_npy_and_npz(tmp_path: Any) -> None:
    objects = np.array([np.arange(3), "a", {"k": (1, 2)}], object)
    np.save(tmp_path / "o.npy", objects)
    np.savez(tmp_path / "o.npz", o=objects, n=A)
    assert same(ndferry.load(tmp_path / "o.npy"), objects)
    assert same(ndferry.load(tmp_path / "o.npz"), {"o": objects, "n": A})
    evil = np.array([os.system], object)
    np.savez(tmp_path / "evil.npz", o=evil, n=A)
    with pytest.raises(ndferry.UnsafePickle, match="posix.system"):
        ndferry.load(tmp_path / "evil.npz")
    assert same(ndferry.load(tmp_path / "evil.npz", "n"), A)


def test_open_files_and_buffers(tmp_path: Any) -> None:
    file = io.BytesIO()
    ndferry.save(file, A, format="npy")
    file.seek(0)
    assert same(ndferry.load(file), A)
    assert same(np.load(io.BytesIO(file.getvalue())), A)
    for buffer in (file.getvalue(), bytearray(file.getvalue()), memoryview(file.getvalue())):
        assert same(ndferry.loads(buffer), A)

    class Full(io.RawIOBase):
        def write(self, _: Any) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        ndferry.save(Full(), A, format="npy")
    assert caught.value.errno == 28


def test_errors_are_those_that_python_users_expect(tmp_path: Any) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        ndferry.load(tmp_path / "nowhere.npy")
    assert caught.value.filename == str(tmp_path / "nowhere.npy")
    path = tmp_path / "a.npy"
    ndferry.save(path, A)
    with pytest.raises(FileExistsError):
        ndferry.save(path, A)
    ndferry.save(path, A, overwrite=True)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ndferry.FormatError) as wrong:
        ndferry.load(path)
    assert wrong.value.path == str(path)
    assert wrong.value.offset is not None
    with pytest.raises(ndferry.MemberError, match="no array .x."):
        np.savez(tmp_path / "a.npz", a=A)
        ndferry.load(tmp_path / "a.npz", "x")
    with pytest.raises(ndferry.UnsupportedError, match="mask"):
        ndferry.dumps(np.ma.array([1]), "npy")
    with pytest.raises(ndferry.UsageError, match="codec"):
        ndferry.dumps(A, codec="lz5")
    with pytest.raises(ndferry.LimitError):
        ndferry.loads(ndferry.dumps(A, "npy"), max_bytes=10)


def test_a_map_shares_the_file_and_is_read_only(tmp_path: Any) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.arange(10_000))
    mapped = ndferry.load(path, mmap=True)
    assert not mapped.flags.writeable
    assert same(np.array(mapped), np.arange(10_000))


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".npb", ".pkl"])
def test_parts_are_read(tmp_path: Any, suffix: Any) -> None:
    path = tmp_path / f"a{suffix}"
    big = np.arange(20_000, dtype="f4").reshape(100, 10, 20)
    ndferry.save(path, {"m": big} if suffix in (".npz", ".pkl") else big)
    with ndferry.open(path) as lazy:
        assert (lazy.shape, lazy.dtype, lazy.ndim, lazy.size, lazy.nbytes) == (big.shape, big.dtype, 3, big.size, big.nbytes)
        for key in (3, -1, (slice(None, None, -7), 2), (..., 1), (1, 2, 3), (None, slice(5, 2)), np.int64(4)):
            assert same(np.array(lazy[key]), np.array(big[key]))
        assert type(lazy[1, 2, 3]) is np.float32
        with pytest.raises(IndexError):
            lazy[100]
        with pytest.raises(IndexError, match="slices"):
            lazy[[1, 2]]
        assert same(np.asarray(lazy), big)
        assert same(np.asarray(lazy, dtype="f8"), big.astype("f8"))
        assert same(np.from_dlpack(lazy), big)
        whole = np.zeros_like(big)
        for at, part in lazy.tiles():
            whole[at] = part
        assert same(whole, big)
        out = np.zeros((10, 20), "f4")
        assert lazy.read_into(out, 7) == out.nbytes
        assert same(out, big[7])
        raw = bytearray(big.nbytes)
        lazy.read_into(raw)
        assert raw == big.tobytes()
        with pytest.raises(ValueError, match="out is"):
            lazy.read_into(np.zeros(3, "f4"))
        again = pickle.loads(pickle.dumps(lazy))
        assert same(again[5], big[5])
    with pytest.raises(ndferry.UsageError, match="closed"):
        lazy[0]


def test_files_that_grow_and_are_filled(tmp_path: Any) -> None:
    with ndferry.create(tmp_path / "log.npb", dtype="f4", shape=(None, 3), attrs={"unit": "mV"}) as log:
        for i in range(10):
            log.append(np.full((2, 3), i))
        assert log.shape == (20, 3)
        log[4:6, 1] = 100
        with pytest.raises(IndexError):
            log[20] = 0
        log.flush()
        assert ndferry.load(tmp_path / "log.npb").shape == (20, 3)
    expected = np.repeat(np.arange(10, dtype="f4"), 6).reshape(20, 3)
    expected[4:6, 1] = 100
    assert same(ndferry.load(tmp_path / "log.npb"), expected)
    assert ndferry.open(tmp_path / "log.npb").attrs == {"unit": "mV"}
    with pytest.raises(ndferry.UsageError, match="closed"):
        log.append(np.zeros((1, 3)))
    with ndferry.create(tmp_path / "f.npb", dtype=">u2", shape=(4, 4), tile=(2, 2), order="F") as file:
        file[1:3, ::2] = [[1, 2], [3, 4]]
    filled = np.zeros((4, 4), ">u2")
    filled[1:3, ::2] = [[1, 2], [3, 4]]
    assert same(ndferry.load(tmp_path / "f.npb"), filled)


def test_a_file_larger_than_what_is_read_is_copied_in_pieces(tmp_path: Any) -> None:
    np.save(tmp_path / "a.npy", A)
    ndferry.save(tmp_path / "b.npb", ndferry.open(tmp_path / "a.npy"), codec="zstd", attrs={"axes": "ZYX"})
    assert same(ndferry.load(tmp_path / "b.npb"), A)
    assert ndferry.open(tmp_path / "b.npb").attrs["axes"] == "ZYX"


def test_reports(tmp_path: Any) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, a=A, b=np.array([os.system], object))
    info = ndferry.inspect(path)
    assert (info.container, info.safety) == ("npz", "dangerous")
    assert info.members[0] == ndferry.Member("a", "<i4", (2, 3, 4), "C", 96)
    report = ndferry.scan(path)
    assert (report.verdict, report.safe) == ("dangerous", False)
    assert ("posix", "system") in [(module, name) for module, name, _ in report.globals]
    assert not ndferry.check(path).good
    np.savez(path, a=A)
    assert ndferry.scan(path).safe
    assert ndferry.check(path).good
    assert ndferry.scan(pickle.dumps(A)).verdict == "clean"
    assert ndferry.diff(A, A.copy()).equal
    other = A.copy()
    other[1, 2, 3] = 0
    difference = ndferry.diff(A, other)
    assert (difference.what, difference.count, difference.first) == ("elements", 1, [(1, 2, 3)])
    assert ndferry.diff(A, A[0]).what == "shape"


def test_repickle_renames_and_keeps_values(tmp_path: Any) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(ndferry.dumps(A, "pickle", numpy_compat=2))
    assert ndferry.inspect(path).globals[0][0] == "numpy._core.multiarray"
    assert ndferry.repickle(path, tmp_path / "b.pkl", numpy=1) > 0
    assert ndferry.inspect(tmp_path / "b.pkl").globals[0][0] == "numpy.core.multiarray"
    assert same(ndferry.load(tmp_path / "b.pkl"), A)
    with pytest.raises(FileExistsError):
        ndferry.repickle(path, tmp_path / "b.pkl", numpy=1)


def test_progress_is_told_and_may_stop_the_work(tmp_path: Any) -> None:
    told = []
    big = np.zeros(4 << 20, "u1")
    ndferry.save(tmp_path / "a.npy", big, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (big.nbytes, big.nbytes)

    def stop(done: Any, total: Any) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        ndferry.save(tmp_path / "b.npy", big, progress=stop)
    assert not (tmp_path / "b.npy").exists()


def test_arrays_without_numpy_export_their_memory() -> None:
    code = """
import sys
sys.modules["numpy"] = None
import ndferry, pathlib
a = ndferry.load(sys.argv[1])
assert type(a) is ndferry.Array and a.shape == (2, 3, 4) and a.dtype == "<i4", a
view = memoryview(a)
assert view.shape == (2, 3, 4) and view.format == "i" and view[1, 2, 3] == 23
assert memoryview(a[1, :, ::2])[2, 1] == 22
assert ndferry.loads(ndferry.dumps(a, "npy")).tobytes() == view.tobytes()
assert ndferry.loads(ndferry.dumps(memoryview(b"abc"), "npy")).shape == (3,)
assert ndferry.load(sys.argv[2])["k"] == [1, "x"]
assert ndferry.scan(sys.argv[2]).safe
print("fine")
"""
    import subprocess
    import sys
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        np.save(path / "a.npy", A)
        (path / "v.pkl").write_bytes(pickle.dumps({"k": [1, "x"]}))
        run = [sys.executable, "-c", code, str(path / "a.npy"), str(path / "v.pkl")]
        done = subprocess.run(run, capture_output=True, text=True)
    assert done.stdout == "fine\n", done.stderr
    ours = ndferry.loads(ndferry.dumps(A, "npy"))
    assert same(np.asarray(memoryview(ours)), A)


def test_threads_share_every_object(tmp_path: Any) -> None:
    big = np.arange(60_000, dtype="i4").reshape(300, 200)
    ndferry.save(tmp_path / "a.npb", big, tile=(16, 16), codec="zstd")
    lazy = ndferry.open(tmp_path / "a.npb")
    pickled = pickle.dumps({"x": [big[:3], "y"], "z": 1.5})
    wrong = []

    def work(seed: Any) -> None:
        rng = np.random.default_rng(seed)
        for i in range(250):
            row = int(rng.integers(300))
            try:
                assert same(lazy[row, ::3], big[row, ::3])
                assert same(ndferry.loads(pickled), {"x": [big[:3], "y"], "z": 1.5})
                assert same(ndferry.from_frames(ndferry.to_frames(big[row])), big[row])
                assert same(ndferry.loads(ndferry.dumps(big[row:], "npy")), big[row:])
            except BaseException as error:
                wrong.append(error)
                return

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
