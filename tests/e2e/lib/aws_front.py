# SPDX-License-Identifier: Apache-2.0
"""A server in front of the AWS stand-in: it passes a request on as it came, or gives the answer of its script. It
notes what was asked."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field

from child import free_port

from .http1 import LIMIT, Head, answer_head, read_body, read_head
from .loop_thread import LoopThread
from .standin import Standin

GONE = (ConnectionError, asyncio.IncompleteReadError, OSError)


@dataclass
class Answer:
    """`length` announces another length than the body has."""

    status: int = 200
    body: bytes | str = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None

    def encode(self) -> bytes:
        body = self.body.encode() if isinstance(self.body, str) else self.body
        length = len(body) if self.length is None else self.length
        return answer_head(self.status, length, self.content_type, self.headers).encode() + body


class AwsFront(LoopThread):
    """Without a stand-in it has nothing to pass on to: what the script does not answer is a 404."""

    def __init__(self, standin: Standin | None = None):
        super().__init__()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.standin = standin
        self.script: list[tuple[str, Answer]] = []
        self.requests: list[tuple[float, str, Head]] = []  # (time.monotonic(), path, head)

    def answers(self, path: str, answer: Answer) -> None:
        """To every request whose path matches, from now on."""
        self.script = [(path, answer), *self.script]

    def clear(self) -> None:
        self.script = []

    def asked(self, path: str = "", since: float = 0) -> int:
        return sum(at >= since and bool(re.search(path, asked)) for at, asked, _ in list(self.requests))

    async def run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=LIMIT)
        self.started()
        async with server:
            await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await read_head(reader):
                body = await read_body(reader, head)
                path = head.first.split(" ", 2)[1]
                self.requests.append((time.monotonic(), path, head))
                answer = next((answer for pattern, answer in self.script if re.search(pattern, path)), None)
                if answer:
                    writer.write(answer.encode())
                else:
                    writer.write(await self._pass_on(head, body))
                await writer.drain()
                if answer and answer.length is not None:
                    break
        except GONE:
            pass  # whoever asked has given up
        finally:
            writer.close()

    async def _pass_on(self, head: Head, body: bytes) -> bytes:
        """The host stays the one that was signed."""
        if self.standin is None:
            return Answer(404).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.standin.port, limit=LIMIT)
        try:
            writer.write(head.encode() + body)
            await writer.drain()
            answer = await read_head(reader)
            if answer is None:
                raise ConnectionResetError
            got = await read_body(reader, answer)
        finally:
            writer.close()
        kept = answer.without("transfer-encoding", "content-length", "connection")
        kept.headers.append(("Content-Length", str(len(got))))
        return kept.encode() + got
