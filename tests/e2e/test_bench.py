# SPDX-License-Identifier: Apache-2.0
"""What `make bench` counts the instructions of still does all its work: nothing else runs it here."""

from __future__ import annotations

import subprocess
import sys

import pytest
from lib import ROOT

sys.path.insert(0, str(ROOT / "tests" / "bench"))
import core  # noqa: E402


@pytest.mark.parametrize("case", core.CASES)
def test_each_set_is_worked_off(case):
    words = [core.PROGRAM, *case.split(), "50"]
    run = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, f"ended with {run.returncode}: {run.stderr}"
    core.expect_done(case, 50, run.stdout)
