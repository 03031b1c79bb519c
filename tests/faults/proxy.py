"""A TCP proxy before one server of an instance, which can delay, cut, swallow or refuse what passes."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

CHUNK_BYTES = 64 * 1024
# How a request to cancel a statement begins, which PostgreSQL takes on a connection of its own (protocol 3.0, 55.7).
CANCELLATION = bytes.fromhex("0000001004d2162e")
# Sockets of such connections may still be in a list that was read a moment ago.
REMEMBERED_SECONDS = 1.0


class Mode(StrEnum):
    """What becomes of bytes, both ways."""

    PASS = "pass"
    DELAY = "delay"
    """Each piece comes later."""
    BLACKHOLE = "blackhole"
    """Connections stand and are accepted, and nothing comes through."""
    CUT = "cut"
    """Each connection, counted from now on, breaks after so many bytes of one direction."""
    REFUSE = "refuse"
    """Connections break, and new ones at once."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A mode and its measures."""

    mode: Mode = Mode.PASS
    seconds: float = 0.0
    limit_bytes: int = 0


PASS = Rule()


class FaultProxy:
    """Listens on `port` of this machine for as long as its loop runs; `rule` may be changed at any moment."""

    def __init__(self, name: str, port: int, target: tuple[str, int]) -> None:
        self.name = name
        self._port = port
        self._target = target
        self._rule = PASS
        # The clients' ports of connections that only cancel a statement.
        self.cancelling: frozenset[int] = frozenset()
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._audible = asyncio.Event()
        self._audible.set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._break_all()

    def obey(self, rule: Rule) -> None:
        """From now on; called in the loop."""
        self._rule = rule
        if rule.mode is Mode.BLACKHOLE:
            self._audible.clear()
        else:
            self._audible.set()
        if rule.mode is Mode.REFUSE:
            self._break_all()

    def _break_all(self) -> None:
        for writer in tuple(self._open):
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not left to the server, which would complain about those that are cancelled at the end.
        serving = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port: int = writer.get_extra_info("peername")[1]
        self._open.add(writer)
        try:
            # In every protocol that passes here the client speaks first.
            first = await reader.read(CHUNK_BYTES)
            if first.startswith(CANCELLATION):
                self.cancelling |= {port}
            # Silent at first is silent for good: who connects to a black hole waits for it to end.
            await self._audible.wait()
            if first and self._rule.mode is not Mode.REFUSE:
                await self._forward(first, reader, writer)
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()
            asyncio.get_running_loop().call_later(REMEMBERED_SECONDS, self._forget, port)

    def _forget(self, port: int) -> None:
        self.cancelling -= {port}

    async def _forward(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._open.add(far_writer)
        pumps = [
            asyncio.create_task(self._pump(reader, far_writer, first)),
            asyncio.create_task(self._pump(far_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._open.discard(far_writer)
            far_writer.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, first: bytes = b"") -> None:
        counted: tuple[Rule, int] = (self._rule, 0)
        with contextlib.suppress(OSError):
            data = first or await source.read(CHUNK_BYTES)
            while data:
                await self._audible.wait()
                rule = self._rule
                passed = (counted[1] if counted[0] is rule else 0) + len(data)
                counted = (rule, passed)
                if rule.mode is Mode.DELAY:
                    await asyncio.sleep(rule.seconds)
                if rule.mode is Mode.CUT and passed > rule.limit_bytes:
                    # The part that still fits arrives: a receiver must notice that the rest is missing.
                    target.write(data[: max(0, len(data) - (passed - rule.limit_bytes))])
                    await target.drain()
                    return
                target.write(data)
                await target.drain()
                data = await source.read(CHUNK_BYTES)


class Proxies:
    """Some proxies in an event loop of a thread of its own, for as long as the block runs."""

    def __init__(self, proxies: list[FaultProxy]) -> None:
        self._proxies = {proxy.name: proxy for proxy in proxies}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._each(lambda proxy: proxy.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._each(lambda proxy: proxy.stop())
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cancelling(self) -> frozenset[int]:
        """The clients' ports of connections that only cancel a statement, or did until just now."""
        return frozenset().union(*(proxy.cancelling for proxy in self._proxies.values()))

    @contextmanager
    def obeying(self, name: str, rule: Rule) -> Iterator[None]:
        """One proxy does this while the block runs."""
        self.obey(name, rule)
        try:
            yield
        finally:
            self.obey(name, PASS)

    def obey(self, name: str, rule: Rule) -> None:
        """One proxy does this from now on."""
        self._loop.call_soon_threadsafe(self._proxies[name].obey, rule)

    def _each(self, action: Callable[[FaultProxy], Awaitable[None]]) -> None:
        async def all_of_them() -> None:
            for proxy in self._proxies.values():
                await action(proxy)

        asyncio.run_coroutine_threadsafe(all_of_them(), self._loop).result(10)

    async def _end(self) -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
