"""What pickles of NumPy 2 name."""
from numpy.core.numeric import _frombuffer
