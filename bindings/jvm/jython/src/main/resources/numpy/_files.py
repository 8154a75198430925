"""Files and buffers."""
from __future__ import absolute_import

import os
import re
import struct
from StringIO import StringIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile
from java.io import ByteArrayInputStream
from java.lang import Exception as JavaException
from java.nio import ByteBuffer
from java.nio.file import Paths
from java.util import LinkedHashMap
from org.ndferry import NDArray, NdferryException, Npy, Npz
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
            return NpzFile(Npz.open(_path(file)), str(file), allow_pickle)
        if magic == '\x93NUMPY':
            if _has_objects(str(file)):
                with open(str(file), 'rb') as opened:
                    return _objects(opened.read(), allow_pickle)
            return wrap(Npy.map(_path(file)) if mmap_mode in ('r', 'c') else Npy.read(_path(file)))
    except JavaException as error:
        Guard.rethrow(error)
    with open(str(file), 'rb') as opened:
        return loads(opened.read(), allow_pickle)


def loads(data, allow_pickle=False):
    try:
        if data[:4] in ('PK\x03\x04', 'PK\x05\x06'):
            return NpzFile(Npz.open(_java_bytes(data)), data, allow_pickle)
        if data[:6] == '\x93NUMPY':
            if _describes_objects(data):
                return _objects(data, allow_pickle)
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


def _head(data):
    """The header's text, and where it ends."""
    wide = ord(data[6]) > 1
    start = 12 if wide else 10
    end = start + struct.unpack('<I' if wide else '<H', data[8:start])[0]
    return data[start:end], end


def _describes_objects(data):
    return len(data) > 12 and re.search(r"'descr': *'[|]?O8?'", _head(data)[0]) is not None


def _has_objects(path):
    with open(path, 'rb') as opened:
        return _describes_objects(opened.read(1 << 12))


def _objects(data, allow_pickle):
    """An NPY of Python's objects, which are in a pickle."""
    if not allow_pickle:
        raise ValueError('Object arrays cannot be loaded when allow_pickle=False')
    import ndferry_pickle
    head, end = _head(data)
    made = ndferry_pickle.loads(data[end:])
    shape = re.search(r"'shape': *\(([0-9, L]*)\)", head)
    if made.dtype.kind != 'O' or shape is None or made.shape != tuple(int(one) for one in re.findall('[0-9]+', shape.group(1))):
        raise ValueError('the pickle holds another array than the header says')
    return made


def _npy_of_objects(arr):
    import ndferry_pickle
    head = "{'descr': '|O', 'fortran_order': False, 'shape': %s, }" % (tuple(int(one) for one in arr.shape),)
    head += ' ' * (63 - (10 + len(head)) % 64) + '\n'
    return '\x93NUMPY\x01\x00' + struct.pack('<H', len(head)) + head + ndferry_pickle.dumps(arr, 3)


class NpzFile(object):
    """A mapping of names to arrays, each read when it is asked for."""

    def __init__(self, npz, source, allow_pickle):
        self._npz = npz
        self._source = source
        self._allow_pickle = allow_pickle
        self.files = [str(name) for name in npz.names()]

    def __getitem__(self, name):
        name = name if name in self.files else name[:-4] if name.endswith('.npy') and name[:-4] in self.files else None
        if name is None:
            raise KeyError('no such array in the archive')
        try:
            return wrap(self._npz.read(name))
        except NdferryException as error:
            if 'Python objects' not in error.getMessage():
                Guard.rethrow(error)
        except JavaException as error:
            Guard.rethrow(error)
        source = self._source if len(self._source) < 4096 and '\0' not in self._source else StringIO(self._source)
        with ZipFile(source) as archive:
            return _objects(archive.read(name + '.npy'), self._allow_pickle)

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
    if arr.dtype.kind == 'O':
        if not allow_pickle:
            raise ValueError('Object arrays cannot be saved when allow_pickle=False')
        if _is_path(file):
            name = str(file)
            with open(name if name.endswith('.npy') else name + '.npy', 'wb') as opened:
                opened.write(_npy_of_objects(arr))
        else:
            file.write(_npy_of_objects(arr))
        return
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
    arrays, objects = LinkedHashMap(), []

    def put(name, one):
        one = asarray(one)
        objects.append((name, one)) if one.dtype.kind == 'O' else arrays.put(name, one._a)
    for name in sorted(kwds):
        put(name, kwds[name])
    for i, one in enumerate(args):
        if 'arr_%d' % i in kwds:
            raise ValueError('Cannot use un-named variables and keyword arr_%d' % i)
        put('arr_%d' % i, one)
    name = str(file)
    name = name if name.endswith('.npz') else name + '.npz'
    try:
        Npz.write(_path(name), arrays, compress)
    except JavaException as error:
        Guard.rethrow(error)
    if objects:
        with ZipFile(name, 'a', ZIP_DEFLATED if compress else ZIP_STORED) as archive:
            for one, arr in objects:
                archive.writestr(one + '.npy', _npy_of_objects(arr))


def from_buffer(buffer, dtype, count=-1, offset=0):
    if dtype.hasobject:
        raise ValueError('cannot create an OBJECT array from memory buffer')
    if isinstance(buffer, ByteBuffer):
        whole = buffer
    elif isinstance(buffer, bytearray):
        whole = Sequences.shared(buffer)
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
    if wanted.hasobject:
        raise ValueError('Cannot read into object array')
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
