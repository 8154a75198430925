"""Indexing, transposing, reshaping, copying, swapping: the same elements and strides as NumPy's."""

import hypothesis.strategies as st
import numpy as np
import pytest

from agent import Refused, ask, request, spec
from arrays import arrays, fields_of
from cases import cases


class Walk:
    """An array that NumPy takes through steps; the steps, as the agent takes them."""

    def __init__(self, array, base):
        self.array, self.base = array, base
        self.request = request(array, base)
        self.steps = []
        # Until something is copied, the result lies in the base.
        self.copied = False

    def take(self, array, *step, copied=False):
        self.steps.append(step)
        self.array = array
        self.copied |= copied

    def __repr__(self):
        return f"{self.request} {self.steps}"

    def answer(self):
        return ask("steps", self.base.tobytes(), array=self.request, steps=self.steps)


def spelled(draw, item):
    """An index as text, as people write it."""
    gap = st.sampled_from(["", "", " "])
    if item is None:
        return draw(st.sampled_from(["None", "newaxis", "np.newaxis"]))
    if item is Ellipsis:
        return "..."
    if isinstance(item, slice):
        parts = [item.start, item.stop] + ([item.step] if item.step is not None or draw(st.booleans()) else [])
        return ":".join(draw(gap) + ("" if part is None else str(part)) + draw(gap) for part in parts)
    return str(item)


def index_text(draw, items):
    gap = st.sampled_from(["", " "])
    text = ",".join(draw(gap) + spelled(draw, item) + draw(gap) for item in items)
    if len(items) > 1 and draw(st.integers(0, 9)) == 0:
        text += ","
    # As a tuple; what has no comma is none.
    return f"({text})" if "," in text and draw(st.integers(0, 4)) == 0 else text


@st.composite
def slices(draw, extent):
    end = st.one_of(st.none(), st.integers(-extent - 2, extent + 2))
    step = draw(st.one_of(st.none(), st.sampled_from([1, -1, 2, -2, 3, -3, 7])))
    return slice(draw(end), draw(end), step)


@st.composite
def indexes(draw, shape):
    """What stands between the brackets, valid for this shape."""
    items = []
    for extent in shape[: draw(st.integers(0, len(shape)))]:
        whole = st.integers(-extent, extent - 1) if extent else slices(extent)
        items.append(draw(st.one_of(slices(extent), whole)))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(items)))
        # What stands after an ellipsis belongs to the last axes.
        behind = len(items) - at
        items = items[:at] + [Ellipsis]
        for extent in shape[len(shape) - behind :] if behind else ():
            whole = st.integers(-extent, extent - 1) if extent else slices(extent)
            items.append(draw(st.one_of(slices(extent), whole)))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        items.insert(draw(st.integers(0, len(items))), None)
    return tuple(items)


@st.composite
def shapes(draw, size):
    """A shape of this size."""
    shape, left = [], size
    for _ in range(draw(st.integers(0, 3))):
        factor = draw(st.sampled_from([n for n in range(1, min(left, 12) + 1) if left % n == 0] or [0]))
        shape.append(factor)
        left = left // factor if factor else 0
    shape.append(left)
    if draw(st.integers(0, 3)) == 0 and size:
        shape[draw(st.integers(0, len(shape) - 1))] = -1
    return [] if shape == [1] and draw(st.booleans()) else shape


def reshape_in_place(array, shape):
    """A view of this shape, or `None` if that needs a copy."""
    if np.lib.NumpyVersion(np.__version__) >= "2.1.0":
        try:
            return array.reshape(shape, copy=False)
        except ValueError:
            return None
    view = array[...]
    try:
        view.shape = shape
    except AttributeError:
        return None
    return view


def overlaps(dtype):
    """Whether fields share bytes anywhere in it."""
    if dtype.subdtype is not None:
        return overlaps(dtype.base)
    if dtype.names is None:
        return False
    parts = [dtype.fields[name] for name in dtype.names]
    spans = sorted((offset, offset + field.itemsize) for field, offset, *_ in parts if field.itemsize)
    return any(a[1] > b[0] for a, b in zip(spans, spans[1:])) or any(overlaps(part[0]) for part in parts)


@st.composite
def walks(draw, max_steps=4):
    """An array taken through a few steps, by NumPy."""
    walk = Walk(*draw(arrays()))
    for _ in range(draw(st.integers(1, max_steps))):
        now = walk.array
        step = draw(st.sampled_from(STEPS))
        step(draw, walk, now)
    return walk


def index(draw, walk, now):
    items = draw(indexes(now.shape))
    part = now[(*items, ...)] if Ellipsis not in items else now[items]
    walk.take(part, "index", index_text(draw, items))


def transpose(draw, walk, now):
    axes = draw(st.permutations(range(now.ndim)))
    walk.take(now.transpose(axes), "transpose", axes)


def reverse_axes(draw, walk, now):
    walk.take(now.T, "reverse_axes")


def reshape(draw, walk, now):
    shape = draw(shapes(now.size))
    view = reshape_in_place(now, shape)
    if view is None and not now.dtype.itemsize:
        return
    if view is None:
        with pytest.raises(Refused, match="needs a copy"):
            ask("steps", walk.base.tobytes(), array=walk.request, steps=[*walk.steps, ("reshape", shape)])
        copy(draw, walk, now, "C")
        view = walk.array.reshape(shape)
    walk.take(view, "reshape", shape)


def field(draw, walk, now):
    if now.dtype.names:
        name = draw(st.sampled_from(sorted(now.dtype.fields)))
        walk.take(now[name], "field", name)


def copy(draw, walk, now, order=None):
    if not now.dtype.itemsize:
        return  # NumPy makes S1 of S0
    order = order or draw(st.sampled_from("CF"))
    kind = draw(st.sampled_from(["copy", "into_order", "runs"]))
    if kind == "into_order" and now.flags[f"{order}_CONTIGUOUS"]:
        walk.take(now, kind, order)
    elif kind == "runs":
        walk.take(now.copy(order), kind, order, draw(st.integers(0, 300)), copied=True)
    else:
        walk.take(now.copy(order), kind, order, copied=True)


def byteorder(draw, walk, now):
    code = draw(st.sampled_from("<>"))
    swapped = now.dtype.newbyteorder(code)
    if overlaps(now.dtype) or swapped == now.dtype or not now.dtype.itemsize:
        return
    if not now.flags.forc:
        copy(draw, walk, now)
        now = walk.array
    out = now.astype(swapped, "F" if now.flags.fnc else "C")
    if out.dtype == swapped:  # not so for datetime64 without a unit: NumPy leaves its order
        walk.take(out, "byteorder", code, copied=True)


STEPS = [index, index, index, transpose, reverse_axes, reshape, field, copy, byteorder]


def check(walk):
    """The library went the same way."""
    want = walk.array
    got, data = walk.answer()
    assert got["dtype"] == spec(want.dtype)
    assert tuple(got["shape"]) == want.shape
    if want.dtype.itemsize:
        assert (got["c"], got["f"]) == (want.flags.c_contiguous, want.flags.f_contiguous)
    if want.size:
        for axis, extent in enumerate(want.shape):
            assert extent == 1 or got["strides"][axis] == want.strides[axis], f"stride of axis {axis}"
        if not walk.copied and want.nbytes:
            assert got["offset"] == request(want, walk.base)["offset"]
    assert fields_of(data, want.dtype) == fields_of(want.tobytes(), want.dtype)


@cases(10_000, walks())
def test_indexing_transposing_and_copying_equal_numpy(walk):
    check(walk)


@st.composite
def wild_indexes(draw):
    """An array and an index that may be wrong."""
    array, base = draw(arrays(max_ndim=3))
    item = st.one_of(
        st.integers(-7, 7), slices(5), st.just(None), st.just(...), st.integers(-(2**63), 2**63 - 1)
    )
    return array, base, tuple(draw(st.lists(item, min_size=1, max_size=5)))


def plainly(items):
    """An index as `repr` would write it."""
    ends = lambda item: ":".join("" if end is None else str(end) for end in (item.start, item.stop, item.step))
    return ", ".join(
        ends(item) if isinstance(item, slice) else "..." if item is Ellipsis else str(item) for item in items
    )


@cases(2_000, wild_indexes())
def test_an_index_is_refused_where_numpy_raises_index_error(drawn):
    array, base, items = drawn
    text = plainly(items)
    try:
        want = array[items if Ellipsis in items else (*items, ...)]
    except IndexError:
        with pytest.raises(Refused):
            ask("steps", base.tobytes(), array=request(array, base), steps=[("index", text)])
        return
    got, data = ask("steps", base.tobytes(), array=request(array, base), steps=[("index", text)])
    assert tuple(got["shape"]) == want.shape
    assert fields_of(data, want.dtype) == fields_of(want.tobytes(), want.dtype)
