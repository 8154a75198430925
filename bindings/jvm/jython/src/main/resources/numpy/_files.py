"""Files and buffers."""
import os
from java.io import ByteArrayInputStream
from java.lang import Exception as JavaException
from java.nio import ByteBuffer
from java.nio.file import Paths
from java.util import LinkedHashMap
from org.ndferry import NDArray, Npy, Npz
from org.ndferry.jython import Guard, Sequences
from numpy._array import array, longs, wrap
from numpy._dtype import dtype as _make_dtype


def _path(file):
    return Paths.get(os.path.abspath(str(file)), [])


def _is_path(file):
    return isinstance(file, basestring) or hasattr(file, 'getAbsolutePath') or hasattr(file, 'toAbsolutePath')


def _java_bytes(text):
    return Sequences.bytes(text)


def load(file, mmap_mode=None, allow_pickle=False):
    """An NPY as an array, an NPZ as an NpzFile, a pickle if that is allowed; nothing in it is run."""
    if not _is_path(file):
        return loads(file.read(), allow_pickle)
    try:
        with open(str(file), 'rb') as opened:
            magic = opened.read(6)
        if magic[:4] in ('PK\x03\x04', 'PK\x05\x06'):
            return NpzFile(Npz.open(_path(file)))
        if magic == '\x93NUMPY':
            return wrap(Npy.map(_path(file)) if mmap_mode in ('r', 'c') else Npy.read(_path(file)))
    except JavaException as error:
        Guard.rethrow(error)
    with open(str(file), 'rb') as opened:
        return loads(opened.read(), allow_pickle)


def loads(data, allow_pickle=False):
    try:
        if data[:4] in ('PK\x03\x04', 'PK\x05\x06'):
            return NpzFile(Npz.open(_java_bytes(data)))
        if data[:6] == '\x93NUMPY':
            return wrap(Npy.read(_java_bytes(data)))
    except JavaException as error:
        Guard.rethrow(error)
    if not data:
        raise EOFError('No data left in file')
    if not allow_pickle:
        raise ValueError('This file contains pickled (object) data. Use allow_pickle=True to read arrays and plain values '
                         'from it; nothing in it is run.')
    import ndferry_pickle
    return ndferry_pickle.loads(data)


class NpzFile(object):
    """A mapping of names to arrays, each read when it is asked for."""

    def __init__(self, npz):
        self._npz = npz
        self.files = [str(name) for name in npz.names()]

    def __getitem__(self, name):
        name = name if name in self.files else name[:-4] if name.endswith('.npy') and name[:-4] in self.files else None
        if name is None:
            raise KeyError('no such array in the archive')
        try:
            return wrap(self._npz.read(name))
        except JavaException as error:
            Guard.rethrow(error)

    def __contains__(self, name):
        return name in self.files

    def __iter__(self):
        return iter(self.files)

    def __len__(self):
        return len(self.files)

    def keys(self):
        return list(self.files)

    def values(self):
        return [self[name] for name in self.files]

    def items(self):
        return [(name, self[name]) for name in self.files]

    def close(self):
        self._npz.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def save(file, arr, allow_pickle=True, fix_imports=True):
    """An NPY, byte for byte as NumPy writes it."""
    from numpy._create import asarray
    arr = asarray(arr)
    try:
        if _is_path(file):
            name = str(file)
            Npy.write(_path(name if name.endswith('.npy') else name + '.npy'), arr._a)
        else:
            from java.io import ByteArrayOutputStream
            out = ByteArrayOutputStream()
            Npy.write(out, arr._a)
            file.write(Sequences.string(out.toByteArray()))
    except JavaException as error:
        Guard.rethrow(error)


def savez(file, *args, **kwds):
    _savez(file, args, kwds, False)


def savez_compressed(file, *args, **kwds):
    _savez(file, args, kwds, True)


def _savez(file, args, kwds, compress):
    from numpy._create import asarray
    arrays = LinkedHashMap()
    for name in sorted(kwds):
        arrays.put(name, asarray(kwds[name])._a)
    for i, one in enumerate(args):
        if 'arr_%d' % i in kwds:
            raise ValueError('Cannot use un-named variables and keyword arr_%d' % i)
        arrays.put('arr_%d' % i, asarray(one)._a)
    name = str(file)
    try:
        Npz.write(_path(name if name.endswith('.npz') else name + '.npz'), arrays, compress)
    except JavaException as error:
        Guard.rethrow(error)


def from_buffer(buffer, dtype, count=-1, offset=0):
    if isinstance(buffer, ByteBuffer):
        whole = buffer
    else:
        whole = ByteBuffer.wrap(_java_bytes(buffer))
        if isinstance(buffer, str):
            whole = whole.asReadOnlyBuffer()
    have = whole.remaining() - offset
    if offset < 0 or have < 0:
        raise ValueError('offset must be non-negative and no greater than buffer length (%d)' % whole.remaining())
    if count < 0:
        if have % dtype.itemsize:
            raise ValueError('buffer size must be a multiple of element size')
        count = have // dtype.itemsize
    if count * dtype.itemsize > have:
        raise ValueError('buffer is smaller than requested size')
    part = whole.duplicate()
    part.position(part.position() + offset)
    part.limit(part.position() + count * dtype.itemsize)
    try:
        return wrap(NDArray.wrap(part, dtype._d, longs(count)))
    except JavaException as error:
        Guard.rethrow(error)


def fromfile(file, dtype=float, count=-1, sep='', offset=0):
    """Elements of a file without a header; with `sep`, of text."""
    wanted = _make_dtype(dtype)
    if _is_path(file):
        with open(str(file), 'rb') as opened:
            return fromfile(opened, wanted, count, sep, offset)
    if offset:
        file.seek(offset, 1)
    if sep:
        words = file.read().replace(sep, ' ').split() if sep.strip() else file.read().split()
        words = words[:None if count < 0 else count]
        return array([float(word) if wanted.kind in 'fc' else int(word) for word in words], wanted)
    data = file.read() if count < 0 else file.read(count * wanted.itemsize)
    count = len(data) // wanted.itemsize
    return from_buffer(bytearray(data[:count * wanted.itemsize]), wanted)


def fromstring(string, dtype=float, count=-1, sep=''):
    from StringIO import StringIO
    if not sep:
        return from_buffer(string, _make_dtype(dtype), count).copy()
    return fromfile(StringIO(string), dtype, count, sep)


def to_file(arr, file, sep, format):
    if _is_path(file):
        with open(str(file), 'wb') as opened:
            return to_file(arr, opened, sep, format)
    if sep:
        file.write(sep.join(format % item for item in arr.ravel().tolist()))
    else:
        file.write(arr.tobytes())
