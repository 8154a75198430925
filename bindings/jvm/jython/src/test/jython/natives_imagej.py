"""The native library in a real ImageJ: for its class loader, and for that which it has after Refresh Menus.

    python natives_imagej.py CLASS_PATH     jars of ndferry, its natives and Jython
"""
import sys
import tempfile
from pathlib import Path

from real_imagej import in_imagej

WORK = """
import numpy as np
from org.ndferry import Natives
assert Natives.isAvailable(), Natives.missing()
assert abs(np.linalg.inv(np.array([[4., 1], [1, 3]])) * 11 - [[3, -1], [-1, 4]]).max() < 1e-12
try: np.linalg.inv(np.zeros((2, 2)))
except np.linalg.LinAlgError: pass
else: raise AssertionError('a singular matrix')
"""
SCRIPT = """
from ij import IJ
first = Natives
for _ in range(3):
    IJ.run('Refresh Menus')
    # As ImageJ runs scripts: a new Jython, of the new class loader.
    plugin = IJ.runPlugIn('Jython', '')
    assert plugin.getClass().getClassLoader() is not first.getClassLoader()
    plugin.run(again, '')
    with open(worked) as file:
        assert file.read() == '10'
    os.remove(worked)
    assert np.linalg.det(np.eye(3)) == 1
"""


def main(class_path):
    with tempfile.TemporaryDirectory() as name:
        worked = str(Path(name, "worked"))
        again = f"{WORK}with open({worked!r}, 'w') as file: file.write('%d' % np.arange(5).sum())\n"
        said = in_imagej(class_path, Path(name), f"again = {again!r}\nworked = {worked!r}\n{WORK}{SCRIPT}")
        assert said == "done", said
    print("natives: four class loaders of one ImageJ have the library, three of them after Refresh Menus")


main(*sys.argv[1:])
