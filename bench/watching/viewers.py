"""The viewers: each one connection, as a browser holds it, all in one event loop."""

import asyncio
import random
import time
from dataclasses import dataclass, field

from bench.watching.stage import SESSION_ID, Person, Stage

POLL_SECONDS = 3.0
OWN_SECONDS = 15.0
PING_SECONDS = 20.0
# A marker may be cut in two by the network.
_KEPT = 200


@dataclass
class Audience:
    """What is waited for now, and when each viewer had it."""

    viewers: int
    marker: bytes = b""
    arrived: dict[int, float] = field(default_factory=dict)
    lost: int = 0
    requests: int = 0
    failures: list[str] = field(default_factory=list)
    all_there: asyncio.Event = field(default_factory=asyncio.Event)

    def expect(self, marker: str) -> None:
        """From now on everybody waits for this."""
        self.marker, self.arrived = marker.encode(), {}
        self.all_there.clear()

    def look(self, viewer: int, data: bytes) -> None:
        """Note the moment at which a viewer has what is waited for."""
        if viewer not in self.arrived and self.marker and self.marker in data:
            self.arrived[viewer] = time.monotonic()
            if len(self.arrived) == self.viewers:
                self.all_there.set()


class Listener(asyncio.Protocol):
    """An EventSource: one request, then whatever is sent."""

    def __init__(self, number: int, audience: Audience, request: bytes, ended: asyncio.Event) -> None:
        """`ended` is set when it is we who close."""
        self._number, self._audience, self._request, self._ended = number, audience, request, ended
        self._buffer = b""
        self.opened = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """The answer's head at first, then messages."""
        self._buffer += data
        if not self.opened and b"\r\n\r\n" in self._buffer:
            status = self._buffer.split(b"\r\n", 1)[0]
            self.opened = b" 200 " in status
            if not self.opened:
                self._audience.failures.append(status.decode())
        self._audience.look(self._number, self._buffer)
        self._buffer = self._buffer[-_KEPT:]

    def connection_lost(self, exc: Exception | None) -> None:
        """A viewer that loses its connection while it listens is dropped."""
        if not self._ended.is_set():
            self._audience.lost += 1
            self._audience.failures.append(repr(exc))


class Browser:
    """A keep-alive connection that asks again and again."""

    def __init__(self, port: int, audience: Audience) -> None:
        """Nothing is opened yet."""
        self._port, self._audience = port, audience
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, head: str) -> tuple[int, dict[str, str], bytes]:
        """One request; the connection is opened anew when the server closed it."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(f"{head}\r\nHost: localhost\r\n\r\n".encode())
        top = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in top[1:] if line)}
        status = int(top[0].split(" ")[1])
        body = await _body(reader, status, headers)
        self._audience.requests += 1
        if headers.get("connection", "") == "close":
            self.close()
        return status, headers, body

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


async def _body(reader: asyncio.StreamReader, status: int, headers: dict[str, str]) -> bytes:
    if status in {204, 304}:
        return b""
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body


async def poll(number: int, stage: Stage, port: int, audience: Audience, seconds: float) -> None:
    """What everybody sees, every so many seconds, with the tag of what this browser has."""
    browser, tag = Browser(port, audience), ""
    await asyncio.sleep(random.uniform(0, seconds))
    try:
        while True:
            began = time.monotonic()
            condition = f"\r\nIf-None-Match: {tag}" if tag else ""
            status, headers, body = await browser.ask(f"GET {stage.path('now')} HTTP/1.1{condition}")
            if status == 200:
                tag = headers.get("etag", "")
                audience.look(number, body)
            elif status != 304:
                audience.failures.append(f"poll {status}")
            await asyncio.sleep(max(0.0, seconds - (time.monotonic() - began)))
    except (OSError, asyncio.IncompleteReadError) as error:
        audience.lost += 1
        audience.failures.append(repr(error))
    finally:
        browser.close()


async def own(person: Person, port: int, audience: Audience) -> None:
    """One's own part of the room, and the presence ping, at the page's own pace."""
    browser = Browser(port, audience)
    next_look, next_ping = (time.monotonic() + random.uniform(0, pace) for pace in (OWN_SECONDS, PING_SECONDS))
    try:
        while True:
            await asyncio.sleep(max(0.0, min(next_look, next_ping) - time.monotonic()))
            if next_look <= next_ping:
                next_look += OWN_SECONDS
                head = f"GET /fr/sessions/{SESSION_ID}/state HTTP/1.1\r\nCookie: {person.cookie}"
            else:
                next_ping += PING_SECONDS
                head = (
                    f"POST /fr/sessions/{SESSION_ID}/presence HTTP/1.1\r\nCookie: {person.cookie}\r\n"
                    f"X-CSRFToken: {person.token}\r\nContent-Length: 0"
                )
            status, _headers, _content = await browser.ask(head)
            if status not in {200, 204}:
                audience.failures.append(f"{head.split(' ', 2)[1]} {status}")
    except (OSError, asyncio.IncompleteReadError) as error:
        audience.lost += 1
        audience.failures.append(repr(error))
    finally:
        browser.close()
