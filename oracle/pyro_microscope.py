"""The real python-microscope, unmodified: its device server with its simulated camera, whose frames `ndferry pyro` pulls, and
has pushed to it. Run by the Python that `oracle/microscope` names:

    pyro_microscope.py path/to/ndferry
"""

import importlib.metadata
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

NDFERRY = os.path.abspath(sys.argv[1])

CONFIG = """\
from microscope.device_server import device
from microscope.simulators import SimulatedCamera

DEVICES = [device(SimulatedCamera, "127.0.0.1", 0, conf={"sensor_shape": (640, 480)})]
"""

done = 0


def check(holds, what):
    global done
    assert holds, what
    done += 1


def ndferry(*words, status=0):
    ended = subprocess.run([NDFERRY, *words], capture_output=True, text=True, timeout=60)
    assert ended.returncode == status, (words, ended)
    return ended


class Server:
    """The device server in a process of its own, as its users start it."""

    def __init__(self, folder):
        (folder / "devices.py").write_text(CONFIG)
        line = [sys.executable, "-m", "microscope.device_server", "devices.py"]
        self.process = subprocess.Popen(
            line, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True
        )
        self.lines = []
        self.uri = None
        for line in self.process.stderr:
            self.lines.append(line)
            if found := re.search(r"Serving (PYRO:\S+)", line):
                self.uri = found[1]
                break
        assert self.uri, "".join(self.lines)
        # Its log would fill the pipe.
        threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True).start()

    def stop(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def gradient(frame):
    """What the camera's gradient is between the values in its corners, in the same arithmetic."""
    height, width = frame.shape
    # 127 to 255, which may be too much for a uint8.
    dark, light = int(frame[0, 0]), (int(frame[-1, -1]) - int(frame[0, 0])) % 256
    xx, yy = np.meshgrid(range(width), range(height))
    return (dark + light * (xx + yy) / (xx.max() + yy.max())).astype(frame.dtype)


def pulled(camera, folder):
    refused = ndferry("pyro", "call", camera, "grab_next_data", status=2)
    check("microscope.DisabledDeviceError: Camera not enabled" in refused.stderr, refused.stderr)
    check("abc.py" in refused.stderr, "no remote traceback")
    check("grab_next_data()\n" in ndferry("pyro", "list", camera).stdout, "the list of methods")
    check(ndferry("pyro", "call", camera, "get_roi").stdout == "microscope.ROI(0, 0, 640, 480)\n", "ROI")
    mode = ndferry("pyro", "get", camera, "trigger_mode").stdout
    check(re.fullmatch(r"microscope\.TriggerMode\(\d\)\n", mode), mode)
    ndferry("pyro", "call", camera, "set_exposure_time", "0.01")
    check(ndferry("pyro", "call", camera, "get_exposure_time").stdout == "0.01\n", "exposure")
    ndferry("pyro", "call", camera, "enable")
    for number, dtype in enumerate([np.uint8, np.uint16, np.float64]):
        settings = f'{{"image pattern": 1, "image data type": {number}, "display image number": false}}'
        ndferry("pyro", "call", camera, "update_settings", settings)
        for flips, turned in [
            ("[false, false, false]", lambda a: a),
            ("[true, false, false]", np.fliplr),
            ("[false, true, false]", np.flipud),
            ("[false, false, true]", lambda a: np.rot90(a, -1)),
        ]:
            ndferry("pyro", "call", camera, "set_transform", flips)
            ndferry("pyro", "call", camera, "grab_next_data", "-o", str(folder / "frame.npy"), "--force")
            frame = turned(np.load(folder / "frame.npy"))
            check(frame.dtype == dtype and frame.shape == (480, 640), (frame.dtype, frame.shape))
            check(len(np.unique(frame)) > 50 and np.array_equal(frame, gradient(frame)), (dtype, flips))
        ndferry("pyro", "call", camera, "set_transform", "[false, false, false]")


def pushed(camera, folder):
    """By its own camera, which knows nothing of whom it calls."""
    ndferry("pyro", "call", camera, "update_settings", '{"image data type": 1}')
    at_once = ["--client-of", camera, "--trigger", "trigger"]
    ndferry("pyro", "receive", *at_once, "--count", "3", "-o", str(folder / "pushed.npy"))
    for name in ["pushed.npy", "pushed-2.npy", "pushed-3.npy"]:
        frame = np.load(folder / name)
        check(frame.dtype == np.uint16 and frame.shape == (480, 640), name)
        check(np.array_equal(frame, gradient(frame)), name)
    check(not (folder / "pushed-4.npy").exists(), "one too many")

    # In steps: it waits, the camera is told, a trigger from elsewhere.
    words = [NDFERRY, "pyro", "receive", "-o", str(folder / "later.npb")]
    waiting = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    uri = waiting.stderr.readline().strip()
    check(uri.startswith("PYRO:receiver@127.0.0.1:"), uri)
    ndferry("pyro", "call", camera, "set_client", uri)
    ndferry("pyro", "call", camera, "trigger")
    check(waiting.wait(60) == 0, "it did not end")
    ndferry("pyro", "call", camera, "set_client", "null")
    ndferry("convert", str(folder / "later.npb"), "-o", str(folder / "later.npy"))
    frame = np.load(folder / "later.npy")
    check(np.array_equal(frame, gradient(frame)), "later.npb")

    # A pipe, and its own client, which finds the camera as it was.
    piped = subprocess.run([NDFERRY, "pyro", "receive", *at_once, "-o", "-"], stdout=subprocess.PIPE, timeout=60)
    (folder / "piped.npy").write_bytes(piped.stdout)
    frame = np.load(folder / "piped.npy")
    check(piped.returncode == 0 and np.array_equal(frame, gradient(frame)), "standard output")
    from microscope.clients import DataClient

    client = DataClient(camera)
    client.enable()
    frame, _ = client.trigger_and_wait()
    check(np.array_equal(frame, gradient(frame)), "its own client")
    client.set_client(None)


def failed(camera, folder):
    """What it pushes where it has no frame is an exception."""
    ndferry("pyro", "call", camera, "update_settings", '{"_error_percent": 101}')
    at_once = ["--client-of", camera, "--trigger", "trigger"]
    told = ndferry("pyro", "receive", *at_once, "-o", str(folder / "none.npy"), status=2)
    check("no array in (builtins.Exception(b'Exception raised in SimulatedCamera" in told.stderr, told.stderr)
    check(not (folder / "none.npy").exists(), "a file of nothing")


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Server(folder)
        try:
            pulled(server.uri, folder)
            pushed(server.uri, folder)
            failed(server.uri, folder)
        except BaseException:
            print("".join(server.lines[-30:]), file=sys.stderr)
            raise
        finally:
            server.stop()
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ["microscope", "Pyro4", "numpy"]]
    print(f"{done} checks of {', '.join(versions)}")


main()
