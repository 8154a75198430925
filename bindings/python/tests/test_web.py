"""Files on web servers: only the parts that are needed come over the line."""

import contextlib
import http.server
import pickle
import re
import threading
from typing import Any

import numpy as np
import pytest

import ndferry


class Server(http.server.ThreadingHTTPServer):
    files: dict[str, bytes]
    sent = 0
    requests = 0
    url = ""


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.files` by ranges, or whole under /whole/; counts what it sends."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        name = self.path.partition("?")[0].rpartition("/")[2]
        data = self.server.files.get(name)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if data is None:
            self.answer(404, b"")
        elif wanted is None or self.path.startswith("/whole/"):
            self.answer(200, data)
        else:
            start, last = int(wanted[1]), min(int(wanted[2]), len(data) - 1)
            self.answer(206, data[start : last + 1], f"bytes {start}-{last}/{len(data)}")

    def answer(self, status: Any, body: Any, part: Any=None) -> None:
        self.send_response(status)
        if part:
            self.send_header("Content-Range", part)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        # Whoever has the last byte may look at the counts at once.
        self.server.sent += len(body)
        self.server.requests += 1
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def web() -> Any:
    server = Server(("127.0.0.1", 0), Handler)
    server.files = {}
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_parts_of_arrays_on_a_web_server_are_fetched_alone(web: Any) -> None:
    a = np.random.default_rng(1).integers(0, 60_000, (24, 512, 512), dtype="u2")
    web.files["a.npb"] = ndferry.dumps(a, "npb", tile=(1, 128, 128))
    web.files["a.npz"] = ndferry.dumps({"a": a, "b": a[0]}, "npz")
    for name, member in ("a.npb", None), ("a.npz", "a"):
        web.sent = web.requests = 0
        with ndferry.open(f"{web.url}/{name}", member) as lazy:
            assert (lazy[7, :64, :64] == a[7, :64, :64]).all()
            assert (lazy[::-9, 3, 5] == a[::-9, 3, 5]).all()
            assert web.sent < 1 << 20 and web.requests < 16, (name, web.sent, web.requests)
            assert lazy.path == f"{web.url}/{name}"
            again = pickle.loads(pickle.dumps(lazy))
            assert (np.asarray(again) == a).all()


def test_files_on_a_web_server_load_and_are_judged(web: Any) -> None:
    a = np.arange(100_000.0)
    web.files["m.pkl"] = pickle.dumps({"a": a, "n": 5})
    web.files["a.npy"] = ndferry.dumps(a, "npy")
    loaded = ndferry.load(f"{web.url}/m.pkl")
    assert loaded["n"] == 5 and (loaded["a"] == a).all()
    assert (ndferry.load(f"{web.url}/a.npy") == a).all()
    assert ndferry.scan(f"{web.url}/m.pkl").verdict == "clean"
    assert ndferry.check(f"{web.url}/a.npy").good
    assert [m.shape for m in ndferry.inspect(f"{web.url}/m.pkl").members] == [(100_000,)]


def test_errors_about_web_servers_hold_no_secrets(web: Any) -> None:
    web.files["a.npy"] = ndferry.dumps(np.arange(100_000.0), "npy")
    host = web.url.removeprefix("http://")
    for path in "missing.npy", "whole/a.npy":
        with pytest.raises(OSError) as caught:
            ndferry.open(f"http://user:secret@{host}/{path}?key=secret")
        assert str(caught.value).startswith(f"{web.url}/{path}: ")
        assert "secret" not in f"{caught.value} {caught.value!r}"
