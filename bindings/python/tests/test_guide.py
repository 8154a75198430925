"""The scripts of the guide do what it says."""

import os
import re
import subprocess
import sys
from typing import Any

import pytest
from conftest import ROOT

PAGE = (ROOT / "docs" / "guide" / "python.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"## ([^\n]+)\n(?:(?!\n## ).)*?```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


def test_there_are_the_seven_jobs() -> None:
    assert len(SCRIPTS) == 7


@pytest.mark.parametrize(("name", "script", "shown"), SCRIPTS, ids=[name for name, _, _ in SCRIPTS])
def test_a_script_prints_what_is_shown(tmp_path: Any, name: Any, script: Any, shown: Any) -> None:
    (tmp_path / "script.py").write_text(script)
    run = [sys.executable, "-W", "error", "script.py"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    pattern = ".*?".join(re.escape(part) for part in shown.split("…"))
    assert re.fullmatch(pattern, done.stdout, re.DOTALL), f"{done.stdout}\n{done.stderr}"
