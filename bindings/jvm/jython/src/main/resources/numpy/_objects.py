"""Arrays of Python's objects: where each element is in a list that views share, as an array of integers."""
from __future__ import absolute_import

import operator

from numpy import _dtype
from numpy._array import ndarray, operator_index
from numpy._call import NotNumbers

_MAX_NDIM = 64


def of_items(items, shape):
    """A new array of these objects in C order; the list is kept."""
    from numpy._create import arange
    return _made(arange(reduce(operator.mul, shape, 1)).reshape(tuple(shape)), items)


def of_nested(value, strict=False):
    """An array of nested sequences, as deep as all of them are of equal length; of other things, one without axes."""
    if isinstance(value, ndarray):
        return of_items(value.copy().ravel().tolist() if value.ndim else [value.item()], value.shape)
    shape = _shape(value, 0, strict)
    items = [value]
    for _ in shape:
        items = [item for part in items for item in part]
    return of_items(items, shape)


def _shape(value, depth, strict):
    if isinstance(value, ndarray):
        return value.shape
    if not isinstance(value, (list, tuple)) or depth >= _MAX_NDIM:
        return ()
    shapes = [_shape(item, depth + 1, strict) for item in value]
    common = shapes[0] if shapes else ()
    for shape in shapes[1:]:
        if strict and shape != common:
            raise ValueError('setting an array element with a sequence. The requested array has an inhomogeneous shape after '
                             '%d dimensions.' % (depth + 1))
        equal = 0
        while equal < min(len(shape), len(common)) and shape[equal] == common[equal]:
            equal += 1
        common = common[:equal]
    return (len(value),) + common


def _made(where, pool):
    made = object.__new__(ObjectArray)
    made._where = where
    made._pool = pool
    return made


class ObjectArray(ndarray):
    """numpy.ndarray of dtype object. Indexing, shapes, operators, comparisons and sums, element by element in Python."""

    __slots__ = ('_where', '_pool')

    @property
    def _a(self):
        raise NotNumbers('an array of Python objects where numbers are needed')

    dtype = property(lambda self: _dtype.dtype('O'))
    shape = property(lambda self: self._where.shape, lambda self, shape: setattr(self._where, 'shape', shape))
    strides = property(lambda self: self._where.strides)
    ndim = property(lambda self: self._where.ndim)
    size = property(lambda self: self._where.size)
    itemsize = property(lambda self: 8)
    nbytes = property(lambda self: 8 * self.size)
    flags = property(lambda self: self._where.flags)
    T = property(lambda self: self.transpose())
    real = property(lambda self: self)

    def _items(self):
        """In C order."""
        where = self._where.tolist() if self.ndim == 1 else self._where.ravel().tolist()
        return [self._pool[i] for i in where]

    def __getitem__(self, key):
        if isinstance(key, basestring):
            raise IndexError('only integers, slices (`:`), ellipsis (`...`), numpy.newaxis (`None`) and integer or boolean '
                             'arrays are valid indices')
        found = self._where[key]
        return _made(found, self._pool) if isinstance(found, ndarray) else self._pool[found]

    def __setitem__(self, key, value):
        found = self._where[key]
        if not isinstance(found, ndarray):
            self._pool[found] = value
            return
        if isinstance(value, (list, tuple, ndarray)):
            value = of_nested(value)
            while value.ndim > found.ndim and value.shape[0] == 1:
                value = value[0]
            from numpy._functions import broadcast_to
            items = _made(broadcast_to(value._where, found.shape), value._pool)._items()
        else:
            items = [value] * found.size
        for i, item in zip(found.ravel().tolist(), items):
            self._pool[i] = item

    def item(self, *index):
        if not index:
            if self.size != 1:
                raise ValueError('can only convert an array of size 1 to a Python scalar')
            return self._items()[0]
        return self._pool[self._where.item(*index)]

    def tolist(self):
        return _nested(self._items(), self.shape) if self.ndim else self.item()

    def tobytes(self, order='C'):
        raise TypeError('Python objects have no bytes')

    tostring = tojava = view = byteswap = tobytes

    def copy(self, order='C'):
        return of_items(self._items(), self.shape)

    __copy__ = copy

    def __deepcopy__(self, memo):
        from copy import deepcopy
        return of_items([deepcopy(item, memo) for item in self._items()], self.shape)

    def astype(self, dtype, order='K', casting='unsafe', subok=True, copy=True):
        wanted = _dtype.dtype(dtype)
        if wanted.kind == 'O':
            return self.copy() if copy else self
        from numpy._array import array
        made = array(self._items(), wanted)
        if made.ndim != 1:
            raise ValueError('setting an array element with a sequence.')
        return made.reshape(self.shape)

    def reshape(self, *shape, **options):
        return _made(self._where.reshape(*shape, **options), self._pool)

    def flatten(self, order='C'):
        return self.ravel(order).copy()

    def transpose(self, *axes):
        return _made(self._where.transpose(*axes), self._pool)

    def sort(self, axis=-1, kind=None):
        if self.ndim != 1:
            raise TypeError('arrays of Python objects are sorted along one axis only')
        self[...] = sorted(self._items())

    def nonzero(self):
        return self.astype(bool).nonzero()

    def __str__(self):
        return _printed(self, ' ', '')

    def __repr__(self):
        if self.size == 0 and self.shape != (0,):
            return 'array([], shape=(%s), dtype=object)' % ', '.join('%d' % extent for extent in self.shape)
        return 'array(%s, dtype=object)' % _printed(self, ', ', ' ' * 6)

    def __reduce__(self):
        return of_items, (self._items(), self.shape)


# Who asks for its type, asks for NumPy's.
ObjectArray.__name__, ObjectArray.__module__ = 'ndarray', 'numpy'


def _nested(items, shape):
    if len(shape) == 1:
        return list(items)
    step = len(items) // shape[0] if shape[0] else 0
    return [_nested(items[i * step:(i + 1) * step], shape[1:]) for i in xrange(shape[0])]


def _printed(array, separator, indent):
    """As NumPy does, which does not align objects."""
    words = (lambda item: 'list(%r)' % item if type(item) is list else repr(item))
    if array.ndim == 0:
        return words(array.item()) if separator == ', ' else str(array.item())
    if array.size == 0:
        return '[]'
    short = array.size > 1000
    width = 75

    def rows(where, axis, hang):
        extent = where.shape[0]
        shown = list(range(extent)) if not short or extent <= 6 else [0, 1, 2, None, extent - 3, extent - 2, extent - 1]
        if where.ndim > 1:
            gap = (separator.rstrip() + '\n' * (where.ndim - 1)) + hang + ' '
            return '[' + gap.join('...' if i is None else rows(where[i], axis + 1, hang + ' ') for i in shown) + ']'
        lines, line = [], hang + ' '
        for n, i in enumerate(shown):
            word = '...' if i is None else words(array._pool[where[i]])
            last = n == len(shown) - 1
            if len(line) + len(word) + (axis + 1 if last else len(separator.rstrip())) > width and len(line) > len(hang) + 1:
                lines.append(line.rstrip())
                line = hang + ' '
            line += word + ('' if last else separator)
        lines.append(line)
        return '[' + '\n'.join(lines)[len(hang) + 1:] + ']'
    return rows(array._where, 0, indent)


# What `numpy._call.call` does with them

_TWO = {
    'add': operator.add, 'subtract': operator.sub, 'multiply': operator.mul, 'true_divide': operator.truediv,
    'floor_divide': operator.floordiv, 'remainder': operator.mod, 'power': operator.pow, 'bitwise_and': operator.and_,
    'bitwise_or': operator.or_, 'bitwise_xor': operator.xor, 'left_shift': operator.lshift, 'right_shift': operator.rshift,
    'maximum': max, 'minimum': min,
}
_COMPARED = {'equal': operator.eq, 'not_equal': operator.ne, 'less': operator.lt, 'less_equal': operator.le,
             'greater': operator.gt, 'greater_equal': operator.ge}
_ONE = {'negative': operator.neg, 'positive': operator.pos, 'absolute': abs, 'invert': operator.invert,
        'conjugate': lambda item: item.conjugate() if hasattr(item, 'conjugate') else item}
_FOLDED = {'sum': operator.add, 'prod': operator.mul, 'max': max, 'min': min}


def call(name, operands, options):
    if len(operands) == 2 and (name in _TWO or name in _COMPARED) and not options:
        from numpy._functions import broadcast_arrays
        one, two = [of_nested(operand) for operand in operands]
        places = broadcast_arrays(one._where, two._where)
        shape = places[0].shape
        pairs = zip(_made(places[0], one._pool)._items(), _made(places[1], two._pool)._items())
        function = _TWO.get(name) or _COMPARED[name]
        return _result([function(*pair) for pair in pairs], shape, name in _COMPARED)
    if len(operands) == 1 and name in _ONE and not options:
        return _result([_ONE[name](item) for item in operands[0]._items()], operands[0].shape, False)
    if len(operands) == 1 and (name in _FOLDED or name in ('any', 'all')) and set(options) <= {'axis', 'keepdims'}:
        return _folded(name, operands[0], options.get('axis'), options.get('keepdims'))
    raise TypeError('numpy.%s of arrays of Python objects: turn them into numbers with astype' % name)


def _result(items, shape, flags):
    if flags:
        from numpy._array import array
        return array([bool(item) for item in items], bool).reshape(shape) if shape else _bool(items[0])
    return of_items(items, shape) if shape else items[0]


def _bool(item):
    from numpy._scalars import bool_
    return bool_(bool(item))


def _folded(name, array, axis, keepdims):
    if axis is None:
        rows, shape = [array._items()], (1,) * array.ndim if keepdims else ()
    else:
        from numpy._array import normalized
        axis = normalized(operator_index(axis), array.ndim)
        last = array.transpose([i for i in range(array.ndim) if i != axis] + [axis])
        extent = array.shape[axis]
        items = last._items()
        shape = tuple(1 if i == axis else one for i, one in enumerate(array.shape) if keepdims or i != axis)
        count = 1
        for one in shape:
            count *= one
        rows = [items[i * extent:(i + 1) * extent] for i in range(count)]
    if name in ('any', 'all'):
        # NumPy gives the objects themselves; what they are worth is what is asked.
        return _result([{'any': any, 'all': all}[name](row) for row in rows], shape, True)
    start = {'sum': (0,), 'prod': (1,)}.get(name, ())
    if not start and not all(rows):
        raise ValueError('zero-size array to reduction operation %simum which has no identity' % name)
    return _result([reduce(_FOLDED[name], row) if row else start[0] for row in rows], shape, False)
