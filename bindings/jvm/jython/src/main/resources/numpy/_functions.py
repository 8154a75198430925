"""Functions of arrays."""
from __future__ import absolute_import

from numpy._array import array, longs, ndarray, normalized, operator_index, wrap
from numpy._call import call, is_complete
from numpy._create import arange, asarray, full, zeros
from numpy._dtype import promote_types, result_type
from numpy._operators import Operators, masked, stored
from numpy._ufunc import equip


def _unary(name):
    def function(x, out=None, dtype=None, where=True):
        options = {} if dtype is None else {'dtype': dtype}
        return stored(call(name, x, **options), out, where)
    function.__name__ = name
    return function


def _binary(name):
    def function(x1, x2, out=None, dtype=None, where=True):
        options = {} if dtype is None else {'dtype': dtype}
        return stored(call(name, x1, x2, **options), out, where)
    function.__name__ = name
    equip(function)
    return function


def _method(name):
    def function(a, *args, **options):
        return getattr(a if isinstance(a, Operators) else asarray(a), name)(*args, **options)
    function.__name__ = name
    return function


UNARY = ('negative positive absolute fabs sign rint floor ceil trunc exp exp2 expm1 log log2 log10 log1p sqrt square cbrt '
         'reciprocal sin cos tan arcsin arccos arctan sinh cosh tanh arcsinh arccosh arctanh degrees radians deg2rad rad2deg '
         'isfinite isinf isnan signbit conjugate invert logical_not').split()
BINARY = ('add subtract multiply divide true_divide floor_divide remainder mod fmod power float_power arctan2 hypot maximum '
          'minimum fmax fmin copysign nextafter logaddexp logaddexp2 equal not_equal less less_equal greater greater_equal '
          'logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor left_shift right_shift gcd lcm').split()
METHODS = ('sum prod mean std var min max all any ptp argmin argmax cumsum cumprod round reshape ravel transpose swapaxes '
           'squeeze').split()

for _name in UNARY:
    globals()[_name] = _unary(_name)
for _name in BINARY:
    globals()[_name] = _binary('true_divide' if _name == 'divide' else 'remainder' if _name == 'mod' else _name)
for _name in METHODS:
    globals()[_name] = _method(_name)
abs = absolute
amin, amax, around = min, max, round
bitwise_not, conj = invert, conjugate
asin, acos, atan, atan2, pow = arcsin, arccos, arctan, arctan2, power


def shape(a):
    return asarray(a).shape


def ndim(a):
    return asarray(a).ndim


def size(a, axis=None):
    return asarray(a).size if axis is None else asarray(a).shape[axis]


def where(condition, x=None, y=None):
    if x is None and y is None:
        return nonzero(condition)
    return call('where', condition, _wrapped(x, y), _wrapped(y, x))


def _wrapped(value, other):
    """Python's ints that do not fit the array beside them wrap around here, as in NumPy."""
    kind = getattr(other, 'dtype', None)
    if type(value) in (int, long) and kind is not None and kind.kind in 'iu':
        return array(value, 'i8').astype(kind.newbyteorder('<'))
    return value


def clip(a, a_min=None, a_max=None, out=None):
    if a_min is None and a_max is None:
        return stored(array(a), out)
    kind = getattr(a, 'dtype', None)
    if kind is not None and kind.kind in 'iu':
        # Bounds that no element can pass need no room in the dtype.
        least = 0 if kind.kind == 'u' else -(1 << 8 * kind.itemsize - 1)
        if type(a_min) in (int, long) and a_min <= least:
            return clip(a, None, a_max, out)
        if type(a_max) in (int, long) and a_max >= least + (1 << 8 * kind.itemsize) - 1:
            return clip(a, a_min, None, out)
    if a_min is None:
        return stored(call('minimum', a, a_max), out)
    if a_max is None:
        return stored(call('maximum', a, a_min), out)
    return stored(call('minimum', call('maximum', a, a_min), a_max), out)


def nonzero(a):
    """The indices of elements that are not zero, an array for each axis."""
    a = asarray(a)
    if a.ndim == 0:
        raise ValueError('Calling nonzero on 0d arrays is not allowed.')
    flat = arange(a.size)[(a.ravel() if a.dtype.kind == 'b' else a.ravel() != 0)]
    return _unraveled(flat, a.shape)


def flatnonzero(a):
    return nonzero(asarray(a).ravel())[0]


def argwhere(a):
    found = nonzero(a)
    made = zeros((found[0].size, len(found)), int)
    for axis, one in enumerate(found):
        made[:, axis] = one
    return made


def count_nonzero(a, axis=None):
    a = asarray(a)
    flags = a if a.dtype.kind == 'b' else a != 0
    total = flags.sum(axis=axis)
    return int(total) if axis is None else total


def unravel_index(indices, shape):
    shape = (shape,) if isinstance(shape, (int, long)) else tuple(shape)
    indices = asarray(indices)
    if indices.dtype.kind not in 'iu' and indices.size:
        raise TypeError('only int indices permitted')
    size = reduce(lambda one, other: one * other, shape, 1)
    outside = indices[(indices < 0) | (indices >= size)]
    if outside.size:
        raise ValueError('index %d is out of bounds for array with size %d' % (outside.ravel()[0], size))
    return _unraveled(indices, shape)


def _unraveled(indices, shape):
    rest, out = indices, []
    for extent in shape[::-1]:
        out.append(rest % extent if extent else rest)
        rest = rest // (extent or 1)
    return tuple(out[::-1])


def ravel_multi_index(multi_index, dims):
    if len(multi_index) != len(dims):
        raise ValueError('parameter multi_index must be a sequence of length %d' % len(dims))
    total = 0
    for one, extent in zip(multi_index, dims):
        one = asarray(one)
        if asarray((one < 0) | (one >= extent)).any():
            raise ValueError('invalid entry in coordinates array')
        total = total * extent + one
    return total


def take(a, indices, axis=None, out=None, mode='raise'):
    a = asarray(a)
    if axis is None:
        a, axis = a.ravel(), 0
    axis = normalized(axis, a.ndim)
    if mode not in ('raise', 'clip', 'wrap'):
        raise ValueError("clipmode must be one of 'clip', 'raise', or 'wrap' (got %r)" % (mode,))
    if mode != 'raise':
        indices = clip(asarray(indices), 0, a.shape[axis] - 1) if mode == 'clip' else asarray(indices) % a.shape[axis]
    if not isinstance(indices, (int, long)):
        indices = asarray(indices)
        # 0 and 1, and no mask.
        indices = indices.astype(int) if indices.dtype.kind == 'b' else indices
    return stored(a[(slice(None),) * axis + (indices,)], out)


def take_along_axis(arr, indices, axis=-1):
    """Along one axis the elements of these numbers, as argsort gives them."""
    arr, indices = asarray(arr), asarray(indices)
    if axis is None:
        arr, axis = arr.ravel(), 0
    if arr.ndim != indices.ndim:
        raise ValueError('`indices` and `arr` must have the same number of dimensions')
    axis = normalized(axis, arr.ndim)
    key = [arange(extent).reshape((1,) * at + (extent,) + (1,) * (arr.ndim - at - 1)) for at, extent in enumerate(arr.shape)]
    key[axis] = indices
    return arr[tuple(key)]


def compress(condition, a, axis=None):
    a = asarray(a)
    if axis is None:
        a, axis = a.ravel(), 0
    return take(a, flatnonzero(condition), axis)


def repeat(a, repeats, axis=None):
    a = asarray(a)
    if axis is None:
        a, axis = a.ravel(), 0
    axis = normalized(axis, a.ndim)
    counts = asarray(repeats, int).ravel()
    if count_nonzero(counts < 0):
        raise ValueError('repeats may not contain negative values.')
    if counts.size == 1:
        count = counts.item()
        return take(a, arange(a.shape[axis] * count) // count if count else zeros(0, int), axis)
    if counts.size != a.shape[axis]:
        raise ValueError('operands could not be broadcast together with shape (%d,) (%d,)' % (a.shape[axis], counts.size))
    ends = counts.cumsum()
    return take(a, searchsorted(ends, arange(ends[-1] if ends.size else 0), 'right'), axis)


def diagonal(a, offset=0, axis1=0, axis2=1):
    a = asarray(a)
    axis1, axis2 = normalized(axis1, a.ndim), normalized(axis2, a.ndim)
    rest = [axis for axis in range(a.ndim) if axis not in (axis1, axis2)]
    turned = a.transpose(rest + [axis1, axis2])
    rows, columns = turned.shape[-2:]
    part = turned[..., -offset if offset < 0 else 0:, offset if offset > 0 else 0:]
    count = part.shape[-1] if part.shape[-1] < part.shape[-2] else part.shape[-2]
    steps = part.strides
    return wrap(part._a.strided(0, longs(part.shape[:-2] + (count,)), longs(steps[:-2] + (steps[-2] + steps[-1],))))


def diag(v, k=0):
    v = asarray(v)
    if v.ndim == 2:
        return diagonal(v, k).copy()
    n = v.size + (k if k > 0 else -k)
    made = zeros((n, n), v.dtype)
    diagonal(made, k)[...] = v
    return made


def trace(a, offset=0, axis1=0, axis2=1):
    return diagonal(a, offset, axis1, axis2).sum(axis=-1)


def triu(m, k=0):
    return _triangle(m, lambda rows, columns: rows > columns - k)


def tril(m, k=0):
    return _triangle(m, lambda rows, columns: rows < columns - k)


def _triangle(m, dropped):
    """A copy with zeros where the numbers of row and column say so; a vector counts as every row of a square."""
    m = asarray(m)
    made = m.copy() if m.ndim != 1 else broadcast_to(m, m.shape * 2).copy()
    rows, columns = made.shape[-2:]
    made[..., dropped(arange(rows).reshape(-1, 1), arange(columns))] = zeros((), made.dtype)
    return made


def expand_dims(a, axis):
    a = asarray(a)
    axes = axis if hasattr(axis, '__len__') else (axis,)
    ndim = a.ndim + len(axes)
    axes = [normalized(one, ndim) for one in axes]
    return a[tuple(None if i in axes else slice(None) for i in range(ndim))]


def atleast_1d(a):
    a = asarray(a)
    return a if a.ndim else a.reshape(1)


def atleast_2d(a):
    a = asarray(a)
    return a if a.ndim >= 2 else a.reshape(1, 1) if a.ndim == 0 else a[None]


def moveaxis(a, source, destination):
    a = asarray(a)
    source = source if hasattr(source, '__len__') else (source,)
    destination = destination if hasattr(destination, '__len__') else (destination,)
    source = [normalized(axis, a.ndim) for axis in source]
    destination = [normalized(axis, a.ndim) for axis in destination]
    order = [axis for axis in range(a.ndim) if axis not in source]
    for to, axis in sorted(zip(destination, source)):
        order.insert(to, axis)
    return a.transpose(order)


def rollaxis(a, axis, start=0):
    a = asarray(a)
    axis = normalized(axis, a.ndim)
    start = start + a.ndim if start < 0 else start
    return moveaxis(a, axis, start - 1 if axis < start else start)


def broadcast_to(a, shape):
    from java.lang import IllegalArgumentException
    try:
        return wrap(asarray(a)._a.broadcast(longs(shape)))
    except IllegalArgumentException as error:
        raise ValueError(error.getMessage())


def broadcast_shapes(*shapes):
    from org.ndferry.jython import Broadcasting, Sequences
    out = longs(())
    for one in shapes:
        out = Broadcasting.shape(out, longs(one), 'shape mismatch: objects cannot be broadcast to a single shape')
    return Sequences.tuple(out)


def broadcast_arrays(*arrays):
    arrays = [asarray(one) for one in arrays]
    shape = broadcast_shapes(*[one.shape for one in arrays])
    return tuple(broadcast_to(one, shape) for one in arrays)


def concatenate(arrays, axis=0, out=None, dtype=None):
    arrays = [asarray(one) for one in arrays]
    if not arrays:
        raise ValueError('need at least one array to concatenate')
    if axis is None:
        arrays, axis = [one.ravel() for one in arrays], 0
    if arrays[0].ndim == 0:
        raise ValueError('zero-dimensional arrays cannot be concatenated')
    axis = normalized(axis, arrays[0].ndim)
    for i, one in enumerate(arrays):
        if one.ndim != arrays[0].ndim:
            raise ValueError('all the input array dimensions except for the concatenation axis must match exactly')
        for other, extent in enumerate(one.shape):
            if other != axis and extent != arrays[0].shape[other]:
                raise ValueError('all the input array dimensions except for the concatenation axis must match exactly, but '
                                 'along dimension %d, the array at index 0 has size %d and the array at index %d has size %d'
                                 % (other, arrays[0].shape[other], i, extent))
    extents = list(arrays[0].shape)
    extents[axis] = 0
    for one in arrays:
        extents[axis] += one.shape[axis]
    made = zeros(extents, dtype or result_type(*[one.dtype for one in arrays]))
    at = 0
    for one in arrays:
        made[(slice(None),) * axis + (slice(at, at + one.shape[axis]),)] = one
        at += one.shape[axis]
    return stored(made, out)


def stack(arrays, axis=0):
    arrays = [asarray(one) for one in arrays]
    if not arrays:
        raise ValueError('need at least one array to stack')
    if len(set(one.shape for one in arrays)) != 1:
        raise ValueError('all input arrays must have the same shape')
    axis = normalized(axis, arrays[0].ndim + 1)
    return concatenate([expand_dims(one, axis) for one in arrays], axis)


def vstack(arrays):
    return concatenate([atleast_2d(one) for one in arrays])


def hstack(arrays):
    arrays = [atleast_1d(one) for one in arrays]
    return concatenate(arrays, 0 if arrays[0].ndim == 1 else 1)


def dstack(arrays):
    arrays = [atleast_2d(one) for one in arrays]
    return concatenate([one if one.ndim > 2 else one[:, :, None] for one in arrays], 2)


def column_stack(arrays):
    arrays = [asarray(one) for one in arrays]
    return concatenate([one if one.ndim > 1 else one.reshape(-1, 1) for one in arrays], 1)


def append(arr, values, axis=None):
    if axis is None:
        return concatenate([asarray(arr).ravel(), asarray(values).ravel()])
    return concatenate([arr, values], axis)


def array_split(ary, indices_or_sections, axis=0):
    ary = asarray(ary)
    extent = ary.shape[axis]
    if hasattr(indices_or_sections, '__len__'):
        bounds = [0] + list(indices_or_sections) + [extent]
    else:
        each, more = divmod(extent, indices_or_sections)
        bounds = [0]
        for i in range(indices_or_sections):
            bounds.append(bounds[-1] + each + (1 if i < more else 0))
    axis = normalized(axis, ary.ndim)
    return [ary[(slice(None),) * axis + (slice(one, other),)] for one, other in zip(bounds, bounds[1:])]


def split(ary, indices_or_sections, axis=0):
    if not hasattr(indices_or_sections, '__len__') and asarray(ary).shape[axis] % indices_or_sections:
        raise ValueError('array split does not result in an equal division')
    return array_split(ary, indices_or_sections, axis)


def tile(a, reps):
    a = asarray(a)
    reps = tuple(reps) if hasattr(reps, '__len__') else (reps,)
    reps = (1,) * (a.ndim - len(reps)) + reps
    a = a.reshape((1,) * (len(reps) - a.ndim) + a.shape)
    for axis, count in enumerate(reps):
        a = concatenate([a] * count, axis) if count else a[(slice(None),) * axis + (slice(0, 0),)]
    return a.copy()


def flip(m, axis=None):
    m = asarray(m)
    axes = range(m.ndim) if axis is None else axis if hasattr(axis, '__len__') else (axis,)
    axes = [normalized(one, m.ndim) for one in axes]
    return m[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(m.ndim))]


def flipud(m):
    return flip(m, 0)


def fliplr(m):
    return flip(m, 1)


def rot90(m, k=1, axes=(0, 1)):
    m = asarray(m)
    k %= 4
    one, other = normalized(axes[0], m.ndim), normalized(axes[1], m.ndim)
    if k == 0:
        return m[...]
    if k == 2:
        return flip(m, (one, other))
    if k == 1:
        return flip(m, other).swapaxes(one, other)
    return flip(m.swapaxes(one, other), other)


def roll(a, shift, axis=None):
    a = asarray(a)
    if axis is None:
        return roll(a.ravel(), shift, 0).reshape(a.shape)
    axes = tuple(axis) if hasattr(axis, '__len__') else (axis,)
    shifts = tuple(shift) if hasattr(shift, '__len__') else (shift,)
    (count,) = broadcast_shapes((len(axes),), (len(shifts),))
    a = a if count else a.copy()
    for one, by in zip(axes * count if len(axes) == 1 else axes, shifts * count if len(shifts) == 1 else shifts):
        one = normalized(one, a.ndim)
        extent = a.shape[one]
        if extent:
            by %= extent
            before = (slice(None),) * one
            a = concatenate([a[before + (slice(extent - by, None),)], a[before + (slice(None, extent - by),)]], one)
    return a if isinstance(a, ndarray) else asarray(a)


def pad(array, pad_width, mode='constant', constant_values=0):
    array = asarray(array)
    widths = broadcast_to(asarray(pad_width), (array.ndim, 2)).ravel().tolist()
    return call('pad', array, *([constant_values] if constant_values else []), pad_width=widths, mode=mode)


def sort(a, axis=-1, kind=None, order=None):
    a = asarray(a)
    if order is not None or a.dtype.names is not None or a.dtype.kind in 'SU':
        return take(a if axis is not None else a.ravel(), argsort(a, axis, kind, order), 0)
    if axis is None:
        a, axis = a.ravel(), -1
    return call('sort', a, axis=axis)


def argsort(a, axis=-1, kind=None, order=None):
    a = asarray(a)
    if order is not None or a.dtype.names is not None:
        if a.dtype.names is None:
            raise ValueError('Cannot specify order when the array has no fields.')
        from numpy._ordering import by_fields
        return by_fields(a, order)
    if a.dtype.kind in 'SU':
        from numpy._ordering import of_texts
        return of_texts(a, axis)
    if axis is None:
        a, axis = a.ravel(), -1
    return call('argsort', a, axis=axis)


def unique(ar, return_index=False, return_inverse=False, return_counts=False):
    options = dict((key, True) for key, said in (('return_index', return_index), ('return_inverse', return_inverse),
                                                 ('return_counts', return_counts)) if said)
    texts = asarray(ar).dtype.kind in 'SU'
    if is_complete() and not texts:
        return call('unique', ar, **options)
    flat = asarray(ar).ravel()
    order = argsort(flat)
    ordered = flat[order]
    first = full(flat.shape, True)
    first[1:] = ordered[1:] != ordered[:-1]
    if not texts:
        first[1:] &= ~((ordered[1:] != ordered[1:]) & (ordered[:-1] != ordered[:-1]))
    starts = nonzero(first)[0]
    found = [ordered[first]]
    if return_index:
        found.append(order[starts])
    if return_inverse:
        inverse = zeros(flat.shape, int)
        inverse[order] = cumsum(first) - 1
        found.append(inverse.reshape(asarray(ar).shape))
    if return_counts:
        found.append(diff(concatenate([starts, [flat.size]])))
    return found[0] if len(found) == 1 else tuple(found)


def searchsorted(a, v, side='left', sorter=None):
    if sorter is not None:
        a = take(a, sorter)
    if is_complete():
        return call('searchsorted', a, v, side=side)
    a, v = asarray(a), asarray(v)
    common = promote_types(a.dtype, v.dtype)
    if common.kind not in 'biuf':
        return call('searchsorted', a, v, side=side)
    from numpy._scalars import of_java
    from org.ndferry.jython import Ranges
    places = Ranges.places(a.astype(common)._a, v.astype(common)._a, side == 'right')
    return of_java(places) if v.ndim == 0 else wrap(places)


def percentile(a, q, axis=None, keepdims=False, method='linear'):
    if method != 'linear':
        from numpy._usual import rank
        return rank(a, asarray(q, float) / 100, axis, keepdims, method)
    return call('percentile', a, q, axis=axis, keepdims=keepdims)


def quantile(a, q, axis=None, keepdims=False, method='linear'):
    if method != 'linear':
        from numpy._usual import rank
        return rank(a, q, axis, keepdims, method)
    return call('quantile', a, q, axis=axis, keepdims=keepdims)


def median(a, axis=None, keepdims=False):
    return call('median', a, axis=axis, keepdims=keepdims)


def average(a, axis=None, weights=None):
    """The mean, or that of elements that count as often as their weights say: of a's shape, or one for each along an axis."""
    a = asarray(a)
    if weights is None:
        return a.mean(axis=axis)
    weights = asarray(weights)
    if weights.shape != a.shape:
        if axis is None:
            raise TypeError('Axis must be specified when shapes of a and weights differ.')
        axis = normalized(axis, a.ndim)
        if weights.shape != a.shape[axis:axis + 1]:
            raise ValueError('Shape of weights must be consistent with shape of a along specified axis.')
        weights = broadcast_to(weights.reshape((-1,) + (1,) * (a.ndim - axis - 1)), a.shape)
    common = promote_types(a.dtype, weights.dtype)
    common = promote_types(common, float) if a.dtype.kind in 'biu' else common
    weights = weights.astype(common)
    total = weights.sum(axis=axis)
    if asarray(total == 0).any():
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    return (a.astype(common) * weights).sum(axis=axis) / total


def diff(a, n=1, axis=-1):
    a = asarray(a)
    axis = normalized(axis, a.ndim)
    before = (slice(None),) * axis
    if n < 0:
        raise ValueError('order must be non-negative but got %d' % n)
    for _ in range(n):
        late, early = a[before + (slice(1, None),)], a[before + (slice(None, -1),)]
        a = late != early if a.dtype.kind == 'b' else late - early
    return a


def histogram(a, bins=10, range=None, density=False):
    options = {'density': True} if density else {}
    if range is not None:
        options.update(low=float(range[0]), high=float(range[1]))
    counts, edges = call('histogram', a, asarray(bins) if hasattr(bins, '__len__') else bins, **options)
    kind = asarray(a).dtype
    return counts, edges.astype(kind.newbyteorder('=')) if kind.kind == 'f' and not hasattr(bins, '__len__') else edges


def bincount(x, weights=None, minlength=0):
    x = asarray(x)
    x = x if x.size else x.astype(int)
    if x.dtype.kind not in 'biu':
        raise TypeError("Cannot cast array data from %r to dtype('int64') according to the rule 'safe'" % x.dtype)
    if weights is not None:
        return call('bincount', x, weights, minlength=minlength)
    if x.size and x.min() < 0:
        raise ValueError("'list' argument must have no negative elements")
    from org.ndferry.jython import Ranges
    return wrap(Ranges.counts(x._a, minlength))


def dot(a, b):
    return call('dot', a, b)


def matmul(a, b):
    return call('matmul', a, b)


def outer(a, b):
    return call('multiply', asarray(a).ravel()[:, None], asarray(b).ravel()[None])


def inner(a, b):
    a, b = asarray(a), asarray(b)
    return dot(a, b.swapaxes(-1, -2) if b.ndim > 1 else b)


def vdot(a, b):
    a = asarray(a)
    return dot((a.conj() if a.dtype.kind == 'c' else a).ravel(), asarray(b).ravel())


def isclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    a, b = asarray(a), asarray(b)
    # Differences of unsigned numbers would wrap around.
    b = b if b.dtype.kind in 'fc' else b.astype(float)
    close = (absolute(a - b) <= atol + rtol * absolute(b)) & isfinite(b) | (a == b)
    return close | (isnan(a) & isnan(b)) if equal_nan else close


def allclose(a, b, rtol=1e-05, atol=1e-08, equal_nan=False):
    return bool(asarray(isclose(a, b, rtol, atol, equal_nan)).all())


def array_equal(a, b):
    a, b = asarray(a), asarray(b)
    return a.shape == b.shape and bool(asarray(a == b).all())


def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """A new array, or with copy=False the same one, with NaN as 0 and infinities as the largest numbers, or what is said."""
    if is_complete():
        made = call('nan_to_num', x, nan=nan, posinf=posinf, neginf=neginf)
        return made if copy or not isinstance(x, ndarray) else stored(made, x)
    made = array(x) if copy else asarray(x)
    if made.dtype.kind == 'f':
        most = {2: 65504.0, 4: 3.4028234663852886e+38, 8: 1.7976931348623157e+308}[made.itemsize]
        wrong, high, low = isnan(made), made == float('inf'), made == -float('inf')
        made[wrong] = nan
        made[high] = most if posinf is None else posinf
        made[low] = -most if neginf is None else neginf
    return made


def _skipping(name):
    def function(a, axis=None, keepdims=False, **options):
        return call(name, *masked(a, options), axis=axis, keepdims=keepdims, **options)
    function.__name__ = name
    return function


for _name in 'nansum nanprod nanmean nanvar nanstd nanmin nanmax nanmedian nanargmin nanargmax'.split():
    globals()[_name] = _skipping(_name)


def cross(a, b):
    a, b = asarray(a), asarray(b)
    return stack([a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1], a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2],
                  a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]], -1)


def kron(a, b):
    return call('kron', a, b)


def delete(arr, obj, axis=None):
    arr = asarray(arr)
    if axis is None:
        arr, axis = arr.ravel(), 0
    axis = normalized(axis, arr.ndim)
    keep = zeros(arr.shape[axis], bool)
    keep[...] = True
    if not isinstance(obj, (int, long, slice)):
        obj = asarray(obj)
        obj = obj if obj.size else obj.astype(int)
    keep[obj] = False
    return arr[(slice(None),) * axis + (keep,)]


def isin(element, test_elements):
    element, found = asarray(element), unique(test_elements)
    at = clip(searchsorted(found, element), 0, found.size - 1)
    return found[at] == element if found.size else zeros(element.shape, bool)


def interp(x, xp, fp, left=None, right=None, period=None):
    """On the lines between the points xp, fp; beyond them `left` and `right`, or what they are at the ends."""
    x, xp, fp = asarray(x, float), asarray(xp, float), asarray(fp, float)
    if xp.ndim != 1 or fp.ndim != 1:
        raise ValueError('Data points must be 1-D sequences' if period is not None else 'object too deep for desired array')
    if not xp.size:
        raise ValueError('array of sample points is empty')
    if xp.size != fp.size:
        raise ValueError('fp and xp are not of the same length.')
    if period is not None:
        if period == 0:
            raise ValueError('period must be a non-zero value')
        period = absolute(period)
        x, xp = x % period, xp % period
        order = argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = concatenate([fp[-1:], fp, fp[:1]])
        left = right = None
    left, right = fp[0] if left is None else left, fp[-1] if right is None else right
    if xp.size == 1:
        made = where(x == x, fp[0], x)
    else:
        after = clip(searchsorted(xp, x, 'right'), 1, xp.size - 1)
        before = after - 1
        slope = (fp[1:] - fp[:-1])[before] / (xp[1:] - xp[:-1])[before]
        made = slope * (x - xp[before]) + fp[before]
        # Between infinities the other end may say more.
        again = slope * (x - xp[after]) + fp[after]
        again = where((again != again) & (fp[before] == fp[after]), fp[before], again)
        made = where((made != made) & (x == x), again, made)
        made = where(x == xp[before], fp[before], made)
        made = where(x == xp[-1], fp[-1], made)
    return where(x < xp[0], left, where(x > xp[-1], right, made))


def gradient(f, *steps, **options):
    """How f grows, by the neighbours on both sides, or at the ends by the one that there is: along each axis, or along `axis`.
    `steps`: how far neighbours are apart, one number for all axes or one for each."""
    f = asarray(f)
    f = f if f.dtype.kind in 'fc' else f.astype(float)
    axis = options.pop('axis', None)
    if options:
        raise TypeError("gradient() got an unexpected keyword argument '%s'" % options.popitem()[0])
    axes = range(f.ndim) if axis is None else axis if hasattr(axis, '__len__') else (axis,)
    steps = steps or (1,)
    steps = steps * len(axes) if len(steps) == 1 else steps
    if len(steps) != len(axes):
        raise TypeError('invalid number of arguments')
    if [step for step in steps if hasattr(step, '__len__')]:
        raise NotImplementedError('gradient with a coordinate for each element')
    made = []
    for one, step in zip(axes, steps):
        before = (slice(None),) * normalized(one, f.ndim)
        if f.shape[one] < 2:
            raise ValueError('Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements '
                             'are required.')
        part = zeros(f.shape, f.dtype)
        part[before + (slice(1, -1),)] = (f[before + (slice(2, None),)] - f[before + (slice(None, -2),)]) / (2.0 * step)
        part[before + (0,)] = (f[before + (1,)] - f[before + (0,)]) / step
        part[before + (-1,)] = (f[before + (-1,)] - f[before + (-2,)]) / step
        made.append(part)
    return made[0] if len(made) == 1 else tuple(made)


def isscalar(element):
    from numpy._scalars import generic
    return isinstance(element, (int, long, float, complex, basestring, bool, generic))


def iscomplexobj(x):
    return asarray(x).dtype.kind == 'c'
