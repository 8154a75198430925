"""NPZ archives: NumPy loads ours, and what `savez` and Python's `zipfile` write is read."""

import io
import zipfile

import hypothesis.strategies as st
import numpy as np
import pytest

from agent import Refused, ask, request, spec
from arrays import arrays, dtypes, fields_of
from cases import cases
from test_dtype import in_order
from test_npy import saved

# What can be a file name everywhere.
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\:"), min_size=1, max_size=8)
NAMES = NAMES.filter(lambda name: name.strip(". ") == name and name != "file")
SAVABLE = dtypes().filter(in_order)
MEMBERS = st.dictionaries(NAMES, arrays(SAVABLE, max_ndim=3), max_size=4)


def written(members, way, level):
    """Our archive of these arrays."""
    said = [{"name": name, "nbytes": len(base), **request(array, base)} for name, (array, base) in members.items()]
    payload = b"".join(base.tobytes() for _, base in members.values())
    return ask("npz_write", payload, members=said, way=way, level=level)[1]


def read(file):
    """Each member that is read from an archive: its answer and its bytes."""
    got, data = ask("npz_read", file)
    at = 0
    for member in got["members"]:
        yield member, data[at : at + member["nbytes"]]
        at += member["nbytes"]
    assert at == len(data)


def check_read(file, arrays):
    """Exactly these arrays, by name and in this order, are read."""
    got = list(read(file))
    assert [member["name"] for member, _ in got] == list(arrays)
    for (member, data), (name, array) in zip(got, arrays.items()):
        want = np.load(io.BytesIO(saved(array)))
        assert (member["dtype"], member["shape"]) == (spec(want.dtype), list(want.shape)), name
        assert fields_of(data, want.dtype) == fields_of(want.tobytes(), want.dtype), name


@cases(600, MEMBERS, st.sampled_from(["plain", "seekable", "streamed", "packed"]), st.sampled_from([0, 1, 6, 9, 12]))
def test_numpy_loads_archives_however_they_are_written(members, way, level):
    file = written(members, way, level)
    with zipfile.ZipFile(io.BytesIO(file)) as zip:
        assert zip.testzip() is None
    with np.load(io.BytesIO(file), allow_pickle=False) as npz:
        assert npz.files == list(members)
        for name, (array, _) in members.items():
            back, want = npz[name], np.load(io.BytesIO(saved(array)))
            assert (spec(back.dtype), back.shape) == (spec(want.dtype), want.shape)
            assert fields_of(back.tobytes(), back.dtype) == fields_of(want.tobytes(), want.dtype)
            assert not want.nbytes or back.flags.fnc == want.flags.fnc


@cases(300, MEMBERS, st.sampled_from(["plain", "seekable"]))
def test_a_stored_archive_is_byte_for_byte_what_savez_writes(members, way):
    file = io.BytesIO()
    np.savez(file, **{name: array for name, (array, _) in members.items()})
    assert written(members, way, 0) == file.getvalue()


@cases(300, MEMBERS, st.sampled_from([np.savez, np.savez_compressed]))
def test_what_numpy_writes_is_read(members, save):
    file = io.BytesIO()
    arrays = {name: array for name, (array, _) in members.items()}
    save(file, **arrays)
    check_read(file.getvalue(), arrays)


class Pipe(io.RawIOBase):
    """A stream that cannot seek, so that `zipfile` writes sizes and checksums after the data."""

    def __init__(self):
        self.data = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.data += data
        return len(data)


@cases(
    300,
    MEMBERS,
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    st.booleans(),
    st.binary(max_size=100),
    st.binary(max_size=50).filter(lambda comment: b"PK" not in comment),
)
def test_archives_of_zipfile_are_read_whatever_surrounds_them(members, method, zip64, before, comment):
    arrays = {name: array for name, (array, _) in members.items()}
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", method) as zip:
        for name, array in arrays.items():
            with zip.open(f"{name}.npy", "w", force_zip64=zip64) as member:
                member.write(saved(array))
        zip.comment = comment
    # Behind other bytes, an empty archive is not found.
    check_read((before if arrays else b"") + bytes(pipe.data), arrays)


def archive(entries, method=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as zip:
        for name, data in entries:
            zip.writestr(name, data)
    return file.getvalue()


def test_of_two_members_with_one_name_the_last_counts():
    first, last = saved(np.arange(3)), saved(np.arange(4.0))
    file = archive([("x.npy", first), ("y.npy", first), ("x.npy", last)])
    got = list(read(file))
    assert [member["name"] for member, _ in got] == ["x", "y", "x"]
    assert [member["found"] for member, _ in got] == [2, 1, 2]
    want = np.load(io.BytesIO(file))["x"]
    assert got[2][1] == want.tobytes()


def test_members_that_are_no_arrays_come_as_their_bytes():
    file = archive([("folder/", b""), ("notes.txt", b"hello"), ("folder/x.npy", saved(np.arange(3)))])
    got = [(member["name"], member["dtype"], data) for member, data in read(file)]
    npz = np.load(io.BytesIO(file))
    assert got == [
        ("folder/", None, b""),
        ("notes.txt", None, npz["notes.txt"]),
        ("folder/x", "<i8", npz["folder/x"].tobytes()),
    ]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_are_refused_by_name_of_the_member(method):
    with pytest.raises(Refused, match="x.npy"):
        ask("npz_read", archive([("x.npy", saved(np.arange(3)))], method))


def test_savez_of_arrays_without_names_is_read():
    file = io.BytesIO()
    np.savez(file, np.arange(3), np.zeros((2, 0)))
    check_read(file.getvalue(), {"arr_0": np.arange(3), "arr_1": np.zeros((2, 0))})
