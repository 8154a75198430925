"""How arrays are printed."""
from __future__ import absolute_import

import sys

from java.lang import IllegalArgumentException
from org.ndferry import PrintOptions

_MOST = 2 ** 31 - 1

_FIXED = dict(nanstr='nan', infstr='inf', formatter=None, sign='-', floatmode='maxprec', legacy=False, override_repr=None)


def get_printoptions():
    now = PrintOptions.current()
    most = sys.maxint if now.threshold() == _MOST else now.threshold()
    return dict(_FIXED, edgeitems=now.edgeItems(), threshold=most, precision=now.precision(), suppress=now.suppress(),
                linewidth=now.lineWidth())


def set_printoptions(precision=None, threshold=None, edgeitems=None, linewidth=None, suppress=None, **others):
    """Digits after the point, elements that are all shown, how many at each end of more, characters of a line, no exponents."""
    for name, value in others.items():
        if name not in _FIXED:
            raise TypeError("set_printoptions() got an unexpected keyword argument '%s'" % name)
        if value is not None and value != _FIXED[name]:
            raise NotImplementedError('set_printoptions(%s=%r)' % (name, value))
    if threshold is not None and threshold != threshold:
        raise ValueError('threshold must be non-NAN, try sys.maxsize for untruncated representation')
    made = PrintOptions.current()
    try:
        for value, change in ((precision, 'withPrecision'), (threshold, 'withThreshold'), (edgeitems, 'withEdgeItems'),
                              (linewidth, 'withLineWidth')):
            if value is not None:
                made = getattr(made, change)(int(min(value, _MOST)))
    except IllegalArgumentException as error:
        raise ValueError(error.getMessage())
    if suppress is not None:
        made = made.withSuppress(bool(suppress))
    PrintOptions.set(made)


class printoptions(object):
    """with np.printoptions(precision=3): ..."""

    def __init__(self, **options):
        self._options = options

    def __enter__(self):
        self._before = PrintOptions.current()
        set_printoptions(**self._options)
        return get_printoptions()

    def __exit__(self, *error):
        PrintOptions.set(self._before)
        return False
