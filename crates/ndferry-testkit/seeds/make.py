"""Writes the files of this folder: `python make.py FILE…`, with the NumPy that the file's line below names.

Small on purpose: the tests open them with every bit flipped.
"""

import array
import collections
import pickle
import sys

import numpy as np


def protocol_2():  # NumPy 1.26.4
    return {
        "a": np.arange(6, dtype="<u2").reshape(2, 3),
        "f": np.asfortranarray(np.arange(4.0).reshape(2, 2)),
        "list": [1, 2.5, "é", b"\xff", None, True, 1 << 70],
    }


def protocol_4():  # NumPy 2
    record = np.array([(1, 2.0, b"ab")], dtype=[("n", ">i4"), ("x", "<f8"), ("s", "S2")])
    return [record, np.float32(1.5), ("t", np.array("2020-02-02", dtype="M8[D]")), {3, 4}, record]


def protocol_5():  # NumPy 2
    objects = np.array([None, "x", 3], dtype=object)
    inner = collections.OrderedDict(b=np.arange(3, dtype=">i8"), s=array.array("h", [1, -2]))
    return {"inner": inner, "objects": objects, "bytes": bytearray(b"xyz"), "bool": np.array([True, False])}


def objects():  # NumPy 2
    return np.array([["a", 1], [None, 2.5]], dtype=object)


def joblib():  # NumPy 2, joblib 1.5
    return {"x": np.arange(5, dtype="<f4"), "y": [1, np.arange(4, dtype="u1").reshape(2, 2)]}


for path in sys.argv[1:]:
    name = path.split(".")[0].replace("-", "_")
    value = globals()[name]()
    if path.endswith(".npy"):
        np.save(path, value, allow_pickle=True)
    elif path.endswith(".joblib"):
        import joblib as library

        library.dump(value, path)
    else:
        with open(path, "wb") as file:
            pickle.dump(value, file, protocol=int(name[-1]))
