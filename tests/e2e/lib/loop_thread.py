# SPDX-License-Identifier: Apache-2.0
"""An asyncio loop in a thread of its own, for servers that a test runs beside itself."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine

from child import Failed

CALL_SECONDS = 20


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection as a crash does: the other side gets a TCP reset."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class LoopThread:
    """start() returns when run() has called started(); stop() cancels it and joins the thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)  # a peer that goes away is no news here
        self._thread = threading.Thread(target=self._main, daemon=True)
        self._up = threading.Event()
        self._trouble: BaseException | None = None

    async def run(self) -> None:
        """Serves until it is cancelled."""
        raise NotImplementedError

    def started(self) -> None:
        self._up.set()

    def call(self, coroutine: Coroutine):
        """Runs it on the loop, from the test's thread, and returns its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(CALL_SECONDS)

    def __enter__(self):
        self._thread.start()
        if not self._up.wait(CALL_SECONDS) or self._trouble:
            raise Failed(f"{type(self).__name__} did not start: {self._trouble}")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(CALL_SECONDS)

    def _cancel(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()

    def _main(self) -> None:
        try:
            self._loop.run_until_complete(self.run())
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001
            self._trouble = error
        finally:
            self._up.set()
            tasks = asyncio.all_tasks(self._loop)
            if tasks:
                self._loop.run_until_complete(asyncio.wait(tasks, timeout=2))
            self._loop.close()
