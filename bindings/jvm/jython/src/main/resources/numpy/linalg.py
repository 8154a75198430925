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
eig = _called('eig', EigResult)
eigh = _called('eigh', EighResult)
eigvals = _called('eigvals')
eigvalsh = _called('eigvalsh')
cholesky = _called('cholesky')
lstsq = _called('lstsq')
matrix_rank = _called('matrix_rank')
cond = _called('cond')
pinv = _called('pinv')
slogdet = _called('slogdet', SlogdetResult)
lu = _called('lu')


def norm(x, ord=None, axis=None, keepdims=False):
    options = {'axis': axis}
    if ord is not None:
        options['ord'] = ord
    if keepdims:
        options['keepdims'] = True
    return call('linalg.norm', x, **options)


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
