"""CPython's part of the thread from which this began: arrays go as pickles to Jython, are computed with, and come back.

    python replay.py CLASS_PATH PYTHON...     each PYTHON with a NumPy of its own
"""
import array
import os
import pickle
import subprocess
import sys
import tempfile
import time


def cases():
    import numpy as np
    numbers = np.arange(-6, 6)
    made = {"list of arrays": [np.arange(3.0), {"deep": np.eye(2)}], "empty": np.zeros((0, 3)), "none": np.array(2.5)}
    for dtype in ("i1", "u1", "<i2", ">u2", "i4", "<u4", ">i8", "u8", "f2", "f4", ">f4", "f8", "?"):
        made["C " + dtype] = (np.abs(numbers) if "u" in dtype else numbers).astype(dtype).reshape(3, 4)
        made["F " + dtype] = np.asfortranarray(made["C " + dtype])
    made["strided"] = np.arange(20.0)[::3]
    made["permuted"] = np.arange(24, dtype="i4").reshape(2, 3, 4).transpose(1, 0, 2)
    made["camera"] = (np.arange(64 * 48, dtype="u4") * 2654435761 % 4096).astype("u2").reshape(64, 48)
    made["text"] = np.array(["ab", "\u20ac"])
    made["bytes"] = np.array([b"ab", b"c"])
    made["times"] = np.array(["2021-03-04T05:06", "NaT"], "M8[us]")
    made["struct"] = np.array([(1, 2.5, b"x")], [("a", "<i2"), ("b", ">f8"), ("c", "S2")])
    made["aligned"] = np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True))
    made["objects"] = np.array([[1, "a", None], [2.5, [3, {"k": 4}], 2**70]], dtype=object)
    made["F objects"] = np.asfortranarray(made["objects"])
    made["nested objects"] = np.array([np.arange(3), None], dtype=object)
    made["scalar"] = np.float32(1.5)
    for typecode in "bBhHiIlLqQ":
        made["array " + typecode] = array.array(typecode, [0, 1, 100])
    for typecode in "fd":
        made["array " + typecode] = array.array(typecode, [0.5, -1e10])
    made["array large"] = array.array("i", [2, 70000, -2])
    return made


def computed(name, value):
    """What Jython does with it as well."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if getattr(value, "shape", None) == () and kind:
        return value + value  # NumPy 1 promotes single elements in its own way
    if kind in ("i", "u", "f"):
        return value * 2 - value + 1
    return value


def make(folder):
    for name, value in cases().items():
        for protocol in range(6):
            with open(os.path.join(folder, "%s.%d" % (name, protocol)), "wb") as file:
                pickle.dump(value, file, protocol)


def same(one, other):
    import numpy as np
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, array.array):
        # Jython has no q and Q: its l and L have 8 bytes.
        return type(other) is array.array and one.itemsize == other.itemsize and one.tolist() == other.tolist()
    if getattr(one, "dtype", None) == object:
        return (type(one) is type(other) and one.dtype == other.dtype and one.shape == other.shape
                and all(map(same, one.ravel().tolist(), other.ravel().tolist())))
    if not hasattr(one, "dtype"):
        return type(one) is type(other) and one == other
    return (type(one) is type(other) and one.dtype.newbyteorder("<") == other.dtype.newbyteorder("<") and one.shape == other.shape
            and one.astype(one.dtype.newbyteorder("<")).tobytes() == other.astype(one.dtype.newbyteorder("<")).tobytes())


def check(folder):
    wrong, count = [], 0
    for name, value in cases().items():
        for protocol in range(6):
            with open(os.path.join(folder, "%s.%d.back" % (name, protocol)), "rb") as file:
                data = file.read()
            assert protocol < 2 or data[:2] == bytes([0x80, protocol]), (name, protocol, data[:2])
            back = pickle.loads(data)
            count += 1
            if not same(computed(name, value), back):
                wrong.append((name, protocol, computed(name, value), back))
    for line in wrong:
        print("WRONG:", *line)
    import numpy as np
    print("thread: %d pickles of NumPy %s came back right, %d wrong" % (count - len(wrong), np.__version__, len(wrong)))
    return not wrong


def main(class_path, pythons):
    with tempfile.TemporaryDirectory() as folder:
        folders = []
        for number, python in enumerate(pythons):
            folders.append(os.path.join(folder, str(number)))
            os.mkdir(folders[-1])
            subprocess.run([python, __file__, "make", folders[-1]], check=True)
        there = os.path.join(os.path.dirname(os.path.abspath(__file__)), "there.py")
        java = os.path.join(os.environ["JAVA_HOME"], "bin", "java") if os.environ.get("JAVA_HOME") else "java"
        started = time.monotonic()
        subprocess.run([java, "-cp", class_path, "-Dpython.cachedir.skip=true", "org.python.util.jython", "-B", there]
                       + folders, check=True, timeout=240)
        print("thread: Jython took %.1f s" % (time.monotonic() - started))
        # Each NumPy loads what was made of its own pickles, and of the other's.
        ok = [subprocess.run([python, "-W", "error", __file__, "check", one]).returncode == 0 for python in pythons for one in folders]
        return all(ok)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2])
    elif sys.argv[1] == "check":
        sys.exit(not check(sys.argv[2]))
    else:
        sys.exit(not main(sys.argv[1], sys.argv[2:]))
