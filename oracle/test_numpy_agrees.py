"""A few seconds of numpy_agrees.py, the same pickles each time."""

from cases import SCALE, counts, tables
from numpy_agrees import Run


def test_what_numpy_and_the_libraries_read_of_changed_pickles_is_the_same():
    run = Run(seed=20)
    assert len(run.seeds) > 400
    mutants = max(500, int(3_000 * SCALE))
    for _ in range(mutants):
        run.one()
    counts["changed pickles, shown to NumPy and to us"] += mutants
    tables.extend([row] for row in run.table(0))
    if run.found:
        run.save()
    assert not run.found, [what for what, *_ in run.found.values()]
    # It is nothing to agree on what is refused.
    assert run.counts["both read the same"] > mutants / 10
    assert run.counts["the same value, written again"] > mutants / 10
    assert run.counts["both refuse"] > mutants / 10


def test_another_array_counts_as_a_difference():
    run = Run(seed=1)
    want = {"dtype": "<i2", "shape": [2], "bytes": "01000200", "c": True, "f": True}
    for other in ({"dtype": "<u2"}, {"shape": [2, 1]}, {"bytes": "01000300"}, {"f": False}):
        run.compare(b"", {"arrays": [want]}, [{**want, **other}])
    assert run.counts["DIFFERENCES"] == 4
    run.compare(b"", {"arrays": [want]}, [want])
    assert run.counts["DIFFERENCES"] == 4
