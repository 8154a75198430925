"""`docs/guide/pyro.md`, word for word, with the real Pyros: all its programs and commands, in their order, in one folder.

    pyro_guide.py NDFERRY NAME=PYTHON...      of pyro4, pyro5 and microscope; what needs one that is not there is left out

What is another here than on the page: ports are free ones, machines are this one, and instead of ImageJ a file gets what is pushed.
"""

import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "guide" / "pyro.md"
NDFERRY = os.path.abspath(sys.argv[1])
PYTHONS = dict(argument.split("=", 1) for argument in sys.argv[2:])
PATIENCE = 120  # seconds that anything may take, on a machine that is busy

SHELL = ["bash", "-o", "pipefail", "-c"]

# `ndferry`, but for images that are pushed.
WRAPPER = """\
#!/bin/sh
[ "$1 $2" = "imagej push" ] && {{ cat >"image-$$.tmp" && mv "image-$$.tmp" "image-$$.npy"; exit; }}
exec {ndferry} "$@"
"""


def has(what, is_there):
    """Whether it is there; what has to be left out is told."""
    if not is_there:
        print(f"skipped: {PAGE.name}: no {what}")
        with open(os.environ.get("NDFERRY_SKIPPED", os.devnull), "a") as skipped:
            skipped.write(f"Pyro: the guide without {what}\n")
    return is_there


GIVEN = set()


def free_port():
    """One that is not among those that connections get by themselves, so that it is still free when it is needed."""
    while True:
        number = random.randrange(20000, 32000)
        if number in GIVEN:
            continue
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", number))
            except OSError:
                continue
        GIVEN.add(number)
        return str(number)


class Page:
    """The blocks of the page, each of which is used once."""

    def __init__(self):
        self.blocks = re.findall(r"(?ms)^```(python|text)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"))
        self.ports = {}

    def next(self, language):
        found, block = self.blocks.pop(0)
        assert found == language, (language, block)
        return self.here(block)

    def here(self, text):
        """With this machine's names and ports."""
        text = text.replace("0.0.0.0", "127.0.0.1").replace("@lab:", "@localhost:")
        text = text.replace("--broadcast\n", f"--broadcast={self.port('9091')}\n")
        return re.sub(r":(\d{4,5})\b|(?<=port=)(\d+)|(?<=\", )(\d{4})\b", self.other, text)

    def other(self, found):
        number = found[1] or found[2] or found[3]
        return found[0].replace(number, self.port(number))

    def port(self, number):
        return self.ports.setdefault(number, free_port())


class Desk:
    """A folder, and what runs in it."""

    def __init__(self, folder):
        self.folder = folder
        self.running = []
        self.done = 0
        tools = folder / ".tools"
        tools.mkdir()
        (tools / "ndferry").write_text(WRAPPER.format(ndferry=shlex.quote(NDFERRY)))
        (tools / "ndferry").chmod(0o755)
        self.environment = dict(os.environ, PYRO_BROADCAST_ADDRS="127.0.0.1")
        self.path = [str(tools), os.environ["PATH"]]

    def start(self, command, **environment):
        """Something that serves; the file that gets what it prints."""
        self.done += command[:4] == SHELL
        log = self.folder / f".log-{len(self.running)}"
        with open(log, "w") as out:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.with_path(environment), stdout=out, stderr=out,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )
        self.running.append(process)
        return process, log

    def run(self, command, **environment):
        """What a command, or a program, prints."""
        self.done += command[:4] == SHELL
        ended = subprocess.run(
            command, cwd=self.folder, env=self.with_path(environment), capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=PATIENCE,
        )
        assert ended.returncode == 0, (command, ended)
        return ended.stdout

    def with_path(self, environment):
        return dict(self.environment, PATH=os.pathsep.join(self.path), **environment)

    def stop(self):
        for process in self.running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def until(what, holds):
    """What it gives, once that is something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


def served(log, start="PYRO:"):
    """The line in which it says where it is."""
    line = until(log.read_text, lambda: re.search(rf"(?m)^{re.escape(start)}.*\n", log.read_text()))
    return line[0].strip()


def listens(page, number):
    def connects():
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", int(page.port(number)))) == 0

    until(f"port {number}", connects)


def image(desk):
    """The only one that was pushed."""
    (name,) = until("an image", lambda: list(desk.folder.glob("image-*.npy")))
    pushed = name.read_bytes()
    name.unlink()
    assert pushed.startswith(b"\x93NUMPY"), pushed[:100]


def lines_of(block):
    return [[*SHELL, line] for line in block.splitlines()]


def shape_of(desk, name):
    return desk.run(["ndferry", "info", "--json", name])


def an_object_of_yours(page, desk):
    program, block = page.next("python"), page.next("text")
    what, attribute, stored, shown = lines_of(block)
    if "pyro4" not in PYTHONS:
        return program
    desk.start([PYTHONS["pyro4"], "-c", program])
    listens(page, "9000")
    assert "snap()\n" in desk.run(what) and "exposure\n" in desk.run(what)
    assert desk.run(attribute) == "0.5\n"
    desk.run(stored)
    assert '"shape":[512,512]' in shape_of(desk, "frame.npy").replace(" ", "")
    desk.run(shown)
    image(desk)
    return program


def names(page, desk):
    server, serving = lines_of(page.next("text"))
    _, log = desk.start(server)
    served(log)
    _, log = desk.start(serving)
    served(log, "PYRO:lab.run@")
    place = f"localhost:{page.port('9090')}"
    assert "lab.run  PYRO:lab.run@" in desk.run(["ndferry", "pyro", "list", place])
    assert desk.run(["ndferry", "pyro", "get", f"PYRONAME:lab.run@{place}", "ndim"]) == "3\n"
    for pyro, locate in [("pyro4", "import Pyro4; n = Pyro4.locateNS"), ("pyro5", "from Pyro5.api import *; n = locate_ns")]:
        if pyro in PYTHONS:
            code = f"{locate}('localhost', {page.port('9090')}); print(n.lookup('lab.run'), sorted(n.list()))"
            assert "'lab.run'" in desk.run([PYTHONS[pyro], "-c", code])


def pushes(page, desk):
    (receive,) = lines_of(page.next("text"))
    process, log = desk.start(receive)
    place = served(log)
    for _ in range(10):
        desk.run(["ndferry", "pyro", "call", place, "receiveData", "@run.npb"])
    assert process.wait(PATIENCE) == 0
    assert (desk.folder / "pushed.npy").exists() and (desk.folder / "pushed-10.npy").exists()


def microscope(page, desk):
    devices, commands = page.next("python"), lines_of(page.next("text"))
    if "microscope" not in PYTHONS:
        return
    (desk.folder / "devices.py").write_text(devices)
    # Where its `device-server` is.
    desk.path.insert(1, os.path.dirname(PYTHONS["microscope"]))
    server, *calls = commands
    desk.start(server)
    listens(page, "8000")
    for call in calls:
        desk.run(call)
    assert "512" in shape_of(desk, "grabbed.npy")
    image(desk)


def arrays_for_programs(page, desk):
    (serve,) = lines_of(page.next("text"))
    pyro4, pyro5 = page.next("python"), page.next("python")
    _, log = desk.start(serve)
    port = served(log, "PYRO:run@").rpartition(":")[2]
    for name, program, check in [
        ("pyro4", pyro4, "assert plane.dtype == 'u2' and plane.shape == (8, 6) and tuple(stack.shape) == (30, 8, 6)"),
        ("pyro5", pyro5, "assert plane.dtype == 'u2' and plane[0, 0] == 3 * 8 * 6"),
    ]:
        if name in PYTHONS:
            desk.run([PYTHONS[name], "-c", program.replace(page.port("41234"), port) + check])


def over_tls(page, desk, camera):
    call, serve = lines_of(page.next("text"))
    if not has("openssl", shutil.which("openssl")):
        return
    for line in [
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
        "req -newkey rsa:2048 -nodes -subj /CN=lab -keyout lab.key -out lab.csr",
        "x509 -req -in lab.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile hosts -out lab.pem",
    ]:
        (desk.folder / "hosts").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        desk.run(["openssl", *line.split()])
    _, log = desk.start(serve)
    place = served(log, "PYRO:run@")
    assert desk.run(["ndferry", "pyro", "get", place, "ndim", "--tls-ca", "ca.pem"]) == "3\n"
    if "pyro4" in PYTHONS:
        # The same camera, now with a certificate, at a port of its own.
        plain, port = page.port("9000"), free_port()
        secrets = dict(PYRO_SSL="1", PYRO_SSL_SERVERCERT="lab.pem", PYRO_SSL_SERVERKEY="lab.key")
        desk.start([PYTHONS["pyro4"], "-c", camera.replace(plain, port)], **secrets)
        page.ports["9000"] = port
        listens(page, "9000")
        desk.run([word.replace(plain, port) for word in call])
        assert "512" in shape_of(desk, "snap.npy")


def main():
    page = Page()
    for what in ["pyro4", "pyro5", "microscope"]:
        has(what, what in PYTHONS)
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name))
        try:
            # What the page calls run.npb.
            head = b"{'descr': '<u2', 'fortran_order': False, 'shape': (30, 8, 6), }".ljust(117) + b"\n"
            elements = b"".join(n.to_bytes(2, "little") for n in range(30 * 8 * 6))
            (desk.folder / "run.npy").write_bytes(b"\x93NUMPY\x01\0v\0" + head + elements)
            desk.run(["ndferry", "convert", "run.npy", "-o", "run.npb"])
            camera = an_object_of_yours(page, desk)
            names(page, desk)
            pushes(page, desk)
            microscope(page, desk)
            arrays_for_programs(page, desk)
            over_tls(page, desk, camera)
            assert not page.blocks, f"nothing runs {page.blocks}"
        except BaseException:
            for log in sorted(desk.folder.glob(".log-*")):
                print(f"-- {log.name}\n{log.read_text()[-2000:]}", file=sys.stderr)
            raise
        finally:
            desk.stop()
    print(f"{PAGE.name}: {desk.done} commands as they stand there, with {', '.join(sorted(PYTHONS)) or 'no Pyro'}")


main()
