#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The code that the simulator runs calls nothing but itself and the names in purity.allow."""

import fnmatch
import re
import subprocess
import sys
from pathlib import Path

from csource import BUILD, ROOT


def load_allowed() -> tuple[list[str], list[str]]:
    lines = (ROOT / "tools/lint/purity.allow").read_text().splitlines()
    words = {"objects": [], "names": []}
    for line in lines:
        left, _, right = line.partition("#")[0].partition(":")
        words.get(left.strip(), []).extend(right.split())
    return words["objects"], words["names"]


def pure_sources(patterns: list[str]) -> list[Path]:
    """A plain path must exist, so that a file cannot leave the check by a new name."""
    gone = [p for p in patterns if not re.search(r"[*!]", p) and not (ROOT / p).exists()]
    if gone:
        sys.exit(f"purity.allow names what does not exist: {' '.join(gone)}")
    left_out = {path for p in patterns if p.startswith("!") for path in ROOT.glob(p[1:])}
    found = {path for p in patterns if not p.startswith("!") for path in ROOT.glob(p)}
    return sorted(path.relative_to(ROOT) for path in found - left_out)


def plain(name: str) -> str:
    """A hardened or versioned form of a libc name (__snprintf_chk, __isoc99_sscanf) as that name."""
    return re.sub(r"^__(?:isoc\d+_(\w+)|(\w+)_chk)$", lambda m: m[1] or m[2], name)


def symbols(flag: str, objects: list[str]) -> list[tuple[str, str]]:
    """(object, symbol) pairs."""
    if not objects:
        return []
    listing = subprocess.run(
        ["nm", flag, "-A", "--format=posix", *objects], cwd=BUILD, capture_output=True, text=True, check=True
    ).stdout
    pairs = (line.split(": ", 1) for line in listing.splitlines())
    return [(name, plain(rest.split()[0])) for name, rest in pairs]


def main() -> int:
    patterns, names = load_allowed()
    objects = [str(path.with_suffix(".o")) for path in pure_sources(patterns)]
    missing = [o for o in objects if not (BUILD / o).exists()]
    if missing:
        print("not built, so not checked: run make objects:", *missing)
        return 1
    own = {name for _, name in symbols("--defined-only", objects)}
    findings = [
        f"{o}: calls {name}, which purity.allow does not name"
        for o, name in symbols("--undefined-only", objects)
        if name not in own and not any(fnmatch.fnmatchcase(name, allowed) for allowed in names)
    ]
    print("\n".join(findings) or f"{len(objects)} objects")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
