"""`ndferry repickle`: whatever one NumPy pickles loads in the other, without a warning, and is the same.

The NumPy that runs this, and the oldest there is here, write every kind of thing (pickle_kinds.py) in all protocols; others
load it before and after. The tables are printed at the end.
"""

import collections
import concurrent.futures
import json
import pathlib
import pickle
import pickletools
import subprocess
import sys

import joblib
import numpy as np
import pytest

from agent import TARGET
from cases import tables
from pickle_kinds import digest

HERE = pathlib.Path(__file__).resolve().parent
OURS = "1" if np.lib.NumpyVersion(np.__version__) < "2.0.0" else "2"

# Who writes, for which NumPy it is rewritten, and who loads it.
ROUTES = {
    "2": [("2", "1", ["1", "1.23"]), ("2", "2", ["2", "2.0"])],
    "1": [("1", "2", ["2", "2.0"]), ("1", "1", ["1", "1.23"]), ("1.23", "2", ["2", "2.0"])],
}[OURS]

# NumPy 1 has no StringDType, and before 1.25 no classes of dtypes to name.
REFUSED = "new_strings/"
ABSENT = {"1.23": "class_of_dtype/"}


def python(version):
    if version == OURS:
        return sys.executable
    made = subprocess.run([HERE / "venv", version], capture_output=True, text=True)
    if made.returncode == 3:
        pytest.skip(made.stderr.strip().splitlines()[-1])
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def kinds(version, *words):
    words = [python(version), "-B", HERE / "pickle_kinds.py", *words]
    run = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout


def repickle(source, target, numpy):
    words = [TARGET / "ndferry", "repickle", "--json", source, target, "--numpy", numpy]
    run = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    if run.returncode == 0:
        told = json.loads(run.stdout)
        # What it says it changed is what it changed.
        assert told["changed"] == (source.read_bytes() != target.read_bytes()), source
        return ""
    assert run.returncode == 2, (source, run.returncode, run.stderr)
    return run.stderr


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}

    def written(writer):
        if writer not in made:
            made[writer] = tmp_path_factory.mktemp(f"written-{writer}")
            kinds(writer, "write", made[writer])
        return made[writer]

    return written


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route[0]}-for-{route[1]}")
def test_what_one_numpy_pickles_loads_in_the_other(folders, route, tmp_path):
    writer, numpy, loaders = route
    written = folders(writer)
    files = sorted(file.relative_to(written) for file in written.rglob("*.pkl"))
    assert len(files) > 800
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        errors = list(pool.map(lambda file: repickle(written / file, tmp_path / file, numpy), files))
    refused = {str(file): error for file, error in zip(files, errors) if error}
    expected = [str(file) for file in files if numpy == "1" and str(file).startswith(REFUSED)]
    assert list(refused) == expected
    assert all("NumPy 1 has no" in error and ": byte " in error for error in refused.values())

    rows = collections.defaultdict(dict)
    wrong = {}
    for loader in loaders:
        before = json.loads(kinds(loader, "load", written))
        after = json.loads(kinds(loader, "load", tmp_path, written / "wants.json"))
        assert set(after) == set(before) - set(refused)
        for file, problem in after.items():
            if problem and not file.startswith(ABSENT.get(loader, "nothing")):
                wrong[loader, file] = problem
        for family in sorted({file.split("/")[0] for file in before}):
            of = [file for file in before if file.startswith(family + "/")]
            rows[family][loader] = [len(of), sum(not before[file] for file in of), sum(not after.get(file, "no") for file in of)]
    title = f"written by NumPy {writer}, for NumPy {numpy}"
    tables.append([f"{title:36}", *(f"{'files':>6} {'load in ' + loader:>13} {'rewritten':>10}" for loader in loaders)])
    for family, row in rows.items():
        tables.append([f"  {family:34}", *(f"{n:6} {before:13} {after:10}" for n, before, after in row.values())])
    assert not wrong, json.dumps({" ".join(key): problem for key, problem in wrong.items()}, indent=1)[:4000]
    if writer != numpy and "." not in writer:
        assert any(before < after for row in rows.values() for _, before, after in row.values())


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("pickler", [pickle.Pickler, pickle._Pickler])
def test_several_pickles_of_one_pickler_and_of_several(tmp_path, protocol, pickler):
    """A memo may go on from one pickle to the next, or begin anew."""
    value = [np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2), "numpy._core.numeric", np.random.default_rng(3)]
    other = "1" if OURS == "2" else "2"
    for shared in (False, True):
        with open(tmp_path / "several.pkl", "wb") as file:
            one = pickler(file, protocol)
            for part in (value, value[0], [value, value[0], {"again": value}]):
                (one if shared else pickler(file, protocol)).dump(part)
            file.write(b"\x00not a pickle")
        assert not repickle(tmp_path / "several.pkl", tmp_path / "other.pkl", other)
        assert (tmp_path / "other.pkl").read_bytes().endswith(b"\x00not a pickle")
        program = f"""
import json, pickle, sys, warnings
warnings.simplefilter("error")
sys.path.insert(0, {str(HERE)!r})
from pickle_kinds import digest
file = open("other.pkl", "rb")
unpickler = pickle.Unpickler(file)
parts = [({"unpickler" if shared else "pickle.Unpickler(file)"}).load() for _ in range(3)]
assert {"parts[1] is parts[0][0] and parts[2][2]['again'] is parts[0]" if shared else "parts[2][1] is parts[2][0][0]"}
print(json.dumps(digest([part for part in parts])))
"""
        run = subprocess.run([python(other), "-B", "-c", program], cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        (tmp_path / "other.pkl").unlink()
        parts = [value, value[0], [value, value[0], {"again": value}]]
        if shared:
            parts = pickle.loads(pickle.dumps(parts, protocol))
        else:
            parts = [pickle.loads(pickle.dumps(part, protocol)) for part in parts]
        assert json.loads(run.stdout) == json.loads(json.dumps(digest(parts)))


@pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)], ids=str)
def test_what_joblib_dumps_loads_in_the_other_and_is_packed_as_it_was(tmp_path, compress):
    array = np.arange(24, dtype="<f4").reshape(2, 3, 4)
    aligned = np.zeros(3, np.dtype([("a", "i1"), ("b", "f8")], align=True))
    objects = np.array([1, "a", array, None], object)
    # Elements begin at multiples of 16 bytes, and the names before them get longer or shorter.
    value = {"a": array, "perm": array.transpose(1, 0, 2), "F": np.asfortranarray(array[0]), "objects": objects}
    value |= {"aligned": aligned, "again": array, "random": np.random.default_rng(4), "times": np.arange(3).astype("M8[us]")}
    other = "1" if OURS == "2" else "2"
    joblib.dump(value, tmp_path / "a.joblib", compress=compress)
    assert not repickle(tmp_path / "a.joblib", tmp_path / "b.joblib", other)
    # The level of zlib is in its second byte.
    assert (tmp_path / "a.joblib").read_bytes()[:1] == (tmp_path / "b.joblib").read_bytes()[:1]
    program = f"""
import json, sys, warnings
import joblib
warnings.simplefilter("error")
sys.path.insert(0, {str(HERE)!r})
from pickle_kinds import digest
value = joblib.load("b.joblib")
if {compress!r} == 0:
    assert joblib.load("b.joblib", mmap_mode="r")["a"].tobytes() == value["a"].tobytes()
print(json.dumps(digest(value)))
"""
    run = subprocess.run([python(other), "-B", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == json.loads(json.dumps(digest(joblib.load(tmp_path / "a.joblib"))))


@pytest.mark.parametrize("protocol", range(6))
def test_another_protocol_is_written_for_the_other(tmp_path, protocol):
    array = np.arange(24, dtype="<f4").reshape(2, 3, 4)
    value = {"a": array, "perm": array.transpose(1, 0, 2), "text": "ü", "bytes": b"\xff" * 300, "set": {1, 2}, "long": 1 << 70}
    value |= {"again": array, "random": np.random.default_rng(4), "masked": np.ma.array([1, 2], mask=[0, 1]), "float": np.float32(2)}
    other = "1" if OURS == "2" else "2"
    for source in range(6):
        (tmp_path / "a.pkl").write_bytes(pickle.dumps(value, source))
        words = ["repickle", "-f", "a.pkl", "b.pkl", "--numpy", other, "--protocol", str(protocol)]
        subprocess.run([TARGET / "ndferry", *words], cwd=tmp_path, check=True, capture_output=True)
        written = (tmp_path / "b.pkl").read_bytes()
        assert max(opcode.proto for opcode, _, _ in pickletools.genops(written)) <= protocol
        program = f"""
import json, pickle, sys, warnings
warnings.simplefilter("error")
sys.path.insert(0, {str(HERE)!r})
from pickle_kinds import digest
print(json.dumps(digest(pickle.load(open("b.pkl", "rb")))))
"""
        run = subprocess.run([python(other), "-B", "-c", program], cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        got = json.loads(run.stdout)
        assert {key: item for key, item in got["dict"] if key != "'perm'"} == {
            key: item for key, item in json.loads(json.dumps(digest(value)))["dict"] if key != "'perm'"
        }
