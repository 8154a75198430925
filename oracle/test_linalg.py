"""`ndferry_math`'s linear algebra against the real NumPy 2."""

import hypothesis.strategies as st
import numpy as np
import pytest

from agent import Refused
from cases import cases
from mathematics import Draw, both, ours

pytestmark = pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.1.0", reason="promotes as NumPy 1")
seeds = st.integers(0, 2**32)
NAMES = """solve inv det slogdet matrix_power pinv cholesky qr svd eig eigvals eigh eigvalsh norm cond matrix_rank lstsq
    lu""".split()


def matrices(draw, shape=None, dtypes=("<f8", "<f4", "<c16", "<c8", "<i4", ">f8")):
    shape = draw.one([(1, 1), (3, 3), (6, 6), (2, 4, 4), (20, 20), (0, 0), (2, 0, 3, 3)]) if shape is None else shape
    return draw.array(list(dtypes), shape, tame=True)


@cases(700, seeds)
def test_linear_algebra(seed):
    """Values where they are unique; products of the factors where they are not."""
    draw = Draw(seed)
    random = draw.random
    name = draw.one([*NAMES, "trace"])
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


def hilbert(n):
    return 1 / (np.arange(n)[:, None] + np.arange(n) + 1.0)


def awkward():
    """Matrices that decompositions have been wrong about, by what they are."""
    random = np.random.default_rng(0)
    normal = random.normal(size=(40, 40))
    low = random.normal(size=(30, 4)) @ random.normal(size=(4, 20))
    jordan = np.diag(np.full(6, 2.0)) + np.diag(np.ones(5), 1)
    turned, _ = np.linalg.qr(normal[:9, :9])
    yield "random", normal
    yield "wide", normal[:7]
    yield "tall", normal[:, :3]
    yield "long enough for blocks", random.normal(size=(150, 130))
    yield "complex", normal[:12, :12] + 1j * normal[12:24, :12]
    yield "Hilbert", hilbert(10)
    yield "of rank 4", low
    yield "defective", jordan
    yield "equal eigenvalues", turned @ np.diag([3.0] * 5 + [1.0] * 4) @ turned.T
    yield "nilpotent", np.diag(np.ones(7), 1)
    yield "zeros", np.zeros((5, 5))
    yield "identity", np.eye(6)
    yield "permutation", np.eye(8)[random.permutation(8)]
    yield "huge", normal[:8, :8] * 1e150
    yield "tiny", normal[:8, :8] * 1e-150
    yield "of all sizes", normal[:10, :10] * 10.0 ** np.arange(-9, 11, 2)
    yield "row of zeros", np.vstack([normal[:5, :6], np.zeros((1, 6))])
    yield "single", normal[:20, :20].astype("f4")


MATRICES = dict(awkward())


def apart(found, matrix):
    """How far, in units of the last digit of the largest number times the number of rows or columns."""
    found, wide = np.asarray(found), matrix.astype("c16")
    largest = np.max(np.abs(wide)) or 1.0
    digit = np.finfo(matrix.dtype).eps
    return float(np.max(np.abs(found / largest - wide / largest)) / digit / max(matrix.shape))


@pytest.mark.parametrize("what", MATRICES)
def test_factors_multiplied_are_the_matrix(what):
    a = MATRICES[what]
    wide = a.astype("c16")
    size = np.max(np.abs(wide)) or 1.0
    scaled = np.asarray(wide / size)
    u, s, vh = (x.astype("c16") for x in ours("linalg.svd", [a], {"full_matrices": False}))
    assert apart((u * (s / size)) @ vh * size, a) < 4
    assert apart(unit(u), np.eye(u.shape[1], dtype=a.dtype)) < 4
    assert apart(unit(np.conjugate(vh.T)), np.eye(vh.shape[0], dtype=a.dtype)) < 4
    theirs = np.linalg.svd(scaled.real if a.dtype.kind == "f" else scaled, compute_uv=False)
    assert np.all(np.abs(s / size - theirs) <= 4 * max(a.shape) * np.finfo(a.dtype).eps * max(theirs[0], 1e-300))
    q, r = (x.astype("c16") for x in ours("linalg.qr", [a]))
    assert apart(q @ (r / size) * size, a) < 4
    assert apart(unit(q), np.eye(q.shape[1], dtype=a.dtype)) < 4
    p, l, u = (x.astype("c16") for x in ours("linalg.lu", [a]))
    assert apart(p @ l @ (u / size) * size, a) < 4
    if a.shape[0] != a.shape[1]:
        return
    values, vectors = (x.astype("c16") for x in ours("linalg.eig", [a]))
    assert apart(scaled @ vectors, np.asarray(vectors * (values / size)).astype(np.result_type(a.dtype, "c8"))) < 10 * max(
        1, 1 / np.max(np.abs(vectors))
    )
    both_ways = (scaled + np.conjugate(scaled.T)).astype(a.dtype)
    values, vectors = (x.astype("c16") for x in ours("linalg.eigh", [both_ways]))
    assert apart((vectors * values) @ np.conjugate(vectors.T), both_ways) < 4
    assert apart(unit(vectors), np.eye(len(a), dtype=a.dtype)) < 4
    positive = (scaled @ np.conjugate(scaled.T) + np.eye(len(a))).astype(a.dtype)
    lower = ours("linalg.cholesky", [positive])[0].astype("c16")
    assert apart(lower @ np.conjugate(lower.T), positive) < 4


@pytest.mark.parametrize("what", MATRICES)
def test_solutions_solve(what):
    """The backward error: how much of the matrix would have to change for the solution to be exact."""
    a = MATRICES[what]
    b = np.arange(1.0, a.shape[0] + 1).astype(a.dtype)
    size = np.max(np.abs(a.astype("c16"))) or 1.0
    digit = np.finfo(a.dtype).eps
    if a.shape[0] == a.shape[1]:
        try:
            np.linalg.inv(a)
        except np.linalg.LinAlgError:
            with pytest.raises(Refused, match="LinAlgError"):
                ours("linalg.solve", [a, b])
        else:
            x = ours("linalg.solve", [a, b])[0].astype("c16") * size
            left = np.max(np.abs((a / size).astype("c16") @ x - b))
            assert left <= 8 * len(a) * digit * max(np.max(np.abs(x)), 1) * max(b)
    rank = ours("linalg.matrix_rank", [a])[0]
    assert rank == np.linalg.matrix_rank(a)
    again = ours("linalg.pinv", [a], {"rcond": 1e-9 if digit < 1e-9 else 1e-4})[0].astype("c16") * size
    scaled = a.astype("c16") / size
    loose = 1e3 * digit * max(a.shape) * np.linalg.norm(again, 2) ** 2 + digit
    for left, right in [(scaled @ again @ scaled, scaled), (again @ scaled @ again, again)]:
        if what != "of all sizes" and what != "Hilbert":
            assert np.max(np.abs(left - right)) <= loose * max(1, np.linalg.norm(again, 2))


def test_hilbert_matrices_are_as_bad_as_they_are():
    for n in range(2, 9):
        a = hilbert(n)
        cond = ours("linalg.cond", [a])[0]
        assert abs(cond / np.linalg.cond(a) - 1) < 1e-16 * cond
        inverse = ours("linalg.inv", [a])[0]
        assert np.max(np.abs(inverse @ a - np.eye(n))) < 1e-15 * cond


def test_matrices_without_elements_and_stacks_of_none():
    empty = [(0, 0), (3, 0), (0, 3), (2, 0, 0), (0, 3, 3), (2, 3, 0), (2, 0, 3)]
    for shape in empty:
        for dtype in ["<f8", "<c8"]:
            a = np.zeros(shape, dtype)
            for name in "inv det slogdet pinv cholesky qr svd eig eigvals eigh eigvalsh matrix_rank cond".split():
                both(f"linalg.{name}", [a], lambda: getattr(np.linalg, name)(a))
            for mode in ["complete", "r"]:
                both("linalg.qr", [a], lambda: np.linalg.qr(a, mode), {"mode": mode})
            both("linalg.svd", [a], lambda: np.linalg.svd(a, full_matrices=False), {"full_matrices": False})
            for n in [0, 2, -1]:
                both("linalg.matrix_power", [a], lambda: np.linalg.matrix_power(a, n), {"n": n})
            for b in [np.zeros(0), np.zeros((3, 0)), np.zeros((0, 2)), np.ones((3, 2)), np.ones(3)]:
                both("linalg.solve", [a, b], lambda: np.linalg.solve(a, b))
                both("linalg.lstsq", [a, b], lambda: np.linalg.lstsq(a, b))
            for order in [None, 1, -1, 2, -2, "fro", "nuc", "inf", "-inf"]:
                given = float(order) if order in ("inf", "-inf") else order
                both("linalg.norm", [a], lambda: np.linalg.norm(a, given), {"ord": order})


def test_singular_matrices_among_others():
    good, bad = np.array([[2.0, 1], [1, 3]]), np.array([[1.0, 2], [2, 4]])
    for a in [bad, np.stack([good, bad]), np.zeros((2, 2)), np.zeros((3, 2, 2))]:
        for name in ["inv", "det", "slogdet"]:
            both(f"linalg.{name}", [a], lambda: getattr(np.linalg, name)(a), ulps=4)
        both("linalg.solve", [a, np.ones(2)], lambda: np.linalg.solve(a, np.ones(2)), ulps=8)
        for order in [1, -1, "fro", "inf"]:
            given = float(order) if order == "inf" else order
            both("linalg.cond", [a], lambda: np.linalg.cond(a, given), {"p": order}, ulps=40)


@cases(200, seeds)
def test_what_is_not_finite_spoils_as_much_of_qr_and_slogdet(seed):
    """NaNs exactly as much as in NumPy, infinities at least."""
    draw = Draw(seed)
    a = draw.random.normal(size=draw.one([(1, 1), (3, 3), (5, 2), (2, 5), (6, 6), (40, 40)]))
    bad = draw.random.integers(0, a.size, draw.one([1, 1, 2]))
    a.flat[bad] = value = draw.one([np.nan, np.inf, -np.inf])
    for found, theirs in zip(ours("linalg.qr", [a]), np.linalg.qr(a)):
        left = np.isfinite(found)
        assert np.all(np.isfinite(theirs[left]))
        assert np.isinf(value) or np.array_equal(left, np.isfinite(theirs))
        assert np.allclose(found[left], theirs[left], atol=1e-9)
    if a.shape[0] == a.shape[1]:
        sign, log = ours("linalg.slogdet", [a])
        assert abs(sign) == 1 and not np.isfinite(log)
