"""Sentry, as far as a client sees it: takes envelopes by HTTP and keeps what was in them."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "0123456789abcdef0123456789abcdef"


class ReportServer:
    """Where reports go; `dsn` is its address for a client."""

    def __init__(self, port: int) -> None:
        self.dsn = f"http://{KEY}@127.0.0.1:{port}/7"
        self.bodies: list[bytes] = []
        self.headers: list[str] = []
        self.status = 200

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of all envelopes, in the order in which they came."""
        found = []
        for body in self.bodies:
            lines = body.splitlines()
            for head, item in zip(lines[1::2], lines[2::2], strict=False):
                if json.loads(head)["type"] == "event":
                    found.append(json.loads(item))
        return found

    @property
    def everything(self) -> bytes:
        """All bytes that it was sent."""
        return b"".join(self.bodies) + "".join(self.headers).encode()


@contextmanager
def report_server() -> Iterator[ReportServer]:
    """One that listens while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.headers.append(self.path + str(self.headers))
            kept.bodies.append(gzip.decompress(body))
            self.send_response(kept.status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """It has nothing to say."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept = ReportServer(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()
