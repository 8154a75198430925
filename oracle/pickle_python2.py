"""Values that Python 2, Python 3 and Jython all know, pickled by one and unpickled by another. Runs on each of them.

    python pickle_python2.py write FOLDER     FOLDER/NAME.PROTOCOL.pkl, protocols 0 to 2, and what is in them, wants.json
    python pickle_python2.py load FOLDER      a line of JSON on standard output: {file: what is in it, or what went wrong}
"""

import array
import datetime
import decimal
import json
import os
import pickle
import sys

try:
    import numpy
except ImportError:
    numpy = None

PY2 = sys.version_info[0] == 2
JYTHON = sys.platform.startswith("java")
if PY2:
    text = unicode  # noqa: F821
    whole = (int, long)  # noqa: F821
else:
    text, whole = str, int


def arrays():
    for code in "bBhHiIlLfd":
        numbers = [0, 1, 2, 100] if code.isupper() or code == "B" else [0, -1, 2, -100]
        yield code, array.array(code, numbers)
    yield "empty", array.array("d")
    yield "many", array.array("i", range(2500))
    yield "text", array.array("u", u"a\u00e9\u65e5")


def values():
    for code, numbers in arrays():
        name = {"b": "int8", "B": "uint8"}.get(code, code + "-unsigned" if code.isupper() else code)
        yield "array-" + name, numbers
    shared = array.array("d", [1.5, -2.5])
    yield "arrays", {"one": shared, "again": [shared, (shared,)]}
    yield "numbers", [0, 1, -1, 255, 65536, -(2 ** 31), 2 ** 31, 2 ** 63, -(2 ** 70), 1.5, -0.0, 1e300, True, False, None]
    yield "texts", [u"", u"a\nb\\c", u"\u00e9\u65e5", "plain", {u"key": [(), (1,), (1, 2, 3, 4)]}]
    yield "bytes", [bytearray(b"ab\xff\x00"), bytearray()]
    yield "sets", [set([1, 2]), frozenset([3]), {"in": set()}]
    yield "times", [datetime.datetime(2010, 11, 24, 17, 0, 56, 123456), datetime.date(2010, 11, 29), datetime.timedelta(3, 4, 5)]
    yield "decimal", decimal.Decimal("1.50")
    yield "long-list", list(range(1001))
    yield "long-dict", dict((i, str(i)) for i in range(1000))
    knot = [1]
    knot.append((knot, {"self": knot}))
    yield "knot", knot
    if numpy is not None:
        for code in ["<i4", ">f8", "<c8", "S3", "<U2", "<M8[us]", "?", "O"]:
            yield "numpy-" + code.strip("<>?[]") + ("-big" if code[0] == ">" else ""), numpy.zeros(6, "<i8").astype(code).reshape(2, 3)
        yield "numpy-F", numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3))
        yield "numpy-bytes", numpy.arange(256).astype("u1")
        struct = numpy.zeros(3, numpy.dtype([("a", "i1"), ("b", "f8")], align=True))
        yield "numpy-struct", struct


def digest(value, depth=0):
    if depth > 6:
        return "..."
    inner = lambda part: digest(part, depth + 1)
    if isinstance(value, array.array):
        return ["array", value.typecode, [inner(item) for item in value.tolist()]]
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, whole):
        return "%d" % value
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (bytes, bytearray)):
        return ["text", value.decode("latin1")]
    if isinstance(value, text):
        return ["text", value]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, [inner(item) for item in value]]
    if isinstance(value, (set, frozenset)):
        return [type(value).__name__, sorted(json.dumps(inner(item)) for item in value)]
    if isinstance(value, dict):
        return ["dict", sorted(json.dumps([inner(key), inner(item)]) for key, item in value.items())]
    if numpy is not None and isinstance(value, numpy.ndarray):
        names = value.dtype.names or ()
        native = value if names or value.dtype.kind == "O" else value.astype(value.dtype.newbyteorder("<"))
        shown = repr(native.tolist()).replace("u'", "'").replace("b'", "'").replace("0L", "0")
        return ["ndarray", list(value.shape), bool(value.flags.fnc), value.dtype.kind, value.dtype.itemsize, names, shown]
    return [type(value).__name__, str(value)]


def write(folder):
    wants = {}
    for name, value in values():
        for protocol in range(3):
            file = "%s.%d.pkl" % (name, protocol)
            with open(os.path.join(folder, file), "wb") as out:
                pickle.dump(value, out, protocol)
            wants[file] = digest(value)
    with open(os.path.join(folder, "wants.json"), "w") as out:
        json.dump(wants, out)


def load(folder):
    out = {}
    for file in sorted(os.listdir(folder)):
        if file.endswith(".pkl"):
            try:
                with open(os.path.join(folder, file), "rb") as opened:
                    out[file] = digest(pickle.load(opened))
            except Exception as error:  # noqa: BLE001
                out[file] = "%s: %s" % (type(error).__name__, error)
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    {"write": write, "load": load}[sys.argv[1]](sys.argv[2])
