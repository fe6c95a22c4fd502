# SPDX-License-Identifier: Apache-2.0
"""A TCP gate in front of a server: bytes go through untouched, TLS and HTTP/2 from end to end, until it is told
to freeze: the connections stay open and carry nothing more. So a server looks that has stopped answering, or a
network that has lost a flow without telling anybody."""

from __future__ import annotations

import asyncio

from child import free_port
from cluster import ControlPlane

from .loop_thread import LoopThread, reset


class Pair:
    """One connection of a client and the one that belongs to it."""

    def __init__(self, writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter], flowing: bool):
        self.writers = writers
        self.carried = 0  # bytes
        self.flowing = asyncio.Event()
        if flowing:
            self.flowing.set()


class TcpGate(LoopThread):
    def __init__(self, cluster: ControlPlane):
        super().__init__()
        self.cluster = cluster
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.pairs: set[Pair] = set()
        self.opened = 0
        self.frozen = 0  # connections that a freeze met
        self._let_new_flow = True

    def freeze(self, new_ones: bool = False) -> int:
        """From now on the open connections carry nothing. new_ones: nor do those opened until thaw().
        Returns how many there were."""
        return self.call(self._freeze(new_ones))

    def thaw(self) -> None:
        """Everything flows again, what was held back first."""
        self.call(self._thaw())

    def cut(self) -> None:
        """Resets all connections."""
        self.call(self._cut())

    async def _freeze(self, new_ones: bool) -> int:
        self._let_new_flow = not new_ones
        for pair in self.pairs:
            pair.flowing.clear()
        self.frozen += len(self.pairs)
        return len(self.pairs)

    async def _thaw(self) -> None:
        self._let_new_flow = True
        for pair in self.pairs:
            pair.flowing.set()

    async def _cut(self) -> None:
        for pair in self.pairs:
            for writer in pair.writers:
                reset(writer)
            pair.flowing.set()

    async def run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.started()
        async with server:
            await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.cluster.port)
        except OSError:
            reset(writer)
            return
        pair = Pair((writer, far_writer), self._let_new_flow)
        self.pairs.add(pair)
        self.opened += 1
        try:
            await asyncio.gather(self._pump(pair, reader, far_writer), self._pump(pair, far_reader, writer))
        finally:
            self.pairs.discard(pair)
            for end in pair.writers:
                end.close()

    @staticmethod
    async def _pump(pair: Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await pair.flowing.wait()
                pair.carried += len(data)
                writer.write(data)
                await writer.drain()
            await pair.flowing.wait()
            writer.write_eof()
        except OSError:
            for end in pair.writers:
                reset(end)
