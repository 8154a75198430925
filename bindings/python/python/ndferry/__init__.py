"""Move NumPy arrays between languages, processes and machines.

Files of arrays (``.npy``, ``.npz``, pickles of any protocol and NumPy, joblib's, ``.npb``) are loaded without running
anything that is in them, read in parts, and written; arrays are sent between processes in checked blocks.
"""

from __future__ import annotations

from . import _ndferry
from ._errors import (
    FerryError,
    FormatError,
    LimitError,
    MemberError,
    TokenError,
    TransferError,
    UnsafePickle,
    UnsupportedError,
    UsageError,
)
from ._ndferry import Array, Channel, LazyArray, Listener, Live, Watcher, Writer, __version__
from ._opaque import Opaque

# Known to type checkers; importing `typing` takes longer than all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    from ._reports import CheckReport, Difference, Info, Member, ScanReport

__all__ = [
    "Array",
    "Channel",
    "CheckReport",
    "Difference",
    "FerryError",
    "FormatError",
    "Info",
    "LazyArray",
    "LimitError",
    "Listener",
    "Live",
    "Member",
    "MemberError",
    "Opaque",
    "ScanReport",
    "TokenError",
    "TransferError",
    "UnsafePickle",
    "UnsupportedError",
    "UsageError",
    "Watcher",
    "Writer",
    "__version__",
    "check",
    "connect",
    "create",
    "diff",
    "dumps",
    "from_frames",
    "inspect",
    "listen",
    "live",
    "load",
    "load_all",
    "loads",
    "open",
    "repickle",
    "save",
    "scan",
    "to_frames",
    "watch",
]


def __getattr__(name: str) -> Any:
    # Loaded when they are first needed.
    if name in ("CheckReport", "Difference", "Info", "Member", "ScanReport"):
        from . import _reports

        return getattr(_reports, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load(
    src: Any,
    member: str | None = None,
    *,
    allow: Any = "std",
    mmap: bool = False,
    encoding: str = "latin1",
    errors: str = "strict",
    max_bytes: int | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Any:
    """Read a file of arrays or values, whatever wrote it, without running anything that is in it.

    Parameters
    ----------
    src : str, os.PathLike or binary file
        The file. What it is, is told by its first bytes: ``.npy``, ``.npz``, a pickle of protocol 0 to 5, also in gzip or
        zlib, joblib's or ``.npb``. Of a file behind ``http://`` or ``https://`` only the parts that are needed are
        fetched; URLs of other kinds, and what `fsspec.open` gives, are opened by fsspec.
    member : str, optional
        The name of one array of an archive; keys and indexes, joined by dots, in a pickle.
    allow : "std", "arrays", "opaque" or list of str
        Which classes a pickle may refer to. ``"arrays"``: those of NumPy's arrays and builtin values; ``"std"``: also
        dates, decimals, paths and the like; names as ``["pandas.core.frame.DataFrame"]``: also these, which come as
        `Opaque`; ``"opaque"``: all. Nothing is imported, whatever is allowed.
    mmap : bool
        Map the file into memory instead of reading it: arrays that lie in it as they are then share it, and are
        read-only. Nobody may cut the file meanwhile.
    encoding, errors : str
        How a Python 2 ``str`` is decoded, as in `pickle.load`; ``"bytes"`` leaves it as `bytes`.
    max_bytes : int, optional
        Refuse arrays, and what packed files expand to, beyond this many bytes.
    storage_options : mapping, optional
        What fsspec needs to open the address. With it fsspec opens web servers' files too.

    Returns
    -------
    object
        A `numpy.ndarray` of the same dtype and order, a dict of them, or what was pickled: masked arrays, matrices,
        record arrays and scalars as such, containers as builtins; objects that were shared are shared, cycles closed.
        Arrays are writable and in memory of their own. Where NumPy is not installed they are of class `Array`.

    Raises
    ------
    UnsafePickle
        A pickle refers to what is not allowed; ``.globals`` lists it.
    FormatError
        The bytes are not what they claim; ``.offset`` is where.
    """
    common = {"allow": allow, "encoding": encoding, "errors": errors, "max_bytes": max_bytes}
    if storage_options is not None:
        from ._fsspec import reading

        with reading(src, storage_options) as file:
            return _ndferry.load(file, member, mmap, False, common)
    return _ndferry.load(src, member, mmap, False, common)


def load_all(
    src: Any,
    *,
    allow: Any = "std",
    encoding: str = "latin1",
    errors: str = "strict",
    max_bytes: int | None = None,
) -> Any:
    """Read several pickles that stand one after another in a file, in turn.

    Parameters are those of `load`.

    Returns
    -------
    iterator
        What `load` would give for each; of other files, the one thing that they hold.
    """
    common = {"allow": allow, "encoding": encoding, "errors": errors, "max_bytes": max_bytes}
    return iter(_ndferry.load(src, None, False, True, common))


def loads(
    buffer: Any,
    member: str | None = None,
    *,
    buffers: Any = None,
    copy: bool = True,
    allow: Any = "std",
    encoding: str = "latin1",
    errors: str = "strict",
    max_bytes: int | None = None,
) -> Any:
    """Read a file of arrays or values that is in memory.

    Parameters
    ----------
    buffer : bytes-like
        The bytes of the file.
    buffers : iterable of bytes-like, optional
        What a pickle of protocol 5 has out of band, as in `pickle.loads`.
    copy : bool
        Whether each array gets memory of its own, aligned and writable. Without, arrays share `buffer` where their
        elements are aligned in it, and all are read-only; a buffer that is not `bytes` is copied as a whole first, since
        somebody might write to it.
    member, allow, encoding, errors, max_bytes
        As in `load`.

    Examples
    --------
    >>> import numpy, pickle
    >>> loads(pickle.dumps({"x": numpy.arange(3)}))
    {'x': array([0, 1, 2])}
    """
    common = {"allow": allow, "encoding": encoding, "errors": errors, "max_bytes": max_bytes}
    return _ndferry.loads(buffer, member, buffers, copy, common)


def save(
    dst: Any,
    obj: Any,
    *,
    format: str | None = None,
    codec: str | None = None,
    filter: str | None = None,
    tile: tuple[int, ...] | None = None,
    block: int | None = None,
    order: str | None = None,
    pickle_protocol: int | None = None,
    numpy_compat: Any = "any",
    attrs: Any = None,
    threads: int = 0,
    overwrite: bool = False,
    progress: Any = None,
    storage_options: Mapping[str, Any] | None = None,
) -> int:
    """Write an array, several with names, or as a pickle anything, to a file that appears whole or not at all.

    Parameters
    ----------
    dst : str, os.PathLike or binary file
        Where to. A URL is written by fsspec.
    obj : array-like, LazyArray, or mapping of str to these
        What. A `LazyArray` is copied in pieces, so that it may be larger than memory. For a pickle, any object that can be
        pickled.
    format : "npy", "npz", "npb" or "pickle", optional
        Told by the extension if not given.
    codec : str, optional
        What packs the blocks of NPB files: ``"none"``, ``"lz4"``, ``"zstd"``, ``"zstd:9"``, ``"pco"``, ``"auto"``; the
        members of archives: ``"none"``, ``"deflate"``.
    filter : "none", "shuffle", "bitshuffle" or "delta", optional
        What prepares a block for the codec.
    tile : tuple of int, optional
        The shape of the parts of an NPB file that can be read one by one.
    block : int, optional
        Bytes of such a part instead, as runs of whole rows.
    order : "C" or "F", optional
        The order in which elements are written.
    pickle_protocol : int, optional
        0 to 5.
    numpy_compat : "any", 1 or 2
        Which NumPy a pickle is for; ``"any"`` loads everywhere.
    attrs : mapping, optional
        What JSON can say about the array, to be kept with it in an NPB file.
    threads : int
        Threads that pack; 0 for one a core.
    overwrite : bool
        Replace a file that exists.
    progress : bool or callable, optional
        Called as ``progress(done_bytes, total_bytes)``. True shows a bar if tqdm is installed.
    storage_options : mapping, optional
        What fsspec needs for the URL.

    Returns
    -------
    int
        The bytes of the file.
    """
    if isinstance(dst, str) and "://" in dst and not dst.startswith("file://"):
        from ._fsspec import writing as to_url

        how = dict(locals())
        for own in ("dst", "to_url", "storage_options"):
            del how[own]
        how["format"] = format or _format_of(dst)
        return to_url(dst, storage_options, overwrite, lambda file: save(file, **how))
    if storage_options is not None:
        raise TypeError("storage_options belong to an address")
    writing = {
        "format": format or (None if not hasattr(dst, "write") else "npb"),
        "codec": codec,
        "filter": filter,
        "tile": tile,
        "block": block,
        "order": order,
        "pickle_protocol": pickle_protocol,
        "numpy_compat": numpy_compat,
        "threads": threads,
        "overwrite": overwrite,
    }
    with _progress(progress) as told:
        return _ndferry.save(dst, obj, writing, attrs, told)


def dumps(
    obj: Any,
    format: str = "npb",
    *,
    codec: str | None = None,
    filter: str | None = None,
    tile: tuple[int, ...] | None = None,
    block: int | None = None,
    order: str | None = None,
    pickle_protocol: int | None = None,
    numpy_compat: Any = "any",
    attrs: Any = None,
    threads: int = 0,
) -> bytes:
    """Write an array, or several with names, to bytes. Parameters are those of `save`.

    Examples
    --------
    >>> import numpy
    >>> loads(dumps(numpy.arange(3), "npy"))
    array([0, 1, 2])
    """
    writing = {
        "format": format,
        "codec": codec,
        "filter": filter,
        "tile": tile,
        "block": block,
        "order": order,
        "pickle_protocol": pickle_protocol,
        "numpy_compat": numpy_compat,
        "threads": threads,
        "overwrite": False,
    }
    return _ndferry.dumps(obj, writing, attrs)


def open(
    src: Any,
    member: str | None = None,
    *,
    cache_bytes: int = 32 << 20,
    threads: int = 0,
    storage_options: Mapping[str, Any] | None = None,
) -> LazyArray:
    """Open one array of a file, to read parts of it.

    Parameters
    ----------
    src : str, os.PathLike or binary file
        The file; see `load`. One of fsspec's, or of any class that can seek, is read in parts; nobody else may use it
        meanwhile.
    member : str, optional
        Which array, if there are several.
    cache_bytes : int
        Unpacked parts of NPB files that are kept because only some of their elements were asked for so far.
    threads : int
        Threads that unpack; 0 for one a core.
    storage_options : mapping, optional
        What fsspec needs to open the address. An array that was opened with it cannot be pickled: it may hold secrets.

    Examples
    --------
    >>> import numpy, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.npy"
    >>> numpy.save(path, numpy.arange(12).reshape(3, 4))
    >>> with open(path) as a:
    ...     a[1, ::2]
    array([4, 6])
    """
    if storage_options is not None:
        from ._fsspec import reading

        src = reading(src, storage_options)
    return _ndferry.open_array(src, member, cache_bytes, threads)


def create(
    dst: Any,
    *,
    dtype: Any,
    shape: Any,
    codec: str | None = None,
    filter: str | None = None,
    tile: tuple[int, ...] | None = None,
    order: str = "C",
    name: str = "",
    attrs: Any = None,
    threads: int = 0,
    overwrite: bool = False,
    sync: bool = True,
) -> Writer:
    """Create an NPB file with one array that is filled, or grows, while the file can be read by others.

    Parameters
    ----------
    dst : str or os.PathLike
        The file.
    dtype : dtype-like
        What its elements are.
    shape : tuple of int or None
        The extent of each axis. None for the one along which rows are appended: the first in C order, the last in F.
    codec, filter, tile, attrs, threads, overwrite
        As in `save`.
    order : "C" or "F"
        The order in which elements are stored.
    name : str
        Its name; the only array of a file needs none.
    sync : bool
        Whether `Writer.flush` and `Writer.close` wait for the disk, so that nothing is lost in a power cut.

    Examples
    --------
    >>> import numpy, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "log.npb"
    >>> with create(path, dtype="f4", shape=(None, 2)) as log:
    ...     for i in range(3):
    ...         log.append(numpy.full((1, 2), i))
    >>> load(path)[:, 0].tolist()
    [0.0, 1.0, 2.0]
    """
    creating = {
        "codec": codec,
        "filter": filter,
        "tile": tile,
        "order": order,
        "name": name,
        "attrs": attrs,
        "threads": threads,
        "overwrite": overwrite,
        "sync": sync,
    }
    return _ndferry.create(dst, dtype, list(shape), creating)


def inspect(src: Any) -> Info:
    """Tell what a file holds, from its headers alone.

    Examples
    --------
    >>> import numpy, io
    >>> file = io.BytesIO(dumps(numpy.zeros((3, 4), "f4"), "npy"))
    >>> inspect(file).members[0].shape
    (3, 4)
    """
    from ._reports import Info, Member

    info = _ndferry.inspect(src)
    members = [Member(**member) for member in info.pop("members")]
    return Info(members=members, **info)


def scan(src: Any, *, allow: Any = "std") -> ScanReport:
    """List everything that the pickles of a file refer to, without reading their elements.

    Parameters
    ----------
    src : str, os.PathLike, binary file or bytes
        The file: a pickle, any archive, an array of objects.
    allow : "std", "arrays" or list of str
        What passes, as in `load`.

    Examples
    --------
    >>> import os, pickle
    >>> report = scan(pickle.dumps(os.system))
    >>> report.verdict, report.safe
    ('dangerous', False)
    """
    from ._reports import ScanReport

    return ScanReport(**_ndferry.scan(src, allow))


def check(src: Any, *, allow: Any = "std") -> CheckReport:
    """Read all of a file: is it readable, safe and intact? Parameters are those of `scan`."""
    from ._reports import CheckReport

    return CheckReport(**_ndferry.check(src, allow))


def diff(
    a: Any,
    b: Any,
    *,
    rtol: float = 0.0,
    atol: float = 0.0,
    equal_nan: bool = False,
    max_listed: int = 10,
) -> Difference:
    """Compare two arrays, element by element; those in files are read in pieces.

    Parameters
    ----------
    a, b : array-like or LazyArray
        What to compare. Byte order and memory order do not count.
    rtol, atol : float
        Tolerances, as in `numpy.isclose`.
    equal_nan : bool
        Whether NaN equals NaN.
    max_listed : int
        How many indexes of differing elements to list.

    Examples
    --------
    >>> import numpy
    >>> diff(numpy.arange(3), numpy.array([0, 1, 5])).first
    [(2,)]
    """
    from ._reports import Difference

    return Difference(**_ndferry.diff(a, b, rtol, atol, equal_nan, max_listed))


def repickle(src: Any, dst: Any, *, numpy: int, overwrite: bool = False) -> int:
    """Rewrite the pickles of a file, so that NumPy 1 or NumPy 2 loads them.

    Parameters
    ----------
    src, dst : str or os.PathLike
        From which file, to which.
    numpy : 1 or 2
        Which NumPy is to load it.
    overwrite : bool
        Replace a file that exists.

    Returns
    -------
    int
        How many places were changed.
    """
    return _ndferry.repickle(src, dst, numpy, overwrite)


def connect(
    url: str,
    *,
    timeout: float = 60.0,
    token: str | bytes | None = None,
    tls_pin: str | None = None,
    tls_ca: Any = None,
    zmq: str = "dealer",
) -> Channel:
    """Make a channel to a process that listens at ``tcp://host:port``, ``tls://host:port``, ``unix:///path`` or, with
    ZeroMQ, ``zmq+tcp://host:port``.

    Parameters
    ----------
    url : str
        Where it listens.
    timeout : float
        Seconds that the other side may be silent.
    token : str or bytes, optional
        What the other side must know too. It is never sent; nothing else is sent to a side that does not prove it.
    tls_pin : str, optional
        SHA-256 of the certificate that the other side must have, in hex; `Listener.url` ends with ``#sha256=`` and it.
    tls_ca : path, optional
        PEM file of authorities, one of which must have signed that certificate. With neither, those that Mozilla trusts.
    zmq : str
        Over ZeroMQ: ``"dealer"``, or ``"push"`` or ``"pub"`` for receivers that cannot answer, so that ``send`` returns when
        all has been read, and nobody knows whether it was stored.
    """
    return _ndferry.connect(url, timeout, token, tls_pin, tls_ca, zmq)


def live(
    url: str,
    shape: Sequence[int],
    dtype: Any,
    *,
    policy: Literal["newest", "every"] = "newest",
    buffer: int = 4,
    name: str = "",
    attrs: Mapping[str, Any] | None = None,
    store: Any = None,
    overwrite: bool = False,
    timeout: float = 60.0,
    token: str | bytes | None = None,
    insecure: bool = False,
) -> Live:
    """Listen for who wants to watch, and send each frame that is pushed to all of them; they come and go as they like.

    Parameters
    ----------
    url : str
        Where to listen; port 0 takes any free one, and `Live.url` says which.
    shape : sequence of int
        Of a frame.
    dtype : dtype-like
        Of its elements.
    policy : {"newest", "every"}
        Whether who is too slow misses frames and nobody waits, or `Live.push` waits for the slowest.
    buffer : int
        Frames that are kept for those who are behind. At most these and one more for each watcher are in memory.
    name, attrs
        What the array is called, and what else is said of it.
    store : path, optional
        All frames also go into this NPB file.
    overwrite : bool
        Whether that file may exist.
    timeout : float
        Seconds that a watcher may take nothing.
    token : str or bytes, optional
        What watchers must know too.
    insecure : bool
        Listens without a token where other machines can connect.
    """
    sending = {
        "policy": policy,
        "buffer": buffer,
        "name": name,
        "attrs": attrs,
        "store": store,
        "overwrite": overwrite,
        "timeout": timeout,
        "token": token,
        "insecure": insecure,
    }
    return _ndferry.live(url, tuple(shape), dtype, sending)


def watch(url: str, *, timeout: float = 60.0, token: str | bytes | None = None) -> Watcher:
    """Watch a live stream, of `live` or ``ndferry send --live``, from its newest frame on.

    Iterating gives pairs of a frame's true number and the frame; numbers that are left out are frames that this side was too
    slow for, and `Watcher.missed` counts them.

    Parameters
    ----------
    url : str
        Where it is sent.
    timeout : float
        Seconds that the other side may be silent; between frames it says that it is there.
    token : str or bytes, optional
        What the other side must know too.
    """
    return _ndferry.watch(url, timeout, token)


def listen(
    url: str,
    *,
    timeout: float = 60.0,
    overwrite: bool = False,
    threads: int = 0,
    token: str | bytes | None = None,
    insecure: bool = False,
    tls_cert: Any = None,
    tls_key: Any = None,
) -> Listener:
    """Listen for arrays that other processes send.

    Parameters
    ----------
    url : str
        Where: ``tcp://127.0.0.1:0`` for any free port, ``tls://127.0.0.1:0`` for an encrypted one, ``unix:///path``.
    timeout : float
        Seconds that a peer may be silent once it is connected.
    overwrite : bool
        Whether `Listener.recv_to` replaces files that exist.
    threads : int
        Threads that unpack.
    token : str or bytes, optional
        What senders must know too; others are refused, and `Listener.recv` goes on waiting.
    insecure : bool
        Whether to listen without a token where other machines can connect.
    tls_cert, tls_key : path, optional
        PEM files of the certificate of a ``tls://`` address and of its private key. Without them a certificate is made,
        and `Listener.url` says which.

    Examples
    --------
    >>> import numpy, threading
    >>> with listen("tcp://127.0.0.1:0") as listener:
    ...     sender = threading.Thread(target=connect(listener.url).send, args=(numpy.arange(3),))
    ...     sender.start()
    ...     listener.recv()
    array([0, 1, 2])
    """
    return _ndferry.listen(url, timeout, overwrite, threads, token, insecure, tls_cert, tls_key)


def to_frames(
    a: Any,
    *,
    codec: str | None = None,
    filter: str | None = None,
    block: int | None = None,
    threads: int = 0,
) -> list[memoryview]:
    """Make an array into byte strings, for a transport that is not ndferry's: ``socket.send_multipart(to_frames(a))``.

    Parameters
    ----------
    a : array-like or LazyArray
        What to send. Its elements are not copied if they are contiguous, in C or F order, and not packed: do not write to
        them before the frames are gone.
    codec, filter, threads
        As in `save`; blocks are not packed by default.
    block : int, optional
        Bytes of one block; all elements are one by default.

    Returns
    -------
    list of memoryview
        Joined they are an NPB stream: with checksums, dtype, shape and order.

    Examples
    --------
    >>> import numpy
    >>> from_frames(to_frames(numpy.arange(6).reshape(2, 3).T))
    array([[0, 3],
           [1, 4],
           [2, 5]])
    """
    return _ndferry.to_frames(a, codec, filter, block, threads)


def from_frames(frames: Any, *, out: Any = None, copy: bool = False) -> Any:
    """Get the array that frames are, however they were cut, with checksums compared.

    Parameters
    ----------
    frames : iterable of bytes-like
        What `to_frames` made: a list of ZeroMQ's messages, or one of everything joined.
    out : ndarray or buffer, optional
        Where to put the elements.
    copy : bool
        Whether the array gets memory of its own and is writable. Otherwise it shares the frame, and is read-only; nobody
        may write to that frame.
    """
    return _ndferry.from_frames(frames, out, copy)


def _format_of(url: str) -> str:
    """The format that an extension means, as in Rust."""
    end = url.rpartition(".")[2].lower()
    format = {"pkl": "pickle"}.get(end, end)
    if format not in ("npy", "npz", "npb", "pickle"):
        raise UsageError(f"{url}: the extension tells no format; give format=")
    return format


class _progress:
    """Makes a callable of what users give as ``progress``."""

    def __init__(self, wanted: Any) -> None:
        self.wanted = wanted
        self.bar: Any = None

    def __enter__(self) -> Any:
        if self.wanted is None or self.wanted is False:
            return None
        if self.wanted is not True:
            return self.wanted
        try:
            from tqdm.auto import tqdm  # type: ignore[import-untyped, import-not-found, unused-ignore]
        except ImportError:
            return None
        self.bar = tqdm(unit="B", unit_scale=True, unit_divisor=1024)

        def tell(done: int, total: int | None) -> None:
            self.bar.total = total
            self.bar.update(done - self.bar.n)

        return tell

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
