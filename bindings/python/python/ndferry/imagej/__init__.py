"""Images to and from an ImageJ that runs.

The plugin ``Ndferry_.jar`` makes an ImageJ (or Fiji) answer programs of the same user; see the guide's page on ImageJ.

Examples
--------
>>> import ndferry.imagej  # doctest: +SKIP
>>> ij = ndferry.imagej.connect()  # doctest: +SKIP
>>> im = ij.show(stack, axes="ZCYX", spacing=(0.2, 0.1, 0.1), unit="um", luts=["Green", "Magenta"])  # doctest: +SKIP
>>> edited = im.numpy()  # doctest: +SKIP
"""

from __future__ import annotations

from . import _talk
from ._app import ImageJ
from ._describe import ImageInfo
from ._errors import (
    DialogBlocked,
    Disconnected,
    ImageClosed,
    ImageJError,
    MacroError,
    MacrosOff,
    NoMemory,
    NoPixels,
    NoTable,
    NotRunning,
    PluginMissing,
    TimedOut,
    WrongAxes,
    WrongToken,
    WrongVersion,
)
from ._image import Image
from ._launch import launch
from ._lazy import LazyImage
from ._live import LiveView
from ._roi import Roi

__all__ = [
    "DialogBlocked",
    "Disconnected",
    "Image",
    "ImageClosed",
    "ImageInfo",
    "ImageJ",
    "ImageJError",
    "LazyImage",
    "LiveView",
    "MacroError",
    "MacrosOff",
    "NoMemory",
    "NoPixels",
    "NoTable",
    "NotRunning",
    "PluginMissing",
    "Roi",
    "TimedOut",
    "WrongAxes",
    "WrongToken",
    "WrongVersion",
    "connect",
    "launch",
]


def connect(
    address: str | None = None,
    *,
    token: str | bytes | None = None,
    timeout: float = 30.0,
    shared_memory: bool = True,
) -> ImageJ:
    """Connect to an ImageJ that runs.

    Parameters
    ----------
    address : str, optional
        ``host:port``, for instance the end of an SSH tunnel; by default the ImageJ of this user that was started last is
        found by itself.
    token : str or bytes, optional
        What that ImageJ's server made; it stands in the file ``imagej-<pid>.json`` beside it.
    timeout : float
        Seconds that ImageJ may take for anything, if nothing else is said.
    shared_memory : bool
        Whether large arrays go through memory that both processes have, where that can be (Linux, the same machine and
        user); otherwise, and where it cannot be, they go through the connection.

    Raises
    ------
    NotRunning
        No ImageJ answers.
    WrongToken
        It does not know the token.
    WrongVersion
        Its plugin speaks another version of the calls.
    """
    if address is None:
        return ImageJ(_talk.find(timeout, shared_memory))
    url = address if "://" in address else f"tcp://{address}"
    found = _talk.Address(url, token, timeout, shared_memory)
    _talk.check(found)
    return ImageJ(found)
