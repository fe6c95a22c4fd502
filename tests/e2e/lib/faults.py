# SPDX-License-Identifier: Apache-2.0
"""The script of a fault proxy: rules, each a matcher and an action.

    proxy.add(Answer(429, status(429, "TooManyRequests"), headers={"Retry-After": "2"}), method="PATCH", count=5)
    proxy.add(Edit(without_version), path="/podidentitybindings", watch=False)
    proxy.add(Events(twice), watch=True, probability=0.5, seed=7)

The first rule of the right stage that matches and whose turn it is does its work, and counts that in `hits`.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .fault_proxy import Exchange, Watch

HTML = b"<html><head><title>Service</title></head><body>It works!</body></html>"


class Stage(Enum):
    REQUEST = auto()  # before anything went to the API server
    ANSWER = auto()  # the API server has done it; the operator has not heard
    OPENED = auto()  # a watch stands
    EVENT = auto()  # an event of a watch


class Cut(Exception):
    """Ends the operator's connection with a reset."""


@dataclass
class Rule:
    action: Action
    method: str = ""  # a regular expression for the whole of it
    path: str = ""  # a regular expression, searched in path and query
    watch: bool | None = None  # only watches, or none
    nth: int = 1  # requests (of a watch's stage: watches, events) that match are numbered from 1: the first to hit
    count: int = 0  # and how many; 0: all
    seconds: float = 0  # for so long, from now; 0: until it is removed
    probability: float = 1
    seed: int = 1
    matched: int = 0
    hits: int = 0
    _made: float = field(default_factory=time.monotonic)
    _random: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._random.seed(self.seed)

    def takes(self, stage: Stage, method: str, path: str, watch: bool) -> bool:
        if (
            stage is not self.action.stage
            or (self.method and not re.fullmatch(self.method, method))
            or not re.search(self.path, path)
            or self.watch not in (None, watch)
            or (self.seconds and time.monotonic() > self._made + self.seconds)
        ):
            return False
        self.matched += 1
        last = self.nth + self.count if self.count else self.matched + 1
        if not self.nth <= self.matched < last or self._random.random() >= self.probability:
            return False
        self.hits += 1
        return True


class Action:
    stage: Stage


# ---- instead of the API server ------------------------------------------------------------------


@dataclass
class Answer(Action):
    """This answer. Watches too are answered so: no 101, no stream."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    stage = Stage.REQUEST

    async def run(self, exchange: Exchange) -> None:
        await exchange.reply(self.status, self.body, self.content_type, self.headers)


@dataclass
class Reset(Action):
    """The connection is reset; the API server never saw the request."""

    stage = Stage.REQUEST

    async def run(self, exchange: Exchange) -> None:
        raise Cut


@dataclass
class Hang(Action):
    """Silence, on a connection that stays open."""

    seconds: float = 600
    stage = Stage.REQUEST

    async def run(self, exchange: Exchange) -> None:
        await exchange.wait_gone(self.seconds)
        raise Cut


# ---- what the API server said, and what becomes of it -------------------------------------------


@dataclass
class ResetAfter(Action):
    """The API server has done it; the answer is lost."""

    stage = Stage.ANSWER

    async def run(self, exchange: Exchange) -> None:
        raise Cut


@dataclass
class Instead(Action):
    """The API server has done it; the answer is this one."""

    status: int
    body: bytes
    content_type: str = "application/json"
    stage = Stage.ANSWER

    async def run(self, exchange: Exchange) -> None:
        await exchange.reply(self.status, self.body, self.content_type, {})


@dataclass
class Edit(Action):
    """The answer's document as the function leaves it; where it returns bytes, these. Only 2xx."""

    function: Callable[[dict], dict | bytes]
    stage = Stage.ANSWER

    async def run(self, exchange: Exchange) -> None:
        if exchange.answer.status >= 300:
            await exchange.reply_as_answered()
            return
        changed = self.function(json.loads(exchange.answer_body))
        body = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
        await exchange.reply(exchange.answer.status, body, "application/json", {})


@dataclass
class CutBody(Action):
    """The head, a part of the body, and a reset; gently: an orderly end instead, as of a proxy that gave up."""

    part: float = 0.5
    gently: bool = False
    stage = Stage.ANSWER

    async def run(self, exchange: Exchange) -> None:
        body = exchange.answer_body
        await exchange.reply_part(body, int(len(body) * self.part))
        if self.gently:
            await exchange.close()
        raise Cut


@dataclass
class Drip(Action):
    """The body a byte at a time."""

    pause: float = 0.05
    stage = Stage.ANSWER

    async def run(self, exchange: Exchange) -> None:
        await exchange.reply_part(exchange.answer_body, 0)
        for byte in exchange.answer_body:
            await exchange.write(bytes([byte]))
            await asyncio.sleep(self.pause)


# ---- watches ------------------------------------------------------------------------------------


@dataclass
class Opened(Action):
    """Once the watch stands: these events, and then its orderly end, or a reset."""

    events: tuple[bytes, ...] = ()
    gently: bool = True
    stage = Stage.OPENED

    async def run(self, watch: Watch) -> None:
        for event in self.events:
            await watch.send(event)
        if not self.gently:
            raise Cut
        await watch.end()


@dataclass
class Events(Action):
    """In place of each event those that the function returns."""

    function: Callable[[bytes], list[bytes]]
    stage = Stage.EVENT

    async def run(self, watch: Watch, event: bytes) -> None:
        for payload in self.function(event):
            await watch.send(payload)


@dataclass
class CutEvent(Action):
    """Half of the event, and a reset."""

    stage = Stage.EVENT

    async def run(self, watch: Watch, event: bytes) -> None:
        await watch.send_part(event, len(event) // 2)
        raise Cut


@dataclass
class DripEvent(Action):
    """The event a byte at a time."""

    pause: float = 0.005
    stage = Stage.EVENT

    async def run(self, watch: Watch, event: bytes) -> None:
        await watch.send_part(event, len(event), self.pause)


# ---- documents ----------------------------------------------------------------------------------


def status_object(code: int, reason: str, message: str = "made by the fault proxy", **details: object) -> dict:
    """A Status, as the API server refuses with."""
    return {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code, "details": details,
    }  # fmt: skip


def status(code: int, reason: str, message: str = "made by the fault proxy", **details: object) -> bytes:
    return json.dumps(status_object(code, reason, message, **details)).encode()


def event(kind: str, item: dict) -> bytes:
    """An event of a watch."""
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


EXPIRED = event("ERROR", status_object(410, "Expired", "too old resource version: 1 (2)"))
