"""Hypothesis strategies: every dtype without objects, and arrays of it in every layout."""

import functools

import hypothesis.strategies as st
import numpy as np

NUMBERS = ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16", "g", "G"]
UNITS = ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as"]
# What is assigned in this Python's Unicode, since `repr` escapes the rest; and two that never will be.
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cn"], include_characters="\ufffe\uffff"), min_size=1, max_size=4)


@functools.cache
def times():
    """datetime64 and timedelta64, units with multiples and none."""
    unit = st.sampled_from([""] + [f"[{unit}]" for unit in UNITS] + ["[25s]", "[7D]", "[1000us]"])
    return st.tuples(st.sampled_from("Mm"), unit).map("8".join)


@functools.cache
def plain_dtypes():
    """Dtypes without fields, in either byte order."""
    texts = st.integers(0, 9).map(str)
    code = st.one_of(
        st.sampled_from(NUMBERS), times(), st.tuples(st.sampled_from("SUV"), texts).map("".join)
    )
    return st.tuples(st.sampled_from("<>"), code).map(lambda parts: np.dtype("".join(parts)))


@st.composite
def structs(draw, fields, least=1):
    """Packed, aligned, or with offsets anywhere: gaps, overlaps, any order."""
    names = draw(st.lists(NAMES, min_size=least, max_size=4, unique=True))
    dtypes = []
    for _ in names:
        dtype = draw(fields)
        shape = tuple(draw(st.lists(st.integers(0, 3), max_size=2)))
        dtypes.append(np.dtype((dtype, shape)) if shape and dtype.itemsize else dtype)
    layout = draw(st.sampled_from(["packed", "packed", "aligned", "gaps", "anywhere"]))
    parts = {"names": names, "formats": dtypes}
    if draw(st.integers(0, 4)) == 0:
        parts["titles"] = [f"{name} in words" for name in names]
    if layout in ("gaps", "anywhere"):
        offsets, end = [], 0
        for dtype in dtypes:
            offsets.append(draw(st.integers(0, 20)) if layout == "anywhere" else end + draw(st.integers(0, 3)))
            end = max(end, offsets[-1] + dtype.itemsize)
        parts |= {"offsets": offsets, "itemsize": end + draw(st.integers(0, 3))}
    return np.dtype(parts, align=layout == "aligned")


@functools.cache
def dtypes():
    """Every dtype without objects."""
    return st.one_of(plain_dtypes(), plain_dtypes(), structs(st.one_of(plain_dtypes(), structs(plain_dtypes()))))


def filled(nbytes, seed):
    """Bytes that look like nothing, the same for the same seed: NaN payloads, bad code points, bools of 7."""
    return np.frombuffer(np.random.Generator(np.random.PCG64(seed)).bytes(nbytes), np.uint8)


@st.composite
def arrays(draw, of=None, max_ndim=4):
    """An array in C or F order, and the bytes that it lies in."""
    # Asked for S0, NumPy makes arrays of S1.
    dtype = draw((dtypes() if of is None else of).filter(lambda dtype: dtype.itemsize or dtype.names))
    shape = tuple(draw(st.lists(st.integers(0, 5), max_size=max_ndim)))
    base = filled(int(np.prod(shape, dtype=int)) * dtype.itemsize, draw(st.integers(0, 2**32 - 1)))
    # Without bytes, NumPy remembers an order that strides do not show.
    order = draw(st.sampled_from("CF" if dtype.itemsize else "C"))
    return np.ndarray(shape, dtype, base.data, order=order), base


def significant(dtype):
    """Which bytes of an item belong to fields. Padding is not copied by NumPy where elements move one by one.

    Not remembered: neither what a dtype equals nor its repr says where all its fields are.
    """
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return np.tile(significant(base), int(np.prod(shape, dtype=int)))
    if dtype.names is None:
        return np.ones(dtype.itemsize, bool)
    mask = np.zeros(dtype.itemsize, bool)
    for name in dtype.names:
        field, offset = dtype.fields[name][:2]
        mask[offset : offset + field.itemsize] |= significant(field)
    return mask


def fields_of(data, dtype):
    """The bytes of `data`, many items of `dtype`, with padding set to zero."""
    if dtype.itemsize == 0:
        return bytes(data)
    items = np.frombuffer(data, np.uint8).reshape(-1, dtype.itemsize)
    return np.where(significant(dtype), items, 0).astype(np.uint8).tobytes()
