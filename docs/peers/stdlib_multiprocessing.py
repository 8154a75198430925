"""Arrays over multiprocessing.connection with the standard library and NumPy alone; stdlib_send.py and stdlib_recv.py beside it.

    NDFERRY_TOKEN=... python stdlib_multiprocessing.py send FILE.npy HOST PORT
    NDFERRY_TOKEN=... python stdlib_multiprocessing.py recv HOST PORT OUT.npy

The messages of one array in NPB, one `send_bytes` each, are answered by b"stored". The token is the authkey of both sides.
A program that has the package does the same with `ndferry.to_frames` and `ndferry.from_frames`: docs/guide/python.md shows it.
"""
import os, sys, numpy as np
from multiprocessing.connection import Client, Listener
import stdlib_recv, stdlib_send

def send(link, array):
    """One array over a connection; returns once the other side has said that it is where it should be."""
    for parts in stdlib_send.messages(array):
        link.send_bytes(b"".join(memoryview(part).tobytes() for part in parts))
    if link.recv_bytes(100) != b"stored":
        raise IOError("the other side did not store it")

def recv(link):
    """One array from a connection. Whoever has put it where it should be answers b"stored"."""
    rest = [b""]
    def read(nbytes):
        while len(rest[0]) < nbytes:
            rest[0] += link.recv_bytes(stdlib_recv.BLOCK + 48)
        part, rest[0] = rest[0][:nbytes], rest[0][nbytes:]
        return part
    arrays, _ = stdlib_recv.take(stdlib_recv.messages(read))
    return list(arrays.values())[0]

if __name__ == "__main__":
    key = os.environ["NDFERRY_TOKEN"].encode("utf-8")
    if sys.argv[1] == "send":
        send(Client((sys.argv[3], int(sys.argv[4])), authkey=key), np.load(sys.argv[2]))
    else:
        listener = Listener((sys.argv[2], int(sys.argv[3])), authkey=key)
        sys.stderr.write("listening at %s port %d\n" % listener.address)
        link = listener.accept()
        with open(sys.argv[4] + ".part", "wb") as out:
            np.save(out, recv(link))
        os.rename(sys.argv[4] + ".part", sys.argv[4])
        link.send_bytes(b"stored")
