"""An ordinary program that keeps arrays by number: `daemon.py pyro4|pyro5 SERIALIZER TIMEOUT [KEY]`. Writes its address, then
serves until its standard input ends."""
import io
import os
import sys
import threading

import numpy

which, serializer, timeout = sys.argv[1:4]
if which == "pyro4":
    import Pyro4 as pyro

    pyro.config.SERIALIZERS_ACCEPTED = {serializer}
else:
    import Pyro5.api as pyro
pyro.config.SERIALIZER = serializer
pyro.config.COMMTIMEOUT = 0.0 if timeout == "-" else float(timeout)
pyro.config.THREADPOOL_SIZE = 150

rows = int(os.environ["NDFERRY_PYRO_FAULT_ROWS"])
TRUTH = ((numpy.arange(rows * 200, dtype="u8") ** 2 // 7) & 0xFFFF).astype("<u2").reshape(rows, 200)


def of_bytes(array):
    return array if isinstance(array, numpy.ndarray) else numpy.load(io.BytesIO(bytes(array)))


def to_bytes(array):
    if serializer == "pickle":
        return array
    out = io.BytesIO()
    numpy.save(out, array)
    return out.getvalue()


def told(array):
    """1 for the right one, 2 for another."""
    return 1 if array.shape == TRUTH.shape and array.dtype == TRUTH.dtype and (array == TRUTH).all() else 2


@pyro.expose
class Store(object):
    numbers = {}

    def put(self, number, array):
        self.numbers[number] = told(of_bytes(array))
        return number

    def array(self):
        return to_bytes(TRUTH)

    def kept(self, number):
        return self.numbers.get(number, 0)


if __name__ == "__main__":
    daemon = pyro.Daemon(host="127.0.0.1")
    if len(sys.argv) > 4:
        daemon._pyroHmacKey = sys.argv[4].encode("ascii")
    print(daemon.register(Store(), "store"))
    sys.stdout.flush()

    def wait():
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=wait).start()
    daemon.requestLoop()
