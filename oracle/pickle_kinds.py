"""Every kind of thing that NumPy pickles, in all protocols: written by one NumPy, loaded by another.

    python pickle_kinds.py write FOLDER          FOLDER/KIND.PROTOCOL.pkl and what is in them, wants.json
    python pickle_kinds.py load FOLDER [WANTS]   a line of JSON on standard output: {file: "" or what went wrong}

Needs nothing but NumPy, from 1.17 on, so that the oldest one can run it too.
"""

import hashlib
import json
import pathlib
import pickle
import sys
import warnings

import numpy as np

NUMPY = tuple(int(part) for part in np.__version__.split(".")[:2])


def plain_dtypes():
    codes = ["?", "i1", "u1", "<i2", "<u2", "<i4", ">i4", "<i8", "<u8", "<f2", "<f4", "<f8", ">f8", "<c8", "<c16", "g", "G"]
    codes += ["S3", "<U2", ">U2", "V5", "<M8[ns]", "<M8[25us]", ">M8[D]", "<m8[s]", "<m8", "O"]
    return [np.dtype(code) for code in codes]


def structs():
    yield "packed", np.dtype([("a", "<i2"), ("b", "<f8")])
    yield "aligned", np.dtype([("a", "i1"), ("b", "f8"), ("c", "i2")], align=True)
    yield "nested", np.dtype([("a", "i1"), ("in", [("x", "<f4"), ("y", ">i2", (2, 3))])])
    yield "aligned-nested", np.dtype([("a", "i1"), ("in", np.dtype([("x", "i1"), ("y", "f8")], align=True))], align=True)
    yield "titled", np.dtype([(("a title", "a"), "<i2"), ("b", "S3")])
    yield "gaps", np.dtype({"names": ["p", "q"], "formats": ["<i4", "<f8"], "offsets": [8, 16], "itemsize": 40})
    yield "objects", np.dtype([("a", "<i2"), ("o", "O")])
    yield "times", np.dtype([("t", "<M8[ms]"), ("d", "<m8[D]")])
    yield "144", np.dtype([("a", "V144")])


def filled(dtype, shape):
    """An array of that dtype whose elements differ."""
    out = np.zeros(shape, dtype)
    flat = out.reshape(-1)
    if dtype.hasobject and dtype.names is None:
        flat[:] = [("numpy._core.multiarray", i) for i in range(out.size)]
    elif dtype.names is not None:
        for name in dtype.names:
            field = dtype[name]
            base = field.base if field.subdtype else field
            part = filled(base, flat[name].shape)
            flat[name] = part
    elif dtype.kind in "SU":
        flat[:] = [str(i % 100) for i in range(out.size)]
    elif dtype.kind == "V":
        flat[:] = [bytes([i % 251 + 1]) * dtype.itemsize for i in range(out.size)]
    elif dtype.kind in "Mm":
        out.view("i8" if dtype.isnative else ">i8")[...] = np.arange(out.size).reshape(out.shape)
    else:
        flat[:] = (np.arange(out.size) % 100 + 1).astype(dtype)
    return out


def layouts():
    base = np.arange(2 * 3 * 4 * 5, dtype="<i4").reshape(2, 3, 4, 5)
    yield "C", base
    yield "F", np.asfortranarray(base)
    for axes in [(1, 0, 2, 3), (0, 2, 1, 3), (3, 1, 0, 2), (2, 3, 0, 1), (0, 3, 2, 1)]:
        yield "permuted-" + "".join(map(str, axes)), base.transpose(axes)
    yield "permuted-struct", filled(dict(structs())["nested"], (2, 3, 4)).transpose(1, 0, 2)
    yield "permuted-f2", base.astype("<f2").transpose(0, 2, 3, 1)
    yield "strided", base[::-1, ::2]
    yield "broadcast", np.broadcast_to(base[0, 0], (3, 4, 5))
    yield "scalar-like", np.array(5.5)
    yield "empty", np.zeros((0, 3))
    yield "empty-F", np.zeros((3, 0, 2), order="F")
    yield "read-only", _read_only(base)
    yield "read-only-permuted", _read_only(base.transpose(1, 2, 0, 3))
    yield "large", np.arange(30_000, dtype="<u4")
    yield "large-permuted", np.arange(60_000, dtype="<u4").reshape(20, 30, 100).transpose(1, 0, 2)
    yield "many", [np.full(7, i) for i in range(300)]
    yield "many-permuted", [np.full((2, 3, 4), i).transpose(1, 0, 2) for i in range(300)]


def _read_only(array):
    array = array.copy("K")
    array.flags.writeable = False
    return array


def containers():
    array = np.arange(24, dtype="<f8").reshape(2, 3, 4)
    turned = array.transpose(1, 0, 2)
    names = ["numpy._core.multiarray", "numpy.core.multiarray", "_reconstruct", "numpy._core.numeric", "_frombuffer"]
    names += ["numpy", "numpy.rec", "numpy.random._pickle", "K", "C", "numpy.dtype", "scalar"]
    # The pickler shares these with its own names of modules if they are the same objects.
    shared = [sys.intern(name) for name in names]
    yield "texts-before", [shared, array, turned]
    yield "texts-after", [array, turned, shared, dict.fromkeys(shared, turned)]
    yield "texts-of-globals", [type(array).__module__, np.dtype.__module__, array, np.float64(1), shared]
    module = array.__reduce__()[0].__module__
    yield "texts-shared", [module, array, module, {module: array.__reduce__()[0].__name__}]
    yield "one-twice", [array, turned, array, {"again": turned}]
    yield "views", {"a": array, "t": turned, "deep": [[(turned, {"x": turned})]]}
    knot = [array, turned]
    knot.append(knot)
    yield "knot", knot
    self_holding = np.empty(2, object)
    self_holding[0], self_holding[1] = self_holding, turned
    yield "array-in-itself", self_holding
    yield "dict-of-many", {f"k{i}": np.float32(i) for i in range(1500)}
    yield "flags-like", [144, -112, (3, "|", None, ("a",), {}, 16, 8, 144), np.int64(144)]


def scalars():
    for dtype in plain_dtypes():
        if dtype.kind != "O" and dtype != np.dtype("V5"):
            yield dtype.str, filled(dtype, (3,))[2]
    for name, dtype in structs():
        yield name, filled(dtype, (3,))[2]
    yield "void", np.void(b"ab\0")
    yield "types", [np.float64, np.int8, np.str_, np.bool_, np.datetime64, np.longdouble, np.generic, np.integer]
    yield "dtypes", plain_dtypes() + [dtype for _, dtype in structs()] + [np.dtype(("<i4", (2, 3))), np.dtype("f8", metadata={"k": 1})]


def masked():
    data = np.arange(6, dtype="<f8").reshape(2, 3)
    yield "plain", np.ma.array(data, mask=data > 3)
    yield "no-mask", np.ma.array(data)
    yield "F", np.ma.array(np.asfortranarray(data), mask=data > 3, fill_value=9)
    yield "struct", np.ma.array(filled(dict(structs())["aligned"], (3,)), mask=[(0, 1, 0), (1, 0, 0), (0, 0, 0)])
    yield "objects", np.ma.array([1, "a", None], mask=[0, 1, 0], dtype=object)
    yield "masked", np.ma.masked
    yield "record", np.ma.array(filled(dict(structs())["packed"], (3,)), mask=[(0, 1), (1, 0), (0, 0)])[0]
    import numpy.ma.mrecords as mrecords

    yield "mrecords", mrecords.fromarrays([np.arange(3), np.array([1.5, 2.5, 3.5])], names="a,b")


def subclasses():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield "matrix", np.matrix([[1, 2], [3, 4]])
        char = getattr(np, "char")
        yield "chararray", char.array(["a", "bc "])
    yield "recarray", np.rec.fromarrays([np.arange(3), np.array(["x", "y", "z"])], names="a,b")
    yield "record", np.rec.fromarrays([np.arange(3), np.array(["x", "y", "z"])], names="a,b")[1]
    yield "recarray-aligned", filled(dict(structs())["aligned"], (3,)).view(np.recarray)
    yield "poly1d", np.poly1d([1, 2, 3])
    yield "polynomial", np.polynomial.Chebyshev([1, 2, 3])
    yield "functions", [np.add, np.sin, np.concatenate, np.linalg.norm, np.ndarray]
    yield "errors", [(np.exceptions if NUMPY >= (1, 25) else np).AxisError("bad axis"), ValueError("x")]
    yield "warnings", [(np.exceptions if NUMPY >= (1, 25) else np).ComplexWarning, (np.exceptions if NUMPY >= (1, 25) else np).VisibleDeprecationWarning]


def generators():
    from numpy.random import MT19937, PCG64, SFC64, Generator, Philox, RandomState, SeedSequence

    kinds = [MT19937, PCG64, Philox, SFC64]
    if NUMPY >= (1, 21):
        kinds.append(np.random.PCG64DXSM)
    for kind in kinds:
        yield kind.__name__, kind(7)
        yield "Generator-" + kind.__name__, _used(Generator(kind(7)))
        yield "RandomState-" + kind.__name__, _used(RandomState(kind(7)))
    yield "RandomState", _used(RandomState(5))
    yield "default", np.random.default_rng(SeedSequence(5, spawn_key=(1, 2)))
    yield "SeedSequence", SeedSequence(1234567890123456789012345, spawn_key=(3, 4), pool_size=8)
    seeds = SeedSequence(5)
    seeds.spawn(2)
    yield "SeedSequence-used", seeds
    bits = PCG64(seeds)
    yield "shared", [bits, Generator(bits), seeds, Generator(bits)]
    yield "several", {"a": Generator(PCG64(1)), "b": _used(RandomState(2)), "c": [Generator(MT19937(3)), np.arange(6).reshape(1, 2, 3).T]}


def _used(random):
    random.normal(size=3)
    return random


def new_strings():
    if NUMPY >= (2, 0):
        yield "plain", np.array(["a", "longer than that"], np.dtypes.StringDType())
        yield "na", np.array(["a", None], np.dtypes.StringDType(na_object=None))
        yield "dtype", np.dtypes.StringDType()


def class_of_dtype():
    if NUMPY >= (1, 25):
        yield "float64", type(np.dtype("f8"))


def kinds():
    for dtype in plain_dtypes():
        yield "dtype", dtype.str, filled(dtype, (2, 3))
    for name, dtype in structs():
        yield "struct", name, filled(dtype, (3,))
        yield "struct-F", name, np.asfortranarray(filled(dtype, (2, 3)))
    for family in [layouts, containers, scalars, masked, subclasses, generators, new_strings, class_of_dtype]:
        for name, value in family():
            yield family.__name__, name, value


def digest(value, seen=None, depth=0):
    """What a value is, in a form that is the same in every NumPy and every order of bytes."""
    seen = {} if seen is None else seen
    if isinstance(value, (list, tuple, dict, np.ndarray)) and value is not np.ma.masked:
        if id(value) in seen:
            return f"same as {seen[id(value)]}"
        seen[id(value)] = len(seen)
        seen.setdefault("alive", []).append(value)
    inner = lambda part: digest(part, seen, depth + 1)
    if isinstance(value, dict):
        return {"dict": [[inner(key), inner(item)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [inner(item) for item in value]}
    if value is np.ma.masked:
        return "masked"
    if isinstance(value, np.ma.MaskedArray):
        filled_with = None if value.fill_value is None else repr(np.asarray(value.fill_value).tolist())
        data, mask = np.asarray(value.data), np.ma.getmaskarray(value)
        return {"masked": type(value).__name__, "data": inner(data), "mask": inner(np.asarray(mask)), "fill": filled_with}
    if isinstance(value, np.ndarray):
        return _of_array(value, inner)
    if isinstance(value, np.generic):
        return {"scalar": type(value).__name__.rstrip("_").replace("float128", "longdouble").replace("complex256", "clongdouble"), "value": inner(np.asarray(value))}
    if isinstance(value, np.dtype):
        return {"dtype": _of_dtype(value), "metadata": dict(value.metadata or {})}
    if isinstance(value, (np.random.Generator, np.random.RandomState)):
        draws = value.normal(size=2), value.standard_normal(3), value.random(3)
        return {"random": type(value).__name__, "draws": [draw.tobytes().hex() for draw in draws]}
    if isinstance(value, np.random.bit_generator.BitGenerator):
        return {"bits": type(value).__name__, "draws": [int(n) for n in value.random_raw(5)]}
    if isinstance(value, np.random.SeedSequence):
        return {"seeds": [repr(value.entropy), repr(value.spawn_key), value.pool_size, value.n_children_spawned], "state": value.generate_state(4).tolist(), "pool": value.pool.tolist()}
    if isinstance(value, np.poly1d):
        return {"poly1d": inner(value.coeffs)}
    if isinstance(value, np.polynomial.Chebyshev):
        return {"chebyshev": inner(value.coef)}
    if isinstance(value, type) or callable(value):
        return {"named": value.__name__.rstrip("_").replace("float128", "longdouble")}
    if isinstance(value, Exception):
        return {"error": str(value)}
    return repr(value)


def _of_dtype(dtype):
    if dtype.names is not None:
        fields = [[name, _of_dtype(dtype.fields[name][0]), *dtype.fields[name][1:]] for name in dtype.names]
        return {"fields": fields, "itemsize": dtype.itemsize}
    if dtype.subdtype:
        return {"base": _of_dtype(dtype.base), "shape": list(dtype.shape)}
    if dtype.kind == "T":
        return "T"
    # Of one that is unpickled, NumPy 1 may change the order of bytes.
    return dtype.str.lstrip("<>|=")


def _of_array(array, inner):
    dtype = array.dtype
    flags = array.flags
    out = {"array": type(array).__name__, "shape": list(array.shape), "dtype": _of_dtype(dtype)}
    if array.size > 1:
        out["order"] = "F" if flags.fnc else "C" if flags.c_contiguous else [stride // dtype.itemsize for stride in array.strides]
    if dtype.hasobject or dtype.kind == "T":
        # By logical index, whatever the order.
        out["objects"] = [inner(item) for item in array.ravel().tolist()]
    elif dtype.names is not None:
        plain = np.asarray(array)
        out["parts"] = [inner(np.ascontiguousarray(plain[name])) for name in dtype.names]
    else:
        native = np.ascontiguousarray(array.astype(dtype.newbyteorder("<"), copy=True))
        data = native.tobytes()
        if dtype.char in "gG":
            # What lies in the padding of a long double is nobody's.
            data = np.frombuffer(data, "u1").reshape(-1, 16)[:, :10].tobytes()
        out["bytes"] = hashlib.sha256(data).hexdigest()
    return out


def write(folder):
    wants = {}
    for family, name, value in kinds():
        # Before anything is drawn from random generators, which digests do.
        files = {}
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            file = f"{family}/{name.replace('|', '').replace('<', '').replace('>', 'big-')}.{protocol}.pkl"
            try:
                files[file] = pickle.dumps(value, protocol)
            except (pickle.PicklingError, TypeError, AttributeError) as error:
                wants[file] = f"not written: {error}"
        # Of a generator, NumPy's own copy is what is to be had.
        want = digest(pickle.loads(pickle.dumps(value, 4))) if family in ("generators", "layouts") else digest(value)
        for file, data in files.items():
            path = pathlib.Path(folder, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            wants[file] = digest(pickle.loads(data))
            del want
            want = wants[file]
    pathlib.Path(folder, "wants.json").write_text(json.dumps(wants))


def load(folder, wants):
    wants = json.loads(pathlib.Path(wants).read_text())
    out = {}
    for file, want in wants.items():
        path = pathlib.Path(folder, file)
        if isinstance(want, str) and want.startswith("not written") or not path.exists():
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                value = pickle.loads(path.read_bytes())
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                got = json.loads(json.dumps(digest(value)))
        except Exception as error:  # noqa: BLE001
            out[file] = f"{type(error).__name__}: {error}"
            continue
        out[file] = "" if got == want else f"differs: {json.dumps(got)[:300]} is not {json.dumps(want)[:300]}"
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2])
    else:
        load(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else pathlib.Path(sys.argv[2], "wants.json"))
