"""Which axis of an array is which."""

from __future__ import annotations

from typing import Any

from ._errors import WrongAxes

LETTERS = "PTZCYXS"


def check(axes: str | None, ndim: int) -> str:
    """The letters for an array of so many axes; nothing is guessed beyond a stack of planes."""
    if axes is None:
        if ndim in (2, 3):
            return "ZYX"[3 - ndim :]
        raise WrongAxes(
            f"the array has {ndim} axes: say which they are, for instance axes='TZCYX' "
            "(P positions, T time, Z slices, C channels, Y, X, S samples of RGB)"
        )
    letters = axes.upper()
    if len(set(letters)) != len(letters) or not set(letters) <= set(LETTERS):
        raise WrongAxes(f"axes={axes!r}: each of P, T, Z, C, Y, X and S at most once")
    if len(letters) != ndim:
        raise WrongAxes(f"axes={axes!r}: {len(letters)} letters for an array of {ndim} axes")
    if "Y" not in letters or "X" not in letters:
        raise WrongAxes(f"axes={axes!r}: there is no Y or no X")
    return letters


def positions(array: Any, axes: str) -> tuple[list[Any], str]:
    """The array at each position, and its axes."""
    at = axes.index("P")
    index: list[Any] = [slice(None)] * len(axes)
    parts = []
    for position in range(array.shape[at]):
        index[at] = position
        parts.append(array[tuple(index)])
    return parts, axes.replace("P", "")
