"""Regions of interest."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Point = tuple[float, float]


@dataclass(frozen=True)
class Roi:
    """A region of interest: ImageJ's selections, the elements of overlays, the entries of the ROI Manager.

    Attributes
    ----------
    type : str
        ``"rectangle"``, ``"oval"``, ``"polygon"``, ``"freehand"``, ``"traced"``, ``"polyline"``, ``"freeline"``,
        ``"angle"``, ``"line"``, ``"point"``, ``"text"``; what comes from ImageJ may be of other types too.
    bounds : tuple of float
        x, y, width, height, in pixels.
    points : list of (float, float)
        x and y of each vertex, in pixels.
    name : str
        Its name; may be empty.
    position : tuple of int or None
        Channel, slice and frame that it belongs to, from 1, 0 for all.
    plane : int
        The plane of the stack that it belongs to, from 1; 0 for all.
    color : str or None
        Of its line: a name, or ``"#rrggbb"``.
    stroke : float
        The width of its line, in pixels; 0 for ImageJ's own.
    text : str
        Of one of type ``"text"``.
    data : bytes
        ImageJ's own bytes (those of ``.roi`` files), which say all there is; they count more than the rest.
    """

    type: str
    bounds: tuple[float, float, float, float] | None = None
    points: list[Point] = field(default_factory=list)
    name: str = ""
    position: tuple[int, int, int] | None = None
    plane: int = 0
    color: str | None = None
    stroke: float = 0.0
    text: str = ""
    data: bytes = field(default=b"", repr=False)

    @staticmethod
    def rectangle(x: float, y: float, width: float, height: float, **more: Any) -> Roi:
        """A rectangle."""
        return Roi("rectangle", bounds=(x, y, width, height), **more)

    @staticmethod
    def oval(x: float, y: float, width: float, height: float, **more: Any) -> Roi:
        """The ellipse in a rectangle."""
        return Roi("oval", bounds=(x, y, width, height), **more)

    @staticmethod
    def polygon(points: Sequence[Point], **more: Any) -> Roi:
        """A closed polygon."""
        return Roi("polygon", points=list(points), **more)

    @staticmethod
    def line(start: Point, end: Point, **more: Any) -> Roi:
        """A straight line."""
        return Roi("line", points=[start, end], **more)

    @staticmethod
    def points_at(points: Sequence[Point], **more: Any) -> Roi:
        """Single points."""
        return Roi("point", points=list(points), **more)

    def _json(self) -> dict[str, Any]:
        if self.data:
            return {"data": base64.b64encode(self.data).decode()}
        json: dict[str, Any] = {"type": self.type}
        if self.bounds is not None:
            json["bounds"] = [float(number) for number in self.bounds]
        if len(self.points):
            json["points"] = [[float(x), float(y)] for x, y in self.points]
        plain = {"name": self.name, "plane": self.plane, "color": self.color, "width": self.stroke, "text": self.text}
        json.update({key: value for key, value in plain.items() if value})
        if self.position is not None:
            json["position"] = [int(number) for number in self.position]
        return json


def of(json: Any) -> Roi:
    """What ImageJ says of one."""
    bounds, position = json.get("bounds"), json.get("position")
    return Roi(
        json["type"],
        bounds=None if bounds is None else (bounds[0], bounds[1], bounds[2], bounds[3]),
        points=[(x, y) for x, y in json.get("points", [])],
        name=json.get("name", ""),
        position=None if position is None else (int(position[0]), int(position[1]), int(position[2])),
        plane=json.get("plane", 0),
        color=json.get("color"),
        stroke=json.get("width", 0.0),
        text=json.get("text", ""),
        data=base64.b64decode(json.get("data", "")),
    )
