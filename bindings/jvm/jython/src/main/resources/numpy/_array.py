"""ndarray: elements of one dtype, with a shape and strides, in Java's memory."""
from __future__ import absolute_import

import jarray
from java.lang import Exception as JavaException
from org.ndferry import Dtype, NDArray
from org.ndferry.jython import Guard, Indexing, Sequences
from numpy import _call, _dtype, _scalars
from numpy._dtype import dtype as _make_dtype
from numpy._operators import Operators


def longs(values):
    """A Java array of extents, of an int or a sequence of ints."""
    if isinstance(values, (int, long)) or hasattr(values, '__index__') and not hasattr(values, '__len__'):
        values = (values,)
    return jarray.array([operator_index(value) for value in values], 'l')


def operator_index(value):
    if isinstance(value, (int, long)):
        return value
    if hasattr(value, '__index__'):
        return value.__index__()
    raise TypeError('%r object cannot be interpreted as an integer' % type(value).__name__)


def wrap(java):
    """The array of Python for one of Java, which it shares."""
    made = object.__new__(ndarray)
    made._a = java
    return made


def array(object, dtype=None, copy=True, order='K', subok=False, ndmin=0):
    """A new array of numbers, nested sequences, arrays, array.array, arrays of Java, or an image of ImageJ."""
    if not isinstance(object, Operators) and type(object).__module__.startswith('ij'):
        import ndferry_images as _images
        object = _images.to_array(object)
    wanted = None if dtype is None else _make_dtype(dtype)
    if isinstance(object, ndarray) and object.dtype.kind == 'O':
        made = object.copy() if wanted is None else object.astype(wanted)
    elif wanted is not None and wanted.kind == 'O':
        from numpy import _objects
        made = _objects.of_nested(object)
    else:
        java = Sequences.array(object, None if wanted is None else wanted._d)
        if java is None:
            from numpy import _objects
            made = _objects.of_nested(object, strict=True)
        else:
            made = wrap(java)
    if order == 'F':
        made = made.T.copy().T
    while made.ndim < ndmin:
        made = made[None]
    return made


class Flags(dict):
    """ndarray.flags: by words, or as attributes in lower case."""

    def __getattr__(self, name):
        if name.upper() not in self or name != name.lower():
            raise AttributeError(name)
        return self[name.upper()]


class Flat(object):
    """ndarray.flat: the elements in C order, by one index, also to be set."""

    def __init__(self, array):
        self._array = array

    def __iter__(self):
        return iter(self._array.ravel())

    def __len__(self):
        return self._array.size

    def __getitem__(self, key):
        return self._array.ravel()[key]

    def __setitem__(self, key, value):
        from numpy._create import arange
        from numpy._functions import unravel_index
        places = arange(self._array.size)[key]
        shape = self._array.shape or (1,)
        self._array.reshape(shape)[unravel_index(places, shape)] = value


class ndarray(Operators):
    """numpy.ndarray. Basic indexing, transposing and reshaping share the elements, as in NumPy."""

    __slots__ = ('_a',)

    def __new__(cls, shape, dtype=float, buffer=None, offset=0, strides=None, order=None):
        if buffer is None:
            if strides is not None:
                raise ValueError('strides without a buffer')
            return _zeros(shape, dtype, order)
        wanted = _make_dtype(dtype)
        if wanted.hasobject:
            raise ValueError('cannot create an OBJECT array from memory buffer')
        whole = frombuffer(buffer, 'u1')
        extents = longs(shape)
        if strides is None:
            size = wanted.itemsize
            for extent in extents:
                size *= extent
            part = whole[offset:offset + size]
            if part.size != size:
                raise TypeError('buffer is too small for requested array')
            made = _as_bytes_of(part, wanted)
            if order == 'F':
                return made.reshape(tuple(extents)[::-1]).T
            return made.reshape(tuple(extents))
        raise ValueError('strides: use numpy.lib.stride_tricks.as_strided')

    # What it is

    @property
    def dtype(self):
        return _dtype.of_java(self._a.dtype())

    @property
    def shape(self):
        return Sequences.tuple(self._a.shape())

    @shape.setter
    def shape(self, shape):
        java = self.reshape(shape)._a
        if not self._a.isContiguous():
            raise AttributeError('Incompatible shape for in-place modification. Use `.reshape()` to make a copy.')
        self._a = java

    @property
    def strides(self):
        return Sequences.tuple(self._a.strides())

    @property
    def ndim(self):
        return self._a.ndim()

    @property
    def size(self):
        return int(self._a.size())

    @property
    def itemsize(self):
        return self._a.dtype().itemsize()

    @property
    def nbytes(self):
        return int(self._a.nbytes())

    @property
    def flags(self):
        return Flags(C_CONTIGUOUS=self._a.isContiguous(), F_CONTIGUOUS=self._a.isFortran(), WRITEABLE=not self._a.isReadOnly())

    @property
    def T(self):
        return self.transpose()

    @property
    def flat(self):
        return Flat(self)

    def __len__(self):
        if self.ndim == 0:
            raise TypeError('len() of unsized object')
        return self.shape[0]

    # Elements

    def __getitem__(self, key):
        java = self._a
        if isinstance(key, basestring):
            return wrap(self._field(key))
        if type(key) is list and key and isinstance(key[0], basestring):
            return wrap(self._fields(key))
        made = Indexing.get(java, key)
        if made.ndim() == 0 and Indexing.isElement(java, key):
            return _scalars.of_java(made.copy())
        return wrap(made)

    def __setitem__(self, key, value):
        if isinstance(key, basestring):
            Indexing.set(self._field(key), Ellipsis, value)
        else:
            if type(value).__module__.startswith('ij') and not isinstance(value, Operators):
                value = array(value)
            if isinstance(value, ndarray) and value.dtype.kind == 'O':
                value = value.astype(self.dtype)
            Indexing.set(self._a, key, value)

    def _field(self, name):
        if name not in (self.dtype.names or ()):
            raise ValueError('no field of name %s' % name)
        return self._a.field(name)

    def _fields(self, names):
        """Some of the fields, where they are."""
        for name in names:
            self._field(name)
        if len(set(names)) != len(names):
            raise KeyError('duplicate field of name %r' % (names,))
        known = dict((field.name(), field) for field in self._a.dtype().fields())
        return _as(self._a, Dtype.struct([known[name] for name in names], self.itemsize))

    def __iter__(self):
        if self.ndim == 0:
            raise TypeError('iteration over a 0-d array')
        return (self[i] for i in xrange(len(self)))

    def __contains__(self, value):
        from numpy._create import asarray
        return bool(asarray(self == value).any())

    def item(self, *index):
        if len(index) == 1 and isinstance(index[0], tuple):
            index = index[0]
        if not index:
            if self.size != 1:
                raise ValueError('can only convert an array of size 1 to a Python scalar')
            return Sequences.list(self._a.reshape(longs(())))
        part = self.ravel()[index[0]] if len(index) == 1 else self[tuple(index)]
        return part.item()

    def fill(self, value):
        self[...] = value

    def tolist(self):
        return Sequences.list(self._a)

    def tobytes(self, order='C'):
        source = self.T if order == 'F' or (order == 'A' and self._a.isFortran()) else self
        return Sequences.string(source._a.toBytes())

    tostring = tobytes

    def tojava(self):
        """A Java array of the elements in C order: byte[] (also of bools), short[], int[], long[], float[] or double[].
        Unsigned numbers keep their bits, as ImageJ's pixels do."""
        code = self.dtype.str[1:]
        name = {'b1': 'toBytes', 'i1': 'toBytes', 'u1': 'toBytes', 'i2': 'toShorts', 'u2': 'toShorts', 'i4': 'toInts',
                'u4': 'toInts', 'i8': 'toLongs', 'u8': 'toLongs', 'f4': 'toFloats', 'f8': 'toDoubles'}.get(code)
        if name is None:
            raise TypeError('Java has no array of %s' % self.dtype)
        return getattr(self._a, name)()

    def tofile(self, fid, sep='', format='%s'):
        from numpy import _files
        _files.to_file(self, fid, sep, format)

    def dump(self, file):
        import ndferry_pickle
        ndferry_pickle.dump(self, file, 2)

    def dumps(self):
        import ndferry_pickle
        return ndferry_pickle.dumps(self, 2)

    # Other arrays of the elements

    def copy(self, order='C'):
        if order == 'F' or (order in 'AK' and self._a.isFortran()):
            return wrap(self._a.transpose(jarray.zeros(0, 'i')).copy().transpose(jarray.zeros(0, 'i')))
        return wrap(self._a.copy())

    __copy__ = copy

    def __deepcopy__(self, memo):
        return self.copy()

    def astype(self, dtype, order='K', casting='unsafe', subok=True, copy=True):
        wanted = _make_dtype(dtype)
        if not copy and wanted == self.dtype:
            return self
        if not _dtype.can_cast(self.dtype, wanted, casting):
            raise TypeError("Cannot cast array data from %r to %r according to the rule '%s'" % (
                self.dtype, wanted, casting))
        if wanted.kind == 'O':
            from numpy import _objects
            return _objects.of_nested(self)
        made = wrap(Sequences.array(self, wanted._d))
        return made.copy('F') if order in 'AKF' and self._a.isFortran() and not self._a.isContiguous() else made

    def view(self, dtype=None, type=None):
        if dtype is None or dtype is ndarray:
            return wrap(self._a)
        wanted = _make_dtype(dtype)
        if wanted.hasobject:
            raise TypeError('Cannot change data-type for array of references.')
        if wanted.itemsize == self.itemsize:
            return wrap(_as(self._a, wanted._d))
        if self.ndim == 0:
            raise ValueError('Changing the dtype of a 0d array is only supported if the itemsize is unchanged')
        return _as_bytes_of(self, wanted)

    def byteswap(self, inplace=False):
        made = self.view(self.dtype.newbyteorder()).astype(self.dtype)
        if inplace:
            self[...] = made
            return self
        return made

    def reshape(self, *shape, **options):
        order = options.pop('order', 'C')
        if len(shape) == 1 and not isinstance(shape[0], (int, long)) and hasattr(shape[0], '__len__'):
            shape = shape[0]
        shape = tuple(operator_index(extent) for extent in shape)
        if order == 'F' or (order == 'A' and self._a.isFortran() and not self._a.isContiguous()):
            return self.T.reshape(shape[::-1]).T
        known = [extent for extent in shape if extent != -1]
        rest = 1
        for extent in known:
            rest *= extent
        if len(shape) - len(known) > 1:
            raise ValueError('can only specify one unknown dimension')
        fits = rest == self.size if len(known) == len(shape) else rest > 0 and self.size % rest == 0
        if not fits:
            raise ValueError('cannot reshape array of size %d into shape %s' % (self.size, _spelled(shape)))
        return wrap(self._a.reshape(longs(shape)))

    def resize(self, *shape):
        raise NotImplementedError('an array does not change its size: use numpy.resize')

    def ravel(self, order='C'):
        order = 'A' if order == 'K' else order
        if order == 'C' and not self.flags.c_contiguous:
            return self.copy().reshape(-1)
        return self.reshape(-1, order=order)

    def flatten(self, order='C'):
        return self.ravel(order).copy()

    def transpose(self, *axes):
        if len(axes) == 1 and (axes[0] is None or hasattr(axes[0], '__len__')):
            axes = axes[0] or ()
        axes = [normalized(axis, self.ndim) for axis in axes]
        if axes and sorted(axes) != range(self.ndim):
            raise ValueError("axes don't match array")
        return wrap(self._a.transpose(jarray.array(axes, 'i')))

    def swapaxes(self, axis1, axis2):
        axes = range(self.ndim)
        one, two = normalized(axis1, self.ndim), normalized(axis2, self.ndim)
        axes[one], axes[two] = axes[two], axes[one]
        return self.transpose(axes)

    def squeeze(self, axis=None):
        axes = range(self.ndim) if axis is None else axis if hasattr(axis, '__len__') else (axis,)
        axes = [normalized(one, self.ndim) for one in axes]
        if axis is not None and any(self.shape[one] != 1 for one in axes):
            raise ValueError('cannot select an axis to squeeze out which has size not equal to one')
        return self[tuple(0 if i in axes and extent == 1 else slice(None) for i, extent in enumerate(self.shape))
                    + (Ellipsis,)]

    def diagonal(self, offset=0, axis1=0, axis2=1):
        from numpy._functions import diagonal
        return diagonal(self, offset, axis1, axis2)

    def take(self, indices, axis=None, out=None, mode='raise'):
        from numpy._functions import take
        return take(self, indices, axis, out, mode)

    def compress(self, condition, axis=None):
        from numpy._functions import compress
        return compress(condition, self, axis)

    def choose(self, choices):
        from numpy._more import choose
        return choose(self, choices)

    def put(self, indices, values):
        from numpy._more import put
        put(self, indices, values)

    def repeat(self, repeats, axis=None):
        from numpy._functions import repeat
        return repeat(self, repeats, axis)

    def argsort(self, axis=-1, kind=None, order=None):
        from numpy._functions import argsort
        return argsort(self, axis, kind, order)

    def sort(self, axis=-1, kind=None, order=None):
        from numpy._functions import sort
        self[...] = sort(self, axis, kind, order)

    def searchsorted(self, v, side='left', sorter=None):
        from numpy._functions import searchsorted
        return searchsorted(self, v, side, sorter)

    # In place

    def _changed(name):
        def method(self, other):
            result = getattr(self, name)(other)
            if not _dtype.can_cast(result.dtype, self.dtype, 'same_kind'):
                raise TypeError("Cannot cast ufunc output from %r to %r with casting rule 'same_kind'" % (
                    result.dtype, self.dtype))
            if result.shape != self.shape:
                raise ValueError('non-broadcastable output operand with shape %s doesn\'t match the broadcast shape %s' % (
                    _spelled(self.shape), _spelled(result.shape)))
            self[...] = result
            return self
        return method

    __iadd__ = _changed('__add__')
    __isub__ = _changed('__sub__')
    __imul__ = _changed('__mul__')
    __idiv__ = __itruediv__ = _changed('__truediv__')
    __ifloordiv__ = _changed('__floordiv__')
    __imod__ = _changed('__mod__')
    __ipow__ = _changed('__pow__')
    __iand__ = _changed('__and__')
    __ior__ = _changed('__or__')
    __ixor__ = _changed('__xor__')
    __ilshift__ = _changed('__lshift__')
    __irshift__ = _changed('__rshift__')
    del _changed

    # As other things

    __hash__ = None

    def _only(self):
        if self.size != 1:
            raise TypeError('only length-1 arrays can be converted to Python scalars')
        return self.item()

    def __nonzero__(self):
        if self.size != 1:
            raise ValueError('The truth value of an array with more than one element is ambiguous. '
                             'Use a.any() or a.all()')
        return bool(self.item())

    def __int__(self):
        return int(self._only())

    def __long__(self):
        return long(self._only())

    def __float__(self):
        return float(self._only())

    def __complex__(self):
        return complex(self._only())

    def __index__(self):
        if self.ndim or self.dtype.kind not in 'iu':
            raise TypeError('only integer scalar arrays can be converted to a scalar index')
        return self.item()

    def __str__(self):
        return unicode(self._a.toString()).encode('utf-8')

    def __repr__(self):
        return unicode(self._a.repr()).encode('utf-8')

    def __array__(self, dtype=None):
        return self if dtype is None else self.astype(dtype)

    def __reduce__(self):
        from numpy.core import multiarray
        fortran = self._a.isFortran() and not self._a.isContiguous()
        return (multiarray._reconstruct, (ndarray, (0,), 'b'),
                (1, self.shape, self.dtype, fortran, self.tobytes('F' if fortran else 'C')))

    def __setstate__(self, state):
        shape, dtype, fortran, data = state[-4:]
        if _make_dtype(dtype).kind == 'O':
            raise TypeError('arrays of Python objects are loaded by ndferry_pickle')
        made = ndarray(shape, dtype, data, order='F' if fortran else 'C')
        self._a = made._a.copy() if not fortran else made.copy('F')._a


ndarray.__module__ = 'numpy'
_call.wrap, _call.of_java = wrap, _scalars.of_java


def _zeros(shape, dtype=float, order='C'):
    extents, wanted = longs(shape), _make_dtype(dtype)
    if min(extents or [0]) < 0:
        raise ValueError('negative dimensions are not allowed')
    if wanted.kind == 'O':
        from numpy import _objects
        return _objects.of_nested(_zeros(shape, 'i1'))
    if wanted.hasobject:
        raise NotImplementedError('structured arrays with Python objects in them')
    try:
        if order == 'F':
            return wrap(NDArray.zeros(wanted._d, longs(tuple(extents)[::-1]))).T
        return wrap(NDArray.zeros(wanted._d, extents))
    except JavaException as error:
        Guard.rethrow(error)


def normalized(axis, ndim):
    """An axis counted from the front."""
    axis = operator_index(axis)
    if not -ndim <= axis < ndim:
        from numpy.exceptions import AxisError
        raise AxisError('axis %d is out of bounds for array of dimension %d' % (axis, ndim))
    return axis % ndim


def _spelled(shape):
    return '(' + ','.join('%d' % extent for extent in shape) + (',)' if len(shape) == 1 else ')')


_as = getattr(NDArray, 'as')


def _as_bytes_of(array, wanted):
    """The same bytes as elements of another size along the last axis."""
    try:
        return wrap(Sequences.viewed(array._a, wanted._d))
    except JavaException as error:
        Guard.rethrow(error)


def frombuffer(buffer, dtype=float, count=-1, offset=0):
    """Elements of str, bytearray, array.array of bytes, arrays of Java, or a ByteBuffer, which is shared."""
    from numpy._files import from_buffer
    return from_buffer(buffer, _make_dtype(dtype), count, offset)
