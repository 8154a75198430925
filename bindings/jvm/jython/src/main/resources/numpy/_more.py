"""Functions in terms of others, and what makes indices."""
from __future__ import absolute_import

import itertools

from numpy import _scalars
from numpy._array import array, longs, normalized, operator_index, wrap
from numpy._create import arange, asarray, empty, full, linspace, ones, zeros
from numpy._dtype import can_cast, dtype as _make_dtype, promote_types, result_type
from numpy._functions import (
    absolute, arctan2, broadcast_arrays, broadcast_to, concatenate, count_nonzero, dot, flatnonzero, isin, moveaxis, nonzero, power, searchsorted, sin, sort, take, trunc, unique, unravel_index,
    where)

# Dtypes


def _dtype_of(what):
    """Of an array or a scalar its own, of other things what they stand for."""
    own = getattr(what, 'dtype', None)
    return own if isinstance(own, _make_dtype) else _make_dtype(what)


class iinfo(object):
    """What integers of a dtype reach."""

    def __init__(self, type):
        self.dtype = _dtype_of(type)
        if self.dtype.kind not in 'iu':
            raise ValueError('Invalid integer data type %r.' % self.dtype.kind)
        self.kind, self.bits = self.dtype.kind, 8 * self.dtype.itemsize
        self.min = 0 if self.kind == 'u' else -(1 << self.bits - 1)
        self.max = (1 << self.bits) - 1 if self.kind == 'u' else (1 << self.bits - 1) - 1

    def __repr__(self):
        return 'iinfo(min=%d, max=%d, dtype=%s)' % (self.min, self.max, self.dtype)


class finfo(object):
    """What floats of a dtype reach, and how exact they are."""

    def __init__(self, dtype):
        own = _dtype_of(dtype)
        if own.kind == 'c':
            own = _make_dtype('f%d' % (own.itemsize // 2))
        known = {2: (10, 15, 3), 4: (23, 127, 6), 8: (52, 1023, 15)}
        if own.kind != 'f' or own.itemsize not in known:
            raise ValueError('data type %r not inexact' % (own,))
        self.dtype, self.bits = own, 8 * own.itemsize
        self.nmant, self.maxexp, self.precision = known[own.itemsize]
        self.maxexp, self.minexp = self.maxexp + 1, 1 - self.maxexp
        self.nexp = self.bits - self.nmant - 1
        make = own.type
        self.eps, self.epsneg = make(2.0 ** -self.nmant), make(2.0 ** -(self.nmant + 1))
        self.max = make((2 - 2.0 ** -self.nmant) * 2.0 ** (self.maxexp - 1))
        self.min = make(-self.max)
        self.tiny = self.smallest_normal = make(2.0 ** self.minexp)
        self.smallest_subnormal = make(2.0 ** (self.minexp - self.nmant))
        self.resolution = make(10.0 ** -self.precision)

    def __repr__(self):
        return 'finfo(resolution=%s, min=%s, max=%s, dtype=%s)' % (self.resolution, self.min, self.max, self.dtype)


_CLASSES = {int: _scalars.int64, long: _scalars.int64, float: _scalars.float64, complex: _scalars.complex128, bool: _scalars.bool_,
            str: _scalars.bytes_, unicode: _scalars.str_}


def issubdtype(arg1, arg2):
    """Whether the class of elements is the other one or below it: issubdtype(a.dtype, np.integer)."""
    one, other = [
        _CLASSES.get(arg, arg) if isinstance(arg, type) and (arg in _CLASSES or issubclass(arg, _scalars.generic)) else _make_dtype(arg).type
        for arg in (arg1, arg2)]
    return issubclass(one, other)


def isreal(x):
    x = asarray(x)
    return x.imag == 0 if x.dtype.kind == 'c' else ones(x.shape, bool)


def iscomplex(x):
    return isreal(x) == False  # noqa: E712: element by element


def real(val):
    return asarray(val).real


def imag(val):
    return asarray(val).imag


def angle(z, deg=False):
    z = asarray(z)
    made = arctan2(z.imag, z.real)
    return made * (180 / 3.141592653589793) if deg else made


# Indices


class _Indexed(object):
    """Gives what stands between the brackets."""

    def __getitem__(self, key):
        return key


s_ = index_exp = _Indexed()


def ix_(*args):
    """Indices of the rows, columns and so on that are listed."""
    out = []
    for axis, one in enumerate(args):
        one = asarray(one)
        if one.ndim != 1:
            raise ValueError('Cross index must be 1 dimensional')
        one = nonzero(one)[0] if one.dtype.kind == 'b' else one if one.size else one.astype(int)
        out.append(one.reshape((1,) * axis + (one.size,) + (1,) * (len(args) - axis - 1)))
    return tuple(out)


def _range(part):
    """Of a slice: with an imaginary step, so many numbers with both ends."""
    start, step = part.start or 0, 1 if part.step is None else part.step
    if isinstance(step, complex):
        return linspace(start, part.stop, int(abs(step)))
    return arange(start, part.stop, step)


class _Grid(object):
    def __init__(self, sparse):
        self._sparse = sparse

    def __getitem__(self, key):
        if not isinstance(key, tuple):
            return _range(key)
        ranges = [_range(part) for part in key]
        shape = tuple(one.size for one in ranges)
        common = result_type(*ranges)
        apart = [one.astype(common).reshape((1,) * axis + (one.size,) + (1,) * (len(ranges) - axis - 1)) for axis, one in enumerate(ranges)]
        if self._sparse:
            return tuple(apart)
        made = empty((len(apart),) + shape, common)
        for axis, one in enumerate(apart):
            made[axis] = one
        return made


mgrid, ogrid = _Grid(False), _Grid(True)


class _Joined(object):
    """np.r_ and np.c_: what stands between the brackets, side by side."""

    def __init__(self, columns):
        self._columns = columns

    def __getitem__(self, key):
        parts, dtypes = [], []
        for part in key if isinstance(key, tuple) else (key,):
            if isinstance(part, basestring):
                raise NotImplementedError('words between the brackets: use concatenate')
            part = _range(part) if isinstance(part, slice) else part
            # Numbers of Python take the dtype of what is beside them.
            dtypes.append(part if type(part) in (bool, int, long, float, complex) else asarray(part).dtype)
            part = asarray(part)
            part = part if part.ndim else part.reshape(1)
            parts.append(part.reshape(-1, 1) if self._columns and part.ndim == 1 else part)
        return concatenate(parts, -1).astype(result_type(*dtypes), copy=False)


r_, c_ = _Joined(False), _Joined(True)


def ndindex(*shape):
    """All indices of an array of this shape, one after another."""
    shape = shape[0] if len(shape) == 1 and hasattr(shape[0], '__len__') else shape
    return itertools.product(*[xrange(operator_index(extent)) for extent in shape])


def ndenumerate(arr):
    """Each index, with its element."""
    arr = asarray(arr)
    return itertools.izip(ndindex(arr.shape), arr.flat)


def _triangle_indices(function):
    def indices(n, k=0, m=None):
        rows, columns = arange(n).reshape(-1, 1), arange(n if m is None else m)
        return nonzero(function(rows, columns, k))
    return indices


tril_indices = _triangle_indices(lambda rows, columns, k: rows >= columns - k)
triu_indices = _triangle_indices(lambda rows, columns, k: rows <= columns - k)


def diag_indices(n, ndim=2):
    return (arange(n),) * ndim


def digitize(x, bins, right=False):
    """In which of the bins, which rise or fall, each is."""
    bins = asarray(bins)
    side = 'left' if right else 'right'
    if bins.size > 1 and bins[0] > bins[-1]:
        return bins.size - searchsorted(bins[::-1], x, side)
    return searchsorted(bins, x, side)


# Changing arrays


def copyto(dst, src, casting='same_kind', where=True):
    own = getattr(src, 'dtype', None)
    if own is not None and not can_cast(own, dst.dtype, casting):
        raise TypeError('Cannot cast array data from %r to %r according to the rule %r' % (own, dst.dtype, casting))
    if where is True:
        dst[...] = src
    else:
        mask = broadcast_to(asarray(where, bool), dst.shape)
        dst[mask] = broadcast_to(asarray(src), dst.shape)[mask]


def putmask(a, mask, values):
    """Where the mask holds, the values, which begin again where they end."""
    values = resize(values, a.size)
    mask = asarray(mask, bool)
    a[mask] = values.reshape(a.shape)[mask]


def place(arr, mask, vals):
    mask = asarray(mask, bool)
    arr[mask] = resize(vals, int(count_nonzero(mask)))


def put(a, ind, v):
    ind = asarray(ind).ravel()
    a[_places(ind, a)] = resize(v, ind.size)


def _places(ind, a):
    outside = ind[(ind < -a.size) | (ind >= a.size)]
    if outside.size:
        raise IndexError('index %d is out of bounds for axis 0 with size %d' % (outside[0], a.size))
    return unravel_index(where(ind < 0, ind + a.size, ind), a.shape)


def fill_diagonal(a, val):
    if a.ndim < 2:
        raise ValueError('array must be at least 2-d')
    if a.ndim > 2 and len(set(a.shape)) > 1:
        raise ValueError('All dimensions of input must be of equal length')
    at = arange(min(a.shape))
    a[(at,) * a.ndim] = val


def resize(a, new_shape):
    """A new array; elements begin again where they end."""
    new_shape = (new_shape,) if isinstance(new_shape, (int, long)) else tuple(new_shape)
    a = asarray(a).ravel()
    size = 1
    for extent in new_shape:
        if extent < 0:
            raise ValueError('all elements of `new_shape` must be non-negative')
        size *= extent
    if not a.size:
        return zeros(new_shape, a.dtype)
    return a[arange(size) % a.size].reshape(new_shape)


def insert(arr, obj, values, axis=None):
    """A new array with values in front of an index, or of each of several."""
    arr = asarray(arr)
    if axis is None:
        arr, axis = arr.ravel(), 0
    axis = normalized(axis, arr.ndim)
    extent = arr.shape[axis]
    single = isinstance(obj, (int, long)) or getattr(obj, 'ndim', 1) == 0
    at = arange(extent)[obj] if isinstance(obj, slice) else asarray(obj).reshape(-1)
    outside = [i for i in at.tolist() if not -extent <= i <= extent]
    if outside:
        raise IndexError('index %d is out of bounds for axis %d with size %d' % (outside[0], axis, extent))
    at = where(at < 0, at + extent, at)
    values = array(values, arr.dtype)
    if single:
        values = moveaxis(values, 0, axis) if values.ndim == arr.ndim else values
        while values.ndim < arr.ndim:
            values = values[None]
        count = values.shape[axis] if arr.ndim > 1 and values.shape[axis] != 1 or arr.ndim == 1 else 1
        at = full((count,), at.item(), int)
    new = sort(at, kind='stable') + arange(at.size) if at.size else at.astype(int)
    order = at.argsort(kind='stable')
    places = zeros(at.shape, int)
    places[order] = new
    made = empty(arr.shape[:axis] + (extent + at.size,) + arr.shape[axis + 1:], arr.dtype)
    old = ones((extent + at.size,), bool)
    old[places] = False
    before = (slice(None),) * axis
    made[before + (old,)] = arr
    made[before + (places,)] = values
    return made


def block(arrays):
    """Nested lists of arrays, side by side: the innermost along the last axis."""

    def joined(part, depth):
        if not isinstance(part, list):
            part = asarray(part)
            while part.ndim < levels:
                part = part[None]
            return part
        return concatenate([joined(one, depth + 1) for one in part], depth - levels)

    levels, part = 0, arrays
    while isinstance(part, list):
        levels, part = levels + 1, part[0]
    deepest = _deepest(arrays)
    levels_of_lists, levels = levels, levels if levels > deepest else deepest
    return joined(arrays, levels - levels_of_lists)


def _deepest(part):
    return max([_deepest(one) for one in part]) if isinstance(part, list) else asarray(part).ndim


def _split(name, axis):
    def function(ary, indices_or_sections):
        ary = asarray(ary)
        if ary.ndim < (axis + 1 if axis != 1 else 1):
            raise ValueError('%s only works on arrays of %d or more dimensions' % (name, axis + 1 if axis != 1 else 1))
        at = 0 if axis == 1 and ary.ndim == 1 else axis
        from numpy._functions import split
        return split(ary, indices_or_sections, at)
    function.__name__ = name
    return function


vsplit, hsplit, dsplit = _split('vsplit', 0), _split('hsplit', 1), _split('dsplit', 2)


def extract(condition, arr):
    return take(asarray(arr).ravel(), flatnonzero(condition))


def select(condlist, choicelist, default=0):
    """From the first of the choices whose condition holds."""
    if len(condlist) != len(choicelist):
        raise ValueError('list of cases must be same length as list of conditions')
    choices = [asarray(one) for one in choicelist]
    common = result_type(*(choices + [default]))
    made = asarray(default)
    for condition, choice in zip(condlist, choices)[::-1]:
        made = where(condition, choice, made)
    return asarray(made).astype(common)


def choose(a, choices):
    """Of the choices that of the number which stands there."""
    if asarray(a).dtype.kind not in 'biu':
        raise TypeError("Cannot cast array data from %r to dtype('int64') according to the rule 'safe'" % asarray(a).dtype)
    every = broadcast_arrays(asarray(a), *[asarray(one) for one in choices])
    a, choices = every[0], every[1:]
    wrong = a[(a < 0) | (a >= len(choices))]
    if wrong.size:
        raise ValueError('invalid entry in choice array')
    made = empty(a.shape, result_type(*choices))
    for number, one in enumerate(choices):
        made[a == number] = one[a == number]
    return made


# Sets


def intersect1d(ar1, ar2):
    one, other = unique(ar1), unique(ar2)
    return one[isin(one, other)].astype(promote_types(one.dtype, other.dtype))


def union1d(ar1, ar2):
    return unique(concatenate([asarray(ar1).ravel(), asarray(ar2).ravel()]))


def setdiff1d(ar1, ar2):
    one = unique(ar1)
    return one[isin(one, ar2) == False]  # noqa: E712


def setxor1d(ar1, ar2):
    one, other = unique(ar1), unique(ar2)
    return sort(concatenate([one[isin(one, other) == False], other[isin(other, one) == False]]))  # noqa: E712


def in1d(ar1, ar2):
    return isin(asarray(ar1).ravel(), ar2)


# Numbers


def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None):
    made = power(base, linspace(start, stop, num, endpoint))
    return made if dtype is None else made.astype(dtype)


def fix(x):
    return trunc(x)


def sinc(x):
    x = asarray(x, None if asarray(x).dtype.kind in 'fc' else float)
    y = where(x == 0, 1.0e-20, x) * 3.141592653589793
    return sin(y) / y


def modf(x):
    x = asarray(x, None if asarray(x).dtype.kind == 'f' else float)
    whole = trunc(x)
    return where(absolute(x) == float('inf'), 0.0, x - whole), whole


def trapezoid(y, x=None, dx=1.0, axis=-1):
    y = asarray(y)
    axis = normalized(axis, y.ndim)
    if x is not None:
        x = asarray(x)
        dx = x[1:] - x[:-1]
        dx = dx.reshape((-1,) + (1,) * (y.ndim - axis - 1)) if x.ndim == 1 else dx
    before = (slice(None),) * axis
    return (dx * (y[before + (slice(1, None),)] + y[before + (slice(None, -1),)]) / 2.0).sum(axis=axis)


def ediff1d(ary):
    ary = asarray(ary).ravel()
    return ary[1:] - ary[:-1]


def convolve(a, v, mode='full'):
    """Of vectors: the products of one with the other, turned around and shifted along."""
    a, v = asarray(a), asarray(v)
    if a.ndim > 1 or v.ndim > 1:
        raise ValueError('object too deep for desired array')
    a, v = a.reshape(-1), v.reshape(-1)
    if not a.size or not v.size:
        raise ValueError('%s cannot be empty' % ('v' if a.size else 'a'))
    if a.size < v.size:
        a, v = v, a
    if mode not in ('full', 'same', 'valid'):
        raise ValueError("mode must be 'full', 'same' or 'valid'")
    n, m = a.size, v.size
    common = promote_types(a.dtype, v.dtype)
    padded = zeros(n + 2 * (m - 1), common)
    padded[m - 1:m - 1 + n] = a
    windows = wrap(padded._a.strided(0, longs((n + m - 1, m)), longs((common.itemsize, common.itemsize))))
    made = dot(windows, v[::-1].astype(common).copy())
    if mode == 'valid':
        return made[m - 1:n]
    return made if mode == 'full' else made[(m - 1) // 2:(m - 1) // 2 + n]


def correlate(a, v, mode='valid'):
    v = asarray(v)
    a = asarray(a)
    made = convolve(a, (v.conj() if v.dtype.kind == 'c' else v)[::-1], mode if mode != 'same' or a.size >= v.size else 'full')
    if mode == 'same' and a.size < v.size:
        first = (made.size - v.size + 1) // 2
        return made[first:first + v.size]
    return made


def polyval(p, x):
    """The polynomial with these coefficients, the highest first."""
    p, x = asarray(p), asarray(x)
    made = x * 0
    for one in p:
        made = made * x + one
    return made


def vander(x, N=None, increasing=False):
    x = asarray(x)
    count = x.size if N is None else N
    powers = arange(count) if increasing else arange(count)[::-1]
    return power(x.reshape(-1, 1), powers).astype(promote_types(x.dtype, int))


def polyfit(x, y, deg):
    """Coefficients, the highest first, of the polynomial that comes nearest."""
    from numpy import linalg
    x, y = asarray(x, float), asarray(y, float)
    left = vander(x, deg + 1)
    scale = (left * left).sum(axis=0) ** 0.5
    found = linalg.lstsq(left / scale, y, rcond=x.size * 2.220446049250313e-16)[0]
    return found / scale if y.ndim == 1 else found / scale.reshape(-1, 1)


def tensordot(a, b, axes=2):
    a, b = asarray(a), asarray(b)
    if isinstance(axes, (int, long)):
        left, right = range(a.ndim - axes, a.ndim), range(axes)
    else:
        left, right = [[one] if isinstance(one, (int, long)) else list(one) for one in axes]
    left, right = [normalized(one, a.ndim) for one in left], [normalized(one, b.ndim) for one in right]
    if len(left) != len(right) or [i for i, j in zip(left, right) if a.shape[i] != b.shape[j]]:
        raise ValueError('shape-mismatch for sum')
    kept_left, kept_right = [i for i in range(a.ndim) if i not in left], [j for j in range(b.ndim) if j not in right]
    count = 1
    for one in left:
        count *= a.shape[one]
    shape = tuple([a.shape[i] for i in kept_left] + [b.shape[j] for j in kept_right])
    rows, columns = 1, 1
    for i in kept_left:
        rows *= a.shape[i]
    for j in kept_right:
        columns *= b.shape[j]
    product = dot(a.transpose(kept_left + left).reshape(rows, count), b.transpose(right + kept_right).reshape(count, columns))
    return product.reshape(shape)


def cov(m, rowvar=True, ddof=1):
    """How rows vary with each other."""
    m = asarray(m, float)
    m = m.reshape(1, -1) if m.ndim == 1 else m if rowvar else m.T
    apart = m - m.mean(axis=1, keepdims=True)
    made = dot(apart, apart.T.copy()) / float(m.shape[1] - ddof)
    return made.reshape(()) if made.size == 1 else made


def corrcoef(x, rowvar=True):
    made = cov(x, rowvar)
    if made.ndim == 0:
        return made / made
    scale = made.diagonal().copy() ** 0.5
    return made / scale / scale.reshape(-1, 1)


def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    """What the function gives for each vector along the axis, in its place."""
    arr = asarray(arr)
    axis = normalized(axis, arr.ndim)
    rows = moveaxis(arr, axis, -1)
    outer = rows.shape[:-1]
    made = [asarray(func1d(row, *args, **kwargs)) for row in rows.reshape((-1,) + rows.shape[-1:])]
    if not made:
        raise ValueError('Cannot apply_along_axis when any iteration dimensions are 0')
    whole = array(made).reshape(outer + made[0].shape)
    for step in range(made[0].ndim):
        whole = moveaxis(whole, len(outer) + step, axis + step)
    return whole


class errstate(object):
    """Floating-point errors are not reported here, whatever is said."""

    def __init__(self, **kinds):
        self.kinds = kinds

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


def seterr(**kinds):
    return {'divide': 'ignore', 'over': 'ignore', 'under': 'ignore', 'invalid': 'ignore'}


def array_repr(arr):
    return repr(arr)


def array_str(a):
    return str(a)

