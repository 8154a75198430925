"""From one process to another through a loopback socket, into a synced file."""

import hashlib
import statistics
import time

import data
from bench import Task
from registry import line


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def transfer(tools, recv, send, target, check):
    """What a receiver and a sender took together; send is called with the address."""

    def run():
        target.unlink(missing_ok=True)
        receiver = tools.start(recv, wait_for=r"listening on (\S+)")
        started = time.perf_counter()
        sender = tools.start(send(receiver.ready))
        sample = receiver.finish().plus(sender.finish())
        sample.wall = time.perf_counter() - started
        sample.result = check(target)
        return sample

    return run


def plain_copy(tools, source, target):
    program = tools.rust_program
    return transfer(tools, [program, "copy-recv", target], lambda address: [program, "copy-send", source, address],
                    target, digest)


def share_of_crc(tools, source):
    def notes(ours, theirs):
        crc = statistics.median(tools.rust("crc", source.stat().st_size)().cpu for _ in range(9))
        copy = statistics.median(sample.cpu for sample in theirs)
        return [f"loopback: CRC-32 of all bytes takes {crc * 1e3:.0f} ms of CPU time, at both ends "
                f"{2 * crc / copy:.2f} of the plain copy's."]

    return notes


@line("loopback", "256 MiB sent, checked, stored as .npy", ours="ndferry send, ndferry recv -o x.npy",
      theirs="plain socket copy, 1 MiB buffers, fsync", bar=1.25)
def loopback(tools, folder):
    source, target = data.big(tools), folder / "ours.npy"
    ours = transfer(tools, [tools.ferry, "recv", "-o", target], lambda url: [tools.ferry, "send", source, url], target,
                    digest)
    theirs = plain_copy(tools, source, folder / "theirs.npy")
    return Task(ours, theirs, max_peak=64 << 20, notes=share_of_crc(tools, source))


@line("loopback-npb", "256 MiB sent, checked, stored as .npb", ours="ndferry send, ndferry recv -o x.npb",
      theirs="plain socket copy, 1 MiB buffers, fsync", bar=1.25)
def loopback_npb(tools, folder):
    source, target, back = data.big(tools), folder / "ours.npb", folder / "back.npy"

    def check(path):
        back.unlink(missing_ok=True)
        tools.program(tools.ferry, "convert", path, "-o", back)()
        return digest(back)

    ours = transfer(tools, [tools.ferry, "recv", "-o", target], lambda url: [tools.ferry, "send", source, url], target,
                    check)
    return Task(ours, plain_copy(tools, source, folder / "theirs.npy"), max_peak=64 << 20)
