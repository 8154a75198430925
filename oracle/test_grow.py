"""`convert --append` is killed again and again while NumPy reads the file."""

import subprocess
import time

import numpy as np

from agent import TARGET
from cases import SCALE, counts


def test_numpy_finds_the_old_length_or_the_new_one_whenever_appending_is_killed(tmp_path):
    many = 50_000
    first, more = np.arange(7, dtype="<i8"), np.arange(many, dtype="<i8")
    np.save(tmp_path / "more.npy", more)
    np.save(tmp_path / "big.npy", first)
    words = [TARGET / "ndferry", "convert", "more.npy", "--append", "big.npy", "-f"]
    # How long one takes. That changes with what else the machine does: the kills follow it, some earlier and some later.
    started = time.perf_counter()
    subprocess.run(words, cwd=tmp_path, check=True)
    took = time.perf_counter() - started
    rows, lengths = 7 + many, []
    for kill in range(max(20, int(200 * SCALE))):
        process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(took * (kill % 10) / 5)
        process.kill()
        process.wait()
        found = np.load(tmp_path / "big.npy")
        grown = len(found) - rows
        lengths.append(grown)
        assert grown in (0, many)
        took *= 0.9 if grown else 1.1
        rows += grown
        assert np.array_equal(found[:7], first) and (found[7:].reshape(-1, many) == more).all()
        if rows > 10 * many:
            np.save(tmp_path / "big.npy", first)
            rows = 7
    counts["kills of an append, the old length after them"] = lengths.count(0)
    counts["kills of an append, the new length after them"] = lengths.count(many)
    assert lengths.count(0) and lengths.count(many)
