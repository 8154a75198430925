"""What packing needs in memory: at most two tiles a thread are under way, each raw and packed; each thread has room for
one filtered, and the codec's tables; rows of tiles are read together as long as they have no more than 16 MiB.
"""

import hashlib
import mmap

import data
from bench import Task
from registry import line

TILE, TILE_NBYTES = "1,512,512", 2 * 512 * 512
#: Buffers of the size of a tile that a thread has, at most; and its tables, its stack, what the allocator keeps.
PER_THREAD, TABLES = 2 * 2 + 1, 3 << 19
#: What is read together.
BAND = 16 << 20


@line("npb-memory", "1 GiB of .npy packed", ours="ndferry convert on four threads", theirs="on one", checked=False,
      rounds=3)
def npb_memory(tools, folder):
    def packed(path, threads, *tile):
        out = folder / f"{threads}.npb"
        words = ["convert", "-f", path, "-o", out, "--jobs", threads, "--no-sync", *tile]
        return tools.program(tools.ferry, "-q", *words), out

    def notes(ours, theirs):
        tiny, _ = packed(data.tiny(tools), 1)
        base = tiny().peak
        said = [f"npb-memory: {base / 2**20:.1f} MiB for 1 kB on one thread. Bound: that, {BAND >> 20} MiB, and "
                f"threads x ({PER_THREAD} x tile of {TILE_NBYTES / 2**20:g} MiB + {TABLES / 2**20:g} MiB)."]
        for size, make in [("64 MiB", data.stack), ("256 MiB", data.big), ("1 GiB", data.quadruple)]:
            peaks, digests = [], set()
            for threads in [1, 2, 4]:
                run, out = packed(make(tools), threads, "--tile", TILE)
                peak, bound = run().peak, base + BAND + threads * (PER_THREAD * TILE_NBYTES + TABLES)
                peaks.append(f"{peak / 2**20:.1f} of {bound / 2**20:.1f} MiB on {threads}"
                             + (" (TOO MUCH)" if peak > bound else ""))
                digests.add(digest(out))
            same = "the same bytes" if len(digests) == 1 else "DIFFERENT BYTES"
            said.append(f"npb-memory: {size}: {', '.join(peaks)}; {same}.")
        return said

    large = data.quadruple(tools)
    return Task(*(packed(large, threads, "--tile", TILE)[0] for threads in [4, 1]), notes=notes)


def digest(path):
    """Of all messages of an NPB; but for their transfer, which is another in each file."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as nbytes:
        sha, at = hashlib.sha256(), 0
        while at < len(nbytes):
            if nbytes[at] == 0:
                at += 1
                continue
            length = int.from_bytes(nbytes[at + 24 : at + 32], "little")
            sha.update(nbytes[at + 4 : at + 8] + nbytes[at + 16 : at + 36])
            sha.update(nbytes[at + 40 : at + 40 + length])
            at += 40 + length
        return sha.hexdigest()
