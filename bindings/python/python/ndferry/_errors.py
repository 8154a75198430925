"""What can go wrong. The library raises these; nothing else makes them."""

from __future__ import annotations


class FerryError(Exception):
    """Something went wrong in ndferry.

    Attributes
    ----------
    path : str or None
        The file or address, as it was given.
    member : str or None
        The array in it.
    offset : int or None
        The byte of the file (of the member, if it is compressed) at which it went wrong.
    hint : str or None
        What can be done about it.
    """

    path: str | None = None
    member: str | None = None
    offset: int | None = None
    hint: str | None = None


class FormatError(FerryError, ValueError):
    """These bytes are not what they claim to be."""


class UnsupportedError(FerryError, NotImplementedError):
    """The bytes may be right, but ndferry does not read or write such things."""


class UnsafePickle(FerryError):
    """A pickle refers to classes or functions that do not pass. None of them was imported or called.

    Attributes
    ----------
    globals : list of (str, str, int)
        Module, name and byte of each that does not pass.
    """

    globals: list[tuple[str, str, int]] = []


class LimitError(FerryError):
    """A file or a peer asks for more than it is allowed to."""


class TransferError(FerryError):
    """The peer broke the protocol, refused, or fell silent."""


class TokenError(TransferError):
    """One side has a token and the other has none, or another one."""


class UsageError(FerryError, ValueError):
    """ndferry was called in a way that makes no sense."""


class MemberError(FerryError, KeyError):
    """No such array in it, or none was named though there are several."""

    def __str__(self) -> str:
        return Exception.__str__(self)
