"""``ndferry imagej``."""

from __future__ import annotations

import json
from pathlib import Path

import ndferry
import ndferry.imagej as imagej
import numpy as np
import pytest
from conftest import Starter, command, plugin


def test_push_list_pull(ij: imagej.ImageJ, tmp_path: Path) -> None:
    stack = np.arange(3 * 2 * 20 * 30, dtype="<u2").reshape(3, 2, 20, 30)
    np.save(tmp_path / "cells.npy", stack)
    words = ["--axes", "ZCYX", "--spacing", "0.2,0.1,0.1", "--unit", "um", "--lut", "Green,Magenta"]
    done = command("imagej", "push", str(tmp_path / "cells.npy"), *words)
    assert "cells.npy is open in ImageJ" in done.stderr
    listed = [json.loads(line) for line in command("imagej", "list", "--json").stdout.splitlines()]
    assert [(one["title"], one["axes"], one["shape"], one["current"]) for one in listed] == [
        ("cells.npy", "ZCYX", [3, 2, 20, 30], True)
    ]
    assert "cells.npy" in command("imagej", "list").stdout
    command("imagej", "pull", "cells.npy", "-o", str(tmp_path / "back.npy"))
    assert (tmp_path / "back.npy").read_bytes() == (tmp_path / "cells.npy").read_bytes()
    # What NPB keeps beside the pixels is there when it is pushed again.
    command("imagej", "pull", "--active", "-o", str(tmp_path / "back.npb"))
    kept = ndferry.open(tmp_path / "back.npb").attrs
    assert kept["axes"] == "ZCYX" and kept["spacing"] == [0.2, 0.1, 0.1] and kept["unit"] == "um"
    command("imagej", "push", str(tmp_path / "back.npb"), "--title", "again")
    info = ij.image("again").info
    assert info.spacing == (0.2, 0.1, 0.1) and info.luts[1][255].tolist() == [255, 0, 255]
    assert np.array_equal(ij.image("again").numpy(), stack)
    done = command("imagej", "pull", "-o", str(tmp_path / "back.npy"), ok=False)
    assert done.returncode == 2 and "exists" in done.stderr
    done = command("imagej", "pull", "nothing", "-o", str(tmp_path / "x.npy"), ok=False)
    assert done.returncode == 2 and "no image" in done.stderr
    done = command("imagej", "push", str(tmp_path / "cells.npy"), ok=False)
    assert done.returncode == 2 and "say which they are" in done.stderr


def test_status_and_macro(ij: imagej.ImageJ, tmp_path: Path) -> None:
    assert json.loads(command("imagej", "status", "--json").stdout)["pid"] == ij.status()["pid"]
    assert command("imagej", "status").stdout.startswith("ImageJ 1.")
    assert command("imagej", "macro", "-e", "return toString(6 * 7);").stdout == "42\n"
    (tmp_path / "m.ijm").write_text("return getArgument();")
    assert command("imagej", "macro", str(tmp_path / "m.ijm"), "--argument", "x y").stdout == "x y\n"
    assert command("imagej", "macro", "-", text="return 'in';").stdout == "in\n"
    done = command("imagej", "macro", "-e", "foo(;", ok=False)
    assert done.returncode == 2 and "line 1" in done.stderr


def test_without_an_imagej_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    done = command("imagej", "status", ok=False)
    assert done.returncode == 2 and "Start ndferry Server" in done.stderr


def test_install_starts_the_server_with_imagej_and_replaces_older_plugins(own: Starter) -> None:
    plugins = own.imagej / "plugins"
    (plugins / "Ndferry_-0.0.1.jar").write_bytes(b"PK old")
    (own.imagej / "macros").mkdir()
    (own.imagej / "macros/RunAtStartup.ijm").write_text("// mine")
    for _ in range(2):
        command("imagej", "install", str(own.imagej), "--jar", str(plugin()))
    assert [path.name for path in plugins.iterdir()] == ["Ndferry_.jar"]
    startup = (own.imagej / "macros/RunAtStartup.ijm").read_text()
    assert startup == '// mine\nrun("Start ndferry Server If Wanted");\n'
    done = command("imagej", "install", str(own.folder), "--jar", str(plugin()), ok=False)
    assert done.returncode == 2 and "no folder of ImageJ" in done.stderr
    (own.imagej / "no.jar").write_text("no")
    done = command("imagej", "install", str(own.imagej), "--jar", str(own.imagej / "no.jar"), ok=False)
    assert done.returncode == 2 and "not a jar" in done.stderr
    for path in plugins.iterdir():
        path.unlink()
    plugins.rmdir()
    plugins.write_text("a file")
    done = command("imagej", "install", str(own.imagej), "--jar", str(plugin()), ok=False)
    assert done.returncode == 2 and "plugins" in done.stderr
