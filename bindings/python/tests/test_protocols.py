"""What other libraries take arrays through: DLPack, the array interface; and what they give us: files of fsspec, logging."""

import io
import logging
import pickle
from typing import Any

import numpy as np
import pytest
from same import same

import ndferry

A = np.arange(24.0).reshape(2, 3, 4)
NUMBERS = ["?", "i1", "u2", "i4", "u8", "f2", "f4", "f8", "c8", "c16"]


@pytest.fixture
def without_numpy(monkeypatch: Any) -> Any:
    """Makes an `ndferry.Array`, as `load` gives it where there is no NumPy."""
    import subprocess
    import sys

    def array(numpy_array: Any, code: Any) -> Any:
        script = (
            "import sys; sys.modules['numpy'] = None\n"
            "import ndferry\n"
            f"a = ndferry.loads({ndferry.dumps(numpy_array, 'npy')!r})\n"
            "del sys.modules['numpy']\n"
            "import numpy as np\n"
            f"{code}\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return array


@pytest.mark.parametrize("dtype", NUMBERS)
def test_numpy_takes_arrays_through_dlpack(without_numpy: Any, dtype: Any) -> None:
    b = A.astype(dtype)
    code = f"""
assert type(a) is ndferry.Array and a.__dlpack_device__() == (1, 0)
for part in a, a[1], a[::-1, :, ::2], a[:, :0], a[1, 2, 3]:
    taken = np.from_dlpack(part)
    wanted = np.asarray(part.numpy())
    assert taken.dtype == np.dtype({dtype!r}) == wanted.dtype, taken.dtype
    assert taken.shape == part.shape and taken.tobytes() == wanted.tobytes() == part.tobytes()
view = np.asarray(a)
assert not view.flags.writeable and np.shares_memory(view, a.numpy())
kept = np.from_dlpack(a)
del a
print(kept.sum() == view.sum())
"""
    assert without_numpy(b, code) == ["True"]


def test_elements_are_lent_to_those_who_leave_them_alone(without_numpy: Any) -> None:
    code = """
import ctypes, gc
name = ctypes.pythonapi.PyCapsule_GetName
name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
print(name(a.__dlpack__()).decode(), name(a.__dlpack__(max_version=(1, 1))).decode())
for wrong in {"copy": False}, {"stream": 1}, {"dl_device": (2, 0)}:
    try:
        a.__dlpack__(**wrong)
        print("taken")
    except BufferError:
        print("refused")
if np.lib.NumpyVersion(np.__version__) >= "2.1.0":
    lent, own = np.from_dlpack(a), np.from_dlpack(a, copy=True)
    assert np.shares_memory(lent, np.asarray(a)) and not lent.flags.writeable
    assert not np.shares_memory(own, lent)
    own[:] = 0
    assert lent.any()
# Capsules that nobody takes, and ones that are taken, give their memory back.
import resource
def rounds(n):
    for _ in range(n):
        a.__dlpack__(); a.__dlpack__(max_version=(1, 0)); np.from_dlpack(a)
rounds(2000); gc.collect()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rounds(20000); gc.collect()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2048)
"""
    words = without_numpy(np.arange(1000.0), code)
    assert words == ["dltensor", "dltensor_versioned", "refused", "refused", "refused", "True"]


@pytest.mark.parametrize("array", [A.astype(">f8"), np.array(["x"]), np.array([(1, 2.0)], "i4,f8"), np.array(["2020"], "M8[D]")])
def test_what_dlpack_cannot_say_is_refused(without_numpy: Any, array: Any) -> None:
    code = "try: a.__dlpack__(max_version=(1, 0))\nexcept BufferError as error: print('DLPack' in str(error))"
    assert without_numpy(array, code) == ["True"]


def test_opened_arrays_go_through_dlpack_and_array_api_libraries(tmp_path: Any) -> None:
    np.save(tmp_path / "a.npy", A)
    with ndferry.open(tmp_path / "a.npy") as lazy:
        assert same(np.from_dlpack(lazy), A)
        assert lazy.__dlpack_device__() == (1, 0)
        compat = pytest.importorskip("array_api_compat")
        xp = compat.array_namespace(lazy[0])
        assert float(xp.sum(xp.from_dlpack(lazy))) == A.sum()


class Counting(io.BytesIO):
    """Counts what is read."""

    nbytes = 0

    def read(self, *args: Any) -> Any:
        data = super().read(*args)
        Counting.nbytes += len(data)
        return data


def test_open_files_are_read_in_parts() -> None:
    a = np.random.default_rng(1).integers(0, 1 << 30, 1 << 20)
    for format, most in ("npy", 1 << 17), ("npb", 1 << 22), ("npz", 1 << 22):
        named = {"a": a} if format == "npz" else a
        file = Counting(b"before" + ndferry.dumps(named, format))
        file.seek(6)
        Counting.nbytes = 0
        with ndferry.open(file) as lazy:
            assert same(lazy[1000:1010], a[1000:1010])
            assert Counting.nbytes < most, (format, Counting.nbytes)
            assert same(lazy.numpy(), a)
        assert ndferry.inspect(io.BytesIO(file.getvalue()[6:])).members[0].shape == a.shape

    class Pipe(io.RawIOBase):
        def __init__(self, data: Any) -> None:
            self.file = io.BytesIO(data)

        def readable(self) -> Any:
            return True

        def readinto(self, into: Any) -> Any:
            return self.file.readinto(into)

    data = ndferry.dumps(a, "npy")
    assert same(ndferry.open(Pipe(data))[5:9], a[5:9])
    assert same(ndferry.load(Pipe(data)), a)


def test_what_a_file_object_raises_arrives() -> None:
    class Broken(io.BytesIO):
        def read(self, *args: Any) -> bytes:
            raise RuntimeError("no")

    for work in (ndferry.open, ndferry.load, ndferry.inspect):
        with pytest.raises(RuntimeError, match="no"):
            work(Broken(ndferry.dumps(A, "npy")))
    with pytest.raises(TypeError, match="binary"):
        ndferry.open(io.StringIO("text"))


def test_files_of_fsspec_are_read_and_written(tmp_path: Any) -> None:
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    for name in "a.npy", "a.npb", "a.pkl":
        url = f"memory://tests/{name}"
        nbytes = ndferry.save(url, A, overwrite=True)
        assert system.size(f"/tests/{name}") == nbytes
        assert same(ndferry.load(url), A)
        assert same(ndferry.load(url, storage_options={}), A)
        with fsspec.open(url) as file:
            assert same(ndferry.load(file), A)
        assert same(ndferry.load(fsspec.open(url)), A)
        for lazy in ndferry.open(url), ndferry.open(fsspec.open(url)), ndferry.open(url, storage_options={}):
            assert same(lazy[1, ::2], A[1, ::2])
        assert same(pickle.loads(pickle.dumps(ndferry.open(url)))[0], A[0])
        with pytest.raises(TypeError, match="pickled"):
            pickle.dumps(ndferry.open(url, storage_options={}))
        assert ndferry.inspect(url).members[0].shape == A.shape
        assert ndferry.scan(url).safe
        with pytest.raises(FileExistsError):
            ndferry.save(url, A)
    objects = np.array([None, "x"], object)
    ndferry.save("memory://tests/objects.npb", objects)
    assert same(ndferry.load("memory://tests/objects.npb"), objects)
    with pytest.raises(ndferry.UsageError):
        ndferry.save("memory://tests/a.txt", A)
    assert sorted(system.ls("/tests", detail=False)) == ["/tests/a.npb", "/tests/a.npy", "/tests/a.pkl", "/tests/objects.npb"]
    with pytest.raises(FileNotFoundError):
        ndferry.load("memory://tests/none.npy")
    local = f"local://{tmp_path}/a.npz"
    ndferry.save(local, {"a": A})
    assert same(dict(np.load(tmp_path / "a.npz")), {"a": A})
    with pytest.raises(TypeError):
        ndferry.save(tmp_path / "a.npy", A, storage_options={})


def test_logging_hears_what_happens(tmp_path: Any, caplog: Any) -> None:
    np.save(tmp_path / "a.npy", A)
    ndferry.open(tmp_path / "a.npy")
    assert caplog.records == []
    with caplog.at_level(logging.DEBUG, "ndferry"):
        ndferry.open(tmp_path / "a.npy")
        ndferry.save(tmp_path / "b.npy", A)
    said = [record.getMessage() for record in caplog.records]
    assert [record.name for record in caplog.records] == ["ndferry"] * len(said)
    assert said[0].startswith("opened source=") and "a.npy" in said[0]
    assert any(text.startswith("written path=") for text in said)
    caplog.clear()
    ndferry.open(tmp_path / "a.npy")
    assert caplog.records == []
