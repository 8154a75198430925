"""One end of the lines about Pyro, by Pyro itself: the words of compare/src/pyro.rs.

    pyro.py pyro4|pyro5 serve SERIALIZER FILE
    pyro.py pyro4|pyro5 call SERIALIZER array|data|small URI
"""

import hashlib
import json
import sys
import time

import numpy as np

READINGS = 5
CALLS = 3000


def configured(which, serializer):
    if which == "pyro4":
        import Pyro4 as pyro

        pyro.config.SERIALIZER = serializer
        pyro.config.SERIALIZERS_ACCEPTED = {serializer}
    else:
        import Pyro5.api as pyro

        pyro.config.SERIALIZER = serializer
    return pyro


def took():
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    return time.process_time(), peak


def serve(pyro, path):
    loaded = np.load(path)
    raw = loaded.tobytes()

    @pyro.expose
    class Store:
        def array(self):
            return loaded

        def data(self):
            return raw

        def put(self, value):
            return len(value) if isinstance(value, bytes) else value.nbytes

        def add(self, a, b):
            return a + b

        def took(self):
            return took()

    daemon = pyro.Daemon(host="127.0.0.1")
    print(daemon.register(Store(), "store"), flush=True)
    daemon.requestLoop()


def call(pyro, what, uri):
    store = pyro.Proxy(uri)
    before, _ = store.took()
    costs = []
    if what == "small":
        own, wall = time.process_time(), time.perf_counter()
        for _ in range(CALLS):
            assert store.add(2, 3) == 5
        readings, result = CALLS, 5
        costs.append(((time.process_time() - own) / CALLS, (time.perf_counter() - wall) / CALLS))
    else:
        method = getattr(store, what)
        for _ in range(READINGS):
            own, wall = time.process_time(), time.perf_counter()
            last = method()
            assert store.put(last) == (len(last) if isinstance(last, bytes) else last.nbytes)
            costs.append((time.process_time() - own, time.perf_counter() - wall))
        readings, result = READINGS, hashlib.sha256(last).hexdigest()
    after, peak = store.took()
    cpu = min(cpu for cpu, _ in costs) + (after - before) / readings
    print(json.dumps({"cpu": cpu, "wall": min(wall for _, wall in costs), "peak": max(peak, took()[1]), "result": result}))


if __name__ == "__main__":
    which, word, serializer, *rest = sys.argv[1:]
    pyro = configured(which, serializer)
    {"serve": serve, "call": call}[word](pyro, *rest)
