"""ZeroMQ's own library (pyzmq, as it is) at the other end: the scripts of docs/peers, and programs that know nothing of us."""

import io
import pathlib
import pickle
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

from agent import ROOT, TARGET

zmq = pytest.importorskip("zmq")

PEERS = ROOT / "docs" / "peers"
RNG = np.random.default_rng(7)
ARRAYS = {
    "C": RNG.normal(size=(300, 70, 11)),
    "F": np.asfortranarray(RNG.integers(0, 9, (50, 40), dtype=np.uint16)),
    "big-endian": RNG.integers(0, 9, 1000).astype(">i4"),
    "0-d": np.array(2.5),
    "empty": np.empty((3, 0, 2), "f4"),
    "bool": RNG.random((17, 3)) > 0.5,
    "complex": RNG.random(40) + 1j,
    "times": np.arange(30).astype("M8[ms]"),
    "text": np.array(["ä", "bc", ""]),
    "bytes": np.array([b"a", b"xyz"]),
    "structured": np.array([(1, 2.5), (3, 4.5)], [("a", "<i2"), ("b", ">f8")]),
    "one long row": RNG.integers(0, 255, (1, 5 << 20), dtype=np.uint8),
    "many blocks": RNG.integers(0, 255, 24 << 20, dtype=np.uint8),
}
PLAIN = [name for name in ARRAYS if name != "structured"]


@pytest.fixture
def context():
    with zmq.Context() as context:
        context.setsockopt(zmq.LINGER, 10_000)
        context.setsockopt(zmq.RCVTIMEO, 20_000)
        context.setsockopt(zmq.SNDTIMEO, 20_000)
        yield context


def same(path, array):
    there = np.load(path)
    assert (there.dtype, there.shape) == (array.dtype, array.shape)
    assert there.tobytes() == array.tobytes()


class Ferry:
    """The command, on its own; `url` is where it listens or has connected to."""

    def __init__(self, folder, *words):
        self.process = subprocess.Popen(
            [TARGET / "ndferry", *words], cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self.said = ""

    @classmethod
    def recv(cls, folder, *words, url="zmq+tcp://127.0.0.1:0"):
        ferry = cls(folder, "recv", "--listen", url, *words)
        ferry.said = ferry.process.stderr.readline()
        ferry.url = re.match(r"listening on (\S+)", ferry.said)[1]
        ferry.address = ferry.url.removeprefix("zmq+")
        return ferry

    def finish(self, code=0, timeout=120):
        try:
            self.said += self.process.communicate(timeout=timeout)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert self.process.returncode == code, self.said
        return self.said


def script(name, *words, timeout=60):
    done = subprocess.run([sys.executable, PEERS / name, *words], capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr



def test_scripts_have_at_most_40_lines():
    for path in PEERS.glob("zmq_*.py"):
        assert len(path.read_text().splitlines()) <= 40, path


@pytest.mark.parametrize("name", ARRAYS)
def test_a_script_sends_and_is_acknowledged(tmp_path, name):
    np.save(tmp_path / "x.npy", ARRAYS[name])
    ferry = Ferry.recv(tmp_path, "-o", "y.npy")
    script("zmq_send.py", tmp_path / "x.npy", ferry.address)
    ferry.finish()
    same(tmp_path / "y.npy", ARRAYS[name])


@pytest.mark.parametrize("name", ["C", "0-d", "empty", "many blocks"])
def test_a_script_pushes(tmp_path, name):
    np.save(tmp_path / "x.npy", ARRAYS[name])
    ferry = Ferry.recv(tmp_path, "-o", "y.npy", url=f"zmq+ipc://{tmp_path}/s")
    script("zmq_send.py", tmp_path / "x.npy", ferry.address, "push")
    ferry.finish()
    same(tmp_path / "y.npy", ARRAYS[name])


@pytest.mark.parametrize("name", ARRAYS)
def test_a_script_receives_and_acknowledges(tmp_path, name):
    np.save(tmp_path / "x.npy", ARRAYS[name])
    address = f"ipc://{tmp_path}/s"
    peer = subprocess.Popen([sys.executable, PEERS / "zmq_recv.py", address, tmp_path / "y.npy"])
    while not (tmp_path / "s").exists():
        assert peer.poll() is None
    said = Ferry(tmp_path, "send", "x.npy", f"zmq+{address}").finish()
    assert "stored and verified there" in said
    assert peer.wait(20) == 0
    same(tmp_path / "y.npy", ARRAYS[name])


def test_neither_script_is_let_in_where_a_token_is_asked_for(tmp_path):
    np.save(tmp_path / "x.npy", ARRAYS["C"])
    (tmp_path / "token").write_text("a long one")
    ferry = Ferry.recv(tmp_path, "-o", "y.npy", "--token-file", "token")
    done = subprocess.run([sys.executable, PEERS / "zmq_send.py", tmp_path / "x.npy", ferry.address],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "refused: it asks for a token" in done.stderr
    ferry.process.terminate()
    ferry.process.communicate()
    assert not (tmp_path / "y.npy").exists()


def send_array(socket, array, flags=0, copy=True, track=False):
    """As the guide of pyzmq has it, https://pyzmq.readthedocs.io/en/latest/howto/serialization.html"""
    md = dict(dtype=str(array.dtype), shape=array.shape)
    socket.send_json(md, flags | zmq.SNDMORE)
    return socket.send(array, flags, copy=copy, track=track)


def recv_array(socket, flags=0, copy=True, track=False):
    """As the guide of pyzmq has it."""
    md = socket.recv_json(flags=flags)
    msg = socket.recv(flags=flags, copy=copy, track=track)
    return np.frombuffer(memoryview(msg), dtype=md["dtype"]).reshape(md["shape"])


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("name", [name for name in PLAIN if name not in ("F", "times", "empty")])
def test_send_array_of_the_guide_is_received(tmp_path, context, name, copy):
    ferry = Ferry.recv(tmp_path, "--recipe", "json", "-o", "y.npy")
    with context.socket(zmq.PUSH) as socket:
        socket.connect(ferry.address)
        send_array(socket, ARRAYS[name], copy=copy)
        ferry.finish()
    same(tmp_path / "y.npy", ARRAYS[name])


@pytest.mark.parametrize("name", [name for name in PLAIN if name != "times"])
def test_recv_array_of_the_guide_receives(tmp_path, context, name):
    np.save(tmp_path / "x.npy", ARRAYS[name])
    with context.socket(zmq.PULL) as socket:
        socket.bind(f"ipc://{tmp_path}/s")
        ferry = Ferry(tmp_path, "send", "x.npy", f"zmq+ipc://{tmp_path}/s", "--recipe", "json", "--no-ack")
        there = recv_array(socket)
        assert "not acknowledged" in ferry.finish()
    assert (there.dtype, there.shape) == (ARRAYS[name].dtype, ARRAYS[name].shape)
    assert there.tobytes() == ARRAYS[name].tobytes()


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("name", ARRAYS)
def test_send_pyobj_is_received_and_a_request_is_answered(tmp_path, context, name, protocol):
    ferry = Ferry.recv(tmp_path, "--recipe", "pyobj", "-o", "y.npy")
    with context.socket(zmq.REQ) as socket:
        socket.connect(ferry.address)
        socket.send_pyobj(ARRAYS[name], protocol=protocol)
        assert socket.recv() == b"OK"
        # It was stored before it was answered.
        same(tmp_path / "y.npy", ARRAYS[name])
    ferry.finish()


@pytest.mark.parametrize("name", ARRAYS)
def test_recv_pyobj_receives_and_answers(tmp_path, context, name):
    np.save(tmp_path / "x.npy", ARRAYS[name])
    with context.socket(zmq.REP) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        ferry = Ferry(tmp_path, "send", "x.npy", f"zmq+tcp://127.0.0.1:{port}", "--recipe", "pyobj", "--zmq", "req")
        there = socket.recv_pyobj()
        socket.send_json({"thanks": True})
        assert "answered" in ferry.finish()
    # NumPy turns numbers of the other byte order around when it reads a pickle.
    assert there.dtype.newbyteorder("=") == ARRAYS[name].dtype.newbyteorder("=")
    np.testing.assert_array_equal(there, ARRAYS[name])


def test_a_dict_of_arrays_is_a_message_of_several(tmp_path, context):
    ferry = Ferry.recv(tmp_path, "--recipe", "pyobj", "-o", "y.npz")
    with context.socket(zmq.DEALER) as socket:
        socket.connect(ferry.address)
        socket.send_pyobj({"a": ARRAYS["C"], "b": ARRAYS["F"]})
        ferry.finish()
    with np.load(tmp_path / "y.npz") as there:
        assert sorted(there) == ["a", "b"]
        np.testing.assert_array_equal(there["a"], ARRAYS["C"])


def test_a_camera_that_publishes_is_connected_to(tmp_path, context):
    with context.socket(zmq.PUB) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        url = f"zmq+tcp://127.0.0.1:{port}"
        ferry = Ferry(tmp_path, "recv", "--connect", url, "--recipe", "json", "--count", "3", "-o", "y.npy")
        done, number = threading.Event(), 0

        def publish():
            nonlocal number
            while not done.wait(0.01):
                # With a topic in front, as is the custom.
                socket.send(b"frames", zmq.SNDMORE)
                send_array(socket, np.full((4, 5), number, np.uint16))
                number += 1

        thread = threading.Thread(target=publish)
        thread.start()
        try:
            ferry.finish()
        finally:
            done.set()
            thread.join()
    first = np.load(tmp_path / "y.npy")[0, 0]
    for i, name in enumerate(["y.npy", "y-2.npy", "y-3.npy"]):
        same(tmp_path / name, np.full((4, 5), first + i, np.uint16))


def test_messages_of_several_senders_come_whole(tmp_path, context):
    ferry = Ferry.recv(tmp_path, "--recipe", "json", "--count", "40", "-o", "y.npy")

    def push(value):
        with context.socket(zmq.PUSH) as socket:
            socket.connect(ferry.address)
            for _ in range(10):
                send_array(socket, np.full(200_000, value))

    threads = [threading.Thread(target=push, args=[value]) for value in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    ferry.finish()
    values = sorted(np.load(path)[0] for path in tmp_path.glob("y*.npy"))
    assert values == sorted(list(range(4)) * 10)


class Evil:
    def __reduce__(self):
        return (pathlib.Path("run").touch, ())


HOSTILE = {
    "json": [
        [b"{"],
        [b"{}", b""],
        [b"[]", b"12345678"],
        [b'{"dtype": "f8", "shape": [2]}', b"12345678"],
        [b'{"dtype": "f8", "shape": [-1]}', b"12345678"],
        [b'{"dtype": "f8", "shape": [4611686018427387904, 4]}', b""],
        [b'{"dtype": "O", "shape": [1]}', b"12345678"],
        [b'{"dtype": "f8", "shape": 1}', b"12345678"],
        [b"[" * 100_000, b"12345678"],
        [b"", b""],
        [b"x"] * 2000,
    ],
    "pyobj": [
        [b""],
        [b"\x80\x05."],
        [pickle.dumps(Evil())],
        [pickle.dumps("no array")],
        [b"cos\nsystem\n(S'touch run'\ntR."],
        [pickle.dumps(np.ones(1000))[:-100]],
    ],
    "frames": [[b""], [b"\x93NPB"], [b"\x93NPB\x01" + bytes(35), b""], [bytes(40)] * 50],
}


@pytest.mark.parametrize("recipe, number", [(recipe, i) for recipe in HOSTILE for i in range(len(HOSTILE[recipe]))])
def test_hostile_messages_are_refused_and_run_nothing(tmp_path, context, recipe, number):
    ferry = Ferry.recv(tmp_path, "--recipe", recipe, "-o", "y.npy")
    with context.socket(zmq.PUSH) as socket:
        socket.connect(ferry.address)
        socket.send_multipart(HOSTILE[recipe][number])
        said = ferry.finish(code=2)
    assert "error: " in said and "panicked" not in said
    assert [path.name for path in tmp_path.iterdir()] == []


def test_arrays_beside_something_hostile_are_taken_and_nothing_is_run(tmp_path, context):
    ferry = Ferry.recv(tmp_path, "--recipe", "pyobj", "-o", "y.npy")
    with context.socket(zmq.PUSH) as socket:
        socket.connect(ferry.address)
        socket.send_pyobj([np.ones(3), Evil()])
        ferry.finish()
    assert [path.name for path in tmp_path.iterdir()] == ["y.npy"]
    same(tmp_path / "y.npy", np.ones(3))


def test_a_message_longer_than_is_taken_is_refused_before_it_has_come(tmp_path, context):
    ferry = Ferry.recv(tmp_path, "--recipe", "pyobj", "-o", "y.npy", "--limit-stream", "1MiB")
    with context.socket(zmq.PUSH) as socket:
        socket.connect(ferry.address)
        socket.send(bytes(2 << 20))
        assert "at most" in ferry.finish(code=2)


def test_frames_go_both_ways(tmp_path, context):
    ndferry = pytest.importorskip("ndferry")
    ferry = Ferry.recv(tmp_path, "--recipe", "frames", "-o", "y.npy")
    with context.socket(zmq.PUSH) as socket:
        socket.connect(ferry.address)
        socket.send_multipart(ndferry.to_frames(ARRAYS["C"]), copy=False)
        ferry.finish()
    same(tmp_path / "y.npy", ARRAYS["C"])


def test_our_frames_come_back_to_us(tmp_path, context):
    """Through a program in between, which sends on what it gets."""
    np.save(tmp_path / "x.npy", ARRAYS["F"])
    ferry = Ferry.recv(tmp_path, "--recipe", "frames", "-o", "y.npy")
    with context.socket(zmq.PULL) as inward, context.socket(zmq.PUSH) as outward:
        port = inward.bind_to_random_port("tcp://127.0.0.1")
        outward.connect(ferry.address)
        sender = Ferry(tmp_path, "send", "x.npy", f"zmq+tcp://127.0.0.1:{port}", "--recipe", "frames", "--no-ack")
        outward.send_multipart(inward.recv_multipart())
        sender.finish()
        ferry.finish()
    same(tmp_path / "y.npy", ARRAYS["F"])


@pytest.mark.skipif(not pathlib.Path("/proc/self/status").exists(), reason="the system does not tell the peak of memory")
def test_memory_of_a_receiving_script_is_bounded_by_credits(tmp_path):
    """The array, and what ZeroMQ queues: the window and no more, although its high-water mark counts messages."""
    np.save(tmp_path / "x.npy", np.zeros(200 << 20, np.uint8))
    address = f"ipc://{tmp_path}/s"
    slow = f"""
import re, sys, time
sys.path.insert(0, {str(PEERS)!r})
import zmq, zmq_recv
def peak(): return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) << 10
def store(array): print(array.nbytes, peak())
class Slow:
    def __init__(self, socket): self.socket = socket
    def __setattr__(self, name, value): self.__dict__[name] = value
    def __getattr__(self, name): return getattr(self.socket, name)
    def recv_multipart(self): time.sleep(0.006); return self.socket.recv_multipart()
socket = zmq.Context.instance().socket(zmq.ROUTER)
socket.bind({address!r})
print(peak(), flush=True)
zmq_recv.recv(Slow(socket), store)
"""
    peer = subprocess.Popen([sys.executable, "-c", slow], stdout=subprocess.PIPE, text=True)
    before = int(peer.stdout.readline())
    Ferry(tmp_path, "send", "x.npy", f"zmq+{address}").finish()
    nbytes, peak = map(int, peer.communicate(timeout=120)[0].split())
    extra = peak - before - nbytes
    print(f"extra memory of the script: {extra / 2**20:.0f} MiB")
    # The second bound is that it was measured: blocks have been queued.
    assert 1 << 20 < extra < 64 << 20


def camera(folder, frames, *words):
    """Sends a live stream out of a pipe: the process, where it listens, and what to write the frames to."""
    ferry = Ferry.__new__(Ferry)
    ferry.process = subprocess.Popen(
        [TARGET / "ndferry", "send", "--live", "-", "zmq+tcp://127.0.0.1:0", *words],
        cwd=folder, stdin=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(frames[:0]))
    ferry.process.stdin.write(header.getvalue())
    ferry.process.stdin.flush()
    ferry.address = re.match(rb"listening on zmq\+(\S+)", ferry.process.stderr.readline())[1].decode()
    return ferry


def subscribed(context, address, **options):
    socket = context.socket(zmq.SUB)
    socket.linger = 0  # nobody is told that it leaves
    for name, value in options.items():
        setattr(socket, name, value)
    socket.subscribe(b"")
    socket.connect(address)
    return socket


def test_subscribers_and_an_acknowledging_watcher_see_the_same_live_stream(tmp_path, context, monkeypatch):
    monkeypatch.syspath_prepend(str(PEERS))
    zmq_watch = pytest.importorskip("zmq_watch")
    frames = RNG.integers(0, 1 << 16, (40, 700, 1000), dtype=np.uint16)  # two blocks each
    ferry = camera(tmp_path, frames, "--policy", "every", "--watchers", "3")
    seen = [[], []]

    def watch(into, socket):
        with socket:
            into.extend(zmq_watch.frames(socket))

    threads = [threading.Thread(target=watch, args=(into, subscribed(context, ferry.address))) for into in seen]
    for thread in threads:
        thread.start()
    watcher = Ferry(tmp_path, "recv", "--live", f"zmq+{ferry.address}", "-o", "watched.npy")
    ferry.process.stdin.write(frames.tobytes())
    _, said = ferry.process.communicate(timeout=120)
    assert ferry.process.returncode == 0, said
    watcher.finish()
    for thread in threads:
        thread.join()
    for into in seen:
        assert [number for number, _ in into] == list(range(len(frames)))
        assert np.array_equal(np.stack([array for _, array in into]), frames)
    same(tmp_path / "watched.npy", frames)


def test_a_slow_subscriber_misses_frames_and_holds_up_nobody(tmp_path, context, monkeypatch):
    monkeypatch.syspath_prepend(str(PEERS))
    zmq_watch = pytest.importorskip("zmq_watch")
    frames = np.broadcast_to(np.arange(100, dtype=np.uint8)[:, None, None], (100, 1024, 2048))
    ferry = camera(tmp_path, frames)
    with subscribed(context, ferry.address, rcvhwm=2) as socket:
        taken = zmq_watch.frames(socket)
        ferry.process.stdin.write(frames[0].tobytes())
        ferry.process.stdin.flush()
        assert next(taken)[0] == 0
        # All are taken from the pipe although nobody reads them: what waits in queues and sockets is far from 200 MiB.
        ferry.process.stdin.write(frames[1:].tobytes())
        ferry.process.stdin.close()
        rest = list(taken)
    ferry.process.stdin = None
    said = ferry.process.communicate(timeout=120)[1].decode()
    assert ferry.process.returncode == 0, said
    numbers = [number for number, _ in rest]
    assert numbers == sorted(set(numbers)) and numbers[-1] == 99 and len(numbers) < 80, numbers
    assert all((array == number).all() for number, array in rest)
    print(f"of 100 frames {1 + len(rest)} came; {said.strip().splitlines()[-1]}")


def test_subscribers_are_not_let_in_where_a_token_is_asked_for(tmp_path, context):
    (tmp_path / "token").write_text("a long one")
    frames = np.zeros((3, 4, 5))
    ferry = camera(tmp_path, frames, "--token-file", "token")
    with subscribed(context, ferry.address, rcvtimeo=1000) as socket:
        ferry.process.stdin.write(frames.tobytes())
        ferry.process.stdin.flush()
        with pytest.raises(zmq.Again):
            socket.recv_multipart()
    ferry.process.kill()
    ferry.process.communicate()
