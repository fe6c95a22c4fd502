# SPDX-License-Identifier: Apache-2.0
"""How many instructions the decisions take, as callgrind counts them: the same on a busy machine."""

from __future__ import annotations

import json
import math
import re
import subprocess
from pathlib import Path

from lib import ROOT

from child import Failed

PROGRAM = ROOT / "build" / "podbind-bench"

# What callgrind counts inside; and what the run must say that it did, as a share of the bindings.
CASES = {
    "core mixed": ("bench_core_pass", {"kept": 1.2}),
    "core deleted": ("bench_core_pass", {"deleted": 1}),
    "core handover": ("bench_core_pass", {"changed": 0.5}),
    "apply fresh": ("bench_apply_run", {"finalizers": 1, "created": 1, "status": 1, "failed": 0}),
    "apply deleted": ("bench_apply_run", {"deleted": 1, "failed": 0}),
    "apply leaving": ("bench_apply_run", {"finalizers": 0.5, "failed": 0}),
    "apply handover": ("bench_apply_run", {"tagged": 0.5, "finalizers": 0, "failed": 0}),
}


def expect_done(case: str, count: int, output: str) -> None:
    _, expected = CASES[case]
    said = json.loads(output)
    if said["bindings"] != count or any(said[name] != share * count for name, share in expected.items()):
        raise Failed(f"{case}, {count} bindings: expected of each {expected}, and it said {said}")


def instructions(directory: Path, case: str, count: int) -> int:
    """Of one pass over a generated set. The profile stays in the directory, for callgrind_annotate."""
    function, _ = CASES[case]
    profile = directory / f"callgrind.{case.replace(' ', '.')}.{count}"
    words = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", f"--toggle-collect={function}",
             PROGRAM, *case.split(), str(count)]  # fmt: skip
    run = subprocess.run(words, capture_output=True, text=True, timeout=1800, check=False)
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not found:
        raise Failed(f"{' '.join(map(str, words))} ended with {run.returncode}:\n{run.stderr[-2000:]}")
    expect_done(case, count, run.stdout)
    return int(found[1])


def exponent(small: tuple[int, int], large: tuple[int, int]) -> float:
    """k of cost = c * n^k through two points (n, cost)."""
    return math.log(large[1] / small[1]) / math.log(large[0] / small[0])


def measure(directory: Path, counts: list[int], say) -> dict:
    """{case: {"instructions": {count: number}, "exponents": [between neighbours]}}"""
    directory.mkdir(parents=True, exist_ok=True)
    figures = {}
    for case in CASES:
        points = [(count, instructions(directory, case, count)) for count in counts]
        exponents = [round(exponent(a, b), 3) for a, b in zip(points, points[1:], strict=False)]
        figures[case] = {"instructions": dict(points), "exponents": exponents}
        say(f"  callgrind: {case}, exponents {exponents}")
    return figures
