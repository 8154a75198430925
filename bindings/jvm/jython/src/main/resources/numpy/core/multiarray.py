"""What pickles of arrays name."""
from __future__ import absolute_import

from numpy._array import array, ndarray, wrap
from numpy._dtype import dtype
from numpy import _scalars


def _reconstruct(subtype, shape, dtype):
    return ndarray(shape, dtype if dtype not in ('b', u'b') else 'i1')


def scalar(dtype, data=''):
    data = data.encode('latin-1') if isinstance(data, unicode) else data or '\0' * dtype.itemsize
    return _scalars.of_java(ndarray((), dtype, data[:dtype.itemsize])._a.copy())
