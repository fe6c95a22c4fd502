# SPDX-License-Identifier: Apache-2.0
"""A proxy between operator and API server that does what its script says (faults.py) and counts it.

TLS on both sides: the certificate that it shows is signed by the cluster's own CA, the API server's is verified.
The operator's token goes through. Towards the operator it speaks HTTP/1.1 (and says so by ALPN), with keep-alive,
chunked watches and WebSockets, whose frames and lines it passes on one by one. tcp_gate.py is for HTTP/2.
"""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from collections import Counter
from urllib.parse import parse_qs, urlsplit

from child import free_port, wait_for
from cluster import ControlPlane

from .faults import Action, Cut, Rule, Stage
from .http1 import CLOSE, LIMIT, TEXT, Head, answer_head, chunk, frame, lines, read_body, read_frame, read_head
from .loop_thread import LoopThread, reset

GONE = (Cut, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, OSError)


class Exchange:
    """One request of the operator, on one connection."""

    def __init__(self, client: Client, head: Head, body: bytes):
        self.client, self.head, self.body = client, head, body
        self.method, self.path, _ = head.first.split(" ", 2)
        query = parse_qs(urlsplit(self.path).query)
        self.watch = query.get("watch", [""])[0] in ("1", "true")
        self.answer: Head | None = None
        self.answer_body = b""

    async def write(self, data: bytes) -> None:
        self.client.writer.write(data)
        await self.client.writer.drain()

    async def reply(self, status: int, body: bytes, content_type: str, headers: dict[str, str]) -> None:
        await self.write(answer_head(status, len(body), content_type, headers).encode() + body)

    async def reply_as_answered(self) -> None:
        head = self.answer.without("transfer-encoding", "content-length")
        head.headers.append(("Content-Length", str(len(self.answer_body))))
        await self.write(head.encode() + self.answer_body)

    async def reply_part(self, body: bytes, length: int) -> None:
        """The head that announces the whole body, and so much of it."""
        await self.write(answer_head(self.answer.status, len(body), "application/json", {}).encode() + body[:length])

    async def close(self) -> None:
        self.client.writer.close()
        try:
            await asyncio.wait_for(self.client.writer.wait_closed(), 0.5)
        except OSError:
            pass  # the operator was quicker
        except TimeoutError:
            self.client.writer.transport.abort()  # it does not say goodbye in TLS

    async def wait_gone(self, seconds: float) -> None:
        """Until the operator has given up."""
        try:
            await asyncio.wait_for(self.client.reader.read(1), seconds)
        except TimeoutError:
            pass


class Watch:
    """A watch that stands. Events go to the operator through here only."""

    def __init__(self, exchange: Exchange, websocket: bool):
        self.exchange, self.path, self.websocket = exchange, exchange.path, websocket
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._lock = asyncio.Lock()

    async def send(self, event: bytes) -> None:
        async with self._lock:
            await self.exchange.write(frame(event) if self.websocket else chunk(event))

    async def send_part(self, event: bytes, length: int, pause: float = 0) -> None:
        """So many bytes of it, after a head that announces all; with a pause after each."""
        whole = frame(event) if self.websocket else chunk(event)
        data = whole if length == len(event) else whole[: len(whole) - len(event) + length]
        async with self._lock:
            for part in (data,) if not pause else (bytes([byte]) for byte in data):
                await self.exchange.write(part)
                await asyncio.sleep(pause)

    async def pass_on(self, raw: bytes) -> None:
        async with self._lock:
            await self.exchange.write(raw)

    async def end(self) -> None:
        await self.pass_on(frame(b"\x03\xe8", CLOSE) if self.websocket else b"0\r\n\r\n")
        if self.websocket:
            await asyncio.sleep(0.05)
        await self.exchange.close()

    def cut(self) -> None:
        reset(self.exchange.client.writer)


class Client:
    """A connection of the operator, and the one to the API server that belongs to it."""

    def __init__(self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.proxy, self.reader, self.writer = proxy, reader, writer
        self.far_reader: asyncio.StreamReader | None = None
        self.far_writer: asyncio.StreamWriter | None = None

    async def serve(self) -> None:
        while head := await read_head(self.reader):
            exchange = Exchange(self, head, await read_body(self.reader, head))
            self.proxy.count(exchange)
            rule = self.proxy.take(Stage.REQUEST, exchange)
            if rule:
                await rule.action.run(exchange)
            elif exchange.watch:
                await self._watch(exchange)
                return
            else:
                await self._forward(exchange)

    async def _send(self, exchange: Exchange) -> Head:
        if self.far_writer is None or self.far_reader.at_eof():
            self.close_far()
            self.far_reader, self.far_writer = await asyncio.open_connection(
                "127.0.0.1", self.proxy.cluster.port, ssl=self.proxy.tls_upstream, limit=LIMIT
            )
        head = exchange.head.without("host")
        head.headers.append(("Host", f"127.0.0.1:{self.proxy.cluster.port}"))
        self.far_writer.write(head.encode() + exchange.body)
        await self.far_writer.drain()
        answer = await read_head(self.far_reader)
        if answer is None:
            raise Cut
        return answer

    async def _forward(self, exchange: Exchange) -> None:
        exchange.answer = await self._send(exchange)
        exchange.answer_body = await read_body(self.far_reader, exchange.answer)
        rule = self.proxy.take(Stage.ANSWER, exchange)
        await (rule.action.run(exchange) if rule else exchange.reply_as_answered())

    async def _watch(self, exchange: Exchange) -> None:
        answer = await self._send(exchange)
        websocket = answer.status == 101
        if not websocket and answer.status != 200:
            exchange.answer, exchange.answer_body = answer, await read_body(self.far_reader, answer)
            await exchange.reply_as_answered()
            return
        await exchange.write(answer.encode())
        watch = Watch(exchange, websocket)
        self.proxy.open.add(watch)
        try:
            rule = self.proxy.take(Stage.OPENED, exchange)
            if rule:
                await rule.action.run(watch)
                return
            await self._pump(watch)
        finally:
            self.proxy.open.discard(watch)

    async def _pump(self, watch: Watch) -> None:
        """Both directions, until one of them ends."""
        down = asyncio.create_task(self._frames_down(watch) if watch.websocket else self._lines_down(watch))
        up = asyncio.create_task(self._up(watch))
        try:
            done, _ = await asyncio.wait((down, up), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            down.cancel()
            up.cancel()

    async def _event(self, watch: Watch, payload: bytes) -> None:
        await watch.flowing.wait()
        rule = self.proxy.take(Stage.EVENT, watch.exchange)
        self.proxy.events += 1
        await (rule.action.run(watch, payload) if rule else watch.send(payload))

    async def _frames_down(self, watch: Watch) -> None:
        while True:
            got = await read_frame(self.far_reader)
            if got.opcode == TEXT:
                await self._event(watch, got.payload)
                continue
            await watch.flowing.wait()
            await watch.pass_on(got.raw)
            if got.opcode == CLOSE:
                return

    async def _lines_down(self, watch: Watch) -> None:
        async for line in lines(self.far_reader):
            await self._event(watch, line)
        await watch.flowing.wait()
        await watch.pass_on(b"0\r\n\r\n")

    async def _up(self, watch: Watch) -> None:
        """Pings and the Close of a WebSocket; of an HTTP watch only its end."""
        while data := await self.reader.read(65536):
            await watch.flowing.wait()
            self.far_writer.write(data)
            await self.far_writer.drain()

    def close_far(self) -> None:
        if self.far_writer is not None:
            self.far_writer.close()
            self.far_reader = self.far_writer = None


class FaultProxy(LoopThread):
    def __init__(self, cluster: ControlPlane):
        super().__init__()
        self.cluster = cluster
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.rules: list[Rule] = []
        self.open: set[Watch] = set()
        self.events = 0  # that came from the API server
        self.requests: list[tuple[float, str, str]] = []  # (time.monotonic(), method, path and query)
        certificate = cluster.pki.server("fault-proxy", "IP:127.0.0.1")
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self.tls.set_alpn_protocols(["http/1.1"])
        self.tls_upstream = ssl.create_default_context(cafile=str(cluster.pki.ca()))
        self.tls_upstream.set_alpn_protocols(["http/1.1"])

    # The script

    def add(self, action: Action, **matcher: object) -> Rule:
        rule = Rule(action, **matcher)
        self.rules = [*self.rules, rule]
        return rule

    def clear(self) -> None:
        self.rules = []

    def keep(self, *rules: Rule) -> None:
        self.rules = [rule for rule in self.rules if rule in rules]

    def take(self, stage: Stage, exchange: Exchange) -> Rule | None:
        asked = (stage, exchange.method, exchange.path, exchange.watch)
        return next((rule for rule in self.rules if rule.takes(*asked)), None)

    # What it has seen

    def count(self, exchange: Exchange) -> None:
        self.requests.append((time.monotonic(), exchange.method, exchange.path))

    def writes(self, since: float = 0, path: str = "") -> Counter[str]:
        """By method, the Lease's left out."""
        return Counter(
            method
            for at, method, asked in self.requests
            if method != "GET" and at >= since and "/leases" not in asked and re.search(path, asked)
        )

    def watches(self, path: str = "") -> list[Watch]:
        return [watch for watch in list(self.open) if re.search(path, watch.path)]

    # What is done to the watches that stand, now

    def send(self, event: bytes, path: str = "", end: bool = False) -> int:
        """An event of ours to each, then its end where that is wanted. Returns how many there were."""
        return self.call(self._send(event, path, end))

    async def _send(self, event: bytes, path: str, end: bool) -> int:
        watches = self.watches(path)
        for watch in watches:
            try:
                await watch.send(event)
                if end:
                    await watch.end()
            except OSError:
                pass  # it has just ended by itself
        return len(watches)

    def end_watches(self, path: str = "") -> int:
        """As the API server ends them: Close 1000, or the last chunk."""
        return self.call(self._end_watches(path))

    async def _end_watches(self, path: str) -> int:
        watches = self.watches(path)
        for watch in watches:
            try:
                await watch.end()
            except OSError:
                pass
        return len(watches)

    def cut_watches(self, path: str = "") -> int:
        return self.call(self._cut_watches(path))

    async def _cut_watches(self, path: str) -> int:
        watches = self.watches(path)
        for watch in watches:
            watch.cut()
        return len(watches)

    def freeze_watches(self, path: str = "") -> int:
        """They stay open and carry nothing more, not even the answers to pings."""
        return self.call(self._freeze_watches(path))

    async def _freeze_watches(self, path: str) -> int:
        watches = self.watches(path)
        for watch in watches:
            watch.flowing.clear()
        return len(watches)

    def wait_watches(self, count: int = 2, seconds: float = 20) -> None:
        wait_for(lambda: len(self.open) >= count, seconds, f"{count} watches through the proxy")

    # The server

    async def run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls, limit=LIMIT)
        self.started()
        async with server:
            await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(self, reader, writer)
        try:
            await client.serve()
            writer.close()
        except Cut:
            reset(writer)
        except GONE:
            reset(writer)
        finally:
            client.close_far()
