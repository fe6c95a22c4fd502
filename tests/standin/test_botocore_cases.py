# SPDX-License-Identifier: Apache-2.0
"""What the C code is compared with (tests/unit/test_endpoint.c, test_sigv4.c) is what the pinned botocore computes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).resolve().parents[1] / "cases"


@pytest.mark.parametrize("folder", ["endpoint", "sigv4"])
def test_what_is_expected_is_botocores_work(folder):
    script = CASES / folder / "generate.py"
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_every_service_and_flag_is_in_the_rows():
    rows = [line.split("\t") for line in (CASES / "endpoint" / "rows.tsv").read_text().splitlines()[1:]]
    assert len(rows) >= 200
    assert {service for service, *_ in rows} == {"eks", "iam", "sts"}
    assert {row[2] for row in rows if row[0] == "eks"} == {"-", "fips", "dual-stack", "fips,dual-stack"}
    assert any(row[4].startswith("error: ") for row in rows)
