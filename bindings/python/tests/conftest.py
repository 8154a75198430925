"""Where the tests find what is not theirs."""

import collections
import os
import pathlib
from typing import Any

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def corpus() -> Any:
    """The large corpus, which lies beside the project where there is one."""
    folder = pathlib.Path(os.environ.get("NDFERRY_CORPUS", ROOT.parent / "shared" / "corpus"))
    if not folder.is_dir():
        pytest.skip(f"no corpus at {folder}")
    return folder


# How many cases there were.
counts: collections.Counter[str] = collections.Counter()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what, count in counts.items():
        terminalreporter.write_line(f"{count:7,} cases: {what}")
