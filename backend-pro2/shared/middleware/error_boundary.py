"""The last net: whatever escapes becomes a problem document, as long as nothing has been sent yet."""

import asyncpg
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import APIException, ServiceUnavailable
from shared.logging import get_logger
from shared.middleware.answer import Answer
from shared.problems import problem_response

log = get_logger(__name__)


class ErrorBoundaryMiddleware:
    """Inside request id and metrics, so that a failure is counted and carries its id."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = Answer.of(send)
        try:
            await self._app(scope, receive, answer)
        except APIException as error:
            if answer.status is not None:
                raise
            await problem_response(Request(scope), error)(scope, receive, answer)
        except asyncpg.InvalidAuthorizationSpecificationError:
            # Its password was changed at the server and not yet here: to a client it is away.
            log.exception("database_refuses")
            if answer.status is not None:
                raise
            away = ServiceUnavailable("The database refuses this service for the moment; try again shortly.")
            await problem_response(Request(scope), away)(scope, receive, answer)
        except Exception:  # the edge of the process: nothing above could answer the client
            log.exception("unexpected_error")
            if answer.status is not None:
                raise
            plain = APIException("Something went wrong on our side; quote the request_id when you report it.")
            await problem_response(Request(scope), plain)(scope, receive, answer)
