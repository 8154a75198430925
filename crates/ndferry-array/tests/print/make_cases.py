"""Writes cases for tests/print: arrays and what NumPy prints of them, one JSON object a line.

    python make_cases.py COUNT SEED > cases.jsonl

`bytes` are repeated until the array is full; `index` is applied to it before it is printed.
"""

import json
import random
import sys

import numpy as np

COUNT, SEED = int(sys.argv[1]), int(sys.argv[2])
rng = random.Random(SEED)
SMALL = "small" in sys.argv

PLAIN = (
    "?,i1,u1,i2,u2,i4,u4,i8,u8,f2,f4,f8,g,F,D,G,f2,f4,f8,F,D,S0,S1,S5,U0,U1,U4,V1,V3,M8[D],M8[Y],M8[ns],"
    "M8[25us],M8[h],M8[s],M8[M],M8[W],m8[s],m8[D],m8[7ns],m8,M8[as],M8[m],M8[ms]"
).split(",")


def plain_dtype():
    dtype = np.dtype(rng.choice(PLAIN))
    # Of big-endian timedelta64 without a unit, NumPy swaps the largest when it looks for the width.
    return dtype.newbyteorder(">") if rng.random() < 0.2 and dtype != "m8" else dtype


def dtype(depth=0):
    if rng.random() < (0.85 if depth == 0 else 0.8):
        return plain_dtype()
    fields, offset = [], 0
    for i in range(rng.choice([0, 1, 1, 2, 2, 3])):
        inner = dtype(depth + 1) if depth < 2 else plain_dtype()
        if rng.random() < 0.3 and inner.itemsize:
            inner = np.dtype((inner, rng.choice([(2,), (3,), (2, 2), (1,), (0,), (2, 0), (8,), (2, 9)])))
        name = rng.choice(["a", "b", "x", "it's", "日", "long name"]) + str(i)
        fields.append((name, inner))
    if rng.random() < 0.3:
        return np.dtype(fields, align=True)
    # Overlaps make long doubles that no x86 computes and dates for which NumPy's arithmetic overflows.
    odd = any(code in str(fields) for code in ("float128", "complex256", "f16", "c32", "M8", "m8"))
    if rng.random() < 0.3 and fields:
        if odd or rng.random() < 0.5:
            fields = [(("Title %d" % i, name), inner) for i, (name, inner) in enumerate(fields)]
            return np.dtype(fields)
        names = [name for name, _ in fields]
        sizes = [np.dtype(inner).itemsize for _, inner in fields]
        offsets = [rng.randrange(8) for _ in fields]
        size = max(o + s for o, s in zip(offsets, sizes)) + rng.randrange(4)
        return np.dtype({"names": names, "formats": [f for _, f in fields], "offsets": offsets, "itemsize": size})
    return np.dtype(fields)


def real():
    kind = rng.randrange(12)
    if kind == 0:
        return rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 1e308, 1e-5, 1e-4, 1e8, 1e16, 999.9999999, 65504.0])
    if kind < 3:
        return float(rng.randint(-1000, 1000))
    if kind < 5:
        return round(rng.uniform(-100, 100), rng.randrange(6))
    if kind < 7:
        return rng.uniform(-1, 1)
    if kind < 8:
        return 2.0 ** rng.randint(-30, 30)
    if kind < 9:
        return 10.0 ** rng.randint(-12, 12)
    if kind < 10:
        return rng.uniform(1, 10) * 10.0 ** rng.randint(-300, 300)
    return rng.gauss(0, 10.0 ** rng.randint(-3, 3))


def tame():
    """A source of reals of one kind, so that not every array needs an exponent."""
    kind = rng.randrange(6)
    digits = rng.randrange(5)
    scale = 10.0 ** rng.randint(-6, 8)
    return {
        0: lambda: float(rng.randint(-9, 99)),
        1: lambda: round(rng.uniform(-50, 50), digits),
        2: lambda: rng.uniform(0.5, 1) * scale,
        3: lambda: rng.choice([np.nan, 1.5, -np.inf, np.inf]),
        4: lambda: rng.uniform(-1, 1),
        5: lambda: rng.choice([0.0, -0.0, 1.0]),
    }[kind]


def text(n):
    return "".join(rng.choice("ab'\"\\\n\t é日😀\x7f\0\u200b\ud800") for _ in range(n))


def fill(a, source):
    """One run of values into an array of one axis."""
    if a.dtype.names is not None:
        for name in a.dtype.names:
            fill(a[name].reshape(-1) if a[name].size else a[name], source)
            if a.dtype.fields[name][0].subdtype and a[name].size:
                flat = np.zeros(a[name].size, a[name].dtype)
                fill(flat, source)
                a[name] = flat.reshape(a[name].shape)
        return
    kind = a.dtype.kind
    for i in range(a.size):
        if kind == "b":
            a[i] = rng.random() < 0.5
        elif kind in "iu":
            info = np.iinfo(a.dtype)
            top = rng.choice([9, 100, int(info.max)])
            a[i] = rng.randint(max(int(info.min), -top), min(int(info.max), top))
        elif kind == "f":
            a[i] = source()
            if a.dtype.char == "g" and rng.random() < 0.5:
                a[i] = np.nextafter(a[i], np.longdouble(10))
        elif kind == "c":
            a[i] = complex(source(), source())
        elif kind == "S":
            a[i] = bytes(rng.choice(b"ab'\"\\\n\xff\0 ") for _ in range(a.dtype.itemsize))
        elif kind == "U":
            units = [ord(c) for c in text(a.dtype.itemsize // 4)]
            if units:
                order = ">" if a.dtype.byteorder == ">" else "<"
                a.view(a.dtype.newbyteorder(order))  # as it is
                raw = np.array(units, order + "u4").tobytes()
                a[i : i + 1] = np.frombuffer(raw, a.dtype)
        elif kind == "V":
            if a.dtype.itemsize:
                a[i] = bytes(rng.randrange(256) for _ in range(a.dtype.itemsize))
        elif kind in "mM":
            top = rng.choice([10, 1000, 10**6, 10**9, 10**14])
            value = rng.randint(-top, top) if rng.random() < 0.95 else -(2**63)
            a[i : i + 1] = np.array([value], "i8").astype(a.dtype.byteorder.replace("|", "=") + "i8").view(a.dtype)


def shape():
    if SMALL:
        choices = [(), (1,), (2,), (5,), (3, 2), (2, 2, 2), (0,), (0, 3), (30,), (40, 30), (1200,), (7, 8, 20)]
        weights = [3, 2, 3, 8, 8, 4, 1, 1, 4, 2, 2, 1]
    else:
        choices = [(), (1,), (2,), (5,), (3, 2), (2, 2, 2), (0,), (2, 0), (0, 3), (30,), (40, 30), (1200,), (7, 8, 20), (1, 1, 1, 9),
                   (200,), (3, 400), (2000, 1), (1, 2000)]
        weights = [3, 2, 3, 8, 8, 4, 1, 1, 1, 6, 2, 2, 1, 1, 2, 1, 1, 1]
    return rng.choices(choices, weights)[0]


def options():
    out = {}
    if rng.random() < 0.6:
        return out
    for name, values in {
        "precision": [0, 1, 3, 4, 12, 17, 20],
        "threshold": [5, 10, 100, 10**9],
        "edgeitems": [1, 2, 4],
        "linewidth": [20, 40, 75, 120, 5],
        "suppress": [True],
        "sign": ["+", " "],
        "floatmode": ["fixed", "unique", "maxprec", "maxprec_equal"],
    }.items():
        if rng.random() < 0.25:
            out[name] = rng.choice(values)
    if SMALL and out.get("threshold") == 10**9:
        del out["threshold"]
    return out


def to_json(d):
    if d.subdtype:
        base, dims = d.subdtype
        return {"base": to_json(base), "shape": list(dims)}
    if d.names is None:
        return d.str
    fields = []
    for name in d.names:
        inner, offset, *title = d.fields[name]
        fields.append([name, title[0] if title else None, to_json(inner), offset])
    return {"fields": fields, "itemsize": d.itemsize, "aligned": d.isalignedstruct}


def index(ndim):
    if ndim == 0 or rng.random() < 0.7:
        return ""
    return ", ".join(rng.choice([":", "::-1", "1:", "::2", "-1:", ":"]) for _ in range(ndim))


def case():
    d, dims = dtype(), shape()
    source = real if rng.random() < 0.3 else tame()
    size = int(np.prod(dims))
    run = min(size, rng.choice([3, 5, 11] if SMALL else [5, 11, 30, 300]))
    with np.errstate(all="ignore"):
        few = np.zeros(run, d)
        fill(few, source)
    d, raw = few.dtype, few.tobytes()
    whole = few[np.arange(size) % max(run, 1)].reshape(dims)
    picked = index(len(dims))
    a = eval(f"whole[{picked}]") if picked else whole
    transpose = rng.random() < 0.1
    if transpose:
        a = a.T
    opts = options()
    form = rng.choice(["str", "repr", "repr", "elements"])
    with np.printoptions(**opts):
        try:
            if form == "str":
                printed = str(a)
            elif form == "repr":
                printed = repr(a)
            else:
                form = {"separator": rng.choice([", ", " ", ",", " | "]), "prefix": rng.choice(["", "data = "]), "suffix": rng.choice(["", ")))"])}
                printed = np.array2string(a, **form)
        except (ValueError, RuntimeError, SystemError) as error:
            print(f"left out: {error}", file=sys.stderr)
            return None
    try:
        printed.encode()
    except UnicodeEncodeError:
        # Lone surrogates as they are, in the str of an array without axes.
        return None
    return {
        "dtype": to_json(d),
        "shape": list(dims),
        "bytes": raw.hex(),
        "index": picked,
        "transpose": transpose,
        "options": opts,
        "form": form,
        "text": printed,
    }


done = 0
while done < COUNT:
    made = case()
    line = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    if made is None or (SMALL and len(line) > 700):
        continue
    print(line)
    done += 1
