"""A window that follows a camera."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .._errors import UsageError
from . import _talk
from ._image import Image, announced

if TYPE_CHECKING:
    from ._talk import Address


# ImageJ hangs up on who says nothing for ten minutes.
_IDLE = 300.0


class LiveView:
    """A window that shows the newest frame. Frames that come faster than ImageJ draws are left out.

    Attributes
    ----------
    image : Image
        The image of the window.
    pushed, drawn, dropped : int
        Frames so far: given, drawn by ImageJ, left out since a newer one came.
    """

    def __init__(self, address: Address, image: Image, template: Any, axes: str, autoscale: bool) -> None:
        self.image = image
        self.pushed = self.drawn = self.dropped = 0
        self._address, self._peer, self._used = address, address.connect(), time.monotonic()
        self._timeout = address.timeout
        call = announced(template, axes, False)
        self._call = {"call": "update", "id": image.id, "brief": True, "autoscale": autoscale, **call}
        self._changed = threading.Condition()
        self._free = [np.empty_like(template) for _ in range(2)]
        self._newest: Any = None
        self._error: BaseException | None = None
        self._busy = self._closing = self._is_told = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def push(self, frame: Any, *, wait: bool = False) -> None:
        """Show a frame.

        Parameters
        ----------
        frame : array-like
            Of the shape and dtype of the view; it is copied, and may be changed at once.
        wait : bool
            Whether to return only when it is drawn.

        Raises
        ------
        ImageClosed
            The window was closed.
        """
        frame = np.asarray(frame)
        with self._changed:
            self._check()
            slot = self._newest if self._newest is not None else self._free.pop()
            if frame.shape != slot.shape or frame.dtype != slot.dtype:
                if self._newest is None:
                    self._free.append(slot)
                raise UsageError(f"frames are {slot.dtype} {slot.shape}, not {frame.dtype} {frame.shape}")
            self.pushed += 1
            self.dropped += self._newest is not None
            np.copyto(slot, frame)
            self._newest = slot
            self._changed.notify_all()
        if wait:
            self.flush()

    def flush(self) -> None:
        """Wait until the newest frame is drawn."""
        with self._changed:
            while self._error is None and (self._newest is not None or self._busy):
                self._changed.wait(0.2)
            self._check()

    def close(self) -> None:
        """Draw what was pushed last, and end; the window stays."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(self._timeout)
        self._peer.close()
        if self._error is not None and not self._is_told:
            self._check()

    def _check(self) -> None:
        if self._error is not None:
            self._is_told = True
            raise self._error
        if self._closing:
            raise UsageError("the view is closed")

    def _work(self) -> None:
        while True:
            with self._changed:
                while self._newest is None and not self._closing:
                    self._changed.wait()
                if self._newest is None:
                    return
                frame, self._newest, self._busy = self._newest, None, True
            error: BaseException | None = None
            try:
                if time.monotonic() - self._used > _IDLE:
                    self._peer.close()
                    self._peer = self._address.connect()
                _talk.ask(self._peer, self._call, frame, timeout=self._timeout)
                self._used = time.monotonic()
            except BaseException as raised:
                error = raised
            with self._changed:
                self._busy = False
                self._free.append(frame)
                self._error = error
                self.drawn += error is None
                self._changed.notify_all()
                if error is not None:
                    return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _class: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        try:
            self.close()
        except BaseException:
            if error is None:
                raise
