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
PASS = {"mixed": "bench_core_pass", "deleted": "bench_core_pass", "handover": "bench_core_pass"}
EXPECTED = {"mixed": "kept", "deleted": "deleted", "handover": "changed"}  # the verb of every step


def instructions(directory: Path, kind: str, count: int) -> int:
    """Of one pass over a generated set. The profile stays in the directory, for callgrind_annotate."""
    profile = directory / f"callgrind.{kind}.{count}"
    words = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", f"--toggle-collect={PASS[kind]}",
             PROGRAM, "core", kind, str(count)]  # fmt: skip
    run = subprocess.run(words, capture_output=True, text=True, timeout=1800, check=False)
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not found:
        raise Failed(f"{' '.join(map(str, words))} ended with {run.returncode}:\n{run.stderr[-2000:]}")
    said = json.loads(run.stdout)
    if said["bindings"] != count or said[EXPECTED[kind]] != said["steps"] or not said["steps"]:
        raise Failed(f"the pass over {count} {kind} bindings was to find all {EXPECTED[kind]}, and said {said}")
    return int(found[1])


def exponent(small: tuple[int, int], large: tuple[int, int]) -> float:
    """k of cost = c * n^k through two points (n, cost)."""
    return math.log(large[1] / small[1]) / math.log(large[0] / small[0])


def measure(directory: Path, counts: list[int], say) -> dict:
    """{kind: {"instructions": {count: number}, "exponents": [between neighbours]}}"""
    directory.mkdir(parents=True, exist_ok=True)
    figures = {}
    for kind in PASS:
        points = [(count, instructions(directory, kind, count)) for count in counts]
        exponents = [round(exponent(a, b), 3) for a, b in zip(points, points[1:], strict=False)]
        figures[kind] = {"instructions": dict(points), "exponents": exponents}
        say(f"  callgrind: {kind}, exponents {exponents}")
    return figures
