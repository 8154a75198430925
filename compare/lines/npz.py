"""NPZ archives of eight members of 32 MiB."""

import statistics

import data
from bench import Task
from registry import line


@line("npz-read", "NPZ, 8 x 32 MiB deflated, into memory", ours="Source::open, load each", theirs="np.load, each")
def npz_read(tools, folder):
    path = data.archives(tools)[1]
    return Task(tools.rust("npz-read", path, 1), tools.python("npz_read", path))


@line("npz-read-2", "the same on two threads", ours="load on two threads", theirs="np.load, each", metric="wall",
      bar=0.25)
def npz_read_2(tools, folder):
    path = data.archives(tools)[1]
    return Task(tools.rust("npz-read", path, 2), tools.python("npz_read", path))


@line("npz-stored", "NPZ, 8 x 32 MiB stored, into memory", ours="Source::open, load each", theirs="np.load, each")
def npz_stored(tools, folder):
    path = data.archives(tools)[0]
    return Task(tools.rust("npz-read", path, 1), tools.python("npz_read", path))


@line("npz-write", "NPZ, 8 x 32 MiB, deflated and written", ours="save, deflate:6, one thread",
      theirs="np.savez_compressed, fsync", bar=0.35, checked=False, rounds=7)
def npz_write(tools, folder):
    stored = data.archives(tools)[0]
    ours, theirs = folder / "ours.npz", folder / "theirs.npz"
    write = tools.rust("npz-write", stored, ours, 1)

    def checked():
        sample = write()
        # What NumPy reads back from our archive are the arrays.
        read = tools.python("npz_read", ours)().result
        if read != expected:
            raise SystemExit("npz-write: NumPy reads something else from our archive")
        return sample

    expected = tools.python("npz_read", stored)().result

    def notes(ours, theirs):
        sizes = [statistics.median(sample.result for sample in side) / 2**20 for side in (ours, theirs)]
        if sizes[0] > 1.03 * sizes[1]:
            raise SystemExit(f"npz-write: {sizes[0]:.1f} MiB, NumPy {sizes[1]:.1f} MiB")
        return [f"npz-write: 256 MiB become {sizes[0]:.1f} MiB (ours), {sizes[1]:.1f} MiB (theirs)."]

    return Task(checked, tools.python("npz_write", stored, theirs), notes=notes)
