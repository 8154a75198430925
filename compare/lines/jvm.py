"""Linear algebra in Java, against JAMA; arrays in Jython, against its loops; what a call into the library takes."""

import pathlib
import subprocess

import bench
from bench import Sample, Task
from registry import line

PROGRAM = bench.HERE / "Algebra.java"
JVM = bench.HERE.parent / "bindings/jvm"
JYTHON_PROGRAM = bench.HERE / "jython.py"
JAMA = "gov.nist.math:jama:1.0.3"
JYTHON = "org.python:jython-standalone:2.7.4"
#: What a call may take, in seconds.
PROMISE = 500e-9


def jars():
    """The core, the native library in its folder, and JAMA out of Maven's repository."""
    core = JVM / "core/target/classes"
    library = JVM / "native/target/libraries"
    if not core.is_dir() or not library.is_dir():
        raise SystemExit("jvm: nothing to compare: bindings/jvm/run builds it")
    return f"{core}:{library}:{of_maven(JAMA)}"


def of_maven(artifact):
    group, name, version = artifact.split(":")
    path = pathlib.Path.home() / ".m2/repository" / group.replace(".", "/") / name / version / f"{name}-{version}.jar"
    if not path.exists():
        subprocess.run(["mvn", "-q", "-B", "dependency:get", f"-Dartifact={artifact}"], check=True)
    return path


def side(who, word, n):
    return lambda: bench.self_measured(["java", "-Xmx1g", "-cp", jars(), PROGRAM, who, word, n])


def jython(who, word):
    # The native library is there or not.
    path = f"{jars()}:{JVM / 'jython/target/classes'}:{of_maven(JYTHON)}"
    natives = ["-Dndferry.natives=off"] if who == "java" else []
    command = ["java", "-Xmx1g", *natives, "-cp", path, "-Dpython.cachedir.skip=true", "org.python.util.jython", "-B"]
    return lambda: bench.self_measured([*command, JYTHON_PROGRAM, who, word])


def add(word, title, n, bar):
    @line(f"jvm-{word}-{n}", f"{title}, {n} x {n} f8, in Java", ours="Functions", theirs="JAMA", bar=bar, metric="wall", rounds=3)
    def compared(tools, folder):
        return Task(side("ours", word, n), side("theirs", word, n))


WORDS = {
    "matmul": "two matrices multiplied",
    "solve": "equations solved for a matrix",
    "inverse": "a matrix inverted",
    "svd": "singular values and vectors",
    "eig": "eigenvalues and vectors, not symmetric",
}
for size, most in ((400, 0.1), (1000, None)):
    for word, title in WORDS.items():
        add(word, title, size, most)


@line("jvm-call", "a call from Java into the native library", ours="JNI", theirs="500 ns", bar=1.0, metric="wall", rounds=3)
def call(tools, folder):
    return Task(side("ours", "call", 1_000_000), lambda: Sample(0.0, PROMISE, 0, "done"))


def add_jython(word, title):
    @line(f"jython-{word}", f"{title}, in Jython", ours="numpy", theirs="a loop", bar=1.0, metric="wall", rounds=3)
    def compared(tools, folder):
        return Task(jython("ours", word), jython("theirs", word))

    @line(f"jython-{word}-java", f"{title}, in Jython without natives", ours="numpy", theirs="a loop", bar=1.0, metric="wall", rounds=3)
    def without(tools, folder):
        return Task(jython("java", word), jython("theirs", word))


add_jython("mean", "the mean of 10^6 f8")
add_jython("threshold", "pixels of 1000 x 1000 u1 above a threshold")
