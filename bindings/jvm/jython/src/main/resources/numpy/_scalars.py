"""Single elements with a dtype. Those of numbers and text are Python's own kind as well, so that Java takes them."""
from __future__ import absolute_import

from org.ndferry.jython import Sequences
from numpy import _dtype
from numpy._operators import Operators


class generic(Operators):
    """An element. `_a` is an array without axes with the element in it."""

    _dtype_str = None

    def __new__(cls, value=0, *rest):
        if cls._dtype_str is None:
            raise TypeError('cannot create %r instances' % cls.__name__)
        from numpy._array import array
        made = array(value, dtype=cls)
        return of_java(made._a) if made.ndim == 0 else made

    @property
    def dtype(self):
        return _dtype.of_java(self._a.dtype())

    @property
    def shape(self):
        return ()

    strides = shape

    @property
    def ndim(self):
        return 0

    @property
    def size(self):
        return 1

    @property
    def itemsize(self):
        return self.dtype.itemsize

    nbytes = itemsize

    @property
    def T(self):
        return self

    def item(self):
        return Sequences.list(self._a)

    tolist = item

    def tobytes(self, order='C'):
        return self._as_array().tobytes()

    def astype(self, dtype, order='K', casting='unsafe', subok=True, copy=True):
        return of_java(self._as_array().astype(dtype)._a)

    def copy(self, order='C'):
        return self

    def view(self, dtype):
        return of_java(self._as_array().view(dtype)._a)

    def reshape(self, *shape, **order):
        return self._as_array().reshape(*shape, **order)

    def ravel(self, order='C'):
        return self._as_array().ravel()

    flatten = ravel

    def _as_array(self):
        from numpy._array import wrap
        return wrap(self._a)

    def __getitem__(self, key):
        if self.dtype.names is not None and isinstance(key, basestring):
            return of_java(self._a.field(key))
        return self._as_array()[key]

    def __array__(self, dtype=None):
        return self._as_array() if dtype is None else self._as_array().astype(dtype)

    def __float__(self):
        value = self.item()
        return value if type(value) is float else float(value)

    def __int__(self):
        return int(self.item())

    def __long__(self):
        return long(self.item())

    def __complex__(self):
        return complex(self.item())

    def __nonzero__(self):
        return bool(self.item())

    def __hash__(self):
        return hash(self.item())

    def __str__(self):
        return unicode(self._a.toString()).encode('utf-8')

    def __repr__(self):
        return 'np.%s(%s)' % (self.dtype.name if self.dtype.kind in 'biufc' else type(self).__name__, self)

    def __format__(self, spec):
        return format(self.item(), spec)

    def __reduce__(self):
        from numpy.core import multiarray
        return multiarray.scalar, (self.dtype, self.tobytes())


class number(generic):
    pass


class integer(number):
    def __index__(self):
        return self.item()


class signedinteger(integer):
    pass


class unsignedinteger(integer):
    pass


class inexact(number):
    pass


class floating(inexact):
    pass


class complexfloating(inexact):
    pass


class flexible(generic):
    pass


class character(flexible):
    pass


class bool_(generic):
    _dtype_str = '?'

    def __repr__(self):
        return 'np.%s_' % self


class int8(signedinteger, int):
    _dtype_str = 'i1'


class int16(signedinteger, int):
    _dtype_str = 'i2'


class int32(signedinteger, int):
    _dtype_str = 'i4'


class int64(signedinteger, long):
    _dtype_str = 'i8'


class uint8(unsignedinteger, int):
    _dtype_str = 'u1'


class uint16(unsignedinteger, int):
    _dtype_str = 'u2'


class uint32(unsignedinteger, long):
    _dtype_str = 'u4'


class uint64(unsignedinteger, long):
    _dtype_str = 'u8'


class float16(floating, float):
    _dtype_str = 'f2'


class float32(floating, float):
    _dtype_str = 'f4'


class float64(floating, float):
    _dtype_str = 'f8'


class complex64(complexfloating, complex):
    _dtype_str = 'c8'


class complex128(complexfloating, complex):
    _dtype_str = 'c16'


class str_(character, unicode):
    _dtype_str = 'U'

    def __str__(self):
        return self.item().encode('utf-8')

    def __repr__(self):
        return 'np.str_(%r)' % self.item()


class bytes_(character, str):
    _dtype_str = 'S'

    def __str__(self):
        return self.item()

    def __repr__(self):
        return 'np.bytes_(b%r)' % self.item()


class void(flexible):
    _dtype_str = 'V'

    def __len__(self):
        return len(self.dtype.names or ())

    def __getitem__(self, key):
        if isinstance(key, (int, long)):
            key = self.dtype.names[key]
        return generic.__getitem__(self, key)


def _ticks(cls, value, unit):
    """So many of a unit, which is D, s, 10ms and so on."""
    if isinstance(value, basestring) and value != 'NaT':
        raise NotImplementedError('numpy.%s of text: give it a number and a unit' % cls.__name__)
    from numpy._array import array
    from numpy._dtype import dtype
    value = -2 ** 63 if value == 'NaT' else value
    if not isinstance(value, (int, long)):
        return generic.__new__(cls, value)
    return of_java(array([value], 'i8').view(dtype('%s[%s]' % (cls._dtype_str, unit)) if unit else cls._dtype_str)[0]._a)


class datetime64(generic):
    _dtype_str = 'M8'

    def __new__(cls, value='NaT', unit=None):
        return _ticks(cls, value, unit)


class timedelta64(generic):
    _dtype_str = 'm8'

    def __new__(cls, value=0, unit=None):
        return _ticks(cls, value, unit)


_OF = dict((cls._dtype_str, cls) for cls in (
    int8, int16, int32, int64, uint8, uint16, uint32, uint64, float16, float32, float64, complex64, complex128))
_OF_KIND = {'b': bool_, 'U': str_, 'S': bytes_, 'V': void, 'M': datetime64, 'm': timedelta64}


def of_kind(dtype):
    return _OF.get(dtype.str[1:]) or _OF_KIND.get(dtype.kind, generic)


def of_java(array):
    """The scalar of a Java array without axes, which it shares; an array where there is no class of scalars."""
    dtype = array.dtype()
    text = dtype.str()
    cls = _OF.get(text[1:]) or _OF_KIND.get(text[1])
    if cls is None:
        from numpy._array import wrap
        return wrap(array)
    base = _BASES.get(cls)
    made = object.__new__(cls) if base is None else base.__new__(cls, Sequences.list(array))
    made._a = array
    return made


for _cls in list(vars().values()):
    if isinstance(_cls, type) and issubclass(_cls, generic):
        _cls.__module__ = 'numpy'

_BASES = {}
for _cls in list(_OF.values()) + [str_, bytes_]:
    for _base in (int, long, float, complex, unicode, str):
        if issubclass(_cls, _base):
            _BASES[_cls] = _base
