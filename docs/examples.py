"""Do the examples in README and guide still do what they show?

    python3 docs/examples.py PROGRAM              all pages; exit 1 if one differs
    python3 docs/examples.py PROGRAM --write      puts what was really printed into the pages

PROGRAM is the built `ndferry`. Every block that begins with ```console is run, page by page, each page in one temporary
folder that has the repository's `corpus`. A line after `$ ` is a command; the lines after it are what it prints, standard
error too. `…` in such a line stands for any text, alone on a line for any lines; rates and peaks of memory may be any. A
command that ends in ` &` goes on beside the next ones: they start when it has printed what is shown so far. Exit status
must be 0 unless the command ends in `; echo $?`, which shows it. Port 7447 is replaced by a free one, which is another from
each command on that goes on beside the next ones.
"""
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guide").glob("*.md"))]
PATIENCE = 60  # seconds that one command may take


def main():
    program, write = pathlib.Path(sys.argv[1]).resolve(), "--write" in sys.argv
    run, differ = 0, 0
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        shown = list(examples(text))
        pieces, at = [], 0
        for (start, end, command, expected), printed in zip(shown, played(shown, program)):
            same = matches(expected, printed)
            pieces += [text[at:start], expected if same else printed]
            at, run, differ = end, run + 1, differ + (not same)
            if not same:
                print(f"{page.relative_to(ROOT)}: $ {command}\n--- shown\n{expected}--- printed\n{printed}")
        if write:
            page.write_text("".join(pieces) + text[at:], encoding="utf-8")
    print(f"{run} commands in the documentation were run, {differ} print something else")
    return 1 if differ else 0


def examples(text):
    """Each command with what follows it: (start, end) of the output in the text, command, output."""
    for block in re.finditer(r"(?ms)^```console\n(.*?)^```$", text):
        commands = list(re.finditer(r"(?m)^\$ (.*)\n", block[1]))
        for command, following in zip(commands, commands[1:] + [None]):
            start, end = command.end(), following.start() if following else len(block[1])
            # A blank line before the next command is there for the eye.
            shown = block[1][start:end].rstrip("\n")
            shown = shown + "\n" if shown else ""
            line = re.sub(r"\s+# .*$", "", command[1])
            yield block.start(1) + start, block.start(1) + start + len(shown), line, shown


def played(shown, program):
    """What each command prints."""
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(ROOT / "corpus", os.path.join(folder, "corpus"))
        tools = os.path.join(folder, ".tools")
        os.mkdir(tools)
        os.symlink(program, os.path.join(tools, "ndferry"))
        environment = dict(os.environ, PATH=tools + os.pathsep + os.environ["PATH"], LC_ALL="C.UTF-8", COLUMNS="80")
        port = str(free_port())
        processes = []
        try:
            for _, _, command, expected in shown:
                line = re.sub(r"\s*&$", "", command)
                # An earlier one may still listen.
                if line != command:
                    port = str(free_port())
                output = tempfile.TemporaryFile()
                process = subprocess.Popen(
                    ["bash", "-c", line.replace("7447", port)], cwd=folder, env=environment,
                    stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                )
                processes.append((process, output, port))
                wait_for(process, output, expected if command.endswith("&") else None)
            # Not where the same digits are part of another number.
            return [re.sub(rf"(?<=:){port}\b", "7447", result(process, output)) for process, output, port in processes]
        finally:
            for process, _, _ in processes:
                process.kill()


def wait_for(process, output, expected):
    """Until it ends, or has printed the first line that is shown of it."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        if expected is not None and content(output).count("\n") > 0:
            return
        time.sleep(0.005)


def result(process, output):
    try:
        status = process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        return content(output) + "(it does not end)\n"
    return content(output) + (f"(exit status {status})\n" if status else "")


def content(output):
    # Not `read`: the command writes where its own copy of the position is.
    return os.pread(output.fileno(), 1 << 20, 0).decode("utf-8", "replace").replace("\r\n", "\n")


def matches(expected, printed):
    expected, printed = steady(expected), steady(printed)
    lines = [".*\n" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n"
             for line in expected.splitlines()]
    # Alone on a line it also stands for several lines, or none.
    pattern = "".join("(?:.*\n)*" if line == ".*\n" else line for line in lines)
    return re.fullmatch(pattern, printed) is not None


def steady(text):
    """Without what is another number each time."""
    text = re.sub(r"[\d.,]+ [KMG]?i?B/s", "(rate)", text)
    return re.sub(r"(peak memory) [\d.,]+ [KMG]?i?B", r"\1 (size)", text)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


if __name__ == "__main__":
    sys.exit(main())
