#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much of reconcile/ the tests reach, by gcov: branches by the unit tests and cases alone, then with simulated
histories on top.

A branch is one way out of one condition, as gcc -O0 compiles it. Two kinds are the compiler's own and not counted:
those that gcov calls "throw" (C has none), and the way that a switch without default has for a value that its enum
does not have; -Wswitch sees to it that each value it has is listed. A line that says CANNOT_HAPPEN (base/bug.h) may
stay without the branch in which it happens, and there are few of those. There is no assert() in these sources.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build/cov"
ROOM = "reconcile"
UNIT_GOAL = 90.0
EXCUSED_MAX = 10


@dataclass
class Line:
    number: int
    text: str
    branches: list[bool] = field(default_factory=list)  # which were taken

    def missed(self) -> int:
        return self.branches.count(False)

    def excused(self) -> bool:
        return self.missed() > 0 and self.text.startswith("CANNOT_HAPPEN(")


@dataclass
class Source:
    path: str
    lines: list[Line]

    def branches(self) -> int:
        return sum(len(line.branches) for line in self.lines)

    def missed(self) -> int:
        return sum(line.missed() for line in self.lines)


def say(text: str = "") -> None:
    print(text, flush=True)


def run(*command: str) -> None:
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        sys.exit(f"coverage: {' '.join(command)} failed")


def forget() -> None:
    for counts in BUILD.rglob("*.gcda"):
        counts.unlink()


def measure() -> list[Source]:
    """What the programs that ended since forget() have been through."""
    counts = sorted(str(path) for path in (BUILD / ROOM).glob("*.gcda"))
    command = ["gcov", "--json-format", "--stdout", "--branch-probabilities", *counts]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    rows = [row for line in answer.splitlines() if line for row in json.loads(line)["files"]]
    return [source_of(row) for row in rows if row["file"].startswith(f"{ROOM}/") and row["file"].endswith(".c")]


def source_of(row: dict) -> Source:
    texts = (ROOT / row["file"]).read_text().splitlines()
    lines: dict[int, Line] = {}
    for part in row["lines"]:
        number = part["line_number"]
        line = lines.setdefault(number, Line(number, texts[number - 1].strip()))
        line.branches += [branch["count"] > 0 for branch in part["branches"] if not branch["throw"]]
    for line in lines.values():
        if line.text.startswith("switch (") and not has_default(texts, line.number) and False in line.branches:
            line.branches.remove(False)
    return Source(row["file"], [lines[number] for number in sorted(lines)])


def has_default(texts: list[str], number: int) -> bool:
    """Of the switch in that line; its labels stand below it as far to the left as its brace."""
    margin = texts[number - 1][: len(texts[number - 1]) - len(texts[number - 1].lstrip())]
    body = takewhile(lambda text: text != f"{margin}}}", texts[number:])
    return f"{margin}default:" in body


def percent(taken: int, all_of_them: int) -> float:
    return 100.0 * taken / all_of_them if all_of_them else 100.0


def show(title: str, sources: list[Source]) -> float:
    """Prints the table and what was missed; the percentage of branches taken."""
    say(f"\n{title}\n")
    for source in sources:
        taken = source.branches() - source.missed()
        say(f"  {source.path:28} {taken:5} of {source.branches():5} branches {percent(taken, source.branches()):6.1f} %")
    branches, missed = sum(s.branches() for s in sources), sum(s.missed() for s in sources)
    total = percent(branches - missed, branches)
    say(f"  {'all':28} {branches - missed:5} of {branches:5} branches {total:6.1f} %\n")
    for source in sources:
        for line in source.lines:
            if line.missed():
                way = "cannot happen" if line.excused() else f"{line.missed()} of {len(line.branches)} not taken"
                say(f"  {source.path}:{line.number}: {way}: {line.text}")
    return total


def judge(alone: float, sources: list[Source]) -> list[str]:
    """What falls short of the goals."""
    missed = [line for source in sources for line in source.lines if line.missed()]
    unexcused = [line for line in missed if not line.excused()]
    short = []
    if alone < UNIT_GOAL:
        short.append(f"unit tests and cases take {alone:.1f} % of the branches, wanted are {UNIT_GOAL:.0f} %")
    if unexcused:
        short.append(f"{len(unexcused)} lines have a branch that nothing takes")
    if len(missed) - len(unexcused) > EXCUSED_MAX:
        short.append(f"{len(missed) - len(unexcused)} lines say CANNOT_HAPPEN, at most {EXCUSED_MAX} may")
    return short


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--histories", type=int, default=4000)
    options = parser.parse_args()
    test = ("python3", "tools/test.py", "--variant", "cov", "--only")
    run("make", "-s", "VARIANT=cov", "unit-programs", "build/cov/podbind-sim")
    forget()
    run(*test, "unit")
    alone = show(f"{ROOM}/ by unit tests and cases alone", measure())
    run(*test, "sim", "--histories", str(options.histories))
    sources = measure()
    show(f"{ROOM}/ by these and {options.histories} simulated histories", sources)
    short = judge(alone, sources)
    for sentence in short:
        say(f"\ncoverage: {sentence}")
    say(f"\ncoverage: {'below' if short else 'reaches'} the goals")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
