"""A quick look: statistics, parts of archives, the first plane of a large file."""

import json
import math
import subprocess
import sys

import bench
import data
from bench import Task
from registry import line

THEIRS = bench.HERE / "theirs.py"
BINS = 10


def output(*command):
    return subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=True).stdout


@line("stats", "statistics of 1 GiB of f8", ours="ndferry stats --hist 10: those, percentiles, counts of nan, inf, zeros",
      theirs="np.load, min, max, mean, std, histogram", bar=1.2, checked=False, rounds=5)
def stats(tools, folder):
    path = data.normal(tools)
    ours = [tools.ferry, "stats", "--json", "--hist", BINS, path]
    theirs = [sys.executable, THEIRS, "stats", path, BINS]
    said, right = json.loads(output(*ours)), json.loads(output(*theirs))["result"]
    exact = [said["min"], said["max"], said["histogram"]["counts"], said["histogram"]["edges"]]
    near = all(math.isclose(said[key], right[key], rel_tol=1e-9) for key in ["mean", "std"])
    if exact != [right["min"], right["max"], right["counts"], right["edges"]] or not near:
        raise SystemExit(f"stats: {said}, but NumPy {right}")
    return Task(tools.program(*ours), tools.program(*theirs), max_peak=32 << 20)


@line("npz-slice", "0.5 MiB out of a stored NPZ member of 1 GiB", ours="ndferry show x.npz -s ...",
      theirs="ndferry show x.npy -s ..., the same", bar=2.0, checked=False)
def npz_slice(tools, folder):
    def show(path):
        return [tools.ferry, "show", path, "-s", "40, 300:556, ::8", "--to", "npy", "-o", folder / "part.npy", "-f"]

    commands = [show(data.normal_stored(tools)), show(data.normal(tools))]
    parts = []
    for command in commands:
        output(*command)
        parts.append((folder / "part.npy").read_bytes())
    if parts[0] != parts[1] or len(parts[0]) < 256 * 256 * 8:
        raise SystemExit("npz-slice: the archive and the file give different parts")
    ours, theirs = (tools.program(*command, times=20) for command in commands)
    return Task(ours, theirs, max_peak=32 << 20)


@line("first-plane", "first plane of a 4 GiB .npy printed", ours="ndferry show x.npy -s 0",
      theirs="python -c 'import numpy', no more", bar=0.2, checked=False)
def first_plane(tools, folder):
    path = data.long(tools)
    ours = [tools.ferry, "show", path, "-s", "0"]
    right = output(sys.executable, "-c", "import sys, numpy; print(numpy.load(sys.argv[1], mmap_mode='r')[0])", path)
    if output(*ours) != right:
        raise SystemExit("first-plane: NumPy prints something else")
    theirs = [sys.executable, "-c", "import numpy"]
    return Task(tools.program(*ours, times=20), tools.program(*theirs, times=5), max_peak=32 << 20)
