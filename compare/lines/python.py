"""The Python package against NumPy and pickle."""

from bench import Task
from registry import line


def both(tools, word):
    return Task(tools.package("ours", word), tools.package("theirs", word))


@line("python-loads-npy", "256 MiB of f8, NPY in memory, to an array", ours="ndferry.loads", theirs="np.load", bar=1.0)
def loads_npy(tools, folder):
    return both(tools, "loads_npy")


@line("python-loads-pickle", "the same, pickled, protocol 5", ours="ndferry.loads", theirs="pickle.loads", bar=1.0)
def loads_pickle(tools, folder):
    return both(tools, "loads_pickle")


@line("python-loads-many", "a list of 100,000 arrays of 16 f4, protocol 5", ours="ndferry.loads", theirs="pickle.loads", bar=0.7)
def loads_many(tools, folder):
    return both(tools, "loads_many")


@line("python-dumps-npy", "256 MiB of f8 to NPY in memory", ours="ndferry.dumps", theirs="np.save", bar=1.0)
def dumps_npy(tools, folder):
    return both(tools, "dumps_npy")


@line("python-dumps-pickle", "the same, protocol 5", ours="ndferry.dumps", theirs="pickle.dumps", bar=1.0)
def dumps_pickle(tools, folder):
    return both(tools, "dumps_pickle")


@line("python-dumps-many", "a dict of 100,000 arrays of 16 f4, protocol 4", ours="ndferry.dumps", theirs="pickle.dumps", bar=0.7)
def dumps_many(tools, folder):
    return both(tools, "dumps_many")


@line("python-frames", "64 MiB through a pair of ZeroMQ sockets, with checksums", ours="to_frames, from_frames",
      theirs="pyzmq's recipe and zlib.crc32", bar=1.15)
def frames(tools, folder):
    return both(tools, "frames")


@line("python-import", "importing the package", ours="import ndferry", theirs="import numpy", bar=0.3)
def imports(tools, folder):
    return both(tools, "imports")
