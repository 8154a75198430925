"""Frames of the real python-microscope, through Pyro4, as images."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import ndferry.imagej as imagej
import numpy as np
import pytest
from conftest import ROOT, command, screenshot

DEVICES = """\
from microscope.device_server import device
from microscope.simulators import SimulatedCamera

DEVICES = [device(SimulatedCamera, "127.0.0.1", 0, conf={"sensor_shape": (400, 300)})]
"""


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[str]:
    """Where its device server, which is as it comes from PyPI, has a simulated camera."""
    found = subprocess.run([str(ROOT / "oracle/microscope")], capture_output=True, text=True)
    if found.returncode == 3:
        pytest.skip(found.stderr.strip())
    (tmp_path / "devices.py").write_text(DEVICES)
    line = [found.stdout.strip(), "-m", "microscope.device_server", "devices.py"]
    server = subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert server.stderr is not None
    told = []
    for said in server.stderr:
        told.append(said)
        if uri := re.search(r"Serving (PYRO:\S+)", said):
            break
    else:
        raise AssertionError("".join(told))
    # Its log would fill the pipe.
    threading.Thread(target=server.stderr.read, daemon=True).start()
    for words in [
        ["set_exposure_time", "0.01"],
        ["update_settings", '{"image pattern": 1, "image data type": 1, "display image number": false}'],
        ["enable"],
    ]:
        command("pyro", "call", uri[1], *words)
    yield uri[1]
    os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def piped(one: list[str], other: list[str]) -> None:
    """`ndferry ONE | ndferry OTHER`"""
    line = [sys.executable, "-m", "ndferry"]
    first = subprocess.Popen([*line, *one], stdout=subprocess.PIPE)
    second = subprocess.run([*line, *other], stdin=first.stdout, timeout=60)
    assert first.stdout is not None
    first.stdout.close()
    assert (first.wait(60), second.returncode) == (0, 0)


def is_gradient(frame: np.ndarray[tuple[int, ...], np.dtype[np.uint16]]) -> bool:
    """Whether all is between the values in its corners, as the camera makes it."""
    dark, light = int(frame[0, 0]), int(frame[-1, -1]) - int(frame[0, 0])
    yy, xx = np.indices(frame.shape)
    return np.array_equal(frame, (dark + light * (xx + yy) / (xx.max() + yy.max())).astype("u2"))


def test_frames_of_a_microscope_are_images(ij: imagej.ImageJ, camera: str, tmp_path: Path, pictures: Path) -> None:
    piped(
        ["pyro", "call", camera, "grab_next_data", "-o", "-"],
        ["imagej", "push", "-", "--title", "pulled"],
    )
    piped(
        ["pyro", "receive", "--client-of", camera, "--trigger", "trigger", "-o", "-"],
        ["imagej", "push", "-", "--title", "pushed"],
    )
    for title in ("pulled", "pushed"):
        frame = ij.image(title).numpy()
        assert frame.dtype == np.uint16 and frame.shape == (300, 400)
        assert is_gradient(frame)
    time.sleep(0.5)
    screenshot(pictures / "pyro.png")

    # What was made of it there goes on to an object that takes it.
    command("imagej", "macro", "-e", "selectImage('pulled'); run('Invert');")
    command("imagej", "pull", "pulled", "-o", str(tmp_path / "inverted.npy"))
    line = [sys.executable, "-m", "ndferry", "pyro", "receive", "-o", str(tmp_path / "back.npy")]
    receiver = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    assert receiver.stderr is not None
    uri = receiver.stderr.readline().strip()
    command("pyro", "call", uri, "receiveData", f"@{tmp_path / 'inverted.npy'}", "0.5")
    assert receiver.wait(60) == 0
    back, frame = np.load(tmp_path / "back.npy"), ij.image("pushed").numpy()
    assert np.array_equal(back, ij.image("pulled").numpy()) and back.shape == frame.shape
    assert back[0, 0] > back[-1, -1] and frame[0, 0] < frame[-1, -1]
