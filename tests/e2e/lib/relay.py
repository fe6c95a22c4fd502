# SPDX-License-Identifier: Apache-2.0
"""Small servers between the operator and the API server: proxies, and a gate that lets no WebSocket through."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import threading
from asyncio import StreamReader, StreamWriter


class Relay:
    """A server on 127.0.0.1, in a thread of its own while the `with` lasts. A connection is met first, which names
    what it is to be joined with; then bytes go both ways until either side ends."""

    tls: ssl.SSLContext | None = None  # of the side that listens

    def __init__(self) -> None:
        self.targets: list[tuple[str, int]] = []  # one for each connection that was joined
        self.refused = 0

    async def meet(self, reader: StreamReader, writer: StreamWriter) -> tuple[StreamReader, StreamWriter] | None:
        raise NotImplementedError

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls))
        self.port: int = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self.loop).result(20)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def cut(self) -> None:
        """Ends the connections that are there."""
        asyncio.run_coroutine_threadsafe(self._cut(), self.loop).result(20)

    async def _stop(self) -> None:
        self.server.close()
        await self._cut()

    async def _cut(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, ssl.SSLError, asyncio.CancelledError):
            far = await self.meet(reader, writer)
            if far is None:
                self.refused += 1
            else:
                await self._join(reader, writer, *far)
        with contextlib.suppress(OSError):
            writer.close()

    async def _join(self, reader: StreamReader, writer: StreamWriter, far_in: StreamReader, far: StreamWriter) -> None:
        ways = [asyncio.ensure_future(pump(reader, far)), asyncio.ensure_future(pump(far_in, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            far.close()

    async def connect(self, host: str, port: int, tls: ssl.SSLContext | None = None):
        self.targets.append((host, port))
        return await asyncio.open_connection(host, port, ssl=tls)


async def pump(reader: StreamReader, writer: StreamWriter) -> None:
    while block := await reader.read(65536):
        writer.write(block)
        await writer.drain()


class ConnectProxy(Relay):
    """An HTTP proxy that knows CONNECT. With `tls` it is spoken to over TLS."""

    def __init__(self, tls: ssl.SSLContext | None = None):
        super().__init__()
        self.tls = tls

    async def meet(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n")[0].decode().split()
        if method != "CONNECT":
            writer.write(b"HTTP/1.1 405 Only CONNECT\r\nContent-Length: 0\r\n\r\n")
            return None
        host, _, port = target.rpartition(":")
        far = await self.connect(host.strip("[]"), int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return far


class SocksProxy(Relay):
    """SOCKS 5 without authentication."""

    async def meet(self, reader, writer):
        _, count = await reader.readexactly(2)
        await reader.readexactly(count)
        writer.write(b"\x05\x00")
        _, command, _, kind = await reader.readexactly(4)
        if command != 1 or kind not in (1, 3):
            return None
        if kind == 1:
            host = ".".join(map(str, await reader.readexactly(4)))
        else:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        (port,) = struct.unpack(">H", await reader.readexactly(2))
        far = await self.connect(host, port)
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        return far


class Gate(Relay):
    """Ends TLS before the API server, and answers every wish for a WebSocket with `status`, or where that is ""
    never."""

    def __init__(self, tls: ssl.SSLContext, server: tuple[str, int], server_tls: ssl.SSLContext, status: str):
        super().__init__()
        self.tls, self.far, self.far_tls, self.status = tls, server, server_tls, status

    async def meet(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if b"\r\nupgrade: websocket" in head.lower():
            if not self.status:
                await reader.read()
                return None
            writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            return None
        far = await self.connect(*self.far, self.far_tls)
        far[1].write(head)
        return far
