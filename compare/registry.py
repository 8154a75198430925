"""The lines of the table. A file in `lines/` adds one with a function:

    @line("npy-read", "256 MiB of NPY into memory", ours="...", theirs="np.load", bar=1.0)
    def npy_read(tools, folder):
        path = data.npy(tools)
        return Task(tools.rust("npy-read", path), tools.python("npy_read", path))
"""

import dataclasses
import importlib
import pathlib

LINES = []


@dataclasses.dataclass
class Line:
    name: str
    #: The file in `lines/` that it is from: its section of the results.
    group: str
    title: str
    ours: str
    theirs: str
    #: The ratio ours / theirs that must not be exceeded; None: only listed.
    bar: float
    #: What the ratio is of: "cpu" or "wall".
    metric: str
    #: Whether both sides' results must be the same (else the function checks them itself).
    checked: bool
    rounds: int
    function: object


def line(name, title, *, ours, theirs, bar=None, metric="cpu", checked=True, rounds=9):
    """Makes a function a line of the table. It gets the tools and an empty folder, and gives a Task."""

    def register(function):
        LINES.append(Line(name, function.__module__.rpartition(".")[2], title, ours, theirs, bar, metric, checked, rounds, function))
        return function

    return register


def load():
    """All lines, in the order of their files' names."""
    folder = pathlib.Path(__file__).resolve().parent / "lines"
    for path in sorted(folder.glob("*.py")):
        importlib.import_module(f"lines.{path.stem}")
    return LINES
