# SPDX-License-Identifier: Apache-2.0
"""The demo's last line can be believed: it finds every way in which blue and green may differ."""

from __future__ import annotations

import sys

import pytest
from lib import ROOT

sys.path.insert(0, str(ROOT / "tests" / "demo"))
from demo import differences  # noqa: E402


def row(access="5f0c9a1e", ready="True", seen=1):
    conditions = [{"type": "Ready", "status": ready, "observedGeneration": seen}]
    return {"metadata": {"generation": 1}, "status": {"access": access, "conditions": conditions}}


def test_the_same_is_the_same():
    assert differences({"app/a": row(), "app/b": row("00000000")}, {"app/b": row("00000000"), "app/a": row()}) == []


@pytest.mark.parametrize(
    ("blue", "green", "part"),
    [
        ({}, {}, "no binding"),
        ({"app/a": row()}, {}, "app/a is missing on green"),
        ({}, {"app/a": row()}, "app/a is missing on blue"),
        ({"app/a": row()}, {"app/a": row("12345678")}, "'5f0c9a1e' on blue and '12345678' on green"),
        ({"app/a": row("")}, {"app/a": row("")}, "''"),
        ({"app/a": row()}, {"app/a": row(ready="False")}, "not Ready on green"),
        ({"app/a": row(seen=0)}, {"app/a": row()}, "not Ready on blue"),
        ({"app/a": row()}, {"app/a": {"metadata": {"generation": 1}}}, "not Ready on green"),
    ],
)
def test_each_difference_is_found(blue, green, part):
    assert part in "; ".join(differences(blue, green))
