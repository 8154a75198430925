"""numpy.linalg, of the native library."""
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
    from numpy import asarray, eye, matmul
    a = asarray(a)
    if n < 0:
        a, n = inv(a), -n
    made = eye(a.shape[-1], dtype=a.dtype)
    while n:
        if n & 1:
            made = matmul(made, a)
        a, n = matmul(a, a), n >> 1
    return made


def multi_dot(arrays):
    from numpy import dot
    return reduce(dot, arrays)
