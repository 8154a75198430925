"""numpy.exceptions"""


class AxisError(ValueError, IndexError):
    """An axis that the array has not."""


class ComplexWarning(RuntimeWarning):
    pass
