"""Move NumPy arrays between languages, processes and machines.

Files of arrays (``.npy``, ``.npz``, pickles of any protocol and NumPy, joblib's, ``.npb``) are loaded without running
anything that is in them, read in parts, and written; arrays are sent between processes in checked blocks.
"""

from __future__ import annotations

from typing import Any

from . import _ndferry
from ._errors import (
    FerryError,
    FormatError,
    LimitError,
    MemberError,
    TransferError,
    UnsafePickle,
    UnsupportedError,
    UsageError,
)
from ._ndferry import Array, LazyArray, __version__
from ._opaque import Opaque

__all__ = [
    "Array",
    "FerryError",
    "FormatError",
    "LazyArray",
    "LimitError",
    "MemberError",
    "Opaque",
    "TransferError",
    "UnsafePickle",
    "UnsupportedError",
    "UsageError",
    "__version__",
    "dumps",
    "load",
    "load_all",
    "loads",
    "open",
    "save",
]


def load(
    src: Any,
    member: str | None = None,
    *,
    allow: Any = "std",
    mmap: bool = False,
    encoding: str = "latin1",
    errors: str = "strict",
    max_bytes: int | None = None,
) -> Any:
    """Read a file of arrays or values, whatever wrote it, without running anything that is in it.

    Parameters
    ----------
    src : str, os.PathLike or binary file
        The file. What it is, is told by its first bytes: ``.npy``, ``.npz``, a pickle of protocol 0 to 5, also in gzip or
        zlib, joblib's or ``.npb``. A URL of another kind than files is opened by fsspec.
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
    threads: int = 0,
    overwrite: bool = False,
    progress: Any = None,
) -> int:
    """Write an array, or several with names, to a file that appears whole or not at all.

    Parameters
    ----------
    dst : str, os.PathLike or binary file
        Where to.
    obj : array-like, LazyArray, or mapping of str to these
        What. A `LazyArray` is copied in pieces, so that it may be larger than memory.
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
    threads : int
        Threads that pack; 0 for one a core.
    overwrite : bool
        Replace a file that exists.
    progress : bool or callable, optional
        Called as ``progress(done_bytes, total_bytes)``. True shows a bar if tqdm is installed.

    Returns
    -------
    int
        The bytes of the file.
    """
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
        return _ndferry.save(dst, obj, writing, told)


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
    return _ndferry.dumps(obj, writing)


def open(
    src: Any,
    member: str | None = None,
    *,
    cache_bytes: int = 32 << 20,
    threads: int = 0,
) -> LazyArray:
    """Open one array of a file, to read parts of it.

    Parameters
    ----------
    src : str, os.PathLike or binary file
        The file; see `load`.
    member : str, optional
        Which array, if there are several.
    cache_bytes : int
        Unpacked parts of NPB files that are kept because only some of their elements were asked for so far.
    threads : int
        Threads that unpack; 0 for one a core.

    Examples
    --------
    >>> import numpy, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.npy"
    >>> numpy.save(path, numpy.arange(12).reshape(3, 4))
    >>> with open(path) as a:
    ...     a[1, ::2]
    array([4, 6])
    """
    return _ndferry.open_array(src, member, cache_bytes, threads)


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
            from tqdm.auto import tqdm
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
