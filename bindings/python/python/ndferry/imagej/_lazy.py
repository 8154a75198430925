"""Images whose planes stay in Python until ImageJ looks at them."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from .._errors import FerryError, TransferError
from .._ndferry import Stop
from . import _errors, _talk
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
        _talk.ask(peer, call, timeout=address.timeout)
        server = _Server(peer, source)
        try:
            answer = server.until_answered()
        except BaseException:
            peer.close()
            raise
        super().__init__(address, answer["image"]["id"], answer["image"]["title"])
        self._server = server
        threading.Thread(target=server.stop.run, args=(server.work, (), {}), daemon=True).start()

    @property
    def planes_read(self) -> int:
        """How many planes ImageJ has asked for."""
        return self._server.planes


class _Server:
    """Answers for planes until the image is closed."""

    def __init__(self, peer: _ndferry.Peer, source: Any) -> None:
        self.peer, self.source = peer, source
        self.planes = 0
        self.stop = Stop()

    def until_answered(self) -> Any:
        """Gives ImageJ's answer; it asks for planes before it."""
        try:
            while (word := self.peer.hear()) is not None:
                is_call, number, text = word
                if is_call:
                    self.answer(number, json.loads(text))
                    continue
                answer = json.loads(text)
                if "error" in answer:
                    raise _errors.of(answer["error"])
                return answer
        except (TransferError, OSError) as error:
            raise _errors.Disconnected(f"ImageJ went away, or its server was stopped: {error}") from error
        raise _errors.Disconnected("ImageJ went away, or its server was stopped")

    def work(self) -> None:
        """In a thread of its own."""
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
