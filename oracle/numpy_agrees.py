"""Real NumPy and the libraries on pickles that are changed at random: where both read one, they read the same.

    oracle/numpy_agrees.py [--minutes 10] [--seed 1] [--mutants 100000]

NumPy loads in a process of its own (numpy_child.py), with an unpickler that knows NumPy's names and no others, whatever is
not known to crash it. What the libraries read is compared twice: the arrays they find, by dtype, shape, order and bytes; and the
whole value, which they write again and NumPy loads again. Who refuses what, and why, is counted. Differences, and one
pickle for each reason to refuse one, are written to target/oracle/numpy_agrees; differences make it exit 1.
"""

import argparse
import collections
import hashlib
import json
import os
import pathlib
import random
import re
import select
import subprocess
import sys
import time

import numpy as np

from agent import TARGET, Refused, ask
from pickle_mutants import mutant, seeds

HERE = pathlib.Path(__file__).resolve().parent
FOUND = TARGET.parent / "oracle" / "numpy_agrees"
# Of one pickle; NumPy takes less than a millisecond.
SECONDS = 10


class Child:
    """NumPy in a process that may die."""

    def __init__(self):
        self.process = None

    def load(self, data):
        """What numpy_child.py answers, or how it died."""
        if self.process is None:
            environment = {**os.environ, "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
            self.process = subprocess.Popen(
                [sys.executable, "-B", HERE / "numpy_child.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, bufsize=0
            )
        try:
            self.process.stdin.write(len(data).to_bytes(4, "little") + data)
            return json.loads(self._read(int.from_bytes(self._read(4), "little")))
        except (BrokenPipeError, EOFError, TimeoutError) as error:
            self.process.kill()
            code = self.process.wait()
            self.process = None
            return {"died": "hung" if isinstance(error, TimeoutError) else f"exit code {code}"}

    def _read(self, nbytes):
        data, until = b"", time.monotonic() + SECONDS
        while len(data) < nbytes:
            if not select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError
            part = self.process.stdout.read(nbytes - len(data))
            if not part:
                raise EOFError
            data += part
        return data


def leaves(spec, at=0):
    """Offset, size of what is swapped, size, and whether it is big endian, of each part of an item that is not padding."""
    if isinstance(spec, str):
        big, kind, size = spec[0] == ">", spec[1], int(re.match(r"\d*", spec[2:])[0] or 0)
        size *= 4 if kind == "U" else 1
        unit = {"c": size // 2, "U": 4, "S": 1, "V": 1}.get(kind, size)
        return [(at, unit, size, big)]
    if "base" in spec:
        size = itemsize(spec["base"])
        return [leaf for i in range(int(np.prod(spec["shape"], dtype=int))) for leaf in leaves(spec["base"], at + i * size)]
    return [leaf for _, _, field, offset in spec["fields"] for leaf in leaves(field, at + offset)]


def itemsize(spec):
    if isinstance(spec, str):
        return leaves(spec)[0][2]
    if "base" in spec:
        return itemsize(spec["base"]) * int(np.prod(spec["shape"], dtype=int))
    return spec["itemsize"]


def little(spec):
    """The dtype but for the order of bytes, which NumPy changes when it loads, and whether a struct is aligned, which NumPy
    2 does not find in the flags of a NumPy 1."""
    if isinstance(spec, str):
        return ("|" if leaves(spec)[0][1] == 1 else "<") + spec[1:]
    if "base" in spec:
        return {"base": little(spec["base"]), "shape": list(spec["shape"])}
    # A title may be anything that can be a key; what is no text, is none here.
    fields = [[name, title if isinstance(title, str) else None, little(field), int(offset)] for name, title, field, offset in spec["fields"]]
    return {"fields": fields, "itemsize": spec["itemsize"]}


def of_fields(spec, data):
    """The bytes of items, little endian and without padding."""
    size = itemsize(spec)
    if not size or not data:
        return ""
    items = np.frombuffer(data, "u1").reshape(-1, size)
    parts = []
    for at, unit, size, big in leaves(spec):
        if size:
            part = items[:, at : at + size].reshape(len(items), -1, unit)
            # What lies behind the ten bytes of a long double is nobody's.
            part = (part[:, :, ::-1] if big else part)[:, :, : 10 if unit == 16 else unit]
            parts.append(part.reshape(len(items), -1))
    return np.concatenate(parts, axis=1).tobytes().hex() if parts else ""


def same_form(told):
    """What numpy_child.py told of a value, but for what may differ."""
    if isinstance(told, list):
        if told[0] == "scalar" and isinstance(told[2], str):
            return ["scalar", little(told[1]), of_fields(told[1], bytes.fromhex(told[2]))]
        if told[0] in ("scalar", "dtype"):
            return [told[0], little(told[1]), *map(same_form, told[2:])]
        return [same_form(part) for part in told]
    if isinstance(told, dict):
        return form_of_array(told)
    return told


def form_of_array(told):
    out = {**told, "dtype": little(told["dtype"])}
    if "bytes" in told:
        out["bytes"] = of_fields(told["dtype"], bytes.fromhex(told["bytes"]))
    return out


def same(again, want):
    """Whether two of those forms are of one value. Order is kept where it is C's or Fortran's; few protocols have others."""
    if isinstance(want, list) and isinstance(again, list):
        return len(again) == len(want) and all(map(same, again, want))
    if isinstance(want, dict) and isinstance(again, dict):
        return all(again[key] == want[key] for key in want)
    return again == want


def ours(data):
    """The arrays that the libraries find, in the form of numpy_child.py."""
    got, elements = ask("open", data)
    out, at = [], 0
    for member in got["members"]:
        own = {"dtype": member["dtype"], "shape": member["shape"], "c": member["c"], "f": member["f"]}
        own["bytes"] = elements[at : at + member["nbytes"]].hex()
        at += member["nbytes"]
        out.append(form_of_array(own))
    return out


def differs(got, want):
    """Whether an array of ours is another than NumPy's."""
    return not same(got, want)


def reason(text):
    """A refusal without its numbers and texts."""
    text = re.sub(r"b?'[^']*'|b?\"[^\"]*\"|`[^`]*`", "'…'", text.splitlines()[0] if text else "")
    text = re.sub(r"\\x[0-9a-f]{2}|-?\b(0x)?\d[\d.a-f]*\b", "#", text)
    return re.sub(r"(\(|\[)[^\])]*(\]|\))", "(…)", text)[:110]


class Run:
    """Mutants, one after another, and how they went."""

    def __init__(self, seed):
        self.rng, self.child = random.Random(seed), Child()
        self.counts, self.reasons = collections.Counter(), collections.Counter()
        self.found, self.examples = {}, {}
        self.seeds = [data for data in seeds() if "value" in self.child.load(data)]

    def one(self):
        kind, data = mutant(self.rng, self.seeds)
        self.counts["mutants"] += 1
        self.counts[f"mutants by {kind}"] += 1
        try:
            self.judge(data)
        except AssertionError as died:
            self.finding(str(died), data, [], [])

    def judge(self, data):
        theirs = self.child.load(data)
        [how] = theirs.keys() & {"unsafe", "refused", "value", "died"}
        if how in ("unsafe", "died"):
            # What is made of it is not compared; it must not break anything.
            arrays = self.asked(data)
            if how == "unsafe":
                self.count("not shown to NumPy", theirs[how], data)
            else:
                self.count("NumPy died; refused" if isinstance(arrays, str) else "NumPy died; read", arrays if isinstance(arrays, str) else theirs[how], data)
            return
        if how == "value":
            # What lies behind is for another load.
            data = data[: theirs["end"]]
        arrays = self.asked(data)
        if how == "refused":
            if isinstance(arrays, str):
                self.counts["both refuse"] += 1
            elif arrays:
                self.count("arrays read that NumPy refuses", theirs["refused"], data)
            else:
                self.count("no arrays, but a tree that Python refuses", theirs["refused"], data)
            return
        self.compare(data, theirs, arrays)
        self.compare_again(data, theirs)

    def compare(self, data, theirs, arrays):
        wants = [form_of_array(array) for array in theirs["arrays"]]
        if isinstance(arrays, str):
            if any("objects" in want for want in wants):
                self.counts["arrays of objects, compared as written again"] += 1
            else:
                self.count("refused, but NumPy reads it", arrays, data)
            return
        plain = [want for want in wants if "objects" not in want]
        if len(arrays) != len(plain):
            # An array in a set or behind a key that comes twice.
            self.count("another number of arrays", f"{len(arrays)} for {len(plain)}", data)
            if any(all(differs(got, want) for got in arrays) for want in plain):
                self.finding("an array is missing", data, arrays, wants)
        elif any(map(differs, arrays, plain)):
            self.finding("arrays differ", data, arrays, wants)
        else:
            self.counts["both read the same"] += 1
            self.counts["both read the same: arrays"] += len(plain)

    def compare_again(self, data, theirs):
        protocol = self.rng.randrange(6)
        numpy = self.rng.choice(["any", "1" if np.__version__ < "2" else "2"])
        try:
            written = ask("pickle_again", data, protocol=protocol, numpy=numpy)[1]
        except Refused as refused:
            self.count("not written again", str(refused), data)
            return
        again = self.child.load(written)
        if "value" not in again:
            [(how, why)] = again.items()
            self.count(f"written again, but {how}", why, data)
            if how != "unsafe":
                self.finding(f"written again in protocol {protocol} for {numpy}, but {how}: {why}", data, [], [])
        elif not same(same_form(again["value"]), same_form(theirs["value"])):
            self.finding(f"differs, written again in protocol {protocol} for {numpy}", data, again["value"], theirs["value"])
        else:
            self.counts["the same value, written again"] += 1

    def asked(self, data):
        """Arrays, or why not."""
        try:
            return ours(data)
        except Refused as refused:
            return str(refused)

    def count(self, what, why, data):
        self.counts[what] += 1
        self.reasons[what, reason(why)] += 1
        self.examples.setdefault((what, reason(why)), (why, data))

    def finding(self, what, data, got, want):
        self.counts["DIFFERENCES"] += 1
        kind = reason(what)
        if sum(reason(other) == kind for other, *_ in self.found.values()) < 20:
            self.found[hashlib.sha256(data).hexdigest()[:12]] = what, data, got, want

    def save(self):
        FOUND.mkdir(parents=True, exist_ok=True)
        for name, (what, data, got, want) in self.found.items():
            (FOUND / f"{name}.pkl").write_bytes(data)
            (FOUND / f"{name}.txt").write_text(f"{what}\nours:  {json.dumps(got)}\nNumPy: {json.dumps(want)}\n")

        for (what, _), (why, data) in self.examples.items():
            name = re.sub(r"\W+", "-", what) + "-" + hashlib.sha256(data).hexdigest()[:6]
            (FOUND / f"{name}.pkl").write_bytes(data)
            (FOUND / f"{name}.why").write_text(f"{why}\n")

    def table(self, most=8):
        rows = [f"{self.counts['mutants']:9,} mutants of {len(self.seeds):,} pickles by NumPy {np.__version__}"]
        for what, count in self.counts.most_common():
            rows.append(f"{count:9,} {what}")
            whys = [(why, n) for (other, why), n in self.reasons.most_common() if other == what]
            rows += [f"          {n:9,} {why}" for why, n in whys[:most]]
        return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--mutants", type=int, default=10**12)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    run, until = Run(options.seed), time.monotonic() + options.minutes * 60
    try:
        while time.monotonic() < until and run.counts["mutants"] < options.mutants:
            run.one()
    finally:
        print("\n".join(run.table(40)))
        run.save()
    sys.exit(1 if run.counts["DIFFERENCES"] else 0)


if __name__ == "__main__":
    main()
