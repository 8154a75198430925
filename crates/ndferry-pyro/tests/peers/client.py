"""An ordinary program that calls an object: `client.py pyro4|pyro5 SERIALIZER URI [KEY]`. Writes how many checks it made."""
from __future__ import print_function

import sys

done = 0


def check(found, expected, what=""):
    global done
    assert found == expected and type(found) == type(expected), (what, found, expected)
    done += 1


def main():
    which, serializer, uri = sys.argv[1:4]
    if which == "pyro4":
        import Pyro4 as pyro
        pyro.config.SERIALIZER = serializer
    else:
        import Pyro5.api as pyro
        pyro.config.SERIALIZER = serializer
    two = sys.version_info[0] == 2
    knows_tuples = serializer in ("pickle", "marshal", "serpent")
    thing = pyro.Proxy(uri)
    if len(sys.argv) > 4:
        thing._pyroHmacKey = sys.argv[4].encode("ascii")

    # scalars
    for value in [None, True, 1, -5, 2 ** 30, 1.5, u"text \xe4\u20ac", u""]:
        back = thing.echo(value)
        assert back == value, (back, value)
        global done
        done += 1
    # which Pyro4 of Python 2 does not know in marshal
    if not (two and serializer == "marshal"):
        check(thing.echo(2 ** 100), 2 ** 100)
    # nested
    nested = {u"a": [1, {u"b": None}], u"c": [[], {}]}
    check(thing.echo(nested), nested)
    check(thing.echo((1, (2,))), (1, (2,)) if knows_tuples else [1, [2]])
    check(thing.add(1, b=5), 6)
    check(thing.add(1), 3)
    # exceptions
    try:
        thing.fail(u"wrong")
        raise AssertionError("nothing was raised")
    except ValueError as error:
        check(list(error.args), [u"wrong", 7])
        check(bool(error._pyroTraceback), True)
    try:
        thing.missing()
        raise AssertionError("nothing was raised")
    except AttributeError:
        done += 1
    # attributes; Pyro's own marshal cannot say calls without keyword arguments
    if serializer != "marshal":
        thing.value = 7
        check(thing.value, 7)
    # one-way
    thing.note(u"noted")
    check(list(thing.noted()), [u"noted"])
    # iterators
    if hasattr(pyro.config, "ITER_STREAMING"):
        check(list(thing.count(5)), [0, 1, 2, 3, 4])
        check(list(thing.count(0)), [])
        some = thing.endless()
        check([next(some), next(some)], [0, 1])
        some.close()
        check(thing.add(1), 3)
    # batch
    if serializer != "marshal":
        batch = pyro.batch(thing) if which == "pyro4" else pyro.BatchProxy(thing)
        batch.add(1)
        batch.echo(u"x")
        batch.fail(u"wrong")
        batch.add(2)
        results = batch()
        check(next(results), 3)
        check(next(results), u"x")
        try:
            next(results)
            raise AssertionError("nothing was raised")
        except ValueError:
            done += 1
    # bytes
    if serializer != "json":
        data = thing.echo(bytearray(b"\x00\xff raw"))
        if serializer == "serpent":
            import serpent
            data = serpent.tobytes(data)
        check(bytes(data), b"\x00\xff raw")
    # arrays
    try:
        import numpy
    except ImportError:
        numpy = None
    if numpy and serializer == "pickle":
        for dtype in ["?", "i1", ">i2", "<i4", "u8", "f2", "<f4", ">f8", "c16", "S3", "U2", "M8[s]", "m8[D]"]:
            for array in [numpy.arange(6).reshape(2, 3).astype("i8").astype(dtype), numpy.zeros((0, 2), dtype)]:
                for back in [thing.echo(array), thing.echo([array, {"a": array}])[1]["a"], thing.echo(array.T).T]:
                    # Before protocol 5, NumPy makes the byte order its own when it loads.
                    assert back.dtype.newbyteorder("=") == array.dtype.newbyteorder("="), (back, array)
                    assert back.shape == array.shape, (back, array)
                    assert back.tolist() == array.tolist(), (back, array)
                    done += 1
        scalar = thing.echo(numpy.float32(1.5))
        check(scalar, numpy.float32(1.5))
        large = numpy.arange(1 << 20, dtype="<u2")
        assert (thing.echo(large) == large).all()
        masked = numpy.ma.masked_array([1, 2, 3], [False, True, False])
        check(thing.echo(masked).filled(9).tolist(), [1, 9, 3])
        made = thing.array(u"<u2")
        check(made.tolist(), [[0, 1, 2], [3, 4, 5]])
        made += 1
        check(thing.total(made), 21)
        done += 1
    elif numpy and serializer != "json":
        import io
        data = thing.array(u"<u2")
        if serializer == "serpent":
            import serpent
            data = serpent.tobytes(data)
        check(numpy.load(io.BytesIO(bytes(data))).tolist(), [[0, 1, 2], [3, 4, 5]])
    elif serializer == "json":
        check(thing.array(u"<u2"), [[0, 1, 2], [3, 4, 5]])
    thing._pyroRelease()
    print(done)


main()
