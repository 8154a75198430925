"""`Opaque`: an object of a class that ndferry does not know, as data."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Opaque:
    """What a pickle says of an object whose class was not imported.

    Attributes
    ----------
    module, name : str
        The class, or the function that would have made the object.
    args : tuple or None
        What it would have been called with. None for a class or function that is only named.
    kwargs : dict or None
        Keyword arguments, where there are some.
    state : object
        What the object would have been given as its state, often the dict of its attributes.
    items : list
        What would have been appended to it, or added.
    pairs : list of (key, value)
        What would have been set by key.
    """

    __slots__ = ("module", "name", "args", "kwargs", "state", "items", "pairs", "__weakref__")

    module: str
    name: str
    args: Any
    kwargs: Any
    state: Any
    items: list[Any]
    pairs: list[tuple[Any, Any]]

    def __init__(
        self,
        module: str,
        name: str,
        args: Any = None,
        kwargs: Any = None,
        state: Any = None,
        items: list[Any] | None = None,
        pairs: list[tuple[Any, Any]] | None = None,
    ) -> None:
        self.module = module
        self.name = name
        self.args = args
        self.kwargs = kwargs
        self.state = state
        self.items = [] if items is None else items
        self.pairs = [] if pairs is None else pairs

    def __repr__(self) -> str:
        return f"<ndferry.Opaque {self.module}.{self.name}>"
