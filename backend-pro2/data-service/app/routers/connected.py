"""Work for a client who may leave before it is done: what nobody waits for any more is called off."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, ParamSpec, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from shared.parameters import made

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


class WhileConnected:
    """Calls a use case as `Once` does, for as long as the client of this request is there."""

    def __init__(self, request: Request) -> None:
        self._request = request

    async def __call__(
        self,
        render: Callable[[Result], Response],
        use_case: Callable[Arguments, Awaitable[Result]],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Response:
        """`render` of what the use case returns.

        Raises:
            ClientDisconnect: the client has hung up; the use case was cancelled, and has ended.
        """
        work = asyncio.ensure_future(use_case(*args, **kwargs))
        leaving = asyncio.create_task(self._client_leaves())
        try:
            await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise ClientDisconnect
            return render(await work)
        finally:
            leaving.cancel()
            work.cancel()
            await asyncio.gather(work, leaving, return_exceptions=True)

    async def _client_leaves(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass


Connected = Annotated[WhileConnected, made(WhileConnected)]
