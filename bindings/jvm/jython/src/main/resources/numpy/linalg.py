"""numpy.linalg, of the native library."""
from numpy._call import call


class LinAlgError(ValueError):
    """A matrix that is singular, not square, or for which nothing converges."""


def _called(name):
    def function(*operands, **options):
        return call('linalg.' + name, *operands, **options)
    function.__name__ = name
    return function


for _name in ('solve inv det norm svd eig eigh eigvals eigvalsh qr cholesky lstsq lu matrix_rank cond pinv slogdet '
              'matrix_power').split():
    globals()[_name] = _called(_name)
