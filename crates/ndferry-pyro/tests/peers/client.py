"""An ordinary program that calls an object: `client.py pyro4|pyro5 SERIALIZER URI [KEY]`. Writes how many checks of each kind it
made, and what Pyro itself refuses: `scalar=9 array=3 batch=!marshal-cannot-say-calls-without-keywords`."""
from __future__ import print_function

import sys
import threading

counts = {}
refused = {}
KIND = [None]

DTYPES = ["?", "i1", ">i2", "<i4", "u8", "f2", "<f4", ">f8", "c16", "S3", "U2", "M8[s]", "m8[D]", "V4"]
# What Jython's numpy has.
JYTHON_DTYPES = ["?", "i1", ">i2", "<i4", "u8", "<f4", ">f8"]


def kind(name):
    KIND[0] = name
    counts.setdefault(name, 0)


def done(n=1):
    counts[KIND[0]] += n


def check(found, expected, what=""):
    assert found == expected and type(found) == type(expected), (what, found, expected)
    done()


def raises(call, classes, words=""):
    """Whether it raises one of these, which says so."""
    try:
        found = call()
    except classes as error:
        assert words in str(error), (words, str(error))
        return error
    raise AssertionError("nothing was raised: %r" % (found,))


def cannot(name, why, call, words=""):
    """What Pyro itself does not do is an error before anything goes out, or an answer that says so."""
    raises(call, Exception, words)
    counts[name] = 0
    refused[name] = why


def configured():
    which, serializer = sys.argv[1:3]
    if sys.platform.startswith("java"):
        import ndferry_pickle
        ndferry_pickle.install()
    if which == "pyro4":
        import Pyro4 as pyro
        pyro.config.SERIALIZER = serializer
    else:
        import Pyro5.api as pyro
        pyro.config.SERIALIZER = serializer
    return which, serializer, pyro


def main():
    which, serializer, pyro = configured()
    two, java = sys.version_info[0] == 2, sys.platform.startswith("java")
    knows_tuples = serializer in ("pickle", "marshal", "serpent")
    thing = pyro.Proxy(sys.argv[3])
    if len(sys.argv) > 4:
        thing._pyroHmacKey = sys.argv[4].encode("ascii")

    kind("scalar")
    for value in [None, True, 1, -5, 2 ** 30, 1.5, u"text \xe4\u20ac", u""]:
        back = thing.echo(value)
        assert back == value, (back, value)
        done()
    # which Pyro4 of Python 2 does not know in marshal
    if not (two and serializer == "marshal"):
        check(thing.echo(2 ** 100), 2 ** 100)
    if serializer != "json":
        data = thing.echo(bytearray(b"\x00\xff raw"))
        if serializer == "serpent":
            import serpent
            data = serpent.tobytes(data)
        check(bytes(data), b"\x00\xff raw")

    kind("nested")
    nested = {u"a": [1, {u"b": None}], u"c": [[], {}]}
    check(thing.echo(nested), nested)
    check(thing.echo((1, (2,))), (1, (2,)) if knows_tuples else [1, [2]])
    check(thing.add(1, b=5), 6)
    check(thing.add(1), 3)

    kind("array")
    arrays(thing, serializer, two, java)

    kind("exception")
    error = raises(lambda: thing.fail(u"wrong"), ValueError)
    check(list(error.args), [u"wrong", 7])
    check(bool(error._pyroTraceback), True)
    raises(lambda: thing.missing(), AttributeError, "missing")
    done()

    kind("one-way")
    thing.note(u"noted")
    check(list(thing.noted()), [u"noted"])

    # Pyro's own marshal takes what is not there, keyword arguments of batches and attributes, for a dict.
    # Those of 4.38 do not.
    is_new = which == "pyro5" or hasattr(pyro.config, "ITER_STREAMING")
    is_marshal = serializer == "marshal" and is_new
    kind("batch")
    several = (lambda: pyro.batch(thing)) if which == "pyro4" else (lambda: pyro.BatchProxy(thing))
    if is_marshal:
        def one():
            batch = several()
            batch.add(1)
            return list(batch())
        cannot("batch", "its-marshal-has-no-calls-without-keywords", one)
    else:
        batch = several()
        batch.add(1)
        batch.echo(u"x")
        # A wrapped exception is nothing that marshal can say.
        if serializer != "marshal":
            batch.fail(u"wrong")
            batch.add(2)
        results = batch()
        check(next(results), 3)
        check(next(results), u"x")
        if serializer != "marshal":
            raises(lambda: next(results), ValueError, "wrong")
            done()

    kind("iterator")
    if is_new:
        check(list(thing.count(5)), [0, 1, 2, 3, 4])
        check(list(thing.count(0)), [])
        some = thing.endless()
        check([next(some), next(some)], [0, 1])
        some.close()
        check(thing.add(1), 3)
    else:
        cannot("iterator", "older-than-4.49", lambda: thing.count(5), "iterator")
        assert thing.add(1) == 3

    kind("attribute")
    if is_marshal:
        cannot("attribute", "its-marshal-has-no-calls-without-keywords", lambda: thing.value)
    else:
        thing.value = 7
        check(thing.value, 7)
        raises(lambda: thing.secret, AttributeError, "secret")
        done()

    # An object of its own, which we call back, without a key or TLS.
    if len(sys.argv) == 4 and not getattr(pyro.config, "SSL", False):
        kind("callback")

        @pyro.expose
        class Own(object):
            def __init__(self):
                self.got = None

            def push(self, value):
                self.got = value
                return u"thanks"

        own = Own()
        daemon = pyro.Daemon(host="127.0.0.1")
        uri = daemon.register(own)
        serving = threading.Thread(target=daemon.requestLoop)
        serving.daemon = True
        serving.start()
        for place in [str(uri)] + ([own] if serializer in ("pickle", "serpent", "json") else []):
            own.got = None
            check(thing.call_back(place, 5), u"thanks")
            check(own.got, 5)
        daemon.shutdown()

    thing._pyroRelease()
    cells = sorted("%s=%d" % (name, n) + ("!" + refused[name] if name in refused else "") for name, n in counts.items())
    print(" ".join(cells))


def same(back, array):
    """Before protocol 5, NumPy makes the byte order its own when it loads."""
    assert back.dtype.newbyteorder("=") == array.dtype.newbyteorder("="), (back, array)
    assert back.shape == array.shape, (back, array)
    assert back.tolist() == array.tolist(), (back, array)
    done()


def arrays(thing, serializer, two, java):
    try:
        import numpy
    except ImportError:
        refused["array"] = "no-numpy-there"
        return
    each = [numpy.arange(6).reshape(2, 3).astype("i8").astype(dtype) for dtype in (JYTHON_DTYPES if java else DTYPES) if dtype != "V4"]
    if serializer == "pickle":
        if java:
            for array in each:
                back = thing.echo([array, {"a": array.T}])
                for one, other in [(back[0], array), (back[1]["a"].T, array), (thing.again(array), array)]:
                    assert one.dtype.kind == other.dtype.kind and one.shape == other.shape and (one == other).all(), (one, other)
                    done()
            assert thing.total(numpy.arange(1 << 16).astype("u2")) == 65535 * 32768
            check(thing.array(u"<u2").tolist(), [[0, 1, 2], [3, 4, 5]])
            return
        each.append(numpy.arange(6, dtype="<u4").view("V4").reshape(2, 3))
        for array in each + [array[:0] for array in each]:
            same(thing.again(array), array)
            for back in [thing.echo(array), thing.echo([array, {"a": array}])[1]["a"], thing.echo(array.T).T]:
                same(back, array)
        check(thing.echo(numpy.float32(1.5)), numpy.float32(1.5))
        large = numpy.arange(1 << 20, dtype="<u2")
        assert (thing.echo(large) == large).all()
        masked = numpy.ma.masked_array([1, 2, 3], [False, True, False])
        check(thing.echo(masked).filled(9).tolist(), [1, 9, 3])
        made = thing.array(u"<u2")
        check(made.tolist(), [[0, 1, 2], [3, 4, 5]])
        made += 1
        check(thing.total(made), 21)
        done()
        return
    # Pyro itself says that there are no arrays in this serializer. Some serializers take an array for a buffer of bytes.
    if not java:
        try:
            back = thing.echo(each[0])
        except Exception as error:
            assert str(error), error
            done()
        else:
            assert type(back) in (bytes, list, str, dict), type(back)
    if serializer == "json":
        check(thing.array(u"<u2"), [[0, 1, 2], [3, 4, 5]])
        for array in each:
            if array.dtype.kind in "?biuf" and array.dtype != "f2":
                check(thing.echo(array.tolist()), array.tolist())
        return
    if java:
        refused["array"] = "bytes-are-texts-in-Python-2"
        return
    import io

    def loaded(data):
        if serializer == "serpent":
            import serpent
            data = serpent.tobytes(data)
        return numpy.load(io.BytesIO(bytes(data)))

    check(loaded(thing.array(u"<u2")).tolist(), [[0, 1, 2], [3, 4, 5]])
    for array in each:
        out = io.BytesIO()
        numpy.save(out, array)
        # bytes of Python 2 are texts to serpent
        npy = bytearray(out.getvalue()) if two else out.getvalue()
        same(loaded(thing.echo(npy)), array)
        same(loaded(thing.again(npy)), array)


if __name__ == "__main__":
    main()
