"""Both sides of the lines about the Python package: `package.py ours|theirs WORD`, measured as theirs.py measures."""

import io
import json
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib

import numpy as np
from theirs import least, sha256, tell

READINGS = 5
LARGE = 32 << 20
MANY = 100_000
FRAMED = 8 << 20
WARM = 5
FEW = 4
SMALL = 20_000


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


def between_processes(receive, send, messages, begin=None):
    """What so many messages to a forked process cost both together: CPU time, and the sender's clock until all are there."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            start = time.process_time()
            sums = [receive(number) for number in range(messages)]
            os.write(writing, json.dumps([time.process_time() - start, sums]).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    started = begin() if begin else None
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(messages):
        send(number, started)
    cpu = time.process_time() - cpu
    with open(reading) as told:
        there, sums = json.load(told)
    wall = time.perf_counter() - wall
    os.waitpid(child, 0)
    return {"cpu": cpu + there, "wall": wall}, sums


def each_page(array):
    """Looks at every page of the elements, as whoever uses them would."""
    return float(array[::512].sum())


def both_ends(array):
    return float(array[0] + array[-1])


def shm_read(side):
    shm(side, each_page)


def shm(side, look=both_ends):
    """An array in memory of one process to memory of another, as it is after the first times."""
    array = large()
    if side == "ours":
        import ndferry

        folder = tempfile.TemporaryDirectory()
        url = f"shm://{folder.name}/socket"
        listener = ndferry.listen(url)
        channel = ndferry.connect(url)

        def receive(number):
            return look(listener.recv())

        def send(number, started):
            channel.send(array)
    else:
        listener = socket.create_server(("127.0.0.1", 0))
        ends = []

        def receive(number):
            if not ends:
                ends.append(listener.accept()[0])
            array = np.empty(LARGE)
            buffer, have = memoryview(array).cast("B"), 0
            while have < len(buffer):
                have += ends[0].recv_into(buffer[have:])
            ends[0].sendall(b"k")
            return look(array)

        def send(number, started):
            started.sendall(array)
            started.recv(1)

    begin = (lambda: socket.create_connection(listener.getsockname())) if side == "theirs" else None
    between_processes(receive, send, 3, begin)
    if side == "theirs":
        ends.clear()
    cost, sums = between_processes(receive, send, WARM, begin)
    tell({key: value / WARM for key, value in cost.items()}, sums)


def through_pipes(side, array, messages, kind):
    import multiprocessing

    if side == "ours":
        import ndferry.multiprocessing

        # Pages of earlier readings would make it cheaper.
        ndferry.multiprocessing.uninstall()
        ndferry.multiprocessing.install()
    if kind == "queue":
        queue = multiprocessing.SimpleQueue()
        get, put = queue.get, queue.put
    else:
        near, far = multiprocessing.Pipe()
        get, put = far.recv, near.send
    return between_processes(lambda _: each_page(get()), lambda *_: put(array), messages)


def mp_pipe(side):
    """256 MiB through a Pipe, a few times, the first time included."""
    array = large()
    readings = [through_pipes(side, array, FEW, "pipe") for _ in range(2)]
    best = min((cost for cost, _ in readings), key=lambda cost: cost["cpu"])
    tell({key: value / FEW for key, value in best.items()}, readings[0][1])


def mp_first(side):
    """256 MiB through a Pipe, once."""
    array = large()
    readings = [through_pipes(side, array, 1, "pipe") for _ in range(3)]
    tell(min((cost for cost, _ in readings), key=lambda cost: cost["cpu"]), readings[0][1])


def mp_small(side, kind="pipe"):
    """Many arrays of 1 KiB, one after the other."""
    array = np.arange(128, dtype="f8")
    readings = [through_pipes(side, array, SMALL, kind) for _ in range(READINGS)]
    best = {key: min(cost[key] for cost, _ in readings) / SMALL for key in ("cpu", "wall")}
    tell(best, len(readings[0][1]))


def mp_small_queue(side):
    mp_small(side, "queue")


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
