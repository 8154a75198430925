"""Peers without the package, as `docs/peers` has them, on the other end of the package."""

import os
import pathlib
import subprocess
import sys
from multiprocessing.connection import Client, Listener
from typing import Any

import numpy as np
import pytest
from same import same

import ndferry

PEERS = pathlib.Path(__file__).resolve().parents[3] / "docs" / "peers"
TOKEN = "correct horse"
ARRAYS = [
    np.arange(60, dtype=">f4").reshape(3, 4, 5),
    np.asfortranarray(np.arange(60.0).reshape(3, 4, 5)),
    np.arange(3_000_001, dtype="u1"),
    np.array(2.5),
    np.zeros((3, 0), "c8"),
    np.array(["", "größe"]),
]

pytestmark = pytest.mark.skipif(not PEERS.exists(), reason="the peers are in the repository only")


def peer(name: str, *words: Any) -> Any:
    command = [sys.executable, "-B", str(PEERS / name), *map(str, words)]
    environment = {**os.environ, "NDFERRY_TOKEN": TOKEN}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    return process


def port(process: Any) -> int:
    line = process.stderr.readline()
    assert line.startswith("listening "), line + process.stderr.read()
    return int(line.replace(":", " ").split()[-1])


def ended(process: Any) -> None:
    assert process.wait(60) == 0, process.stderr.read()
    process.stderr.close()


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype.str}{array.shape}")
def test_over_sockets(tmp_path: Any, array: Any) -> None:
    np.save(tmp_path / "a.npy", array)
    with ndferry.listen("tcp://127.0.0.1:0", token=TOKEN) as listener:
        sender = peer("stdlib_send.py", tmp_path / "a.npy", "127.0.0.1", listener.url.rsplit(":", 1)[1])
        assert same(listener.recv(), array)
        ended(sender)
    receiver = peer("stdlib_recv.py", "127.0.0.1", 0, tmp_path / "b.npz")
    ndferry.connect(f"tcp://127.0.0.1:{port(receiver)}", token=TOKEN).send({"x": array, "y": array.T})
    ended(receiver)
    with np.load(tmp_path / "b.npz") as stored:
        assert same(stored["x"], array) and same(stored["y"], np.array(array.T))


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype.str}{array.shape}")
def test_over_connections_of_multiprocessing(tmp_path: Any, array: Any) -> None:
    np.save(tmp_path / "a.npy", array)
    with Listener(("127.0.0.1", 0), authkey=TOKEN.encode()) as listener:
        sender = peer("stdlib_multiprocessing.py", "send", tmp_path / "a.npy", *listener.address)
        with listener.accept() as link:
            frames = [link.recv_bytes()]
            while frames[-1][5] != 4:  # END
                frames.append(link.recv_bytes())
            assert same(ndferry.from_frames(frames), array)
            link.send_bytes(b"stored")
        ended(sender)
    receiver = peer("stdlib_multiprocessing.py", "recv", "127.0.0.1", 0, tmp_path / "b.npy")
    with Client(("127.0.0.1", port(receiver)), authkey=TOKEN.encode()) as link:
        for frame in ndferry.to_frames(array, block=1 << 20):
            link.send_bytes(frame)
        assert link.recv_bytes() == b"stored"
    ended(receiver)
    assert same(np.load(tmp_path / "b.npy"), array)
