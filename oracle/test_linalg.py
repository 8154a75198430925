"""`ndferry_math`'s linear algebra against the real NumPy 2."""

import hypothesis.strategies as st
import numpy as np
import pytest

from cases import cases
from mathematics import Draw, both, ours

pytestmark = pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="promotes as NumPy 1")
seeds = st.integers(0, 2**32)


def matrices(draw, shape=None, dtypes=("<f8", "<f4", "<c16", "<c8", "<i4", ">f8")):
    shape = draw.one([(1, 1), (3, 3), (6, 6), (2, 4, 4), (20, 20), (0, 0), (2, 0, 3, 3)]) if shape is None else shape
    return draw.array(list(dtypes), shape, tame=True)


@cases(700, seeds)
def test_linear_algebra(seed):
    """Values where they are unique; products of the factors where they are not."""
    draw = Draw(seed)
    random = draw.random
    name = draw.one("solve inv det slogdet matrix_power pinv cholesky qr svd eig eigvals eigh eigvalsh norm cond matrix_rank lstsq "
                    "trace lu".split())  # fmt: skip
    full = f"linalg.{name}"
    rectangles = [(3, 3), (4, 2), (2, 4), (2, 5, 3), (1, 1), (12, 7)]
    # As many digits as are left of ill-conditioned matrices.
    loose = 1e5
    a = matrices(draw)
    single = a.dtype.itemsize // (2 if a.dtype.kind == "c" else 1) == 4 and a.dtype.kind != "i"
    if name == "solve":
        b = matrices(draw, draw.one([a.shape[-1:], (*a.shape[:-1], 2), (7,)]))
        scale = float(np.max(np.abs(b.astype("c16")), initial=1)) * 100
        both(full, [a, b], lambda: np.linalg.solve(a, b), ulps=loose, scale=scale)
    elif name in ("inv", "det", "slogdet"):
        a = draw.one([a, np.zeros((2, 2)), np.zeros((2, 3)), np.zeros(3)])
        scale = float(np.prod(np.linalg.norm(a.astype("c16"), axis=-1), axis=-1).max(initial=1)) if a.ndim > 1 else 1
        both(full, [a], lambda: getattr(np.linalg, name)(a), ulps=loose, scale=scale)
    elif name == "matrix_power":
        n = int(random.integers(-2, 5))
        scale = float(np.max(np.abs(a.astype("c16")), initial=1)) ** 4 * 1e5
        both(full, [a], lambda: np.linalg.matrix_power(a, n), {"n": n}, ulps=loose, scale=scale)
    elif name in ("eig", "eigvals"):
        a = matrices(draw, draw.one([(3, 3), (6, 6), (1, 1)]), ("<f8", "<c16", "<i4"))
        found = ours(full, [a])
        theirs = np.linalg.eigvals(a)
        assert np.allclose(sorted_complex(found[0]), sorted_complex(theirs), atol=1e-6)
        assert found[0].dtype == theirs.dtype
        if name == "eig":
            assert np.allclose(a @ found[1], found[1] * found[0], atol=1e-6)
            assert np.allclose(np.linalg.norm(found[1], axis=0), 1)
    elif name in ("eigh", "eigvalsh", "cholesky"):
        a = matrices(draw, draw.one([(3, 3), (2, 6, 6), (1, 1)]))
        a = a @ np.conjugate(np.swapaxes(a, -1, -2)) + np.eye(a.shape[-1], dtype=a.dtype)
        if name == "cholesky":
            a = draw.one([a, a, -a])
            both(full, [a], lambda: np.linalg.cholesky(a), ulps=loose, scale=10)
            return
        values = ours("linalg.eigvalsh", [a], {"UPLO": draw.one("LU")})[0]
        theirs = np.linalg.eigvalsh(a)
        assert values.dtype == theirs.dtype
        assert np.allclose(values, theirs, rtol=1e-3, atol=1e-3) if single else np.allclose(values, theirs)
        found = ours("linalg.eigh", [a])
        again = found[1] * found[0][..., None, :] @ np.conjugate(np.swapaxes(found[1], -1, -2))
        assert np.allclose(again, a, rtol=1e-3, atol=1e-2)
    elif name in ("qr", "svd", "lu"):
        a = matrices(draw, draw.one(rectangles))
        wide = a.astype("c16")
        if name == "qr":
            mode = draw.one(["reduced", "complete", "r"])
            found = ours(full, [a], {"mode": mode})
            theirs = np.linalg.qr(a, mode)
            r = found[-1]
            assert np.allclose(np.abs(r), np.abs(theirs[1] if mode != "r" else theirs), rtol=1e-3, atol=1e-4)
            assert np.allclose(np.tril(r, -1), 0)
            if mode != "r":
                assert [x.dtype for x in found] == [x.dtype for x in theirs]
                assert np.allclose(found[0] @ r, wide, rtol=1e-3, atol=1e-4)
                assert np.allclose(unit(found[0]), np.eye(found[0].shape[-1]), atol=1e-5)
        elif name == "svd":
            full_matrices = draw.chance(0.5)
            u, s, vh = ours(full, [a], {"full_matrices": full_matrices})
            theirs = np.linalg.svd(a, full_matrices)
            assert [(x.dtype, x.shape) for x in (u, s, vh)] == [(x.dtype, x.shape) for x in theirs]
            assert np.allclose(s, theirs[1], rtol=1e-4, atol=1e-5)
            k = s.shape[-1]
            assert np.allclose(u[..., :k] * s[..., None, :] @ vh[..., :k, :], wide, rtol=1e-3, atol=1e-4)
            assert np.allclose(unit(u), np.eye(u.shape[-1]), atol=1e-5)
            assert np.allclose(ours(full, [a], {"compute_uv": False})[0], s)
        else:
            p, l, u = ours(full, [a])
            assert np.allclose(p @ l @ u, wide, rtol=1e-3, atol=1e-4)
            assert np.allclose(np.tril(u, -1), 0)
            # Of complex numbers the pivot is the largest by the sum of both parts' sizes, as in LAPACK.
            assert np.all(np.abs(l) <= (2**0.5 if a.dtype.kind == "c" else 1) + 1e-6)
    elif name == "norm":
        a = matrices(draw, draw.one([(5,), (3, 4), (2, 3, 4)]))
        order = draw.one([None, 1, -1, 2, -2, "inf", "-inf", "fro", "nuc", 0, 3])
        axis = draw.one([None, -1, [-2, -1], [0, 1]] if a.ndim > 1 else [None, 0])
        if a.ndim == 3 and axis is None:
            order = None
        keepdims = draw.chance(0.4)
        theirs = float(order) if order in ("inf", "-inf") else order
        options = {"ord": order, "axis": axis, "keepdims": keepdims}
        given = tuple(axis) if isinstance(axis, list) else axis
        scale = float(np.sum(np.abs(a.astype("c16"))))
        both(full, [a], lambda: np.linalg.norm(a, theirs, given, keepdims), options, ulps=60, scale=scale)
    elif name == "cond":
        a = matrices(draw, (3, 3), ("<f8", "<c16"))
        order = draw.one([None, 1, 2, -2, "inf", "fro"])
        theirs = float(order) if order == "inf" else order
        both(full, [a], lambda: np.linalg.cond(a, theirs), {"p": order}, ulps=1e7)
    elif name == "matrix_rank":
        a = matrices(draw, draw.one([*rectangles, (4,)]))
        if a.ndim > 1 and draw.chance(0.5):
            a = np.ascontiguousarray(a).copy()
            a[..., -1, :] = a[..., 0, :]
        both(full, [a], lambda: np.linalg.matrix_rank(a))
    elif name == "pinv":
        a = matrices(draw, draw.one(rectangles), ("<f8", "<c16"))
        both(full, [a], lambda: np.linalg.pinv(a), ulps=1e7, scale=1)
    elif name == "lstsq":
        a = matrices(draw, draw.one([(6, 3), (3, 3), (3, 6)]), ("<f8", "<c16"))
        b = matrices(draw, draw.one([a.shape[:1], (a.shape[0], 2), (9,)]), ("<f8", "<c16"))
        both(full, [a, b], lambda: np.linalg.lstsq(a, b), ulps=1e7, scale=10)
    else:
        a = draw.array(shape=draw.one([(3, 4), (2, 3, 3), (4,)]), tame=True)
        k = int(random.integers(-2, 3))
        both("trace", [a], lambda: np.trace(a, k), {"offset": k}, ulps=4, scale=30)


def sorted_complex(values):
    return np.sort_complex(np.round(values.astype("c16"), 9))


def unit(columns):
    return np.conjugate(np.swapaxes(columns, -1, -2)) @ columns
