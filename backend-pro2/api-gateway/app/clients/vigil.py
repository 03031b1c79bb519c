"""Whether a service that owes an answer still lives: it is asked for its health, at the very address that is silent.

What takes long and what hangs look alike for as long as the longest answer may take. A service that only works gives a
sign of life meanwhile; where none comes, nobody has to wait for that long.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from .answers import BrokenAnswer
from .connections import Connection

# A busy machine is slow to answer, but not three times in a row.
QUIET_SECONDS = 10.0
SIGN_SECONDS = 5.0
TRIES = 3

Address = tuple[Any, ...]


class Vigil:
    """Looks after the connections of one pool; `ask` returns once the service at an address has said anything."""

    def __init__(self, ask: Callable[[Address], Awaitable[None]]) -> None:
        self._ask = ask
        self._missed: Counter[Address] = Counter()
        self._asking: dict[Address, asyncio.Task[None]] = {}

    def look(self, connections: Iterable[Connection]) -> None:
        """Ask wherever somebody is silent; called again and again."""
        silent: dict[Address, list[Connection]] = defaultdict(list)
        for connection in connections:
            if connection.silence() > QUIET_SECONDS and connection.address:
                silent[connection.address].append(connection)
        for address, owing in silent.items():
            if self._missed[address] >= TRIES:
                for connection in owing:
                    connection.fail(BrokenAnswer("gives no sign of life"))
            if address not in self._asking:
                self._asking[address] = asyncio.create_task(self._listen(address))
        for address in self._missed.keys() - silent.keys():
            del self._missed[address]

    def close(self) -> None:
        """Ask nobody any more."""
        for task in self._asking.values():
            task.cancel()

    async def _listen(self, address: Address) -> None:
        try:
            async with asyncio.timeout(SIGN_SECONDS):
                await self._ask(address)
        except (OSError, TimeoutError):
            self._missed[address] += 1
        else:
            self._missed[address] = 0
        finally:
            del self._asking[address]


async def say_hello(address: Address, words: bytes, **tls: Any) -> None:
    """Returns once anybody there has answered to `words`.

    Raises:
        OSError: nobody did.
    """
    reader, writer = await asyncio.open_connection(*address[:2], **tls)
    try:
        writer.write(words)
        if not await reader.read(1):
            raise ConnectionError("closed")
    finally:
        writer.transport.abort()
