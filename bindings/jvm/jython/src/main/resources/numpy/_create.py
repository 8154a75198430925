"""New arrays."""
from __future__ import absolute_import

from org.ndferry import NDArray
from numpy._array import _zeros, array, longs, ndarray, operator_index, wrap
from numpy._dtype import dtype as _make_dtype, result_type
from numpy._operators import Operators


def asarray(a, dtype=None, order=None):
    """The array itself if it is one of this dtype, otherwise a new one."""
    if isinstance(a, ndarray) and (dtype is None or a.dtype == dtype):
        return a
    return array(a, dtype)


asanyarray = asarray


def ascontiguousarray(a, dtype=None):
    made = asarray(a, dtype)
    return made if made.ndim and made._a.isContiguous() else made.copy().reshape(made.shape or (1,))


def asfortranarray(a, dtype=None):
    made = asarray(a, dtype)
    return made if made._a.isFortran() else made.copy('F')


def zeros(shape, dtype=float, order='C'):
    return _zeros(shape, dtype, order)


def empty(shape, dtype=float, order='C'):
    """As zeros: Java's memory is always set. Objects are None."""
    if _make_dtype(dtype).kind == 'O':
        return full(shape, None, dtype)
    return _zeros(shape, dtype, order)


def ones(shape, dtype=float, order='C'):
    return full(shape, 1, dtype, order)


def full(shape, fill_value, dtype=None, order='C'):
    if dtype is None:
        dtype = asarray(fill_value).dtype
    made = _zeros(shape, dtype, order)
    made[...] = fill_value
    return made


def _like(a, dtype, shape):
    a = asarray(a)
    return a.shape if shape is None else shape, a.dtype if dtype is None else dtype


def zeros_like(a, dtype=None, order='K', subok=True, shape=None):
    return zeros(*_like(a, dtype, shape))


empty_like = zeros_like


def ones_like(a, dtype=None, order='K', subok=True, shape=None):
    return ones(*_like(a, dtype, shape))


def full_like(a, fill_value, dtype=None, order='K', subok=True, shape=None):
    shape, dtype = _like(a, dtype, shape)
    return full(shape, fill_value, dtype)


def copy(a, order='K'):
    return array(a)


def arange(*limits, **options):
    """arange([start,] stop[, step], dtype=None)"""
    dtype = options.pop('dtype', limits[3] if len(limits) > 3 else None)
    names = ('start', 'stop', 'step')
    given = dict(zip(names[1:2] if len(limits) == 1 else names, limits[:3]))
    given.update(options)
    start, stop, step = given.get('start', 0), given.get('stop'), given.get('step', 1)
    if stop is None:
        raise TypeError('arange() requires stop to be specified.')
    if step == 0:
        raise ZeroDivisionError('division by zero')
    wanted = _make_dtype(dtype) if dtype is not None else result_type(start, stop, step, *(
        () if isinstance(start, Operators) or isinstance(stop, Operators) else (0,)))
    from org.ndferry.jython import Ranges
    if all(isinstance(one, (int, long)) for one in (start, stop, step)):
        count = max(0, (stop - start + step + (-1 if step > 0 else 1)) // step)
        return wrap(Ranges.integers(long(start), long(step), count).cast(wanted._d))
    start, stop, step = float(start), float(stop), float(step)
    from math import ceil
    count = max(0, int(ceil((stop - start) / step)))
    return wrap(Ranges.reals(start, (start + step) - start, count).cast(wanted._d))


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None):
    num = operator_index(num)
    if num < 0:
        raise ValueError('Number of samples, %d, must be non-negative.' % num)
    start, stop = float(start), float(stop)
    parts = num - 1 if endpoint else num
    step = (stop - start) / parts if parts > 0 else float('nan')
    from org.ndferry.jython import Ranges
    made = wrap(Ranges.between(start, stop, step, num, bool(endpoint)))
    if dtype is not None:
        if _make_dtype(dtype).kind in 'iu':
            from numpy._functions import floor
            made = floor(made)
        made = made.astype(dtype)
    return (made, step) if retstep else made


def eye(N, M=None, k=0, dtype=float, order='C'):
    M = N if M is None else M
    made = _zeros((N, M), dtype, order)
    count = min(N + min(k, 0), M - max(k, 0))
    if count > 0:
        rows = arange(count) if k >= 0 else arange(-k, count - k)
        columns = arange(k, count + k) if k >= 0 else arange(count)
        made[rows, columns] = 1
    return made


def identity(n, dtype=None):
    return eye(n, dtype=dtype or float)


def fromiter(iter, dtype, count=-1):
    return array([item for item in iter][:None if count < 0 else count], dtype)


def fromfunction(function, shape, dtype=float):
    return function(*indices(shape, dtype))


def indices(dimensions, dtype=int):
    made = empty((len(dimensions),) + tuple(dimensions), dtype)
    for axis, extent in enumerate(dimensions):
        made[axis] = arange(extent, dtype=dtype).reshape((extent,) + (1,) * (len(dimensions) - axis - 1))
    return made


def meshgrid(*xi, **options):
    indexing = options.get('indexing', 'xy')
    arrays = [asarray(x).ravel() for x in xi]
    swap = indexing == 'xy' and len(arrays) > 1
    order = [1, 0] + range(2, len(arrays)) if swap else range(len(arrays))
    shape = tuple(arrays[i].size for i in order)
    out = []
    for i, one in enumerate(arrays):
        axis = order.index(i)
        one = one.reshape((one.size,) + (1,) * (len(shape) - axis - 1))
        out.append(wrap(one._a.broadcast(longs(shape))).copy())
    return out


def tri(N, M=None, k=0, dtype=float):
    M = N if M is None else M
    return (arange(N).reshape(-1, 1) >= arange(-k, M - k)).astype(dtype)
