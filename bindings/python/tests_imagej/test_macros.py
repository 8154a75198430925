"""Macros run only if somebody has allowed them, and nothing of theirs hangs a caller."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import ndferry.imagej as imagej
import numpy as np
import pytest
from conftest import HERE, Starter, command, screenshot


def test_a_macro_gets_its_argument_and_gives_its_result(ij: imagej.ImageJ) -> None:
    assert ij.macro('return "<" + getArgument() + ">";', "a b") == "<a b>"
    assert ij.macro("x = 1;") == ""
    image = ij.show(np.full((5, 5), 10, "u1"))
    ij.macro('run("Add...", "value=5");')
    assert image.numpy()[0, 0] == 15


def test_errors_in_macros_are_raised_here_and_leave_no_window(ij: imagej.ImageJ) -> None:
    for code, expected in (
        ("x = ;", "line 1"),
        ("y = 2;\nfoo(3);", "line 2"),
        ("selectImage(12345);", "12345"),
        ('run("No Such Command");', "No Such Command"),
        ('run("Open NumPy Array...", "open=/no/such/file.npy");', "no/such/file"),
    ):
        start = time.monotonic()
        with pytest.raises(imagej.MacroError) as error:
            ij.macro(code, timeout=60)
        assert expected in str(error.value), (code, error.value)
        assert time.monotonic() - start < 30
        assert ij.status()["dialog"] is None
    assert ij.macro("return toString(6 * 7);") == "42"


THROWING = """
public class Throwing_ implements ij.plugin.PlugIn {
  public void run(String argument) {
    throw new IllegalStateException("on purpose");
  }
}
"""


def test_an_exception_in_a_plugin_is_raised_here(own: Starter) -> None:
    source = own.folder / "Throwing_.java"
    source.write_text(THROWING)
    line = ["javac", "--release", "8", "-nowarn", "-cp", str(own.imagej / "ij.jar"), "-d", str(own.imagej / "plugins")]
    subprocess.run([*line, str(source)], check=True, capture_output=True)
    own.prefs("always")
    ij = own.launch()
    with pytest.raises(imagej.MacroError, match="on purpose"):
        ij.macro('run("Throwing ");', timeout=60)
    assert ij.macro("return toString(6 * 7);") == "42"


def test_a_dialog_is_named_when_the_time_is_over(ij: imagej.ImageJ, pictures: Path) -> None:
    try:
        blocked = _blocked(ij, 'Dialog.create("How many?"); Dialog.addNumber("n", 3); Dialog.show(); return "no";')
        assert blocked.title == "How many?" and "How many?" in str(blocked)
        assert ij.status()["dialog"] == "How many?"
        # Meanwhile ImageJ answers everything else.
        image = ij.show(np.zeros((4, 4), "u1"))
        assert image.numpy().shape == (4, 4)
        screenshot(pictures / "dialog.png")
        # A macro has to wait, and its caller hears for what.
        with pytest.raises(imagej.DialogBlocked) as error:
            ij.macro('return "later";', timeout=1)
        assert error.value.title == "How many?"
    finally:
        _escape(ij, pictures)
    try:
        assert _blocked(ij, 'exit("That is enough");').title == "Macro"
    finally:
        _escape(ij, pictures)


def _blocked(ij: imagej.ImageJ, code: str) -> imagej.DialogBlocked:
    """What is raised for a macro that opens a dialog; with more time, if that was over before the dialog was there."""
    for patience in (2, 10, 60):
        start = time.monotonic()
        try:
            returned = ij.macro(code, timeout=patience)
        except imagej.DialogBlocked as blocked:
            assert patience - 0.5 < time.monotonic() - start < patience + 60
            return blocked
        except imagej.TimedOut:
            continue
        raise AssertionError(f"it returned {returned!r}")
    raise AssertionError("no dialog was named")


def _press(picture: Path, key: int, *click: str) -> None:
    """Presses a key on the display, after a click in its middle so far from the top."""
    line = ["java", str(HERE / "Screenshot.java"), str(picture), str(key), *click]
    subprocess.run(line, check=True, timeout=300, capture_output=True)


def _escape(ij: imagej.ImageJ, pictures: Path) -> None:
    """Presses the escape key until no dialog waits for it: a dialog gets its keys a while after it is there."""
    for attempt in range(20):
        # The keys may have stayed with another window that was shown meanwhile.
        _press(pictures / "escaped.png", 27, *(["208"] if attempt % 3 == 2 else []))
        if ij.status()["dialog"] is None:
            return
        time.sleep(0.2)
    raise AssertionError(ij.status()["dialog"])


def test_a_macro_that_does_not_end_is_stopped(ij: imagej.ImageJ) -> None:
    with pytest.raises(imagej.TimedOut, match="within 1"):
        ij.macro('while (true) wait(10);', timeout=1)
    time.sleep(0.5)
    assert ij.macro('return "again";') == "again"


def test_nobody_runs_macros_before_the_user_has_allowed_them(own: Starter, pictures: Path) -> None:
    ij = own.launch()
    assert ij.status()["macros"] == "ask"
    start = time.monotonic()
    with pytest.raises(imagej.DialogBlocked) as error:
        ij.macro('File.saveString("x", "' + str(own.folder / "ran") + '");', timeout=2)
    assert error.value.title == "Macros From Python" and time.monotonic() - start < 60
    screenshot(pictures / "ask.png")
    # It is asked once; nothing else waits for the answer.
    with pytest.raises(imagej.DialogBlocked):
        ij.macro("return 1;", timeout=2)
    assert ij.status()["macros"] == "ask" and ij.images() == []
    assert not (own.folder / "ran").exists()
    # Somebody says yes: until this ImageJ ends.
    for _ in range(20):
        _press(pictures / "allowed.png", 10)  # a dialog gets its keys a while after it is there
        if ij.status()["macros"] == "allowed":
            break
        time.sleep(0.2)
    assert ij.status()["macros"] == "allowed"
    assert ij.macro('return "yes";') == "yes"
    ij.close()
    assert own.launch().status()["macros"] == "ask"
    own.prefs("never")
    never = own.launch()
    with pytest.raises(imagej.MacrosOff, match="Allow Macros"):
        never.macro("return 1;")
    done = command("imagej", "macro", "-e", "return 1;", ok=False)
    assert done.returncode == 2 and "Allow Macros From Python" in done.stderr
    assert not (own.folder / "ran").exists()


def test_macros_of_several_threads_do_not_disturb_each_other(ij: imagej.ImageJ) -> None:
    wrong = []

    def work(number: int) -> None:
        for i in range(20):
            if ij.macro("return getArgument();", f"{number}.{i}") != f"{number}.{i}":
                wrong.append((number, i))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def _wait_for(file: Path) -> None:
    end = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_macro_begins_when_the_one_before_has_ended(ij: imagej.ImageJ, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def work() -> None:
        ij.macro(f'File.append("begun", "{log}"); wait(50); File.append("ended", "{log}");', timeout=120)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.read_text().split() == ["begun", "ended"] * 6


def test_a_macro_that_is_given_up_before_its_turn_never_runs(ij: imagej.ImageJ, tmp_path: Path) -> None:
    begun, end, ran = tmp_path / "begun", tmp_path / "end", tmp_path / "ran"
    returned: list[str] = []
    code = f'File.saveString("x", "{begun}"); while (!File.exists("{end}")) wait(10); return "first";'
    first = threading.Thread(target=lambda: returned.append(ij.macro(code, timeout=300)))
    first.start()
    try:
        _wait_for(begun)
        with pytest.raises(imagej.TimedOut, match="another macro runs in ImageJ.*within 1"):
            ij.macro(f'File.saveString("x", "{ran}");', timeout=1)
    finally:
        end.touch()
        first.join()
    assert returned == ["first"]
    assert ij.macro('return "third";', timeout=60) == "third"
    assert not ran.exists()


ENDLESS = """
import sys, ndferry.imagej as imagej
imagej.connect().macro(f'File.saveString("x", "{sys.argv[1]}"); while (true) wait(10);', timeout=3600)
"""


def test_the_macro_of_a_python_that_is_killed_keeps_no_other_waiting(ij: imagej.ImageJ, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    script = subprocess.Popen([sys.executable, "-c", ENDLESS, str(begun)], env=os.environ)
    try:
        _wait_for(begun)
    finally:
        script.kill()
        script.wait()
    assert ij.macro('return "next";', timeout=60) == "next"
