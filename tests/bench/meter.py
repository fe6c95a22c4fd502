# SPDX-License-Identifier: Apache-2.0
"""What a run costs, read from /proc and from the API server's audit log: nothing here asks a server anything."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
AGENT = "podbind/"  # how the operator's user agent begins


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, of all its threads, ended ones too."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICKS


def status_numbers(path: str, *names: str) -> list[int]:
    """Of a /proc status file: the numbers of these lines (memory in KiB)."""
    rows = dict(line.split(":", 1) for line in Path(path).read_text().splitlines() if ":" in line)
    return [int(rows[name].split()[0]) for name in names]


def memory(pid: int) -> tuple[int, int]:
    """RssAnon and VmHWM, in KiB."""
    anonymous, peak = status_numbers(f"/proc/{pid}/status", "RssAnon", "VmHWM")
    return anonymous, peak


def wake_ups(pid: int) -> int:
    """How often a thread of it went to sleep so far, which is how often one was woken."""
    folders = Path(f"/proc/{pid}/task").iterdir()
    return sum(status_numbers(f"{folder}/status", "voluntary_ctxt_switches")[0] for folder in folders)


@dataclass
class Meter:
    """Samples of one process: (wall clock, CPU seconds, RssAnon in KiB); look() takes one."""

    pid: int
    samples: list[tuple[float, float, int]] = field(default_factory=list)
    peak: int = 0  # VmHWM, KiB

    def look(self) -> None:
        anonymous, self.peak = memory(self.pid)
        self.samples.append((time.time(), cpu_seconds(self.pid), anonymous))

    def cpu_until(self, moment: float) -> float:
        """Of the first sample that is not before this moment."""
        return next((cpu for at, cpu, _ in self.samples if at >= moment), self.samples[-1][1])

    def most_anonymous(self) -> int:
        return max(anonymous for _, _, anonymous in self.samples)


@dataclass
class Audit:
    """The operator's requests, from the audit log as it grows. `writes` counts those that change something, the
    Lease's apart; `ready` holds when each binding's status was last written."""

    path: Path
    offset: int = 0
    rest: bytes = b""
    writes: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    status_times: dict[str, float] = field(default_factory=dict)
    finalizer_times: dict[str, float] = field(default_factory=dict)

    def skip(self) -> None:
        """Forgets what has been until now. A record may come a moment after its answer."""
        time.sleep(0.2)
        self.offset, self.rest = self.path.stat().st_size, b""
        self.writes, self.refused = Counter(), Counter()
        self.status_times, self.finalizer_times = {}, {}

    def read(self) -> None:
        with self.path.open("rb") as log:
            log.seek(self.offset)
            fresh = log.read()
        self.offset += len(fresh)
        *lines, self.rest = (self.rest + fresh).split(b"\n")
        for line in lines:
            if b'"userAgent":"podbind/' in line:
                self._take(json.loads(line))

    def _take(self, record: dict) -> None:
        about, verb = record["objectRef"] if "objectRef" in record else {}, record["verb"]
        resource = about.get("resource", record["requestURI"])
        if verb in ("get", "list", "watch") or resource == "leases":
            return
        name = "/".join(word for word in (resource, about.get("subresource")) if word)
        self.writes[f"{verb} {name}"] += 1
        code = record["responseStatus"]["code"]
        if code >= 300:
            self.refused[f"{verb} {name} {code}"] += 1
        elif verb == "patch" and resource == "podidentitybindings":
            at = datetime.fromisoformat(record["stageTimestamp"]).timestamp()
            times = self.status_times if about.get("subresource") == "status" else self.finalizer_times
            times[f"{about['namespace']}/{about['name']}"] = at


class Machine:
    """CPU time of the whole machine, and how much of it was not ours: other people's work."""

    def __init__(self) -> None:
        self.cores = os.cpu_count() or 1
        self.begin([])

    @staticmethod
    def busy() -> float:
        """CPU seconds since boot of processes and the hypervisor's other guests; interrupts are left out."""
        user, nice, system, _, _, _, _, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
        return (user + nice + system + steal) / TICKS

    def begin(self, pids: list[int]) -> None:
        """From now on the work of these processes, of this one and of its ended children is ours."""
        self.pids, self.at = pids, time.monotonic()
        self.total, self.own = self.busy(), self.ours()

    def ours(self) -> float:
        return sum(os.times()[:4]) + sum(cpu_seconds(pid) for pid in self.pids)

    def others(self) -> tuple[float, float]:
        """CPU seconds of others since begin(), and those that the machine had."""
        had = (time.monotonic() - self.at) * self.cores
        return max(0.0, self.busy() - self.total - (self.ours() - self.own)), had
