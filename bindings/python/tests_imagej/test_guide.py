"""The guide's page does what it says, step by step."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, Starter, command, plugin, screenshot

PAGE = (ROOT / "docs/guide/imagej.md").read_text(encoding="utf-8")


def test_every_step_of_the_page(
    own: Starter, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(own.folder))
    monkeypatch.setenv("NDFERRY_IMAGEJ_JAR", str(plugin()))  # the package's may be older
    own.prefs("always")
    names: dict[str, Any] = {}
    steps = re.findall(r"^```(python|sh)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert [kind for kind, _ in steps].count("python") >= 7 and [kind for kind, _ in steps].count("sh") >= 3
    for number, (kind, text) in enumerate(steps):
        if kind == "python":
            exec(compile(text, f"step {number}", "exec"), names)
            if "overlay=" in text:
                names["image"].overlay = [names["ndferry"].imagej.Roi.oval(60, 80, 80, 80, color="yellow")]
                names["image"].update(names["stack"])
                # The page shows this one, and the next.
                names["ij"].macro("setLocation(550, 100, 420, 470);")
                screenshot(pictures / "imagej-composite.png", "520,0,650,600")
            if "ij.live" in text:
                names["ij"].macro('selectWindow("camera"); setLocation(545, 95, 480, 490);')
                screenshot(pictures / "imagej-live.png", "520,0,650,600")
            continue
        for line in text.splitlines():
            words = [os.path.expanduser(word) for word in shlex.split(line)]
            assert words.pop(0) == "ndferry"
            done = command(*words)
            if "install" in words:
                # What it put into the folder starts the server, and nothing else does.
                own.launch_plainly()
            if "pull" in words:
                assert np.array_equal(names["ndferry"].load("edited.npb"), names["stack"])
            print(done.stdout)
    printed = capsys.readouterr().out
    assert "(5, 2, 256, 256) uint16 (0.5, 0.1, 0.1)" in printed and "100 100" in printed
    assert "stack\n" in printed and "cell 1 polygon [(10, 10), (60, 20), (30, 70)]" in printed and "21.25" in printed
