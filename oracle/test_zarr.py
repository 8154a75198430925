"""Zarr stores, both ways, against zarr-python 3: dtypes, chunks, codecs, orders, fill values, groups."""

import json
import shutil
import warnings

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis.extra import numpy as npst

from cases import cases
from test_cli import ndferry

zarr = pytest.importorskip("zarr", reason="Zarr: no zarr-python for this NumPy", minversion="3.1")
# Most of the dtypes are not in the specification yet.
warnings.filterwarnings("ignore", module="zarr")

DTYPES = st.sampled_from(
    "?,i1,<i2,>i4,<i8,u1,>u2,<u4,>u8,<f2,>f4,<f8,<c8,>c16,<M8[ns],<m8[25s],>M8[D],<U3,>U2,S5,V3".split(",")
)
SHAPES = st.lists(st.integers(1, 9), min_size=0, max_size=4).map(tuple)
NOT_ALWAYS = st.booleans()


@st.composite
def cut(draw):
    """An array, in C or F order, and the shape of its chunks."""
    dtype = np.dtype(draw(DTYPES))
    shape = draw(SHAPES)
    size = int(np.prod(shape)) * dtype.itemsize
    data = np.frombuffer(draw(st.randoms(use_true_random=False)).randbytes(size), "u1")
    if dtype.kind == "U":
        data = (np.frombuffer(data.tobytes(), "u4") % 0xD800).astype(dtype.byteorder.replace("=", "<") + "u4").view("u1")
    if dtype.kind == "b":
        data = data % 2
    if draw(st.integers(0, 3)) == 0:
        data = np.zeros_like(data)
    array = data.view(dtype).reshape(shape)
    if shape and draw(NOT_ALWAYS):
        array = np.asfortranarray(array)
    chunks = tuple(draw(st.integers(1, extent + 2)) for extent in shape)
    return array, chunks


def same(a, b):
    assert a.dtype.newbyteorder("=") == b.dtype.newbyteorder("=") and a.shape == b.shape, (a.dtype, b.dtype)
    native = a.dtype.newbyteorder("=")
    assert a.astype(native).tobytes() == b.astype(native).tobytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("zarr")


@cases(200, cut(), st.sampled_from(["none", "zstd", "zstd:5", "deflate:1"]))
def test_zarr_python_reads_what_convert_writes(folder, drawn, codec):
    array, chunks = drawn
    np.save(folder / "a.npy", array)
    tile = ["--tile", ",".join(map(str, chunks))] if chunks else []
    ndferry(folder, "convert", "a.npy", "-qfo", "a.zarr", "--codec", codec, *tile)
    theirs = zarr.open_array(folder / "a.zarr", mode="r")
    assert theirs.chunks == chunks
    same(np.asarray(theirs[...], array.dtype).reshape(array.shape), array)
    # And back.
    ndferry(folder, "diff", "--equal-nan", "a.npy", "a.zarr")
    ndferry(folder, "check", "a.zarr")


COMPRESSORS = {
    "none": None,
    "zstd": lambda: zarr.codecs.ZstdCodec(level=3, checksum=True),
    "gzip": lambda: zarr.codecs.GzipCodec(level=1),
    "both": lambda: [zarr.codecs.ZstdCodec(), zarr.codecs.Crc32cCodec()],
}


@cases(200, cut(), st.sampled_from(list(COMPRESSORS)), st.data())
def test_convert_reads_what_zarr_python_writes(folder, drawn, name, data):
    array, chunks = drawn
    shutil.rmtree(folder / "b.zarr", ignore_errors=True)
    options = {}
    # zarr-python looks shards up by their fill value, which NumPy cannot hash if it is a void.
    if chunks and array.dtype.kind != "V" and data.draw(NOT_ALWAYS, label="shards"):
        options["shards"] = tuple(n * data.draw(st.integers(1, 3)) for n in chunks)
    if len(chunks) > 1 and data.draw(NOT_ALWAYS, label="transposed"):
        options["filters"] = [zarr.codecs.TransposeCodec(order=data.draw(st.permutations(range(len(chunks)))))]
    if array.dtype.byteorder in "<>" and array.dtype.itemsize > 1:
        options["serializer"] = zarr.codecs.BytesCodec(endian=data.draw(st.sampled_from(["little", "big"])))
    if array.dtype.kind in "iuf":
        options["fill_value"] = data.draw(st.sampled_from([0, 1, 7] + ([float("nan"), float("inf")] if array.dtype.kind == "f" else [])))
    if data.draw(NOT_ALWAYS, label="old keys"):
        options["chunk_key_encoding"] = {"name": "v2", "separator": data.draw(st.sampled_from("./"))}
    pack = COMPRESSORS[name]
    stored = zarr.create_array(
        folder / "b.zarr", shape=array.shape, dtype=array.dtype, chunks=chunks, compressors=pack and pack(), **options
    )
    region = tuple(slice(0, data.draw(st.integers(0, n))) for n in array.shape)
    stored[region] = array[region]
    want = np.asarray(stored[...], array.dtype).reshape(array.shape)
    ndferry(folder, "convert", "b.zarr", "-qfo", "b.npy")
    same(np.load(folder / "b.npy"), want)
    part = ", ".join(str(data.draw(st.integers(0, n - 1))) for n in array.shape)
    raw = ndferry(folder, "show", "--to", "npy", "b.zarr", "-s", part or "...")
    (folder / "part.npy").write_bytes(raw)
    same(np.load(folder / "part.npy"), want[(*map(int, part.split(", ")), ...)] if part else want)


def test_groups_become_names_and_names_groups(folder):
    root = zarr.create_group(folder / "g.zarr", overwrite=True)
    for name in "x", "deep/er/y", "deep/z":
        root.create_array(name, data=np.arange(6).reshape(2, 3), chunks=(1, 2))
    root["x"].attrs["unit"] = "mm"
    info = json.loads(ndferry(folder, "info", "--json", "g.zarr"))
    assert info["container"] == "zarr"
    assert [member["path"] for member in info["members"]] == ["deep/er/y", "deep/z", "x"]
    assert info["members"][2]["attributes"] == {"unit": "mm"}
    assert ndferry(folder, "show", "g.zarr:deep/er/y", "-s", "1, ::2") == b"[3 5]\n"
    ndferry(folder, "convert", "g.zarr", "-qfo", "g.npb")
    ndferry(folder, "convert", "g.npb", "-qfo", "again.zarr")
    again = zarr.open_group(folder / "again.zarr", mode="r")
    assert again["x"].attrs["unit"] == "mm"
    assert (again["deep/er/y"][...] == np.arange(6).reshape(2, 3)).all()
    assert sorted(name for name, _ in again.members(max_depth=None)) == ["deep", "deep/er", "deep/er/y", "deep/z", "x"]


def test_structs_go_both_ways(folder):
    array = np.zeros(5, [("a", "<i4"), ("b", "<f8"), ("c", "S3")])
    array["a"], array["b"], array["c"] = range(5), 0.5, b"xy"
    np.save(folder / "s.npy", array)
    ndferry(folder, "convert", "s.npy", "-qfo", "s.zarr")
    if zarr.__version__ >= "3.2":
        assert (zarr.open_array(folder / "s.zarr", mode="r")[...] == array).all()
    ndferry(folder, "diff", "s.npy", "s.zarr")


def test_blosc_and_version_2_are_refused_by_name(folder):
    shutil.rmtree(folder / "c.zarr", ignore_errors=True)
    zarr.create_array(folder / "c.zarr", data=np.arange(100), compressors=zarr.codecs.BloscCodec())
    ndferry(folder, "info", "c.zarr", code=2)
    shutil.rmtree(folder / "c.zarr")
    zarr.create_array(folder / "c.zarr", data=np.arange(100), zarr_format=2)
    ndferry(folder, "info", "c.zarr", code=2)
