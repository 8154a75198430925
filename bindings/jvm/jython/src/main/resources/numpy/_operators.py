"""What arrays and scalars have in common: operators, and the methods that are functions of the module as well."""
from __future__ import absolute_import

from numpy._call import call


def _binary(name):
    def operator(self, other):
        return call(name, self, other)

    def reflected(self, other):
        return call(name, other, self)

    return operator, reflected


def _compared(name, unlike):
    def operator(self, other):
        if other is None or isinstance(other, (basestring, dict)) and self.dtype.kind in 'biufc':
            # Unlike every element.
            from numpy._create import full
            return full(self.shape, unlike) if hasattr(self, 'flags') else unlike
        if self.dtype.kind in 'SU':
            from numpy._text import compared
            return compared(self, other, unlike)
        return call(name, self, other)

    return operator


def _axes(name, *known):
    """A reduction: f(axis=None, dtype=None, keepdims=False, ...)."""

    def method(self, axis=None, dtype=None, out=None, keepdims=False, **options):
        options = dict((key, value) for key, value in options.items() if value is not None)
        for key in options:
            if key not in known:
                raise TypeError("%s() got an unexpected keyword argument '%s'" % (name, key))
        if dtype is not None:
            options['dtype'] = dtype
        return stored(call(name, *masked(self, options), axis=axis, keepdims=keepdims, **options), out)

    method.__name__ = name
    return method


def masked(array, options):
    """The array and, which is an operand, what the option `where` says of its elements."""
    where = options.pop('where', True)
    if where is True:
        return [array]
    return [array, where if hasattr(where, 'dtype') else _bools(where)]


def _bools(where):
    from numpy._create import asarray
    return asarray(where, bool)


def stored(result, out, where=True):
    """Puts the result where the caller wants it, or only the elements for which `where` is true."""
    if isinstance(out, tuple):
        out, = out
    if where is not True:
        where = _bools(where)
        if out is None:
            # What is left out has some value in NumPy and is 0 here.
            return call('where', where, result, result.dtype.type(0))
    if out is None:
        return result
    from numpy._more import copyto
    copyto(out, result, where=where)
    return out


class Operators(object):
    __slots__ = ()
    __array_priority__ = 10.0

    __add__, __radd__ = _binary('add')
    __sub__, __rsub__ = _binary('subtract')
    __mul__, __rmul__ = _binary('multiply')
    __truediv__, __rtruediv__ = _binary('true_divide')
    __div__, __rdiv__ = _binary('true_divide')
    __floordiv__, __rfloordiv__ = _binary('floor_divide')
    __mod__, __rmod__ = _binary('remainder')
    __and__, __rand__ = _binary('bitwise_and')
    __or__, __ror__ = _binary('bitwise_or')
    __xor__, __rxor__ = _binary('bitwise_xor')
    __lshift__, __rlshift__ = _binary('left_shift')
    __rshift__, __rrshift__ = _binary('right_shift')
    __pow__, __rpow__ = _binary('power')
    __matmul__, __rmatmul__ = _binary('matmul')

    def __divmod__(self, other):
        return self // other, self % other

    def __rdivmod__(self, other):
        return other // self, other % self

    def __neg__(self):
        return call('negative', self)

    def __pos__(self):
        return call('positive', self)

    def __abs__(self):
        return call('absolute', self)

    def __invert__(self):
        return call('invert', self)

    __eq__ = _compared('equal', False)
    __ne__ = _compared('not_equal', True)

    def __lt__(self, other):
        return call('less', self, other)

    def __le__(self, other):
        return call('less_equal', self, other)

    def __gt__(self, other):
        return call('greater', self, other)

    def __ge__(self, other):
        return call('greater_equal', self, other)

    sum = _axes('sum', 'initial', 'where')
    prod = _axes('prod', 'initial', 'where')
    mean = _axes('mean', 'where')
    std = _axes('std', 'ddof', 'correction', 'where')
    var = _axes('var', 'ddof', 'correction', 'where')
    min = _axes('min', 'initial', 'where')
    max = _axes('max', 'initial', 'where')
    all = _axes('all', 'where')
    any = _axes('any', 'where')
    ptp = _axes('ptp')
    argmin = _axes('argmin')
    argmax = _axes('argmax')

    def cumsum(self, axis=None, dtype=None, out=None):
        options = {} if dtype is None else {'dtype': dtype}
        return stored(call('cumsum', self, axis=axis, **options), out)

    def cumprod(self, axis=None, dtype=None, out=None):
        options = {} if dtype is None else {'dtype': dtype}
        return stored(call('cumprod', self, axis=axis, **options), out)

    def round(self, decimals=0, out=None):
        return stored(call('round', self, decimals=decimals), out)

    def clip(self, min=None, max=None, out=None):
        from numpy._functions import clip
        return clip(self, min, max, out=out)

    def conj(self):
        return call('conjugate', self)

    conjugate = conj

    def dot(self, other):
        return call('dot', self, other)

    def trace(self, offset=0, axis1=0, axis2=1):
        from numpy._functions import trace
        return trace(self, offset, axis1, axis2)

    def nonzero(self):
        from numpy._functions import nonzero
        return nonzero(self)

    @property
    def real(self):
        return call('real', self) if self.dtype.kind == 'c' else self

    @property
    def imag(self):
        if self.dtype.kind == 'c':
            return call('imag', self)
        from numpy._create import zeros
        return zeros(self.shape, self.dtype) if self.shape else self.dtype.type(0)
