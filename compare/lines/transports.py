"""The other ways from one process to another, and what either end needs in memory."""

import data
from bench import Task
from lines.transfer import digest, plain_copy, transfer
from registry import line

SIZE = "256 MiB sent, checked, stored as .npy"
#: The most that either end may need.
PEAK = 64 << 20


def ferry(tools, listen, source, target, check=digest):
    return transfer(tools, [tools.ferry, "recv", "--listen", listen, "-o", target],
                    lambda url: [tools.ferry, "send", source, url], target, check)


@line("unix", SIZE, ours="over unix://", theirs="over tcp://", bar=1.0)
def unix(tools, folder):
    source = data.big(tools)
    return Task(ferry(tools, f"unix://{folder}/socket", source, folder / "unix.npy"),
                ferry(tools, "tcp://127.0.0.1:0", source, folder / "tcp.npy"), max_peak=PEAK)


@line("tls", SIZE, ours="over tls://", theirs="plain socket copy, 1 MiB buffers, fsync")
def tls(tools, folder):
    source = data.big(tools)
    return Task(ferry(tools, "tls://127.0.0.1:0", source, folder / "tls.npy"),
                plain_copy(tools, source, folder / "theirs.npy"), max_peak=PEAK)


@line("transfer-memory", "1 GiB sent, checked, stored as .npy", ours="ndferry send, ndferry recv -o x.npy",
      theirs="plain socket copy, 1 MiB buffers, fsync", bar=1.25, rounds=3)
def transfer_memory(tools, folder):
    def peak(size, listen, ending):
        """Of either end, for an array of zeros that takes no room on the disk."""
        source, target = folder / "zeros.npy", folder / f"got.{ending}"
        zeros(source, size)
        run = ferry(tools, listen, source, target, lambda path: path.stat().st_size)
        peak = run().peak
        target.unlink()
        source.unlink()
        return f"{peak / 2**20:.1f} MiB" + (" (TOO MUCH)" if peak > PEAK else "")

    def notes(ours, theirs):
        said = []
        for listen in ["tcp://127.0.0.1:0", f"unix://{folder}/socket", "tls://127.0.0.1:0", "zmq+tcp://127.0.0.1:0"]:
            sizes = {"1 MiB": 1 << 20, "64 MiB": 64 << 20, "1 GiB": 1 << 30}
            if listen.startswith("tcp"):
                sizes["4 GiB"] = 4 << 30
            peaks = [f"{peak(size, listen, 'npy')} for {name}" for name, size in sizes.items()]
            said.append(f"transfer-memory: the larger peak of both ends over {listen.partition(':')[0]}: {', '.join(peaks)}.")
        return said

    source, target = data.quadruple(tools), folder / "ours.npy"
    return Task(ferry(tools, "tcp://127.0.0.1:0", source, target), plain_copy(tools, source, folder / "theirs.npy"),
                max_peak=PEAK, notes=notes)


def zeros(path, nbytes):
    header = "{'descr': '<u2', 'fortran_order': False, 'shape': (%d, 1024), }" % (nbytes >> 11)
    head = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.ljust(117).encode() + b"\n"
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(len(head) + nbytes)
