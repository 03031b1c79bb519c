"""A collector of traces for tests: a real HTTP server that reads OTLP, and takes, refuses, or hangs as it is told."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PATH = "/v1/traces"


@dataclass(frozen=True, slots=True)
class Received:
    """A span as it arrived; ids in hexadecimal, `parent` empty for the first of a trace."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent: str
    kind: int
    status: int
    started: int
    ended: int
    attributes: dict[str, str | int | bool | float]
    resource: dict[str, str | int | bool | float]
    links: tuple[str, ...]


class Collector:
    """Listens from the start on; as a context manager it stops at the end.

    `answer` is the status of answers; while `is_hanging`, requests are taken and never answered.
    """

    def __init__(self, port: int = 0) -> None:
        self.answer = 200
        self.is_hanging = False
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.requests = 0
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """For OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def hang(self) -> None:
        """Keep whoever asks waiting."""
        self._over.wait(60)

    @property
    def spans(self) -> list[Received]:
        """All that have arrived."""
        return [span for body in list(self.bodies) for span in read(body)]

    def wait_for(self, condition: Callable[[list[Received]], bool], seconds: float = 60) -> list[Received]:
        """The spans once they are as wanted; fails with their names when they are not in time."""
        deadline = time.monotonic() + seconds
        while not condition(found := self.spans):
            if time.monotonic() > deadline:
                raise AssertionError(sorted({(span.service, span.name) for span in found}))
            time.sleep(0.05)
        return found


def read(body: bytes) -> Iterable[Received]:
    """The spans of one OTLP request."""
    message = ExportTraceServiceRequest.FromString(body)
    for resource in message.resource_spans:
        about = _values(resource.resource.attributes)
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Received(
                    service=str(about["service.name"]),
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    kind=span.kind,
                    status=span.status.code,
                    started=span.start_time_unix_nano,
                    ended=span.end_time_unix_nano,
                    attributes=_values(span.attributes),
                    resource=about,
                    links=tuple(link.span_id.hex() for link in span.links),
                )


def _values(attributes: Iterable[object]) -> dict[str, str | int | bool | float]:
    found = {}
    for attribute in attributes:
        value = attribute.value  # type: ignore[attr-defined]
        found[attribute.key] = getattr(value, value.WhichOneof("value"))  # type: ignore[attr-defined]
    return found


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One connection of an exporter."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Take spans, or refuse them."""
            collector.requests += 1
            body = self.rfile.read(int(self.headers["content-length"]))
            if collector.is_hanging:
                collector.hang()
                return
            if collector.answer == 200 and self.path == PATH:
                collector.headers.append({name.lower(): value for name, value in self.headers.items()})
                collector.bodies.append(body)
            self.send_response(collector.answer if self.path == PATH else 404)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Quietly."""

    return Handler
