"""A real ImageJ on a display of its own, with jars in its plugins folder, for scripts in Jython."""
import os
import shutil
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def in_imagej(class_path, folder, text):
    """Runs the script in an ImageJ with windows; gives `done`, or the traceback."""
    body = "".join("    " + line + "\n" for line in text.splitlines())
    said, part = str(folder / "said"), str(folder / "said-part")
    (folder / "script.py").write_text(
        f"import os, traceback\nsaid = 'done'\ntry:\n{body}except:\n    said = traceback.format_exc()\n"
        f"with open({part!r}, 'w') as file: file.write(said)\nos.rename({part!r}, {said!r})\n")
    plugins = folder / "plugins"
    plugins.mkdir()
    for jar in class_path.split(os.pathsep):
        shutil.copy(jar, plugins)
    shutil.copy(HERE.parents[2] / "target/test-classes/Jython.class", plugins)
    ij = next(iter((Path.home() / ".m2/repository/net/imagej/ij").glob("1.54p/*.jar")))
    java = os.path.join(os.environ["JAVA_HOME"], "bin", "java") if os.environ.get("JAVA_HOME") else "java"
    display = subprocess.Popen(["Xvfb", "-displayfd", "1", "-screen", "0", "1280x900x24"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        number = display.stdout.readline().strip()
        with open(folder / "imagej.log", "w") as log:
            imagej = subprocess.Popen(
                [java, f"-Dplugins.dir={folder}", f"-Duser.home={folder}", "-Dpython.cachedir.skip=true", "-cp", ij, "ij.ImageJ",
                 "-macro", folder / "script.py"], env={**os.environ, "DISPLAY": f":{number}"}, stdout=log, stderr=log)
        try:
            end = time.monotonic() + 240
            while not (folder / "said").exists():
                assert imagej.poll() is None and time.monotonic() < end, (folder / "imagej.log").read_text()
                time.sleep(0.1)
            return (folder / "said").read_text()
        finally:
            imagej.kill()
            imagej.wait()
    finally:
        display.kill()
        display.wait()
