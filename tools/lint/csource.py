# SPDX-License-Identifier: Apache-2.0
"""What the checks share: the C files of the tree, and their text without comments and literals."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("base", "crds", "kube", "aws", "reconcile", "informers", "controller", "cli", "tests")
BUILD = ROOT / "build" / "release"

_TOKEN = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def c_files(*suffixes: str) -> list[Path]:
    """Every C source and header, relative to the root, sorted."""
    wanted = suffixes or (".c", ".h")
    found = (path for room in ROOMS for path in (ROOT / room).rglob("*") if path.suffix in wanted)
    return sorted(path.relative_to(ROOT) for path in found)


def read(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def code_only(text: str) -> str:
    """The text with comments blanked and literals emptied; every line stays where it is."""

    def blank(match: re.Match[str]) -> str:
        token = match.group()
        inside = "".join(c if c == "\n" else " " for c in token[1:-1])
        return f"{token[0]}{inside}{token[-1]}" if token[0] in "\"'" else f" {inside} "

    return _TOKEN.sub(blank, text)


def prerequisites(path: Path) -> list[str]:
    """What the compiler read for this file (transitively), from its .d file; [] before a build."""
    name = f"{path}.alone.d" if path.suffix == ".h" else f"{path.with_suffix('.d')}"
    listing = BUILD / name
    if not listing.exists():
        return []
    first_rule = listing.read_text().replace("\\\n", " ").split("\n")[0]
    return [word for word in first_rule.split(":", 1)[1].split() if word not in (str(path), "-")]
