"""NumPy's side of the table: the words of compare/src/main.rs, with the same results.

Each prints one line of JSON: {"cpu", "wall", "peak", "result"}, seconds and bytes.
"""

import hashlib
import io
import json
import os
import pickle
import pickletools
import sys
import time

import numpy as np
from numpy.lib import format as npy

from others import OTHERS

NPY_READINGS = 5
NPZ_READINGS = 2
NPB_READINGS = 4
OTHER_READINGS = 2
PARSINGS = 2000
LARGE_PICKLE_READINGS = 2
PICKLE_READINGS = 5


def cost(times, run, each=1):
    """What one of `times * each` took."""
    cpu, wall = time.process_time_ns(), time.perf_counter_ns()
    for _ in range(times):
        run()
    wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
    count = times * each * 1e9
    return {"cpu": cpu / count, "wall": wall / count}


def least(readings, run):
    """The cheapest of so many, in CPU time and on the clock each for itself."""
    costs = [cost(1, run) for _ in range(readings)]
    return {key: min(cost[key] for cost in costs) for key in costs[0]}


def tell(cost, result):
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    print(json.dumps({**cost, "peak": peak, "result": result}))


def sha256(array):
    return hashlib.sha256(array.reshape(-1, order="A").view("u1")).hexdigest()


def npy_read(path):
    array = np.load(path)
    result = [repr(npy.dtype_to_descr(array.dtype)), list(array.shape), sha256(array)]
    del array
    tell(least(NPY_READINGS, lambda: np.load(path)), result)


def npy_headers(folder):
    heads = [open(path, "rb").read() for path in files(folder)]
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}

    def parse(head):
        stream = io.BytesIO(head)
        shape, fortran, dtype = read[npy.read_magic(stream)](stream)
        return dtype, shape, fortran, stream

    result = []
    for head in heads:
        dtype, shape, fortran, stream = parse(head)
        result.append([repr(npy.dtype_to_descr(dtype)), list(shape), fortran, stream.tell()])

    def parse_all():
        for head in heads:
            parse(head)

    tell(cost(PARSINGS, parse_all, len(heads)), result)


def npy_small(folder):
    paths = files(folder)
    digest = hashlib.sha256()
    for path in paths:
        digest.update(np.load(path))

    def load_all():
        for path in paths:
            np.load(path)

    tell(cost(1, load_all, len(paths)), digest.hexdigest())


def npz_read(path):
    loaded = {}

    def load():
        loaded.clear()
        with np.load(path) as archive:
            loaded.update(archive)

    took = least(NPZ_READINGS, load)
    tell(took, [[name, list(array.shape), sha256(array)] for name, array in loaded.items()])


def npz_write(source, target):
    with np.load(source) as archive:
        arrays = dict(archive)
    # NumPy does not sync what it has written; ours does, so this does.
    def save():
        with open(target, "wb") as file:
            np.savez_compressed(file, **arrays)
            file.flush()
            os.fsync(file.fileno())

    tell(cost(1, save), os.path.getsize(target))


def unpickled(path):
    with open(path, "rb") as file:
        return pickle.load(file)


def pickle_read(path):
    array = unpickled(path)
    result = [repr(npy.dtype_to_descr(array.dtype)), list(array.shape), sha256(array)]
    del array
    tell(least(LARGE_PICKLE_READINGS, lambda: unpickled(path)), result)


def pickle_write(path, to, protocol):
    array = unpickled(path)

    def write():
        with open(to, "wb") as file:
            pickle.dump(array, file, int(protocol))

    write()
    with open(to, "rb") as file:
        result = hashlib.file_digest(file, "sha256").hexdigest()
    tell(least(LARGE_PICKLE_READINGS, write), result)
    os.remove(to)


def pickle_scan(path):
    def scan():
        with open(path, "rb") as file:
            naming = ("GLOBAL", "STACK_GLOBAL", "INST")
            return [at for opcode, _, at in pickletools.genops(file) if opcode.name in naming]

    result = scan()
    tell(cost(1, scan), result)


def pickle_many(path):
    arrays = unpickled(path)
    digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
    result = [len(arrays), sum(len(array) for array in arrays), digest]
    del arrays
    tell(least(PICKLE_READINGS, lambda: unpickled(path)), result)


def pickle_dict(path):
    values = unpickled(path)
    floats = np.array([value for value in values.values() if isinstance(value, float)])
    arrays = b"".join(value.tobytes() for value in values.values() if isinstance(value, np.ndarray))
    parts = ["\n".join(values).encode(), floats.tobytes(), arrays]
    result = [hashlib.sha256(part).hexdigest() for part in parts]
    del values
    tell(least(PICKLE_READINGS, lambda: unpickled(path)), result)


def stats(path, bins):
    array = np.load(path)
    said = {"min": array.min(), "max": array.max(), "mean": array.mean(), "std": array.std()}
    counts, edges = np.histogram(array, int(bins))
    result = {key: float(value) for key, value in said.items()}
    tell({}, {**result, "counts": counts.tolist(), "edges": edges.tolist()})


def b2nd(array, codec, tile, threads, **how):
    """A Blosc2 array of one block a chunk, so that both sides pack pieces of the same shape."""
    import blosc2

    codecs = {"zstd": blosc2.Codec.ZSTD, "lz4": blosc2.Codec.LZ4}
    filters = [blosc2.Filter.SHUFFLE if array.itemsize > 1 else blosc2.Filter.NOFILTER]
    cparams = {"codec": codecs[codec], "clevel": 1, "filters": filters, "filters_meta": [0], "nthreads": int(threads)}
    tile = [int(extent) for extent in tile.split(",")]
    return blosc2.asarray(array, chunks=tile, blocks=tile, cparams=cparams, dparams={"nthreads": int(threads)}, **how)


def npb_pack(path, codec, tile, threads):
    array = np.load(path)
    packed = b2nd(array, codec, tile, threads)
    tell(least(NPB_READINGS, lambda: b2nd(array, codec, tile, threads)), packed.schunk.cbytes)


def npb_unpack(path, codec, tile, threads):
    array = np.load(path)
    packed = b2nd(array, codec, tile, threads)
    del array
    result = hashlib.sha256(packed[...].tobytes()).hexdigest()
    tell(least(NPB_READINGS, lambda: packed[...]), result)


def other_pack(path, name, tile):
    pack, _, nbytes = OTHERS[name]
    array, tile = np.load(path), tuple(map(int, tile.split(",")))
    packed = nbytes(pack(array, tile))
    tell(least(OTHER_READINGS, lambda: pack(array, tile)), packed)


def other_unpack(path, name, tile):
    pack, unpack, _ = OTHERS[name]
    packed = pack(np.load(path), tuple(map(int, tile.split(","))))
    result = hashlib.sha256(unpack(packed).tobytes()).hexdigest()
    tell(least(OTHER_READINGS, lambda: unpack(packed)), result)


def npb_parts(path, parts):
    import blosc2

    array = blosc2.open(path, mode="r")
    array.schunk.dparams = blosc2.DParams(nthreads=1)
    parts = [eval(f"np.s_[{part}]") for part in parts.split(";")]
    result = hashlib.sha256(b"".join(array[part].tobytes() for part in parts)).hexdigest()

    def read():
        for part in parts:
            array[part]

    tell(min((cost(1, read, each=len(parts)) for _ in range(NPB_READINGS)), key=lambda cost: cost["cpu"]), result)


def npb_write(path, to, codec, tile):
    b2nd(np.load(path, mmap_mode="r"), codec, tile, 2, urlpath=to, mode="w")


def files(folder):
    return sorted(os.path.join(folder, name) for name in os.listdir(folder))


if __name__ == "__main__":
    word, *args = sys.argv[1:]
    globals()[word](*args)
