"""Every transport carries every kind of array between Python and the command, both ways: dtype, shape, order, bytes."""

import pathlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import ndferry
from conftest import counts

# How a receiver may be reached; one more transport is one more line. `{folder}` is an empty one.
TRANSPORTS = {
    "tcp": "tcp://127.0.0.1:0",
    "unix": "unix://{folder}/s",
    "shm": "shm://{folder}/s",
    "shm-host": "shm://127.0.0.1:0",
    "tls": "tls://127.0.0.1:0",
    "zmq+tcp": "zmq+tcp://127.0.0.1:0",
    "zmq+ipc": "zmq+ipc://{folder}/s",
}

STRUCT = np.dtype([("a", "<i2"), ("b", ">f4", (2, 3)), ("in", [("z", ">f8")]), ("text", "<U3")], align=True)
NUMBERS = np.arange(60 * 70 * 3, dtype="<u2").reshape(60, 70, 3)
OBJECTS = np.array([[1, "two", None], [3.5, (4, 5), {"k": b"six"}]], dtype=object)

# Name: what is sent from Python; and what the command sends, a file and which part of it.
ARRAYS: dict[str, tuple[Any, Any, str | None]] = {
    "C": (NUMBERS, NUMBERS, None),
    "F": (np.asfortranarray(NUMBERS.astype(">f4")),) * 2 + (None,),
    "strided": (NUMBERS[::-2, 3:50:3, 1], NUMBERS, "::-2, 3:50:3, 1"),
    "structured": (np.zeros((50, 7), STRUCT),) * 2 + (None,),
    "object": (OBJECTS, OBJECTS, None),
    "0-d": (np.array(1 + 2j, "<c16"),) * 2 + (None,),
    "empty": (NUMBERS[:3, :0],) * 2 + (None,),
}
ARRAYS["structured"][0]["b"] = np.arange(50 * 7 * 6, dtype=">f4").reshape(50, 7, 2, 3)
ARRAYS["structured"][0]["text"] = "日本"

# Those that can grow: along the first axis, in C order.
GROWING = [name for name in ARRAYS if name not in ("object", "0-d", "empty")] + ["300 MiB"]

LARGE = 300 << 20


@pytest.fixture(params=TRANSPORTS)
def url(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    url = TRANSPORTS[request.param].format(folder=tmp_path)
    try:
        ndferry.listen(url).close()
    except ndferry.FerryError as error:
        if "not in this build" in str(error):
            pytest.skip(str(error))
        raise
    return url


def assert_same(ours: Any, array: Any, name: str) -> None:
    assert ours.dtype == array.dtype, name
    assert ours.shape == array.shape, name
    if array.ndim > 1 and array.flags.forc and array.size:
        assert (ours.flags.c_contiguous, ours.flags.f_contiguous) == (
            array.flags.c_contiguous,
            array.flags.f_contiguous,
        ), name
    if array.dtype.hasobject:
        assert repr(ours.tolist()) == repr(array.tolist()), name
    else:
        assert ours.tobytes() == array.tobytes(), name


def command(*words: Any) -> list[str]:
    return [sys.executable, "-m", "ndferry", *map(str, words)]


@pytest.fixture
def receiving(tmp_path: pathlib.Path) -> Iterator[Any]:
    """Starts the command's receiver; gives where it listens, and the process."""
    processes = []

    def start(url: str, target: pathlib.Path) -> tuple[str, Any]:
        words = command("recv", "--listen", url, "-o", target, "--timeout", 30)
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stderr
        line = process.stderr.readline()
        # Goes on reading, so that the receiver never waits for us.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        assert line.startswith("listening on "), line
        return line.split()[-1], process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def large() -> Any:
    return np.arange(LARGE >> 1, dtype="<u2").reshape(-1, 1024)


def test_the_command_sends_to_python(url: str, tmp_path: pathlib.Path) -> None:
    with ndferry.listen(url, timeout=30) as listener:
        for name, (array, stored, part) in {**ARRAYS, "300 MiB": (None, None, None)}.items():
            if name == "300 MiB":
                array = stored = large()
            path = tmp_path / "sent.npy"
            np.save(path, stored, allow_pickle=True)
            words = command("send", path, listener.url) + (["-s", part] if part else [])
            sender = subprocess.Popen(words, stderr=subprocess.PIPE)
            received = listener.recv()
            _, said = sender.communicate(timeout=60)
            assert sender.returncode == 0, said
            assert_same(received, array, name)
            path.unlink()
            counts[f"arrays sent by the command over {url.partition(':')[0]}, received in Python"] += 1


def test_python_sends_to_the_command(url: str, tmp_path: pathlib.Path, receiving: Any) -> None:
    for name, (array, _, _) in {**ARRAYS, "300 MiB": (None, None, None)}.items():
        if name == "300 MiB":
            array = large()
        target = tmp_path / "received.npb"
        address, receiver = receiving(url, target)
        assert ndferry.connect(address, timeout=30).send(array) > 0
        assert receiver.wait(60) == 0
        assert_same(np.asarray(ndferry.load(target)), array, name)
        target.unlink()
        counts[f"arrays sent from Python over {url.partition(':')[0]}, received by the command"] += 1


def growing(name: str) -> Any:
    return large().reshape(150, -1, 1024) if name == "300 MiB" else ARRAYS[name][0]


def test_the_command_streams_to_python(url: str, tmp_path: pathlib.Path) -> None:
    for name in GROWING:
        array = growing(name)
        np.save(tmp_path / "sent.npy", array)
        words = command("send", "--live", tmp_path / "sent.npy", url, "--policy", "every")
        sender = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        assert sender.stderr
        line = sender.stderr.readline()
        assert line.startswith("listening on "), line
        with ndferry.watch(line.split()[-1], timeout=30) as watcher:
            frames = list(watcher)
        said = sender.communicate(timeout=60)[1]
        assert sender.returncode == 0, said
        assert [number for number, _ in frames] == list(range(len(array))), name
        assert watcher.dtype == array.dtype, name
        for (_, frame), row in zip(frames, array, strict=True):
            assert frame.dtype == row.dtype and frame.shape == row.shape and frame.tobytes() == row.tobytes(), name
        counts[f"growing arrays sent by the command over {url.partition(':')[0]}, received in Python"] += 1


def test_python_streams_to_the_command(url: str, tmp_path: pathlib.Path) -> None:
    for name in GROWING:
        array = growing(name)
        target = tmp_path / "received.npb"
        with ndferry.live(url, array.shape[1:], array.dtype, policy="every", timeout=30) as live:
            words = command("recv", "--live", live.url, "-o", target, "--timeout", 30)
            receiver = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
            assert live.wait_for(1, 30)
            for row in array:
                live.push(row)
        said = receiver.communicate(timeout=60)[1]
        assert receiver.returncode == 0, said
        received = np.asarray(ndferry.load(target))
        assert received.dtype == array.dtype and received.shape == array.shape, name
        assert received.tobytes() == array.tobytes(), name
        target.unlink()
        counts[f"growing arrays sent from Python over {url.partition(':')[0]}, received by the command"] += 1
