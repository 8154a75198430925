"""Starting an ImageJ."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from .. import _ndferry
from . import _talk
from ._app import ImageJ
from ._errors import ImageJError, NotRunning, PluginMissing, WrongToken

_START = 'run("Start ndferry Server");'
_LAUNCHERS = (
    "fiji",
    "fiji-linux-x64",
    "fiji-linux-arm64",
    "ImageJ-linux64",
    "fiji-windows-x64.exe",
    "ImageJ-win64.exe",
    "Contents/MacOS/fiji-macos",
    "Contents/MacOS/ImageJ-macosx",
)


def _command(folder: Path, java: str | None) -> list[str]:
    jars = [folder / "ij.jar", *sorted(folder.glob("ij-*.jar"))]
    for jar in jars:
        if jar.exists():
            program = java or shutil.which("java")
            if program is None:
                raise ImageJError("there is no java on the PATH: give java=")
            return [program, "-cp", str(jar), "ij.ImageJ", "-ijpath", str(folder), "-eval", _START]
    for launcher in _LAUNCHERS:
        if (folder / launcher).exists():
            return [str(folder / launcher), "-eval", _START]
    raise ImageJError(f"{folder}: neither ij.jar nor a launcher of Fiji is in this folder")


def launch(
    folder: str | os.PathLike[str],
    *,
    java: str | None = None,
    options: tuple[str, ...] = (),
    timeout: float = 60.0,
) -> ImageJ:
    """Start the ImageJ or Fiji of a folder, and connect to it; or to the one that runs already, if it wants to be the only
    one, as ImageJ does unless it is told otherwise.

    Parameters
    ----------
    folder : str or os.PathLike
        Where ``ij.jar``, or Fiji's launcher, and the folder ``plugins`` are.
    java : str, optional
        The program to run ``ij.jar`` with; by default the one on the PATH.
    options : tuple of str
        For java, for instance ``("-Xmx8g",)``.
    timeout : float
        Seconds until it must answer, and that it may be silent later.

    Raises
    ------
    PluginMissing
        The plugin is not in its folder ``plugins``.
    """
    folder = Path(folder)
    command = _command(folder, java)
    if not any((folder / "plugins").rglob("Ndferry_*.jar")):
        raise PluginMissing(f"{folder}: no Ndferry_.jar in its plugins: `ndferry imagej install {folder}` puts it there")
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ImageJError("there is no display for ImageJ's windows: set DISPLAY (Xvfb makes one that nobody sees)")
    if options:
        command[1:1] = options
    before = {(found["pid"], found["token"]) for found in _ndferry.running()}
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        for found in _ndferry.running():
            if (found["pid"], found["token"]) in before:
                continue
            address = _talk.Address(found["url"], found["token"], timeout)
            try:
                _talk.check(address)
            except (NotRunning, WrongToken):
                continue
            return ImageJ(address, process)
        if process.poll() == 0:
            # ImageJ is content with one: this one has told the other to start its server.
            return ImageJ(_talk.find(timeout))
        if process.poll() is not None:
            raise ImageJError(f"{' '.join(command)} has ended with {process.returncode}: is there a display?")
        time.sleep(0.1)
    process.kill()
    raise NotRunning(f"{folder}: its ImageJ has not answered within {timeout} s")
