"""A FastAPI application whose own middleware stands before the framework, so that the hottest paths never enter it."""

from fastapi import FastAPI
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import NotFound


class Service(FastAPI):
    """Requests pass `edge` first, which ends in `framework`; everything else, such as the lifespan, goes there at once.

    Middleware that FastAPI knows of runs inside its own layers, of which a request pays for each.
    """

    edge: ASGIApp | None = None
    # Asked before all others, and spared the framework's layers: it answers errors with problems of our own alone.
    shortcut: BaseRoute | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if self.edge is not None and scope["type"] == "http":
            await self.edge(scope, receive, send)
        else:
            await self.framework(scope, receive, send)

    async def framework(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The shortcut, or routing and all that FastAPI does around it.

        Raises:
            NotFound: the path ends in a line break, which a route's pattern overlooks and no other look at a path does,
                so that limits and scopes would take it for another.
        """
        if self.shortcut is not None and scope["type"] == "http":
            match, found = self.shortcut.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                await self.shortcut.handle(scope, receive, send)
                return
        if scope["type"] == "http" and scope["path"].endswith("\n"):
            raise NotFound("Nothing is served under this path; see /docs for what is.")
        await super().__call__(scope, receive, send)
