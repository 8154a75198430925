"""From one process to another through ZeroMQ, into a synced file."""

import atexit
import pathlib
import shutil
import sys
import tempfile

import data
import numpy as np
from bench import HERE, Task
from lines.transfer import digest, transfer
from registry import line

URL = "zmq+tcp://127.0.0.1:0"


def ours(tools, source, target, *options):
    recv = [tools.ferry, "recv", "--listen", URL, "-o", target]
    return transfer(tools, recv, lambda url: [tools.ferry, "send", source, url, *options], target, digest)


def theirs(tools, source, target, block):
    peer = [sys.executable, HERE / "zmq_peer.py"]
    return transfer(tools, [*peer, "recv", target], lambda address: [*peer, "send", source, address, block], target, digest)


@line("zmq", "256 MiB through ZeroMQ, checked, stored as .npy", ours="ndferry send, ndferry recv -o x.npy",
      theirs="pyzmq, PUSH to PULL, messages of 1 MiB, copy=False, fsync", bar=1.0)
def zmq(tools, folder):
    source = data.big(tools)
    return Task(ours(tools, source, folder / "ours.npy"), theirs(tools, source, folder / "theirs.npy", 1 << 20),
                max_peak=64 << 20)


def million(tools):
    def make(path):
        array = np.lib.format.open_memmap(path, "w+", "u1", (1_000_000, 1024))
        rng = np.random.default_rng(1)
        for i in range(0, len(array), 100_000):
            array[i : i + 100_000] = rng.integers(0, 256, (100_000, 1024), np.uint8)
        array.flush()

    return tools.cached("million.npy", make)


def rates(ours, theirs):
    rate = {side: 1 / min(sample.wall for sample in samples) for side, samples in (("ours", ours), ("theirs", theirs))}
    return [f"zmq-small: {rate['ours']:.2f} million messages a second, pyzmq {rate['theirs']:.2f}."]


@line("zmq-small", "1,000,000 messages of 1 KiB through ZeroMQ, checked, stored in memory", rounds=5,
      ours="ndferry send --block 1KiB, ndferry recv -o x.npy", theirs="pyzmq, PUSH to PULL, copy=True")
def zmq_small(tools, folder):
    # A disk would be slower than either.
    memory = pathlib.Path("/dev/shm")
    folder = pathlib.Path(tempfile.mkdtemp(dir=memory)) if memory.is_dir() else folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    source = million(tools)
    return Task(ours(tools, source, folder / "ours.npy", "--block", "1KiB"),
                theirs(tools, source, folder / "theirs.npy", 1024), max_peak=64 << 20, notes=rates)
