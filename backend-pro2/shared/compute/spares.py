"""Children forked ahead of their jobs: a fork copies the page tables of all that the libraries hold."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable

from shared.compute.handle import Child


class Spares:
    """At most `size` children that wait for a job; whenever one is taken another one follows."""

    def __init__(self, fork: Callable[[], Awaitable[Child]], size: int) -> None:
        self._fork = fork
        self._size = size
        self._children: list[Child] = []
        self._filling: asyncio.Task[None] | None = None

    async def take(self) -> Child:
        """One that waits, else a fresh one; those that died meanwhile are buried."""
        while self._children:
            child = self._children.pop(0)
            if child.is_waiting:
                self.refill()
                return child
            await child.leave()
        child = await self._fork()
        self.refill()
        return child

    def refill(self) -> None:
        """Begin to fork those that are missing."""
        if len(self._children) < self._size and (self._filling is None or self._filling.done()):
            # In a context of its own: it must not log the ids of whoever happened to take the last one.
            self._filling = asyncio.create_task(self._fill(), context=contextvars.Context())

    async def close(self) -> None:
        """End all of them."""
        filling, self._filling = self._filling, None
        if filling is not None:
            filling.cancel()
            await asyncio.gather(filling, return_exceptions=True)
        children, self._children = self._children, []
        await asyncio.gather(*(child.leave() for child in children))

    async def _fill(self) -> None:
        while len(self._children) < self._size:
            child = await self._fork()
            try:
                await child.come_up()
            finally:
                # Also when this is called off meanwhile: nobody else knows of it yet.
                if not child.is_waiting:
                    await child.leave()
            if not child.is_waiting:
                return
            self._children.append(child)
