"""Arithmetic against NumPy, with its OpenBLAS, on the same processors: 64 MiB where nothing else is said."""

import dataclasses
import math

import bench
from bench import Task
from registry import line

FLAT = {"f8": [8 << 20], "f4": [16 << 20], "f2": [32 << 20], "u2": [32 << 20], "i1": [32 << 20], "u1": [32 << 20], "i8": [8 << 20]}
#: 64 MiB of f8 in rows.
ROWS = [4096, 2048]
sides = {}


def side(tools, who):
    """A process that stays until all lines are done."""
    if who not in sides:
        python = bench.HERE / "theirs_math.py"
        sides[who] = tools.answering(tools.rust_program, "math") if who == "ours" else tools.answering(bench.sys.executable, python)
    return sides[who]


@dataclasses.dataclass
class Near:
    """A result; equal to one of the same dtype and shape whose elements, told ones and their sum, are the same or nearly."""

    told: list
    near: float

    def __eq__(self, other):
        dtype, shape, data, total, some = self.told
        if [dtype, shape] != other.told[:2]:
            return False
        if not self.near:
            return data == other.told[2]
        least = self.near * max(map(abs, some), default=0)
        pairs = zip([total, *some], other.told[3:][:1] + other.told[4])
        return all(math.isclose(a, b, rel_tol=self.near, abs_tol=least) for a, b in pairs)


def add(name, function, what, *operands, options=None, bar=1.2, near=1e-12, result=0, each=1, rounds=5):
    request = {"name": function, "operands": list(operands), "options": options or {}, "each": each}
    said = "".join(f", {key}={value}" for key, value in (options or {}).items())

    @line(f"math-{name}", f"{function} of {what}{said}", ours="ndferry_math::call", theirs=f"np.{function}", bar=bar, metric="wall",
          rounds=rounds)
    def measured(tools, folder):
        told = {}

        def run(who):
            # What comes out is compared once.
            sample = side(tools, who).ask(request if who in told else {**request, "result": result})
            told.setdefault(who, sample.result and Near(sample.result, near))
            sample.result = told[who]
            return sample

        return Task(lambda: run("ours"), lambda: run("theirs"))


def flat(dtype, way=""):
    return [dtype, FLAT[dtype], way]


F8 = flat("f8")
# Sums of other order, and transcendental functions, differ in the last digits; all else is the same bit for bit.
for name in ["add", "multiply", "divide", "less"]:
    add(name, name, "two of f8", F8, F8, near=0)
for name in ["sqrt", "absolute", "floor", "isnan"]:
    add(name, name, "f8", F8, near=0)
for name in ["exp", "log", "sin", "cos", "tan", "tanh", "arctan", "log1p", "expm1", "log10", "exp2"]:
    add(name, name, "f8", F8)
add("power", "power", "two of f8", F8, F8)
add("scaled", "multiply", "f8 and a number", F8, 2.5, near=0)
add("where", "where", "bools and two of f8", ["?", FLAT["f8"], ""], F8, F8, near=0)
add("clip", "clip", "f8, 2, 5.5", F8, 2, 5.5, near=0)
add("astype-f4", "astype", "f8", F8, options={"dtype": "<f4"}, near=0)
add("astype-f8", "astype", "u2", flat("u2"), options={"dtype": "<f8"}, near=0)
for dtype in ["f4", "u2", "i1"]:
    add(f"add-{dtype}", "add", f"two of {dtype}", flat(dtype), flat(dtype), near=0)
for name in ["exp", "log", "sin"]:
    add(f"{name}-f4", name, "f4", flat("f4"), near=1e-6)

for name in ["sum", "mean", "std", "min", "max"]:
    add(name, name, "f8", F8)
for name in ["argmin", "argmax", "any", "all", "count_nonzero"]:
    add(name, name, "f8", F8, near=0)
for name in ["sum", "mean", "max"]:
    for axis in [0, 1]:
        add(f"{name}-axis-{axis}", name, "4096 x 2048 f8", ["f8", ROWS, ""], options={"axis": axis})
for dtype in ["f4", "u2", "i1"]:
    for name in ["sum", "mean", "max"]:
        add(f"{name}-{dtype}", name, dtype, flat(dtype), near=1e-6 if dtype == "f4" else 1e-12)
add("argmax-f4", "argmax", "f4", flat("f4"), near=0)
add("cumsum", "cumsum", "f8", F8)

for name in ["sort", "argsort", "unique", "median"]:
    add(name, name, "f8", F8, near=0, rounds=3)
add("percentile", "percentile", "f8, 30", F8, 30, rounds=3)
add("histogram", "histogram", "f8 in 10 bins", F8, near=0, rounds=3)

add("mask", "getitem", "f8 by bools", F8, ["?", FLAT["f8"], ""], options={"index": [{"array": 1}]}, near=0)
add("take", "take", "f8 at 8 Mi indices", F8, ["i8", FLAT["f8"], f"below {FLAT['f8'][0]}"], near=0)
add("add-turned", "add", "f8 transposed and f8", ["f8", ROWS, "transposed"], ["f8", ROWS[::-1], ""], near=0)
add("add-halved", "add", "every other f8 and f8", flat("f8", "halved"), F8, near=0)
add("add-cross", "add", "a row and a column of f8", ["f8", [4096, 1], ""], ["f8", [1, 2048], ""], near=0)
add("add-f2", "add", "two of f2", flat("f2"), flat("f2"), near=0)
add("add-small", "add", "two arrays of 10 f8", ["f8", [10], ""], ["f8", [10], ""], near=0, each=20000)
add("sum-small", "sum", "an array of 10 f8", ["f8", [10], ""], each=20000)

for n in [400, 1000]:
    square = ["f8", [n, n], ""]
    what = f"{n} x {n} f8"
    add(f"matmul-{n}", "matmul", what, square, square, bar=None, rounds=3)
    add(f"solve-{n}", "linalg.solve", what, square, square, bar=None, near=1e-7, rounds=3)
    add(f"inv-{n}", "linalg.inv", what, square, bar=None, near=1e-7, rounds=3)
    add(f"svd-{n}", "linalg.svd", what, square, bar=None, near=1e-9, result=1, rounds=3)
    add(f"eig-{n}", "linalg.eig", what, square, bar=None, near=1e-7, rounds=3)
