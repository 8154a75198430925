"""Runs both sides of a line in turn and says what they took."""

import atexit
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Sample:
    """What one run took: seconds of CPU time (all threads and processes), seconds, bytes at the peak."""

    cpu: float
    wall: float
    peak: int
    result: object = None

    def plus(self, other):
        """Two processes that ran at the same time; the peak is the larger one."""
        return Sample(self.cpu + other.cpu, max(self.wall, other.wall), max(self.peak, other.peak), self.result)


class Tools:
    """Where things are, and ways to run them."""

    def __init__(self, target):
        self.ferry = target / "release" / "ndferry"
        self.rust_program = target / "release" / "ndferry-compare"
        self.work = target / "compare"
        # Where bindings/python/build puts the package.
        self.site = target / "python" / "site"
        self.work.mkdir(parents=True, exist_ok=True)

    def rust(self, *words):
        """A word of compare/src/main.rs, which measures itself."""
        return lambda: self_measured([self.rust_program, *words])

    def python(self, *words):
        """A word of compare/theirs.py, which measures itself."""
        return lambda: self_measured([sys.executable, HERE / "theirs.py", *words])

    def package(self, side, word):
        """A word of compare/package.py, which measures itself."""
        return lambda: self_measured([sys.executable, HERE / "package.py", side, word], PYTHONPATH=self.site)

    def program(self, *command, times=1, result=None):
        """A whole program, measured from outside; of so many runs one after the other, what one took."""
        return lambda: self.start(command, times).finish(result)

    def start(self, command, times=1, **how):
        return Running(self.rust_program, command, times, **how)

    def answering(self, *command):
        """A program that stays and measures what it is asked for."""
        return Answering(list(map(str, command)))

    @contextlib.contextmanager
    def folder(self):
        """An empty one on the same file system, gone afterwards."""
        with tempfile.TemporaryDirectory(dir=self.work) as name:
            yield pathlib.Path(name)

    def cached(self, name, make):
        """A file or folder that is made once: make(path)."""
        path = self.work / "data" / name
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            part = path.with_name(f"part-{path.name}")
            if part.is_dir():
                shutil.rmtree(part)
            make(part)
            part.rename(path)
        return path


class Running:
    """A program under way."""

    def __init__(self, rust_program, command, times, wait_for=None):
        self.report = tempfile.NamedTemporaryFile(suffix=".json")
        self.command = list(map(str, command))
        measure = [rust_program, "measure", self.report.name, str(times), "--", *self.command]
        self.process = subprocess.Popen(measure, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.said = ""
        # What it says on standard error before it is ready.
        self.ready = self.wait_for(wait_for) if wait_for else None

    def wait_for(self, pattern):
        for line in self.process.stderr:
            self.said += line
            if found := re.search(pattern, line):
                return found[1]
        raise SystemExit(f"{' '.join(self.command)}: never said {pattern}: {self.said}")

    def finish(self, result=None):
        self.said += self.process.communicate()[1]
        if self.process.returncode != 0:
            raise SystemExit(f"{' '.join(self.command)}: {self.said}")
        sample = Sample(**json.load(self.report))
        sample.result = result
        return sample


class Answering:
    """A program that answers requests, a line of JSON each, until this one ends."""

    def __init__(self, command):
        self.command = command
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        # Its standard input ends with it.
        atexit.register(self.process.stdin.close)

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{' '.join(self.command)}: exit {self.process.wait()} at {request}")
        return Sample(**json.loads(answer))


def self_measured(command, **variables):
    environment = {**os.environ, **{name: str(value) for name, value in variables.items()}}
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, env=environment)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit {done.returncode}")
    return Sample(**json.loads(done.stdout.splitlines()[-1]))


@dataclasses.dataclass
class Task:
    """What a line's function gives: how to run either side once, and what is to be said beside the ratio."""

    ours: object
    theirs: object
    #: No side of ours may need more memory, in bytes.
    max_peak: int = None
    #: Called with both sides' samples after all rounds; gives sentences for below the table.
    notes: object = None


@dataclasses.dataclass
class Row:
    """A line after its rounds."""

    line: object
    ours: list
    theirs: list
    max_peak: int
    notes: list

    def values(self, side, key):
        return [getattr(sample, key) for sample in side]

    @property
    def ratios(self):
        """Ours over theirs, round by round."""
        pairs = zip(self.values(self.ours, self.line.metric), self.values(self.theirs, self.line.metric))
        return sorted(ours / max(theirs, 1e-12) for ours, theirs in pairs)

    @property
    def spread(self):
        """The middle half of the ratios: their quartiles."""
        low, _, high = statistics.quantiles(self.ratios, n=4, method="inclusive") if len(self.ratios) > 1 else self.ratios * 3
        return low, high

    @property
    def equal(self):
        """Whether both sides gave the same in every round."""
        return all(ours.result == theirs.result for ours, theirs in zip(self.ours, self.theirs))

    @property
    def verdict(self):
        if self.line.checked and not self.equal:
            return "UNEQUAL"
        peak = statistics.median(self.values(self.ours, "peak"))
        if self.max_peak is not None and peak > self.max_peak:
            return "TOO MUCH MEMORY"
        if self.line.bar is None:
            return "listed"
        return "holds" if statistics.median(self.ratios) <= self.line.bar else "MISSED"


def run(line, tools, rounds):
    """Both sides in turn, each going first in every other round, after one round that is not counted."""
    with tools.folder() as folder:
        task = line.function(tools, folder)
        ours, theirs = [], []
        for i in range(rounds + 1):
            pair = [(ours, task.ours), (theirs, task.theirs)]
            for samples, side in pair if i % 2 == 0 else reversed(pair):
                samples.append(side())
        ours, theirs = ours[1:], theirs[1:]
        notes = task.notes(ours, theirs) if task.notes else []
        return Row(line, ours, theirs, task.max_peak, notes)
