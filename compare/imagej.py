"""Both sides of the lines about ImageJ: `imagej.py shm|tcp|theirs|jpype WORD FOLDER`, measured as theirs.py measures.

An ImageJ with the plugin runs meanwhile, on a display of its own; lines/imagej.py starts it. What is told is the clock: two
processes work.
"""

import pathlib
import sys

import numpy as np
from theirs import cost, least, sha256, tell

READINGS = 5
SHAPE = (32, 2048, 2048)
FRAMES = 180


def stack():
    """256 MiB of something that neighbours differ in."""
    return (np.arange(np.prod(SHAPE), dtype="u4") % 4093).astype("u2").reshape(SHAPE)


def connect(side="shm"):
    import ndferry.imagej

    return ndferry.imagej.connect(timeout=120, shared_memory=side == "shm")


def push(side, folder):
    import tifffile

    array, ij = stack(), connect(side)
    path = str(folder / "push.tif")

    def ours():
        return ij.show(array)

    def theirs():
        tifffile.imwrite(path, array, imagej=True)
        ij.macro(f'open("{path}");')

    run = theirs if side == "theirs" else ours
    run()
    result = sha256(ij.current().numpy())
    costs = []
    for _ in range(READINGS):
        ij.current().close()
        costs.append(cost(1, run))
    ij.current().close()
    tell({key: min(one[key] for one in costs) for key in costs[0]}, result)


def pull(side, folder):
    import tifffile

    array, ij = stack(), connect(side)
    path = str(folder / "pull.tif")
    image = ij.show(array, "ZYX")

    def theirs():
        ij.macro(f'saveAs("Tiff", "{path}");')
        return tifffile.imread(path)

    run = theirs if side == "theirs" else image.numpy
    first = run()
    result = sha256(first)
    del first
    told = least(READINGS, run)
    image.close()
    tell(told, result)


def lazy(side, folder):
    """4 GiB, of which a plane is looked at."""
    ij = connect()
    path = folder / "lazy.npy"
    array = np.lib.format.open_memmap(path, "w+", "<u2", (512, 2048, 2048))
    array[7] = 1
    if side != "theirs":
        def run():
            return ij.show(array, "ZYX", lazy=True)
    else:
        import ndferry

        opened = ndferry.open(path)

        def run():
            return ij.show(opened, "ZYX", lazy=True)

    run().close()
    costs = []
    for _ in range(READINGS):
        costs.append(cost(1, run))
        ij.macro("setSlice(8);")
        if ij.macro("return toString(getPixel(9, 9));") != "1":
            raise SystemExit("another plane")
        ij.current().close()
    tell({key: min(one[key] for one in costs) for key in costs[0]}, None)


def live(side, folder):
    """Frames that are each acknowledged when they are drawn."""
    import tifffile

    ij = connect()
    frame = stack()[0]
    if side != "theirs":
        with ij.live("live", frame.shape, frame.dtype) as view:
            for _ in range(60):
                view.push(frame, wait=True)
            told = cost(1, lambda: [view.push(frame, wait=True) for _ in range(FRAMES)])
        view.image.close()
        tell(told, None)
        return
    path = str(folder / "live.tif")

    def run():
        tifffile.imwrite(path, frame, imagej=True)
        ij.macro(f'if (nImages > 0) close(); open("{path}");')

    run()
    told = cost(1, lambda: [run() for _ in range(FRAMES // 10)])
    ij.current().close()
    tell({key: value * 10 for key, value in told.items()}, None)


def jpype(word, folder):
    """ImageJ in this process: what PyImageJ does below its names."""
    import jpype as bridge

    jar = sys.argv[4]
    bridge.startJVM(classpath=[jar], convertStrings=True)
    IJ = bridge.JClass("ij.ImageJ")(2)
    array = stack()
    ImageStack, ImagePlus = bridge.JClass("ij.ImageStack"), bridge.JClass("ij.ImagePlus")

    def push():
        planes = ImageStack(SHAPE[2], SHAPE[1])
        for plane in array:
            planes.addSlice("", bridge.JArray(bridge.JShort)(plane.view("i2").ravel()))
        image = ImagePlus("x", planes)
        image.show()
        return image

    def pull():
        planes = image.getStack()
        out = np.empty(SHAPE, "u2")
        for i in range(SHAPE[0]):
            out[i] = np.asarray(planes.getPixels(i + 1), "i2").view("u2").reshape(SHAPE[1:])
        return out

    image = push()
    result = sha256(pull())
    if word == "pull":
        tell(least(READINGS, pull), result)
    else:
        costs = []
        for _ in range(READINGS):
            image.changes = False
            image.close()
            costs.append(cost(1, lambda: globals().__setitem__("kept", push())))
            image = globals()["kept"]
        tell({key: min(one[key] for one in costs) for key in costs[0]}, result)
    sys.stdout.flush()
    import os

    os._exit(0)  # ImageJ's threads would keep it


if __name__ == "__main__":
    side, word, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    if side == "jpype":
        jpype(word, folder)
    else:
        {"push": push, "pull": pull, "lazy": lazy, "live": live}[word](side, folder)
