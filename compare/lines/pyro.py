"""Arrays and small calls through Pyro, both ways: Pyro itself at both ends, ours at one, ours at both."""

import subprocess
import sys

import bench
import numpy as np
from bench import Task
from registry import line

PYRO = bench.HERE / "pyro.py"


def stack(tools, mib):
    def make(path):
        array = np.random.default_rng(2).integers(0, 4096, (mib * 2, 512, 512), np.uint16)
        with open(path, "wb") as file:
            np.save(file, array)

    return tools.cached(f"pyro-{mib}.npy", make)


def side(tools, dialect, serializer, what, path, daemon, client):
    """What one client and its daemon take, each `ours` or `theirs`; a pair of clients takes what both take in turn."""
    servers = {"ours": [tools.rust_program, "pyro-serve", path],
               "theirs": [sys.executable, PYRO, dialect, "serve", serializer, path]}
    clients = {"ours": [tools.rust_program, "pyro-call", serializer, what],
               "theirs": [sys.executable, PYRO, dialect, "call", serializer, what]}

    def run():
        server = subprocess.Popen(list(map(str, servers[daemon])), stdout=subprocess.PIPE, text=True)
        try:
            uri = server.stdout.readline().strip()
            return bench.self_measured([*clients[client], uri])
        finally:
            server.kill()
            server.wait()

    return run


def between(tools, dialect, serializer, what, mib, ours):
    path = stack(tools, mib)
    return Task(side(tools, dialect, serializer, what, path, *ours),
                side(tools, dialect, serializer, what, path, "theirs", "theirs"))


for mib in (16, 256):
    for end, ours, bar in [("client", ("theirs", "ours"), 1.0), ("daemon", ("ours", "theirs"), 1.0),
                           ("both", ("ours", "ours"), 0.6)]:
        where = {"client": "a Proxy of ours", "daemon": "a Daemon of ours", "both": "both ours"}[end]

        @line(f"pyro4-{end}-{mib}", f"{mib} MiB of u2 there and back through Pyro4, in pickles", ours=where,
              theirs="Pyro4 and CPython at both ends", bar=bar, metric="wall", rounds=5)
        def arrays(tools, folder, mib=mib, ours=ours):
            return between(tools, "pyro4", "pickle", "array", mib, ours)

    @line(f"pyro5-bytes-{mib}", f"{mib} MiB of bytes there and back through Pyro5, in msgpack", ours="both ours",
          theirs="Pyro5 and CPython at both ends", bar=0.6, metric="wall", rounds=5)
    def data(tools, folder, mib=mib):
        return between(tools, "pyro5", "msgpack", "data", mib, ("ours", "ours"))


def rates(name):
    def notes(ours, theirs):
        rate = {side: 1 / min(sample.wall for sample in samples) for side, samples in (("ours", ours), ("theirs", theirs))}
        return [f"{name}: {rate['ours']:.0f} calls a second, Pyro {rate['theirs']:.0f}."]

    return notes


for dialect, serializer in [("pyro4", "pickle"), ("pyro5", "serpent")]:
    for end, ours in [("client", ("theirs", "ours")), ("both", ("ours", "ours"))]:
        name = f"{dialect}-small-{end}"

        @line(name, f"a call with small values through {dialect.title()}, {serializer}",
              ours="a Proxy of ours" if end == "client" else "both ours", theirs="Pyro and CPython at both ends",
              metric="wall", rounds=5)
        def small(tools, folder, dialect=dialect, serializer=serializer, ours=ours, name=name):
            task = between(tools, dialect, serializer, "small", 16, ours)
            task.notes = rates(name)
            return task
