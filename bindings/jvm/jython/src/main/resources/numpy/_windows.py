"""Windows that signals are multiplied with before they are transformed."""
from __future__ import absolute_import

from numpy._array import operator_index
from numpy._create import arange, empty, ones


def _window(name, formula):
    def window(M):
        M = operator_index(M)
        if M < 1:
            return empty(0)
        if M == 1:
            return ones(1)
        from numpy._functions import cos
        # From -(M - 1) to M - 1, so that both halves are the same.
        n = arange(1 - M, M, 2)
        return formula(n, M, lambda times: cos(times * 3.141592653589793 * n / (M - 1)))
    window.__name__ = name
    return window


def _bartlett(n, M, cosine):
    from numpy._functions import where
    return where(n <= 0, 1 + n / float(M - 1), 1 - n / float(M - 1))


bartlett = _window('bartlett', _bartlett)
blackman = _window('blackman', lambda n, M, cosine: 0.42 + 0.5 * cosine(1) + 0.08 * cosine(2.0))
hamming = _window('hamming', lambda n, M, cosine: 0.54 + 0.46 * cosine(1))
hanning = _window('hanning', lambda n, M, cosine: 0.5 + 0.5 * cosine(1))
