"""More functions in terms of others: of counts, of pieces, of bits, of functions of Python."""
from __future__ import absolute_import

from numpy._array import array, normalized, operator_index
from numpy._call import call
from numpy._create import arange, asarray, empty, linspace, zeros
from numpy._dtype import promote_types
from numpy._functions import (
    broadcast_arrays, concatenate, expand_dims, floor, isnan, log10, power, searchsorted, sort, where)


def _direct(name, count):
    def function(*operands):
        if len(operands) != count:
            raise TypeError('%s() takes exactly %d arguments (%d given)' % (name, count, len(operands)))
        return call(name, *operands)
    function.__name__ = name
    return function


heaviside, ldexp, frexp, spacing = _direct('heaviside', 2), _direct('ldexp', 2), _direct('frexp', 1), _direct('spacing', 1)


def nanpercentile(a, q, axis=None, keepdims=False):
    return call('nanpercentile', a, q, axis=axis, keepdims=keepdims)


def nanquantile(a, q, axis=None, keepdims=False):
    return call('nanquantile', a, q, axis=axis, keepdims=keepdims)


def rank(a, fractions, axis, keepdims, method):
    """Percentiles that are elements, or halfway between two: what percentile and quantile do with these methods."""
    if method not in ('lower', 'higher', 'midpoint', 'nearest'):
        raise NotImplementedError('percentiles by the method %r' % (method,))
    a, fractions = asarray(a), asarray(fractions, float)
    if ((fractions < 0) | (fractions > 1)).any():
        raise ValueError('Percentiles must be in the range [0, 100]')
    ndim = a.ndim
    at = None if axis is None else normalized(axis, ndim)
    lanes = sort(a.ravel() if at is None else a.transpose([one for one in range(ndim) if one != at] + [at]), -1)
    made = []
    for fraction in fractions.ravel().tolist():
        place = fraction * (lanes.shape[-1] - 1)
        low = int(floor(place))
        high = min(low + 1, lanes.shape[-1] - 1) if place > low else low
        part = place - low
        if method == 'nearest':
            low = high = high if part > 0.5 or part == 0.5 and low % 2 else low
        elif method != 'midpoint':
            low = high = low if method == 'lower' else high
        if method != 'midpoint':
            one = lanes[..., low]
        else:
            one = (lanes[..., low] + lanes[..., high]) * 0.5 if low != high else lanes[..., low] * 1.0
        if a.dtype.kind == 'f':
            one = where(isnan(lanes[..., -1]), lanes[..., -1], one)
        one = asarray(one)
        if keepdims:
            one = one.reshape((1,) * ndim) if at is None else expand_dims(one, at)
        made.append(one)
    whole = array([one.tolist() for one in made], made[0].dtype).reshape(fractions.shape + made[0].shape) if made else empty((0,))
    return whole if whole.ndim else whole[()]


def histogram_bin_edges(a, bins=10, range=None):
    from numpy._functions import histogram
    return histogram(a, bins, range)[1]


def histogram2d(x, y, bins=10, range=None, density=None, weights=None):
    """How many points fall into each field, and the edges along both axes."""
    x, y = asarray(x).ravel(), asarray(y).ravel()
    common = promote_types(x.dtype, y.dtype)
    common = common if common.kind == 'f' else 'f8'
    x, y = x.astype(common), y.astype(common)
    if x.size != y.size:
        raise ValueError('x and y must have the same length.')
    several = hasattr(bins, '__len__')
    # Two ints or lists are one for each axis; anything else is the edges of both.
    pair = list(bins) if several and len(bins) == 2 else [bins, bins]
    ranges = [None, None] if range is None else list(range)
    edges, places = [], []
    for values, one, limits in zip((x, y), pair, ranges):
        edge = asarray(one) if hasattr(one, '__len__') else histogram_bin_edges(values, one, limits)
        at = searchsorted(edge, values, 'right')
        # The last edge belongs to the last field.
        at = where(values == edge[-1], edge.size - 1, at)
        edges.append(edge)
        places.append(at)
    inside = (places[0] > 0) & (places[0] < edges[0].size) & (places[1] > 0) & (places[1] < edges[1].size)
    shape = (edges[0].size - 1, edges[1].size - 1)
    from numpy._functions import bincount
    flat = ((places[0] - 1) * shape[1] + places[1] - 1)[inside]
    weights = None if weights is None else asarray(weights, float).ravel()[inside]
    counts = bincount(flat, weights, shape[0] * shape[1]).reshape(shape).astype(float)
    if density:
        areas = (edges[0][1:] - edges[0][:-1]).reshape(-1, 1) * (edges[1][1:] - edges[1][:-1])
        counts = counts / areas / counts.sum()
    return counts, edges[0], edges[1]


def geomspace(start, stop, num=50, endpoint=True, dtype=None):
    """Numbers whose quotients are the same."""
    start, stop = float(start), float(stop)
    if start == 0 or stop == 0:
        raise ValueError('Geometric sequence cannot include zero')
    if (start < 0) != (stop < 0):
        raise NotImplementedError('geomspace between numbers of different signs')
    sign = -1.0 if start < 0 else 1.0
    made = power(10.0, linspace(log10(start * sign), log10(stop * sign), num, endpoint))
    if num > 0:
        made[0] = start * sign
        if num > 1 and endpoint:
            made[-1] = stop * sign
    made = made * sign
    return made if dtype is None else made.astype(dtype)


def piecewise(x, condlist, funclist, *args, **kw):
    """Where each of the conditions holds, a number or what a function makes of the elements; one more is for all others."""
    x = asarray(x)
    if not isinstance(condlist, (list, tuple)) or condlist and not hasattr(condlist[0], '__len__') and x.ndim:
        condlist = [condlist]
    conditions = [asarray(one, bool) for one in condlist]
    if len(funclist) == len(conditions) + 1:
        rest = zeros(x.shape, bool)
        for one in conditions:
            rest = rest | one
        conditions.append(asarray(~rest))
    elif len(funclist) != len(conditions):
        raise ValueError('with %d condition(s), either %d or %d functions are expected' % (
            len(conditions), len(conditions), len(conditions) + 1))
    made = zeros(x.shape, x.dtype)
    for condition, function in zip(conditions, funclist):
        if condition.any():
            made[condition] = function(x[condition], *args, **kw) if callable(function) else function
    return made


class vectorize(object):
    """A function of Python, called for each element: as slow as a loop."""

    def __init__(self, pyfunc, otypes=None, doc=None, excluded=None, cache=False, signature=None):
        if excluded or signature:
            raise NotImplementedError('vectorize with excluded arguments or a signature')
        self._function, self._otypes = pyfunc, otypes

    def __call__(self, *args):
        arrays = broadcast_arrays(*[asarray(one) for one in args])
        if not arrays[0].size and self._otypes is None:
            raise ValueError('cannot call `vectorize` on size 0 inputs unless `otypes` is set')
        made = [self._function(*items) for items in zip(*[list(one.ravel()) if one.ndim else [one[()]] for one in arrays])]
        if made and isinstance(made[0], tuple):
            types = self._otypes or [None] * len(made[0])
            return tuple(_shaped([row[i] for row in made], arrays[0].shape, types[i]) for i in range(len(made[0])))
        return _shaped(made, arrays[0].shape, self._otypes[0] if self._otypes else None)


def _shaped(items, shape, dtype):
    # All are of the kind of the first one.
    made = array(items, asarray(items[0]).dtype if dtype is None and items else dtype).reshape(shape)
    return made if shape else made[()]


def atleast_3d(a):
    a = asarray(a)
    if a.ndim >= 3:
        return a
    return a.reshape(1, 1, 1) if a.ndim == 0 else a[None, :, None] if a.ndim == 1 else a[:, :, None]


def put_along_axis(arr, indices, values, axis):
    """Where take_along_axis takes from."""
    indices = asarray(indices)
    if axis is None:
        arr.reshape(-1)[indices] = values
        return
    if arr.ndim != indices.ndim:
        raise ValueError('`indices` and `arr` must have the same number of dimensions')
    axis = normalized(axis, arr.ndim)
    key = [arange(extent).reshape((1,) * at + (extent,) + (1,) * (arr.ndim - at - 1)) for at, extent in enumerate(arr.shape)]
    key[axis] = indices
    arr[tuple(key)] = values


def trim_zeros(filt, trim='fb'):
    filt = asarray(filt)
    places = filt.nonzero()[0]
    if not places.size:
        return filt[:0]
    first = int(places[0]) if 'f' in trim.lower() else 0
    last = int(places[-1]) + 1 if 'b' in trim.lower() else filt.size
    return filt[first:last]


def _weights(bitorder):
    """Of the bits of a byte, the first one first."""
    return array([1 << (i if bitorder == 'little' else 7 - i) for i in range(8)], 'u1')


def packbits(a, axis=None, bitorder='big'):
    """Eight truths to a byte, along the last axis or of all elements; the rest of the last byte is 0."""
    a = asarray(a)
    if a.dtype.kind not in 'biu':
        raise TypeError('Expected an input array of integer or boolean data type')
    a = a.ravel() if axis is None else a
    at = 0 if axis is None else normalized(axis, a.ndim)
    bits = (a != 0).astype('u1').swapaxes(at, -1)
    rest = -bits.shape[-1] % 8
    bits = concatenate([bits, zeros(bits.shape[:-1] + (rest,), 'u1')], -1)
    bits = bits.reshape(bits.shape[:-1] + (bits.shape[-1] // 8, 8))
    return (bits * _weights(bitorder)).sum(axis=-1).astype('u1').swapaxes(at, -1)


def unpackbits(a, axis=None, count=None, bitorder='big'):
    a = asarray(a)
    if a.dtype != 'u1':
        raise TypeError('Expected an input array of unsigned byte data type')
    a = a.ravel() if axis is None else a
    at = 0 if axis is None else normalized(axis, a.ndim)
    lanes = a.swapaxes(at, -1)
    bits = ((lanes[..., None] & _weights(bitorder)) != 0).astype('u1').reshape(lanes.shape[:-1] + (8 * lanes.shape[-1],))
    if count is not None:
        bits = bits[..., :operator_index(count)]
    return bits.swapaxes(at, -1)
