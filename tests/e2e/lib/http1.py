# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 heads and bodies, and WebSocket frames, as bytes on asyncio streams: what a proxy needs of them."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus

LIMIT = 1 << 20  # longest head
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


@dataclass
class Head:
    """The first line, and the headers in order."""

    first: str
    headers: list[tuple[str, str]]

    def get(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    def without(self, *names: str) -> Head:
        return Head(self.first, [row for row in self.headers if row[0].lower() not in names])

    def encode(self) -> bytes:
        lines = [self.first, *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.first.split(" ", 2)[1])


def answer_head(status: int, length: int | None, content_type: str, headers: dict[str, str]) -> Head:
    rows = [("Content-Type", content_type), *headers.items()]
    if length is not None:
        rows.append(("Content-Length", str(length)))
    return Head(f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", rows)


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """None when the connection ended in between two."""
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = text[:-4].split("\r\n")
    rows = [line.partition(":") for line in lines]
    return Head(first, [(name, value.strip()) for name, _, value in rows])


async def chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Of a chunked body."""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        yield (await reader.readexactly(size + 2))[:-2]
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers


async def read_body(reader: asyncio.StreamReader, head: Head) -> bytes:
    """What follows a head that has a length or is chunked; without either there is no body."""
    if head.get("transfer-encoding").lower() == "chunked":
        return b"".join([chunk async for chunk in chunks(reader)])
    return await reader.readexactly(int(head.get("content-length") or 0))


async def lines(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Of a chunked body, each with its newline."""
    rest = b""
    async for chunk in chunks(reader):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"


def chunk(payload: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(payload), payload)


@dataclass
class Frame:
    opcode: int
    payload: bytes  # of a client's frame: still masked
    raw: bytes


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    start = await reader.readexactly(2)
    length, more = start[1] & 0x7F, b""
    if length == 126:
        more = await reader.readexactly(2)
        length = struct.unpack("!H", more)[0]
    elif length == 127:
        more = await reader.readexactly(8)
        length = struct.unpack("!Q", more)[0]
    if start[1] & 0x80:
        more += await reader.readexactly(4)
    payload = await reader.readexactly(length)
    return Frame(start[0] & 0x0F, payload, start + more + payload)


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A server's frame, whole and unmasked."""
    if len(payload) < 126:
        length = bytes([len(payload)])
    elif len(payload) < 1 << 16:
        length = b"\x7e" + struct.pack("!H", len(payload))
    else:
        length = b"\x7f" + struct.pack("!Q", len(payload))
    return bytes([0x80 | opcode]) + length + payload
