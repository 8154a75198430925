"""What is said about files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Global = tuple[str, str, int]


@dataclass(frozen=True)
class Member:
    """One array in a file.

    Attributes
    ----------
    path : str
        The name in an archive; keys and indexes joined by dots in a pickle; empty for the only array of a file.
    dtype : str or list
        `numpy.dtype.str`, or `numpy.dtype.descr` of a struct.
    shape : tuple of int
        The extent of each axis.
    order : "C" or "F"
        The order in which the elements are stored.
    nbytes : int
        Bytes of all elements together.
    """

    path: str
    dtype: Any
    shape: tuple[int, ...]
    order: str
    nbytes: int


@dataclass(frozen=True)
class Info:
    """What a file holds, from its headers alone.

    Attributes
    ----------
    source : str
        The file, as it was given.
    container : str
        ``"npy"``, ``"npz"``, ``"pickle"``, ``"npb"``, ``"joblib"`` or ``"torch"``.
    nbytes : int
        Bytes of the file.
    members : list of Member
        Its arrays.
    protocol : int or None
        The highest protocol of its pickles.
    globals : list of (str, str, int)
        Module, name and byte of everything that its pickles refer to.
    safety : str
        ``"no-pickle"``, ``"clean"``, ``"needs-code"`` or ``"dangerous"``.
    """

    source: str
    container: str
    nbytes: int
    members: list[Member]
    protocol: int | None
    globals: list[Global]
    safety: str


@dataclass(frozen=True)
class ScanReport:
    """What the pickles of a file refer to.

    Attributes
    ----------
    verdict : str
        ``"no-pickle"``, ``"clean"``, ``"needs-code"``, ``"dangerous"``, or ``"unreadable"`` if nothing worse is known.
    globals : list of (str, str, int)
        Module, name and byte of each reference, wherever it stands.
    container : str or None
        What the file is.
    pickles : int
        How many pickles are in it.
    protocol : int
        The highest protocol of them.
    problems : list of str
        What could not be read, so that there may be more.
    """

    verdict: str
    globals: list[Global]
    container: str | None
    pickles: int
    protocol: int
    problems: list[str]

    @property
    def safe(self) -> bool:
        """Whether all of it was read, and nothing in it is outside the policy."""
        return self.verdict in ("no-pickle", "clean")


@dataclass(frozen=True)
class CheckReport:
    """What is wrong with a file.

    Attributes
    ----------
    container : str or None
        What the file is.
    safety : str
        The verdict on its pickles.
    problems : list of str
        Each thing that is wrong; none if it is readable, safe and intact.
    """

    container: str | None
    safety: str
    problems: list[str]

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@dataclass(frozen=True)
class Difference:
    """How two arrays differ.

    Attributes
    ----------
    equal : bool
        Whether they do not.
    what : str
        ``"nothing"``, ``"dtype"``, ``"shape"``, ``"elements"``, or ``"objects"``, which are not compared.
    count : int
        How many elements differ.
    max : float or None
        The largest difference of numbers that differ and are finite.
    first : list of tuple of int
        Indexes of the first elements that differ.
    """

    equal: bool
    what: str
    count: int = 0
    max: float | None = None
    first: list[tuple[int, ...]] = field(default_factory=list)
