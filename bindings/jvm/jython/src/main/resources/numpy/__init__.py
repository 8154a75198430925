"""numpy for Jython 2.7, over ndferry's arrays in Java. What it has is as in NumPy 2."""
from __future__ import absolute_import

from numpy._dtype import dtype, promote_types, result_type, can_cast
from numpy._scalars import (
    generic, number, integer, signedinteger, unsignedinteger, inexact, floating, complexfloating, flexible, character,
    bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float16, float32, float64, complex64, complex128, str_,
    bytes_, void, datetime64, timedelta64)
from numpy._array import array, frombuffer, ndarray
from numpy._create import (
    arange, asanyarray, asarray, ascontiguousarray, asfortranarray, copy, empty, empty_like, eye, fromfunction, fromiter,
    full, full_like, identity, indices, linspace, meshgrid, ones, ones_like, tri, zeros, zeros_like)
from numpy._files import fromfile, fromstring, load, save, savez, savez_compressed
from numpy._functions import *
from numpy._more import (
    angle, apply_along_axis, array_repr, array_str, block, c_, choose, convolve, copyto, corrcoef, correlate, cov, diag_indices, digitize,
    dsplit, ediff1d, errstate, extract, fill_diagonal, finfo, fix, hsplit, iinfo, imag, in1d, index_exp, insert, intersect1d,
    iscomplex, isreal, issubdtype, ix_, logspace, mgrid, modf, ndenumerate, ndindex, ogrid, place, polyfit, polyval, put, putmask, r_,
    real, resize, s_, select, setdiff1d, seterr, setxor1d, sinc, tensordot, trapezoid, tril_indices, triu_indices, union1d, vander,
    vsplit)
from numpy._einsum import einsum
from numpy._ordering import argpartition, lexsort, partition
from numpy._printing import get_printoptions, printoptions, set_printoptions
from numpy._text import array2string, genfromtxt, loadtxt, savetxt
from numpy._usual import (
    atleast_3d, frexp, geomspace, heaviside, histogram2d, histogram_bin_edges, ldexp, nanpercentile, nanquantile, packbits, piecewise,
    put_along_axis, spacing, trim_zeros, unpackbits, vectorize)
from numpy._windows import bartlett, blackman, hamming, hanning
from numpy import exceptions

object_ = object
True_, False_ = bool_(True), bool_(False)
concat = concatenate
bool = bool_
int_ = intp = longlong = int64
uint = uintp = ulonglong = uint64
intc, uintc, short, ushort, byte, ubyte = int32, uint32, int16, uint16, int8, uint8
half, single, double, csingle, cdouble = float16, float32, float64, complex64, complex128
unicode_, string_ = str_, bytes_
newaxis = None
pi, e, inf, nan = 3.141592653589793, 2.718281828459045, float('inf'), float('nan')
euler_gamma = 0.5772156649015329
__version__ = '2.0.0'

from numpy import lib, linalg
