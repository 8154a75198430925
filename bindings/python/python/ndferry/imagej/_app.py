"""One ImageJ that runs."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any, overload

import numpy as np

from .._errors import UsageError
from .._ndferry import LazyArray
from . import _axes, _describe, _talk
from ._describe import ImageInfo
from ._errors import WrongAxes
from ._image import Image, announced, get_rois, set_rois
from ._lazy import LazyImage
from ._live import LiveView
from ._roi import Roi


class ImageJ:
    """An ImageJ that runs. Made by `connect` and `launch`; may be used by several threads at once.

    Attributes
    ----------
    process : subprocess.Popen or None
        The process, if `launch` has started it.
    """

    def __init__(self, address: _talk.Address, process: subprocess.Popen[bytes] | None = None) -> None:
        self._address, self.process = address, process

    def __repr__(self) -> str:
        return f"<ndferry.imagej.ImageJ at {self._address.url}>"

    def status(self) -> dict[str, Any]:
        """Versions, memory, whether macros are allowed, and the title of a dialog that is open."""
        status: dict[str, Any] = self._address.ask({"call": "status"})[0]
        return status

    def _image(self, json: Mapping[str, Any]) -> Image:
        return Image(self._address, json["id"], json["title"])

    @overload
    def show(self, array: Any, axes: None = None, *, cast: bool = False, lazy: bool = False, **more: Any) -> Image: ...
    @overload
    def show(self, array: Any, axes: str, *, cast: bool = False, lazy: bool = False, **more: Any) -> Any: ...
    def show(self, array: Any, axes: str | None = None, *, cast: bool = False, lazy: bool = False, **more: Any) -> Any:
        """Show an array as an image; returns when its window is there.

        Parameters
        ----------
        array : array-like or LazyArray
            The pixels.
        axes : str, optional
            A letter for each axis, in any order: T (time), Z (slices), C (channels), Y, X, S (the 3 or 4 samples of RGB)
            and P (positions, each of which gets a window of its own). By default the last two are Y and X, and one more is
            Z; anything else is an error that asks. Channels are never guessed.
        cast : bool
            Whether numbers may be rounded to ImageJ's 32-bit floats.
        lazy : bool
            Whether planes stay where they are until ImageJ looks at them: in this process, or in the file of an array that
            `ndferry.open` gave.
        title : str
            Of the window.
        spacing : float or sequence of float
            Of planes, rows and columns (Z, Y, X), or of rows and columns.
        unit : str
            Of the spacing, for instance ``"um"``.
        origin : sequence of float
            The pixel where coordinates are 0.
        interval : float
            Seconds from frame to frame.
        ranges : pair of float, or one for each channel
            The darkest and the lightest value.
        luts : list of str or of ndarray
            The colours of each channel: ``"Green"``, ``"Magenta"``, ``"Fire"``, …, or 256 x 3 numbers.
        mode : "composite", "color" or "grayscale"
            How channels are shown.
        labels : list of str
            Of each plane, channels fastest, then slices, then frames.
        roi : Roi
            The selection.
        overlay : list of Roi
            What is drawn over it.
        info : str
            ImageJ's text about it.

        Returns
        -------
        Image
            Or a list of them, if there is an axis P.
        """
        if isinstance(array, LazyArray) and lazy and _is_read_by_imagej(array):
            return self._open_lazily(array, axes, cast, more)
        pixels = array if lazy else np.asarray(array)
        letters = _axes.check(axes, len(pixels.shape))
        title = more.pop("title", None) or "array"
        if "P" in letters:
            if isinstance(array, LazyArray):
                raise WrongAxes("axes: positions of a LazyArray are shown one by one: index it first")
            parts, letters = _axes.positions(pixels, letters)
            return [
                self.show(part, letters, cast=cast, lazy=lazy, title=f"{title} P{number}", **more)
                for number, part in enumerate(parts)
            ]
        fields = {**_describe.json(title=title, **more)}
        if lazy:
            described = {"dtype": np.dtype(pixels.dtype).str, "shape": list(pixels.shape)}
            fields = {**fields, "array": described, "axes": letters, "cast": cast}
            return LazyImage(self._address, pixels, {"call": "lazy", **fields})
        fields = {**fields, **announced(pixels, letters, cast)}
        return self._image(self._address.ask({"call": "show", **fields}, pixels)[0]["image"])

    def _open_lazily(self, array: LazyArray, axes: str | None, cast: bool, more: dict[str, Any]) -> Image:
        letters = _axes.check(axes, array.ndim)
        path = str(Path(fspath(array.path or "")).resolve())
        call = {"call": "open", "path": path, "member": array.member, "axes": letters, "cast": cast, "lazy": True}
        answer, _ = self._address.ask({**call, **_describe.json(**more)})
        return self._image(answer["images"][0])

    def open(
        self,
        path: str | PathLike[str],
        *,
        axes: str = "",
        member: str = "",
        cast: bool = False,
        lazy: bool = False,
        **more: Any,
    ) -> list[Image]:
        """Let ImageJ open a file of arrays itself (NPY, NPZ, NPB, pickles)."""
        call = {"call": "open", "path": str(Path(fspath(path)).resolve()), "axes": axes, "member": member}
        answer, _ = self._address.ask({**call, "cast": cast, "lazy": lazy, **_describe.json(**more)})
        return [self._image(image) for image in answer["images"]]

    def update(self, image: Image, array: Any, axes: str | None = None, **more: Any) -> None:
        """The same as `Image.update`."""
        image.update(array, axes, **more)

    def live(
        self,
        title: str,
        shape: Sequence[int],
        dtype: Any,
        axes: str | None = None,
        *,
        autoscale: bool = False,
        **more: Any,
    ) -> LiveView:
        """Open a window that frames are pushed to; the newest one wins.

        Parameters
        ----------
        title : str
            Of the window.
        shape : sequence of int
            Of a frame.
        dtype : dtype-like
            Of a frame.
        axes, **more
            As in `show`.
        autoscale : bool
            Whether the display range follows each frame.
        """
        template = np.zeros(tuple(shape), dtype)
        letters = _axes.check(axes, template.ndim)
        if "P" in letters:
            raise WrongAxes("axes: a live view has one window, and no P")
        image: Image = self.show(template, letters, title=title, **more)
        return LiveView(self._address, image, template, letters, autoscale)

    def current(self) -> Image:
        """The image whose window is active."""
        return self._image(self._address.ask({"call": "info"})[0]["image"])

    def image(self, which: int | str) -> Image:
        """The image of this number or title."""
        for info in self.images():
            if which in (info.id, info.title):
                return Image(self._address, info.id, info.title)
        raise UsageError(f"no image {which!r} is open in ImageJ; there are: {[info.title for info in self.images()]}")

    def images(self) -> list[ImageInfo]:
        """What is open, without colours and overlays."""
        return [_describe.of(image) for image in self._address.ask({"call": "images"})[0]["images"]]

    def results(self, table: Mapping[str, Any] | None = None, *, title: str = "Results") -> dict[str, Any]:
        """Get a results table, or show one.

        Parameters
        ----------
        table : mapping of str to array-like, optional
            Columns to show in place of those of the table of that title.
        title : str
            Of the table.

        Returns
        -------
        dict of str to ndarray or list
            Columns: of numbers as arrays of ``float64``, of text as lists of str.
        """
        if table is not None:
            self._show_table(table, title)
            return dict(table)
        answer, arrays = self._address.ask({"call": "results", "title": title})
        numbers = iter(arrays[0].T.copy())
        return {
            column["name"]: column["text"] if "text" in column else next(numbers) for column in answer["columns"]
        }

    def _show_table(self, table: Mapping[str, Any], title: str) -> None:
        columns: list[dict[str, Any]] = []
        numbers = []
        for name, values in table.items():
            column = np.asarray(values)
            if column.ndim != 1:
                raise UsageError(f"column {name!r} has {column.ndim} axes, not one")
            if column.dtype.kind in "biuf":
                columns.append({"name": name})
                numbers.append(column.astype("f8"))
            else:
                columns.append({"name": name, "text": [str(value) for value in column.tolist()]})
        lengths = {len(np.asarray(values)) for values in table.values()}
        if len(lengths) > 1:
            raise UsageError(f"columns of different lengths: {sorted(lengths)}")
        rows = lengths.pop() if lengths else 0
        array = np.stack(numbers, axis=1) if numbers else np.empty((rows, 0))
        self._address.ask({"call": "results", "title": title, "columns": columns}, np.ascontiguousarray(array))

    def tables(self) -> list[str]:
        """The titles of the tables that are open."""
        tables: list[str] = self.status()["tables"]
        return tables

    def rois(self, rois: Sequence[Roi] | None = None) -> list[Roi]:
        """The entries of the ROI Manager; with an argument, these in place of them."""
        if rois is not None:
            set_rois(self._address, rois)
        return get_rois(self._address)

    def overlay(self, overlay: Sequence[Roi] | None = None) -> list[Roi]:
        """The overlay of the current image; with an argument, this one in place of it."""
        image = self.current()
        if overlay is not None:
            image.overlay = list(overlay)
        return image.overlay

    def macro(self, code: str, argument: str = "", *, timeout: float = 30.0) -> str:
        """Run a macro in ImageJ's language. The user of that ImageJ is asked before the first one.

        Parameters
        ----------
        code : str
            For instance ``run("Gaussian Blur...", "sigma=2 stack");``.
        argument : str
            What the macro's ``getArgument()`` gives.
        timeout : float
            Seconds; a macro that has not ended by then is stopped.

        Returns
        -------
        str
            What the macro returns.

        Raises
        ------
        DialogBlocked
            A dialog waits for somebody to answer it; ``title`` is its title.
        MacrosOff
            The user does not allow macros.
        MacroError
            The macro ended with an error.
        """
        call = {"call": "macro", "code": code, "argument": argument}
        answer, _ = self._address.ask(call, timeout=timeout)
        return answer.get("result") or ""

    def close(self) -> None:
        """End ImageJ, if `launch` has started it; its images are not saved."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self) -> ImageJ:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is_read_by_imagej(array: LazyArray) -> bool:
    """Whether ImageJ can have its planes from the file; without native code it unpacks no Zstandard and no Pco."""
    path = fspath(array.path) if isinstance(array.path, (str, PathLike)) else ""
    plain = array.codec.partition(":")[0] in ("none", "lz4", "deflate")
    return plain and "://" not in path and path.endswith((".npb", ".npy"))
