"""Arrays between processes of `multiprocessing`, in shared memory and not."""

import concurrent.futures
import errno
import multiprocessing
import multiprocessing.connection
import multiprocessing.queues
import os
import pickle
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from same import same

import ndferry.multiprocessing
from ndferry import _ndferry

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory files are Linux's")

METHODS = ["fork", "spawn", "forkserver"]
MIB = 1 << 20
LARGE = np.arange(float(MIB // 4)).reshape(512, 512)


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    _ndferry.clear_pool()
    ndferry.multiprocessing.install()
    yield
    ndferry.multiprocessing.uninstall()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def is_lent(array: Any) -> bool:
    """Whether it lies in a segment."""
    while isinstance(array, np.ndarray):
        array = array.base
    return type(array).__name__ == "Memory"


def echo(connection: Any) -> None:
    """Sends back what comes, until None does."""
    while (what := connection.recv()) is not None:
        connection.send((what, is_lent(what), multiprocessing.connection.Pipe.__module__))


def many_kinds() -> dict[str, Any]:
    struct = np.zeros(100_000, dtype=[("x", "<f8"), ("y", ">i2"), ("z", "S3")])
    struct["x"] = np.arange(100_000)
    readonly = LARGE.copy()
    readonly.flags.writeable = False
    return {
        "C": LARGE,
        "F": np.asfortranarray(LARGE),
        "strided": LARGE[::-2, 3:],
        "transposed": np.arange(6.0 * 70_000).reshape(2, 3, 70_000).transpose(1, 2, 0),
        "structured": struct,
        "a field": struct["x"],
        "swapped": LARGE.astype(">f4"),
        "text": np.full(50_000, "naïve"),
        "times": np.arange(100_000).astype("M8[us]"),
        "complex": LARGE * 1j,
        "read-only": readonly,
        "0-d": np.array(3.5),
        "empty": np.zeros((0, 5)),
        "small": np.arange(10),
        "objects": np.array([None, "a", LARGE], dtype=object),
        "masked": np.ma.masked_less(LARGE, 10),
        "matrix": np.asmatrix(LARGE) if hasattr(np, "asmatrix") else LARGE,
        "records": struct.view(np.recarray),
    }


@pytest.mark.parametrize("method", METHODS)
def test_all_kinds_of_arrays_arrive_there_and_back(method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    here, there = context.Pipe()
    process = context.Process(target=echo, args=(there,))
    process.start()
    there.close()
    lent = set()
    for kind, array in many_kinds().items():
        here.send(array)
        back, was_lent, module = here.recv()
        assert module == "ndferry.multiprocessing"
        assert type(back) is type(array), kind
        assert same(np.asarray(back), np.array(array)), kind
        assert back.dtype == array.dtype and back.flags.writeable, kind
        if back.size:
            back[...] = back.flat[0]
        if was_lent:
            lent.add(kind)
            assert is_lent(back), kind
    assert lent == {
        *("C", "F", "strided", "transposed", "structured", "a field", "swapped", "text", "times", "complex", "read-only")
    }
    nested = {"a": [LARGE, LARGE.T], "same": (LARGE, "text")}
    here.send(nested)
    back = here.recv()[0]
    assert same(back["a"][0], LARGE) and same(back["a"][1], np.array(LARGE.T))
    assert back["a"][0] is back["same"][0]
    here.send(None)
    process.join()
    assert process.exitcode == 0


def doubled(array: Any) -> Any:
    return array * 2, is_lent(array)


@pytest.mark.parametrize("method", METHODS)
def test_pools_and_executors_move_arrays_both_ways(method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    arrays = [np.full(MIB // 8 + i, i) for i in range(20)]
    with context.Pool(2) as pool:
        results = pool.map(doubled, arrays, chunksize=1)
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
        results += list(executor.map(doubled, arrays))
    for (result, was_lent), array in zip(results, arrays * 2, strict=True):
        assert same(result, array * 2) and was_lent and is_lent(result)


def produce(queue: Any, count: int) -> None:
    for i in range(count):
        queue.put(np.full(MIB // 8, i))


def names_in_shm() -> set[str]:
    """Those that messages could leave; the folder is the whole machine's."""
    names = os.listdir("/dev/shm")
    return {name for name in names if "ndferry" in name and not name.startswith("ndferry-growing-")}


@pytest.mark.parametrize("kind", ["Queue", "SimpleQueue", "JoinableQueue"])
def test_thousands_of_messages_leave_memory_and_descriptors_as_they_were(kind: str) -> None:
    context = multiprocessing.get_context("fork")
    queue: Any = getattr(context, kind)()
    process = context.Process(target=produce, args=(queue, 2000))
    process.start()
    queue.get()
    before = descriptors(), resident(), names_in_shm()
    for i in range(1, 2000):
        array = queue.get()
        assert array[0] == i == array[-1] and is_lent(array)
        if i % 500 == 0:
            assert descriptors() <= before[0]
            assert resident() < before[1] + 32 * MIB
    del array
    process.join()
    assert names_in_shm() <= before[2]


def produce_and_leave(connection: Any) -> None:
    connection.send(LARGE)
    connection.send({"x": LARGE + 1})


@pytest.mark.parametrize("method", METHODS)
def test_what_was_sent_arrives_although_its_sender_is_gone(method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=produce_and_leave, args=(there,))
    process.start()
    there.close()
    process.join()
    assert same(here.recv(), LARGE)
    assert same(here.recv()["x"], LARGE + 1)
    with pytest.raises(EOFError):
        here.recv()


def hold(connection: Any) -> None:
    held = [connection.recv() for _ in range(3)]
    connection.send(len(held))
    time.sleep(60)


def test_segments_of_readers_that_were_killed_or_never_read_are_used_again() -> None:
    context = multiprocessing.get_context("fork")
    before = descriptors()
    for round in range(3):
        here, there = context.Pipe()
        process = context.Process(target=hold, args=(there,))
        process.start()
        there.close()
        for _ in range(5):
            here.send(LARGE)
        assert here.recv() == 3
        # Three are held, two were not read.
        assert _ndferry.pool_size()[0] == 5, round
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        process.close()
        here.close()
    for _ in range(3):
        here, there = context.Pipe()
        for _ in range(5):
            here.send(LARGE)
        here.close()
        there.close()
    assert _ndferry.pool_size()[0] == 5
    # Each segment that waits has one.
    assert descriptors() <= before + 5


def test_what_is_not_read_is_bounded_and_sending_waits_then() -> None:
    ndferry.multiprocessing.install(pool_bytes=8 * MIB)
    here, there = multiprocessing.Pipe()
    sent = []

    def send() -> None:
        for i in range(20):
            here.send(np.full(MIB // 4, i))
            sent.append(i)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    end = time.monotonic() + 20
    while len(sent) < 4 and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.5)
    assert len(sent) == 4
    assert _ndferry.pool_size()[1] == 8 * MIB
    for i in range(20):
        assert there.recv()[0] == i
    thread.join()
    # What receivers keep is theirs: it does not keep anybody waiting, or grow without end here.
    kept = []
    for i in range(20):
        here.send(np.full(MIB // 4, i))
        kept.append(there.recv())
    assert all(is_lent(array) and (array == i).all() for i, array in enumerate(kept))
    assert _ndferry.pool_size()[1] <= 8 * MIB


def overwrite(array: Any, connection: Any) -> None:
    array[...] = -1
    connection.send(bool((array == -1).all()))


def test_a_forked_process_writes_to_its_own_copy_and_sends_from_its_own_segments() -> None:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    here.send(LARGE)
    array = there.recv()
    process = context.Process(target=overwrite, args=(array, there))
    process.start()
    assert here.recv()
    process.join()
    assert same(array, LARGE)
    # The parent's pool is full of segments that the child knows of.
    queue: Any = context.SimpleQueue()
    processes = [context.Process(target=produce, args=(queue, 50)) for _ in range(4)]
    for process in processes:
        process.start()
    counts = np.zeros(50, dtype=int)
    for _ in range(200):
        got = queue.get()
        assert (got == got[0]).all()
        counts[got[0]] += 1
        here.send(LARGE)
        assert same(there.recv(), LARGE)
    assert (counts == 4).all()
    for process in processes:
        process.join()


def test_a_fork_while_a_message_is_under_way_keeps_no_segment() -> None:
    lease = _ndferry.lend([LARGE], [0], LARGE.nbytes, 1 << 60)
    assert lease is not None
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=echo, args=(there,))
    process.start()
    here.send("are you there?")
    assert here.recv()[0] == "are you there?"
    lease.close()
    again = _ndferry.lend([LARGE], [0], LARGE.nbytes, 1 << 60)
    assert again is not None and _ndferry.pool_size()[0] == 1
    again.close()
    here.send(None)
    process.join()


def test_queues_from_before_and_pipes_from_after_go_on_working() -> None:
    ndferry.multiprocessing.uninstall()
    plain = multiprocessing.connection.Pipe
    queue: Any = multiprocessing.Queue()
    simple: Any = multiprocessing.SimpleQueue()
    queue.put(LARGE)
    assert not is_lent(queue.get())
    ndferry.multiprocessing.install()
    ndferry.multiprocessing.install()
    here, there = multiprocessing.Pipe()
    queue.put(LARGE)
    assert same(queue.get(), LARGE)
    thread = threading.Thread(target=simple.put, args=(LARGE,))
    thread.start()
    assert same(simple.get(), LARGE)
    thread.join()
    here.send(LARGE)
    ndferry.multiprocessing.uninstall()
    assert multiprocessing.connection.Pipe is plain
    assert is_lent(there.recv())
    thread = threading.Thread(target=here.send, args=(LARGE,))
    thread.start()
    back = there.recv()
    thread.join()
    assert same(back, LARGE) and not is_lent(back)


def test_bytes_of_a_message_unpickle_while_they_are_held() -> None:
    here, there = multiprocessing.Pipe()
    here.send([LARGE])
    data = there.recv_bytes()
    assert same(pickle.loads(data)[0], LARGE)
    copy = bytes(data[:])
    del data
    with pytest.raises(EOFError, match="beside it"):
        pickle.loads(copy)
    here.send_bytes(b"plain")
    assert there.recv_bytes() == b"plain"


def test_without_descriptors_arrays_are_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = multiprocessing.Pipe()

    def refuse(*_: Any) -> int:
        raise OSError(errno.ETOOMANYREFS, "too many references")

    monkeypatch.setattr(socket, "send_fds", refuse)
    thread = threading.Thread(target=here.send, args=(LARGE,))
    thread.start()
    back = there.recv()
    thread.join()
    assert same(back, LARGE) and not is_lent(back)
    monkeypatch.setattr(_ndferry, "lend", lambda *_: None)
    thread = threading.Thread(target=here.send, args=(LARGE,))
    thread.start()
    assert same(there.recv(), LARGE)
    thread.join()


def test_an_array_dies_with_its_last_view_and_gives_its_segment_back() -> None:
    here, there = multiprocessing.Pipe()
    for _ in range(100):
        here.send(LARGE)
        view = there.recv()[10:20].T
        assert same(view, LARGE[10:20].T)
    assert _ndferry.pool_size()[0] <= 2
    many = [LARGE[:64]] * 3 + [LARGE[i:] for i in range(50)]
    here.send(many)
    assert all(same(a, b) for a, b in zip(there.recv(), many, strict=True))


def test_wrong_settings_are_errors() -> None:
    with pytest.raises(ValueError):
        ndferry.multiprocessing.install(min_bytes=0)
    with pytest.raises(ValueError):
        ndferry.multiprocessing.install(pool_bytes=-1)
    with pytest.raises(OSError, match="no memory"):
        _ndferry.borrow(os.open("/dev/null", os.O_RDONLY), 10)
