"""Makes the demo's image stack and pickles it: python make.py PROTOCOL OUT.

Runs under Python 2.7 and 3 with any NumPy since 1.6, so that each era can write its own file; the pixels are the
same in all of them (RandomState's streams are frozen). See ../index.toml for which interpreter wrote which file.

The stack looks like a fluorescence z-stack: (plane, y, x) = (6, 160, 200), uint16. Cells with a dim cytoplasm and a
brighter nucleus on an uneven background, beads that come into focus plane after plane, shot noise, read noise, and
the camera's offset of 100 counts.
"""
import sys

import numpy as np

try:
    import cPickle as pickle  # Python 2: what programs of that time used
except ImportError:
    import pickle

PLANES, HEIGHT, WIDTH = 6, 160, 200


def gaussian(y, x, cy, cx, sigma):
    return np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2.0 * sigma * sigma))


def ellipse(y, x, cy, cx, ry, rx, angle, edge):
    """1 inside, 0 outside, falling off over `edge` of the radius."""
    c, s = np.cos(angle), np.sin(angle)
    u = ((y - cy) * s + (x - cx) * c) / rx
    v = ((y - cy) * c - (x - cx) * s) / ry
    return 1.0 / (1.0 + np.exp((np.sqrt(u * u + v * v) - 1.0) / edge))


def stack():
    random = np.random.RandomState(2010)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype("f8")
    cells = [
        (48.0, 46.0, 30.0, 38.0, 0.4, 1.6),
        (104.0, 112.0, 34.0, 44.0, -0.5, 2.8),
        (40.0, 150.0, 26.0, 34.0, 0.9, 3.6),
        (132.0, 30.0, 20.0, 24.0, 0.0, 4.4),
        (128.0, 178.0, 18.0, 24.0, 1.2, 0.8),
    ]
    beads = [
        (random.uniform(4, HEIGHT - 4), random.uniform(4, WIDTH - 4), random.uniform(-0.5, PLANES - 0.5),
         random.gamma(3.0, 300.0))
        for _ in range(36)
    ]
    out = np.empty((PLANES, HEIGHT, WIDTH), "<u2")
    for plane in range(PLANES):
        light = 18.0 + 26.0 * gaussian(y, x, 80, 100, 75.0)
        for cy, cx, ry, rx, angle, focus in cells:
            sharp = 0.10 + 0.07 * abs(plane - focus)
            near = np.exp(-((plane - focus) / 2.6) ** 2)
            light += (25 + 95 * near) * ellipse(y, x, cy, cx, ry, rx, angle, sharp)
            light += (40 + 420 * near) * ellipse(y, x, cy + 2, cx - 3, ry * 0.42, rx * 0.38, angle, sharp * 1.4)
        for cy, cx, focus, photons in beads:
            sigma = 1.3 + 0.9 * abs(plane - focus)
            light += 2.2 * photons / (sigma * sigma) * gaussian(y, x, cy, cx, sigma)
        counts = random.poisson(light) * 2.2 + 100.0 + random.normal(0.0, 1.6, light.shape)
        out[plane] = np.clip(np.rint(counts), 0, 4095)
    return out


def main():
    protocol, path = int(sys.argv[1]), sys.argv[2]
    with open(path, "wb") as file:
        pickle.dump(stack(), file, protocol)


if __name__ == "__main__":
    main()
