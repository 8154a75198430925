"""Strangers, other versions, deaths on both sides, and windows that somebody closes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import ndferry
import ndferry.imagej as imagej
import numpy as np
import pytest
from conftest import Starter


def found(runtime: Path, pid: int) -> dict[str, object]:
    file = runtime / "ndferry" / f"imagej-{pid}.json"
    assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700
    entry: dict[str, object] = json.loads(file.read_text())
    return entry


def test_only_those_with_the_token_are_answered(ij: imagej.ImageJ, runtime: Path) -> None:
    entry = found(runtime, ij.status()["pid"])
    at = f"127.0.0.1:{entry['port']}"
    assert imagej.connect(at, token=str(entry["token"])).status()["pid"] == entry["pid"]
    for token in ("guess", str(entry["token"])[:-1], None):
        with pytest.raises(imagej.WrongToken):
            imagej.connect(at, token=token)
    # A browser, half a message, nothing at all, megabytes of nothing: no answer but the end.
    for said in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x93NPB\x01\x20", b"", b"\x93NPB" + bytes(1 << 20)):
        answer = b""
        with socket.create_connection(("127.0.0.1", int(str(entry["port"]))), timeout=60) as stranger:
            try:
                stranger.sendall(said)
                # Who has hung up before all of it was read leaves nothing to shut.
                with contextlib.suppress(OSError):
                    stranger.shutdown(socket.SHUT_WR)
                while more := stranger.recv(4096):
                    answer += more
            except ConnectionError:
                pass
            assert str(entry["token"]).encode() not in answer and len(answer) < 200
    assert imagej.connect().status()["pid"] == entry["pid"]
    # It listens on this machine alone.
    listening = Path("/proc/net/tcp").read_text()
    assert f"0100007F:{int(str(entry['port'])):04X}" in listening or f"{int(str(entry['port'])):04X}" in (
        Path("/proc/net/tcp6").read_text()
    )


def test_many_silent_strangers_keep_nobody_out_for_long(ij: imagej.ImageJ, runtime: Path) -> None:
    port = int(str(found(runtime, ij.status()["pid"])["port"]))
    strangers = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    try:
        start = time.monotonic()
        while True:
            try:
                ij.status()
                break
            except imagej.NotRunning:
                assert time.monotonic() - start < 60  # they may say nothing for 10 s
                time.sleep(0.2)
    finally:
        for stranger in strangers:
            stranger.close()


def test_nothing_runs(runtime: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(imagej.NotRunning, match="Start ndferry Server"):
        imagej.connect()
    with pytest.raises(imagej.NotRunning):
        imagej.connect("127.0.0.1:1", token="x")


def test_the_newest_answers_and_the_dead_are_passed_over(own: Starter, runtime: Path) -> None:
    first = own.launch()
    time.sleep(1.1)
    second = own.launch()
    assert imagej.connect().status()["pid"] == second.status()["pid"] != first.status()["pid"]
    assert second.process is not None
    second.process.send_signal(signal.SIGKILL)
    second.process.wait()
    assert imagej.connect().status()["pid"] == first.status()["pid"]
    first_pid = first.status()["pid"]
    assert first.process is not None
    first.process.terminate()
    first.process.wait(60)  # close() kills it after 10 s
    assert not (runtime / "ndferry" / f"imagej-{first_pid}.json").exists()  # it has ended as it should


def test_another_version_says_what_to_do(ij: imagej.ImageJ, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagej._talk, "VERSION", 7)
    with pytest.raises(imagej.WrongVersion, match="install"):
        imagej.connect()


def test_a_folder_without_the_plugin_says_so(own: Starter) -> None:
    (own.imagej / "plugins/Ndferry_.jar").unlink()
    with pytest.raises(imagej.PluginMissing, match="ndferry imagej install"):
        imagej.launch(own.imagej)
    with pytest.raises(imagej.ImageJError, match="ij.jar"):
        imagej.launch(own.folder)


def test_an_image_that_was_closed_is_not_there_any_more(ij: imagej.ImageJ) -> None:
    image = ij.show(np.zeros((5, 5), "u1"))
    other = ij.show(np.zeros((5, 5), "u1"))
    image.close()
    for call in (image.numpy, lambda: image.update(np.ones((5, 5), "u1"), "YX"), lambda: image.info, image.close):
        with pytest.raises(imagej.ImageClosed):
            call()
    with ij.live("camera", (8, 8), "u2") as view:
        view.push(np.ones((8, 8), "u2"), wait=True)
        view.image.close()
        with pytest.raises(imagej.ImageClosed):
            for _ in range(50):
                view.push(np.ones((8, 8), "u2"), wait=True)
    other.close()
    with pytest.raises(imagej.ImageClosed, match="no image is open"):
        ij.current()


def test_an_imagej_that_is_killed_in_the_middle_hangs_nobody(own: Starter) -> None:
    ij = own.launch()
    assert ij.process is not None
    big = np.zeros((64, 1024, 1024), "u1")
    errors: list[BaseException] = []

    def push() -> None:
        try:
            while True:
                ij.show(big).close()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=push, daemon=True)
    thread.start()
    time.sleep(1.5)
    ij.process.send_signal(signal.SIGKILL)
    thread.join(60)
    assert not thread.is_alive()
    assert isinstance(errors[0], (imagej.Disconnected, imagej.NotRunning)), errors
    with pytest.raises(imagej.NotRunning):
        ij.status()


def test_a_live_view_and_a_lazy_image_end_with_imagej(own: Starter) -> None:
    ij = own.launch()
    assert ij.process is not None
    lazy = ij.show(np.zeros((5, 9, 9), "u1"), lazy=True)
    view = ij.live("camera", (16, 16), "u1")
    view.push(np.ones((16, 16), "u1"), wait=True)
    ij.process.send_signal(signal.SIGKILL)
    ij.process.wait()
    with pytest.raises((imagej.Disconnected, imagej.NotRunning)):
        for _ in range(100):
            view.push(np.ones((16, 16), "u1"), wait=True)
    with pytest.raises((imagej.Disconnected, imagej.NotRunning)):
        view.close()
        ij.status()
    assert isinstance(lazy, imagej.LazyImage) and lazy.planes_read >= 1


def test_an_image_that_is_closed_while_it_is_pulled_or_updated_hangs_nobody(ij: imagej.ImageJ) -> None:
    stack = np.zeros((40, 1024, 1024), "u2")
    seen = {"whole": 0, "closed": 0}
    for number in range(12):
        image = ij.show(stack)
        threading.Timer(0.1 * number, lambda: image.close()).start()
        start = time.monotonic()
        try:
            while True:
                assert image.numpy().shape == stack.shape
                image.update(stack)
                seen["whole"] += 1
        except (imagej.ImageClosed, imagej.Disconnected):
            seen["closed"] += 1
        assert time.monotonic() - start < 60
    assert seen["closed"] == 12
    print(seen)


def test_an_image_needs_no_more_memory_than_it_has_pixels(own: Starter) -> None:
    size = 256
    ij = own.launch(f"-Xmx{size + 32 + 24}m")  # 24 are ImageJ's own
    assert ij.process is not None
    stack = np.zeros((size // 8, 2048, 2048), "u2")
    stack[5] = 9
    image = ij.show(stack)
    assert np.array_equal(image.numpy(), stack)
    stack[6] = 3
    with pytest.raises(imagej.NoMemory):
        ij.show(stack)
    assert image.numpy()[5, 0, 0] == 9
    image.update(stack[:1] * 0 + 1)  # of another shape, in its place
    image.close()
    # What the same costs where there is more, after a collection each time.
    own.prefs("always")
    roomy = own.launch("-Xmx1200m")
    assert roomy.process is not None

    def heap() -> int:
        subprocess.run(["jcmd", str(roomy.process.pid), "GC.run"], capture_output=True)  # type: ignore[union-attr]
        return int(roomy.status()["memory_used"]) >> 20

    before = heap()
    roomy.macro('newImage("own", "16-bit black", 2048, 2048, 32);')
    made = heap() - before
    roomy.current().close()
    before = heap()
    image = roomy.show(stack)
    image.numpy()
    shown = heap() - before
    # Java rounds up planes of a power of two.
    print(f"{size} MiB: heap for ImageJ's own {made} MiB, for one that was pushed and pulled {shown} MiB")
    assert shown <= made + 32


def test_without_a_display_it_says_so(own: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY")
    with pytest.raises(imagej.ImageJError, match="no display"):
        own.launch()


LAZY = """
import numpy, ndferry.imagej as imagej, sys, time
ij = imagej.connect()
im = ij.show(numpy.arange(4 * 6 * 8, dtype="u1").reshape(4, 6, 8), lazy=True, title="lazy")
print(im.id, flush=True)
time.sleep(60)
"""


def test_a_python_that_is_killed_leaves_an_imagej_that_works(ij: imagej.ImageJ) -> None:
    script = subprocess.Popen([sys.executable, "-c", LAZY], stdout=subprocess.PIPE, env=os.environ)
    assert script.stdout is not None
    script.stdout.readline()
    assert ij.macro('selectImage("lazy"); setSlice(3); return toString(getPixel(1, 2));') == str(2 * 48 + 17)
    script.kill()
    script.wait()
    start = time.monotonic()
    with pytest.raises(imagej.ImageJError):
        ij.macro('selectImage("lazy"); setSlice(4); return toString(getPixel(1, 2));', timeout=60)
    assert time.monotonic() - start < 60
    assert ij.show(np.zeros((3, 3), "u1")).shape == (3, 3)
    # One that dies while it pushes leaves nothing.
    before = len(ij.images())
    code = "import numpy, os, ndferry.imagej as i\nimport threading\nthreading.Timer(0.2, os._exit, (1,)).start()\n"
    code += "ij = i.connect()\nwhile True: ij.show(numpy.zeros((64, 1024, 1024), 'u1')).close()"
    subprocess.run([sys.executable, "-c", code], timeout=60, env=os.environ)
    time.sleep(0.5)
    assert len(ij.images()) <= before + 1


def test_lazy_planes_are_asked_for_when_they_are_looked_at(ij: imagej.ImageJ, tmp_path: Path) -> None:
    class Planes:
        shape = (1000, 3, 64, 80)
        dtype = np.dtype("<u2")
        asked: list[object] = []

        def __getitem__(self, index: tuple[object, ...]) -> object:
            self.asked.append(index)
            t, c = index[0], index[1]
            if t == 7:
                raise RuntimeError("no such plane")
            return np.full((64, 80), 10 * int(str(t)) + int(str(c)), "<u2")

    planes = Planes()
    start = time.monotonic()
    image = ij.show(planes, "TCYX", lazy=True, title="lazy", spacing=(1, 2, 2), unit="um")
    took = time.monotonic() - start
    code = 'selectImage("lazy"); Stack.setPosition(2, 1, 100); return toString(getPixel(5, 5));'
    assert ij.macro(code) == "991"
    assert len(planes.asked) < 20 and took < 30
    assert image.info.virtual and image.info.unit == "um"
    image.close()
    file = tmp_path / "stack.npb"
    stack = np.arange(20 * 30 * 40, dtype="u2").reshape(20, 30, 40)
    ndferry.save(file, stack, codec="deflate")
    opened = ij.show(ndferry.open(file), "TYX", lazy=True)
    assert opened.info.virtual and np.array_equal(opened.numpy(), stack)
    assert [one.title for one in ij.open(file, lazy=False)] == ["stack.npb"]
    # What ImageJ does not unpack comes from this process.
    ndferry.save(tmp_path / "z.npb", stack, codec="zstd")
    unpacked = ij.show(ndferry.open(tmp_path / "z.npb"), "TYX", lazy=True)
    assert isinstance(unpacked, imagej.LazyImage) and np.array_equal(unpacked.numpy(), stack)
    with pytest.raises(imagej.ImageJError, match="zstd"):
        ij.open(tmp_path / "z.npb")
    with pytest.raises(imagej.ImageJError, match="nowhere"):
        ij.open(tmp_path / "nowhere.npy")


def test_the_newest_frame_wins_and_the_last_one_is_drawn(ij: imagej.ImageJ) -> None:
    with ij.live("camera", (512, 512), "u2", ranges=(0, 1000)) as view:
        for number in range(300):
            view.push(np.full((512, 512), number, "u2"))
        view.flush()
        assert view.pushed == 300 and view.drawn + view.dropped == 300 and view.drawn >= 1
        assert view.image.numpy()[0, 0] == 299
        assert view.image.info.ranges == [(0, 1000)]
        with pytest.raises(ndferry.UsageError, match="frames are"):
            view.push(np.zeros((3, 3), "u2"))
    with pytest.raises(ndferry.UsageError, match="closed"):
        view.push(np.zeros((512, 512), "u2"))


def test_large_arrays_go_through_shared_memory_and_nothing_of_it_stays(ij: imagej.ImageJ) -> None:
    address = ij._address
    pid = ij.status()["pid"]

    def lent() -> int:
        return Path(f"/proc/{pid}/maps").read_text().count("memfd:ndferry")

    def given_back() -> None:
        """ImageJ lets go of what a connection has lent when it sees the connection's end."""
        end = time.monotonic() + 60
        while lent():
            assert time.monotonic() < end
            time.sleep(0.05)

    for shape, axes in (((24, 512, 512), "ZYX"), ((512, 24, 512), "YZX")):
        array = np.arange(np.prod(shape), dtype="u4").astype("u2").reshape(shape)
        for memory in (True, False):
            given_back()
            peer = imagej._talk.Address(address.url, address.token, 30, memory).connect()
            call = {"call": "show", "title": "large", **imagej._image.announced(array, axes, False)}
            answer, _ = imagej._talk.ask(peer, call, array, timeout=30)
            assert peer.shares_memory() == memory and lent() == memory
            for _ in range(3):
                _, (pulled,) = imagej._talk.ask(peer, {"call": "pull", "id": answer["image"]["id"]}, timeout=30)
                assert pulled.tobytes() == array.tobytes()
            peer.close()
            image = ij.image(answer["image"]["id"])
            # A pull alone, and an update.
            assert image.numpy().tobytes() == array.tobytes()
            image.update(array // 2, axes)
            assert image.numpy().tobytes() == (array // 2).tobytes()
            image.close()
    # Its path leads elsewhere, as at the end of a tunnel: nothing is different.
    peer = address.connect()
    elsewhere = {"path": f"/proc/{os.getpid()}/fd/0", "nbytes": 1 << 20, "proof": "00" * 32}
    small = np.ones((5, 5), "u1")
    for offer in (elsewhere, {}, {"path": 7}, {"proof": "xyz"}):
        call = {"call": "show", "share": offer, **imagej._image.announced(small, "YX", False)}
        imagej._talk.ask(peer, call, small, timeout=30)
        assert not peer.shares_memory()
    peer.close()
    given_back()
    # What is ours is gone too.
    assert "memfd:ndferry" not in Path("/proc/self/maps").read_text()


def test_the_shared_memory_of_a_killed_python_is_let_go_of(ij: imagej.ImageJ) -> None:
    pid = ij.status()["pid"]
    code = "import numpy, os, ndferry.imagej as i\nimport threading\nthreading.Timer(1.0, os._exit, (1,)).start()\n"
    code += "ij = i.connect()\nim = ij.show(numpy.zeros((64, 1024, 1024), 'u2'))\n"
    code += "while True: im.update(numpy.zeros((64, 1024, 1024), 'u2')), im.numpy()"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], timeout=60, env=os.environ)
    end = time.monotonic() + 60
    while "memfd:ndferry" in Path(f"/proc/{pid}/maps").read_text():
        assert time.monotonic() < end
        time.sleep(0.05)
    assert ij.show(np.zeros((3, 3), "u1")).shape == (3, 3)


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def test_thousands_of_frames_and_pushes_leave_nothing_behind(own: Starter) -> None:
    rounds = float(os.environ.get("NDFERRY_ROUNDS", "0.1"))
    ij = own.launch()
    assert ij.process is not None
    pid = ij.process.pid
    frame = np.arange(256 * 256, dtype="u2").reshape(256, 256)
    large = np.arange(8 * 512 * 512, dtype="u4").astype("u2").reshape(8, 512, 512)  # goes through shared memory

    def pushes(count: int) -> None:
        for number in range(count):
            array = large if number % 2 else frame
            image = ij.show(array)
            if number % 50 == 0 or number % 50 == 1:
                assert np.array_equal(image.numpy(), array)
            image.close()

    def used() -> int:
        return min(int(ij.status()["memory_used"]) for _ in range(1) if ij.results({"a": [1]}) is not None)

    with ij.live("camera", frame.shape, frame.dtype) as view:
        for _ in range(200):
            view.push(frame, wait=True)
        pushes(50)
        before, own_before = _descriptors(pid), _descriptors(os.getpid())
        start, frames = time.monotonic(), int(10_000 * rounds)
        for _ in range(frames):
            view.push(frame, wait=True)
        rate = frames / (time.monotonic() - start)
        pushes(int(1_000 * rounds))
        after, own_after = _descriptors(pid), _descriptors(os.getpid())
    heap = subprocess.run(["jcmd", str(pid), "GC.heap_info"], capture_output=True, text=True).stdout
    subprocess.run(["jcmd", str(pid), "GC.run"], capture_output=True)
    left = int(ij.status()["memory_used"])
    print(f"{frames} frames ({rate:.0f}/s), {int(1_000 * rounds)} pushes; descriptors {before} -> {after} in ImageJ,")
    print(f"{own_before} -> {own_after} here; heap after a collection {left >> 20} MiB; {len(heap)}")
    assert after <= before + 8 and own_after <= own_before + 2
    assert left < 64 << 20
