"""TIFF and PNG files that `convert` writes, as tifffile, Pillow and pypng read them."""

import hypothesis.strategies as st
import numpy as np
import PIL.Image
import png
import pytest
import tifffile
from hypothesis.extra import numpy as npst

from cases import cases
from test_cli import ndferry

PLANE = st.tuples(st.integers(1, 9), st.integers(1, 9))
COLOUR = st.tuples(PLANE, st.sampled_from([(3,), (4,)])).map(lambda parts: parts[0] + parts[1])
GREY = st.one_of(PLANE, st.tuples(st.integers(1, 5), PLANE).map(lambda parts: (parts[0], *parts[1])))
COLOURS = st.one_of(COLOUR, st.tuples(st.integers(1, 4), COLOUR).map(lambda parts: (parts[0], *parts[1])))
UNSIGNED = st.sampled_from(["u1", "<u2", ">u2"])
NUMBERS = st.sampled_from(["u1", "<u2", ">u2", "<u4", "<i2", ">i2", ">i4", "<f4", ">f4", "<f8"])


def images(dtypes, shapes):
    """Arrays in C or F order."""
    arrays = st.tuples(dtypes, shapes).flatmap(lambda drawn: npst.arrays(*drawn))
    return st.tuples(arrays, st.booleans()).map(lambda drawn: np.asfortranarray(drawn[0]) if drawn[1] else drawn[0])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("images")


def written(folder, array, name):
    np.save(folder / "a.npy", array)
    ndferry(folder, "convert", "a.npy", "-qfo", name)
    return folder / name


@cases(200, st.one_of(images(NUMBERS, GREY.filter(lambda s: len(s) < 3 or s[-1] not in (3, 4))), images(UNSIGNED, COLOURS)))
def test_tifffile_reads_the_same_pixels(folder, array):
    path = written(folder, array, "a.tif")
    with tifffile.TiffFile(path) as file:
        pages = np.stack([page.asarray() for page in file.pages])
        assert pages.dtype == array.dtype.newbyteorder("=")
        assert pages.reshape(array.shape).tobytes() == array.astype(pages.dtype).tobytes()
        # As one stack, by ImageJ's own description.
        assert file.asarray().tobytes() == pages.tobytes()


@cases(100, images(UNSIGNED, st.one_of(PLANE, COLOUR)))
def test_png_holds_the_same_pixels(folder, array):
    path = written(folder, array, "a.png")
    columns, rows, pixels, info = png.Reader(filename=str(path)).read()
    assert (rows, columns, info["bitdepth"]) == (*array.shape[:2], array.itemsize * 8)
    assert np.array(list(map(list, pixels))).reshape(array.shape).tolist() == array.tolist()
    if array.ndim == 2 or array.itemsize == 1:
        assert np.asarray(PIL.Image.open(path)).tolist() == array.tolist()


@pytest.mark.parametrize("dtype", ["i1", "f2", "?", "c8", "i8", "M8[s]", "S3", "i4,i4"])
def test_other_elements_are_no_pixels(folder, dtype):
    np.save(folder / "b.npy", np.zeros((3, 3), dtype))
    for name in ["b.tif", "b.png"]:
        ndferry(folder, "convert", "b.npy", "-o", name, code=2)
        assert not (folder / name).exists()


@pytest.mark.parametrize("shape", [(), (5,), (0, 5), (5, 0), (0, 5, 5), (2, 2, 2, 2), (2, 3, 3, 3, 3)])
def test_other_shapes_are_no_pictures(folder, shape):
    np.save(folder / "c.npy", np.zeros(shape, "u1"))
    for name in ["c.tif", "c.png"]:
        ndferry(folder, "convert", "c.npy", "-o", name, code=2)
        assert not (folder / name).exists()


def test_a_stack_goes_to_standard_output_too(folder):
    array = np.arange(60, dtype="u2").reshape(3, 4, 5)
    np.save(folder / "d.npy", array)
    (folder / "d.tif").write_bytes(ndferry(folder, "convert", "d.npy", "-o", "-", "--to", "tiff"))
    assert (tifffile.imread(folder / "d.tif") == array).all()
