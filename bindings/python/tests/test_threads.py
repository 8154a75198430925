"""Many threads at once, and many times over: no crash, no wrong byte, nothing that is kept.

`NDFERRY_ROUNDS=1` is what the tests do by themselves; 10 makes ten times as much of it.
"""

import gc
import os
import pathlib
import pickle
import random
import threading
from typing import Any

import numpy as np
import pytest
from same import same

import ndferry

ROUNDS = float(os.environ.get("NDFERRY_ROUNDS", "1"))
THREADS = 8


def test_threads_share_everything(tmp_path: Any) -> None:
    """8 threads, 1000 operations each; 10,000 with NDFERRY_ROUNDS=10."""
    a = np.arange(6000.0).reshape(20, 30, 10)
    tree = {"a": a, "list": [a[0], "text", 3], "masked": np.ma.array([1, 2], mask=[False, True]), "o": np.array([None, "x"], object)}
    for name in "a.npy", "a.npb", "a.npz", "a.pkl":
        ndferry.save(tmp_path / name, {"a": a} if name.endswith("z") else a)
    pickled, numpy_bytes, blocks = pickle.dumps(tree), ndferry.dumps(a, "npy"), ndferry.dumps(a, "npb", codec="zstd", tile=(3, 7, 10))
    lazy = [ndferry.open(tmp_path / "a.npy"), ndferry.open(tmp_path / "a.npb"), ndferry.open(tmp_path / "a.npz", "a")]
    lazy.append(ndferry.open(open(tmp_path / "a.npy", "rb")))
    frames = ndferry.to_frames(a, codec="lz4", block=10_000)
    listener = ndferry.listen("tcp://127.0.0.1:0")

    def index(random: Any) -> Any:
        start, stop = sorted(random.sample(range(20), 2))
        return slice(start, stop), random.randrange(30), slice(None, None, random.choice([1, -1, 3]))

    def parts(random: Any) -> Any:
        at = index(random)
        return same(random.choice(lazy)[at], np.array(a[at]))

    def into(random: Any) -> Any:
        out = np.empty_like(a)
        random.choice(lazy).read_into(out)
        return same(out, a)

    def files(random: Any, number: Any) -> Any:
        path = tmp_path / f"{number}.{random.choice(['npy', 'npb', 'pkl'])}"
        ndferry.save(path, a.T, overwrite=True)
        return same(ndferry.load(path), np.array(a.T))

    def grown(random: Any, number: Any) -> Any:
        path = tmp_path / f"grown{number}.npb"
        with ndferry.create(path, dtype="f8", shape=(None, 30, 10), overwrite=True, sync=False) as writer:
            writer.append(a[:5])
            writer.append(a[5:])
        return same(ndferry.load(path), a)

    def transfer() -> Any:
        # Another thread's may come; it is the same array.
        received = []
        taker = threading.Thread(target=lambda: received.append(listener.recv()))
        taker.start()
        ndferry.connect(listener.url).send(a)
        taker.join()
        return same(received[0], a)

    def refused() -> Any:
        try:
            ndferry.loads(pickled[: len(pickled) // 2])
        except ndferry.FormatError:
            return True

    operations: list[Any] = [
        lambda random, number: same(ndferry.loads(pickled), tree),
        lambda random, number: same(ndferry.loads(pickled, copy=False)["a"], a),
        lambda random, number: same(ndferry.loads(numpy_bytes), a),
        lambda random, number: same(ndferry.loads(blocks), a),
        lambda random, number: ndferry.dumps(a, "npy") == numpy_bytes,
        lambda random, number: same(pickle.loads(ndferry.dumps(tree, "pickle")), tree),
        lambda random, number: parts(random),
        lambda random, number: into(random),
        lambda random, number: same(ndferry.from_frames(frames), a),
        lambda random, number: same(ndferry.load(tmp_path / "a.pkl"), a),
        lambda random, number: ndferry.scan(pickled).safe,
        lambda random, number: ndferry.inspect(tmp_path / "a.npz").members[0].shape == a.shape,
        lambda random, number: ndferry.diff(a, random.choice(lazy)).equal,
        lambda random, number: refused(),
    ]
    rare: list[Any] = [files, grown, lambda random, number: transfer(), lambda random, number: ndferry.check(tmp_path / "a.npb").good]
    done, wrong = [0] * THREADS, list[Any]()

    def work(number: Any) -> None:
        own = random.Random(number)
        for _ in range(int(1000 * ROUNDS)):
            operation = own.choice(rare if own.random() < 0.05 else operations)
            try:
                if operation(own, number) is not True:
                    wrong.append(operation)
            except BaseException as error:
                wrong.append((operation, repr(error)))
            done[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    listener.close()
    print(f"\n{THREADS} threads: {sum(done)} operations, {len(wrong)} wrong")
    assert wrong == []
    assert sum(done) == THREADS * int(1000 * ROUNDS)


def resident() -> Any:
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


REPEATED: dict[str, tuple[int, Any]] = {
    "loads": (10_000, lambda made: ndferry.loads(made.pickled)),
    "opens": (10_000, lambda made: ndferry.open(made.path)[5:7]),
    "channels": (1_000, lambda made: made.transfer()),
}


@pytest.mark.skipif(not pathlib.Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize("name", REPEATED)
def test_what_is_done_often_leaves_nothing_behind(tmp_path: Any, name: Any) -> None:
    """10,000 loads, opens, and 1000 channels; NDFERRY_ROUNDS=10 makes 100,000 of them."""

    class Made:
        array = np.arange(2000)
        path = tmp_path / "a.npy"
        pickled = pickle.dumps({"x": [array, "y", np.ma.array([1], mask=[True])], "o": np.array([array, {}], object)})

        def transfer(self) -> None:
            with ndferry.listen("tcp://127.0.0.1:0") as listener:
                thread = threading.Thread(target=lambda: ndferry.connect(listener.url).send(self.array))
                thread.start()
                assert same(listener.recv(), self.array)
                thread.join()

    made = Made()
    np.save(made.path, made.array)
    times, work = REPEATED[name]
    times = int(times * ROUNDS)
    for _ in range(times // 10):
        work(made)
    gc.collect()
    before, files = resident(), len(os.listdir("/proc/self/fd"))
    for _ in range(times):
        work(made)
    gc.collect()
    grown, left = resident() - before, len(os.listdir("/proc/self/fd")) - files
    print(f"\n{name}: {times} times, memory grows by {grown} KiB, {left} descriptors are left")
    assert grown < 4096
    assert left == 0
