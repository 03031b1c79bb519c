"""A collector of traces that takes everything and keeps nothing: `python -m benchmarks.harness.collector PORT`."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Taking(BaseHTTPRequestHandler):
    """Answers each delivery with 200."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take one delivery."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody wants to read of it."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Taking).serve_forever()
