"""A program of Pyro5 that has `docs/peers/pyro5_arrays.py`: `beside.py FOLDER`. Writes its address, then serves until its standard
input ends."""
import os
import sys
import threading

import numpy
import Pyro5.api

sys.path.insert(0, sys.argv[1])
import pyro5_arrays


@Pyro5.api.expose
class Thing:
    def array(self, n):
        return {"deep": [numpy.arange(n, dtype="<u2").reshape(-1, 2)]}

    def frame(self, n):
        pyro5_arrays.beside(numpy.arange(n, dtype="<u2").reshape(-1, 2))

    def total(self, data):
        return int(pyro5_arrays.array(data).sum())

    def itself(self):
        """What the script on both sides makes of arrays."""
        with Pyro5.api.Proxy(uri) as proxy:
            array = proxy.array(6)["deep"][0]
            assert proxy.frame(6) is None
            other = pyro5_arrays.from_beside()
        return array.tolist() == other.tolist() == [[0, 1], [2, 3], [4, 5]]


daemon = Pyro5.api.Daemon(host="127.0.0.1")
uri = daemon.register(Thing(), "thing")
print(uri, flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
daemon.requestLoop()
