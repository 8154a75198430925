"""Calls of `ndferry_math` against the real NumPy: drawn operands, and how close results have to be."""

import math

import numpy as np

from agent import Refused, ask, spec

BOOLS = ["?"]
INTS = ["i1", "<i2", "<i4", "<i8", "u1", "<u2", "<u4", "<u8"]
FLOATS = ["<f2", "<f4", "<f8"]
COMPLEX = ["<c8", "<c16"]
NUMBERS = BOOLS + INTS + FLOATS + COMPLEX
SHAPES = [(), (1,), (5,), (40,), (3, 4), (4, 1), (1, 5), (2, 3, 4), (3, 1, 4), (0,), (2, 0), (7, 9), (130, 3), (2, 2, 2, 2)]


class Draw:
    """Operands by chance; the same for the same seed."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def one(self, items):
        return items[self.random.integers(len(items))]

    def chance(self, of):
        return self.random.random() < of

    def elements(self, dtype, n, *, tame=False):
        """Small numbers mostly; unless they are to be tame, some of any size, and what is no number."""
        random, dtype = self.random, np.dtype(dtype)
        if dtype.kind == "b":
            return random.integers(0, 2, n).astype(bool)
        if dtype.kind in "iu":
            info = np.iinfo(dtype)
            small = random.integers(0 if dtype.kind == "u" else -9, 10, n).astype(dtype)
            large = random.integers(info.min, info.max, n, dtype=dtype.newbyteorder("="), endpoint=True)
            return np.where(random.random(n) < (0 if tame else 0.3), large, small)
        if dtype.kind == "c":
            part = f"f{dtype.itemsize // 2}"
            both = self.elements(part, 2 * n, tame=True).astype(part)
            return both.view(dtype)
        values = random.normal(0, 3, n)
        if not tame:
            values = np.where(random.random(n) < 0.3, random.integers(-5, 6, n), values)
            values[random.random(n) < 0.04] = np.nan
            values[random.random(n) < 0.04] = np.inf
            values[random.random(n) < 0.04] = -np.inf
            values[random.random(n) < 0.04] = -0.0
        return values.astype(dtype)

    def array(self, dtypes=NUMBERS, shape=None, *, tame=False):
        """In C order, in F order, every other element, backwards, or in the other byte order."""
        dtype = self.one(dtypes)
        shape = self.one(SHAPES) if shape is None else shape
        array = self.elements(dtype, math.prod(shape), tame=tame).reshape(shape)
        return self.laid(array)

    def laid(self, array):
        way = self.random.integers(0, 8)
        if way == 1:
            return np.asfortranarray(array)
        if way == 2 and array.ndim:
            wide = np.zeros(array.shape[:-1] + (2 * array.shape[-1],), array.dtype)
            wide[..., ::2] = array
            return wide[..., ::2]
        if way == 3 and array.ndim:
            return array[::-1].copy()[::-1]
        if way == 4:
            return array.astype(array.dtype.newbyteorder())
        return array

    def weak(self):
        """A number of Python."""
        return self.one([True, False, 0, 1, 2, -1, 3, 7, 200, 1000, 2**40, 0.5, -1.5, 2.0, 1j, 2 - 1j])


def two(draw, dtypes=NUMBERS, **options):
    """Arrays of the same shape or others, or an array and a number of Python."""
    a = draw.array(dtypes, **options)
    if draw.chance(0.25):
        pair = [a, draw.weak()]
    elif draw.chance(0.5):
        pair = [a, draw.array(dtypes, a.shape, **options)]
    else:
        pair = [a, draw.array(dtypes, **options)]
    return pair if draw.chance(0.7) else pair[::-1]


def packed(operands):
    """Operands as the agent takes them, and the bytes of the arrays among them."""
    described, payload = [], b""
    for operand in operands:
        if isinstance(operand, (np.ndarray, np.generic)):
            operand = np.asarray(operand)
            low, high = np.lib.array_utils.byte_bounds(operand) if operand.size else (0, 0)
            start = operand.__array_interface__["data"][0] - low if operand.size else 0
            data = bytes(memory(low, high))
            described.append(
                {
                    "dtype": spec(operand.dtype),
                    "shape": operand.shape,
                    "strides": operand.strides,
                    "offset": len(payload) + start,
                }
            )
            payload += data
        elif isinstance(operand, bool):
            described.append({"bool": operand})
        elif isinstance(operand, int):
            described.append({"int": str(operand)})
        elif isinstance(operand, float):
            described.append({"float": repr(operand)})
        else:
            described.append({"complex": [repr(operand.real), repr(operand.imag)]})
    return described, payload


def memory(low, high):
    import ctypes

    return (ctypes.c_char * (high - low)).from_address(low) if high > low else b""


def ours(name, operands, options=None):
    """What the library gives: a list of arrays."""
    described, payload = packed(operands)
    answer, data = ask("math", payload, name=name, operands=described, options=options or {})
    arrays = []
    for one in answer["arrays"]:
        dtype = np.dtype(one["dtype"])
        count = math.prod(one["shape"])
        arrays.append(np.frombuffer(data[: count * dtype.itemsize], dtype).reshape(one["shape"]))
        data = data[count * dtype.itemsize :]
    assert not data
    return arrays


# What else these are.
BASES = {"AxisError": ("ValueError", "IndexError"), "LinAlgError": ("ValueError",)}


def both(name, operands, numpy, options=None, *, ulps=0, scale=None):
    """Whether the library does what `numpy()` does: the same exception or the same arrays, floats within `ulps` of the
    largest magnitude of `scale` (by default of the element itself). Whether there were arrays."""
    said = f"{name}({', '.join(map(told, operands))}, {options})"
    try:
        with np.errstate(all="ignore"):
            theirs = numpy()
    except Exception as error:  # noqa: BLE001 (whatever it is, ours has to be the same)
        kinds = [kind.__name__.lstrip("_").replace("UFuncNoLoopError", "TypeError") for kind in type(error).__mro__]
        try:
            found = ours(name, operands, options)
        except Refused as refused:
            kind = str(refused).split(":")[0]
            assert kind in kinds or kinds[0] in BASES.get(kind, ()), f"{said}: {refused!r}, NumPy {error!r}"
            return False
        raise AssertionError(f"{said}: {found}, NumPy {error!r}") from None
    try:
        found = ours(name, operands, options)
    except Refused as refused:
        raise AssertionError(f"{said}: {refused}, NumPy {theirs!r}") from None
    theirs = list(theirs) if isinstance(theirs, (tuple, list)) else [theirs]
    assert len(theirs) == len(found), said
    for expected, got in zip(theirs, found):
        expected = np.asarray(expected)
        wanted = (expected.dtype.newbyteorder("="), expected.shape)
        # What only moves elements leaves their byte order.
        assert (got.dtype.newbyteorder("="), got.shape) == wanted, f"{said}: {got.dtype} {got.shape}, NumPy {wanted}"
        assert close(got, expected, ulps, scale), f"{said}:\n{got!r}\nNumPy\n{expected!r}"
    return True


def told(operand):
    return repr(operand) if isinstance(operand, np.ndarray) else f"{operand!r}"


def close(got, expected, ulps, scale):
    if got.dtype.kind == "c":
        # Whether infinity times 0 gets in depends on NumPy's loops; two runs of it need not agree.
        wild = ~np.isfinite(got) & ~np.isfinite(expected)
        got, expected = np.where(wild, 0, got), np.where(wild, 0, expected)
        size = np.abs(expected) if scale is None else scale
        with np.errstate(all="ignore"):
            return close(got.real, expected.real, ulps, size) and close(got.imag, expected.imag, ulps, size)
    same = (got == expected) | ((got != got) & (expected != expected))
    if got.dtype.kind != "f":
        return bool(np.all(same))
    with np.errstate(all="ignore"):
        size = np.abs(expected.astype("f8")) if scale is None else np.maximum(np.abs(expected), scale)
        info = np.finfo(got.dtype)
        room = ulps * np.maximum(info.eps * size, info.smallest_subnormal)
        near = np.abs(got.astype("f8") - expected.astype("f8")) <= room
    return bool(np.all(same | near))
