# SPDX-License-Identifier: Apache-2.0
"""A server process that a test owns: its log, its signals, its end.

A child is killed by the kernel when the thread that started it ends (PR_SET_PDEATHSIG), so none outlives its
owner, not even one killed with -9. For the same reason a child is started from the main thread only. It has a
session of its own: a Ctrl-C at the terminal reaches the owner, which then stops its children in order.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path


class Failed(Exception):
    """Something outside the test's own assertions went wrong; the text says what was expected."""


class Ended(Failed):
    """A process that was to run has ended: there is nothing left to wait for."""


_given: set[int] = set()  # their servers may not listen yet


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses, below the range the kernel gives to outgoing connections, and
    another one at each call."""
    for _ in range(200):
        port = random.SystemRandom().randrange(20000, 32000)
        if port in _given:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port
    raise Failed("expected a free TCP port between 20000 and 32000 on 127.0.0.1, found none in 200 tries")


def wait_for(predicate: Callable[[], object], seconds: float, what: str, every: float = 0.05):
    """Calls predicate until its answer is truthy, and returns that. An exception but Ended counts as not yet;
    the last answer or exception is in the failure's text."""
    end = time.monotonic() + seconds
    while True:
        try:
            last = predicate()
            if last:
                return last
        except Ended:
            raise
        except Exception as error:  # noqa: BLE001
            last = f"{type(error).__name__}: {error}"
        if time.monotonic() > end:
            raise Failed(f"waited {seconds:g} s for {what}; last seen: {last!s:.2000}")
        time.sleep(every)


class Child:
    """One process. start() after stop() runs the same command again and appends to the same log."""

    def __init__(self, name: str, argv: list[str | Path], log: Path, env: Mapping[str, str] | None = None):
        self.name, self.argv, self.log, self.env = name, [str(arg) for arg in argv], log, env
        self.process: subprocess.Popen | None = None
        self.end_wanted = False

    def start(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise Failed(f"{self.name} must be started from the main thread: a child dies with its starter's thread")
        if self.running():
            raise Failed(f"{self.name} is running already")
        self.end_wanted = False
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *self.argv],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env, start_new_session=True)  # fmt: skip

    @property
    def pid(self) -> int:
        if self.process is None:
            raise Failed(f"{self.name} was never started")
        return self.process.pid

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def crashed(self) -> bool:
        """It has ended and nobody asked it to, nor waited for that."""
        return self.process is not None and not self.running() and not self.end_wanted

    def check(self) -> None:
        """Raises when the process has ended: whoever waits for it to become ready need not wait longer."""
        if not self.running():
            code = self.process.returncode if self.process else None
            raise Ended(f"{self.name} ended with {code}; the end of {self.log}:\n{self.tail()}")

    def send(self, number: int) -> None:
        if self.running():
            os.kill(self.pid, number)

    def pause(self) -> None:
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 30) -> int | None:
        """Sends the signal and waits for the end. Returns the exit status, None where it was never started."""
        if self.process is None:
            return None
        self.send(number)
        self.resume()
        return self.wait_end(seconds)

    def wait_end(self, seconds: float) -> int:
        """Its exit status, or the negative number of the signal. One that takes longer is killed, and Failed."""
        self.end_wanted = True
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self.process.wait()
            raise Failed(f"{self.name} did not end within {seconds:g} s; the end of its log:\n{self.tail()}") from None

    def kill(self) -> int | None:
        return self.stop(signal.SIGKILL)

    def tail(self, lines: int = 15) -> str:
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
