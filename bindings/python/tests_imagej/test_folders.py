"""Files that are dropped onto ImageJ, and folders that nobody may write to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import ndferry
import numpy as np
import pytest
from conftest import HERE, Starter, plugin, screenshot


def test_files_of_each_format_that_are_dropped_onto_imagej_are_opened(
    own: Starter, tmp_path: Path, pictures: Path
) -> None:
    classpath = str(own.imagej / "ij.jar")
    line = ["javac", "--release", "8", "-nowarn", "-cp", classpath, "-d", str(own.imagej / "plugins")]
    subprocess.run([*line, str(HERE / "Dropping_.java")], check=True, capture_output=True)
    own.prefs("always")
    ij = own.launch()
    array = np.arange(3 * 40 * 60, dtype="u2").reshape(3, 40, 60)
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "b.npz", x=array, y=array[0])
    ndferry.save(tmp_path / "c.npb", array, codec="deflate")
    ndferry.save(tmp_path / "d.pkl", array)
    paths = "\n".join(str(tmp_path / name) for name in ("a.npy", "b.npz", "c.npb", "d.pkl"))
    # Macros have no line feeds in their texts.
    called = ij.macro(f'return call("Dropping_.drop", "{paths}");'.replace("\n", '" + "\\n" + "'))
    assert called == "dropped 4"
    expected = ["a.npy", "b.npz:x", "b.npz:y", "c.npb", "d.pkl"]
    end = time.monotonic() + 60
    while len(ij.images()) < len(expected) and time.monotonic() < end:
        time.sleep(0.1)
    assert sorted(info.title for info in ij.images()) == expected
    for title in expected:
        assert np.array_equal(ij.image(title).numpy(), array[0] if title.endswith("y") and ":" in title else array)
    screenshot(pictures / "dropped.png")


def _without_privileges() -> list[str]:
    """What makes root obey the modes of files too."""
    if os.geteuid() != 0:
        return []
    program = shutil.which("setpriv")
    if program is None:
        print("skipped: no setpriv, and root may write everywhere")
        pytest.skip("no setpriv")
    return [program, "--bounding-set=-dac_override", "--inh-caps=-dac_override", "--"]


def test_a_plugin_folder_that_is_read_only_is_said_to_be_and_an_imagej_there_runs(own: Starter) -> None:
    plugins = own.imagej / "plugins"
    before = sorted(path.name for path in own.imagej.rglob("*"))
    for folder in (plugins, own.imagej):
        folder.chmod(0o555)
    try:
        line = [*_without_privileges(), sys.executable, "-m", "ndferry", "imagej", "install", str(own.imagej)]
        done = subprocess.run([*line, "--jar", str(plugin())], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and "Permission denied" in done.stderr and str(own.imagej) in done.stderr, done.stderr
        assert sorted(path.name for path in own.imagej.rglob("*")) == before
        assert own.launch().show(np.zeros((3, 4), "u1")).shape == (3, 4)
    finally:
        for folder in (own.imagej, plugins):
            folder.chmod(0o755)
