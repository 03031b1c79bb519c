"""The gateway of the instance that ENV_FILE names, at a port: whole, or `bare` of what shows what it does.

Without request id, metrics, log lines and traces it still limits, looks sessions up, and notes each call in `api_logs`.
Runs in the project's environment, with the project's folder on the path: `python gateway.py bare 8080`.
"""

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import uvicorn
from prometheus_client import Counter, Histogram
from shared import redis_client
from shared.middleware import rate_limit
from shared.middleware.access_log import AccessLog, RequestSink
from shared.middleware.answer import Answer
from shared.middleware.metrics import MetricsMiddleware
from shared.service import Service
from starlette.types import ASGIApp, Receive, Scope, Send


class Bare:
    """In place of the outermost layers: the sinks that are no log, and an id that stands for none."""

    def __init__(self, app: ASGIApp, sinks: Sequence[RequestSink]) -> None:
        self._app = app
        self._sinks = sinks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        scope.setdefault("state", {})["request_id"] = "-"
        answer = Answer.of(send)
        await self._app(scope, receive, answer)
        for sink in self._sinks:
            sink.add(scope, answer.status or 0, answer.sent, 0.0)


def strip(app: Service) -> None:
    """Take the layers off, and make every instrument idle."""
    layer: Any = app.edge
    while not isinstance(layer, MetricsMiddleware):
        layer = layer._app  # noqa: SLF001 - each layer holds the next
    sinks = [sink for sink in layer._sinks if not isinstance(sink, AccessLog)]  # noqa: SLF001
    app.edge = Bare(layer._app, sinks)  # noqa: SLF001
    redis_client.command = _nothing
    rate_limit.spend = _nothing
    rate_limit.waited = _nothing
    for instrument, step in ((Counter, "inc"), (Histogram, "observe")):
        setattr(instrument, step, _nothing)


def _nothing(*_: object, **__: object) -> int:
    return 0


def main() -> None:
    """Serve until SIGTERM."""
    variant, port = sys.argv[1:]
    app: Service = importlib.import_module("api-gateway.app.main").app
    if variant == "bare":
        strip(app)
    protocol = "shared.http_protocol:BoundedHttpProtocol"
    uvicorn.run(app, port=int(port), http=protocol, ws="none", access_log=False, server_header=False, log_config=None)


if __name__ == "__main__":
    main()
