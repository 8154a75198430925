"""Pickles, read: one large array in each way in which Python 3 spells bytes, very many small arrays, a dict."""

import data
from bench import Task
from registry import line

#: The elements of the large array, and what else reading it may take.
LARGE_PEAK = (1 << 30) + (64 << 20)


def large(tools, protocol):
    path = data.pickle_large(tools, protocol)
    return Task(tools.rust("pickle-read", path), tools.python("pickle_read", path), max_peak=LARGE_PEAK)


@line("pickle-read-2", "1 GiB of f8, protocol 2, into memory", ours="Source::open, load", theirs="pickle.load", bar=0.5,
      rounds=5)
def pickle_read_2(tools, folder):
    return large(tools, 2)


@line("pickle-read-4", "the same, protocol 4", ours="Source::open, load", theirs="pickle.load", bar=1.0, rounds=5)
def pickle_read_4(tools, folder):
    return large(tools, 4)


@line("pickle-read-5", "the same, protocol 5", ours="Source::open, load", theirs="pickle.load", bar=1.0, rounds=5)
def pickle_read_5(tools, folder):
    return large(tools, 5)


@line("pickle-many", "a list of 100,000 arrays of 16 f4, protocol 4", ours="Machine::load, each array's dtype, shape, bytes",
      theirs="pickle.load", bar=0.2)
def pickle_many(tools, folder):
    path = data.pickle_many(tools)
    return Task(tools.rust("pickle-many", path), tools.python("pickle_many", path))


@line("pickle-many-2", "the same, protocol 2", ours="the same", theirs="pickle.load", bar=0.2)
def pickle_many_2(tools, folder):
    path = data.pickle_many(tools, 2)
    return Task(tools.rust("pickle-many", path), tools.python("pickle_many", path))


@line("pickle-many-lazy", "the same, protocol 4, each array loaded with its path", ours="Source::open, load each",
      theirs="pickle.load")
def pickle_many_lazy(tools, folder):
    path = data.pickle_many(tools)
    return Task(tools.rust("pickle-many-lazy", path), tools.python("pickle_many", path))


@line("pickle-dict", "a dict of 200,000 floats and 1,000 arrays, protocol 4", ours="Machine::load, each key and value",
      theirs="pickle.load", bar=0.2)
def pickle_dict(tools, folder):
    path = data.pickle_dict(tools)
    return Task(tools.rust("pickle-dict", path), tools.python("pickle_dict", path))
