"""What pickles of arrays of protocol 5 name."""
from __future__ import absolute_import

from numpy._array import frombuffer


def _frombuffer(buf, dtype, shape, order, axis_order=None):
    made = frombuffer(buf, dtype)
    if order == 'K' and axis_order is not None:
        return made.reshape(shape).transpose(axis_order)
    return made.reshape(shape, order=order)
