"""Frames of a camera to others, and from others."""

import threading
from typing import Any

import numpy as np
import pytest

import ndferry

SHAPE = (20, 30)


def frame(number: int) -> Any:
    return np.full(SHAPE, number, "u2")


def test_everybody_gets_every_frame_if_the_camera_waits(tmp_path: Any) -> None:
    store = tmp_path / "run.npb"
    with ndferry.live(
        "tcp://127.0.0.1:0", SHAPE, "u2", policy="every", name="camera", attrs={"gain": 2}, store=store
    ) as live:
        seen: dict[int, Any] = {}

        def look(who: int) -> None:
            with ndferry.watch(live.url) as watcher:
                assert (watcher.shape, watcher.dtype, watcher.name) == (SHAPE, np.dtype("u2"), "camera")
                assert watcher.attrs["gain"] == 2
                seen[who] = [(number, int(image[3, 4]), image.dtype, image.shape) for number, image in watcher]
                assert watcher.missed == 0

        threads = [threading.Thread(target=look, args=(who,)) for who in range(2)]
        for thread in threads:
            thread.start()
        assert live.wait_for(2, 60)
        assert live.watchers == 2
        for number in range(50):
            assert live.push(frame(number)) == number
    for thread in threads:
        thread.join()
    expected = [(number, number, np.dtype("u2"), SHAPE) for number in range(50)]
    assert seen == {0: expected, 1: expected}
    assert np.array_equal(ndferry.load(store, "camera"), np.stack([frame(number) for number in range(50)]))


def test_who_comes_late_begins_with_the_newest_and_numbers_are_true() -> None:
    with ndferry.live("tcp://127.0.0.1:0", SHAPE, "u2", token="secret") as live:
        for number in range(10):
            live.push(frame(number))
        with pytest.raises(ndferry.TokenError):
            ndferry.watch(live.url)
        watcher = ndferry.watch(live.url, token="secret")
        assert watcher.first == 9
        number, image = next(watcher)
        assert number == 9 and np.array_equal(image, frame(9))
        for number in range(10, 5000):
            live.push(frame(number))
        closing = threading.Thread(target=live.close)
        closing.start()
        numbers = []
        for number, image in watcher:
            assert np.array_equal(image, frame(number))
            numbers.append(number)
        closing.join()
        assert numbers == sorted(set(numbers)) and numbers[-1] == 4999
        assert watcher.missed == 4999 - 9 - len(numbers)
        with pytest.raises(ndferry.FerryError):
            live.push(frame(0))


def test_an_exception_breaks_the_stream_off() -> None:
    with pytest.raises(ZeroDivisionError):
        with ndferry.live("tcp://127.0.0.1:0", (), "f8") as live:
            watcher = ndferry.watch(live.url)
            live.push(0.5)
            assert next(watcher) == (0, 0.5)
            1 / 0
    with pytest.raises(ndferry.TransferError):
        next(watcher)
    with pytest.raises(ValueError, match="policy"):
        ndferry.live("tcp://127.0.0.1:0", (), "f8", policy="both")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "dtype, frame",
    [("u1", np.full((2, 2), 300)), ("u1", np.full((2, 2), -1.5)), ("i4", [[2.7, 0], [0, 0]]), ("f4", np.full((2, 2), 1j))],
)
def test_no_value_becomes_another_one_without_a_word(dtype: str, frame: Any) -> None:
    with ndferry.live("tcp://127.0.0.1:0", (2, 2), dtype) as live:
        with pytest.raises(ValueError, match="is needed here"):
            live.push(frame)
        assert live.push([[1, 2], [3, 4]]) == 0
        assert live.push(np.ones((2, 2), "?")) == 1
