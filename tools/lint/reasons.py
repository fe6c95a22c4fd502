#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/aws.md has every reason that an answer of AWS can give, and none that podbind does not have; docs/reasons.md
has all of them."""

import re
import sys
from pathlib import Path

from csource import c_files, read

# What makes a reason of an answer of AWS: file and function.
FROM_AWS = (
    ("reconcile/outcome_reason.c", "outcome_trouble_reason"),
    ("controller/sync.c", "explain_blindness"),
    ("reconcile/cluster.c", "cluster_reason"),
    ("reconcile/role.c", "judge_known"),
)
WORD = re.compile(r'"([A-Z][A-Za-z]+)"')
ROW = re.compile(r"^\| (?:(?:True|False|Unknown) \| )?([A-Z]\w+) \|", re.M)


def body(path: str, function: str) -> str:
    """Its definition. Relies on clang-format: a body's braces stand alone at column 0."""
    found = re.search(rf"^[^\n]*\b{function}\([^;{{]*\)\n{{\n(.*?)^}}", read(Path(path)), re.M | re.S)
    return found[1] if found else ""


def main() -> int:
    findings, needed = [], set()
    for path, function in FROM_AWS:
        words = set(WORD.findall(body(path, function)))
        needed |= words
        if not words:
            findings.append(f"{path}: {function}() gives no reason: has it another name?")
    rows, all_rows = (set(ROW.findall(read(Path(page)))) for page in ("docs/aws.md", "docs/reasons.md"))
    known = {word for path in c_files(".c") if path.parts[0] != "tests" for word in WORD.findall(read(path))}
    findings += [f"docs/aws.md: no row for {reason}" for reason in sorted(needed - rows)]
    findings += [f"docs/aws.md: no reason of podbind: {reason}" for reason in sorted(rows - known)]
    findings += [f"docs/reasons.md: no row for {reason}" for reason in sorted((needed | rows) - all_rows)]
    findings += [f"docs/reasons.md: no reason of podbind: {reason}" for reason in sorted(all_rows - known)]
    print("\n".join(findings) or f"{len(rows)} reasons from AWS, {len(all_rows)} in all")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
