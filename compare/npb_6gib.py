"""An array of 6 GiB that is never whole anywhere but in its NPB: packed, verified, sliced, unpacked.

    compare/run --6gib                     what the table's programs are built for, then this
    python3 compare/npb_6gib.py FOLDER     with target/release/ndferry and ndferry-compare

Made in 24 pieces of 256 MiB that are appended one by one; unpacked onto a pipe and compared there. Prints what each
step took and the most memory one of its processes needed. Exit status 1 if that is more than 64 MiB and the tiles in
flight, or an element is wrong. FOLDER needs 4 GB of room.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
RELEASE = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "release"
PIECES, SHAPE = 24, (32, 2048, 2048)  # of u2: 256 MiB each
TILE, THREADS = (1, 512, 512), 2
TILE_NBYTES = 2 * 512 * 512
#: Beyond the tiles in flight: two a thread, each raw and packed.
ALLOWED = (64 << 20) + 4 * THREADS * TILE_NBYTES


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    piece, packed, report = folder / "piece.npy", folder / "6gib.npb", folder / "report.json"
    base = np.random.default_rng(1).integers(0, 64, SHAPE, "<u2")
    worst = 0

    def ferry(step, *words, reads=None):
        nonlocal worst
        started = time.perf_counter()
        command = [RELEASE / "ndferry-compare", "measure", report, "1", "--", RELEASE / "ndferry", "-q", *words]
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE)
        result = reads(process.stdout) if reads else process.stdout.read()
        if process.wait() != 0:
            raise SystemExit(f"{step}: exit {process.returncode}")
        cost = json.loads(report.read_text())
        worst = max(worst, cost["peak"])
        return result, cost["cpu"], time.perf_counter() - started, cost["peak"]

    def said(step, cpu, wall, peak):
        print(f"{step:10} {cpu:6.1f} s of CPU time, {wall:6.1f} s, peak {peak / 2**20:5.1f} MiB", flush=True)

    cpu, wall, peak = 0, 0, 0
    packed.unlink(missing_ok=True)
    for number in range(PIECES):
        np.save(piece, base + number)
        where = ["--append", packed] if number else ["-o", packed, "--growing", "--tile", ",".join(map(str, TILE))]
        _, *took = ferry("packed", "convert", piece, *where, "--jobs", THREADS)
        cpu, wall, peak = cpu + took[0], wall + took[1], max(peak, took[2])
    said("packed", cpu, wall, peak)
    piece.unlink()
    print(f"           {PIECES * base.nbytes / 2**30:.1f} GiB in {packed.stat().st_size / 2**30:.2f} GiB")

    _, *took = ferry("verified", "verify", packed)
    said("verified", *took)

    for part, expected in [("700,1000,1000:1064", base[700 % 32, 1000, 1000:1064] + 700 // 32),
                           (":,5,6", np.concatenate([base[:, 5, 6] + number for number in range(PIECES)]))]:
        got, *took = ferry("sliced", "convert", packed, "-s", part, "-o", "-", "--to", "npy",
                           reads=lambda pipe: np.frombuffer(pipe.read()[128:], "<u2"))
        if not np.array_equal(got, expected):
            raise SystemExit(f"[{part}] is wrong")
        said(f"[{part}]"[:10], *took)

    def compare(pipe):
        pipe.read(128)
        for number in range(PIECES):
            for plane in base:
                if pipe.read(plane.nbytes) != (plane + np.uint16(number)).tobytes():
                    raise SystemExit(f"piece {number} is wrong")
        return pipe.read()

    rest, *took = ferry("unpacked", "convert", packed, "-o", "-", "--to", "npy", "--jobs", THREADS, reads=compare)
    if rest:
        raise SystemExit(f"{len(rest)} bytes too many")
    said("unpacked", *took)
    packed.unlink()
    report.unlink()
    print(f"all equal; peak {worst / 2**20:.1f} MiB, allowed {ALLOWED / 2**20:.1f}")
    return int(worst > ALLOWED)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
