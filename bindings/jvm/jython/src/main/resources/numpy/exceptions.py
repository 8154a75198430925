"""numpy.exceptions"""


class AxisError(ValueError, IndexError):
    """An axis that the array has not."""


class ComplexWarning(RuntimeWarning):
    pass


class LinAlgError(ValueError):
    """A matrix that is singular, not square, or for which nothing converges."""
