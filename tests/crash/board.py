# SPDX-License-Identifier: Apache-2.0
"""The other side of crash_points.c: how many points an operator has passed, and at which one it is to die."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

SIZE = 4096
POINTS, KILL_AT, WHERE, WHERE_SIZE = 0, 8, 16, 240  # struct board


class Board:
    def __init__(self, path: Path):
        self.path = path
        path.write_bytes(bytes(SIZE))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SIZE)

    def environment(self, shim: Path) -> dict[str, str]:
        return {"LD_PRELOAD": str(shim), "CRASH_POINTS": str(self.path)}

    @property
    def points(self) -> int:
        return struct.unpack_from("=Q", self._map, POINTS)[0]

    def arm(self, after: int) -> None:
        """Kill at the `after`-th point from now; 0: never."""
        struct.pack_into("=Q", self._map, KILL_AT, self.points + after if after else 0)

    def take_kill(self) -> str:
        """Where it was killed, once; "" where it was not."""
        where = self._map[WHERE : WHERE + WHERE_SIZE].split(b"\0")[0].decode(errors="replace")
        self._map[WHERE : WHERE + WHERE_SIZE] = bytes(WHERE_SIZE)
        return where

    def close(self) -> None:
        self._map.close()
