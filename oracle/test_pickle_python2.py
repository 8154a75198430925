"""Python 2.7 and Jython 2.7 load what is written for them, `array.array` too, and what they pickle is read and written again."""

import json
import os
import pathlib
import pickle
import pickletools
import shutil
import subprocess
import sys

import numpy as np
import pytest

from agent import ROOT, ask
from cases import tables

HERE = pathlib.Path(__file__).resolve().parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
JAR = pathlib.Path.home() / ".m2/repository/org/python/jython-standalone/2.7.4/jython-standalone-2.7.4.jar"


def cpython2():
    pyenv = sorted(pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv")).glob("versions/2.7*/bin/python"))
    # A shim of pyenv's is there even where its Python is not chosen.
    python = str(pyenv[-1]) if pyenv else shutil.which("python2.7")
    if not python:
        pytest.skip("no Python 2.7 here")
    numpy = TARGET / "numpy-python2"
    if not (numpy / "numpy").exists():
        install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", numpy, "numpy==1.16.6"]
        subprocess.run(install, stdin=subprocess.DEVNULL, capture_output=True)
    return [python, "-B"], {"PYTHONPATH": str(numpy)}


def jython2():
    if not shutil.which("java"):
        pytest.skip("no Java here")
    if not JAR.exists():
        get = ["mvn", "-q", "-B", "dependency:get", "-Dartifact=org.python:jython-standalone:2.7.4"]
        if shutil.which("mvn"):
            subprocess.run(get, stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    if not JAR.exists():
        pytest.skip("org.python:jython-standalone could not be had")
    return ["java", "-jar", JAR], {}


# Once is enough.
pytestmark = pytest.mark.skipif(np.__version__ < "2", reason="NumPy 2's suite asks")

OTHERS = {"python 2.7": cpython2, "jython 2.7": jython2}


def run(command, *words):
    words, environment = [*command[0], HERE / "pickle_python2.py", *words], {**os.environ, **command[1]}
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def compare(title, wants, got):
    wrong = {file: [got[file], want] for file, want in wants.items() if got[file] != want}
    tables.append([f"{title:52}", f"{len(wants) - len(wrong):5} of {len(wants):4} files"])
    assert wants and not wrong, json.dumps(wrong, indent=1)[:4000]


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("python2", [False, True])
def test_others_load_what_is_written_for_them(other, python2, tmp_path):
    other_run = OTHERS[other]()
    ours = [sys.executable, "-B"], {}
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    run(ours, "write", tmp_path / "from")
    wants = json.loads((tmp_path / "from/wants.json").read_text())
    if other.startswith("jython"):
        wants = {file: want for file, want in wants.items() if not file.startswith("numpy")}
    for file in wants:
        protocol = int(file.split(".")[-2])
        # Another protocol than it came in.
        target = (protocol + 1) % 3
        again = ask("pickle_again", (tmp_path / "from" / file).read_bytes(), protocol=target, numpy="any", python2=python2)[1]
        (tmp_path / "to" / file).write_bytes(again)
    got = json.loads(run(other_run, "load", tmp_path / "to"))
    compare(f"loaded by {other}{' (bytes as str)' if python2 else ''}", wants, got)


@pytest.mark.parametrize("other", OTHERS)
def test_what_others_pickle_is_loaded_here_when_written_again(other, tmp_path):
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    run(OTHERS[other](), "write", tmp_path / "from")
    wants, all_wants = json.loads((tmp_path / "from/wants.json").read_text()), {}
    for file, want in wants.items():
        for protocol in range(6):
            again = ask("pickle_again", (tmp_path / "from" / file).read_bytes(), protocol=protocol, numpy="any")[1]
            name = f"{file[:-4]}-{protocol}.pkl"
            (tmp_path / "to" / name).write_bytes(again)
            all_wants[name] = want
    got = json.loads(run(([sys.executable, "-B"], {}), "load", tmp_path / "to"))
    compare(f"pickled by {other}, loaded here", all_wants, got)


@pytest.mark.parametrize("protocol", [None, 0, 1, 2])
def test_the_command_writes_for_python_2(protocol, tmp_path):
    command, environment = cpython2()
    value = {"a": np.arange(-3, 3, dtype=">i2").reshape(2, 3), "bytes": b"\xff\0", "text": "ü"}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(value))
    chosen = [] if protocol is None else ["--protocol", str(protocol)]
    words = [TARGET / "release/ndferry", "-q", "convert", "a.pkl", "-o", "b.pkl", "--python2", *chosen]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    written = (tmp_path / "b.pkl").read_bytes()
    assert b"_codecs" not in written
    if protocol != 0:
        # Of protocol 0, `pickletools` takes ASCII alone.
        assert max(opcode.proto for opcode, _, _ in pickletools.genops(written)) <= 2
    program = """
import cPickle, numpy
value = cPickle.load(open("b.pkl", "rb"))
assert type(value["bytes"]) is str and value["bytes"] == "\\xff\\0" and value["text"] == u"\\xfc"
assert value["a"].dtype.kind == "i" and value["a"].tolist() == [[-3, -2, -1], [0, 1, 2]]
"""
    done = subprocess.run([*command, "-c", program], cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    again = pickle.loads(written, encoding="latin1")
    assert again["a"].tolist() == value["a"].tolist()
    refused = subprocess.run([*words[:-len(chosen) or None], "-f", "--protocol", "3"], cwd=tmp_path, capture_output=True, text=True)
    assert refused.returncode == 2 and "protocol 3 for Python 2" in refused.stderr


CLASSES = """
class Point:
    def __init__(self, x=0, y=0):
        self.x, self.y, self.made = x, y, "by __init__"
class Old:
    def __getinitargs__(self):
        return self.args
    def __init__(self, *args):
        self.args = args
class Own:
    def __getstate__(self):
        return ("state", self.me)
    def __setstate__(self, state):
        self.word, self.me = state
def shown(value, depth=0):
    if isinstance(value, (list, tuple)):
        return [type(value).__name__] + [shown(item, depth + 1) for item in value]
    if hasattr(value, "__dict__"):
        if depth > 5:
            return "..."
        return [value.__class__.__name__, sorted((name, shown(item, depth + 1)) for name, item in vars(value).items())]
    return str(value)
"""


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_instances_of_old_classes_are_equal_when_written_again(protocol, tmp_path):
    command, environment = cpython2()
    (tmp_path / "points.py").write_text(CLASSES)
    program = f"""
import pickle, cPickle, json, points
point = points.Point(1, "two")
loop = points.Point()
loop.x = [loop, point]
own = points.Own()
own.word, own.me = "state", point
value = [point, (point, points.Old(3, (4, point)), points.Old()), own, loop]
for name, module in [("python", pickle), ("c", cPickle)]:
    with open(name + ".pkl", "wb") as out:
        out.write(module.dumps(value, {protocol}))
print(json.dumps(points.shown(value)))
"""
    there = {"cwd": tmp_path, "capture_output": True, "text": True}
    wrote = subprocess.run([*command, "-B", "-c", program], env={**os.environ, **environment}, **there)
    assert wrote.returncode == 0, wrote.stderr
    load = "import pickle, json, sys, points; print(json.dumps([points.shown(pickle.load(open(name, 'rb'))) for name in sys.argv[1:]]))"
    files = []
    for name in ["python", "c"]:
        for other in range(6):
            files.append(f"{name}.{other}.pkl")
            words = [TARGET / "release/ndferry", "-q", "convert", f"{name}.pkl", "-o", files[-1], "--protocol", str(other)]
            subprocess.run(words, check=True, **there)
    # Nothing but what protocol 0 has.
    assert max(opcode.proto for opcode, _, _ in pickletools.genops((tmp_path / "c.0.pkl").read_bytes())) == 0
    for python, those in [([*command, "-B"], [file for file in files if file[-5] < "3"]), ([sys.executable, "-B"], files)]:
        is_old = python[0] == command[0]
        loaded = subprocess.run([*python, "-c", load, *those], env={**os.environ, **(environment if is_old else {})}, **there)
        assert loaded.returncode == 0, loaded.stderr
        assert json.loads(loaded.stdout) == [json.loads(wrote.stdout)] * len(those)
