"""Any sequence of appends and region assignments into an NPB file reads back, whole and by regions, as NumPy has it."""

import os
import pathlib
from typing import Any

import hypothesis
import hypothesis.strategies as st
import numpy as np
import numpy.typing as npt
import pytest

import ndferry
from conftest import counts
from same import same

DTYPES = "bool i1 <u2 >u2 <i4 >i8 <f2 <f4 >f8 <c8 >c16 S3 <U2 >U2 M8[us] >m8[s] V5".split()
STRUCT = np.dtype([("a", "<i2"), ("b", ">f4", (2,)), ("c", "S1")])
FILTERS = ["none", "shuffle", "bitshuffle"]
# What is tried with another Python, or the older NumPy, is the same code.
CASES = 5_000 if np.lib.NumpyVersion(np.__version__) >= "2.0.0" and "NDFERRY_FEW" not in os.environ else 500


def filled(dtype: np.dtype[Any], shape: tuple[int, ...], seed: int) -> npt.NDArray[Any]:
    """Elements that are all different, as far as the dtype goes."""
    if dtype.names is not None:
        out: npt.NDArray[Any] = np.zeros(shape, dtype)
        for i, name in enumerate(dtype.names):
            out[name] = filled(dtype[name].base, (*shape, *dtype[name].shape), seed + i)
        return out
    numbers = np.random.default_rng(seed).integers(0, 1 << 62, shape)
    if dtype.kind in "SU":
        return (numbers % 100).astype(dtype)
    if dtype.kind == "V":
        return np.frombuffer(numbers.astype(">u8").tobytes(), "V8").reshape(shape).astype(dtype)
    if dtype.kind in "mM":
        return numbers.view(f"{dtype.kind}8[us]" if dtype.kind == "M" else "m8[s]").astype(dtype)
    return (numbers % 30_000 if dtype.kind in "fc" else numbers).astype(dtype)


@st.composite
def regions(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[Any, ...]:
    items: list[Any] = []
    for extent in shape[: draw(st.integers(0, len(shape)))]:
        bound = st.none() | st.integers(-extent - 1, extent + 1)
        step = st.none() | st.sampled_from([1, 2, 3, -1, -2])
        items.append(draw(st.builds(slice, bound, bound, step) | (st.integers(-extent, extent - 1) if extent else st.nothing())))
    if draw(st.booleans()):
        items.insert(draw(st.integers(0, len(items))), Ellipsis) if len(items) == len(shape) else items.append(Ellipsis)
    return tuple(items)


@st.composite
def files(draw: st.DrawFn) -> tuple[np.dtype[Any], list[int], str, int | None, dict[str, Any]]:
    dtype: np.dtype[Any] = draw(st.sampled_from([*map(np.dtype, DTYPES), STRUCT]))
    shape = draw(st.lists(st.integers(0, 7), max_size=4))
    order = draw(st.sampled_from("CF")) if len(shape) > 1 else "C"
    grows = bool(shape) and draw(st.booleans())
    axis = (0 if order == "C" else len(shape) - 1) if grows else None
    codecs = ["none", "lz4", "zstd", "zstd:5", "deflate"] + (["pco"] if dtype.kind in "iuf" and dtype.itemsize > 1 else [])
    codec = draw(st.sampled_from(codecs))
    delta = ["delta"] if dtype.names is None and dtype.itemsize in (1, 2, 4, 8) and dtype.kind in "iuf" else []
    filter = None if codec in ("none", "pco") else draw(st.sampled_from(FILTERS + delta))
    tile = draw(st.none() | st.tuples(*(st.integers(1, 4) for _ in shape)))
    return dtype, shape, order, axis, {"codec": codec, "filter": filter, "tile": tile, "threads": draw(st.sampled_from([1, 2]))}


@hypothesis.settings(max_examples=CASES, derandomize=True, database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(files(), st.data())
def test_any_sequence_of_writes_reads_back(tmp_path_factory: pytest.TempPathFactory, file: Any, data: st.DataObject) -> None:
    dtype, shape, order, axis, options = file
    # In memory, where there is such a place: what is tried here is not the disk.
    folder = pathlib.Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else tmp_path_factory.getbasetemp()
    path = folder / f"ndferry-growing-{os.getpid()}.npb"
    extents = [None if i == axis else extent for i, extent in enumerate(shape)]
    mirror = np.zeros([0 if i == axis else extent for i, extent in enumerate(shape)], dtype)
    seed = data.draw(st.integers(0, 1 << 30))
    try:
        with ndferry.create(path, dtype=dtype, shape=tuple(extents), order=order, overwrite=True, **options) as writer:
            for step in range(data.draw(st.integers(0, 6))):
                what = data.draw(st.sampled_from(["append", "assign", "assign", "flush"]))
                if what == "append" and axis is not None:
                    more = [data.draw(st.integers(0, 5)) if i == axis else extent for i, extent in enumerate(shape)]
                    rows = filled(dtype, tuple(more), seed + step)
                    writer.append(rows)
                    mirror = np.concatenate([mirror, rows], axis).astype(dtype)
                elif what == "assign":
                    region = data.draw(regions(mirror.shape))
                    part = filled(dtype, mirror[region].shape, seed + step)
                    writer[region] = part
                    mirror[region] = part
                elif what == "flush":
                    writer.flush()
                    assert same(np.asarray(ndferry.load(path)), mirror)
                assert writer.shape == mirror.shape
        found = ndferry.load(path)
        assert found.dtype == mirror.dtype and found.shape == mirror.shape and same(np.asarray(found), mirror)
        with ndferry.open(path) as lazy:
            for _ in range(3):
                region = data.draw(regions(mirror.shape))
                assert same(np.asarray(lazy[region]), np.asarray(mirror[region]))
        assert ndferry.check(path).good
    finally:
        path.unlink(missing_ok=True)
    counts["sequences of writes to an NPB file, read back by regions"] += 1
