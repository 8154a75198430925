"""What pickles of NumPy 2 name."""
from numpy.core.multiarray import _reconstruct, scalar
