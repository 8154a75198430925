"""NPY files: large, small, sparse, and their headers."""

import json
import subprocess

import data
from bench import Task
from registry import line


@line("npy-read", "256 MiB of NPY into memory", ours="Source::open, load", theirs="np.load", bar=1.0)
def npy_read(tools, folder):
    path = data.big(tools)
    return Task(tools.rust("npy-read", path), tools.python("npy_read", path))


@line("npy-header", "one NPY header parsed", ours="npy::Header::parse", theirs="numpy.lib.format.read_array_header_1_0",
      bar=0.1)
def npy_header(tools, folder):
    path = data.headers(tools)

    def notes(ours, theirs):
        return ["npy-header: mean of six headers in memory, one of them with 40 fields."]

    return Task(tools.rust("npy-headers", path), tools.python("npy_headers", path), notes=notes)


@line("npy-small", "one of 10,000 small NPY files", ours="Source::open, load", theirs="open and pread, nothing else",
      bar=2.0)
def npy_small(tools, folder):
    path = data.small(tools)
    return Task(tools.rust("npy-small", path), tools.rust("open-pread", path))


@line("npy-small-numpy", "the same", ours="Source::open, load", theirs="np.load")
def npy_small_numpy(tools, folder):
    path = data.small(tools)
    return Task(tools.rust("npy-small", path), tools.python("npy_small", path))


@line("info-sparse", "info on a 100 GB .npy", ours="ndferry info, sparse file of 100 GB",
      theirs="ndferry info, file of 1 kB", bar=1.5, checked=False)
def info_sparse(tools, folder):
    sparse, tiny = data.sparse(tools), data.tiny(tools)
    for path, shape in [(sparse, [12_500_000_000]), (tiny, [112])]:
        said = json.loads(subprocess.run([tools.ferry, "info", "--json", path], stdout=subprocess.PIPE).stdout)
        member = said["members"][0]
        if (member["shape"], member["dtype"], member["nbytes"]) != (shape, "<f8", 8 * shape[0]):
            raise SystemExit(f"{path}: {said}")

    def info(path):
        return tools.program(tools.ferry, "info", path, times=50)

    return Task(info(sparse), info(tiny), max_peak=20 << 20)
