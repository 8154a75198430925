"""numpy.linalg, of the native library."""
from __future__ import absolute_import

from collections import namedtuple

from numpy._call import call
from numpy.exceptions import LinAlgError

SVDResult = namedtuple('SVDResult', 'U S Vh')
EigResult = namedtuple('EigResult', 'eigenvalues eigenvectors')
EighResult = namedtuple('EighResult', 'eigenvalues eigenvectors')
QRResult = namedtuple('QRResult', 'Q R')
SlogdetResult = namedtuple('SlogdetResult', 'sign logabsdet')


def _called(name, result=tuple):
    def function(*operands, **options):
        made = call('linalg.' + name, *operands, **options)
        return made if not isinstance(made, tuple) else made if result is tuple else result(*made)
    function.__name__ = name
    return function


solve = _called('solve')
inv = _called('inv')
det = _called('det')
slogdet = _called('slogdet', SlogdetResult)
eig = _called('eig', EigResult)
eigvals = _called('eigvals')
lu = _called('lu')


def eigh(a, UPLO='L'):
    return EighResult(*call('linalg.eigh', a, UPLO=UPLO))


def eigvalsh(a, UPLO='L'):
    return call('linalg.eigvalsh', a, UPLO=UPLO)


def cholesky(a, upper=False):
    return call('linalg.cholesky', a, upper=upper)


def lstsq(a, b, rcond=None):
    return call('linalg.lstsq', a, b, rcond=rcond)


def pinv(a, rcond=None, rtol=None):
    return call('linalg.pinv', a, rcond=rcond, rtol=rtol)


def cond(x, p=None):
    return call('linalg.cond', x, p=p)


def matrix_rank(A, tol=None, rtol=None):
    return call('linalg.matrix_rank', A, tol=tol, rtol=rtol)


def norm(x, ord=None, axis=None, keepdims=False):
    return call('linalg.norm', x, ord=ord, axis=axis, keepdims=keepdims)


def svd(a, full_matrices=True, compute_uv=True):
    made = call('linalg.svd', a, full_matrices=full_matrices, compute_uv=compute_uv)
    return SVDResult(*made) if compute_uv else made


def qr(a, mode='reduced'):
    made = call('linalg.qr', a, mode=mode)
    return QRResult(*made) if isinstance(made, tuple) else made


def matrix_power(a, n):
    from numpy._array import operator_index
    return call('linalg.matrix_power', a, n=operator_index(n))


def multi_dot(arrays):
    from numpy import dot
    return reduce(dot, arrays)


def svdvals(x):
    return svd(x, compute_uv=False)


def matrix_norm(x, ord='fro', keepdims=False):
    return norm(x, ord, (-2, -1), keepdims)


def vector_norm(x, axis=None, ord=2, keepdims=False):
    from numpy import asarray
    x = asarray(x)
    if axis is not None:
        return norm(x, ord, axis, keepdims)
    made = norm(x.ravel(), ord)
    return made.reshape((1,) * x.ndim) if keepdims else made


def matrix_transpose(x):
    from numpy import asarray
    x = asarray(x)
    if x.ndim < 2:
        raise ValueError('Input array must be at least 2-dimensional, but it is %d' % x.ndim)
    return x.swapaxes(-1, -2)


def trace(x, offset=0, dtype=None):
    return call('trace', x, offset=offset, axis1=-2, axis2=-1, dtype=dtype)


def diagonal(x, offset=0):
    from numpy import asarray
    return asarray(x).diagonal(offset, -2, -1)


def matmul(x1, x2):
    return call('matmul', x1, x2)


def outer(x1, x2):
    return call('outer', x1, x2)
