"""Both sides of the lines about the Python package: `package.py ours|theirs WORD`, measured as theirs.py measures."""

import io
import pickle
import subprocess
import sys
import threading
import zlib

import numpy as np
from theirs import least, sha256, tell

READINGS = 5
LARGE = 32 << 20
MANY = 100_000
FRAMED = 8 << 20


def large():
    return np.arange(LARGE, dtype="f8")


def many():
    return [np.arange(i, i + 16, dtype="f4") for i in range(MANY)]


def npy_of(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def in_turn(run, result):
    first = run()
    told = result(first)
    del first
    tell(least(READINGS, run), told)


def loads_npy(side):
    data = npy_of(large())
    ours = side == "ours" and __import__("ndferry").loads
    in_turn((lambda: ours(data)) if ours else (lambda: np.load(io.BytesIO(data))), sha256)


def loads_pickle(side):
    data = pickle.dumps(large(), 5)
    loads = __import__("ndferry").loads if side == "ours" else pickle.loads
    in_turn(lambda: loads(data), sha256)


def loads_many(side):
    data = pickle.dumps(many(), 5)
    loads = __import__("ndferry").loads if side == "ours" else pickle.loads
    in_turn(lambda: loads(data), lambda arrays: sha256(np.concatenate(arrays)))


def dumps_npy(side):
    array = large()
    ours = side == "ours" and __import__("ndferry").dumps
    in_turn((lambda: ours(array, "npy")) if ours else (lambda: npy_of(array)), lambda data: zlib.crc32(data))


def dumps_pickle(side):
    array = large()
    ours = side == "ours" and __import__("ndferry").dumps
    dump = (lambda: ours(array, "pickle", pickle_protocol=5)) if ours else (lambda: pickle.dumps(array, 5))
    in_turn(dump, lambda data: sha256(pickle.loads(data)))


def dumps_many(side):
    arrays = {str(i): array for i, array in enumerate(many())}
    ours = side == "ours" and __import__("ndferry").dumps
    dump = (lambda: ours(arrays, "pickle", pickle_protocol=4)) if ours else (lambda: pickle.dumps(arrays, 4))
    in_turn(dump, lambda data: sha256(np.concatenate(list(pickle.loads(data).values()))))


def frames(side):
    """One array through a pair of ZeroMQ sockets, with checksums on both sides."""
    import zmq

    context = zmq.Context()
    near, far = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
    near.bind("inproc://compare")
    far.connect("inproc://compare")
    array = np.arange(FRAMED, dtype="f8")
    if side == "ours":
        from ndferry import from_frames, to_frames

        def send():
            near.send_multipart(to_frames(array), copy=False)

        def recv():
            return from_frames(far.recv_multipart(copy=False))
    else:
        # The recipe of pyzmq's documentation, with a checksum.
        def send():
            about = {"dtype": str(array.dtype), "shape": array.shape, "crc": zlib.crc32(array)}
            near.send_json(about, zmq.SNDMORE)
            near.send(array, copy=False)

        def recv():
            about = far.recv_json()
            buffer = memoryview(far.recv(copy=False))
            assert zlib.crc32(buffer) == about["crc"]
            return np.frombuffer(buffer, dtype=about["dtype"]).reshape(about["shape"])

    def once():
        sender = threading.Thread(target=send)
        sender.start()
        received = recv()
        sender.join()
        return received

    in_turn(once, sha256)


def imports(side):
    """Importing, in a new interpreter each time, less what the interpreter takes."""
    module = "ndferry" if side == "ours" else "numpy"

    def start(code):
        # What the child itself says it took.
        code = f"import time; t = time.process_time_ns(); {code}; print(time.process_time_ns() - t)"
        return int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)

    cpu = min(start(f"import {module}") for _ in range(READINGS)) / 1e9
    tell({"cpu": cpu, "wall": cpu}, None)


if __name__ == "__main__":
    globals()[sys.argv[2]](sys.argv[1])
