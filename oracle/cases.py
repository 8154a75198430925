"""How many cases a test draws, and how many it drew."""

import collections
import functools
import os

import hypothesis

SCALE = float(os.environ.get("NDFERRY_ORACLE_SCALE", "1"))
counts = collections.Counter()
# Rows of tables to print at the end, each a list of texts.
tables = []


def cases(count, *strategies):
    """`@given(*strategies)` for so many examples, which are counted; fewer where the suite is scaled down."""

    def decorate(test):
        what = test.__name__.removeprefix("test_").replace("_", " ")

        def counted(*args, **kwargs):
            counts[what] += 1
            return test(*args, **kwargs)

        functools.update_wrapper(counted, test)
        given = hypothesis.given(*strategies)(counted)
        return hypothesis.settings(max_examples=max(20, int(count * SCALE)))(given)

    return decorate
