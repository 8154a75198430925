"""Ways that others have to keep an array packed, in memory: (pack, unpack) by name, with Zstandard's first level and
shuffle in chunks of the same shape where they have these.
"""

import io

import numpy as np


def zarr_pack(array, tile):
    import zarr
    from zarr.codecs import BloscCodec, BloscShuffle

    store = zarr.storage.MemoryStore()
    shuffle = BloscShuffle.shuffle if array.itemsize > 1 else BloscShuffle.noshuffle
    codec = BloscCodec(cname="zstd", clevel=1, shuffle=shuffle, typesize=array.itemsize)
    zarr.create_array(store, shape=array.shape, dtype=array.dtype, chunks=tile, compressors=codec)[...] = array
    return store


def zarr_unpack(store):
    import zarr

    return zarr.open_array(store, mode="r")[...]


def zarr_nbytes(store):
    return sum(len(value) for value in store._store_dict.values())


def h5py_pack(array, tile):
    import h5py
    import hdf5plugin

    shuffle = hdf5plugin.Blosc.SHUFFLE if array.itemsize > 1 else hdf5plugin.Blosc.NOSHUFFLE
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5.create_dataset("a", data=array, chunks=tile, **hdf5plugin.Blosc("zstd", 1, shuffle))
    return file


def h5py_unpack(file):
    import h5py
    import hdf5plugin  # noqa: F401: registers its filters

    with h5py.File(file, "r") as h5:
        return h5["a"][...]


def arrow_pack(array, tile):
    import pyarrow as pa

    # A column of numbers, in batches of as many as a tile has: IPC packs no tensors.
    numbers, count = array.reshape(-1), int(np.prod(tile))
    numbers = numbers.view("u1") if array.dtype == bool else numbers
    sink = pa.BufferOutputStream()
    schema = pa.schema([("a", pa.from_numpy_dtype(numbers.dtype))])
    options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", 1), use_threads=False)
    with pa.ipc.new_file(sink, schema, options=options) as writer:
        for start in range(0, len(numbers), count):
            writer.write_batch(pa.record_batch([pa.array(numbers[start : start + count])], schema))
    return sink.getvalue()


def arrow_unpack(buffer):
    import pyarrow as pa

    pa.set_cpu_count(1)
    return pa.ipc.open_file(buffer).read_all()["a"].to_numpy()


def savez_pack(array, tile):
    file = io.BytesIO()
    np.savez_compressed(file, a=array)
    return file


def savez_unpack(file):
    file.seek(0)
    with np.load(file) as archive:
        return archive["a"]


def file_nbytes(file):
    return file.getbuffer().nbytes


#: Packs (array, tile); unpacks that; how many bytes it has.
OTHERS = {
    "zarr": (zarr_pack, zarr_unpack, zarr_nbytes),
    "h5py": (h5py_pack, h5py_unpack, file_nbytes),
    "arrow": (arrow_pack, arrow_unpack, lambda buffer: buffer.size),
    "savez": (savez_pack, savez_unpack, file_nbytes),
}
