"""Linear algebra in Java, against JAMA."""

import pathlib
import subprocess

import bench
from bench import Task
from registry import line

PROGRAM = bench.HERE / "Algebra.java"
JVM = bench.HERE.parent / "bindings/jvm"
JAMA = "gov.nist.math:jama:1.0.3"


def jars():
    """The core, the native library in its folder, and JAMA out of Maven's repository."""
    core = JVM / "core/target/classes"
    library = JVM / "native/target/libraries"
    if not core.is_dir() or not library.is_dir():
        raise SystemExit("jvm: nothing to compare: bindings/jvm/run builds it")
    jama = pathlib.Path.home() / ".m2/repository/gov/nist/math/jama/1.0.3/jama-1.0.3.jar"
    if not jama.exists():
        subprocess.run(["mvn", "-q", "-B", "dependency:get", f"-Dartifact={JAMA}"], check=True)
    return f"{core}:{library}:{jama}"


def side(who, word, n):
    return lambda: bench.self_measured(["java", "-Xmx1g", "-cp", jars(), PROGRAM, who, word, n])


def add(word, title, n, bar):
    @line(f"jvm-{word}-{n}", f"{title}, {n} x {n} f8, in Java", ours="Functions", theirs="JAMA", bar=bar, metric="wall", rounds=3)
    def compared(tools, folder):
        return Task(side("ours", word, n), side("theirs", word, n))


for size, most in ((400, 0.1), (1000, None)):
    add("matmul", "two matrices multiplied", size, most)
