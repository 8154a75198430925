"""Images whose planes stay in Python until ImageJ looks at them."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import FerryError
from .._ndferry import Stop
from . import _talk
from ._image import Image

if TYPE_CHECKING:
    from .. import _ndferry
    from ._talk import Address


class LazyImage(Image):
    """An `Image` whose planes ImageJ asks for when it looks at them, for as long as this process lives.

    What is drawn into its pixels is lost with the next plane.
    """

    _server: _Server

    def __init__(self, address: Address, source: Any, call: dict[str, Any]) -> None:
        peer = address.connect()
        answer, _ = _talk.ask(peer, call, timeout=address.timeout)
        image = answer["image"]
        super().__init__(address, image["id"], image["title"])
        self._server = _Server(peer, source)

    @property
    def planes_read(self) -> int:
        """How many planes ImageJ has asked for."""
        return self._server.planes


class _Server:
    """Answers for planes in a thread of its own, until the image is closed."""

    def __init__(self, peer: _ndferry.Peer, source: Any) -> None:
        self.peer, self.source = peer, source
        self.planes = 0
        self.stop = Stop()
        threading.Thread(target=self.stop.run, args=(self.work, (), {}), daemon=True).start()

    def work(self) -> None:
        try:
            while (word := self.peer.hear()) is not None:
                is_call, number, text = word
                if is_call:
                    self.answer(number, json.loads(text))
        except (OSError, FerryError, KeyboardInterrupt):
            pass  # the image or ImageJ was closed
        finally:
            self.peer.close()

    def answer(self, number: int, call: Any) -> None:
        try:
            if call.get("call") != "plane":
                raise ValueError(f"a plane can be asked for, not {call.get('call')!r}")
            index = tuple(slice(None) if at is None else int(at) for at in call["index"])
            plane = np.ascontiguousarray(self.source[index])
        except Exception as error:
            # ImageJ says that this plane cannot be had; others may.
            wrong = {"error": {"code": "usage", "message": f"{type(error).__name__}: {error}"}}
            self.peer.answer(number, json.dumps(wrong), None)
            return
        self.planes += 1
        self.peer.answer(number, '{"arrays": true}', plane)
