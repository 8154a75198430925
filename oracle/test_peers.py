"""`docs/peers`: senders and receivers in Python's standard library, in every Python that is here, and the command."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from agent import ROOT
from cases import tables

PEERS = ROOT / "docs" / "peers"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROGRAM = os.environ.get("NDFERRY_PROGRAM", TARGET / "release" / "ndferry")
TOKEN = "correct horse"
OTHERS = ["2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]

# Once is enough.
pytestmark = pytest.mark.skipif(np.__version__ < "2", reason="NumPy 2's suite asks")

STRUCT = np.dtype({"names": ["a", "b"], "formats": ["<u2", ">f8"], "offsets": [0, 6], "itemsize": 16})
ARRAYS = {
    "c": np.arange(60, dtype=">f4").reshape(3, 4, 5),
    "fortran": np.asfortranarray(np.arange(60, dtype="<i2").reshape(3, 4, 5)),
    "strided": np.arange(600).reshape(20, 30)[::-2, ::3],
    "struct": np.array([(i, i / 3) for i in range(7)], STRUCT),
    "zero_dim": np.array(2.5),
    "empty": np.zeros((3, 0, 2), "c8"),
    "text": np.array(["", "größe", "x"]),
    "bytes": np.array([b"ab", b"c"]),
    "times": np.arange("2024-01", "2025-01", dtype="M8[D]"),
    "bool": np.array([True, False]),
    # Rows of more than a block, and blocks that do not come out even.
    "wide": np.arange(3 * 700_001, dtype="u2").reshape(3, 700_001),
    "large": np.arange(5_000_011, dtype="u1").reshape(-1),
}


def python(version):
    """A Python of this version that has a NumPy, and its environment."""
    if version == "%d.%d" % sys.version_info[:2]:
        return [sys.executable, "-B"], {}
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
    found = sorted(pyenv.glob(f"versions/{version}.*/bin/python"))
    if not found:
        pytest.skip(f"no Python {version} here")
    numpy = TARGET / f"numpy-peers-{version}"
    if not (numpy / "numpy").exists():
        install = [found[-1], "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", numpy, "numpy"]
        done = subprocess.run(install, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"no NumPy for Python {version}: {done.stderr.strip()[-200:]}")
    return [str(found[-1]), "-B"], {"PYTHONPATH": str(numpy)}


def run(command, environment, **more):
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, **more
    )
    return done.returncode, done.stdout + done.stderr


def listening(command, environment):
    """A process that has said where it listens."""
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    line = process.stderr.readline()
    assert line.startswith("listening "), line + process.stderr.read()
    return process, line.split()[-1].rsplit(":", 1)[-1]


def same(ours, theirs):
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    assert ours.flags.f_contiguous == theirs.flags.f_contiguous or not (
        ours.flags.c_contiguous or ours.flags.f_contiguous
    )
    # NumPy itself does not keep what is between fields.
    assert (ours == theirs).all() if ours.dtype.names else ours.tobytes() == theirs.tobytes()


def test_they_are_short():
    for name in ("stdlib_send.py", "stdlib_recv.py", "stdlib_multiprocessing.py"):
        lines = (PEERS / name).read_text(encoding="utf-8").splitlines()
        count = sum(bool(line.strip()) for line in lines)
        assert count < 80
        tables.append((f"docs/peers/{name}: {count} lines",))


@pytest.mark.parametrize("version", OTHERS)
@pytest.mark.parametrize("token", ["", TOKEN])
def test_what_they_send_is_stored(tmp_path, version, token):
    command, environment = python(version)
    environment["NDFERRY_TOKEN"] = token
    line = [PROGRAM, "recv", "--count", str(len(ARRAYS)), "--to", "npy", "-o", str(tmp_path / "in") + "/"]
    if not token:
        environment.pop("NDFERRY_TOKEN")
    process, port = listening(line, environment)
    for name, array in ARRAYS.items():
        np.save(tmp_path / f"{name}.npy", array)
        sent = run([*command, PEERS / "stdlib_send.py", tmp_path / f"{name}.npy", "127.0.0.1", port], environment)
        assert sent == (0, ""), (name, sent)
    assert process.wait(60) == 0, process.stderr.read()
    for name, array in ARRAYS.items():
        same(np.load(tmp_path / "in" / f"{name}.npy"), np.load(tmp_path / f"{name}.npy"))


@pytest.mark.parametrize("version", OTHERS)
@pytest.mark.parametrize("token", ["", TOKEN])
def test_they_store_what_is_sent(tmp_path, version, token):
    command, environment = python(version)
    if token:
        environment["NDFERRY_TOKEN"] = token
    np.savez(tmp_path / "all.npz", **ARRAYS)
    np.save(tmp_path / "one.npy", ARRAYS["wide"])
    for name, extra in (("all.npz", ["--codec", "zstd"]), ("one.npy", [])):
        out = tmp_path / f"got-{name}.npz"
        process, port = listening([*command, PEERS / "stdlib_recv.py", "127.0.0.1", "0", out], environment)
        code, said = run([PROGRAM, "send", tmp_path / name, f"tcp://127.0.0.1:{port}", *extra], environment)
        assert code == 0, said
        assert process.wait(60) == 0, process.stderr.read()
        with np.load(out) as got:
            sent = np.load(tmp_path / "all.npz") if name == "all.npz" else {"arr_0": ARRAYS["wide"]}
            assert sorted(got) == sorted(sent)
            for key in got:
                same(got[key], sent[key])


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.13"])
def test_a_wrong_token_is_refused_by_both(tmp_path, version):
    command, environment = python(version)
    np.save(tmp_path / "a.npy", np.arange(3))
    for ours, theirs in ((TOKEN, "other"), (TOKEN, ""), ("", TOKEN)):
        told = {**environment, "NDFERRY_TOKEN": theirs}
        own = {"NDFERRY_TOKEN": ours} if ours else {}
        os.environ.pop("NDFERRY_TOKEN", None)
        process, port = listening([PROGRAM, "recv", "-o", tmp_path / "b.npy"], own)
        code, said = run([*command, PEERS / "stdlib_send.py", tmp_path / "a.npy", "127.0.0.1", port], told)
        assert code == 1 and "token" in said, said
        process.kill()
        process.wait()
        process, port = listening([*command, PEERS / "stdlib_recv.py", "127.0.0.1", "0", tmp_path / "b.npz"], told)
        code, said = run([PROGRAM, "send", tmp_path / "a.npy", f"tcp://127.0.0.1:{port}"], own, stdin=subprocess.DEVNULL)
        assert code == 2 and "token" in said, said
        assert process.wait(30) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy"]


@pytest.mark.parametrize("version", OTHERS)
def test_both_ends_of_a_connection_of_multiprocessing(tmp_path, version):
    command, environment = python(version)
    own = {**environment, "NDFERRY_TOKEN": TOKEN}
    # From 3.12 on the authentication is another one; the older side speaks first with the older one.
    for name in ("wide", "fortran", "struct"):
        np.save(tmp_path / f"{name}.npy", ARRAYS[name])
        out = tmp_path / f"got-{name}.npy"
        peer = PEERS / "stdlib_multiprocessing.py"
        process, port = listening([*command, peer, "recv", "127.0.0.1", "0", out], own)
        sent = run([*command, peer, "send", tmp_path / f"{name}.npy", "127.0.0.1", port], own)
        assert sent == (0, ""), sent
        assert process.wait(60) == 0, process.stderr.read()
        same(np.load(out), ARRAYS[name])
