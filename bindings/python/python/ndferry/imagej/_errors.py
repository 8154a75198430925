"""What can go wrong with ImageJ, and what to do about it."""

from __future__ import annotations

from typing import Any

from .._errors import FerryError, UsageError


class ImageJError(FerryError):
    """ImageJ could not do what was asked."""


class NotRunning(ImageJError, ConnectionError):
    """No ImageJ of this user answers: none runs, or its server is not started."""


class PluginMissing(ImageJError):
    """That ImageJ has no ndferry plugin: ``ndferry imagej install FOLDER`` puts it there."""


class WrongToken(ImageJError):
    """Whoever listens there does not know the token, or another one."""


class WrongVersion(ImageJError):
    """The plugin and this package are too far apart: install the plugin that belongs to this package."""


class Disconnected(ImageJError, ConnectionError):
    """ImageJ was closed, or its server stopped, in the middle of it."""


class ImageClosed(ImageJError):
    """That image is not open in ImageJ any more, or none is."""


class NoTable(ImageJError, KeyError):
    """No table of that title is open in ImageJ."""

    def __str__(self) -> str:
        return Exception.__str__(self)


class NoPixels(ImageJError, TypeError):
    """ImageJ has no pixels for this dtype, or not without rounding."""


class WrongAxes(ImageJError, ValueError):
    """The axes are not those of the array, or nobody said which they are."""


class NoMemory(ImageJError, MemoryError):
    """ImageJ has no memory for it."""


class TimedOut(ImageJError, TimeoutError):
    """ImageJ has not done it in time."""


class DialogBlocked(TimedOut):
    """A dialog in ImageJ waits for somebody to answer it.

    Attributes
    ----------
    title : str
        The title of the dialog.
    """

    title: str = ""


class MacrosOff(ImageJError, PermissionError):
    """The user of that ImageJ does not allow macros from Python."""


class MacroError(ImageJError):
    """The macro ended with an error."""


_CLASSES: dict[str, type[FerryError]] = {
    "axes": WrongAxes,
    "closed": ImageClosed,
    "dialog": DialogBlocked,
    "dtype": NoPixels,
    "imagej": ImageJError,
    "macro": MacroError,
    "macros-off": MacrosOff,
    "memory": NoMemory,
    "no-image": ImageClosed,
    "no-table": NoTable,
    "timeout": TimedOut,
    "usage": UsageError,
}


def of(error: Any) -> FerryError:
    """The exception for an error that ImageJ has answered."""
    made = _CLASSES.get(error.get("code"), ImageJError)(error.get("message", "ImageJ has not said why"))
    if isinstance(made, DialogBlocked):
        made.title = error.get("dialog", "")
    return made
