"""Orders other than that of one array: by several keys, by fields, and by halves."""
from __future__ import absolute_import

from numpy._array import array, normalized, operator_index
from numpy._create import arange, asarray


def lexsort(keys, axis=-1):
    """The places of elements in the order of the last key, and where that is equal of those before it."""
    keys = [asarray(key) for key in keys]
    if not keys:
        raise TypeError('need sequence of keys with len > 0 in lexsort')
    if len(set(key.shape for key in keys)) != 1:
        raise ValueError('all keys need to be the same shape')
    if keys[0].ndim == 0:
        return asarray(0)[()]
    if keys[0].ndim > 1:
        raise NotImplementedError('lexsort of keys with more than one axis')
    normalized(axis, 1)
    order = arange(keys[0].size)
    for key in keys:
        order = order[_stable(key[order])]
    return order


def _stable(key):
    if key.dtype.kind in 'biufc':
        return key.argsort(kind='stable')
    items = key.tolist()
    return array(sorted(range(len(items)), key=items.__getitem__), int)


def of_texts(a, axis):
    """The places of texts in order."""
    if a.ndim != 1 and axis is not None:
        raise NotImplementedError('texts are sorted along one axis only')
    return _stable(a.ravel())


def by_fields(a, order):
    """The places of structs in the order of these fields, then of all others."""
    named = [order] if isinstance(order, basestring) else list(order or ())
    for name in named:
        if name not in a.dtype.names:
            raise ValueError('unknown field name: %s' % name)
    if a.ndim != 1:
        raise NotImplementedError('structs are sorted along one axis only')
    named += [name for name in a.dtype.names if name not in named]
    return lexsort([a[name] for name in named[::-1]])


def partition(a, kth, axis=-1):
    """With the element in its place that would be there if all were sorted, as here they are."""
    from numpy._functions import sort
    a = asarray(a)
    _places(a, kth, axis)
    return sort(a, axis)


def argpartition(a, kth, axis=-1):
    from numpy._functions import argsort
    a = asarray(a)
    _places(a, kth, axis)
    return argsort(a, axis)


def _places(a, kth, axis):
    extent = a.size if axis is None else a.shape[normalized(axis, a.ndim)]
    for one in kth if hasattr(kth, '__len__') else (kth,):
        if not -extent <= operator_index(one) < extent:
            raise ValueError('kth(=%d) out of bounds (%d)' % (one, extent))
