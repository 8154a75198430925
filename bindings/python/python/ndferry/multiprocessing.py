"""Arrays between the processes of `multiprocessing`, through memory that they share (Linux).

After `install`, ``Pipe``, ``Queue``, ``SimpleQueue``, ``Pool`` and ``ProcessPoolExecutor`` of the standard library move
large arrays through segments of shared memory that are used again and again. Nothing else changes: what is sent is
pickled, what arrives is an array of its own, which may be written to. It lies in the segment; writing to it copies the
pages that are written. When it dies, and all its views, the segment is used again.

    import ndferry.multiprocessing
    ndferry.multiprocessing.install()
"""

from __future__ import annotations

import io
import itertools
import multiprocessing.connection
import multiprocessing.queues
import multiprocessing.reduction
import os
import pickle
import socket
import struct
import sys
import time
import types
import weakref
from typing import Any

from . import _ndferry
from ._errors import UnsupportedError

__all__ = ["install", "uninstall"]

# What of the standard library has no types.
_connection: Any = multiprocessing.connection
_queues: Any = multiprocessing.queues
_reduction: Any = multiprocessing.reduction
_Plain: Any = _reduction.ForkingPickler

# In the place of a message's length: before the message comes what its segment is called and how long it is, and with that
# the segment; or no length and no segment, if it could not be sent after all.
_SEGMENT = -2
_ABOUT = struct.Struct("!24sQ")

# Where elements begin: at cache lines.
_ALIGNMENT = 64

# While a receiver does not read, one message or so many bytes are enough under way: it is worth waiting for segments that
# are used again. After so many seconds it is as much as the pool may have. If that is not enough either for a moment,
# messages go through the pipe, which waits as long as it takes.
_ENOUGH = 64 << 20
_ANY = (1 << 64) - 1
_WORTH = 1.0
_MOMENT = 0.05


class _Settings:
    """What `install` was told; None of it while it is not installed."""

    given: tuple[int, int] | None = None
    # What was there before.
    replaced: list[tuple[Any, str, Any]] = []


def install(*, min_bytes: int = 1 << 17, pool_bytes: int = 1 << 30) -> None:
    """Have the pipes, queues and pools that are made from now on move large arrays through shared memory.

    Processes that are started from now on do the same, however they are started.

    Parameters
    ----------
    min_bytes : int
        Smaller arrays are pickled as before.
    pool_bytes : int
        How much each process may keep for segments: those that wait to be read, and those that wait to be used again. If
        receivers do not read what would be more, it is pickled as before, so that ``send`` waits for them.

    Raises
    ------
    UnsupportedError
        The system is not Linux.

    Examples
    --------
    >>> import multiprocessing, numpy
    >>> install()
    >>> here, there = multiprocessing.Pipe()
    >>> here.send(numpy.arange(1_000_000))
    >>> there.recv().sum()
    np.int64(499999500000)
    >>> uninstall()
    """
    if not _ndferry.shares_memory():
        raise UnsupportedError("this system has no memory files; arrays are pickled as before")
    if min_bytes < 1 or pool_bytes < 0:
        raise ValueError(f"min_bytes={min_bytes}, pool_bytes={pool_bytes}")
    _ndferry.set_pool_bytes(pool_bytes)
    was_installed = _Settings.given is not None
    _Settings.given = (min_bytes, pool_bytes)
    if was_installed:
        return
    for owner, name, ours in (
        (_connection, "Pipe", _pipe),
        (_queues.Queue, "_feed", staticmethod(_feed)),
        (_queues.SimpleQueue, "put", _put),
    ):
        _Settings.replaced.append((owner, name, vars(owner)[name]))
        setattr(owner, name, ours)


def uninstall() -> None:
    """Have arrays pickled as before. Pipes and queues that are there go on working."""
    for owner, name, theirs in _Settings.replaced:
        setattr(owner, name, theirs)
    _Settings.replaced.clear()
    _Settings.given = None
    _ndferry.clear_pool()


class _Message:
    """A pickle, with the segment that its arrays are in."""

    def __init__(self, data: Any, segment: Any, aside: _Aside, obj: Any) -> None:
        self.data = data
        self.segment = segment
        self.about = _ABOUT.pack(aside.name, aside.nbytes)
        # What was pickled, in case the segment cannot be sent.
        self.obj = obj


# The same on the other side, in the form in which it came: keeps the memory until it is unpickled.
_Received: Any = type("_Received", (bytes,), {})

# The segments whose messages are being unpickled, or kept as bytes.
_memories: weakref.WeakValueDictionary[bytes, Any] = weakref.WeakValueDictionary()


def _array(name: bytes, offset: int, dtype: Any, shape: tuple[int, ...], order: Any) -> Any:
    """An array in a segment that has come."""
    import numpy

    memory = _memories.get(name)
    if memory is None:
        raise EOFError("the pickle's arrays came beside it, and are gone; unpickle what recv_bytes() gave before it dies")
    return numpy.ndarray(shape, dtype, memory, offset, order=order)


class _Names:
    """Names that no other message of any process has."""

    def __init__(self) -> None:
        self.start = os.urandom(16)
        self.count = itertools.count()

    def next(self) -> bytes:
        return self.start + next(self.count).to_bytes(8, "little")


_names = _Names()


def _after_fork() -> None:
    global _names
    _names = _Names()
    _ndferry.forget_leases()


os.register_at_fork(after_in_child=_after_fork)


class _Aside:
    """Where large arrays are put while the rest is pickled."""

    def __init__(self, min_bytes: int) -> None:
        self.min_bytes = min_bytes
        self.name = b""
        self.arrays: list[Any] = []
        self.offsets: list[int] = []
        self.nbytes = 0

    def reduce(self, array: Any) -> Any:
        """How an array is pickled."""
        nbytes = array.nbytes
        if nbytes < self.min_bytes or array.dtype.hasobject:
            return array.__reduce__()
        order = "C"
        if not array.flags.c_contiguous:
            if array.flags.f_contiguous:
                order = "F"
            else:
                array = array.copy("C")
        if not self.arrays:
            self.name = _names.next()
        offset = -(-self.nbytes // _ALIGNMENT) * _ALIGNMENT
        self.arrays.append(array)
        self.offsets.append(offset)
        self.nbytes = offset + nbytes
        return _array, (self.name, offset, array.dtype, array.shape, order)

    def lend(self) -> Any:
        """A segment with the arrays; None if there is no room for them."""
        for under_way, seconds in ((max(_ENOUGH, 3 * self.nbytes // 2), _WORTH), (_ANY, _MOMENT)):
            until = time.monotonic() + seconds
            while True:
                segment = _ndferry.lend(self.arrays, self.offsets, self.nbytes, under_way)
                if segment is not None:
                    return segment
                if time.monotonic() > until:
                    break
                time.sleep(0.002)
        return None


def _ndarray() -> Any:
    """NumPy's class, if there can be any of its arrays."""
    global _class
    if _class is None:
        numpy = sys.modules.get("numpy")
        # It may be just being imported.
        _class = getattr(numpy, "ndarray", None)
    return _class


_class: Any = None


def _dumps(obj: Any) -> Any:
    """A `_Message` if there are large arrays in it and room for them; otherwise what multiprocessing makes of it."""
    given, ndarray = _Settings.given, _ndarray()
    if given is None or ndarray is None:
        return _Plain.dumps(obj)
    if type(obj) is ndarray and obj.nbytes < given[0]:
        dtype, special = obj.dtype, _Plain._extra_reducers
        if dtype.hasobject or ndarray in special or type(dtype) in special:
            return _Plain.dumps(obj)
        # The same bytes in less time: in a small array of numbers there is nothing that multiprocessing pickles in its own way.
        return pickle.dumps(obj)
    file = io.BytesIO()
    pickler = _Plain(file)
    aside = _Aside(given[0])
    # Somebody else may have something to say about arrays.
    pickler.dispatch_table.setdefault(ndarray, aside.reduce)
    pickler.dump(obj)
    if not aside.arrays:
        return file.getbuffer()
    segment = aside.lend()
    if segment is None:
        return _Plain.dumps(obj)
    return _Message(file.getbuffer(), segment, aside, obj)


class _Connection(_connection.Connection):  # type: ignore[misc]
    """An end of a pipe that can pass segments."""

    def __init__(self, handle: Any, readable: bool = True, writable: bool = True, side: Any = None) -> None:
        super().__init__(handle, readable, writable)
        # The socket that passes them if the pipe is none.
        self._side = side

    def _close(self) -> None:
        super()._close()
        if self._side is not None:
            self._side.close()

    def send(self, obj: Any) -> None:
        self._check_closed()
        self._check_writable()
        self._send_either(_dumps(obj))

    def send_bytes(self, buf: Any, offset: int = 0, size: int | None = None) -> None:
        if type(buf) is not _Message:
            super().send_bytes(buf, offset, size)
            return
        self._check_closed()
        self._check_writable()
        self._send_either(buf)

    def _send_either(self, buf: Any) -> None:
        if type(buf) is not _Message:
            self._send_bytes(buf)
            return
        data, about = buf.data, buf.about
        obj, buf.obj = buf.obj, None
        with buf.segment as segment:
            self._send(struct.pack("!i", _SEGMENT))
            with _Passing(self) as side:
                try:
                    socket.send_fds(side, [about], [segment.fileno()])
                except ConnectionError:
                    raise
                except OSError:
                    # Too many descriptors are under way (`man 7 unix`, ETOOMANYREFS).
                    side.sendall(_ABOUT.pack(b"", 0))
                    data = _Plain.dumps(obj)
        self._send_bytes(data)

    def recv(self) -> Any:
        self._check_closed()
        self._check_readable()
        # Holds the memory until its arrays do.
        buf = self._recv_bytes()
        return _Plain.loads(buf.getbuffer())

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        self._check_closed()
        self._check_readable()
        if maxlength is not None and maxlength < 0:
            raise ValueError("negative maxlength")
        buf = self._recv_bytes(maxlength)
        if buf is None:
            self._bad_message_length()
        memory = getattr(buf, "memory", None)
        if memory is None:
            plain: bytes = buf.getvalue()
            return plain
        received: bytes = _Received(buf.getbuffer())
        received.memory = memory  # type: ignore[attr-defined]
        return received

    def _recv_bytes(self, maxsize: int | None = None) -> Any:
        (size,) = struct.unpack("!i", self._recv(4).getvalue())
        memory = None
        if size == _SEGMENT:
            memory = self._recv_memory()
            (size,) = struct.unpack("!i", self._recv(4).getvalue())
        if size == -1:
            (size,) = struct.unpack("!Q", self._recv(8).getvalue())
        if maxsize is not None and size > maxsize:
            return None
        buf = self._recv(size)
        if memory is not None:
            buf.memory = memory
        return buf

    def _recv_memory(self) -> Any:
        with _Passing(self) as side:
            about, descriptors, _, _ = socket.recv_fds(side, _ABOUT.size, 1, socket.MSG_CMSG_CLOEXEC)
            while about and len(about) < _ABOUT.size:
                more = side.recv(_ABOUT.size - len(about))
                about = about + more if more else b""
        if not about:
            raise EOFError
        name, nbytes = _ABOUT.unpack(about)
        if not descriptors:
            if nbytes:
                raise OSError("a segment was lost on its way: there are no descriptors left")
            return None
        memory = _ndferry.borrow(descriptors[0], nbytes)
        _memories[name] = memory
        return memory


class _Passing:
    """The socket by which a connection passes segments: its own, or one beside it."""

    def __init__(self, connection: _Connection) -> None:
        self.own = connection._side is None
        self.socket: socket.socket = connection._side
        if self.own:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, connection._handle)
            self.socket.settimeout(None)

    def __enter__(self) -> socket.socket:
        return self.socket

    def __exit__(self, *_: object) -> None:
        if self.own:
            self.socket.detach()


def _pipe(duplex: bool = True) -> tuple[Any, Any]:
    """``Pipe``: sockets as before, or a pipe, which is faster for small messages, with sockets beside it."""
    here, there = socket.socketpair()
    here.settimeout(None)
    there.settimeout(None)
    if duplex:
        return _Connection(here.detach()), _Connection(there.detach())
    reading, writing = os.pipe()
    return _Connection(reading, writable=False, side=here), _Connection(writing, readable=False, side=there)


def _reduce(connection: Any) -> Any:
    handle, side = connection.fileno(), connection._side
    descriptors = [_reduction.DupFd(handle)] + ([] if side is None else [_reduction.DupFd(side.fileno())])
    return _rebuild, (descriptors, connection.readable, connection.writable, _Settings.given)


def _rebuild(descriptors: Any, readable: bool, writable: bool, settings: tuple[int, int] | None) -> _Connection:
    # A process that was started anew is told here; one that was told otherwise already keeps to that.
    if settings is not None and _Settings.given is None:
        install(min_bytes=settings[0], pool_bytes=settings[1])
    handle, *side = [descriptor.detach() for descriptor in descriptors]
    if not side:
        return _Connection(handle, readable, writable)
    beside = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, side[0])
    beside.settimeout(None)
    return _Connection(handle, readable, writable, beside)


_Plain.register(_Connection, _reduce)


class _Dumps:
    """What the standard library's functions find in the place of ForkingPickler."""

    @staticmethod
    def dumps(obj: Any) -> Any:
        return _dumps(obj)

    @staticmethod
    def loads(data: Any) -> Any:
        return _Plain.loads(data)


def _with_dumps(function: Any) -> Any:
    """The same function, which pickles by `_dumps`."""
    names = {**function.__globals__, "_ForkingPickler": _Dumps}
    return types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)


_plain_feed = _queues.Queue._feed
_plain_put = _queues.SimpleQueue.put
_sharing_feed = _with_dumps(_plain_feed)
_sharing_put = _with_dumps(_plain_put)


def _feed(buffer: Any, notempty: Any, send_bytes: Any, *rest: Any) -> None:
    """``Queue._feed``: the thread that sends."""
    sharing = isinstance(getattr(send_bytes, "__self__", None), _Connection)
    (_sharing_feed if sharing else _plain_feed)(buffer, notempty, send_bytes, *rest)


def _put(self: Any, obj: Any) -> None:
    """``SimpleQueue.put``."""
    sharing = isinstance(self._writer, _Connection)
    (_sharing_put if sharing else _plain_put)(self, obj)
