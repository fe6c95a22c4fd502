#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench`: what podbind costs, against the least that the API server takes for the same writes.

Prints a table and writes build/bench.json. The exit status tells whether everything ran and every binding became
Ready, not whether the marks were met. Where others use the machine (more than 5 % of it in the 5 seconds before, or
during a run), times say nothing: figures are shown, ratios are not, and `busy` stands instead of a verdict.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

import lib  # noqa: E402, F401  puts tests/controlplane on the path
import core  # noqa: E402
import scene  # noqa: E402
import table  # noqa: E402
from meter import Machine  # noqa: E402

from child import Failed  # noqa: E402

MOST_OTHERS = 0.05  # of the machine
QUIET_SECONDS = 5
CROWD = 50_000
THROTTLED = 300
CROWD_BINDINGS = 1000  # beside the crowd; compared with the run of as many without it
OUTPUT = lib.ROOT / "build" / "bench.json"
SCRATCH = lib.ROOT / "build" / "bench"


def say(text: str) -> None:
    print(text, flush=True)


def build() -> None:
    """The release build of everything, and what counts instructions."""
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    for words in (["tools/deps.sh", "valgrind"], ["make", "-s", "programs", "build/podbind-bench"]):
        if status := subprocess.run(words, cwd=lib.ROOT, env=env, check=False).returncode:
            raise Failed(f"{' '.join(words)} ended with {status}")


def others_before() -> float:
    """What the machine does while we only wait."""
    machine = Machine()
    time.sleep(QUIET_SECONDS)
    used, had = machine.others()
    return round(used / had, 3)


def why_busy(before: float, runs: list[dict]) -> list[str]:
    """When others used more than they may, of the times that marks hang on."""
    found = [(f"the {QUIET_SECONDS} s before", before)]
    for run in runs:
        beside = f", {run['accounts']:,} ServiceAccounts" if "accounts" in run else ""
        timed = ((step, run["others_share"].get(step, 0)) for step in ("bound_before", "converge", "bound_after"))
        found += [(f"N = {run['bindings']:,}{beside}: {step.replace('_', ' ')}", share) for step, share in timed]
    return [f"{when}: {share:.0%}" for when, share in found if share > MOST_OTHERS]


def check_bound(run: dict) -> None:
    """A bound that writes something else than the operator is none."""
    ours, bare = run["converge"]["status_bytes"], run["bound_before"]["status"]
    if abs(ours - bare) > ours // 50:
        raise Failed(f"the bound wrote a status of {bare} bytes where the operator wrote one of {ours}")


def measure(options: argparse.Namespace) -> dict:
    build()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    results: dict = {
        "machine": {"cores": os.cpu_count(), "kernel": platform.release(), "arch": platform.machine()},
        "others_before": others_before(), "load_before": os.getloadavg()[0], "runs": [],
    }  # fmt: skip
    for count in options.counts:
        results["runs"].append(scene.measure(SCRATCH / str(count), count, say))
        check_bound(results["runs"][-1])
    if options.crowd and CROWD_BINDINGS in options.counts:
        results["crowd"] = scene.measure_crowd(SCRATCH / "crowd", CROWD_BINDINGS, options.crowd, say)
    if options.throttled:
        results["throttled"] = scene.measure_throttled(SCRATCH / "throttled", options.throttled, say)
    if options.core:
        results["core"] = core.measure(SCRATCH / "core", options.core, say)
    return results


def rows_of(results: dict) -> list[table.Row]:
    runs = results["runs"]
    rows = [row for run in runs for row in table.rows_of_run(run)] + table.rows_of_slope(runs)
    if crowd := results.get("crowd"):
        rows += table.rows_of_crowd(crowd, next(run for run in runs if run["bindings"] == crowd["bindings"]))
    if throttled := results.get("throttled"):
        rows += table.rows_of_throttled(throttled)
    return rows + table.rows_of_core(results.get("core", {}))


def numbers(text: str) -> list[int]:
    return sorted({int(word) for word in text.replace(",", " ").split()})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=numbers, default=[100, 1000, 5000], metavar="N,N", help="how many bindings")
    parser.add_argument("--crowd", type=int, default=CROWD, help="unrelated ServiceAccounts; 0: leave that out")
    parser.add_argument("--throttled", type=int, default=THROTTLED,
                        help="bindings under a rate limit of EKS; 0: leave that out")  # fmt: skip
    parser.add_argument("--core", type=numbers, default=[1000, 10_000, 100_000], metavar="N,N",
                        help="bindings under callgrind; empty: leave that out")  # fmt: skip
    options = parser.parse_args()
    results = measure(options)
    runs = results["runs"] + ([results["crowd"]] if "crowd" in results else [])
    results["busy"] = why_busy(results["others_before"], runs)
    rows = [row.judge(bool(results["busy"])) for row in rows_of(results)]
    results["rows"] = table.as_json(rows)
    OUTPUT.write_text(json.dumps(results, indent=1) + "\n")
    say(table.show(rows))
    if results["busy"]:
        say(f"\nbusy: more than {MOST_OTHERS:.0%} went to others, so no ratios and no verdicts")
        say("\n".join(f"  {reason}" for reason in results["busy"]))
    say(f"\n{OUTPUT.relative_to(lib.ROOT)} has it all")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
