"""Files of other machines, through fsspec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def reading(src: Any, storage_options: Mapping[str, Any] | None) -> Any:
    """The file at that address, opened with these options; what is no address stays as it is."""
    if storage_options is None:
        return src
    if not isinstance(src, str):
        raise TypeError("storage_options belong to an address")
    import fsspec  # type: ignore[import-untyped, import-not-found, unused-ignore]

    return fsspec.open(src, "rb", **storage_options).open()


def writing(
    dst: str, storage_options: Mapping[str, Any] | None, overwrite: bool, write: Callable[[Any], int]
) -> int:
    """Writes a file that appears when all of it is there, where the file system can do that."""
    import fsspec  # type: ignore[import-untyped, import-not-found, unused-ignore]

    system, path = fsspec.core.url_to_fs(dst, **(storage_options or {}))
    existed = system.exists(path)
    if existed and not overwrite:
        raise FileExistsError(17, "it exists already; overwrite=True replaces it", dst)
    file = system.open(path, "wb", autocommit=False)
    try:
        nbytes = write(file)
        file.close()
    except BaseException:
        file.discard()
        # Some file systems show a file before it is committed.
        if not existed and system.exists(path):
            system.rm_file(path)
        raise
    file.commit()
    return nbytes
