#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The test of the tests: breaks podbind in one place at a time, and the simulator must find it.

A mutant is a file tests/sim/mutants/NN-name.mut:

    # what it breaks, for people; any number of such lines
    breaks: foreign-untouched
    file: reconcile/plan.c
    --- find
    text that the file holds exactly once
    --- put
    what stands there instead
    --- end

`breaks` names the invariant that should fail. The texts are taken as they are, but for their last line end. There may be
several places, each from `file:` to `--- end`: some rules are held twice, and break only when both places do.

Its objects are compiled anew, podbind-sim is linked with them, and runs with fixed seeds. It is caught when an invariant fails
within 20,000 histories of each of 3 seeds. Text that is not there exactly once, a mutant that does not compile, one whose process
does not survive a history: these are errors. Every invariant of the simulator must catch one. With --auto N the mutants
are made by rule instead (tools/mutant_auto.py).
"""

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from mutant_build import ROOT, Build, NotBuilt, make

MUTANTS = ROOT / "tests/sim/mutants"
SEEDS = (1, 2, 3)
HISTORIES = 20000
AT_ONCE = 2
RUN_SECONDS = 1800
PLACE = r"file: (\S+)\n--- find\n(.*?)\n--- put\n(.*?)\n?--- end\n"
FORM = re.compile(rf"(?:#[^\n]*\n)*breaks: (\S+)\n((?:{PLACE})+)", re.S)
FAILED = re.compile(r"^FAILED: seed \d+, history (\d+): (\S+): (.*)$", re.M)


@dataclass
class Mutant:
    name: str
    breaks: str
    texts: dict[str, str]  # file -> all of it, changed


@dataclass
class Verdict:
    mutant: str
    breaks: str = ""
    fired: dict[str, str] = field(default_factory=dict)  # invariant -> what it said
    histories: list[str] = field(default_factory=list)  # until it was caught, for each seed
    error: str = ""
    caught: bool = False


def read_mutant(path: Path) -> Mutant:
    form = FORM.fullmatch(path.read_text())
    if not form:
        raise NotBuilt("not of the form that tools/mutants.py tells at its top")
    mutant = Mutant(path.stem, form[1], {})
    for file, find, put in re.findall(PLACE, form[2], re.S):
        if not (ROOT / file).is_file():
            raise NotBuilt(f"no file {file}")
        text = mutant.texts.get(file) or (ROOT / file).read_text()
        if (count := text.count(find)) != 1:
            raise NotBuilt(f"its text is in {file} {count} times, expected once")
        mutant.texts[file] = text.replace(find, put)
    return mutant


def simulate(program: Path, seed: int, histories: int) -> tuple[int, str, str]:
    """(histories run, the invariant that failed or "", what it said)"""
    options = ("--brief", "--jobs", "1", "--histories", str(histories), "--seed", str(seed))
    try:
        done = subprocess.run(
            [program, *options], cwd=ROOT, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotBuilt(f"ran for more than {RUN_SECONDS} s") from None
    failed = FAILED.search(done.stdout)
    if done.returncode not in (0, 1) or (done.returncode == 1) != bool(failed):
        why = failed[3] if failed else (done.stderr or done.stdout).strip()[-200:]
        raise NotBuilt(f"no history to judge: status {done.returncode}, {why}")
    return (int(failed[1]) + 1, failed[2], failed[3]) if failed else (histories, "", "")


def judge(path: Path, histories: int) -> Verdict:
    verdict = Verdict(path.stem)
    try:
        mutant = read_mutant(path)
        verdict.breaks = mutant.breaks
        build = Build(path.stem)
        for file, text in mutant.texts.items():
            build.compile(file, text)
        program = build.simulator()
        for seed in SEEDS:
            run, fired, why = simulate(program, seed, histories)
            verdict.histories.append(str(run) if fired else "-")
            if not fired:
                return verdict
            verdict.fired.setdefault(fired, why)
        verdict.caught = True
    except NotBuilt as err:
        verdict.error = str(err)
    return verdict


def invariants() -> set[str]:
    """The names that tests/sim can fail with, but for that of the codecs, which these runs go around."""
    text = "".join(source.read_text() for source in (ROOT / "tests/sim").glob("*.c"))
    return set(re.findall(r'\b(?:world_fail|abandon)\(\s*[\w>.-]+,\s*"([a-z-]+)"', text)) - {"wire"}


def tell(verdict: Verdict, explain: bool) -> None:
    fired = ", ".join(verdict.fired) or "-"
    word = "ERROR" if verdict.error else "" if verdict.caught else "SURVIVES"
    histories = " ".join(f"{count:>6}" for count in verdict.histories)
    print(f"{verdict.mutant:38} {verdict.breaks:20} {fired:34} {histories} {word}", flush=True)
    if verdict.error:
        print(f"    {verdict.error}", flush=True)
    if explain:
        for invariant, why in verdict.fired.items():
            print(f"    {invariant}: {why}", flush=True)


def run_files(paths: list[Path], histories: int, explain: bool, whole: bool) -> int:
    print(f"{'mutant':38} {'should break':20} {'broke':34} histories until caught, seeds {SEEDS}")
    verdicts = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for verdict in pool.map(lambda path: judge(path, histories), paths):
            tell(verdict, explain)
            verdicts.append(verdict)
    caught = sum(verdict.caught for verdict in verdicts)
    errors = sum(bool(verdict.error) for verdict in verdicts)
    idle = sorted(invariants() - {name for verdict in verdicts for name in verdict.fired}) if whole else []
    if idle:
        print(f"invariants that caught no mutant: {', '.join(idle)}")
    survivors = len(verdicts) - caught - errors
    print(f"{len(verdicts)} mutants: {caught} caught, {survivors} survived, {errors} in error")
    return 1 if survivors or errors or idle or not verdicts else 0


def chosen(words: Iterable[str]) -> list[Path]:
    paths = sorted(MUTANTS.glob("*.mut"))
    return [path for path in paths if not words or any(path.name.startswith(word) for word in words)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mutants", nargs="*", help="beginnings of their names; all")
    parser.add_argument("--histories", type=int, help=f"of each seed, at most ({HISTORIES})")
    parser.add_argument("--explain", action="store_true", help="also what the invariants said")
    parser.add_argument("--auto", type=int, metavar="N", help="N mutants made by rule, instead of those in files")
    parser.add_argument("--units-first", action="store_true", help="of --auto: the unit tests judge first, which is quicker")
    options = parser.parse_args()
    start = time.monotonic()
    make("build/podbind-sim")
    if options.auto:
        import mutant_auto  # its unit tests are built only for it

        status = mutant_auto.run(options.auto, options.histories or mutant_auto.HISTORIES, options.units_first)
    else:
        histories = options.histories or HISTORIES
        whole = not options.mutants and histories >= HISTORIES
        status = run_files(chosen(options.mutants), histories, options.explain, whole)
    print(f"{time.monotonic() - start:.0f} s")
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted")
