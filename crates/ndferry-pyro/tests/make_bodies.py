"""Prints what Pyro's own serializers make of some values, one line each: dialect, Python, serializer, what comes out of it
there again, and the bytes.

    python make_bodies.py pyro4 >> bodies.txt        # an environment with Pyro4 (or Pyro5), msgpack and NumPy
"""
from __future__ import print_function

import binascii
import struct
import sys

TWO = sys.version_info[0] == 2
TEXT = type(u"")


def hexed(data):
    return binascii.hexlify(bytes(data)).decode("ascii")


def tell(value):
    """The same words as in `bodies.rs`."""
    if value is None:
        return "N"
    if value is True or value is False:
        return "T" if value else "F"
    if isinstance(value, int) or (TWO and isinstance(value, long)):
        return "i%d" % value
    if type(value) is float:
        return "fnan" if value != value else "f" + hexed(struct.pack(">d", value))
    if type(value) is complex:
        return "c" + hexed(struct.pack(">dd", value.real, value.imag))
    if isinstance(value, TEXT):
        return "s" + hexed(value.encode("utf-8"))
    if TWO and isinstance(value, str):
        return "p" + hexed(value)
    if isinstance(value, (bytes, bytearray)):
        return "b" + hexed(value)
    if isinstance(value, list):
        return "[" + ",".join(map(tell, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ",".join(map(tell, value)) + ")"
    if isinstance(value, (set, frozenset)):
        return "<" + ",".join(sorted(map(tell, value))) + ">"
    if isinstance(value, dict):
        if set(value) == {"data", "encoding"}:
            return "b" + hexed(binascii.a2b_base64(value["data"]))
        return "{" + ",".join(sorted(tell(k) + ":" + tell(v) for k, v in value.items())) + "}"
    if isinstance(value, BaseException):
        name = type(value).__module__ + "." + type(value).__name__
        return "x" + name + tell(list(value.args)) + tell(dict(vars(value)))
    if type(value).__name__ == "URI":
        return "u" + str(value)
    import numpy
    if isinstance(value, (numpy.ndarray, numpy.generic)):
        kind = "a" if isinstance(value, numpy.ndarray) else "n"
        if value.dtype.kind != "V":
            value = value.astype(value.dtype.newbyteorder("<"))
        shape = ".".join(map(str, value.shape))
        return kind + value.dtype.str + "/" + shape + "/" + hexed(value.tobytes())
    raise TypeError(type(value))


def values(core):
    yield None
    yield [True, False, 0, 1, -1, 127, 128, -32, -33, -128, 255, 256, 65535, 65536, -65536, 2**31 - 1, -(2**31), 2**31]
    yield [2**63 - 1, -(2**63), 2**64 - 1, 2**64, -(2**100), 10**30]
    yield [0.0, -0.0, 1.5, -1e300, 5e-324, float("inf"), float("-inf"), 0.1]
    yield float("nan")
    yield [1.5 + 2j, -0.5j, 3j]
    yield [u"", u"a", u"it's \"quoted\" \\ \n\t\r\0\x07", u"\xe4\u20ac\U0001f600", u"x" * 40, u"y" * 300]
    yield b"\x00\x01\xfe\xff'\"\\n"
    yield [b"", b"x" * 300]
    yield (1, (2,), (), [[]], {})
    yield {"a": 1, "b": [1, 2], "c": {"d": None}}
    yield {1: "one", (2, 3): "two"}
    yield {1, 2, 3}
    yield frozenset([u"a"])
    yield [[1, 2, 3], [1, 2, 3]] * 3
    same = [u"same", b"same"]
    yield [same, same, (same, same)]
    error = ValueError("wrong", 7)
    error._pyroTraceback = ["Traceback (most recent call last):\n", "ValueError: wrong\n"]
    yield error
    yield core.URI("PYRO:camera@localhost:9000")
    yield core.URI("PYRO:camera@./u:/tmp/socket")
    yield ("camera", "snap", (1, "x"), {"exposure": 0.5})


def arrays():
    import numpy
    for dtype in ["?", "i1", ">i2", "<i4", "u8", "f2", "<f4", ">f8", "c8", "S3", "U2", "M8[s]", "m8[D]", "V4"]:
        yield numpy.arange(48, dtype="u1").view("u1")[: 2 * 3 * numpy.dtype(dtype).itemsize].view(
            dtype
        ).reshape(2, 3) if dtype not in ("?", "U2") else numpy.array([[1, 0, 1], [0, 0, 1]]).astype(dtype)
    yield numpy.asfortranarray(numpy.arange(6, dtype="<u2").reshape(2, 3))
    yield numpy.arange(24, dtype="<i4").reshape(2, 3, 4).transpose(1, 2, 0)
    yield numpy.zeros((0, 3), "<f4")
    yield numpy.array(7, "<i8")
    yield numpy.float32(1.5)
    yield [numpy.arange(3, dtype="<u2"), {"roi": numpy.arange(4, dtype="<i4")}]
    yield ("camera", "show", (numpy.arange(300, dtype="<u2"),), {})


def main(which):
    if which == "pyro4":
        import Pyro4
        from Pyro4 import core, util
        get = util.get_serializer
        Pyro4.config.SERIALIZERS_ACCEPTED = {"pickle", "json", "marshal", "serpent", "msgpack"}
        names = ["serpent", "json", "marshal", "pickle", "msgpack"]
    else:
        from Pyro5 import core, serializers
        get = serializers.serializers.__getitem__
        names = ["serpent", "json", "marshal", "msgpack"]
    python = "%d.%d" % sys.version_info[:2]
    for name in names:
        try:
            serializer = get(name)
        except Exception as error:
            print("without", name, error, file=sys.stderr)
            continue
        for value in list(values(core)) + (list(arrays()) if name == "pickle" else []):
            try:
                data = serializer.dumps(value)
                back = serializer.loads(data)
                told = tell(back)
            except Exception as error:
                print("not", name, repr(value)[:60], repr(error)[:80], file=sys.stderr)
                continue
            print(which, python, name, told.replace(" ", "_"), hexed(data))


main(sys.argv[1])
