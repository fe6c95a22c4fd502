# SPDX-License-Identifier: Apache-2.0
"""`build/podbind controller` as a child of the test."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
from collections.abc import Mapping
from pathlib import Path

from child import Child, Ended, Failed, free_port, wait_for

from . import ROOT

STOP_SECONDS = 10  # it promises 5
SAMPLE = re.compile(r"^([a-zA-Z_:][^\s{]*(?:\{.*\})?) (\S+)$")


def binary(variant: str = "") -> Path:
    """Of the given variant (san, tsan), else of the run's: PODBIND_VARIANT, release where it is not set."""
    variant = variant or os.environ.get("PODBIND_VARIANT", "release")
    path = ROOT / "build" / ("" if variant == "release" else variant) / "podbind"
    if not path.exists():
        raise Failed(f"expected the operator at {path}; `make VARIANT={variant}` builds it")
    return path


class Operator(Child):
    """start() only starts it; wait_ready() waits for /readyz. A name given twice continues the same log."""

    def __init__(
        self, name: str, flags: list[str | Path], log: Path, env: Mapping[str, str] | None = None, variant: str = ""
    ):
        self.address = f"127.0.0.1:{free_port()}"
        argv = [binary(variant), "controller", f"--listen-address={self.address}", "--log-format=json", *flags]
        inherited = {k: v for k, v in os.environ.items() if k == "PATH" or k.endswith("SAN_OPTIONS")}
        super().__init__(name, argv, log, {**inherited, "HOME": str(log.parent), **(env or {})})

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.address, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def ready(self) -> bool:
        self.check()
        return self.get("/readyz")[0] == 200

    def wait_ready(self, seconds: float = 30) -> Operator:
        try:
            wait_for(self.ready, seconds, f"{self.name} to be ready")
        except Ended:
            raise
        except Failed as error:
            raise Failed(f"{error}\nthe end of its log:\n{self.tail()}") from None
        return self

    def terminate(self) -> int:
        """SIGTERM, as Kubernetes ends a pod. Returns the exit status, which should be 0."""
        return self.stop(signal.SIGTERM, STOP_SECONDS)

    def metrics(self) -> dict[str, float]:
        """Every sample: its name with its labels as written, and its value."""
        status, text = self.get("/metrics")
        if status != 200:
            raise Failed(f"{self.name}: /metrics answered {status}: {text:.500}")
        return {match[1]: float(match[2]) for line in text.splitlines() if (match := SAMPLE.match(line))}

    def reports(self) -> list[str]:
        """What the sanitizers said: the lines of its log that name a fault. Empty in a good run."""
        lines = [record.get("text", "") for record in self.records()]
        return [line for line in lines if "Sanitizer" in line or "runtime error:" in line]

    def memory(self) -> int:
        """Bytes of its own that it holds right now (RssAnon)."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"^RssAnon:\s+(\d+) kB", text, re.M)[1]) * 1024

    def records(self) -> list[dict]:
        """Its log so far, one record a line. What is not JSON (a sanitizer's report) has the key `text` only."""
        records = []
        for line in self.log.read_text(errors="replace").splitlines():
            try:
                records.append(json.loads(line))
            except ValueError:
                records.append({"text": line})
        return records
