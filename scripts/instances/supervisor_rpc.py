"""Speak XML-RPC with a supervisord over its Unix socket."""

import http.client
import socket
import xmlrpc.client
from pathlib import Path
from typing import Any


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, _host: object) -> _UnixConnection:
        connection = _UnixConnection(self._path)
        # Where the base class keeps it, so that closing the proxy closes the socket.
        self._connection = ("localhost", connection)
        return connection


def call(socket_path: Path, method: str, *arguments: str | bool) -> Any:
    """The answer of one supervisord method, for instance `supervisor.getState`.

    Raises:
        OSError: nobody listens there.
        xmlrpc.client.Fault: supervisord refuses.
    """
    with xmlrpc.client.ServerProxy("http://localhost", transport=_UnixTransport(str(socket_path))) as proxy:
        return getattr(proxy, method)(*arguments)
