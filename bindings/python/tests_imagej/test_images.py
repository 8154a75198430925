"""What is pushed is what is pulled, and what ImageJ itself sees."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import ndferry
import ndferry.imagej as imagej
import numpy as np
import pytest
from conftest import screenshot

DTYPES = ["?", "u1", "i1", "<u2", ">u2", "<i2", ">i2", "<i4", ">u4", "<i8", "<u8", "<f2", "<f4", ">f4", "<f8", ">f8"]
SHAPES = {
    "YX": (7, 9),
    "XY": (7, 9),
    "ZYX": (3, 7, 9),
    "YXC": (7, 9, 2),
    "CYX": (2, 7, 9),
    "TZCYX": (2, 3, 2, 7, 9),
    "CZTYX": (2, 3, 2, 7, 9),
    "CZYXT": (2, 3, 7, 9, 2),
    "XYZCT": (9, 7, 1, 2, 3),
}
METADATA: list[dict[str, Any]] = [
    {},
    {"spacing": (0.5, 0.25, 0.125), "unit": "um", "interval": 1.5, "origin": (1.0, 2.0, 3.0), "info": "a: b\nc"},
]


def some(dtype: str, shape: tuple[int, ...]) -> Any:
    """Neighbours differ, and all is exact in 32-bit floats."""
    numbers = np.arange(int(np.prod(shape)))
    kind = np.dtype(dtype).kind
    if kind == "b":
        array = numbers % 3 == 0
    elif kind == "f":
        array = numbers % 97 / 4 - 3
    else:
        array = numbers * 37 - (60 if kind == "i" else 0)
    return array.astype(dtype).reshape(shape)


def same(a: Any, b: Any) -> bool:
    return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())


def test_every_dtype_and_order_of_axes_comes_back_byte_for_byte(ij: imagej.ImageJ) -> None:
    count = 0
    for dtype, (axes, shape), metadata in itertools.product(DTYPES, SHAPES.items(), METADATA):
        array = some(dtype, shape)
        image = ij.show(array, axes, title=f"{dtype} {axes}", **metadata)
        assert same(image.numpy(), array), (dtype, axes)
        info = image.info
        assert (info.dtype, info.axes, info.shape) == (array.dtype.str, axes, shape)
        if metadata:
            found = (info.spacing, info.unit, info.interval, info.origin, info.info)
            assert found == tuple(metadata[key] for key in ("spacing", "unit", "interval", "origin", "info"))
        image.close()
        count += 1
    for samples, axes in itertools.product((3, 4), ("YXS", "TYXS", "SYX")):
        shape = tuple({"Y": 7, "X": 9, "S": samples, "T": 2}[letter] for letter in axes)
        array = some("u1", shape)
        image = ij.show(array, axes)
        assert same(image.numpy(), array), axes
        count += 1
    print(f"{count} arrays came back byte for byte")


def test_numbers_that_are_none_come_back_too(ij: imagej.ImageJ) -> None:
    for dtype in ("<f2", "<f4", ">f4", "<f8"):
        array = np.array([[np.nan, np.inf], [-np.inf, -0.0]], dtype)
        assert same(ij.show(array).numpy(), array)
    for dtype in ("u1", "<u2", "<i2", "i1"):
        limits = np.iinfo(dtype)
        array = np.array([[limits.min, limits.max], [0, 1]], dtype)
        assert same(ij.show(array).numpy(), array)


def test_layouts_of_memory_do_not_matter(ij: imagej.ImageJ) -> None:
    whole = some("<u2", (4, 6, 8))
    for array in (whole.T, whole[::2, ::-1], np.asfortranarray(whole), whole[:, :1], whole.transpose(1, 0, 2)):
        assert same(ij.show(array, "ZYX").numpy(), np.ascontiguousarray(array))


def test_imagej_sees_the_pixels_where_they_belong(ij: imagej.ImageJ) -> None:
    array = some("<u2", (2, 3, 2, 7, 9))
    for axes in ("TZCYX", "ZCTYX"):
        order = ["TZC".index(letter) for letter in axes[:3]]
        image = ij.show(array.transpose([*order, 3, 4]), axes)
        code = """
            getDimensions(w, h, c, z, t); out = "" + w + " " + h + " " + c + " " + z + " " + t + " " + bitDepth();
            for (i = 1; i <= t; i++) for (j = 1; j <= z; j++) for (k = 1; k <= c; k++) {
                Stack.setPosition(k, j, i); out = out + " " + getPixel(5, 4);
            }
            return out;"""
        seen = [int(word) for word in ij.macro(code).split()]
        assert seen[:6] == [9, 7, 2, 3, 2, 16]
        assert seen[6:] == array[..., 4, 5].ravel().tolist()
        image.close()  # else it may become the current one when another is shown
    ij.show(some("<i2", (7, 9)))
    assert ij.macro("return d2s(calibrate(getPixel(1, 0)), 0);") == str(some("<i2", (7, 9))[0, 1])


def test_what_imagej_made_can_be_pulled(ij: imagej.ImageJ) -> None:
    ij.macro('newImage("made", "16-bit ramp", 64, 32, 2, 3, 4);')
    image = ij.current()
    assert (image.title, image.axes, image.shape, image.dtype) == ("made", "TZCYX", (4, 3, 2, 32, 64), np.dtype("<u2"))
    pixels = image.numpy()
    assert pixels.shape == (4, 3, 2, 32, 64) and (np.diff(pixels[0, 0, 0, 0].astype(int)) > 0).all()
    image.close()  # else it may become the current one when another is shown
    ij.macro('newImage("colours", "RGB", 20, 10, 1); setPixel(3, 2, 0x102030);')
    colours = ij.current()
    assert colours.numpy()[2, 3].tolist() == [0x10, 0x20, 0x30]
    colours.close()
    # Pixels that an array cannot have any more come in a dtype that can.
    half = ij.show(some("<i4", (6, 8)))
    ij.macro('run("Divide...", "value=2"); run("Add...", "value=0.25");')
    assert half.numpy().dtype == np.float32


def test_colours_ranges_labels_and_modes_both_ways(ij: imagej.ImageJ, pictures: Path) -> None:
    y, x = np.mgrid[:200, :260]
    cells = np.stack([2000 * np.exp(-(((x - 90 - 40 * c) / 40) ** 2) - ((y - 90) / 30) ** 2) for c in range(2)])
    stack = (cells[None] * np.arange(1, 4)[:, None, None, None]).astype("u2")
    labels = [f"z{z} c{c}" for z in range(3) for c in range(2)]
    roi = imagej.Roi.oval(60, 60, 70, 60, name="cell")
    overlay = [imagej.Roi.rectangle(20, 20, 50, 30, color="yellow", stroke=2.0), imagej.Roi.line((10, 190), (110, 190))]
    image = ij.show(
        stack,
        "ZCYX",
        title="cells",
        luts=["Green", "Magenta"],
        ranges=[(0, 3000), (100, 5000)],
        labels=labels,
        spacing=(0.5, 0.1, 0.1),
        unit="um",
        roi=roi,
        overlay=overlay,
    )
    info = image.info
    assert info.ranges == [(0, 3000), (100, 5000)] and info.labels == labels and info.mode == "composite"
    assert info.luts[0][255].tolist() == [0, 255, 0] and info.luts[1][255].tolist() == [255, 0, 255]
    assert info.roi is not None and info.roi.type == "oval" and info.roi.bounds == (60, 60, 70, 60)
    assert [one.type for one in info.overlay] == ["rectangle", "straight line"] and info.overlay[0].color == "yellow"
    screenshot(pictures / "composite.png")
    # The same again, of what was told.
    shown = ij.show(
        image.numpy(),
        info.axes,
        luts=info.luts,
        ranges=info.ranges,
        labels=info.labels,
        spacing=info.spacing,
        unit=info.unit,
        roi=info.roi,
        overlay=info.overlay,
        mode="color",
    )
    again = shown.info
    assert again.mode == "color" and again.ranges == info.ranges and again.spacing == info.spacing
    assert [lut.tolist() for lut in again.luts] == [lut.tolist() for lut in info.luts]
    assert again.roi == info.roi and again.overlay == info.overlay
    for older in (image, shown):
        older.close()  # else it may become the current one when another is shown
    plain = ij.show(some("<i2", (7, 9)), ranges=(-50, 900), luts="Fire")
    seen = ij.macro('getLut(r, g, b); return "" + r[128] + " " + g[128] + " " + b[128];')
    assert plain.info.ranges == [(-50, 900)] and plain.info.luts[0][128].tolist() == [int(word) for word in seen.split()]
    plain.describe(ranges=(-5, 5), title="other", labels=["only"])
    assert (plain.info.ranges, plain.info.title, plain.info.labels) == ([(-5, 5)], "other", ["only"])


def test_regions_go_both_ways_with_everything_that_imagej_knows_of_them(ij: imagej.ImageJ) -> None:
    image = ij.show(np.zeros((50, 60), "u1"))
    rois = [
        imagej.Roi.rectangle(1, 2, 30, 20, name="box"),
        imagej.Roi.oval(5.5, 6.25, 10, 12),
        imagej.Roi.polygon([(1, 1), (20, 3), (10, 30)], name="triangle", color="#ff8000"),
        imagej.Roi.line((0, 0), (30, 40)),
        imagej.Roi.points_at([(3, 4), (5, 6), (7, 8)], position=(1, 2, 3)),
        imagej.Roi("polyline", points=[(1, 1), (2, 5), (9, 9)]),
        imagej.Roi("text", bounds=(5, 5, 20, 10), text="hello"),
    ]
    back = ij.rois(rois)
    assert [roi.type for roi in back] == ["rectangle", "oval", "polygon", "straight line", "point", "polyline", "text"]
    assert back[0].bounds == (1, 2, 30, 20) and back[0].name == "box" and back[1].bounds == (5.5, 6.25, 10, 12)
    assert back[2].points == [(1, 1), (20, 3), (10, 30)] and back[4].points == [(3, 4), (5, 6), (7, 8)]
    assert back[4].position == (1, 2, 3) and back[6].text.strip() == "hello" and all(roi.data for roi in back)
    image.overlay = back
    assert [roi.type for roi in image.overlay] == [roi.type for roi in back]
    assert ij.macro("return toString(Overlay.size);") == "7"
    image.roi = back[2]
    assert ij.macro('Roi.getCoordinates(x, y); return "" + x[1] + " " + y[2];') == "20 30"
    image.roi = None
    assert image.roi is None and ij.macro("return toString(selectionType());") == "-1"
    image.rois = []
    assert ij.rois() == []
    with pytest.raises(ndferry.UsageError, match="no ROI"):
        image.roi = imagej.Roi("dodecahedron")


def test_tables_go_both_ways(ij: imagej.ImageJ) -> None:
    table: dict[str, Any] = {"Label": ["a", "b", "c"], "area": np.array([1.5, np.nan, 3]), "n": np.arange(3), "kind": ["x", "y", "z"]}
    ij.results(table, title="Cells")
    back = ij.results(title="Cells")
    assert list(back) == ["Label", "area", "n", "kind"] and "Cells" in ij.tables()
    assert back["Label"] == ["a", "b", "c"] and back["kind"] == ["x", "y", "z"]
    assert np.array_equal(back["area"], table["area"], equal_nan=True) and back["n"].tolist() == [0, 1, 2]
    ij.show(some("u1", (20, 30)))
    ij.macro('run("Clear Results"); run("Set Measurements...", "area mean redirect=None decimal=3"); run("Measure");')
    measured = ij.results()
    assert measured["Area"].tolist() == [600] and abs(measured["Mean"][0] - some("u1", (20, 30)).mean()) < 1e-9
    with pytest.raises(imagej.NoTable, match="Nonsense"):
        ij.results(title="Nonsense")
    with pytest.raises(ndferry.UsageError, match="lengths"):
        ij.results({"a": [1], "b": [1, 2]})


def test_updates_are_in_place_and_may_change_everything(ij: imagej.ImageJ) -> None:
    image = ij.show(some("<u2", (2, 7, 9)), "CYX", title="one")
    image.update(some("<u2", (2, 7, 9)) + 5)
    assert same(image.numpy(), some("<u2", (2, 7, 9)) + 5) and len(ij.images()) == 1
    assert ij.macro("Stack.setChannel(2); return toString(getPixel(3, 2));") == str(some("<u2", (2, 7, 9))[1, 2, 3] + 5)
    ij.update(image, some("<f4", (4, 5, 6)), "ZYX", spacing=(1, 2, 2), unit="mm")
    assert same(image.numpy(), some("<f4", (4, 5, 6))) and image.info.spacing == (1, 2, 2)
    ij.update(image, some("u1", (5, 6, 3)), "YXS")
    assert same(image.numpy(), some("u1", (5, 6, 3))) and image.title == "one"


def test_updates_leave_the_colours_and_are_seen_in_all_channels(ij: imagej.ImageJ) -> None:
    pixels = np.zeros((2, 3, 8, 8), "u2")
    pixels[0] = 1000
    image = ij.show(pixels, "CZYX", luts=["Green", "Magenta"], ranges=[(0, 1000), (0, 2000)])

    def seen() -> list[int]:
        """Red, green and blue of what is on the screen."""
        code = 'id = getImageID(); run("Flatten", "slice"); v = getPixel(3, 3); close(); selectImage(id); return toString(v);'
        value = int(ij.macro(code))
        return [value >> 16 & 255, value >> 8 & 255, value & 255]

    assert seen() == [0, 255, 0]
    image.update(pixels[::-1] * 2)
    assert seen() == [255, 0, 255]
    assert [lut[255].tolist() for lut in image.info.luts] == [[0, 255, 0], [255, 0, 255]]
    assert image.info.ranges == [(0, 1000), (0, 2000)]
    image.update(np.concatenate([pixels, pixels], axis=1) + np.arange(8, dtype="u2"))
    assert image.shape == (2, 6, 8, 8) and image.info.luts[1][255].tolist() == [255, 0, 255]
    plain = ij.show(pixels[0, 0], luts=["Fire"])
    plain.update(pixels[0, 0] + 7)
    assert plain.info.luts[0][255].tolist() == [255, 255, 255] and plain.info.luts[0][100].tolist() != [100, 100, 100]


def test_files_of_arrays_are_opened_like_any_other(ij: imagej.ImageJ, tmp_path: Path) -> None:
    """What is dropped onto ImageJ, too, goes this way."""
    array = some("<u2", (3, 7, 9))
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "b.npz", x=array, y=array[0])
    ndferry.save(tmp_path / "c.npb", array, codec="lz4")
    ndferry.save(tmp_path / "d.pkl", array)
    for name in ("a.npy", "b.npz", "c.npb", "d.pkl"):
        ij.macro(f'open("{tmp_path / name}");')
    titles = ["a.npy", "b.npz:x", "b.npz:y", "c.npb", "d.pkl"]
    assert sorted(info.title for info in ij.images()) == titles
    assert all(same(ij.image(title).numpy(), array[0] if title == "b.npz:y" else array) for title in titles)
    (tmp_path / "bad.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:100])
    with pytest.raises(imagej.MacroError, match="bad.npy"):
        ij.macro(f'open("{tmp_path / "bad.npy"}");', timeout=10)


def test_positions_get_a_window_each(ij: imagej.ImageJ) -> None:
    array = some("u1", (7, 3, 9))
    images = ij.show(array, "YPX", title="plate")
    assert [image.title for image in images] == ["plate P0", "plate P1", "plate P2"]
    assert all(same(image.numpy(), np.ascontiguousarray(array[:, p])) for p, image in enumerate(images))


def test_what_cannot_be_shown_is_said_before_it_is_sent(ij: imagej.ImageJ) -> None:
    with pytest.raises(imagej.NoPixels, match="cast=True"):
        ij.show(np.array([[1.1, 2.0]]))
    assert ij.show(np.array([[1.1, 2.0]]), cast=True).numpy().tolist() == [[float(np.float32(1.1)), 2.0]]
    with pytest.raises(imagej.NoPixels, match="complex"):
        ij.show(np.zeros((2, 2), "c8"))
    for wrong in (np.zeros((2, 2), "M8[s]"), np.zeros((2, 2), "S3"), np.zeros((2, 2), "i4,f4")):
        with pytest.raises(imagej.NoPixels):
            ij.show(wrong)
    with pytest.raises(imagej.WrongAxes, match="say which"):
        ij.show(np.zeros((2, 2, 2, 2), "u1"))
    for axes in ("YXZ", "YY", "Q", "ZT", "YXYX"):
        with pytest.raises(imagej.WrongAxes):
            ij.show(np.zeros((2, 2), "u1"), axes)
    with pytest.raises(ndferry.UsageError, match="empty"):
        ij.show(np.zeros((0, 4), "u1"))
    with pytest.raises(ndferry.UsageError, match="3 or 4 samples"):
        ij.show(np.zeros((4, 4, 5), "u1"), "YXS")
    with pytest.raises(imagej.NoPixels, match="uint8"):
        ij.show(np.zeros((4, 4, 3), "u2"), "YXS")
    with pytest.raises(ndferry.UsageError, match="luts"):
        ij.show(np.zeros((4, 4), "u1"), luts=["No Such Colours"])
    with pytest.raises(imagej.NoMemory, match="lazy=True"):
        ij.show(np.broadcast_to(np.zeros((), "u1"), (3000, 1000, 1000)), "ZYX")
    assert len(ij.images()) == 1  # none was shown half
