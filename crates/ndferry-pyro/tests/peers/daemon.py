"""An ordinary program that serves an object: `daemon.py pyro4|pyro5 SERIALIZER [KEY]`. Writes its address, then serves until
its standard input ends."""
from __future__ import print_function

import os
import sys
import threading


def configured(which, serializer):
    if sys.platform.startswith("java"):
        import ndferry_pickle
        ndferry_pickle.install()
    if which == "pyro4":
        import Pyro4 as pyro
        pyro.config.SERIALIZER = serializer
        pyro.config.SERIALIZERS_ACCEPTED = {serializer}
        if sys.version_info[0] == 2:
            pyro.config.PICKLE_PROTOCOL_VERSION = 2
    else:
        import Pyro5.api as pyro
        pyro.config.SERIALIZER = serializer
    return pyro


def main():
    which, serializer = sys.argv[1:3]
    pyro = configured(which, serializer)

    @pyro.expose
    class Thing(object):
        def __init__(self):
            self._value = 1
            self._noted = []

        def echo(self, *args, **kwargs):
            return kwargs if kwargs else args[0]

        def add(self, a, b=2):
            return a + b

        def fail(self, message):
            raise ValueError(message, 7)

        def array(self, dtype):
            import numpy
            return numpy.arange(6).reshape(2, 3).astype(dtype)

        def total(self, array):
            return int(array.sum())

        def described(self, array):
            """What NumPy has here: dtype, shape and elements as text."""
            import io
            import numpy
            if not isinstance(array, numpy.ndarray):
                if serializer == "serpent":
                    import serpent
                    array = serpent.tobytes(array)
                array = numpy.load(io.BytesIO(bytes(array)))
            dtype = array.dtype.newbyteorder("=").str.lstrip("<=|")
            data = array.astype(array.dtype.newbyteorder("<")).tobytes()
            return [dtype, list(array.shape), "".join("%02x" % byte for byte in bytearray(data))]

        def call_back(self, place, n):
            """Calls an object of the caller's."""
            if not isinstance(place, pyro.Proxy):
                place = pyro.Proxy(place)
            with place:
                return place.add(n, 1)

        def npy(self, n):
            import io
            import numpy
            out = io.BytesIO()
            numpy.save(out, numpy.arange(n, dtype="<u2"))
            return out.getvalue()

        def count(self, n):
            for i in range(n):
                yield i

        def endless(self):
            i = 0
            while True:
                yield i
                i += 1

        @pyro.oneway
        def note(self, text):
            self._noted.append(text)

        def noted(self):
            return self._noted

        @property
        def value(self):
            return self._value

        @value.setter
        def value(self, value):
            self._value = value

    daemon = pyro.Daemon(host="127.0.0.1")
    if len(sys.argv) > 3:
        daemon._pyroHmacKey = sys.argv[3].encode("ascii")
    print(daemon.register(Thing(), "thing"))
    sys.stdout.flush()

    def wait():
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=wait).start()
    daemon.requestLoop()


main()
