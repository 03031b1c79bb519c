"""HTTP byte by byte, for what no client library would send."""

import re
import socket
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

from .wire import own_address

CONNECTING_SECONDS = 30.0
_HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"transfer-encoding: *chunked", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """One response of a conversation."""

    status: int
    head: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Conversation:
    """Everything that came back over one connection, and whether the server ended it."""

    replies: list[Reply]
    rest: bytes
    closed: bool

    @property
    def statuses(self) -> list[int]:
        return [reply.status for reply in self.replies]


def connect(url: str, patience: float) -> socket.socket:
    """A connection to the server of `url`, from an address of its own."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=patience, source_address=(own_address(), 0))


def say(url: str, *parts: bytes, patience: float = 0.5) -> Conversation:
    """Send the parts and read until the server closes, or is silent for `patience` seconds and serves others."""
    with closing(connect(url, CONNECTING_SECONDS)) as link:
        closed = not _send(link, parts)
        link.settimeout(patience)
        received = bytearray()
        while (chunk := _heard(link)) or (chunk is None and (chunk := _still_heard(link, url))):
            received += chunk
    return _parsed(bytes(received), closed=closed or chunk is not None)


def _heard(link: socket.socket) -> bytes | None:
    """What comes; nothing at the end of the connection, None for silence."""
    try:
        return link.recv(65536)
    except TimeoutError:
        return None
    except ConnectionError:
        return b""


def _still_heard(link: socket.socket, url: str) -> bytes | None:
    """The same, after the server has answered somebody else: one on a busy machine may only be slow."""
    with closing(connect(url, CONNECTING_SECONDS)) as other:
        other.sendall(request("GET", "/health", "Connection: close"))
        while other.recv(65536):
            pass
    return _heard(link)


def _send(link: socket.socket, parts: tuple[bytes, ...]) -> bool:
    try:
        for part in parts:
            link.sendall(part)
    except ConnectionError:
        return False
    return True


def _parsed(received: bytes, *, closed: bool) -> Conversation:
    replies: list[Reply] = []
    while head := _HEAD.match(received):
        length = _LENGTH.search(head[2])
        rest = received[head.end() :]
        if length is not None:
            size = int(length[1])
        else:
            size = len(rest) if not _CHUNKED.search(head[2]) else rest.find(b"0\r\n\r\n") + 5
        replies.append(Reply(int(head[1]), head[2], rest[:size]))
        received = rest[size:]
    return Conversation(replies, received, closed)


def request(method: str, path: str, *headers: str, body: bytes = b"", host: str = "localhost") -> bytes:
    """The bytes of a request; `headers` come after Host as they are."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + body
