# SPDX-License-Identifier: Apache-2.0
"""Mutants made by rule, for tools/mutants.py --auto N: a comparison is flipped, a condition negated, a statement
dropped, a constant returned, in reconcile/, informers/, and what of controller/ applies and observes.

All places are drawn in an order that hangs on each place alone (its file, rule and line, and a fixed seed), so a change of the
sources leaves nearly all of the same N. One that does not compile, or whose object equals that of the true source by gcc
or by clang, is no mutant, and the next place is taken.
Each is judged by the simulator, what that does not catch by the unit tests of its module: those named for it, or that read its
header. The parts of a module (apply_call of apply) have those of the whole, too. One whose process does not survive a history, or
hangs, is told apart. With --units-first the same survive, in a fifth of the time; what the simulator alone would catch is not told then.
"""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from mutant_build import ROOT, Build, NotBuilt, make

sys.path.insert(0, str(ROOT / "tools/lint"))
from csource import code_only  # noqa: E402

FOLDERS = ("reconcile/*.c", "informers/*.c", "controller/apply*.c", "controller/observe*.c")
DRAW = 2026
HISTORIES = 3000  # unless told otherwise
SIM_SECONDS = 300
UNIT_SECONDS = 60
AT_ONCE = 2
MOST_SURVIVORS = 0.05
SURVIVORS = "tests/sim/mutants/survivors.md"
FLIPPED = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">"}
COMPARISON = re.compile(r"(?<![-<>=!+*/&|^%])(==|!=|<=|>=|<|>)(?![<>=])")
CONDITION = re.compile(r"\b(if|while) \(")
# Also no mere giving back of memory: leaks are found by LeakSanitizer, which these builds lack.
NO_STATEMENT = r"(?!return\b|break\b|continue\b|goto\b|case\b|default\b|\w*_(?:free|release)\()"
STATEMENT = re.compile(rf"^ +{NO_STATEMENT}[\w>.*\[\]-]+(?:\(.*\)| [-+|&]?= .*|\+\+|--);$")
RETURN = re.compile(r"\breturn ([^;{}]+);")


@dataclass(frozen=True)
class Place:
    file: str
    rule: str
    start: int  # of what is replaced, in the file
    end: int
    put: str

    def line(self, text: str) -> int:
        return text.count("\n", 0, self.start) + 1


def closing(code: str, opened: int) -> int:
    """Where the parenthesis that opens there closes."""
    depth = 0
    for at in range(opened, len(code)):
        depth += (code[at] == "(") - (code[at] == ")")
        if depth == 0:
            return at
    return -1


def bodies(code: str) -> str:
    """What is outside of functions blanked."""
    lines, inside = code.split("\n"), False
    for at, line in enumerate(lines):
        if line == "{":
            inside = True
        elif line.startswith("}"):
            inside = False
        if not inside:
            lines[at] = " " * len(line)
    return "\n".join(lines)


def places(file: str, text: str) -> Iterator[Place]:
    code = bodies(code_only(text))
    for found in COMPARISON.finditer(code):
        yield Place(file, "flip", found.start(), found.end(), FLIPPED[found[1]])
    for found in CONDITION.finditer(code):
        opened, closed = found.end() - 1, closing(code, found.end() - 1)
        if closed > 0:
            yield Place(file, "negate", opened, closed + 1, f"(!{text[opened : closed + 1]})")
    for found in RETURN.finditer(code):
        for value in ("0", "1"):
            if found[1] not in ("0", "1", "false", "true", "NULL"):
                yield Place(file, f"return {value}", found.start(1), found.end(1), value + keep_lines(found[1]))
    at = 0
    for line in code.split("\n"):
        if STATEMENT.match(line):
            indent = len(line) - len(line.lstrip())
            yield Place(file, "drop", at + indent, at + len(line), ";")
        at += len(line) + 1


def in_order(file: str, text: str) -> Iterator[tuple[str, Place]]:
    """Each place with what says when it is drawn. Equal lines are told apart by counting them."""
    lines = text.split("\n")
    seen: Counter[tuple[str, str]] = Counter()
    for place in sorted(places(file, text), key=lambda place: place.start):
        line = lines[place.line(text) - 1].strip()
        words = (str(DRAW), file, place.rule, line, str(seen[place.rule, line]))
        seen[place.rule, line] += 1
        yield sha256("\n".join(words).encode()).hexdigest(), place


def drawn_from(names: list[str]) -> list[Place]:
    pairs = [pair for name in names for pair in in_order(name, (ROOT / name).read_text())]
    return [place for _, place in sorted(pairs, key=lambda pair: pair[0])]


def keep_lines(text: str) -> str:
    """assert() puts line numbers into the object."""
    return "\n" * text.count("\n")


@dataclass
class Judged:
    place: Place
    line: int
    by: str  # "" survived, "equal", "no mutant", or what caught it
    text: str  # the line


def simulator_says(build: Build, histories: int) -> str:
    options = ("--brief", "--jobs", "1", "--histories", str(histories))
    try:
        done = subprocess.run(
            [build.simulator(), *options], cwd=ROOT, capture_output=True, text=True, timeout=SIM_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return "hang"
    if done.returncode == 1:
        return done.stdout.split(": ")[2]
    return {0: "", 3: "crash"}.get(done.returncode, f"status {done.returncode}")


def read_unit_test(path: Path) -> str:
    """With the headers of that folder that it includes."""
    text = path.read_text()
    return text + "".join(read_unit_test(ROOT / name) for name in re.findall(r'#include "(tests/unit/\w+\.h)"', text))


def unit_stems(file: str) -> list[str]:
    words = Path(file).stem.split("_")
    modules = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
    headers = [f'#include "{Path(file).parent}/{module}.h"' for module in modules]
    texts = {path.stem: read_unit_test(path) for path in sorted((ROOT / "tests/unit").glob("test_*.c"))}
    named = [stem for module in modules for stem in texts if re.match(rf"test_{module}(_|$)", stem)]
    reading = [stem for header in headers for stem, text in texts.items() if header in text]
    return list(dict.fromkeys([*named, *reading]))


def units_say(build: Build, file: str) -> str:
    for stem in unit_stems(file):
        try:
            done = subprocess.run(
                [build.unit_test(stem)], cwd=ROOT, capture_output=True, timeout=UNIT_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return f"{stem} (hang)"
        if done.returncode:
            return stem
    return ""


# Says by what a mutant of this file is caught, "" by nothing.
Judge = Callable[[Build, str], str]


def judge(number: int, place: Place, judges: list[Judge], plain: dict[str, bytes]) -> Judged:
    text = (ROOT / place.file).read_text()
    changed = text[: place.start] + place.put + text[place.end :]
    line = place.line(text)
    judged = Judged(place, line, "", text.split("\n")[line - 1].strip())
    build = Build(f"auto-{number}")
    try:
        made = build.compile(place.file, changed)
    except NotBuilt:
        judged.by = "no mutant"
        return judged
    if made == plain[place.file]:
        judged.by = "equal"
        return judged
    judged.by = next((said for ask in judges if (said := ask(build, place.file))), "")
    if not judged.by and build.is_same(place.file, changed, text):
        judged.by = "equal"
    for left in build.folder.iterdir():
        left.unlink()
    return judged


def tell(judged: Judged) -> None:
    where = f"{judged.place.file}:{judged.line}"
    print(f"{where:38} {judged.place.rule:9} {judged.by or 'SURVIVES':24} {judged.text}", flush=True)


def is_explained(judged: Judged) -> bool:
    """A row of the table: its file, its rule, its line in backquotes."""
    start = f"| {Path(judged.place.file).name} | {judged.place.rule} | `{judged.text}` |"
    return any(row.startswith(start) for row in (ROOT / SURVIVORS).read_text().splitlines())


def run(count: int, histories: int, units_first: bool) -> int:
    judges: list[Judge] = [lambda build, file: simulator_says(build, histories), units_say]
    if units_first:
        judges.reverse()
    make("VARIANT=release", "unit-programs")
    files = sorted(path for pattern in FOLDERS for path in ROOT.glob(pattern))
    names = [str(path.relative_to(ROOT)) for path in files]
    drawn = drawn_from(names)
    plain = {name: Build("plain").compile(name, (ROOT / name).read_text()) for name in names}
    print(f"{len(drawn)} places in {len(names)} files")
    kept: list[Judged] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        at = 0
        while len(kept) < count and at < len(drawn):
            batch = list(enumerate(drawn))[at : at + min(16, count - len(kept))]
            at += len(batch)
            for judged in pool.map(lambda pair: judge(pair[0], pair[1], judges, plain), batch):
                if judged.by not in ("no mutant", "equal"):
                    tell(judged)
                    kept.append(judged)
    return sum_up(kept, at)


def kind(judged: Judged) -> str:
    if judged.by.startswith("test_"):
        return "caught by a unit test"
    return {"": "survived", "crash": "crashed", "hang": "hung"}.get(judged.by, "caught by an invariant")


def sum_up(kept: list[Judged], tried: int) -> int:
    survivors = [judged for judged in kept if not judged.by]
    silent = [judged for judged in survivors if not is_explained(judged)]
    for judged in silent:
        print(f"not explained in {SURVIVORS}: {judged.place.file}:{judged.line} {judged.place.rule}: {judged.text}")
    kinds = Counter(kind(judged) for judged in kept)
    print(f"{len(kept)} mutants of {tried} places: {', '.join(f'{n} {word}' for word, n in kinds.most_common())}")
    return 1 if silent or len(survivors) > MOST_SURVIVORS * len(kept) else 0
