"""A process in which real NumPy loads pickles that are not to be trusted, and that may die of it: frames on standard
input, each a `u32` and a pickle; on standard output, each a `u32` and JSON.

Two unpicklers read each. The first is Python's own with stand-ins for NumPy's names, and refuses what NumPy would take
without looking: dtype states that lie about objects, offsets or sizes, elements of nowhere. The second is the real one, with
no other names than these.
"""

import io
import json
import math
import pickle
import resource
import struct
import sys
import warnings

import numpy as np
from numpy import dtype, ndarray

import agent

try:
    from numpy._core.multiarray import _reconstruct, scalar
    from numpy._core.numeric import _frombuffer
except ImportError:
    from numpy.core.multiarray import _reconstruct, scalar
    from numpy.core.numeric import _frombuffer

MEMORY = 3 << 30
# Of a string or struct; arrays of more are another matter.
LARGEST_ITEM = 1 << 20


class Unsafe(Exception):
    """Not for NumPy."""


class OtherName(Exception):
    """Not one of the names."""


def check(holds, what):
    if not holds:
        raise Unsafe(what)


def product(shape):
    return math.prod(shape) if isinstance(shape, tuple) and all(isinstance(n, int) for n in shape) else 1


def spec(of):
    """As the agent takes it. NumPy shares the dictionary of fields with the pickle, which may go on to change it."""
    if of.names is not None and not all(isinstance(of.fields[name][1], int) for name in of.names):
        raise ValueError("an offset")
    for part in [of.fields[name][0] for name in of.names or ()]:
        spec(part)
    return agent.spec(of)


class StandIn:
    """For numpy.dtype."""

    def __new__(cls, *args, **kwargs):
        self = object.__new__(cls)
        check(args and isinstance(args[0], str) and "," not in args[0], "a dtype of no single text")
        check(len(args) >= 3 and args[2] in (0, 1) and args[2], "the state of a dtype that all share")
        self.base = dtype(args[0])
        check(self.base.names is None and self.base.subdtype is None, "a dtype of no single text")
        self.itemsize, self.has_object, self.used = self.base.itemsize, self.base.kind == "O", False
        check(self.itemsize <= LARGEST_ITEM, "a large item")
        return self

    def use(self):
        self.used = True
        return self

    def __setstate__(self, state):
        check(not self.used, "the state of a dtype in use")
        if not isinstance(state, tuple) or len(state) < 5:
            return
        version = state[0] if len(state) > 5 else 0
        if isinstance(version, int) and version >= 3 and len(state) >= 8:
            _, _, sub, names, fields, itemsize, alignment, flags = state[:8]
        else:
            raise Unsafe("an old dtype state")
        kind = self.base.kind
        if kind in "SUV":
            check(isinstance(itemsize, int) and 0 <= itemsize <= LARGEST_ITEM, "an itemsize")
            check(kind != "U" or itemsize % 4 == 0, "an itemsize")
            check(alignment in (1, 2, 4, 8, 16), "an alignment")
            self.itemsize = itemsize
        if fields is not None:
            self._fields(kind, names, fields)
        if sub is not None:
            check(kind == "V" and fields is None and isinstance(sub, tuple) and len(sub) == 2, "a subarray")
            base, shape = sub
            shape = (shape,) if isinstance(shape, int) else shape
            check(isinstance(base, StandIn) and isinstance(shape, tuple) and all(isinstance(n, int) and 0 <= n < 1000 for n in shape), "a subarray")
            check(base.use().itemsize * product(shape) == self.itemsize, "the size of a subarray")
            self.has_object = base.has_object
        check(isinstance(flags, int) and -256 < flags < 256, "flags")
        wanted = (27, 63) if self.has_object else (0, 8, 16, 24)
        check(flags & 0x7F in wanted and (kind != "O" or flags & 0x7F == 63), "flags that lie")

    def _fields(self, kind, names, fields):
        check(kind == "V" and isinstance(names, tuple) and isinstance(fields, dict), "fields")
        for name in names:
            field = fields.get(name) if isinstance(name, str) else None
            check(isinstance(field, tuple) and len(field) in (2, 3) and isinstance(field[0], StandIn), "fields")
            check(isinstance(field[1], int) and 0 <= field[1] <= self.itemsize - field[0].use().itemsize, "an offset")
            self.has_object |= field[0].has_object
        check(len(set(names)) == len(names), "fields")
        parts = sorted((fields[name][1], fields[name][1] + fields[name][0].itemsize) for name in names)
        apart = all(end <= start for (_, end), (start, _) in zip(parts, parts[1:]))
        check(apart or not self.has_object, "objects that overlap")


class Elements:
    """For numpy.ndarray."""

    def __new__(cls, *args, **kwargs):
        check(len(args) >= 3 and isinstance(args[2], (bytes, bytearray)), "elements of nowhere")
        for arg in args:
            if isinstance(arg, StandIn):
                arg.use()
        return object.__new__(cls)

    def __setstate__(self, state):
        parts = state if isinstance(state, tuple) else ()
        for part in parts:
            if isinstance(part, StandIn) and part.use().has_object:
                # NumPy does not look where the list ends.
                check(len(parts) == 5 and isinstance(parts[4], list) and len(parts[4]) == product(parts[1]), "objects of another number")


def stand_in_reconstruct(*args):
    check(len(args) == 3 and args[0] is Elements and product(args[1]) == 0, "elements of nowhere")
    return object.__new__(Elements)


def stand_in_call(*args):
    for arg in args:
        if isinstance(arg, StandIn):
            arg.use()
    return object.__new__(Elements)


def text_or_bytes(make):
    def made(*args):
        check(not any(isinstance(arg, int) for arg in args), "bytes by their number")
        return make(*args)

    return made


def encode(text, encoding):
    check(encoding in ("latin1", "latin-1", "ascii"), "a codec")
    return text.encode(encoding)


def names(of):
    out = {("numpy", "ndarray"): of["ndarray"], ("numpy", "dtype"): of["dtype"], ("_codecs", "encode"): encode}
    for core in ("numpy.core.", "numpy._core."):
        out[core + "multiarray", "_reconstruct"] = of["_reconstruct"]
        out[core + "multiarray", "scalar"] = of["scalar"]
        out[core + "numeric", "_frombuffer"] = of["_frombuffer"]
    for builtins in ("builtins", "__builtin__"):
        out[builtins, "bytearray"] = text_or_bytes(bytearray)
        out[builtins, "bytes"] = text_or_bytes(bytes)
        out |= {(builtins, make.__name__): make for make in (set, frozenset, complex)}
    return out


STAND_INS = names({"ndarray": Elements, "dtype": StandIn, "_reconstruct": stand_in_reconstruct, "scalar": stand_in_call, "_frombuffer": stand_in_call})
REAL = names({"ndarray": ndarray, "dtype": dtype, "_reconstruct": _reconstruct, "scalar": scalar, "_frombuffer": _frombuffer})


class Vetting(pickle._Unpickler):
    dispatch = dict(pickle._Unpickler.dispatch)

    def find_class(self, module, name):
        try:
            return STAND_INS[module, name]
        except KeyError:
            raise OtherName from None

    def load_build(self):
        check(isinstance(self.stack[-2], (StandIn, Elements)), "a state of something else")
        super().load_build()

    dispatch[pickle.BUILD[0]] = load_build


class Real(pickle.Unpickler):
    def find_class(self, module, name):
        try:
            return REAL[module, name]
        except KeyError:
            raise OtherName from None


class Told:
    """What a value is, as JSON, and its arrays."""

    def __init__(self):
        self.seen, self.arrays = {}, []

    def value(self, value):
        if isinstance(value, (list, dict, set, frozenset, bytearray, ndarray)) or isinstance(value, tuple) and value:
            if id(value) in self.seen:
                return ["again", self.seen[id(value)][0]]
            self.seen[id(value)] = len(self.seen), value
        if isinstance(value, (bool, type(None))):
            return repr(value)
        if isinstance(value, np.generic):
            if value.dtype.hasobject:
                return ["scalar", spec(value.dtype), self.value(value.tolist())]
            return ["scalar", spec(value.dtype), np.asarray(value).tobytes().hex()]
        if isinstance(value, int):
            return ["int", hex(value)]
        if isinstance(value, float):
            return ["float", struct.pack("<d", value).hex()]
        if isinstance(value, complex):
            return ["complex", struct.pack("<dd", value.real, value.imag).hex()]
        if isinstance(value, str):
            return ["str", value.encode("utf-8", "surrogatepass").hex()]
        if isinstance(value, (bytes, bytearray)):
            return [type(value).__name__, value.hex()]
        if isinstance(value, (list, tuple)):
            return [type(value).__name__, *map(self.value, value)]
        if isinstance(value, (set, frozenset)):
            return [type(value).__name__, *sorted(map(self.value, value), key=json.dumps)]
        if isinstance(value, dict):
            return ["dict", *([self.value(key), self.value(item)] for key, item in value.items())]
        if isinstance(value, dtype):
            return ["dtype", spec(value), repr(dict(value.metadata or {}))]
        if isinstance(value, ndarray):
            return self.array(value)
        return ["named", getattr(value, "__name__", repr(type(value)))]

    def array(self, value):
        flags, own = value.flags, {"dtype": spec(value.dtype), "shape": value.shape}
        if value.size > 1 and flags.forc:
            own |= {"c": flags.c_contiguous, "f": flags.f_contiguous}
        if value.dtype.hasobject:
            self.arrays.append({**own, "objects": True})
            return ["objects", own, *map(self.value, value.ravel().tolist())]
        own["bytes"] = value.tobytes().hex()
        self.arrays.append(own)
        return ["array", own]


def answer(data):
    try:
        vetting = Vetting(io.BytesIO(data), encoding="latin1")
        vetting.load()
        # CPython makes room for all numbers below.
        check(max(vetting.memo, default=0) < 1 << 20, "a huge memo number")
    except Unsafe as unsafe:
        return {"unsafe": str(unsafe)}
    except OtherName:
        return {"unsafe": "another name"}
    except (MemoryError, RecursionError):
        return {"unsafe": "too much"}
    except Exception:  # noqa: BLE001
        pass  # The real one says what is wrong.
    file = io.BytesIO(data)
    try:
        value = Real(file, encoding="latin1").load()
    except Unsafe as unsafe:
        return {"unsafe": str(unsafe)}
    except OtherName:
        return {"unsafe": "another name"}
    except Exception as error:  # noqa: BLE001
        return {"refused": f"{type(error).__name__}: {error}"}
    told = Told()
    try:
        return {"value": told.value(value), "arrays": told.arrays, "end": file.tell()}
    except (MemoryError, RecursionError, ValueError, LookupError, AttributeError, TypeError) as error:
        return {"unsafe": f"cannot be told: {type(error).__name__}"}


def main():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(4):
        said = answer(source.read(int.from_bytes(head, "little")))
        try:
            text = json.dumps(said).encode()
        except RecursionError:
            text = b'{"unsafe": "cannot be told: RecursionError"}'
        target.write(len(text).to_bytes(4, "little") + text)
        target.flush()


if __name__ == "__main__":
    main()
