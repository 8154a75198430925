"""A real ImageJ on a display of its own, with the plugin in its folder."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import ndferry.imagej
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def _newest(paths: list[Path], what: str) -> Path:
    if not paths:
        pytest.exit(f"no {what}: bindings/python/run-imagej makes it", returncode=3)
    return max(paths, key=lambda path: path.stat().st_mtime)


def ij_jar() -> Path:
    """ImageJ itself, as Maven has it."""
    if named := os.environ.get("NDFERRY_IJ_JAR"):
        return Path(named)
    kept = Path.home() / ".m2/repository/net/imagej/ij"
    return _newest([path for path in kept.glob("*/ij-*.jar") if path.stem.count("-") == 1], "ImageJ")


def plugin() -> Path:
    built = (ROOT / "bindings/jvm/imagej/target").glob("Ndferry_-*.jar")
    jars = [path for path in built if not path.stem.endswith(("sources", "javadoc"))]
    return _newest(jars, "plugin")


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x900x24"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert server.stdout is not None
    number = ":" + server.stdout.readline().decode().strip()
    os.environ["DISPLAY"] = number
    yield number
    server.terminate()
    server.wait()


def command(*arguments: str, ok: bool = True, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """The `ndferry` command of the package."""
    line = [sys.executable, "-m", "ndferry", *arguments]
    done = subprocess.run(line, input=text, capture_output=True, text=True, timeout=120)
    assert not ok or done.returncode == 0, done.stderr
    return done


class Starter:
    """Starts ImageJs with a home and a discovery folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[ndferry.imagej.ImageJ] = []
        self.home = folder / "home"
        (self.home / ".imagej").mkdir(parents=True)
        self.imagej = folder / "ImageJ"
        (self.imagej / "plugins").mkdir(parents=True)
        (self.imagej / "ij.jar").write_bytes(ij_jar().read_bytes())

    def prefs(self, macros: str) -> None:
        (self.home / ".imagej/IJ_Prefs.txt").write_text(f"# prefs\n.ndferry.macros={macros}\n")

    def launch(self, *options: str) -> ndferry.imagej.ImageJ:
        # ImageJ finds others by a file in the folder for temporary ones, and ends if there is one.
        temporary = self.folder / f"tmp{len(self.started)}"
        temporary.mkdir()
        own = (f"-Duser.home={self.home}", f"-Djava.io.tmpdir={temporary}", "-Xmx1500m")
        started = ndferry.imagej.launch(self.imagej, options=(*own, *options), timeout=60)
        self.started.append(started)
        return started

    def launch_plainly(self) -> None:
        """As a user does: nothing is said to it about the server."""
        line = ["java", f"-Duser.home={self.home}", f"-Djava.io.tmpdir={self.folder}", "-Xmx1500m"]
        line += ["-cp", str(self.imagej / "ij.jar"), "ij.ImageJ", "-ijpath", str(self.imagej)]
        process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                found = ndferry.imagej.connect()
            except ndferry.imagej.NotRunning:
                time.sleep(0.2)
                continue
            if found.status()["pid"] == process.pid:
                self.started.append(ndferry.imagej.ImageJ(found._address, process))
                return
            time.sleep(0.2)
        process.kill()
        raise AssertionError("it does not start its server")

    def close(self) -> None:
        for started in self.started:
            started.close()


@pytest.fixture(scope="session", autouse=True)
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runtime")
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    return folder


def starter(folder: Path, macros: str) -> Starter:
    made = Starter(folder)
    made.prefs(macros)
    command("imagej", "install", str(made.imagej), "--jar", str(plugin()), "--no-autostart")
    return made


@pytest.fixture(scope="session")
def _shared(display: str, runtime: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ndferry.imagej.ImageJ]:
    made = starter(tmp_path_factory.mktemp("shared"), "always")
    yield made.launch()
    made.close()


@pytest.fixture
def ij(_shared: ndferry.imagej.ImageJ) -> Iterator[ndferry.imagej.ImageJ]:
    """An ImageJ in which macros are allowed; all images are closed after the test."""
    yield _shared
    for image in _shared.images():
        try:
            ndferry.imagej.Image(_shared._address, image.id, image.title).close()
        except ndferry.imagej.ImageClosed:
            pass


@pytest.fixture
def own(display: str, runtime: Path, tmp_path: Path) -> Iterator[Starter]:
    """ImageJs of the test's own, in which macros are asked about."""
    made = starter(tmp_path, "ask")
    yield made
    made.close()


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where screenshots go, to be looked at."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    folder = target / "imagej"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def screenshot(path: Path, part: str | None = None) -> None:
    """The whole display, or x,y,width,height of it."""
    line = ["java", str(HERE / "Screenshot.java"), str(path), *([part] if part else [])]
    subprocess.run(line, check=True, timeout=300, capture_output=True)
