"""Whether two objects are equal in every respect that matters: class, dtype, shape, bytes, order of keys."""

from typing import Any

import numpy as np


def same(ours: Any, theirs: Any) -> Any:
    if type(ours) is not type(theirs):
        return False
    if ours is np.ma.masked or theirs is np.ma.masked:
        return ours is theirs
    if isinstance(ours, np.ndarray):
        return same_arrays(ours, theirs)
    if isinstance(ours, (list, tuple)):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, dict):
        factories = getattr(ours, "default_factory", None), getattr(theirs, "default_factory", None)
        is_equal = factories[0] is factories[1] and list(ours) == list(theirs)
        return is_equal and all(same(ours[key], theirs[key]) for key in ours)
    return repr(ours) == repr(theirs)


def same_arrays(ours: Any, theirs: Any) -> Any:
    if ours.shape != theirs.shape:
        return False
    if isinstance(ours, np.ma.MaskedArray):
        masks = np.ma.getmaskarray(ours), np.ma.getmaskarray(theirs)
        return same(ours.data, theirs.data) and same(*masks) and same(ours.fill_value, theirs.fill_value)
    if ours.dtype.kind == "T":
        return ours.dtype == theirs.dtype and repr(ours) == repr(theirs)
    # NumPy makes the elements of a pickled array native; ours stay as they are stored.
    native = ours.astype(ours.dtype.newbyteorder("="))
    theirs = theirs.astype(theirs.dtype.newbyteorder("="))
    if native.dtype != theirs.dtype:
        return False
    if native.dtype.hasobject:
        return all(map(same, native.ravel().tolist(), theirs.ravel().tolist()))
    return native.tobytes() == theirs.tobytes()
