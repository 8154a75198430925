"""Long calls for asyncio: in a thread, and stopped when the task is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ._ndferry import Stop


async def in_thread(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    stop = Stop()

    def work() -> tuple[Any, BaseException | None]:
        # A KeyboardInterrupt, which stopped work raises, must not end the thread's loop.
        try:
            return stop.run(function, args, kwargs), None
        except BaseException as error:
            return None, error

    running = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        result, error = await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        # Until then it may write to memory of the caller's.
        await running
        raise
    if error is not None:
        raise error
    return result
