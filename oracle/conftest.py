"""Settings, and how many questions were asked."""

import os
import platform
import warnings

import hypothesis
import numpy as np
import pytest

from agent import agent
from cases import counts, tables

hypothesis.settings.register_profile(
    "steady", derandomize=True, database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)
hypothesis.settings.register_profile("wild", hypothesis.settings.get_profile("steady"), derandomize=False)
hypothesis.settings.load_profile(os.environ.get("NDFERRY_ORACLE_PROFILE", "steady"))


@pytest.fixture(autouse=True)
def quiet():
    """NumPy warns of headers in version 2 and 3, and of what it will refuse one day."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def pytest_report_header():
    return f"NumPy {np.__version__} on Python {platform.python_version()} decides"


def pytest_terminal_summary(terminalreporter):
    for what, count in counts.items():
        terminalreporter.write_line(f"{count:7,} cases: {what}")
    for row in tables:
        terminalreporter.write_line("".join(row))
    terminalreporter.write_line(f"{agent.asked:7,} questions in all")
