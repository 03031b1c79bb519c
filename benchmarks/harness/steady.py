"""A steady stream of requests, sent at their times whether or not those before have been answered."""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

GIVE_UP_SECONDS = 30.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked\r\n", re.IGNORECASE)
_REQUEST_ID = re.compile(r',"request_id":"[^"]*"')
_CLOSES = re.compile(rb"\r\nconnection: *close\r\n", re.IGNORECASE)

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Ask:
    """One kind of request and the status that answers it when all is well."""

    name: str
    head: str
    expected: int
    body: bytes = b""
    fresh: bool = False


@dataclass(slots=True)
class Seen:
    """What a stream of requests saw."""

    seconds: float = 0.0
    late_ms: list[float] = field(default_factory=list)
    by_kind: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """Requests, answered or not."""
        return len(self.late_ms)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.count / self.seconds if self.seconds else 0.0

    def percentile(self, percent: float) -> float:
        """A latency in milliseconds that so many of a hundred requests stayed below."""
        ordered = sorted(self.late_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


def asks(token: str, *kinds: tuple[str, str, int, bytes]) -> list[Ask]:
    """Each kind on a kept connection and on one of its own: method, path, expected status, JSON body."""
    found = []
    for method, path, expected, body in kinds:
        head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        found += [Ask(f"{method} {path}", head, expected, body, fresh) for fresh in (False, True)]
    return found


class Steady:
    """Sends requests to one server at a steady rate until it is told to stop."""

    def __init__(self, url: str, kinds: Sequence[Ask], rate: float, seed: int = 1) -> None:
        parts = urlsplit(url)
        self._where = parts.hostname or "127.0.0.1", parts.port or 80
        self._kinds, self._rate, self._chance = kinds, rate, random.Random(seed)  # noqa: S311  # no secret
        self._idle: list[Stream] = []
        self._running: set[asyncio.Task[None]] = set()
        self.seen = Seen()

    async def run(self, stop: asyncio.Event) -> Seen:
        """Until `stop` is set and the last answer is here."""
        begun = time.perf_counter()
        sent = 0
        while not stop.is_set():
            due = int((time.perf_counter() - begun) * self._rate)
            for _ in range(due - sent):
                task = asyncio.create_task(self._one(self._chance.choice(self._kinds)))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            sent = max(sent, due)
            await asyncio.sleep(1 / self._rate)
        self.seen.seconds = time.perf_counter() - begun
        await asyncio.gather(*self._running)
        for _, writer in self._idle:
            writer.close()
        return self.seen

    async def _one(self, ask: Ask) -> None:
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                status, body = await self._exchange(ask)
            failure = "" if status == ask.expected else f"status {status} {body[:300].decode(errors='replace')}"
        except (OSError, asyncio.IncompleteReadError) as error:
            failure = type(error).__name__
        self.seen.late_ms.append((time.perf_counter() - begun) * 1000)
        self.seen.by_kind[ask.name] += 1
        if failure:
            self.seen.failures[f"{ask.name}: {_REQUEST_ID.sub('', failure)}"] += 1

    async def _exchange(self, ask: Ask) -> tuple[int, bytes]:
        kept = None if ask.fresh or not self._idle else self._idle.pop()
        reader, writer = kept or await asyncio.open_connection(*self._where)
        try:
            closing = "Connection: close\r\n" if ask.fresh else ""
            writer.write(f"{ask.head}{closing}\r\n".encode() + ask.body)
            head = await reader.readuntil(b"\r\n\r\n")
            body = await _body(reader, head)
        except BaseException:
            writer.close()
            raise
        if ask.fresh or _CLOSES.search(head):
            writer.close()
        else:
            self._idle.append((reader, writer))
        return int(head.split(b" ", 2)[1]), body


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    if length := _LENGTH.search(head):
        return await reader.readexactly(int(length[1]))
    body = b""
    if _CHUNKED.search(head):
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
    return body
