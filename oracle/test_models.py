"""What scikit-learn, pandas, SciPy and joblib save: never called dangerous, its arrays come out, and it loads in the other
NumPy after `ndferry repickle`, with the same versions of those libraries.
"""

import collections
import concurrent.futures
import hashlib
import json
import pathlib
import subprocess

import pytest

from agent import TARGET
from cases import tables
from test_repickle import HERE, OURS, python, repickle

OTHER = "1" if OURS == "2" else "2"


def models(version, *words):
    words = [python(version), "-B", HERE / "models.py", *words]
    run = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-3000:]
    return run.stdout


def lines(*words):
    run = subprocess.run([TARGET / "ndferry", *words], capture_output=True, text=True, timeout=120)
    assert run.returncode in (0, 1), run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    models(OURS, "write", folder)
    return folder


def names(folder):
    return list(json.loads((folder / "wants.json").read_text()))


def test_none_is_dangerous_and_each_class_is_named(saved):
    verdicts = collections.Counter()
    for scanned in lines("scan", "--json", saved):
        path = pathlib.Path(scanned["source"]).relative_to(saved)
        if path.suffix == ".json":
            continue
        verdicts[path.parts[0], scanned["verdict"]] += 1
        assert scanned["verdict"] == "needs-code", scanned
        assert not scanned["problems"], scanned
        named = {name["module"].split(".")[0] for name in scanned["globals"]}
        assert {"scikit-learn": "sklearn"}.get(path.parts[0], path.parts[0]) in named, scanned
    assert sum(verdicts.values()) == len(names(saved)) > 200
    for path in sorted(saved.rglob("*.pkl")):
        run = subprocess.run([TARGET / "ndferry", "check", path], capture_output=True, text=True, timeout=60)
        assert run.returncode == 1 and "needs code" in run.stdout + run.stderr, (path, run)
    tables.append([f"judged, NumPy {OURS}"])
    for (family, verdict), count in sorted(verdicts.items()):
        tables.append([f"  {family:14} {verdict:12} {count:5}"])


def test_their_arrays_come_out(saved):
    wants = json.loads((saved / "wants.json").read_text())
    found = 0
    for file in names(saved):
        told = lines("info", "--json", "--sha256", saved / file)[0]
        sums = {member["sha256"] for member in told["members"]}
        for elements in wants[file]["arrays"]:
            assert hashlib.sha256(bytes.fromhex(elements)).hexdigest() in sums, (file, [m["path"] for m in told["members"]])
            found += 1
    assert found > 500
    tables.append([f"arrays found in models of NumPy {OURS}: {found}"])


def test_they_load_in_the_other_numpy_once_rewritten(saved, tmp_path):
    for file in names(saved):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        errors = list(pool.map(lambda file: repickle(saved / file, tmp_path / file, OTHER), names(saved)))
    assert not any(errors), [error for error in errors if error]
    before = json.loads(models(OTHER, "load", saved, saved / "wants.json"))
    after = json.loads(models(OTHER, "load", tmp_path, saved / "wants.json"))
    counts = collections.defaultdict(lambda: [0, 0, 0])
    for file in names(saved):
        family = pathlib.Path(file).parts[0]
        counts[family] = [n + more for n, more in zip(counts[family], [1, not before[file], not after[file]])]
    title = f"saved with NumPy {OURS}, for NumPy {OTHER}"
    tables.append([f"{title:36}", f"{'files':>6} {'load in ' + OTHER:>13} {'rewritten':>10}"])
    tables.extend([f"  {family:34}", f"{n:6} {b:13} {a:10}"] for family, (n, b, a) in counts.items())
    assert not any(after.values()), {file: problem for file, problem in after.items() if problem}
