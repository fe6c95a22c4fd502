#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the test stages in order, the cheap ones first, and stops at the first that fails.

Every runner leaves a JUnit file under build/junit/; they are read back and added up, and the last line
says `N passed, N failed`. A stage that leaves no file, or no test in it, has failed.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

ROOT = Path(__file__).resolve().parents[1]
JUNIT = Path("build/junit")
SANITIZED_HISTORIES, PLAIN_HISTORIES = 10_000, 100_000
# Half of e2e, by time; as in tests/e2e/conftest.py.
BESIDE = ("test_bad_input.py", "test_exec.py", "test_faults_*.py", "test_reach.py", "test_transport.py", "test_visible.py")
STAGE_SECONDS = 40 * 60


class StageFailed(Exception):
    """What went wrong, as one line. Failing tests are in the count already."""


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __iadd__(self, other: "Count") -> "Count":
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


@dataclass
class Report:
    """One JUnit file: how its tests ended, and what the failed ones said."""

    count: Count = field(default_factory=Count)
    failures: list[str] = field(default_factory=list)


def say(text: str) -> None:
    print(text, flush=True)


def run(*command: str | Path, output: IO | None = None, **environment: str) -> None:
    """Runs a command with its output shown, or written to a file. One that takes too long is interrupted as by
    Ctrl-C first, so that it can take down what it started."""
    env = clean_environment() | environment
    with subprocess.Popen([str(word) for word in command], cwd=ROOT, env=env, stdout=output, stderr=output) as child:
        try:
            status = child.wait(STAGE_SECONDS)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(60)
            except subprocess.TimeoutExpired:
                child.kill()
            raise StageFailed(f"{command[0]} ran for more than {STAGE_SECONDS} s") from None
    if status:
        raise StageFailed(f"{' '.join(str(word) for word in command)}: status {status}")


def clean_environment() -> dict[str, str]:
    """Without what an outer make passes down; Python's and the sanitizers' settings are ours."""
    ours = {
        "PYTHONPYCACHEPREFIX": str(ROOT / "build/pycache"),
        "ASAN_OPTIONS": "strict_string_checks=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    return {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")} | ours


def mend_cmocka(text: str) -> str:
    """cmocka 1.1.5 writes names and messages unescaped, and one document after the other for groups of one
    name."""
    text = re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd]", "?", text)
    text = re.sub(r'name="(.*?)" time=', lambda m: f"name={quoteattr(m[1])} time=", text)
    text = re.sub(r"<\?xml .*?\?>", "", text)
    failure = re.compile(r"<failure><!\[CDATA\[(.*?)\]\]></failure>", re.S)
    return f"<testsuites>{failure.sub(lambda m: f'<failure>{escape(m[1])}</failure>', text)}</testsuites>\n"


def read_report(path: Path) -> Report:
    if not (ROOT / path).is_file():
        raise StageFailed(f"no report {path}")
    try:
        tree = ElementTree.parse(ROOT / path)
    except ElementTree.ParseError as err:
        raise StageFailed(f"the report {path} is not XML: {err}") from None
    report = Report()
    for case in tree.iter("testcase"):
        bad = [element for tag in ("failure", "error") for element in case.findall(tag)]
        if bad:
            report.count.failed += 1
            report.failures.append(f"{case.get('name')}: {(bad[0].text or bad[0].get('message') or '').strip()}")
        elif case.find("skipped") is not None:
            report.count.skipped += 1
        else:
            report.count.passed += 1
    if not report.count.passed + report.count.failed:
        raise StageFailed(f"the report {path} holds no test that ran")
    return report


@dataclass(frozen=True)
class Way:
    """How the unit test programs are run."""

    under: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    seconds: int = 120  # each
    at_once: int = 4  # more than cores: the slow ones mostly wait, other than under valgrind
    rounds: int = 1
    needs: tuple[str, ...] = ()  # what make builds for it


WAYS = {
    "plain": Way(),
    "valgrind": Way(
        under=("valgrind", "-q", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect", "--error-exitcode=9"),
        environment={"UNDER_VALGRIND": "1"},
        seconds=1200,
        at_once=2,
    ),
    "delays": Way(
        environment={"LD_PRELOAD": str(ROOT / "build/delays.so")},
        seconds=600,
        at_once=8,
        rounds=5,
        needs=("build/delays.so",),
    ),
}


def run_unit_program(program: Path, way: Way) -> tuple[str, Report, str]:
    """(name, report, what the program said when it failed)"""
    name = program.name
    # cmocka writes to its output instead of a file that exists; %g gives each group a file of its own.
    env = {"CMOCKA_MESSAGE_OUTPUT": "XML", "CMOCKA_XML_FILE": str(ROOT / JUNIT / "unit" / f"{name}.%g.xml")}
    env = clean_environment() | env | way.environment
    try:
        ran = subprocess.run(
            [*way.under, program], cwd=ROOT, env=env, capture_output=True, timeout=way.seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return name, Report(Count(failed=1)), f"ran for more than {way.seconds} s"
    said = (ran.stdout + ran.stderr).decode(errors="replace")
    total, trouble = Report(), ""
    for path in sorted((ROOT / JUNIT / "unit").glob(f"{name}.*.xml")):
        path.write_text(mend_cmocka(path.read_text(errors="replace")))
        try:
            report = read_report(path.relative_to(ROOT))
        except StageFailed as err:
            trouble = str(err)
            continue
        total.count += report.count
        total.failures += report.failures
    if "<testsuite" in said:
        trouble = "its report could not be written: is the name of a group of tests no file name?"
    elif not total.count.passed + total.count.failed:
        trouble = trouble or f"no test reported; status {ran.returncode}"
    elif ran.returncode and not total.count.failed:
        trouble = f"its tests passed, but it ended with status {ran.returncode}"
    if not trouble and not total.count.failed:
        return name, total, ""
    total.count.failed += bool(trouble)
    return name, total, f"{trouble}\n{said.strip()[-8000:]}".strip()


class Stages:
    """Each method is a stage; it returns its count, None when it has no tests of its own."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.variant = f"VARIANT={options.variant}"
        self.folder = Path("build") / ("" if options.variant == "release" else options.variant)

    def deps(self) -> None:
        run("tools/deps.sh", *(["valgrind"] if self.options.way == "valgrind" else []))

    def build(self) -> None:
        run("make", "-s", "programs")
        run("make", "-s", self.variant, "unit-programs", self.folder / "podbind-sim")

    def lint(self) -> None:
        run("tools/lint/run.sh")

    def unit(self) -> Count:
        way = WAYS[self.options.way]
        run("make", "-s", self.variant, "unit-programs", *way.needs)
        sources = sorted((ROOT / "tests/unit").glob("test_*.c"))
        if not sources:
            raise StageFailed("no tests/unit/test_*.c")
        sources += sorted((ROOT / "tests/fuzz").glob("fuzz_*.c"))  # they replay what is kept
        built = ROOT / "build" / self.options.variant
        programs = [built / source.relative_to(ROOT).with_suffix("") for source in sources]
        total = Count()
        for _ in range(way.rounds):
            total += self.units(programs, way)
        return total

    @staticmethod
    def units(programs: list[Path], way: Way) -> Count:
        shutil.rmtree(ROOT / JUNIT / "unit", ignore_errors=True)
        (ROOT / JUNIT / "unit").mkdir(parents=True)
        total = Count()
        with ThreadPoolExecutor(way.at_once) as pool:
            for name, report, trouble in pool.map(lambda program: run_unit_program(program, way), programs):
                total += report.count
                say(f"  {'FAIL' if report.count.failed else 'ok':4} {name}: {report.count}")
                for line in [*report.failures, *([trouble] if trouble else [])]:
                    say("       " + line.replace("\n", "\n       "))
        return total

    def sim(self) -> Count:
        """Histories under the sanitizers, which are slow, and many more without; a number asks for only so many of
        the first."""
        if not any((ROOT / "tests/sim").glob("*.c")):
            raise StageFailed("no tests/sim/*.c")
        count = self.simulated(self.options.variant, self.options.histories or SANITIZED_HISTORIES)
        if not count.failed and not self.options.histories:
            count += self.simulated("release", PLAIN_HISTORIES)
        return count

    def simulated(self, variant: str, histories: int) -> Count:
        program = Path("build") / ("" if variant == "release" else variant) / "podbind-sim"
        run("make", "-s", f"VARIANT={variant}", program)
        report = self.report(f"sim-{variant}")
        amount = ("--histories", str(histories), "--seed", str(self.options.seed))
        return self.judged(report, program, *amount, "--kept", "tests/sim/kept", "--junit", report)

    def wire(self) -> Count:
        """Simulated histories through the real codecs: ungarbled they leave the trace that they leave without."""
        run("make", "-s", "build/podbind-sim")
        run("make", "-s", "VARIANT=san", "build/san/podbind-sim")
        seed, total = ("--seed", str(self.options.seed)), Count()
        for folder, way, histories in (("build", "twins", 400), ("build", "wire", 1000), ("build/san", "wire", 150)):
            report = self.report(f"{way}-{folder.replace('/', '-')}")
            amount = ("--histories", str(histories), *seed, f"--{way}")
            total += self.judged(report, f"{folder}/podbind-sim", *amount, "--junit", report)
        return total

    def boto3(self) -> Count:
        return self.pytest("boto3", "tests/standin")

    def controlplane(self) -> None:
        run("tests/controlplane/build.sh")

    def smoke(self) -> Count:
        """The main job with the operator under ThreadSanitizer: a report makes it end with a status of its own."""
        return self.pytest("smoke", "tests/e2e", "-m", "smoke", variant="tsan")

    def e2e(self) -> Count:
        """Most of it is waiting, so one half runs beside the other."""
        variant = self.options.operator
        beside = sorted(str(path.relative_to(ROOT)) for name in BESIDE for path in (ROOT / "tests/e2e").glob(name))
        self.prepare("release", "san", variant)  # the fault tests start the one with sanitizers
        with ThreadPoolExecutor(1) as pool, tempfile.TemporaryFile() as said:
            aside = (*beside, "tests/e2e/test_rights.py::test_no_operator_of_the_run_was_refused_anything")
            other = pool.submit(self.tested, "e2e-beside", *aside, variant=variant, output=said)
            count = self.tested("e2e", "tests/e2e", *(f"--ignore={path}" for path in beside), variant=variant)
            try:
                count += other.result()
            finally:
                said.seek(0)
                say(f"-- beside them\n{said.read().decode(errors='replace')}")
        return count

    def crash(self) -> Count:
        return self.pytest("crash", "tests/crash", *(() if self.options.points == "all" else ("-m", "chosen")))

    def pytest(self, stage: str, *chosen: str, variant: str = "release") -> Count:
        self.prepare("release", variant)
        return self.tested(stage, *chosen, variant=variant)

    @staticmethod
    def prepare(*variants: str) -> None:
        for variant in dict.fromkeys(variants):
            goals = ["programs"] if variant == "release" else [f"VARIANT={variant}", f"build/{variant}/podbind"]
            run("make", "-s", *goals)
        run("tools/venv.sh")

    def tested(self, stage: str, *chosen: str, variant: str, output: IO | None = None) -> Count:
        report = self.report(stage)
        options = ("-ra", "-v", "--color=no", "-o", f"cache_dir=build/pytest_cache/{stage}", f"--junitxml={report}")
        python = ("build/venv/bin/python", "-m", "pytest", *chosen, *options)
        return self.judged(report, *python, output=output, PODBIND_VARIANT=variant)

    @staticmethod
    def report(stage: str) -> Path:
        path = JUNIT / f"{stage}.xml"
        (ROOT / path).unlink(missing_ok=True)
        return path

    @staticmethod
    def judged(report: Path, *command: str | Path, output: IO | None = None, **environment: str) -> Count:
        """Runs the command; a bad end that its report does not explain is a failure of its own."""
        try:
            run(*command, output=output, **environment)
        except StageFailed:
            if not (ROOT / report).is_file():
                raise
            count = read_report(report).count
            count.failed = max(count.failed, 1)
            return count
        return read_report(report).count


ORDER = ("deps", "build", "lint", "unit", "sim", "wire", "boto3", "controlplane", "smoke", "crash", "e2e")


def run_stages(names: list[str], stages: Stages) -> Iterator[tuple[str, float, Count | None, str]]:
    """(stage, seconds, its count, what went wrong or ""), up to the first stage that fails."""
    for name in names:
        say(f"== {name}")
        start, count, trouble = time.monotonic(), None, ""
        try:
            count = getattr(stages, name)()
        except StageFailed as err:
            count, trouble = Count(failed=1), str(err)
        if count and count.failed and not trouble:
            trouble = f"{count.failed} failed"
        seconds = time.monotonic() - start
        say(f"== {name}: {f'FAILED: {trouble}' if trouble else f'ok, {count}' if count else 'ok'}, {seconds:.1f} s\n")
        yield name, seconds, count, trouble
        if trouble:
            return


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(ORDER), help=f"stages, of {','.join(ORDER)}")
    parser.add_argument("--variant", default="san", choices=("release", "san", "tsan", "cov"), help="of unit and sim")
    parser.add_argument("--way", default="plain", choices=WAYS, help="how the unit tests run")
    parser.add_argument("--operator", default="release", choices=("release", "san", "tsan"), help="of e2e")
    parser.add_argument("--points", default="chosen", choices=("chosen", "all"), help="of crash")
    parser.add_argument("--histories", type=int, help="of sim, and with the one variant only")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := [name for name in names if name not in ORDER]:
        parser.error(f"no stage {unknown[0]}: there are {', '.join(ORDER)}")

    (ROOT / JUNIT).mkdir(parents=True, exist_ok=True)
    total, rows, trouble, name = Count(), [], "", ""
    for name, seconds, count, trouble in run_stages(names, Stages(options)):
        total += count or Count()
        rows.append(f"  {name:12} {seconds:7.1f} s  {count or ''}")
    say("\n".join(rows))
    if trouble:
        say(f"stopped at {name}: {trouble}")
    say(str(total))
    return 1 if total.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted")
