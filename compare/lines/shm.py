"""Shared memory, from Python, against sockets and pipes; CPU time is that of both processes together."""

from bench import Task
from registry import line


def both(tools, word):
    return Task(tools.package("ours", word), tools.package("theirs", word))


@line("shm", "256 MiB of f8 from memory to memory of another process, segments warm", ours="send, recv over shm://",
      theirs="TCP, sendall, recv_into np.empty", bar=0.2)
def shm(tools, folder):
    return both(tools, "shm")


@line("shm-read", "the same, and every page looked at there", ours="send, recv over shm://",
      theirs="TCP, sendall, recv_into np.empty")
def shm_read(tools, folder):
    return both(tools, "shm_read")


@line("mp-pipe", "256 MiB of f8 through a Pipe, one of 4 with the first", ours="multiprocessing after install()",
      theirs="multiprocessing", bar=0.15, rounds=5)
def mp_pipe(tools, folder):
    return both(tools, "mp_pipe")


@line("mp-first", "the same, the first alone", ours="multiprocessing after install()", theirs="multiprocessing", bar=0.15,
      rounds=5)
def mp_first(tools, folder):
    return both(tools, "mp_first")


@line("mp-small", "one of 20,000 arrays of 1 KiB through a Pipe", ours="multiprocessing after install()",
      theirs="multiprocessing", bar=1.0)
def mp_small(tools, folder):
    return both(tools, "mp_small")


@line("mp-small-queue", "the same through a SimpleQueue", ours="multiprocessing after install()",
      theirs="multiprocessing", bar=1.0)
def mp_small_queue(tools, folder):
    return both(tools, "mp_small_queue")
