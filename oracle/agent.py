"""Talks to `oracle_agent`, the libraries behind a pipe. What it refuses is raised as `Refused`; if it dies, the test fails."""

import json
import os
import pathlib
import struct
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"


class Refused(Exception):
    """A typed error of the library, as its text."""


class Agent:
    """One process that answers one request after another."""

    def __init__(self, program=TARGET / "oracle_agent"):
        self.program = program
        self.process = None
        self.asked = 0

    def ask(self, op, payload=b"", **request):
        """The answer's object and bytes."""
        if self.process is None:
            self.process = subprocess.Popen([self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.asked += 1
        text = json.dumps({"op": op, **request}).encode()
        try:
            self.process.stdin.write(struct.pack("<IQ", len(text), len(payload)) + text + payload)
            self.process.stdin.flush()
            text_nbytes, nbytes = struct.unpack("<IQ", self._exactly(12))
            answer = json.loads(self._exactly(text_nbytes))
            data = self._exactly(nbytes)
        except (BrokenPipeError, EOFError):
            code = self.process.wait(10)
            self.process = None
            raise AssertionError(f"the agent died (exit code {code}) on {text[:2000]!r}") from None
        if "error" in answer:
            raise Refused(answer["error"])
        return answer, data

    def _exactly(self, nbytes):
        data = self.process.stdout.read(nbytes)
        if len(data) < nbytes:
            raise EOFError
        return data


agent = Agent()
ask = agent.ask


def spec(dtype):
    """A dtype as the agent takes and gives it, from the attributes of `numpy.dtype` alone."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return {"base": spec(base), "shape": list(shape)}
    if dtype.names is None:
        return dtype.str
    fields = []
    for name in dtype.names:
        field, offset, *title = dtype.fields[name]
        fields.append([name, title[0] if title else None, spec(field), offset])
    return {"fields": fields, "itemsize": dtype.itemsize, "aligned": dtype.isalignedstruct}


def request(array, base):
    """`array`, a view into the one-dimensional `base` of bytes, as the agent takes it."""
    offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0] if array.size else 0
    return {"dtype": spec(array.dtype), "shape": array.shape, "strides": array.strides, "offset": offset}
