"""What pickles of NumPy 2 name."""
from __future__ import absolute_import

from numpy.core.numeric import _frombuffer
