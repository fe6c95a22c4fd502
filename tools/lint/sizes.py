#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Functions have at most 60 lines, files at most 500. Prints the median, the 90th percentile and the
largest file. A function that is one table may be longer: the comment before it says `lint: table`."""

import re
import sys
from pathlib import Path

from csource import ROOT, c_files, code_only, read

FUNCTION_LINES = 60
FILE_LINES = 500
SCRIPTS = ("tools/**/*.py", "tools/**/*.sh", "tests/**/*.py", "tests/**/*.sh")


def functions(path: Path) -> list[tuple[str, int, int, bool]]:
    """(name, first line, lines, is a table), relying on clang-format: a body's braces stand alone at
    column 0."""
    text = read(path)
    lines, words = code_only(text).splitlines(), text.splitlines()
    found, start, opened = [], 0, -1
    for at, line in enumerate(lines):
        if line.rstrip() == "{" and opened < 0:
            opened = at
        elif line.startswith("}") and opened >= 0:
            name = re.search(r"(\w+)\s*\(", " ".join(lines[start:opened]))
            table = "lint: table" in " ".join(words[max(0, start - 3) : opened])
            found.append((name.group(1) if name else "?", start + 1, at - start + 1, table))
            opened, start = -1, at + 1
        elif opened < 0 and (not line.strip() or line[0] in "#} " or line.rstrip().endswith(";")):
            start = start if line.startswith(" ") and line.strip() else at + 1
    return found


def main() -> int:
    findings, lengths, largest = [], [], (0, Path())
    for path in [*c_files(), *(p.relative_to(ROOT) for g in SCRIPTS for p in sorted(ROOT.glob(g)))]:
        count = read(path).count("\n")
        largest = max(largest, (count, path))
        if count > FILE_LINES:
            findings.append(f"{path}: {count} lines, at most {FILE_LINES}")
        for name, line, length, table in functions(path) if path.suffix == ".c" else []:
            lengths.append(length)
            if length > FUNCTION_LINES and not table:
                findings.append(f"{path}:{line}: {name}() has {length} lines, at most {FUNCTION_LINES}")
    lengths.sort()
    numbers = "no functions yet"
    if lengths:
        median, p90 = lengths[len(lengths) // 2], lengths[len(lengths) * 9 // 10]
        numbers = f"{len(lengths)} functions, median {median}, p90 {p90}, longest {lengths[-1]} lines"
    print("\n".join([*findings, f"{numbers}; largest file {largest[1]} {largest[0]}"]))
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
