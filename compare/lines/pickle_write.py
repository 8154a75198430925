"""Pickles, written: one large array in each way in which Python 3 spells bytes."""

import data
from bench import Task
from registry import line

#: The elements of the array, which both sides hold; what else is needed shows only beyond that.
LARGE_PEAK = (1 << 30) + (64 << 20)


def large(tools, folder, protocol):
    path = data.pickle_large(tools, 4)
    words = [path, folder / "written.pkl", str(protocol)]
    return Task(tools.rust("pickle-write", *words), tools.python("pickle_write", *words), max_peak=LARGE_PEAK)


@line("pickle-write-2", "1 GiB of f8 in memory, protocol 2, into a file; the same bytes", ours="save", theirs="pickle.dump",
      bar=0.2, rounds=3)
def pickle_write_2(tools, folder):
    return large(tools, folder, 2)


@line("pickle-write-4", "the same, protocol 4", ours="save", theirs="pickle.dump", bar=1.0, rounds=3)
def pickle_write_4(tools, folder):
    return large(tools, folder, 4)


@line("pickle-write-5", "the same, protocol 5", ours="save", theirs="pickle.dump", bar=1.0, rounds=3)
def pickle_write_5(tools, folder):
    return large(tools, folder, 5)
