"""The guide's script in a real ImageJ, with the real python-microscope, unmodified, on the other side: its device server, whose
frames Jython's Pyro4 pulls, and its client in this Python, to which ImageJ pushes what it made of them.

    python pyro_imagej.py CLASS_PATH FOLDER_WITH_PYRO4 PICTURES

Run by the Python that `oracle/microscope` names; class path: jars of ndferry and Jython.
"""
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
from microscope.clients import DataClient
from real_imagej import in_imagej

ROOT = Path(__file__).resolve().parents[6]
DEVICES = """\
from microscope.device_server import device
from microscope.simulators import SimulatedCamera, SimulatedDeformableMirror

DEVICES = [
    device(SimulatedCamera, "127.0.0.1", 0, conf={"sensor_shape": (480, 360)}),
    device(SimulatedDeformableMirror, "127.0.0.1", 0, conf={"n_actuators": 12}),
]
"""
# What the test adds to the guide's script: all kinds of frames, and a picture of the screen.
MORE = """
for number, dtype in enumerate(['u1', 'u2', 'f8']):
    camera.update_settings({'image pattern': 1, 'image data type': number, 'display image number': False})
    frame, when = camera.grab_next_data()
    assert frame.dtype == dtype, frame.dtype
    if dtype != 'u2':
        ndferry_images.to_image(frame if dtype == 'u1' else frame.astype('f4'), 'pulled ' + dtype).show()
    np.save(os.path.join(folder, 'pulled-%s.npy' % dtype), frame)
mirror = Pyro4.Proxy(mirror_uri)
mirror.apply_pattern(frame.mean(0).reshape(12, -1)[:, 0] / 255)

# The camera pushes, to an object of this ImageJ.
class Receiver(object):
    @Pyro4.expose
    @Pyro4.oneway
    def receiveData(self, data, timestamp, *args):
        np.save(os.path.join(folder, 'pushed-part.npy'), data)
        os.rename(os.path.join(folder, 'pushed-part.npy'), os.path.join(folder, 'pushed.npy'))

daemon = Pyro4.Daemon(host='127.0.0.1')
uri = daemon.register(Receiver())
import threading
threading.Thread(target=daemon.requestLoop).start()
camera.set_client(str(uri))
camera.trigger()
for _ in range(600):
    if os.path.exists(os.path.join(folder, 'pushed.npy')):
        break
    time.sleep(.1)
camera.set_client(None)
daemon.shutdown()

from java.awt import Rectangle, Robot, Toolkit
from java.io import File
from javax.imageio import ImageIO
from ij import WindowManager
for place, number in enumerate(WindowManager.getIDList()):
    WindowManager.getImage(number).getWindow().setLocation(20 + place % 2 * 500, 90 + place // 2 * 400)
time.sleep(1)
whole = Rectangle(Toolkit.getDefaultToolkit().getScreenSize())
ImageIO.write(Robot().createScreenCapture(whole), 'png', File(os.path.join(folder, 'screen.png')))
"""


class Server:
    """The device server in a process of its own, as its users start it."""

    def __init__(self, folder):
        (folder / "devices.py").write_text(DEVICES)
        line = [sys.executable, "-m", "microscope.device_server", "devices.py"]
        self.process = subprocess.Popen(
            line, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True)
        self.lines, self.uris = [], []
        for line in self.process.stderr:
            self.lines.append(line)
            if found := re.search(r"Serving (PYRO:\S+)", line):
                self.uris.append(found[1])
            if len(self.uris) == 2:
                break
        assert len(self.uris) == 2, "".join(self.lines)
        # Its log would fill the pipe.
        threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True).start()

    def uri(self, kind):
        return next(uri for uri in self.uris if kind in uri)

    def stop(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def gradient(frame):
    """What the camera's gradient is between the values in its corners, in the same arithmetic."""
    height, width = frame.shape
    dark, light = int(frame[0, 0]), (int(frame[-1, -1]) - int(frame[0, 0])) % 256
    xx, yy = np.meshgrid(range(width), range(height))
    return (dark + light * (xx + yy) / (xx.max() + yy.max())).astype(frame.dtype)


def script(folder, pyro, camera, viewer, mirror):
    """The block of the guide, its addresses replaced, and what is above."""
    page = (ROOT / "docs/guide/jython.md").read_text()
    example = re.search(r"```python\n(import sys\n.*?)```", page, re.DOTALL)[1]
    for written, real in [("'/path/to/folder'", repr(str(pyro))), ("PYRO:SimulatedCamera@127.0.0.1:8000", camera),
                          ("PYRO:viewer@127.0.0.1:8001", viewer)]:
        assert example.count(written) == 1, written
        example = example.replace(written, real)
    before = f"import os, time\nfolder = {str(folder)!r}\nmirror_uri = {mirror!r}\n"
    return before + example + MORE


def main(class_path, pyro, pictures):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = Server(folder)
        try:
            # A program of theirs that waits for arrays.
            viewer = DataClient(server.uri("Camera"))
            viewer.update_settings({"image pattern": 1, "image data type": 1, "display image number": False})
            text = script(folder, Path(pyro).resolve(), server.uri("Camera"), str(viewer._client_uri), server.uri("Mirror"))
            said = in_imagej(class_path, folder, text)
            assert said == "done", said
            mask, when = viewer._buffer.get(timeout=30)
            assert type(mask) is np.ndarray and mask.dtype == np.uint8 and mask.shape == (360, 480), (mask.dtype, mask.shape)
            assert set(np.unique(mask)) == {0, 255} and 0.3 < (mask == 255).mean() < 0.7 and type(when) is float, when
            for dtype in ("u1", "u2", "f8"):
                frame = np.load(folder / f"pulled-{dtype}.npy")
                assert frame.dtype == dtype and frame.shape == (360, 480), frame.dtype
                assert len(np.unique(frame)) > 50 and np.array_equal(frame, gradient(frame)), dtype
            pushed = np.load(folder / "pushed.npy")
            assert pushed.dtype == "f8" and np.array_equal(pushed, gradient(pushed)), pushed.dtype
            import Pyro4

            pattern = Pyro4.Proxy(server.uri("Mirror")).get_current_pattern()
            expected = frame.mean(0).reshape(12, -1)[:, 0] / 255
            assert pattern.shape == (12,) and np.allclose(pattern, expected, rtol=1e-14), (pattern, expected)
            Path(pictures).mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / "screen.png", Path(pictures) / "jython-pyro.png")
        except BaseException:
            print("".join(server.lines[-30:]), file=sys.stderr)
            raise
        finally:
            server.stop()
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ["microscope", "Pyro4", "numpy"]]
    print("pyro: ImageJ's Jython pulled 4 frames, was pushed one, and pushed 2 arrays: " + ", ".join(versions))


main(*sys.argv[1:])
