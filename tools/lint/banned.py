#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No call of a function that banned.list names."""

import fnmatch
import re
import sys
from pathlib import Path

from csource import c_files, code_only, read


def load_banned() -> dict[str, tuple[str, list[str]]]:
    """name -> (what to use instead, path patterns where it is fine)"""
    banned = {}
    for line in read(Path("tools/lint/banned.list")).splitlines():
        names, _, rest = line.partition("#")[0].partition(":")
        instead, _, places = rest.partition("except in")
        for name in names.split():
            banned[name] = (instead.strip(), places.split())
    return banned


def main() -> int:
    banned = load_banned()
    call = re.compile(r"(?<![\w.])(?<!->)(" + "|".join(banned) + r")\s*\(")
    findings, files = [], c_files()
    for path in files:
        for number, line in enumerate(code_only(read(path)).splitlines(), 1):
            for name in call.findall(line):
                instead, places = banned[name]
                if not any(fnmatch.fnmatch(str(path), place) for place in places):
                    findings.append(f"{path}:{number}: {name}() is banned: {instead}")
    print("\n".join(findings) or f"{len(files)} files, {len(banned)} names")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
