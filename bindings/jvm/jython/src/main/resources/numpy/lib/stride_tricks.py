"""numpy.lib.stride_tricks"""
from __future__ import absolute_import

from java.lang import IndexOutOfBoundsException
from numpy._array import longs, wrap
from numpy._create import asarray


def as_strided(x, shape=None, strides=None):
    """Elements at any distances in the memory of the array; never outside of it."""
    x = asarray(x)
    shape = x.shape if shape is None else shape
    strides = x.strides if strides is None else strides
    try:
        return wrap(x._a.strided(0, longs(shape), longs(strides)))
    except IndexOutOfBoundsException as error:
        raise ValueError(error.getMessage())


def sliding_window_view(x, window_shape):
    """All windows of this shape, one axis each."""
    x = asarray(x)
    window = (window_shape,) if isinstance(window_shape, (int, long)) else tuple(window_shape)
    if len(window) != x.ndim:
        raise ValueError('the window needs as many axes as the array')
    shape = tuple(extent - size + 1 for extent, size in zip(x.shape, window))
    if min(shape) < 0:
        raise ValueError('window shape cannot be larger than input array shape')
    return as_strided(x, shape + window, x.strides * 2)
