#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Things that are wrong in any file: paths of this machine, tabs in YAML, shell that does not parse,
a package index in a requirements file, a source without its licence line, a stale copy of the CRD, a page that
names a test that does not exist."""

import os
import re
import subprocess
import sys
from pathlib import Path

from csource import ROOT

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */"
COPIES = {"helm/podbind/files/podidentitybindings.yaml": "crds/podidentitybindings.yaml"}
NAMED_TEST = re.compile(r"\b(test_\w+\.(?:py|c))::(\w+)")
INDEX = re.compile(r"^\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)\b", re.M)
SHARED_FOLDERS = {Path(p) for p in ("/", "/tmp", "/var/tmp", "/home", "/root", "/src", "/opt")}


def tree() -> list[Path]:
    """Every file that is or would be under version control."""
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in sorted(set(listing.split("\0"))) if name and (ROOT / name).is_file()]


def machine_paths() -> list[str]:
    """What must not stand in a file: this checkout, the folder it lies in, the user's home."""
    places = [ROOT] + [p for p in (ROOT.parent, Path.home()) if p not in SHARED_FOLDERS - {Path("/root")}]
    return [f"{place}/" for place in places]


def named_tests(path: Path, text: str, files: list[Path]) -> list[str]:
    """`file::function`, as pages say which test holds a promise."""
    findings = []
    for file, function in sorted(set(NAMED_TEST.findall(text))):
        sources = [(ROOT / known).read_text() for known in files if known.name == file and known.parts[0] == "tests"]
        if not any(re.search(rf"\b{function}\(", source) for source in sources):
            findings.append(f"{path}: names {file}::{function}, and there is no such test")
    return findings


def check(path: Path, text: str, places: list[str]) -> list[str]:
    findings = [f"{path}: holds a path of this machine: {p}" for p in places if p in text]
    if path.suffix in (".yaml", ".yml") and "\t" in text:
        findings.append(f"{path}: a tab in YAML")
    if path.suffix == ".sh" or re.match(r"#!.*\b(ba|da)?sh\b", text):
        ran = subprocess.run(["bash", "-n", path], cwd=ROOT, capture_output=True, text=True, check=False)
        findings += [f"bash -n: {line}" for line in ran.stderr.splitlines()]
    if path.name.startswith("requirements") and INDEX.search(text):
        findings.append(f"{path}: names a package index")
    if path.suffix in (".c", ".h") and not text.startswith(SPDX):
        findings.append(f"{path}: the first line is not {SPDX}")
    if path.suffix in (".py", ".sh") and text.strip() and SPDX[3:-3] not in text[:200]:
        findings.append(f"{path}: its first lines do not say {SPDX[3:-3]}")
    if path.suffix == ".h" and "\n#pragma once\n" not in text:
        findings.append(f"{path}: no #pragma once")
    return findings


def main() -> int:
    os.chdir(ROOT)
    files, places, findings = tree(), machine_paths(), []
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        findings += check(path, text, places)
        if path.suffix == ".md":
            findings += named_tests(path, text, files)
    for copy, original in COPIES.items():
        if Path(copy).exists() and Path(copy).read_bytes() != Path(original).read_bytes():
            findings.append(f"{copy}: differs from {original}")
    print("\n".join(findings) or f"{len(files)} files")
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main())
