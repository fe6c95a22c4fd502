#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over every C source, two at a time. A clean file is not looked at again until it, a header
it reads, the flags or .clang-tidy change."""

import hashlib
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from csource import ROOT, c_files, prerequisites

TIDY = "clang-tidy-14"
CACHE = ROOT / "build" / "tidy"
# Unit tests run under the sanitizers anyway, and the analyzer thinks that a failed cmocka assertion returns.
UNIT_CHECKS = "--checks=-clang-analyzer-*,-bugprone-suspicious-missing-comma"
# A quarter of the analyzer's usual patience: a third of the time, and nearly the same findings.
LESS = ["-Xclang", "-analyzer-config", "-Xclang", "max-nodes=50000"]
ANALYZER = Path("tools/lint/analyzer.h")
COMMAND = ROOT / "build" / "clang" / "release" / "command"


def key(path: Path, settings: bytes) -> str:
    digest = hashlib.sha256(settings)
    for name in [str(path), *sorted(prerequisites(path))]:
        digest.update(name.encode() + b"\0")
        digest.update((ROOT / name).read_bytes() if (ROOT / name).is_file() else b"gone")
    return digest.hexdigest()


def look(path: Path, settings: bytes, flags: list[str]) -> str:
    """What clang-tidy says about the file; "" when it is clean."""
    clean = CACHE / key(path, settings)
    if clean.exists():
        clean.touch()
        return ""
    told = [] if str(path) == "base/error.c" else ["-include", str(ANALYZER)]
    fewer = [UNIT_CHECKS] if path.parts[:2] == ("tests", "unit") else []
    command = [TIDY, "--quiet", *fewer, str(path), "--", *flags, "-U_FORTIFY_SOURCE", *LESS, *told]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode == 0:
        clean.touch()
        return ""
    return ran.stdout.replace(f"{ROOT}/", "") or ran.stderr


def main() -> int:
    if not COMMAND.exists():
        print("no flags of clang: run make CC=clang-14 BUILD=build/clang objects")
        return 1
    CACHE.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout
    inputs = (Path(".clang-tidy"), ANALYZER, COMMAND, Path(__file__))
    settings = version + b"".join((ROOT / path).read_bytes() for path in inputs)
    flags = shlex.split(COMMAND.read_text())[1:]
    files = c_files(".c")
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        said = [text for text in pool.map(lambda path: look(path, settings, flags), files) if text]
    print("\n".join(said) or f"{len(files)} files")
    return bool(said)


if __name__ == "__main__":
    sys.exit(main())
