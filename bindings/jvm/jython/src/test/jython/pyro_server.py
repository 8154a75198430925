"""A Pyro4 of today with NumPy, which Jython's Pyro4 calls (pyro_client.py): pickles of the protocol that it likes.

    python pyro_server.py CLASS_PATH FOLDER_WITH_PYRO4
"""
import array
import os
import subprocess
import sys
import threading

import numpy as np

sys.path.insert(0, sys.argv[2])
import Pyro4

Pyro4.config.SERIALIZERS_ACCEPTED = {"pickle"}
Pyro4.config.SERIALIZER = "pickle"


@Pyro4.expose
class Camera:
    def frame(self, number):
        return (np.arange(48 * 64, dtype="u2") + number).reshape(48, 64)

    def total(self, frame):
        assert type(frame) is np.ndarray, type(frame)
        return float(frame.sum()), str(frame.dtype), frame.shape

    def echo(self, value):
        return value

    def kind(self, value):
        return type(value).__module__ + "." + type(value).__name__

    def numbers(self):
        return array.array("i", [1, 70000, -2])

    def fail(self, text):
        raise ValueError(text)


daemon = Pyro4.Daemon(host="127.0.0.1")
address = daemon.register(Camera(), "camera")
threading.Thread(target=daemon.requestLoop, daemon=True).start()
client = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pyro_client.py")
java = os.path.join(os.environ["JAVA_HOME"], "bin", "java") if os.environ.get("JAVA_HOME") else "java"
line = [java, "-cp", sys.argv[1], "-Dpython.cachedir.skip=true", "org.python.util.jython", "-B", client, str(address), sys.argv[2]]
sys.exit(subprocess.run(line, timeout=240).returncode)
