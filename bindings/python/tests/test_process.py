"""The process: Ctrl-C stops long work, memory and descriptors do not grow, importing is quick."""

import gc
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

import ndferry

# Seconds on an idle machine, in steps of which each takes a small part of one: what comes first, and what is stopped.
NUMBERS = "a = numpy.random.default_rng(1).integers(0, 1000, 64 << 20).astype('i4')"
# 200 million opcodes, which push numbers and drop them; after a third of them there were too many values.
PICKLE = r"a = b'\x80\x02' + b'K\x010' * 100_000_000 + b'N.'"
LONG = {
    "save": (NUMBERS, "ndferry.save(path, a, codec='zstd:16')"),
    "dumps": (NUMBERS, "ndferry.dumps(a, 'npb', codec='zstd:16')"),
    "recv": ("", "ndferry.listen('tcp://127.0.0.1:0').recv()"),
    "send": (f"{NUMBERS}; at = socket.create_server(('127.0.0.1', 0))", "ndferry.connect('tcp://127.0.0.1:%d' % at.getsockname()[1]).send(a)"),
    "to_frames": (NUMBERS, "ndferry.to_frames(a, codec='zstd:16')"),
    "loads": (PICKLE, "ndferry.loads(a)"),
    "load": (f"{PICKLE}; open(other, 'wb').write(a)", "ndferry.load(other)"),
    "inspect": (f"{PICKLE}; a = io.BytesIO(a)", "ndferry.inspect(a)"),
    "values": ("a = pickle.dumps([0.5 + i for i in range(10_000_000)])", "[ndferry.loads(a) for _ in range(100)]"),
}


def cpu_seconds(process: Any) -> float:
    """How long it has computed, in all its threads; 0 where nobody tells."""
    try:
        fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("name", LONG)
def test_ctrl_c_stops_it_within_half_a_second(tmp_path: Any, name: Any) -> None:
    before, work = LONG[name]
    # Whoever runs in the background has been told to ignore Ctrl-C, and so have its children.
    code = f"""
import io, pickle, signal, socket, time, numpy, ndferry
signal.signal(signal.SIGINT, signal.default_int_handler)
path, other = {str(tmp_path / "long.npb")!r}, {str(tmp_path / "long.pkl")!r}
{before}
try:
    print("ready", flush=True)
    {work}
    print("done", time.time(), time.process_time())
except KeyboardInterrupt:
    print("stopped", time.time(), time.process_time())
"""
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout and process.stdout.readline() == "ready\n"
        ready = time.time()
        time.sleep(0.1)
        computed, pressed = cpu_seconds(process), time.time()
        process.send_signal(signal.SIGINT)
        late = time.time() - ready > 1
        word, *numbers = process.stdout.readline().split() or [""]
        process.wait(60)
        if word == "stopped":
            # On a busy machine it waits for its turn as well: what it has computed tells how soon it has looked.
            took = min(float(numbers[0]) - pressed, float(numbers[1]) - computed)
            print(f"\n{name}: stopped after {took:.3f} s")
            # Half a second is what it takes by itself, and the work would take longer than this.
            if took < 5.0:
                assert not (tmp_path / "long.npb").exists()
                return
        # Once more, if it was this process that had to wait for its turn, while the work came to its end.
        assert late, (name, word, numbers, pressed, computed)
        (tmp_path / "long.npb").unlink(missing_ok=True)
    raise AssertionError("this machine is too busy to press Ctrl-C in time")


def resident() -> Any:
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


@pytest.mark.skipif(not pathlib.Path("/proc/self/status").exists(), reason="needs /proc")
def test_memory_and_descriptors_stay_as_they_are(tmp_path: Any) -> None:
    a = np.arange(2000)
    np.save(tmp_path / "a.npy", a)
    np.savez(tmp_path / "a.npz", a=a)
    pickled = pickle.dumps({"x": [a, "y", np.ma.array([1], mask=[True])], "o": np.array([a, {}], object)})
    npy = ndferry.dumps(a, "npy")

    def work(times: Any) -> None:
        for _ in range(times):
            ndferry.loads(pickled)
            ndferry.loads(npy, copy=False)
            ndferry.dumps({"a": a}, "pickle")
            ndferry.load(tmp_path / "a.npy")
            ndferry.load(tmp_path / "a.npz")
            ndferry.open(tmp_path / "a.npy")[5:7]
            ndferry.from_frames(ndferry.to_frames(a))
            ndferry.listen("tcp://127.0.0.1:0").close()
            with pytest.raises(ndferry.FormatError):
                ndferry.loads(pickled[:-5])

    work(300)
    gc.collect()
    before, files = resident(), len(os.listdir("/proc/self/fd"))
    work(3000)
    gc.collect()
    assert resident() - before < 4096
    assert len(os.listdir("/proc/self/fd")) == files
    assert threading.active_count() < 5


def test_references_of_arrays_are_given_back() -> None:
    a = np.arange(10_000)
    before = sys.getrefcount(a)
    for _ in range(100):
        ndferry.dumps(a, "npy")
        ndferry.to_frames(a)
        ndferry.diff(a, a)
    gc.collect()
    assert sys.getrefcount(a) == before


def test_the_command_comes_with_the_package() -> None:
    done = subprocess.run([sys.executable, "-m", "ndferry", "--version"], capture_output=True, text=True)
    assert done.stdout.startswith("ndferry ")
    done = subprocess.run([sys.executable, "-m", "ndferry", "info", "nowhere.npy"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: nowhere.npy")


def test_importing_does_not_import_numpy() -> None:
    code = "import sys, ndferry; print('numpy' in sys.modules, 'typing' in sys.modules, 'asyncio' in sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.stdout.split()[0] == "False", done.stderr
