"""What functions of two arrays do beside being called: along an axis, and at chosen places."""
from __future__ import absolute_import

from numpy._array import normalized
from numpy._call import call
from numpy._create import arange, asarray, full, zeros
from numpy._operators import stored

# Of these it is a function of its own.
_REDUCED = {'add': 'sum', 'multiply': 'prod', 'maximum': 'max', 'minimum': 'min', 'logical_and': 'all', 'logical_or': 'any'}
_ACCUMULATED = {'add': 'cumsum', 'multiply': 'cumprod'}
# Of the others these may go along several axes.
_IN_ANY_ORDER = 'bitwise_or bitwise_xor bitwise_and logical_xor hypot gcd lcm logaddexp logaddexp2 fmax fmin'.split()
# What nothing at all gives.
_IDENTITY = {'bitwise_or': 0, 'bitwise_xor': 0, 'bitwise_and': -1, 'logical_xor': False, 'hypot': 0, 'gcd': 0,
             'logaddexp': -float('inf'), 'logaddexp2': -float('inf')}


def equip(function):
    """Gives the function the methods that it has in NumPy."""

    def outer(x1, x2):
        x1, x2 = asarray(x1), asarray(x2)
        return function(x1.reshape(x1.shape + (1,) * x2.ndim), x2)

    def reduce(array, axis=0, dtype=None, out=None, keepdims=False, **options):
        return _reduce(function, array, axis, dtype, out, keepdims, options)

    def accumulate(array, axis=0, dtype=None, out=None):
        return _accumulate(function, array, axis, dtype, out)

    def reduceat(array, indices, axis=0, dtype=None, out=None):
        return _reduceat(function, array, indices, axis, dtype, out)

    def at(a, indices, b):
        _at(function, a, indices, b)

    for method in (outer, reduce, accumulate, reduceat, at):
        setattr(function, method.__name__, method)


def _reduce(function, array, axis, dtype, out, keepdims, options):
    array, name = asarray(array), function.__name__
    if name in _REDUCED:
        return getattr(array, _REDUCED[name])(axis=axis, dtype=dtype, out=out, keepdims=keepdims, **options)
    initial = options.pop('initial', None)
    for option in options:
        raise NotImplementedError('%s.reduce with %s=' % (name, option))
    axes = range(array.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = [normalized(one, array.ndim) for one in axes]
    if len(axes) > 1 and name not in _IN_ANY_ORDER:
        raise ValueError("reduction operation '%s' is not reorderable, so at most one axis may be specified" % name)
    made = _typed(name, array, dtype)
    for one in sorted(axes, reverse=True):
        made = _folded(function, made, one, initial)
        initial = None
    if keepdims:
        made = asarray(made).reshape(tuple(1 if i in axes else extent for i, extent in enumerate(array.shape)))
    return stored(made, out)


def _typed(name, array, dtype):
    if name.startswith('logical_'):
        return array.astype(bool)
    return array if dtype is None else array.astype(dtype)


def _folded(function, array, axis, initial):
    lanes = _along(array, axis)
    if not len(lanes):
        if initial is None and function.__name__ not in _IDENTITY:
            raise ValueError('zero-size array to reduction operation %s which has no identity' % function.__name__)
        one = zeros(1, array.dtype)
        return full(lanes.shape[1:], _IDENTITY[function.__name__] if initial is None else initial, function(one, one).dtype)
    made = lanes[0] if initial is None else function(initial, lanes[0])
    for one in range(1, len(lanes)):
        made = function(made, lanes[one])
    return made


def _along(array, axis):
    """With this axis first."""
    return array.transpose([axis] + [one for one in range(array.ndim) if one != axis])


def _accumulate(function, array, axis, dtype, out):
    array, name = asarray(array), function.__name__
    axis = normalized(axis, array.ndim)
    if name in _ACCUMULATED:
        return getattr(array, _ACCUMULATED[name])(axis=axis, dtype=dtype, out=out)
    made = _typed(name, array, dtype).copy()
    lanes = _along(made, axis)
    for one in range(1, len(lanes)):
        lanes[one] = function(lanes[one - 1], lanes[one])
    return stored(made, out)


def _reduceat(function, array, indices, axis, dtype, out):
    array, indices = asarray(array), asarray(indices).tolist()
    axis = normalized(axis, array.ndim)
    lanes, size = _along(array, axis), array.shape[axis]
    for index in indices:
        if not 0 <= index < size:
            raise IndexError('index %d out-of-bounds in %s.reduceat [0, %d)' % (index, function.__name__, size))
    # An index that is not less than the next stands for its element alone.
    ends = [max(end, index + 1) for index, end in zip(indices, indices[1:] + [size])]
    parts = [_reduce(function, lanes[index:end], 0, dtype, None, False, {}) for index, end in zip(indices, ends)]
    kind = asarray(parts[0]).dtype if parts else _reduce(function, lanes[:1], 0, dtype, None, False, {}).dtype
    made = zeros(array.shape[:axis] + (len(parts),) + array.shape[axis + 1:], kind)
    for one, part in enumerate(parts):
        made[(slice(None),) * axis + (one,)] = part
    return stored(made, out)


def _at(function, a, indices, b):
    """In place, as often as an index is there: all first times at once, then all second times, and so on."""
    places = asarray(arange(a.size).reshape(a.shape)[indices])
    values = call('broadcast_to', asarray(b), shape=places.shape).ravel()
    places = places.ravel()
    if not len(places):
        return
    order = call('argsort', places, axis=0)
    together = places[order]
    times = arange(len(order)) - call('searchsorted', together, together)
    order = order[call('argsort', times, axis=0)]
    flat, done = a.ravel(), 0
    for count in call('bincount', times).tolist():
        chosen = order[done:done + count]
        # Cast to the array's dtype whatever it is, as in NumPy.
        flat[places[chosen]] = function(flat[places[chosen]], values[chosen])
        done += count
    a[...] = flat.reshape(a.shape)
