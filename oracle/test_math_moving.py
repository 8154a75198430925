"""Indices of arrays, joined, cut, turned and padded arrays: `ndferry_math` against the real NumPy 2."""

import hypothesis.strategies as st
import numpy as np
import pytest

from cases import cases
from mathematics import NUMBERS, SHAPES, Draw, both

pytestmark = pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="promotes as NumPy 1")
seeds = st.integers(0, 2**32)


@cases(1000, seeds)
def test_indexing_with_arrays(seed):
    draw = Draw(seed)
    random = draw.random
    a = draw.array(NUMBERS, draw.one([(6,), (4, 5), (3, 4, 5), (2, 3, 2, 3)]))
    index, told, arrays, axis = [], [], [], 0
    wide = draw.one([(3,), (2, 1), (1,), ()])
    while axis < a.ndim and not draw.chance(0.15):
        extent = a.shape[axis]
        kind = random.integers(0, 7)
        if kind == 0:
            item = int(random.integers(-extent, extent + draw.chance(0.05)))
            told.append(item)
        elif kind in (1, 2):
            parts = [None if draw.chance(0.4) else int(random.integers(-extent - 1, extent + 2)) for _ in range(2)]
            step = draw.one([None, 1, 2, -1, -2])
            item = slice(*parts, step)
            told.append({"slice": [*parts, step]})
        elif kind == 3:
            item = None
            told.append(None)
            axis -= 1
        elif kind == 4 and Ellipsis not in [x for x in index if not isinstance(x, np.ndarray)]:
            item = Ellipsis
            told.append("...")
            axis += int(random.integers(0, a.ndim - axis)) - 1
        elif kind == 5:
            item = random.integers(0, 2, a.shape[axis : axis + 1 + draw.chance(0.2)]).astype(bool)
            axis += item.ndim - 1
        else:
            item = draw.laid(random.integers(-extent, extent + draw.chance(0.05), wide).astype(draw.one(["<i8", "<i4", "i1"])))
        if isinstance(item, np.ndarray):
            told.append({"array": 1 + len(arrays)})
            arrays.append(item)
        index.append(item)
        axis += 1
    index = tuple(index)
    worked = both("getitem", [a, *arrays], lambda: a[index], {"index": told})
    if worked:
        for one in told:
            if isinstance(one, dict) and "array" in one:
                one["array"] += 1
        shape = a[index].shape
        value = draw.array(NUMBERS[:12] if a.dtype.kind != "c" else NUMBERS, draw.one([shape, shape[1:], ()]), tame=True)

        def changed():
            copy = a.copy()
            copy[index] = value
            return copy

        both("setitem", [a, value, *arrays], changed, {"index": told})


@cases(700, seeds)
def test_joining_and_turning(seed):
    draw = Draw(seed)
    random = draw.random
    any_dtype = NUMBERS + ["S3", "<M8[s]", ">i4"]

    def some(shape=None, dtypes=any_dtype):
        shape = draw.one(SHAPES) if shape is None else shape
        dtype = np.dtype(draw.one(dtypes))
        if dtype.kind in "SM":
            return draw.laid(random.integers(0, 99, shape).astype(dtype.str if dtype.kind == "S" else "i8").astype(dtype))
        return draw.array([dtype.str], shape)

    name = draw.one("concatenate stack vstack hstack dstack column_stack split array_split roll flip rot90 tile repeat take pad "
                    "tril triu diag diagonal delete nonzero broadcast_to".split())  # fmt: skip
    a = some()
    if name in ("concatenate", "stack", "vstack", "hstack", "dstack", "column_stack"):
        dtypes = NUMBERS if draw.chance(0.7) else [a.dtype.str]
        arrays = [some(a.shape if draw.chance(0.95) else None, dtypes) for _ in range(random.integers(1, 4))]
        options = {}
        if name in ("concatenate", "stack"):
            options = {"axis": int(random.integers(-1, max(a.ndim, 1)))}
        both(name, arrays, lambda: getattr(np, name)(arrays, **options), options)
    elif name in ("split", "array_split") and a.ndim:
        axis, sections = int(random.integers(a.ndim)), int(random.integers(1, 4))
        if draw.chance(0.5):
            cuts = sorted(int(x) for x in random.integers(0, a.shape[axis] + 2, 2))
            both(name, [a], lambda: getattr(np, name)(a, cuts, axis), {"indices": cuts, "axis": axis})
        else:
            both(name, [a], lambda: getattr(np, name)(a, sections, axis), {"sections": sections, "axis": axis})
    elif name == "roll":
        shift = int(random.integers(-9, 9))
        axis = None if draw.chance(0.4) or not a.ndim else int(random.integers(a.ndim))
        both(name, [a], lambda: np.roll(a, shift, axis), {"shift": shift, "axis": axis})
    elif name == "flip":
        axis = None if draw.chance(0.4) or not a.ndim else int(random.integers(-a.ndim, a.ndim))
        both(name, [a], lambda: np.flip(a, axis), {"axis": axis})
    elif name == "rot90":
        k = int(random.integers(-3, 6))
        both(name, [a], lambda: np.rot90(a, k), {"k": k})
    elif name == "tile":
        reps = [int(x) for x in random.integers(0, 3, random.integers(1, 4))]
        both(name, [a], lambda: np.tile(a, reps), {"reps": reps})
    elif name == "repeat":
        repeats, axis = int(random.integers(0, 4)), None if draw.chance(0.4) or not a.ndim else int(random.integers(a.ndim))
        both(name, [a], lambda: np.repeat(a, repeats, axis), {"repeats": repeats, "axis": axis})
    elif name == "take" and a.ndim:
        axis = None if draw.chance(0.3) else int(random.integers(a.ndim))
        indices = random.integers(-6, 7, draw.one([(), (3,), (2, 2)]))
        mode = draw.one(["raise", "wrap", "clip"])
        both(name, [a, indices], lambda: np.take(a, indices, axis, mode=mode), {"axis": axis, "mode": mode})
    elif name == "pad":
        widths = [int(x) for x in random.integers(0, 4, 2 * a.ndim)] or [0]
        mode = draw.one(["constant", "edge", "reflect", "symmetric", "wrap"])
        if a.ndim and a.dtype.kind not in "SM":
            pairs = list(zip(widths[::2], widths[1::2]))
            both(name, [a], lambda: np.pad(a, pairs, mode), {"pad_width": widths, "mode": mode})
    elif name in ("tril", "triu"):
        k = int(random.integers(-3, 4))
        if a.ndim and a.dtype.kind not in "SM":
            both(name, [a], lambda: getattr(np, name)(a, k), {"k": k})
    elif name == "diag":
        k = int(random.integers(-3, 4))
        if a.dtype.kind not in "SM":
            both(name, [a], lambda: np.diag(a, k), {"k": k})
    elif name == "diagonal":
        k = int(random.integers(-3, 4))
        both(name, [a], lambda: np.diagonal(a, k), {"offset": k})
    elif name == "delete" and a.ndim:
        axis = int(random.integers(a.ndim))
        indices = [int(x) for x in random.integers(-3, 4, 2)]
        both(name, [a], lambda: np.delete(a, indices, axis), {"indices": indices, "axis": axis})
    elif name == "nonzero" and a.dtype.kind not in "SM":
        both(name, [a], lambda: np.nonzero(a))
    elif name == "broadcast_to":
        shape = (*map(int, random.integers(0, 3, random.integers(0, 2))), *a.shape)
        both(name, [a], lambda: np.broadcast_to(a, shape), {"shape": shape})
