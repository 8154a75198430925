"""Images into an ImageJ that runs, and back."""

import atexit
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import bench
from bench import Task
from registry import line

WORDS = bench.HERE / "imagej.py"
FRAMES, FRAME_NBYTES = 180, 2 * 2048 * 2048
STARTED = {}


def ij_jar():
    """ImageJ as Maven has it."""
    kept = (pathlib.Path.home() / ".m2/repository/net/imagej/ij").glob("*/ij-*.jar")
    jars = [path for path in kept if path.stem.count("-") == 1]
    if not jars:
        raise SystemExit("imagej: no ImageJ: `mvn package` in bindings/jvm fetches it")
    return max(jars)


def plugin(tools):
    built = (bench.HERE.parent / "bindings/jvm/imagej/target").glob("Ndferry_-*.jar")
    jars = [path for path in built if not path.stem.endswith(("sources", "javadoc"))]
    if not jars:
        raise SystemExit("imagej: no plugin: `mvn package` in bindings/jvm makes it")
    return jars[0]


def start(tools):
    """An ImageJ for all lines, on a display of its own; gives the environment of those who talk to it."""
    if STARTED:
        return STARTED["environment"]
    display = subprocess.Popen(["Xvfb", "-displayfd", "1", "-screen", "0", "1600x1200x24"], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    number = ":" + display.stdout.readline().decode().strip()
    folder = pathlib.Path(tempfile.mkdtemp())
    imagej = folder / "ImageJ"
    (imagej / "plugins").mkdir(parents=True)
    (folder / "home/.imagej").mkdir(parents=True)
    (folder / "home/.imagej/IJ_Prefs.txt").write_text(".ndferry.macros=always\n")
    (folder / "tmp").mkdir()
    shutil.copy(ij_jar(), imagej / "ij.jar")
    shutil.copy(plugin(tools), imagej / "plugins/Ndferry_.jar")
    environment = {**os.environ, "DISPLAY": number, "XDG_RUNTIME_DIR": str(folder), "PYTHONPATH": str(tools.site)}
    options = (f"-Duser.home={folder}/home", f"-Djava.io.tmpdir={folder}/tmp", "-Xmx2g")
    script = ("import sys, ndferry.imagej as i; ij = i.launch(sys.argv[1], options=tuple(sys.argv[2:]));"
              "print(ij.process.pid)")
    pid = subprocess.run([sys.executable, "-c", script, imagej, *options], env=environment, check=True,
                         stdout=subprocess.PIPE, text=True).stdout

    def end():
        os.kill(int(pid), 9)
        display.terminate()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    STARTED.update(environment=environment, pid=int(pid))
    return environment


def side(tools, folder, who, word, *more):
    def run():
        command = [sys.executable, WORDS, who, word, folder, *more]
        environment = {**start(tools), "PYTHONPATH": f"{bench.HERE}:{tools.site}"}
        return bench.self_measured(command, **environment)

    return run


def memory(ours, theirs):
    with open(f"/proc/{STARTED['pid']}/status") as status:
        peak = next(int(row.split()[1]) for row in status if row.startswith("VmHWM:")) >> 10
    return [f"imagej: the ImageJ of these lines, with -Xmx2g, has had {peak} MiB at the peak."]


@line("imagej-push", "256 MiB of u2, 32 planes, shown by a running ImageJ", ours="show over TCP, checked, acknowledged",
      theirs="tifffile, IJ.openImage by a macro", bar=0.6, metric="wall", rounds=5)
def push(tools, folder):
    return Task(side(tools, folder, "tcp", "push"), side(tools, folder, "theirs", "push"), notes=memory)


@line("imagej-pull", "the same back into Python", ours="Image.numpy over TCP, checked", theirs="saveAs by a macro, tifffile",
      bar=0.6, metric="wall", rounds=5)
def pull(tools, folder):
    return Task(side(tools, folder, "tcp", "pull"), side(tools, folder, "theirs", "pull"))


@line("imagej-push-shm", "shown as before", ours="show, through shared memory", theirs="tifffile, IJ.openImage by a macro",
      bar=0.4, metric="wall", rounds=5)
def push_shm(tools, folder):
    return Task(side(tools, folder, "shm", "push"), side(tools, folder, "theirs", "push"))


@line("imagej-pull-shm", "and back", ours="Image.numpy, through shared memory", theirs="saveAs by a macro, tifffile",
      bar=0.4, metric="wall", rounds=5)
def pull_shm(tools, folder):
    return Task(side(tools, folder, "shm", "pull"), side(tools, folder, "theirs", "pull"))


@line("imagej-push-jpype", "the same beside an ImageJ inside of Python", ours="show, to another process",
      theirs="JPype: arrays of short, ImagePlus.show", metric="wall", rounds=3)
def push_jpype(tools, folder):
    return Task(side(tools, folder, "shm", "push"), side(tools, folder, "jpype", "push", ij_jar()))


@line("imagej-pull-jpype", "and back", ours="Image.numpy", theirs="JPype: numpy.asarray of each plane", metric="wall",
      rounds=3)
def pull_jpype(tools, folder):
    return Task(side(tools, folder, "shm", "pull"), side(tools, folder, "jpype", "pull", ij_jar()))


@line("imagej-lazy", "4 GiB shown without being read", ours="show(lazy=True), planes from Python",
      theirs="the same out of its .npy, planes by ImageJ", metric="wall", checked=False, rounds=3)
def lazy(tools, folder):
    def notes(ours, theirs):
        took = [f"{1e3 * statistics.median(sample.wall for sample in samples):.0f} ms" for samples in (ours, theirs)]
        return [f"imagej-lazy: {took[0]} from Python, {took[1]} from the file; the bar is 100 ms."]

    return Task(side(tools, folder, "shm", "lazy"), side(tools, folder, "theirs", "lazy"), notes=notes)


@line("imagej-live", f"{FRAMES} frames of 2048 x 2048 u2, each drawn before the next", ours="LiveView.push(wait=True)",
      theirs="tifffile, IJ.open by a macro", metric="wall", checked=False, rounds=3)
def live(tools, folder):
    def notes(ours, theirs):
        rates = sorted(FRAMES / sample.wall for sample in ours)
        return [f"imagej-live: {rates[0]:.0f} to {rates[-1]:.0f} frames/s; the bar is 60."]

    return Task(side(tools, folder, "shm", "live"), side(tools, folder, "theirs", "live"), notes=notes)
