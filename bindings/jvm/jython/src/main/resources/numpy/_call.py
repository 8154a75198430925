"""The one way to the functions that compute: by name, as `ndferry_math::call` has them."""
from __future__ import absolute_import

import __builtin__

from java.lang import IllegalArgumentException
from numpy import exceptions
from org.ndferry.jython import Compute

_WEAK = (bool, int, long, float, complex)

# numpy._array puts them here, which comes later; an import in a function takes longer than the function.
wrap = of_java = None


class NotNumbers(TypeError):
    """An array of Python's objects, which are not in Java's memory."""


def call(name, *operands, **options):
    """What the function gives: an array, a scalar, or a tuple of them."""
    try:
        given = [_operand(operand) for operand in operands]
    except NotNumbers:
        from numpy import _objects
        return _objects.call(name, operands, dict((key, value) for key, value in options.items() if value not in (None, False)))
    if options:
        options = dict((key, value) for key, value in options.items() if value is not None)
    try:
        results = Compute.call(name, given, options, _json(options))
    except IllegalArgumentException as error:
        raise _exception(error)
    made = [of_java(one) if one.ndim() == 0 else wrap(one) for one in results]
    return made[0] if len(made) == 1 else tuple(made)


def _exception(error):
    """What NumPy raises there."""
    kind = error.kind().python() if hasattr(error, 'kind') else 'ValueError'
    known = getattr(exceptions, kind, None) or getattr(__builtin__, kind, ValueError)
    return known(error.getMessage())


def is_complete():
    """Whether all functions are there; without the native library only the basic ones are."""
    return Compute.isComplete()


def _operand(operand):
    if type(operand) in _WEAK:
        return operand
    own = getattr(operand, '_a', None)
    if own is not None:
        return own
    from numpy._create import asarray
    return asarray(operand)._a


def _json(options):
    if not options:
        return ''
    items = []
    for key in sorted(options):
        items.append('"%s": %s' % (key, _value(key, options[key])))
    return '{%s}' % ', '.join(items)


def _value(key, value):
    if key == 'dtype':
        from numpy._dtype import dtype
        return '"%s"' % dtype(value).str
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, (int, long)):
        return '%d' % value
    if isinstance(value, float):
        return _real(value)
    if isinstance(value, basestring):
        return '"%s"' % str(value).replace('\\', '\\\\').replace('"', '\\"')
    if isinstance(value, (tuple, list)):
        return '[%s]' % ', '.join(_value('', item) for item in value)
    if hasattr(value, 'tolist'):
        return _value('', value.tolist())
    if hasattr(value, '__index__'):
        return '%d' % value.__index__()
    raise TypeError('%s=%r' % (key, value))


def _real(value):
    if value != value or value in (float('inf'), float('-inf')):
        return '"%r"' % value
    return repr(float(value))
