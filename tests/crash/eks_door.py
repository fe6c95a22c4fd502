# SPDX-License-Identifier: Apache-2.0
"""Between the operator and the stand-in: passes requests on as they are, signatures and all, and answers Lists
itself while it is told to."""

from __future__ import annotations

import asyncio
import re

from lib.http1 import LIMIT, answer_head, read_body, read_head
from lib.loop_thread import LoopThread, reset

from child import free_port

LIST = re.compile(r"GET /clusters/[^/]+/pod-identity-associations(\?| )")


class EksDoor(LoopThread):
    def __init__(self, far_port: int):
        super().__init__()
        self.far_port, self.port = far_port, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.list_answer: tuple[int, bytes] | None = None
        self.answered = 0  # Lists, by the door

    async def run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=LIMIT)
        self.started()
        async with server:
            await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_writer = None
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.far_port, limit=LIMIT)
            while head := await read_head(reader):
                body = await read_body(reader, head)
                if self.list_answer and LIST.match(head.first):
                    self.answered += 1
                    status, answer = self.list_answer
                    writer.write(answer_head(status, len(answer), "application/json", {}).encode() + answer)
                else:
                    far_writer.write(head.encode() + body)
                    answered = await read_head(far_reader)
                    writer.write(answered.encode() + await read_body(far_reader, answered))
                await writer.drain()
            writer.close()
        except (OSError, EOFError, AttributeError):  # one of them has ended
            reset(writer)
        finally:
            if far_writer:
                far_writer.close()
