"""The data that lines work on: made once, kept under target/compare/data."""

import importlib.util
import pathlib
import pickle

import numpy as np
from numpy.lib import format as npy

#: What most lines move.
BIG_SHAPE = (32, 2048, 2048)  # of u2: 256 MiB


def microscopy(planes, seed):
    """16-bit fluorescence stack of 2048 x 2048: uneven background, beads in and out of focus, shot and read noise."""
    rng = np.random.default_rng(seed)
    n, beads, half = 2048, 400, 24
    y, x = np.linspace(-1, 1, n)[:, None], np.linspace(-1, 1, n)[None]
    background = 8 + 12 * np.exp(-(y**2 + x**2) * 1.5)
    at = rng.uniform(half, n - half, (2, beads)).astype(int)
    focus, brightness = rng.uniform(0, planes, beads), rng.gamma(2.0, 250.0, beads)
    near = np.arange(-half, half)
    out = np.empty((planes, n, n), "<u2")
    for plane in range(planes):
        light = background.copy()
        for cy, cx, z, a in zip(*at, focus, brightness):
            width = 2.0 + abs(plane - z) * 0.7
            spot = np.exp(-(near**2) / (2 * width**2))
            light[cy - half : cy + half, cx - half : cx + half] += a * 4 / width**2 * spot[:, None] * spot
        seen = rng.poisson(light) * 2.2 + 100 + rng.normal(0, 1.6, light.shape)
        out[plane] = np.clip(np.rint(seen), 0, 4095)
    return out


def big(tools):
    """An NPY of 256 MiB: 32 planes of a 16-bit stack."""

    def make(path):
        array = npy.open_memmap(path, "w+", "<u2", BIG_SHAPE)
        for i in range(0, BIG_SHAPE[0], 4):
            array[i : i + 4] = microscopy(4, seed=i)
        array.flush()

    return tools.cached("big.npy", make)


def stack(tools):
    """64 MiB of the same: 8 planes."""
    return tools.cached("stack.npy", lambda path: save(path, np.load(big(tools), mmap_mode="r")[:8]))


def quadruple(tools):
    """1 GiB: the 256 MiB four times."""

    def make(path):
        planes = np.load(big(tools), mmap_mode="r")
        array = npy.open_memmap(path, "w+", "<u2", (4 * BIG_SHAPE[0], *BIG_SHAPE[1:]))
        for i in range(4):
            array[i * len(planes) : (i + 1) * len(planes)] = planes
        array.flush()

    return tools.cached("quadruple.npy", make)


def field(tools):
    """64 MiB of f4: a smooth field with a little noise."""

    def make(path):
        rng, n = np.random.default_rng(2), 4096
        y, x = np.linspace(0, 2 * np.pi, n)[:, None], np.linspace(0, 2 * np.pi, n)[None]
        waves = zip(*rng.uniform(0, 12, (2, 12)), rng.uniform(0, 6, 12), rng.uniform(0.2, 2, 12))
        smooth = sum(a * np.sin(ky * y + kx * x + phase) for ky, kx, phase, a in waves)
        save(path, (280 + smooth + 1e-3 * rng.standard_normal((n, n))).astype("<f4"))

    return tools.cached("field.npy", make)


def times(tools):
    """64 MiB of i8: times of events in ns, about 100 us apart."""

    def make(path):
        rng, n = np.random.default_rng(3), 8 << 20
        steps = 100_000 + np.rint(rng.normal(0, 1000, n)).astype("<i8")
        gaps = rng.random(n) < 1e-4
        steps[gaps] += rng.integers(10**6, 10**9, gaps.sum())
        save(path, 1_700_000_000_000_000_000 + np.cumsum(steps))

    return tools.cached("times.npy", make)


def noise(tools):
    """64 MiB that nothing packs."""
    return tools.cached("noise.npy", lambda path: save(path, np.random.default_rng(4).integers(0, 256, 64 << 20, "u1")))


def mask(tools):
    """64 MiB of bool: 60 discs a plane."""

    def make(path):
        rng, n, planes = np.random.default_rng(5), 1024, 64
        y, x = np.ogrid[:n, :n]
        out = np.zeros((planes, n, n), bool)
        for cy, cx, radius in zip(*rng.uniform(0, n, (2, 60)), rng.uniform(3, 20, 60)):
            distance = (y - cy) ** 2 + (x - cx) ** 2
            for plane in range(planes):
                out[plane] |= distance < (radius * (1 - abs(plane - planes / 2) / planes)) ** 2
        save(path, out)

    return tools.cached("mask.npy", make)


def photos(tools):
    """3 MB of u1: four photographs that scikit-image has, 500 x 500, RGB."""

    def make(path):
        from skimage import io
        names = ["astronaut.png", "ihc.png", "motorcycle_left.png", "motorcycle_right.png"]
        save(path, np.stack([io.imread(package("skimage") / "data" / name)[:500, :500, :3] for name in names]))

    return tools.cached("photos.npy", make)


def mri(tools):
    """9 MB of u1: the T1 template of the MNI152 that nilearn has."""

    def make(path):
        import nibabel
        volume = nibabel.load(package("nilearn") / "datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz")
        save(path, np.ascontiguousarray(volume.dataobj.get_unscaled()))

    return tools.cached("mri.npy", make)


def scan(tools):
    """1 MB of i2: a noisy MR scan that nibabel has."""

    def make(path):
        import nibabel
        volume = nibabel.load(package("nibabel") / "tests/data/example4d.nii.gz")
        save(path, np.ascontiguousarray(volume.dataobj.get_unscaled()))

    return tools.cached("scan.npy", make)


def disparity(tools):
    """1 MB of f4: the Middlebury stereo disparities that scikit-image has, with infinities."""

    def make(path):
        with np.load(package("skimage") / "data" / "motorcycle_disp.npz") as archive:
            save(path, np.ascontiguousarray(archive["arr_0"]))

    return tools.cached("disparity.npy", make)


def seismogram(tools):
    """7 MB of f8: a seismogram that obspy has."""

    def make(path):
        name = "signal/tests/data/BW.KW1._.EHZ.D.2011.090_downsampled.asc.gz"
        save(path, np.loadtxt(package("obspy") / name))

    return tools.cached("seismogram.npy", make)


def package(name):
    """Where an installed package is, without importing it."""
    return pathlib.Path(importlib.util.find_spec(name).origin).parent


def save(path, array):
    with open(path, "wb") as file:
        np.save(file, array)


def archives(tools):
    """Two NPZ with the same eight members of 32 MiB: stored, and deflated as NumPy does it."""

    def make(path):
        path.mkdir()
        stack = np.load(big(tools), mmap_mode="r")
        members = {f"stack{i}": stack[4 * i : 4 * i + 4] for i in range(8)}
        np.savez(path / "stored.npz", **members)
        np.savez_compressed(path / "deflated.npz", **members)

    folder = tools.cached("npz", make)
    return folder / "stored.npz", folder / "deflated.npz"


def headers(tools):
    """Headers as people have them: plain ones, one in Fortran order, structured ones, a scalar."""
    record = [("time", "<i8"), ("position", "<f4", (3,)), ("id", "<u2"), ("name", "S8")]
    wide = [(f"channel_{i:03}", "<f8") for i in range(40)]
    kinds = [("<f8", (1024, 768), False), ("<u2", (32, 2048, 2048), False), ("<f4", (640, 480, 3), True),
             ("<f8", (), False), (record, (100_000,), False), (wide, (5000,), False)]

    def make(path):
        path.mkdir()
        for i, (descr, shape, fortran) in enumerate(kinds):
            header = {"descr": npy.dtype_to_descr(np.dtype(descr)), "shape": shape, "fortran_order": fortran}
            with open(path / f"{i}.npy", "wb") as file:
                npy.write_array_header_1_0(file, header)

    return tools.cached("headers", make)


def small(tools):
    """A folder of 10,000 NPY files of 16 to 255 f4 each."""

    def make(path):
        path.mkdir()
        rng = np.random.default_rng(6)
        for i in range(10_000):
            np.save(path / f"{i:05}.npy", rng.random(16 + i % 240, dtype="f4"))

    return tools.cached("small", make)


def sparse(tools):
    """An NPY of 100 GB that takes no room on the disk."""

    def make(path):
        shape = (12_500_000_000,)
        with open(path, "wb") as file:
            npy.write_array_header_1_0(file, {"descr": "<f8", "shape": shape, "fortran_order": False})
            file.truncate(file.tell() + 8 * shape[0])

    return tools.cached("sparse.npy", make)


def tiny(tools):
    """An NPY of about 1 kB."""
    return tools.cached("tiny.npy", lambda path: np.save(open(path, "wb"), np.arange(112, dtype="<f8")))


def pickle_large(tools, protocol):
    """A pickle of 1 GiB of f8, of which no byte is like the others."""

    def make(path):
        array = np.random.default_rng(8).random(1 << 27)
        with open(path, "wb") as file:
            pickle.dump(array, file, protocol)

    return tools.cached(f"large-{protocol}.pkl", make)


def pickle_many(tools, protocol=4):
    """A pickle of a list of 100,000 arrays of 16 f4."""

    def make(path):
        rng = np.random.default_rng(9)
        with open(path, "wb") as file:
            pickle.dump([rng.random(16, "f4") for _ in range(100_000)], file, protocol)

    return tools.cached(f"many-{protocol}.pkl", make)


def pickle_dict(tools):
    """A pickle of a dict: 200,000 floats, and 1,000 arrays of 16 to 79 f8 among them."""

    def make(path):
        rng = np.random.default_rng(10)
        out = {}
        for i in range(200_000):
            out[f"value_{i}"] = float(rng.random())
            if i % 200 == 0:
                out[f"array_{i}"] = rng.random(16 + i // 200 % 64)
        with open(path, "wb") as file:
            pickle.dump(out, file, 4)

    return tools.cached("dict.pkl", make)


def normal(tools):
    """An NPY of 1 GiB: 64 planes of normal f8."""

    def make(path):
        array = npy.open_memmap(path, "w+", "<f8", (64, 1024, 2048))
        rng = np.random.default_rng(3)
        for plane in array:
            plane[:] = rng.normal(0, 1000, plane.shape)
        array.flush()

    return tools.cached("normal.npy", make)


def normal_stored(tools):
    """An NPZ with the same array as its only member, `normal`, stored."""
    return tools.cached("normal.npz", lambda path: np.savez(open(path, "wb"), normal=np.load(normal(tools), mmap_mode="r")))


def long(tools):
    """An NPY of 4 GiB, 512 planes of f8, of which only the first takes room on the disk."""

    def make(path):
        shape = (512, 1024, 1024)
        with open(path, "wb") as file:
            npy.write_array_header_1_0(file, {"descr": "<f8", "shape": shape, "fortran_order": False})
            end = file.tell() + 8 * 512 * 1024 * 1024
            np.random.default_rng(4).normal(0, 1, shape[1:]).tofile(file)
            file.truncate(end)

    return tools.cached("long.npy", make)
