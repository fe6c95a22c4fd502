# SPDX-License-Identifier: Apache-2.0
"""The stand-in as a fixture: `aws = start("--cluster", "blue")`, fresh for each test."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("PODBIND_STANDIN", ROOT / "build" / "podbind-standin"))
KEY_ID, SECRET = "AKIASTANDINTESTS", "secret/with+signs="
SESSION = boto3.Session(region_name="us-west-2")
PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Standin:
    """One running stand-in, and clients for it."""

    def __init__(self, *flags: str):
        command = [BINARY, "--port=0", f"--credentials={KEY_ID}:{SECRET}", *flags]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - no other thread runs yet
        )
        line = self.process.stdout.readline()
        assert line.startswith("listening on 127.0.0.1:"), line + self.process.communicate()[1]
        self.port = int(line.rsplit(":", 1)[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """It ends at SIGTERM with status 0 and nothing to say; a sanitizer's finding is a status of its own."""
        self.process.terminate()
        _, said = self.process.communicate(timeout=20)
        assert (self.process.returncode, said) == (0, "")

    def client(self, service: str = "eks", region: str = "us-west-2", **options: Any) -> Any:
        keys = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET}
        keys |= {name: options.pop(name) for name in list(options) if name.startswith("aws_")}
        config = Config(**{"retries": {"total_max_attempts": 1}, "read_timeout": 20} | options)
        return SESSION.client(service, region_name=region, endpoint_url=self.url, config=config, **keys)

    def hand(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """A call under /_standin/; an HTTP error is raised as urllib does."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_standin/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def hand_refused(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        with pytest.raises(urllib.error.HTTPError) as caught:
            self.hand(method, path, body, **headers)
        return caught.value.code, json.load(caught.value)["message"]

    def counted(self, operation: str) -> dict[str, int]:
        return self.hand("GET", "counters")["counters"].get(operation, {})

    def settings(self, **settings: Any) -> None:
        self.hand("PUT", "settings", settings)


@pytest.fixture
def start() -> Iterator[Callable[..., Standin]]:
    running: list[Standin] = []

    def begin(*flags: str) -> Standin:
        running.append(Standin(*flags))
        return running[-1]

    yield begin
    for standin in running:
        standin.stop()


@pytest.fixture
def aws(start: Callable[..., Standin]) -> Standin:
    return start("--cluster=blue", "--cluster=green,issuer=https://issuer.example/green")


@pytest.fixture
def eks(aws: Standin) -> Any:
    return aws.client()
