"""What there is to an image beside its pixels: as keywords of Python, and as JSON."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._errors import UsageError
from . import _roi
from ._roi import Roi


@dataclass(frozen=True)
class ImageInfo:
    """What ImageJ says of an image.

    Attributes
    ----------
    id : int
        ImageJ's number of it.
    title : str
        Of its window.
    axes : str
        A letter for each axis.
    shape : tuple of int
        The extent of each axis.
    dtype : str
        `numpy.dtype.str` of the array that it is.
    spacing : tuple of float or None
        Of planes, rows and columns (Z, Y, X), in `unit`; None if it is not calibrated.
    unit : str
        Of the spacing; ``"um"`` for micrometres.
    origin : tuple of float or None
        The pixel (Z, Y, X) where coordinates are 0.
    interval : float
        Seconds from frame to frame; 0 if unknown.
    ranges : list of (float, float)
        The darkest and the lightest value of each channel.
    luts : list of ndarray
        The colours of each channel: 256 x 3 ``uint8``.
    mode : str
        ``"composite"``, ``"color"`` or ``"grayscale"``, of images with channels.
    labels : list of str or None
        Of each plane, if there are any.
    roi : Roi or None
        The selection.
    overlay : list of Roi
        What is drawn over it.
    info : str
        ImageJ's text about it.
    virtual : bool
        Whether its planes are read when they are looked at.
    """

    id: int
    title: str
    axes: str
    shape: tuple[int, ...]
    dtype: str
    spacing: tuple[float, float, float] | None = None
    unit: str = ""
    origin: tuple[float, float, float] | None = None
    interval: float = 0.0
    ranges: list[tuple[float, float]] = field(default_factory=list)
    luts: list[Any] = field(default_factory=list, repr=False)
    mode: str = ""
    labels: list[str | None] | None = None
    roi: Roi | None = None
    overlay: list[Roi] = field(default_factory=list)
    info: str = ""
    virtual: bool = False


def of(json: Mapping[str, Any]) -> ImageInfo:
    """What ImageJ says of one."""
    luts = [np.frombuffer(base64.b64decode(lut), "u1").reshape(3, 256).T.copy() for lut in json.get("luts", [])]
    roi = json.get("roi")
    return ImageInfo(
        id=json["id"],
        title=json["title"],
        axes=json["axes"],
        shape=tuple(json["shape"]),
        dtype=json["dtype"],
        spacing=_three(json.get("spacing")),
        unit=json.get("unit", ""),
        origin=_three(json.get("origin")),
        interval=json.get("interval", 0.0),
        ranges=[(low, high) for low, high in json.get("ranges", [])],
        luts=luts,
        mode=json.get("mode", ""),
        labels=json.get("labels"),
        roi=None if roi is None else _roi.of(roi),
        overlay=[_roi.of(one) for one in json.get("overlay", [])],
        info=json.get("info", ""),
        virtual=json.get("virtual", False),
    )


def _three(numbers: Any) -> tuple[float, float, float] | None:
    return None if numbers is None else (float(numbers[0]), float(numbers[1]), float(numbers[2]))


def json(
    *,
    title: str | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str | None = None,
    origin: Sequence[float] | None = None,
    interval: float | None = None,
    ranges: Any = None,
    luts: Sequence[Any] | None = None,
    mode: str | None = None,
    labels: Sequence[str | None] | None = None,
    roi: Roi | None = None,
    overlay: Sequence[Roi] | None = None,
    info: str | None = None,
) -> dict[str, Any]:
    """The fields of a call, of what was given."""
    plain = {"title": title, "unit": unit, "interval": interval, "mode": mode, "info": info}
    fields: dict[str, Any] = {key: value for key, value in plain.items() if value is not None}
    if spacing is not None:
        fields["spacing"] = _zyx(spacing, "spacing", 1.0)
    if origin is not None:
        fields["origin"] = _zyx(origin, "origin", 0.0)
    if ranges is not None:
        fields["ranges"] = _ranges(ranges)
    if luts is not None:
        fields["luts"] = [_lut(lut) for lut in ([luts] if isinstance(luts, str) else luts)]
    if labels is not None:
        fields["labels"] = list(labels)
    if roi is not None:
        fields["roi"] = roi._json()
    if overlay is not None:
        fields["overlay"] = [one._json() for one in overlay]
    return fields


def _zyx(numbers: float | Sequence[float], name: str, depth: float) -> list[float]:
    many = [float(numbers)] * 3 if isinstance(numbers, (int, float)) else [float(number) for number in numbers]
    if len(many) == 2:
        many = [depth, *many]
    if len(many) != 3:
        raise UsageError(f"{name}: one number for all, two for Y and X, or three for Z, Y and X")
    return many


def _ranges(ranges: Any) -> list[Any]:
    """One pair, or one for each channel, of which some may be None."""
    many = list(ranges)
    if len(many) == 2 and all(np.isscalar(number) for number in many):
        many = [many]
    return [None if pair is None else [float(pair[0]), float(pair[1])] for pair in many]


def _lut(lut: Any) -> str:
    if isinstance(lut, str):
        return lut
    colours = np.asarray(lut)
    if colours.shape != (256, 3):
        raise UsageError(f"luts: a name, or an array of 256 x 3, not {colours.shape}")
    return base64.b64encode(np.ascontiguousarray(colours.T.astype("u1")).tobytes()).decode()
