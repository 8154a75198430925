"""One image that is open in ImageJ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _axes, _describe
from ._describe import ImageInfo
from ._roi import Roi

if TYPE_CHECKING:
    from ._talk import Address


def announced(array: Any, axes: str, cast: bool) -> dict[str, Any]:
    """What is said of an array before it is sent."""
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    # ImageJ says why it has no pixels for structs.
    dtype = array.dtype.str if array.dtype.names is None else "V"
    return {"array": {"dtype": dtype, "shape": list(array.shape), "order": order}, "axes": axes, "cast": cast}


class Image:
    """An image that is open in ImageJ.

    It is only a name for it: every property asks ImageJ.

    Attributes
    ----------
    id : int
        ImageJ's number of it.
    """

    def __init__(self, address: Address, id: int, title: str) -> None:
        self._address, self.id, self._title = address, id, title
        self._axes: str | None = None

    def __repr__(self) -> str:
        return f"<ndferry.imagej.Image {self.id} {self._title!r}>"

    def _ask(self, call: str, fields: Mapping[str, Any] | None = None, array: Any = None) -> tuple[Any, list[Any]]:
        return self._address.ask({"call": call, "id": self.id, **(fields or {})}, array)

    @property
    def info(self) -> ImageInfo:
        """All that ImageJ says of it now."""
        return _describe.of(self._ask("info")[0]["image"])

    @property
    def title(self) -> str:
        """Of its window."""
        return self.info.title

    @property
    def axes(self) -> str:
        """A letter for each axis."""
        return self.info.axes

    @property
    def shape(self) -> tuple[int, ...]:
        """The extent of each axis."""
        return self.info.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the array that it is."""
        return np.dtype(self.info.dtype)

    def numpy(self) -> Any:
        """Its pixels as a new array: of the dtype and with the axes that it came with, if the pixels still fit them."""
        return self._ask("pull")[1][0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if copy is False:
            raise ValueError("the pixels are in another process: they can only be copied")
        return np.asarray(self.numpy(), dtype)

    def update(self, array: Any, axes: str | None = None, *, cast: bool = False, autoscale: bool = False, **more: Any) -> None:
        """Replace its pixels, in place if shape and kind of pixels are the same; returns when they are drawn.

        Parameters
        ----------
        array : array-like
            The new pixels.
        axes : str, optional
            As in `ImageJ.show`; by default those it has, if there are as many.
        cast : bool
            Whether numbers may be rounded to 32-bit floats.
        autoscale : bool
            Whether the display range follows the new pixels.
        **more
            Other things to change, as in `ImageJ.show`.
        """
        pixels = np.asarray(array)
        if axes is None and self._axes is None:
            self._axes = self.axes
        if axes is None and self._axes is not None and len(self._axes) == pixels.ndim:
            axes = self._axes
        letters = _axes.check(axes, pixels.ndim)
        fields = {**_describe.json(**more), **announced(pixels, letters, cast), "autoscale": autoscale, "brief": True}
        self._ask("update", fields, pixels)
        self._axes = letters

    def describe(self, **more: Any) -> None:
        """Change what there is beside the pixels: the keywords are those of `ImageJ.show`."""
        self._ask("describe", _describe.json(**more))

    @property
    def roi(self) -> Roi | None:
        """The selection; None for none."""
        return self.info.roi

    @roi.setter
    def roi(self, roi: Roi | None) -> None:
        self._ask("describe", {"no-roi": True} if roi is None else _describe.json(roi=roi))

    @property
    def rois(self) -> list[Roi]:
        """Those of the ROI Manager, which ImageJ has one of for all images."""
        return get_rois(self._address)

    @rois.setter
    def rois(self, rois: Sequence[Roi]) -> None:
        set_rois(self._address, rois)

    @property
    def overlay(self) -> list[Roi]:
        """What is drawn over it."""
        return self.info.overlay

    @overlay.setter
    def overlay(self, overlay: Sequence[Roi]) -> None:
        self.describe(overlay=overlay)

    def close(self) -> None:
        """Close its window; ImageJ does not ask whether to save."""
        self._ask("close")


def get_rois(address: Address) -> list[Roi]:
    """The ROI Manager's."""
    from . import _roi

    return [_roi.of(roi) for roi in address.ask({"call": "rois"})[0]["rois"]]


def set_rois(address: Address, rois: Sequence[Roi]) -> None:
    """In place of all that the ROI Manager has."""
    address.ask({"call": "rois", "rois": [roi._json() for roi in rois]})
