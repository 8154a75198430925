"""Images of ImageJ as arrays of numpy, and back.

    a = ndferry_images.to_array(IJ.getImage())            # also numpy.asarray(imp)
    ndferry_images.to_image(a, 'cells', axes='ZYX').show()
"""
from __future__ import absolute_import

import jarray
import numpy
from numpy._array import wrap
from org.ndferry import Dtype, NDArray


def to_array(image):
    """Pixels of an ImagePlus, ImageStack or ImageProcessor: a copy.

    Axes are (T, Z, C, Y, X, S), without those of extent 1 but Y and X; S are red, green and blue. 8-bit images are uint8,
    16-bit ones uint16, or int16 with ImageJ's signed calibration, 32-bit ones float32.
    """
    if hasattr(image, 'getImageStack'):
        width, height, channels, slices, frames = image.getDimensions()
        signed = image.getCalibration().isSigned16Bit()
        planes = _planes(image.getImageStack(), signed)
        leading = [extent for extent in (frames, slices, channels) if extent > 1]
        return planes.reshape(leading + list(planes.shape[1:]))
    if hasattr(image, 'getPixels') and not hasattr(image, 'getSize'):
        return _plane(image.getPixels(), image.getHeight(), image.getWidth(), False)
    if hasattr(image, 'getSize'):
        return _planes(image, False)
    raise TypeError('not an image: %r' % (image,))


def _planes(stack, signed):
    first = _plane(stack.getPixels(1), stack.getHeight(), stack.getWidth(), signed)
    planes = numpy.zeros((stack.getSize(),) + first.shape, first.dtype)
    planes[0] = first
    for i in range(1, stack.getSize()):
        planes[i] = _plane(stack.getPixels(i + 1), stack.getHeight(), stack.getWidth(), signed)
    return planes


def _plane(pixels, height, width, signed):
    shape = jarray.array([height, width], 'l')
    typecode = pixels.typecode
    java = NDArray.of(pixels, shape)
    if typecode == 'i':
        rgb = numpy.ndarray.view(wrap(java), 'u1').reshape(height, width, 4)
        return rgb[..., 2::-1].copy()  # blue, green, red in memory
    if typecode == 'h':
        plane = wrap(java).view('u2')
        return (plane.astype('i4') - 32768).astype('i2') if signed else plane
    return wrap(java)


def to_image(array, title='', axes=None, cast=False):
    """An ImagePlus with these pixels, which is not shown yet.

    axes: a letter of TZCYXS for each axis, in any order. 'YX' and 'ZYX' if left out; more axes have to be named.
    uint8 and bool (0 and 255) become 8-bit, uint16 and int16 16-bit, float32 32-bit images; uint8 with an axis S of extent 3
    RGB ones. Other numbers become 32-bit images if they are exact in it, or with `cast` rounded.
    """
    from ij import ImagePlus, ImageStack
    array = numpy.asarray(array)
    if axes is None:
        if array.ndim not in (2, 3):
            raise ValueError('say which axis is which: axes=... for an array of %d axes' % array.ndim)
        axes = 'YX' if array.ndim == 2 else 'ZYX'
    axes = axes.upper()
    if len(axes) != array.ndim or len(set(axes)) != len(axes) or not set('YX') <= set(axes) <= set('TZCYXS'):
        raise ValueError('axes=%r does not name the %d axes of the array by letters of TZCYXS' % (axes, array.ndim))
    whole = array.transpose([axes.index(axis) for axis in 'TZCYXS' if axis in axes])
    for i, axis in enumerate('TZC'):
        if axis not in axes:
            whole = whole[(slice(None),) * i + (None,)]
    frames, slices, channels, height, width = whole.shape[:5]
    make, signed = _maker(whole, 'S' in axes, cast)
    stack = ImageStack(width, height)
    for t in range(frames):
        for z in range(slices):
            for c in range(channels):
                stack.addSlice('', make(whole[t, z, c]))
    image = ImagePlus(title, stack)
    if signed:
        image.getCalibration().setSigned16BitCalibration()
    image.setDimensions(channels, slices, frames)
    if frames * slices * channels > 1:
        image.setOpenAsHyperStack(channels > 1 or frames > 1)
    return image


def _maker(array, samples, cast):
    from ij.process import ByteProcessor, ColorProcessor, FloatProcessor, ShortProcessor
    height, width = array.shape[3:5]
    kind = array.dtype.newbyteorder('<').str[1:] if array.dtype.names is None else 'V'
    if samples:
        if kind != 'u1' or array.shape[5] != 3:
            raise TypeError('an axis S needs uint8 and an extent of 3, not %s and %d' % (array.dtype, array.shape[5]))
        return (lambda plane: ColorProcessor(width, height, _packed(plane))), False
    if kind == 'u1':
        return (lambda plane: ByteProcessor(width, height, plane._a.toBytes())), False
    if kind == 'b1':
        return (lambda plane: ByteProcessor(width, height, (plane.astype('u1') * 255)._a.toBytes())), False
    if kind == 'u2':
        return (lambda plane: ShortProcessor(width, height, plane._a.toShorts(), None)), False
    if kind in ('i2', 'i1'):
        return (lambda plane: ShortProcessor(width, height, (plane.astype('i4') + 32768)._a.toShorts(), None)), True
    if array.dtype.kind not in 'iuf':
        raise TypeError('ImageJ has no pixels of %s' % array.dtype)

    def rounded(plane):
        single = plane.astype('f4')
        if not cast and kind != 'f4' and not _exact(plane, single):
            raise ValueError('%s is not exact in ImageJ\'s 32-bit pixels; cast=True rounds it' % array.dtype)
        return FloatProcessor(width, height, single._a.toFloats(), None)

    return rounded, False


def _exact(plane, single):
    if plane.dtype.kind == 'f':
        return bool(((single.astype(plane.dtype) == plane) | (plane != plane)).all())
    if plane.itemsize < 8:
        return bool((single.astype('f8') == plane.astype('f8')).all())
    most = 1 << 24
    return bool((plane <= most).all() and (plane.dtype.kind == 'u' or (plane >= -most).all()))


def _packed(plane):
    bytes = numpy.zeros(plane.shape[:2] + (4,), 'u1')
    bytes[..., 3] = 255
    bytes[..., 2::-1] = plane
    return bytes.view('<i4')._a.toInts()
