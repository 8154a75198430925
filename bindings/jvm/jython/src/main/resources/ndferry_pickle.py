"""Pickles of protocols 0 to 5 in Jython, with arrays of any NumPy in them.

    import ndferry_pickle
    ndferry_pickle.loads(data)            # arrays, plain values; nothing that it names is imported
    ndferry_pickle.dumps(value, 5)        # NumPy 1 and 2 load it
    ndferry_pickle.install()              # pickle, cPickle and Pyro4 do so too

Python 3's bytes come as str; Python's str stays Python 2's, which Python 3 loads as text if it is ASCII.
"""
from __future__ import absolute_import

import array as _array
import datetime
import pickle as _pickle
import types

import numpy
from java.nio import ByteBuffer
from org.ndferry import PickleWriter
from org.ndferry.jython import Loads, Sequences
from numpy import _dtype, _objects, _scalars
from numpy._array import wrap

HIGHEST_PROTOCOL = 5


class UnsafePickle(_pickle.UnpicklingError):
    """A pickle that needs a class or function that was not allowed."""


def loads(data, allow=(), buffers=()):
    """What a pickle holds.

    data: str, bytearray, array.array of bytes, or an array of bytes of Java.
    allow: names such as 'mymodule.MyClass' that may be imported and called, or a function find(module, name).
    buffers: those that lie outside of a pickle of protocol 5, in order.
    """
    hooks = _Hooks(allow)
    return Loads.loads(Sequences.bytes(data), hooks, _outside(buffers))


def load(file, allow=(), buffers=()):
    """The same of an open file, which is read to its end."""
    return loads(file.read(), allow, buffers)


def dumps(value, protocol=2):
    """The value as a pickle. Arrays are loaded by every NumPy; str stays the str of Python 2."""
    parts = _Parts()
    dump(value, parts, protocol)
    return ''.join(parts)


def dump(value, file, protocol=2):
    _Pickler(file, protocol).dump(value)


class _Parts(list):
    """A file to write to."""

    write = list.append


def _outside(buffers):
    from java.util import ArrayList
    made = ArrayList()
    for one in buffers:
        made.add(ByteBuffer.wrap(Sequences.bytes(one)))
    return made


# What names mean, whatever Python wrote them. Everything here only makes values.

_EXCEPTIONS = dict((name, kind) for name, kind in vars(__import__('exceptions')).items() if isinstance(kind, type))
_NEWER = {
    'FileNotFoundError': IOError, 'FileExistsError': IOError, 'PermissionError': IOError, 'ConnectionError': IOError,
    'ConnectionRefusedError': IOError, 'ConnectionResetError': IOError, 'ConnectionAbortedError': IOError,
    'BrokenPipeError': IOError, 'TimeoutError': IOError, 'ModuleNotFoundError': ImportError, 'RecursionError': RuntimeError,
    'NotADirectoryError': IOError, 'IsADirectoryError': IOError, 'InterruptedError': IOError, 'ProcessLookupError': IOError,
    'BlockingIOError': IOError, 'ChildProcessError': IOError, 'StopAsyncIteration': StopIteration,
}


def _fraction(*parts):
    import fractions
    if any(isinstance(part, basestring) and 'e' in part.lower() for part in parts):
        raise _pickle.UnpicklingError('a fraction with an exponent')
    return fractions.Fraction(*parts)


def _complex(*parts):
    return complex(*parts)


def _reconstructor(cls, base, state):
    if not isinstance(cls, type) or base not in (object, dict, list, set):
        raise UnsafePickle('copyreg._reconstructor of %r' % (cls,))
    return object.__new__(cls) if base is object else base.__new__(cls, state)


def _scalar_class(name):
    kind = getattr(_scalars, name, None)
    return kind if isinstance(kind, type) and issubclass(kind, _scalars.generic) else None


def _builtin(name):
    if name in _EXCEPTIONS or name in _NEWER:
        return _EXCEPTIONS.get(name) or _NEWER[name]
    return {'set': set, 'frozenset': frozenset, 'complex': _complex, 'object': object, 'list': list, 'dict': dict,
            'tuple': tuple, 'int': int, 'long': long, 'float': float, 'bool': bool, 'str': unicode, 'bytes': str,
            'unicode': unicode, 'bytearray': bytearray, 'xrange': xrange, 'range': xrange, 'slice': slice}.get(name)


def _known(module, name):
    if module in ('builtins', '__builtin__', 'exceptions'):
        return _builtin(name)
    if module in ('numpy', 'numpy.core.numerictypes', 'numpy._core.numerictypes'):
        return numpy.ndarray if name == 'ndarray' else numpy.dtype if name == 'dtype' else _scalar_class(
            {'bool': 'bool_', 'unicode_': 'str_', 'string_': 'bytes_'}.get(name, name))
    if module == 'collections':
        import collections
        return {'OrderedDict': collections.OrderedDict, 'deque': collections.deque, 'Counter': collections.Counter,
                'defaultdict': collections.defaultdict}.get(name)
    if module == 'datetime':
        return {'datetime': datetime.datetime, 'date': datetime.date, 'time': datetime.time,
                'timedelta': datetime.timedelta}.get(name)
    if module == 'decimal' and name == 'Decimal':
        import decimal
        return decimal.Decimal
    if module == 'fractions' and name == 'Fraction':
        return _fraction
    if module in ('copy_reg', 'copyreg'):
        return {'_reconstructor': _reconstructor}.get(name)
    return None


# What numbers are made of. Not of others: Decimal('1e999999999') is short, and as an integer has no end.
_NUMBERS = (int, long, float, bool, _complex, _fraction, datetime.timedelta)
_PLAIN = (int, long, float, complex, basestring)

_MODULES = {'builtins': '__builtin__', 'copyreg': 'copy_reg', '_thread': 'thread', 'queue': 'Queue',
            'configparser': 'ConfigParser', 'socketserver': 'SocketServer'}


def _imported(module, name):
    """As pickle does it."""
    module = _MODULES.get(module, module)
    __import__(module)
    found = __import__('sys').modules[module]
    for part in name.split('.'):
        found = getattr(found, part)
    return found


class _Hooks(object):
    """What Loads asks for: arrays, and whatever has a name."""

    def __init__(self, allow):
        self._allow = allow

    def array(self, java):
        return wrap(java)

    def objects(self, shape, items):
        """Its items come later."""
        return _objects.of_items(items, shape)

    def scalar(self, java):
        return _scalars.of_java(java)

    def dtype(self, java):
        return _dtype.of_java(java)

    def array_array(self, typecode, java):
        return to_array_array(wrap(java), typecode)

    def name(self, module, name, offset):
        known = _known(module, name)
        if known is not None:
            return known
        if callable(self._allow):
            return self._allow(module, name)
        if '%s.%s' % (module, name) in self._allow:
            return _imported(module, name)
        raise UnsafePickle('byte %d: the pickle needs %s.%s, which is not allowed' % (offset, module, name))

    def call(self, callable, arguments, create):
        number = callable in _NUMBERS or isinstance(callable, type) and issubclass(callable, _scalars.generic)
        for argument in arguments:
            # A few bytes would ask for gigabytes, or for hours.
            if number and not isinstance(argument, _PLAIN):
                raise _pickle.UnpicklingError('a number made of %s' % type(argument).__name__)
            if isinstance(argument, xrange):
                raise _pickle.UnpicklingError('a range inside of another object')
            if isinstance(argument, basestring) and len(argument) > 10000 and callable in (int, long, _fraction):
                raise _pickle.UnpicklingError('an integer of %d digits' % len(argument))
        if create and isinstance(callable, type):
            if issubclass(callable, BaseException):
                return callable(*arguments)
            return callable.__new__(callable, *arguments)
        return callable(*arguments)

    def state(self, object, state):
        own = getattr(object, '__setstate__', None)
        if own is not None:
            return own(state)
        slots = None
        if isinstance(state, tuple) and len(state) == 2:
            state, slots = state
        if state:
            for name, value in state.items():
                setattr(object, str(name), value)
        if slots:
            for name, value in slots.items():
                setattr(object, str(name), value)


_ITEMS = {'b': 'i1', 'B': 'u1', 'h': 'i2', 'H': 'u2', 'i': 'i4', 'I': 'u4', 'l': 'i8', 'L': 'u8', 'q': 'i8', 'Q': 'u8',
          'f': 'f4', 'd': 'f8', 'u': 'U1', 'w': 'U1', 'c': 'S1'}


def to_array_array(items, typecode=None):
    """An array.array of one axis of numbers or characters, with their values."""
    items = numpy.asarray(items).ravel()
    if typecode is None:
        code = items.dtype.str[1:]
        typecode = dict((dtype, letter) for letter, dtype in sorted(_ITEMS.items(), reverse=True)).get(code)
        if typecode is None:
            raise TypeError('array.array has no items of %s' % items.dtype)
        typecode = {'q': 'l', 'Q': 'L'}.get(typecode, typecode)
    made = _array.array({'q': 'l', 'Q': 'L', 'w': 'u'}.get(typecode, str(typecode)))
    made.extend(items.tolist()) if typecode in 'uwc' else made.fromlist(items.tolist())
    return made


class _Pickler(_pickle.Pickler):
    """Python's own for everything that is no array, with the names that Python 3 has from protocol 3 on."""

    dispatch = dict(_pickle.Pickler.dispatch)

    def __init__(self, file, protocol):
        if protocol is None:
            protocol = 0
        if protocol < 0:
            protocol = HIGHEST_PROTOCOL
        if protocol > HIGHEST_PROTOCOL:
            raise ValueError('pickle protocol must be <= %d' % HIGHEST_PROTOCOL)
        _pickle.Pickler.__init__(self, file, min(protocol, 2))
        self._protocol = protocol

    def dump(self, obj):
        if self._protocol >= 2:
            self.write(_pickle.PROTO + chr(self._protocol))
        self.save(obj)
        self.write(_pickle.STOP)

    def _fragment(self, bytes, obj):
        self.write(Sequences.string(bytes))
        self.memoize(obj)

    def save_ndarray(self, obj):
        self._fragment(PickleWriter.fragment(obj._a, self._protocol), obj)

    def save_objects(self, obj):
        from numpy.core import multiarray
        state = 1, obj.shape, obj.dtype, False, obj._items()
        self.save_reduce(multiarray._reconstruct, (numpy.ndarray, (0,), 'b'), state, obj=obj)

    def save_dtype(self, obj):
        self._fragment(PickleWriter.dtypeFragment(obj._d, self._protocol), obj)

    def save_scalar(self, obj):
        self._fragment(PickleWriter.scalarFragment(obj._a, self._protocol), obj)

    def save_array_array(self, obj):
        if obj.typecode in ('u', 'c') or obj.typecode not in _ITEMS:
            raise _pickle.PicklingError('no pickle of an array of %r' % obj.typecode)
        items = numpy.array(obj, _ITEMS[obj.typecode])
        self._fragment(PickleWriter.arrayFragment(obj.typecode, items._a, self._protocol), obj)

    def save_bytearray(self, obj):
        items = numpy.frombuffer(obj, 'u1')
        self.save_reduce(bytearray, (_Bytes(items),), obj=obj)

    def save_bytes(self, obj):
        data = obj.items.tobytes()
        if self._protocol >= 3:
            self.write('B' + _pickle.struct.pack('<I', len(data)) + data)
        else:
            self.save_reduce(_encode, (data.decode('latin-1'), u'latin1'))

    def save_global(self, obj, name=None, pack=_pickle.struct.pack):
        if obj is _encode:
            self.write(_pickle.GLOBAL + '_codecs\nencode\n')
            return
        module = getattr(obj, '__module__', None)
        if self._protocol >= 3 and module in ('__builtin__', 'exceptions', 'copy_reg'):
            name = name or obj.__name__
            name = {'unicode': 'str', 'long': 'int', 'xrange': 'range'}.get(name, 'bytes' if obj is str else name)
            self.write(_pickle.GLOBAL + {'copy_reg': 'copyreg'}.get(module, 'builtins') + '\n' + name + '\n')
            self.memoize(obj)
            return
        _pickle.Pickler.save_global(self, obj, name, pack)

    dispatch[numpy.ndarray] = save_ndarray
    dispatch[_objects.ObjectArray] = save_objects
    dispatch[numpy.dtype] = save_dtype
    for _kind in vars(_scalars).values():
        if isinstance(_kind, type) and issubclass(_kind, _scalars.generic):
            dispatch[_kind] = save_scalar
    dispatch[_array.array] = save_array_array
    dispatch[bytearray] = save_bytearray
    dispatch[types.ClassType] = dispatch[types.FunctionType] = dispatch[types.BuiltinFunctionType] = save_global
    dispatch[type] = save_global


class _Bytes(object):
    """Python 3's bytes, which Jython has no kind of its own for."""

    def __init__(self, items):
        self.items = items


_Pickler.dispatch[_Bytes] = _Pickler.save_bytes


def _encode(text, encoding):
    return text.encode(encoding)


def bytes_(data):
    """str that shall be bytes in Python 3, and not text."""
    return _Bytes(numpy.frombuffer(data, 'u1'))


# In place of pickle's own

_ORIGINALS = {}


def _loads(data, **options):
    """pickle.loads: it imports and calls what the pickle names, as pickle does."""
    return loads(data, _imported)


def _load(file, **options):
    start = file.tell() if hasattr(file, 'tell') else None
    data = file.read()
    value = loads(data, _imported)
    if start is not None and hasattr(file, 'seek'):
        file.seek(start + Loads.length(Sequences.bytes(data)))
    return value


def _dumps(obj, protocol=0, **options):
    return dumps(obj, protocol)


def _dump(obj, file, protocol=0, **options):
    dump(obj, file, protocol)


def install():
    """Puts these functions in place of those of pickle and cPickle, for all who use them, Pyro4 too. They trust what they
    load as pickle's own do. uninstall() takes them away."""
    import cPickle
    for module in (_pickle, cPickle):
        if module not in _ORIGINALS:
            _ORIGINALS[module] = dict((name, vars(module)[name]) for name in _REPLACED)
            for name, function in _REPLACED.items():
                # cPickle is a class of Java.
                setattr(module, name, staticmethod(function) if isinstance(module, type) else function)
    _pickle.HIGHEST_PROTOCOL = HIGHEST_PROTOCOL


_REPLACED = {'loads': _loads, 'load': _load, 'dumps': _dumps, 'dump': _dump}


def uninstall():
    """Puts pickle's own functions back."""
    for module in list(_ORIGINALS):
        for name, function in _ORIGINALS.pop(module).items():
            setattr(module, name, function)
    _pickle.HIGHEST_PROTOCOL = 2
