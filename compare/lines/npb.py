"""Arrays in packed tiles, and parts of them: beside Blosc2 with tiles of the same shape, packed the same way."""

import random
import statistics
import subprocess
import sys

import bench
import data
from bench import Task
from registry import line

#: Name, maker, tile (what `ndferry convert` would take, or near it).
SETS = [("stack", data.stack, "1,512,512"), ("field", data.field, "512,512"), ("times", data.times, "65536"),
        ("noise", data.noise, "524288"), ("mask", data.mask, "1,1024,1024"), ("photos", data.photos, "1,349,500,3"),
        ("mri", data.mri, "12,233,189"), ("scan", data.scan, "128,96,24,2"), ("disparity", data.disparity, "176,741"),
        ("seismogram", data.seismogram, "65536")]
CODECS = ["zstd", "lz4"]


def sizes(name, other="Blosc2"):
    def notes(ours, theirs):
        return [f"{name}: {ours[0].result} bytes, {other} {theirs[0].result}: "
                f"{theirs[0].result / ours[0].result:.3f} of its ratio."]

    return notes


def pack_line(name, make, tile, codec):
    @line(f"pack-{codec}-{name}", f"{name} packed in memory, {codec}", ours="save_to an NPB, with checksums",
          theirs="blosc2.asarray, level 1, shuffle", bar=1.0, checked=False, rounds=7)
    def pack(tools, folder):
        path = make(tools)
        return Task(tools.rust("npb-pack", path, codec, tile, 1), tools.python("npb_pack", path, codec, tile, 1),
                    notes=sizes(f"pack-{codec}-{name}"))

    @line(f"unpack-{codec}-{name}", "and unpacked", ours="LazyArray::load, checksums compared", theirs="array[...]",
          bar=1.0, rounds=7)
    def unpack(tools, folder):
        path = make(tools)
        return Task(tools.rust("npb-unpack", path, codec, tile, 1), tools.python("npb_unpack", path, codec, tile, 1))


for name, make, tile in SETS:
    for codec in CODECS:
        pack_line(name, make, tile, codec)


def other_lines(name, make, tile, other, title):
    @line(f"pack-{other}-{name}", f"{name} packed in memory, zstd", ours="save_to an NPB, with checksums", theirs=title,
          checked=False, rounds=3)
    def pack(tools, folder):
        path = make(tools)
        return Task(tools.rust("npb-pack", path, "zstd", tile, 1), tools.python("other_pack", path, other, tile),
                    notes=sizes(f"pack-{other}-{name}", title))

    @line(f"unpack-{other}-{name}", "and unpacked", ours="LazyArray::load, checksums compared", theirs=title, rounds=3)
    def unpack(tools, folder):
        path = make(tools)
        return Task(tools.rust("npb-unpack", path, "zstd", tile, 1), tools.python("other_unpack", path, other, tile))


for other, title in [("zarr", "zarr 3, Blosc zstd"), ("h5py", "h5py, hdf5plugin's Blosc zstd"),
                     ("arrow", "Arrow IPC, zstd"), ("savez", "savez_compressed")]:
    for name, make, tile in SETS:
        if name in ("stack", "field", "times", "mri"):
            other_lines(name, make, tile, other, title)


@line("pack-threads", "64 MiB (stack) packed, zstd", ours="on two threads", theirs="on one", bar=1 / 1.8, metric="wall")
def pack_threads(tools, folder):
    path = data.stack(tools)
    two, one = (tools.rust("npb-pack", path, "zstd", "1,512,512", threads) for threads in [2, 1])
    return Task(two, one)


@line("unpack-threads", "and unpacked", ours="on two threads", theirs="on one", bar=1 / 1.8, metric="wall")
def unpack_threads(tools, folder):
    path = data.stack(tools)
    two, one = (tools.rust("npb-unpack", path, "zstd", "1,512,512", threads) for threads in [2, 1])
    return Task(two, one)


def auto_line(name, make, tile):
    @line(f"pack-auto-{name}", f"{name} packed", ours="--codec auto", theirs="--codec zstd, shuffle", bar=2.0,
          checked=False, rounds=5)
    def auto(tools, folder):
        path = make(tools)

        def notes(ours, theirs):
            sizes = {}
            for packing in [("zstd", "shuffle"), ("zstd", "bitshuffle"), ("zstd", "delta"), ("pco", "none")]:
                out = folder / "tried.npb"
                codec, filter = packing
                run(tools, "convert", "-f", path, "-o", out, "--codec", codec, "--filter", filter, "--tile", tile)
                sizes["+".join(packing)] = out.stat().st_size
            best = min(sizes, key=sizes.get)
            return [f"pack-auto-{name}: {sizes[best] / ours[0].result:.3f} of the best ratio, {best}'s."]

        return Task(tools.rust("npb-pack", path, "auto", tile, 1), tools.rust("npb-pack", path, "zstd", tile, 1),
                    notes=notes)


for name, make, tile in SETS:
    auto_line(name, make, tile)


def run(tools, *words):
    subprocess.run(list(map(str, [tools.ferry, "-q", *words])), check=True)


def large(tools):
    """A file of 1 GiB of elements on either side, in the same tiles."""
    source, tile = data.quadruple(tools), "1,256,512"
    ours = tools.cached("quadruple.npb",
                        lambda path: run(tools, "convert", source, "-o", path, "--to", "npb", "--tile", tile))
    theirs = tools.cached("quadruple.b2nd", lambda path: subprocess.run(
        [sys.executable, str(bench.HERE / "theirs.py"), "npb_write", str(source), str(path), "zstd", tile], check=True))
    return ours, theirs


def at_random(count, make):
    """Parts of an array of (128, 2048, 2048) at places that are the same in every run."""
    rng = random.Random(7)
    place = lambda: (rng.randrange(128), rng.randrange(2048 - 64), rng.randrange(2048 - 64))
    return ";".join(make(*place()) for _ in range(count))


PARTS = [("element", "an element", 200, lambda z, y, x: f"{z},{y},{x}"),
         ("tile", "64 x 64 elements", 100, lambda z, y, x: f"{z},{y}:{y + 64},{x}:{x + 64}"),
         ("plane", "a plane", 6, lambda z, y, x: f"{z}"), ("column", "a column", 4, lambda z, y, x: f":,{y},{x}")]


def part_line(name, title, count, make):
    @line(f"part-{name}", f"{title} out of 1 GiB of packed u2, no tile kept", ours="LazyArray::index of an open .npb",
          theirs="array[...] of an open .b2nd", bar=1.0, rounds=7)
    def part(tools, folder):
        ours, theirs = large(tools)
        parts = at_random(count, make)
        return Task(tools.rust("npb-parts", ours, parts), tools.python("npb_parts", theirs, parts))


for part in PARTS:
    part_line(*part)


@line("pack-large", "4 GiB of .npy packed into an .npb", ours="ndferry convert", theirs="cp", checked=False, rounds=3)
def pack_large(tools, folder):
    source, target = data.long(tools), folder / "out.npb"
    ours = tools.program(tools.ferry, "-q", "convert", "-f", source, "-o", target)
    theirs = tools.program("cp", source, folder / "copy.npy")

    def notes(ours, theirs):
        peak = statistics.median(sample.peak for sample in ours)
        return [f"pack-large: {peak / 2**20:.0f} MiB at the peak."]

    return Task(ours, theirs, max_peak=64 << 20, notes=notes)
