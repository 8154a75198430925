"""Expressions that are made by chance, evaluated by NumPy and by Jython's numpy: dtype, shape and values are equal.

    python differential.py CLASS_PATH [COUNT [SEED]]

Integers and bools are equal exactly, floats within a few units in the last place of the largest that took part.
"""
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import warnings

import numpy as np

DTYPES = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"]
REAL = DTYPES[:12]
#: s is square, maybe a stack; w its own conjugate transpose; t tall; v a vector that fits nothing. Signs of vectors are chance.
DECOMPOSED = [
    "inv(s)", "det(s)", "norm(s)", "solve(s, b)", "solve(s, b[..., :1])", "svd(s)[1]", "svd(s, compute_uv=False)", "pinv(s)",
    "pinv(t)", "matrix_rank(s)", "matrix_rank(t * 0)", "eigh(w)[0]", "eigvalsh(w)", "eigvalsh(w, UPLO='U')", "cholesky(w)",
    "slogdet(s)[0]", "slogdet(s)[1]", "matrix_power(s, 2)", "matrix_power(s, -1)", "matrix_power(s, 0)", "cond(s)", "cond(s, 1)",
    "norm(t, 1)", "norm(t, 2)", "norm(t, -2)", "norm(t, 'nuc')", "norm(t, np.inf)", "norm(t, axis=0)", "norm(t, 3, axis=1, keepdims=True)",
    "norm(v, 0)", "norm(v, -1)", "norm(s, 1, axis=(-2, -1))", "lstsq(t, t[:, 0], rcond=None)[0]", "lstsq(t, t, rcond=None)[1]",
    "lstsq(t, t[:, 0], rcond=None)[3]", "svd(t, full_matrices=False)[0].shape", "qr(t)[0].shape", "qr(t, mode='complete')[1].shape",
    "eig(w).eigenvectors.shape", "multi_dot([t, t.T, t])", "inv(t[:1])", "inv(s * 0)", "inv(v)", "solve(s, v)", "cholesky(-w)",
    "solve(t.T, b)", "inv(s.astype('f2'))", "eigvals(v)", "matrix_power(t[:1], 2)",
    "svdvals(s)", "matrix_norm(s)", "vector_norm(t)", "vector_norm(s, axis=-1)", "vector_norm(t, keepdims=True)", "matrix_transpose(s)",
    "trace(s)", "diagonal(s)", "diagonal(s, offset=1)", "matmul(s, b)", "outer(v, v)",
]
#: x is a matrix, y as long as its rows, z of any length.
MORE = [
    "np.convolve(y, z)", "np.convolve(y, z, 'same')", "np.convolve(y, z, 'valid')", "np.correlate(y, z)", "np.correlate(y, z, 'full')",
    "np.correlate(y, z, 'same')", "np.trapezoid(x)", "np.trapezoid(x, y)", "np.trapezoid(x, dx=.5, axis=0)", "np.polyval(y, z)", "np.vander(y)",
    "np.vander(y, 2, True)", "np.tensordot(x, y, 1)", "np.tensordot(x, x, ([0], [0]))", "np.tensordot(y, z, 0)",
    "np.cov(x, ddof=0)", "np.cov(y, ddof=0)", "np.intersect1d(y, z)", "np.union1d(y, z)", "np.setdiff1d(y, z)", "np.setxor1d(y, z)",
    "np.isin(x, z)", "np.ix_(z % 2 > 3, [0])[1]", "x[np.ix_([0, -1], [0])]", "np.mgrid[0:3, 1:5:2]", "np.mgrid[0:1:5j]", "np.ogrid[0:3, 0:2][1]",
    "np.r_[y, 0, z]", "np.r_[1:4, y]", "np.c_[y, y]", "np.c_[x, x]", "np.resize(x, (2, 3))", "np.resize(y, 7)", "np.insert(y, 1, 9)",
    "np.insert(y, [0, -1], [8, 9])", "np.insert(x, 0, 9, axis=1)", "np.insert(x, 1, y, axis=0)", "np.insert(x, 9, 1, axis=0)",
    "np.block([[x, x], [x, x]])", "np.block([y, z])", "np.vsplit(x, [1])[0]", "np.hsplit(x, [1])[-1]", "np.dsplit(x, 1)", "np.hsplit(y, [1])[0]",
    "np.extract(x > 2, x)", "np.select([y > 3, y > 1], [y, y * 2], 7)", "np.choose(y % 2, [y, y + 1])", "np.choose(y, [y, y])",
    "np.digitize(y, [1, 3, 5])", "np.digitize(y, [5, 3, 1])", "np.digitize(y, [1, 3], right=True)", "np.ediff1d(x)", 
    "np.modf(y / 2)[0]", "np.fix(y - 2.5)", "np.angle(y)", "np.isreal(y)", "np.real(y)", "np.imag(y)", "np.sinc(y)", "np.logspace(0, 2, 5)",
    "changed(x, lambda a: np.fill_diagonal(a, 9))", "changed(x, lambda a: np.put(a, [0, -1], [7, 8]))", "changed(x, lambda a: a.put([99], 1))",
    "changed(x, lambda a: np.putmask(a, a > 2, [1, 2]))", "changed(x, lambda a: np.place(a, a > 2, [1, 2]))",
    "changed(x, lambda a: np.copyto(a, y))", "changed(x, lambda a: np.copyto(a, 0, where=a > 2))", "x.flat[1:3]", "x.flat[-1]", "x.T.flat[99]",
    "changed(x, lambda a: a.flat.__setitem__(slice(None, None, 2), 9))", "np.apply_along_axis(np.sort, 0, x)", "np.apply_along_axis(np.sum, 1, x)",
    "np.apply_along_axis(lambda row: row[:1], -1, x)", "np.tril_indices(3)[0]", "np.triu_indices(3, 1, 4)[1]", "np.take_along_axis(x, np.argsort(x, 0, kind='stable'), 0)",
    "np.add.reduce(x)", "np.add.reduce(x, axis=1)", "np.multiply.reduce(y)", "np.maximum.reduce(x, axis=None)", "np.add.accumulate(y)",
    "np.subtract.outer(y, z)", "np.multiply.outer(x, z)", "np.array(list(np.ndindex(2, 3)))", "np.finfo(y.dtype).eps", "np.iinfo(y.dtype).max",
    "np.issubdtype(y.dtype, np.integer)", "np.issubdtype(y.dtype, float)", "x.compress([True], axis=0)", "np.repeat(y, y.astype(int))",
    "np.average(x, 1, y + 1)", "np.gradient(np.r_[y, 1, 2])", "np.roll(x, (1, 2), (0, 1))", "np.tril(x, -1)", "np.triu(x)", "np.rot90(x)",
    "np.unravel_index(z.astype(int), (3, 3))[0]", "np.ravel_multi_index((y.astype(int), y.astype(int)), (7, 7))", "np.nonzero(x)[0]", "np.argwhere(x)",
    "np.bincount(y.astype(int), minlength=3)", "np.interp(y, [0, 6], [0., 3])", "np.diff(x, 2)", "np.cross([1, 2, 3], [y[0], 0, 1])",
    "np.array_split(z, 3)[-1]", "np.delete(y, 0)", "np.flatnonzero(x)", "np.count_nonzero(x, axis=0)", "np.clip(x, 1, 3)", "np.ptp(x, 1)",
    "np.einsum('ij,j->i', x, y)", "np.einsum('ij,j', x, y)", "np.einsum('ij->ji', x)", "np.einsum('ij->', x)", "np.einsum('ij,ij->i', x, x)", "np.einsum('i,j', y, z)",
    "np.einsum('ij,kj', x, x)", "np.einsum('...j,j->...', x, y)", "np.einsum('i...->...', x)", "np.einsum('ij,ik,j->k', x, x, y)", "np.einsum('i,i', y, y)", "np.einsum('i,i', y, z)",
    "np.einsum('ii', x[:, :1] * x[:1, :1])", "np.einsum('i,i->i', y, y)", "np.einsum('ij,ij->ij', x, x)", "np.einsum(x, [0, 1], y, [1], [0])", "np.einsum('ij->i->j', x)", "np.einsum('ijk', x)",
    "np.einsum('aij,akj->aik', np.stack([x, x]), np.stack([x, x]))",
    "np.interp(z, y[:1], y[:1])", "np.interp(z, [1, 2, 4], [3., 5, 4], -1, 99)", "np.interp(z, [1, 5, 3], [3., 5, 4], period=6)", "np.interp(2, [1, 2], [0, 7])", "np.interp(z, [], [])",
    "printed(x / 7, precision=3)", "printed(y / 7e5, suppress=True)", "printed(y / 7e5, precision=2)", "printed(x * 1001., linewidth=20)", "printed(x / 3, precision=0)",
    "printed(np.stack([x, x]) * .1, threshold=4, edgeitems=1)", "printed(np.r_[y, z, z], threshold=0, edgeitems=2)", "printed(y * (1 + 2j) / 7, precision=4, suppress=True)",
    "np.lexsort((y, y[::-1]))", "np.lexsort([y, z])", "np.geomspace(1, 8, 4)", "np.piecewise(y, [y > 3], [1, 0])", "np.piecewise(y, [y > 3, y < 1], [lambda v: v + 1, 2])",
    "np.packbits(z > 2)", "np.packbits(x > 1, axis=0)", "np.unpackbits(z.astype('u1'))", "np.unpackbits(z.astype('u1'), count=3)", "np.hanning(7)", "np.hamming(6)", "np.blackman(5)",
    "np.bartlett(6)", "np.percentile(x, [10, 50, 90], method='nearest')", "np.percentile(x, 30, axis=1, method='lower')", "np.quantile(x, [.2, .7], axis=0, method='higher')",
    "np.percentile(y, 45, method='midpoint')", "np.percentile(x, 101, method='lower')", "np.atleast_3d(y)", "np.trim_zeros(y)", "np.vectorize(lambda v: v + 1)(y)", "np.partition(y, 0)[0]",
    "changed(x, lambda a: np.put_along_axis(a, np.argsort(a, 0, kind='stable'), 7, 0))", "np.sort(np.array([(2, 1.), (1, 5.), (2, 0.)], 'i4,f8'), order='f1')['f0']", "np.partition(y, 9)",
    "np.argsort(np.array([(2, 1.), (1, 5.), (2, 0.)], 'i4,f8'))", "np.unique(np.array(['b', 'a', 'b']), return_counts=True)[1]", "np.argsort(np.array(['b', 'a', 'b']), kind='stable')",
    "np.array(['a', 'b']) == 'a'", "np.array(['a', 'b']) != np.array([['b'], ['a']])",
    "None in y", "y == None", "y != 'a'", "changed(x / 2, lambda a: np.add(x, 1, out=a))", "changed(x, lambda a: np.divide(a, 2, out=a))",
    "np.bitwise_or.reduce(z.astype(int))", "np.bitwise_and.reduce(x.astype(int), axis=1)", "np.fmax.reduce(x, axis=None)", "np.subtract.reduce(x)",
    "np.logical_xor.reduce(x, axis=1, keepdims=True)", "np.minimum.accumulate(x, axis=1)", "np.maximum.accumulate(z)", "np.multiply.accumulate(x)",
    "np.add.reduceat(y, [0, 0, len(y) - 1])", "np.maximum.reduceat(x, [len(y) - 1, 0], axis=1)", "np.add.reduceat(y, [9])", "np.hypot.reduce(y[:0])",
    "np.fmin.reduce(y[:0])", "np.subtract.reduce(x, axis=(0, 1))", "np.bitwise_xor.reduce(x.astype(int), axis=(1, 0), keepdims=True)", "np.add.reduce(x, 1, None, None, True)",
]
#: The same of what only the native library has.
NATIVE_MORE = [
    "np.histogram2d(y, y, 3)[0]", "np.histogram2d(y, y + 1, 2, [[0, 4], [1, 6]])[0]", "np.histogram2d(y, y[::-1], [[0, 2, 9], [1, 5]], weights=y)[0]", "np.histogram2d(x[0], y)[2]",
    "np.histogram2d(y, y, 2, density=True)[0]", "np.histogram2d(y, y, [[0, 2, 9], [1, 5]])[1]", "np.histogram(y, 3)[1]", "np.histogram(y, 3, (0, 5))[1]", "np.histogram2d(y, z)[0].shape", "np.histogram_bin_edges(y, 4)", "np.nanpercentile(x, 30)", "np.nanquantile(x, .3, axis=0)", "np.frexp(y)[1]",
    "np.sum(x, where=x > 2)", "np.sum(x, 0, initial=7, where=x > 2)", "x.max(axis=1, initial=3)", "x.min(initial=2, where=y > 1)", "np.max(x[:, :0], axis=1, initial=-1)",
    "np.min(x, where=y > 1)", "np.mean(x, 1, where=y > 1)", "x.std(where=x > 1)", "x.var(axis=0, ddof=1, where=x > 1)", "np.any(x, axis=0, where=[[True]] * len(x))", "x.all(where=y > 3)",
    "np.nansum(x / (y - y[0]), where=x > 1)", "np.nanmean(x / (y - y[0]), axis=1, where=y > 0)", "np.nanmax(x, initial=9)", "np.prod(x, axis=0, initial=2)", "np.sum(x, where=z > 1)",
    "np.add.reduce(x, where=x > 2)", "np.sum(y, initial=2.5)", "np.sum(y, dtype='f4', initial=-1)", "y.sum(where=y)", "np.multiply.reduce(x, axis=1, initial=3)", "np.fmax.reduce(x, initial=4)",
    "changed(x / 1., lambda a: np.divide(y, y - y[0], out=a, where=y != y[0]))", "changed(x, lambda a: np.negative(a, a, where=a > 2))", "np.where(x > 2, np.sqrt(x, where=x > 2), 1)",
    "changed(x, lambda a: np.add.at(a, [0, 0, -1], 1))", "changed(y, lambda a: np.multiply.at(a, z.astype(int) % len(y), 2))", "changed(x, lambda a: np.maximum.at(a, (0, [0, 0]), [3, 5]))",
    "changed(y, lambda a: np.add.at(a, [0], .5))", "changed(x, lambda a: np.subtract.at(a, x > 2, 1))",
    "np.heaviside(y - 2., .5)", "np.ldexp(y / 2, 3)", "np.spacing(y / 2)",
]


class Maker:
    """One expression: text that both Pythons evaluate, over arrays that both are given."""

    def __init__(self, chance, complete, linalg):
        self.chance = chance
        self.linalg = linalg
        self.complete = complete
        self.arrays = {}

    def pick(self, *choices):
        return self.chance.choice(choices)

    def shape(self, most=3):
        return tuple(self.chance.randint(1, 4) for _ in range(self.chance.randint(0, most)))

    def array(self, shape=None, dtypes=DTYPES, ndim=None, finite=False):
        shape = self.shape() if shape is None else shape
        while ndim is not None and len(shape) < ndim:
            shape += (self.chance.randint(1, 4),)
        dtype = np.dtype(self.pick(*(REAL if not self.complete and dtypes is DTYPES else dtypes)))
        size = int(np.prod(shape, dtype=int))
        if dtype.kind in "iu":
            info = np.iinfo(dtype)
            edge = [info.min, info.max, 0, 1]
            values = [self.pick(*edge) if self.chance.random() < .2 else self.chance.randint(max(-9, info.min), 9) for _ in range(size)]
        elif dtype.kind == "b":
            values = [self.chance.random() < .5 for _ in range(size)]
        else:
            values = [self.chance.randint(-40, 40) / 8 for _ in range(size)]
            if dtype.kind == "c":
                values = [complex(value, self.chance.randint(-8, 8)) for value in values]
            elif self.chance.random() < .1 and size and not finite:
                values[self.chance.randrange(size)] = self.pick(float("nan"), float("inf"), -float("inf"), -0.0)
        made = np.array(values, dtype).reshape(shape)
        name = "x%d" % len(self.arrays)
        if self.chance.random() < .2:
            made = made.astype(made.dtype.newbyteorder(">"))
        self.arrays[name] = made
        text = name
        if made.ndim > 1 and self.chance.random() < .2:
            text, made = text + ".T", made.T
        return text, made

    def like(self, other):
        """An array that broadcasts with another."""
        shape = tuple(self.pick(extent, extent, 1) for extent in other.shape)[self.pick(0, 0, 1):]
        return self.array(shape)

    def number(self):
        return self.pick("1", "3", "-2", "2.5", "0", "True", "-0.5", "100", *(["2j"] if self.complete else []))

    def index(self, array):
        parts = []
        used = 0
        arrays = self.chance.random() < .4
        while used < array.ndim and self.chance.random() < .8:
            extent = array.shape[used]
            kind = self.pick("int", "slice", "slice", "none", *(["list", "mask"] if arrays else []))
            if kind == "int":
                parts.append(str(self.chance.randint(-extent, extent - 1)))
            elif kind == "slice":
                ends = [self.pick("", str(self.chance.randint(-5, 5))) for _ in range(2)]
                parts.append(":".join(ends + [self.pick("", "1", "2", "-1", "-3")]))
            elif kind == "none":
                parts.append("None")
                continue
            elif kind == "list":
                parts.append(str([self.chance.randint(-extent, extent - 1) for _ in range(self.pick(1, 2, 2, 3))]))
            else:
                parts.append(str([self.chance.random() < .5 for _ in range(extent)]))
            used += 1
        if self.chance.random() < .2:
            parts.insert(self.chance.randint(0, len(parts)), "...")
        return ", ".join(parts) or "..."

    def axis(self, array):
        if array.ndim == 0 or self.chance.random() < .3:
            return "None"
        return str(self.chance.randint(-array.ndim, array.ndim - 1))

    def expression(self):
        kinds = [self.arithmetic, self.arithmetic, self.comparison, self.indexing, self.indexing, self.assignment,
                 self.reduction, self.reduction, self.shaping, self.joining, self.casting, self.element_wise,
                 self.more_reductions, self.sorting, self.choosing, self.algebra, self.more]
        return self.pick(*kinds)()

    def operands(self):
        left, array = self.array()
        right = self.number() if self.chance.random() < .3 else self.like(array)[0]
        return (left, right) if self.chance.random() < .7 else (right, left)

    def arithmetic(self):
        left, right = self.operands()
        operator = self.pick("+", "-", "*", "/", "//", "%", "**", "&", "|", "^", *(["<<", ">>"] if self.complete else []))
        if self.chance.random() < .2:
            return "np.%s(%s, %s)" % (self.pick("maximum", "minimum", "fmax", "fmin", "logical_and", "logical_or", "logical_xor",
                                                "arctan2", "hypot", "copysign", "power", *(["fmod"] if self.complete else [])), left, right)
        return "%s %s %s" % (left, operator, right)

    def comparison(self):
        left, right = self.operands()
        return "%s %s %s" % (left, self.pick("==", "!=", "<", "<=", ">", ">="), right)

    def indexing(self):
        text, array = self.array(ndim=self.pick(1, 2, 3))
        return "%s[%s]" % (text, self.index(array))

    def assignment(self):
        text, array = self.array(ndim=self.pick(1, 2, 3), dtypes=REAL)
        value = self.pick("1", "0", "True", "(np.arange(1) + 2)[0]")
        return "changed(%s, lambda a: a.__setitem__(index[%s], %s))" % (text, self.index(array), value)

    def reduction(self):
        text, array = self.array()
        return "%s.%s(axis=%s%s)" % (text, self.pick("sum", "min", "max", "mean", "any", "all"), self.axis(array),
                                     self.pick("", ", keepdims=True"))

    def shaping(self):
        text, array = self.array(ndim=self.pick(1, 2, 3))
        return self.pick(
            "%s.reshape(-1)", "%s.ravel(order='F')", "%s.T", "np.flip(%s)", "np.roll(%s, 1)", "np.roll(%s, -2, 0)",
            "%s.swapaxes(0, -1)", "np.expand_dims(%s, 1)", "%s.squeeze()", "np.repeat(%s, 2, 0)", "np.tile(%s, 2)",
            "np.moveaxis(%s, 0, -1)", "%s.take([0, -1])", "np.atleast_2d(%s)", "%s.flatten()", "%s.copy()", "np.diff(%s)"
            if array.dtype.kind != "b" else "%s.T") % text

    def joining(self):
        text, array = self.array(ndim=1)
        other = self.array(array.shape)[0]
        return self.pick("np.concatenate([%s, %s])", "np.stack([%s, %s])", "np.stack([%s, %s], -1)", "np.vstack([%s, %s])",
                         "np.hstack([%s, %s])", "np.concatenate([%s, %s], -1)") % (text, other)

    def casting(self):
        text, array = self.array(dtypes=["?", "i1", "u1", "i2", "u2", "i4", "f2", "f4", "f8"])
        target = self.pick("?", "i4", "i8", "f2", "f4", "f8", ">f4", ">i4", "c16")
        if array.dtype.kind == "f" and np.dtype(target).kind in "iu" and not np.isfinite(array).all():
            return text
        return "%s.astype('%s')" % (text, target)

    def element_wise(self):
        name = self.pick("negative", "absolute", "sign", "floor", "ceil", "trunc", "rint", "sqrt", "exp", "log", "sin", "cos", "tan",
                         "arctan", "sinh", "cosh", "tanh", "log1p", "expm1", "log2", "log10", "square", "isnan", "isfinite",
                         "isinf", "cbrt", "degrees", "radians", "logical_not", "exp2",
                         *(["arcsinh", "reciprocal"] if self.complete else []))
        # What one divided by no integer is, C does not say.
        return "np.%s(%s)" % (name, self.array(dtypes=["f4", "f8", "c16"] if name == "reciprocal" else DTYPES)[0])

    def more_reductions(self):
        text, array = self.array(ndim=1)
        axis = self.axis(array)
        if array.dtype.kind in "iuf" and self.chance.random() < .1:
            return "np.median(%s, axis=%s)" % (text, axis)
        return self.pick("%s.std(axis=%s)", "%s.var(axis=%s)", "%s.prod(axis=%s)", "%s.argmax(axis=%s)",
                         "%s.argmin(axis=%s)", "%s.cumsum(axis=%s)", "%s.cumprod(axis=%s)", "np.ptp(%s, axis=%s)",
                         *(["np.percentile(%s, 30, axis=%s)"] if self.complete and array.dtype.kind == "f" else [])) % (text, axis)

    def sorting(self):
        text, _ = self.array(ndim=1, dtypes=REAL)
        return self.pick("np.sort(%s)", "np.sort(%s, axis=0)", "np.argsort(%s, kind='stable')", "np.unique(%s)",
                         "np.searchsorted(np.sort(%s.ravel()), 1)") % text

    def algebra(self):
        if self.linalg and self.chance.random() < .7:
            return self.decomposition()
        n = self.chance.randint(1, 4)
        left = self.array((self.chance.randint(1, 3), n), finite=True)[0].replace(".T", "")
        right = self.array(self.pick((n,), (n, 2)), finite=True)[0].replace(".T", "")
        return "np.%s(%s, %s)" % (self.pick("matmul", "dot"), left, right)

    def decomposition(self):
        """Of matrices that are well conditioned, so that a few units in the last place are all that may differ."""
        n = self.chance.randint(1, 4)
        dtype = self.pick("f8", "f8", "f4", "i4", "i2", "c16", "c8")
        square = self.numbers(self.pick((), (), (2,)) + (n, n), dtype) + 15 * np.eye(n, dtype=dtype)
        tall = self.numbers((n + self.chance.randint(0, 2), n), "f4")
        self.arrays.update(s=square, w=square + np.conj(np.swapaxes(square, -1, -2)), t=tall + 9 * np.eye(*tall.shape, dtype="f4"))
        self.arrays.update(b=self.numbers((n, 2), "f8"), v=self.numbers((n + 2,), "f4"))
        name = self.pick(*DECOMPOSED)
        used = {array for array in "swtbv" if re.search(r"\b%s\b" % array, name)}
        self.arrays = {array: self.arrays[array] for array in used}
        return re.sub(r"\b([a-z_]+)\(", r"np.linalg.\1(", name, count=1)

    def numbers(self, shape, dtype):
        """Small ones."""
        made = [self.chance.randint(-3, 3) + (1j * self.chance.randint(-2, 2) if dtype[0] == "c" else 0)
                for _ in range(int(np.prod(shape)))]
        return np.array(made, dtype).reshape(shape)

    def choosing(self):
        text, array = self.array()
        return self.pick("np.where(%s > 0, %s, 0)", "np.where(%s, %s, 1.5)", "np.where(%s != 0, -1, %s)") % (text, text)

    def more(self):
        """What is written in terms of other functions."""
        n = self.chance.randint(1, 4)
        for name in "xyz":
            dtype = self.pick("u1", "i2", "i4", "i8", "f4", "f8")
            shape = {"x": (self.chance.randint(1, 3), n), "y": (n,), "z": (self.chance.randint(1, 5),)}[name]
            self.arrays[name] = np.array([self.chance.randint(0, 6) for _ in range(int(np.prod(shape)))], dtype).reshape(shape)
        text = self.pick(*MORE, *(NATIVE_MORE if self.complete else []))
        self.arrays = {name: array for name, array in self.arrays.items() if re.search(r"\b%s\b" % name, text)}
        return text


class Index:
    def __getitem__(self, key):
        return key


def changed(array, change):
    array = array.copy()
    change(array)
    return array


def printed(array, **options):
    """As text, a number for each character."""
    with np.printoptions(**options):
        return np.array([ord(letter) for letter in str(array) + repr(array)])


def value(text, arrays):
    """What NumPy makes of it, or the name of its exception."""
    names = dict(arrays, np=np, index=Index(), changed=changed, printed=printed)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return eval(text, names)
    except Exception as error:
        return next(kind.__name__ for kind in type(error).__mro__ if kind in (ValueError, TypeError, IndexError, OverflowError,
                                                                                ZeroDivisionError, Exception))


SUMS = ("sum", "interp", "convolve", "correlate", "trapezoid", "polyval", "cov", "average", "mean", "std", "var", "prod", "diff", "dot", "matmul", "linalg", "trace", "+", "-", "percentile", "median")


def wrong(text, arrays, expected, found):
    """Why these are not the same, or None."""
    if isinstance(expected, str):
        return None if isinstance(found, str) and found.startswith(expected) else "%s, not %s" % (str(found)[:200], expected)
    if isinstance(found, str):
        return found
    expected = np.asarray(expected)
    if expected.dtype.newbyteorder("=") != found.dtype.newbyteorder("=") or expected.shape != found.shape:
        return "%s %s, not %s %s" % (found.dtype, found.shape, expected.dtype, expected.shape)
    if expected.dtype.kind not in "fc":
        return None if (expected == found).all() else "%r, not %r" % (found, expected)
    info = np.finfo(expected.dtype)
    finite = expected[np.isfinite(expected)]
    scale = float(np.abs(finite).max()) if finite.size else 1.0
    if any(word in text for word in SUMS):
        # What was added up may have been much larger than what is left.
        scale = max([scale] + [float(np.abs(array[np.isfinite(array)].astype("c16")).max(initial=0)) for array in arrays.values()])
    few = 64 if expected.dtype.itemsize > 4 else 8
    with np.errstate(all="ignore"):
        near = np.abs(expected.astype("c16") - found.astype("c16")) <= few * float(info.eps) * max(scale, float(info.tiny))
    same = near | (expected == found) | (np.isnan(expected) & np.isnan(found))
    return None if same.all() else "%r, not %r" % (found, expected)


def main(class_path, count=300, seed=1):
    chance = random.Random(seed)
    here = os.path.dirname(os.path.abspath(__file__))
    java = os.path.join(os.environ["JAVA_HOME"], "bin", "java") if os.environ.get("JAVA_HOME") else "java"
    jython = [java, "-cp", class_path, "-Dpython.cachedir.skip=true", "org.python.util.jython", "-B",
              os.path.join(here, "evaluate.py")]
    with tempfile.TemporaryDirectory() as folder:
        there = subprocess.run(jython, stdout=subprocess.PIPE, check=True, timeout=300).stdout.decode().strip()
        complete = there != "basic"
        cases = []
        while len(cases) < count:
            maker = Maker(chance, complete, there == "complete")
            text = maker.expression()
            expected = value(text, maker.arrays)
            cases.append((text, maker.arrays, expected))
        with open(os.path.join(folder, "cases.json"), "w") as file:
            json.dump([(text, sorted(arrays)) for text, arrays, _ in cases], file)
        np.savez(os.path.join(folder, "arrays.npz"), **{
            "%d_%s" % (i, name): array for i, case in enumerate(cases) for name, array in case[1].items()})
        subprocess.run(jython + [folder], check=True, timeout=1200)
        found = np.load(os.path.join(folder, "found.npz"))
        with open(os.path.join(folder, "errors.json")) as file:
            errors = json.load(file)
        failures = 0
        refused = sum(isinstance(expected, str) for _, _, expected in cases)
        for i, (text, arrays, expected) in enumerate(cases):
            why = wrong(text, arrays, expected, errors[str(i)] if str(i) in errors else found[str(i)])
            if why:
                failures += 1
                print("WRONG: %s: %s\n    %s" % (text, why, arrays))
        print("differential: %d expressions (%s) are as in NumPy %s, %d of them errors; %d are not" % (
            count - failures, {"basic": "Java's own", "native": "native, without linalg"}.get(there, "native"), np.__version__, refused, failures))
        return failures == 0


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1], *map(int, sys.argv[2:])))
