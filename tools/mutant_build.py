# SPDX-License-Identifier: Apache-2.0
"""A program with some source changed: those objects are compiled anew, the rest is what make has built."""

import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "build/release"
FOLDER = ROOT / "build/mutants"
SECONDS = 300
OTHER = "clang-14"


class NotBuilt(Exception):
    """Why there is no program, as one line."""


@cache
def compile_command() -> list[str]:
    """What make compiles with, kept by it in a file; a mutant may leave something unused, and debug
    information would make all objects differ."""
    return [*shlex.split((BUILT / "command").read_text()), "-w", "-g0"]


@cache
def other_command() -> list[str]:
    """Another compiler, which sees other things to be the same; [] where it is not installed."""
    if not shutil.which(OTHER):
        return []
    flags = [word for word in compile_command() if word.startswith(("-D", "-I", "-iquote", "-std="))]
    return [OTHER, *flags, "-O2", "-g0", "-w"]


@cache
def libraries(*more: str) -> list[str]:
    found = re.search(r"^LIBRARIES := (.*)$", (ROOT / "Makefile").read_text(), re.M)
    if not found:
        raise NotBuilt("the Makefile has no line 'LIBRARIES := ...'")
    return shlex.split(run("pkg-config", "--libs", *found[1].split(), *more))


def run(*command: str | Path) -> str:
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        errors = [line for line in said if "error" in line] or said or [f"status {done.returncode}"]
        raise NotBuilt(f"{Path(str(command[0])).name}: {errors[0]}")
    return done.stdout


def make(*goals: str) -> None:
    subprocess.run(["make", "-s", *goals], cwd=ROOT, check=True)


@dataclass
class Build:
    """A folder of its own for each mutant."""

    name: str
    objects: list[Path] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    def object_of(self, command: list[str], file: str, text: str) -> Path:
        """Includes are written from the root, so the place of the source does not matter."""
        self.folder.mkdir(parents=True, exist_ok=True)
        source = self.folder / file.replace("/", "-")
        path = source.with_suffix(".o")
        source.write_text(text)
        # One name for all, because assert() puts it into the object.
        run(*command, f"-ffile-prefix-map={source}=mutant.c", "-c", "-o", path, source)
        return path

    def compile(self, file: str, text: str) -> bytes:
        """The object, which is also returned."""
        path = self.object_of(compile_command(), file, text)
        self.objects.append(path)
        return path.read_bytes()

    def is_same(self, file: str, text: str, other: str) -> bool:
        """Does the other compiler see that both texts do the same? After all else: the object is overwritten."""
        if not (command := other_command()):
            return False
        return len({self.object_of(command, file, each).read_bytes() for each in (text, other)}) == 1

    def link(self, program: str, objects: list[Path], *more: str) -> Path:
        """The changed objects come before the archive that holds those they stand for."""
        path = self.folder / program
        archives = [BUILT / "model.a", BUILT / "product.a"]
        run(compile_command()[0], "-pthread", "-o", path, *self.objects, *objects, *archives, *libraries(*more))
        return path

    def simulator(self) -> Path:
        sources = sorted((ROOT / "tests/sim").glob("*.c"))
        objects = [BUILT / "tests/sim" / f"{source.stem}.o" for source in sources]
        return self.link("podbind-sim", [*objects, BUILT / "standin.a"])

    def unit_test(self, stem: str) -> Path:
        """tests/unit/<stem>.c with the helpers of that folder."""
        sources = sorted((ROOT / "tests/unit").glob("*.c"))
        wanted = [source.stem for source in sources if source.stem == stem or not source.stem.startswith("test_")]
        return self.link(stem, [BUILT / "tests/unit" / f"{name}.o" for name in wanted], "cmocka")
