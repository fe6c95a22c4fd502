#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: compares the compiler's .d files (so transitively) with layers.rules."""

import fnmatch
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

from csource import BUILD, ROOT, c_files, prerequisites, read


def load_rules() -> tuple[list[tuple[str, list[str]]], list[str], list[str]]:
    """The (part, what it may see) rows in order, the parts without libraries, the libraries."""
    rows, bare, libraries = [], [], []
    for line in read(Path("tools/lint/layers.rules")).splitlines():
        left, _, right = line.partition("#")[0].partition(":")
        if not right:
            continue
        words = right.split()
        if left == "libraries":
            libraries = words
        elif left == "without libraries":
            bare = words
        else:
            rows.append((left.strip(), words))
    return rows, bare, libraries


def matches(path: str, patterns: list[str]) -> bool:
    """Patterns that begin with ! take away from the others."""
    never = any(fnmatch.fnmatch(path, p[1:]) for p in patterns if p.startswith("!"))
    return not never and any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def check_layer(path: Path, rows: list[tuple[str, list[str]]]) -> list[str]:
    allowed = next((words for part, words in rows if fnmatch.fnmatch(str(path), part)), None)
    if allowed is None:
        return [f"{path}: no rule in tools/lint/layers.rules names this place"]
    return [
        f"{path}: sees {seen}, and may see only: {' '.join(allowed)}"
        for seen in prerequisites(path)
        if not matches(seen, allowed)
    ]


def check_includes(path: Path) -> list[str]:
    """Quoted includes are written from the root."""
    names = re.findall(r'^\s*#\s*include\s+"([^"]+)"', read(path), re.M)
    return [f'{path}: #include "{n}" is not a path from the root' for n in names if not (ROOT / n).is_file()]


def check_libraries(path: Path, libraries: list[str]) -> list[str]:
    compiler = shlex.split((BUILD / "command").read_text())
    listing = subprocess.run(
        [*compiler, "-M", "-x", "c", str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    seen = [word for word in listing.split() if word.startswith("/")]
    return [f"{path}: sees the library header {word}" for word in seen if matches(word, libraries)]


def main() -> int:
    rows, bare, libraries = load_rules()
    files = c_files()
    findings = []
    for path in files:
        kind = ".h.alone" if path.suffix == ".h" else ".o"
        if not (BUILD / path).with_suffix(kind).exists():
            findings.append(f"{path}: not built, so its layer is not known: run make objects headers")
        findings += check_layer(path, rows) + check_includes(path)
        if matches(str(path), bare) and (BUILD / "command").exists():
            findings += check_libraries(path, libraries)
    names = Counter(path.name for path in files if path.name != "main.c")
    findings += [f"{name}: {n} files have this name" for name, n in names.items() if n > 1]
    print("\n".join(findings) or f"{len(files)} files")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
