"""Calls to one ImageJ."""

from __future__ import annotations

import json
from typing import Any

from .. import _ndferry
from .._errors import FerryError, TokenError, TransferError
from . import _errors

VERSION = 1

# Beyond what ImageJ itself waits for, and takes for a transfer.
_SLACK = 30.0


class Address:
    """Where an ImageJ listens, and what proves that it is one."""

    def __init__(self, url: str, token: str | bytes | None, timeout: float, shared_memory: bool = True) -> None:
        self.url, self.token, self.timeout, self.shared_memory = url, token, timeout, shared_memory

    def connect(self) -> _ndferry.Peer:
        try:
            return _ndferry.Peer(self.url, self.timeout, self.token, self.shared_memory)
        except TokenError as error:
            raise _errors.WrongToken(
                f"{self.url}: {error}; is it another ImageJ than the one you mean? connect() finds yours by itself"
            ) from error
        except (OSError, TransferError) as error:
            raise _errors.NotRunning(f"{self.url}: no ImageJ answers there: {error}") from error

    def ask(self, call: dict[str, Any], array: Any = None, *, timeout: float | None = None) -> tuple[Any, list[Any]]:
        """One call over a connection of its own; gives the answer and its arrays."""
        peer = self.connect()
        try:
            return ask(peer, call, array, timeout=timeout or self.timeout)
        finally:
            peer.close()


def ask(peer: _ndferry.Peer, call: dict[str, Any], array: Any = None, *, timeout: float) -> tuple[Any, list[Any]]:
    """One call; what ImageJ cannot do is raised."""
    text = json.dumps({**call, "timeout": timeout}, allow_nan=False)
    try:
        answered, arrays = peer.ask(text, array, timeout + _SLACK)
    except (TransferError, OSError) as error:
        raise _errors.Disconnected(f"ImageJ went away, or its server was stopped: {error}") from error
    answer = json.loads(answered)
    if "error" in answer:
        raise _errors.of(answer["error"])
    return answer, arrays


def find(timeout: float, shared_memory: bool = True) -> Address:
    """The ImageJ that was started last, of those that answer."""
    problems: list[FerryError] = []
    for found in _ndferry.running():
        address = Address(found["url"], found["token"], timeout, shared_memory)
        try:
            check(address)
        except (_errors.NotRunning, _errors.WrongToken) as error:
            # It was killed, and somebody else may have its port.
            problems.append(error)
            continue
        return address
    raise _errors.NotRunning(
        "no ImageJ answers: start it, and in it Plugins > ndferry > Start ndferry Server; if there is no such menu, "
        "`ndferry imagej install FOLDER` puts the plugin into the folder of your ImageJ or Fiji; launch() starts one"
        + "".join(f" ({error})" for error in problems[:1])
    )


def check(address: Address) -> Any:
    """Its status, if it speaks the same version."""
    status, _ = address.ask({"call": "status"})
    if status.get("version") != VERSION:
        raise _errors.WrongVersion(
            f"the plugin in ImageJ ({status.get('plugin')}) speaks version {status.get('version')} of the calls, this "
            f"package {VERSION}: `ndferry imagej install FOLDER` puts the right plugin there"
        )
    return status
