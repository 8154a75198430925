"""Whole pickles, read and written again in every protocol: every NumPy that they are for loads them, without a warning, and
finds in them what was there.

The things are those of pickle_kinds.py; what they should be is what this NumPy makes of its own pickle in that protocol.
"""

import collections
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from agent import Refused, ask
from cases import tables

HERE = pathlib.Path(__file__).resolve().parent
OURS = "1" if np.lib.NumpyVersion(np.__version__) < "2.0.0" else "2"

# Those that have all that this one has.
OWN = {"1": ["1"], "2": ["2.0", "2"]}[OURS]

# For which NumPy it is written, and who loads it.
MODES = {"any": ["1.23", "1", "2.0", "2"], "1": ["1.23", "1"], "2": ["2"]}

# Neither NumPy 1 nor a protocol can say these.
NEW = "new_strings/"
# How generators are made differs between NumPys; `ndferry repickle` knows it.
OWN_ERA = ("generators/", "class_of_dtype/")
# Only these two know what is at these places.
RENAMED = ("subclasses/errors", "subclasses/warnings", "subclasses/functions", "subclasses/polynomial")


def python(version):
    if version == OURS:
        return sys.executable
    made = subprocess.run([HERE / "venv", version], capture_output=True, text=True)
    if made.returncode == 3:
        return None
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def kinds(version, *words):
    words = [python(version), "-B", HERE / "pickle_kinds.py", *words]
    run = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    kinds(OURS, "write", folder)
    return folder


def source_protocol(name, protocol, i):
    """Another protocol each time, but where only protocol 5 says how the axes lie."""
    if protocol == 5 and OURS == "2":
        return 5
    return (protocol + 1 + i) % 6


@pytest.mark.parametrize("mode", MODES)
def test_whole_pickles_load_when_written_again(written, mode, tmp_path):
    names = sorted({str(file.relative_to(written)).rsplit(".", 2)[0] for file in written.rglob("*.pkl")})
    refused, count = [], 0
    for i, name in enumerate(names):
        for protocol in range(6):
            source = written / f"{name}.{source_protocol(name, protocol, i)}.pkl"
            target = tmp_path / f"{name}.{protocol}.pkl"
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                target.write_bytes(ask("pickle_again", source.read_bytes(), protocol=protocol, numpy=mode)[1])
                count += 1
            except Refused as error:
                refused.append((name, str(error)))
    assert all(name.startswith(NEW) and "NumPy 1 does not have" in error for name, error in refused), refused
    assert count > 800
    rows, wrong = collections.defaultdict(list), {}
    loaders = [loader for loader in MODES[mode] if python(loader)]
    for loader in loaders:
        found = json.loads(kinds(loader, "load", tmp_path, written / "wants.json"))
        families = collections.defaultdict(lambda: [0, 0])
        for file, problem in found.items():
            is_other = loader not in OWN
            if is_other and file.startswith((*OWN_ERA, *RENAMED)) or file.startswith(NEW) and loader < "2":
                continue
            families[file.split("/")[0]][0] += 1
            families[file.split("/")[0]][1] += not problem
            if problem:
                wrong[f"{loader} {file}"] = problem
        for family, (all_of_it, right) in families.items():
            rows[family].append(f"{right:6} of {all_of_it:4}")
    tables.append([f"{'written again for NumPy ' + mode:30}", *(f"{'in ' + loader:>14}" for loader in loaders)])
    tables.extend([f"  {family:28}", *(f"{cell:>14}" for cell in row)] for family, row in rows.items())
    assert not wrong, f"{len(wrong)}: " + json.dumps(wrong, indent=1)[:6000]
