"""A span for every request, in the trace that its client named or in a new one."""

from starlette.types import ASGIApp, Receive, Scope, Send

from shared.middleware.access_log import QUIET_PATHS
from shared.middleware.answer import Answer
from shared.middleware.metrics import CLIENT_CLOSED_REQUEST, METHODS, route_template
from shared.tracing import SERVER, Span, Start, Traceparent, begin, parse_traceparent

_SERVER_ERROR = 500
_FRESH = Start(SERVER)


class TracingMiddleware:
    """Inside of the request's id and outside of what measures, so that lines and exemplars know the trace."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in QUIET_PATHS:
            await self._app(scope, receive, send)
            return
        answer = Answer.of(send)
        method = scope["method"] if scope["method"] in METHODS else "other"
        parent = traceparent_of(scope)
        with begin(method, None, _FRESH if parent is None else Start(SERVER, parent=parent)) as span:
            try:
                await self._app(scope, receive, answer)
            finally:
                if span.is_recorded:
                    _finish(span, method, scope, answer.status)


def traceparent_of(scope: Scope) -> Traceparent | None:
    """What the client names, if it is valid and there is one only."""
    named = [value for name, value in scope["headers"] if name == b"traceparent"]
    return parse_traceparent(named[0].decode("latin-1")) if len(named) == 1 else None


def _finish(span: Span, method: str, scope: Scope, status: int | None) -> None:
    route = route_template(scope)
    status = status or CLIENT_CLOSED_REQUEST
    span.rename(f"{method} {route}")
    span.set("http.request.method", method)
    span.set("url.scheme", scope["scheme"])
    span.set("http.route", route)
    span.set("http.response.status_code", status)
    span.set("request.id", scope["state"]["request_id"])
    if status >= _SERVER_ERROR:
        span.fail(str(status))
