"""One large body down or up, as fast as the other side goes, over one plain connection."""

import socket
import time
from urllib.parse import urlsplit

from .errors import BenchError

BLOCK = 1 << 20
TIMEOUT_SECONDS = 120


def download(url: str, token: str, size: int) -> float:
    """Seconds from the request to the last of `size` bytes of the answer."""
    with _connected(url) as connection:
        started = time.perf_counter()
        connection.sendall(_head("GET", url, token, ""))
        rest = _answer(connection, url)
        block, left = bytearray(BLOCK), size - len(rest)
        while left > 0:
            taken = connection.recv_into(block)
            if not taken:
                raise BenchError(f"{url} ended {left} bytes early")
            left -= taken
        return time.perf_counter() - started


def upload(url: str, token: str, size: int) -> float:
    """Seconds from the request to an answer that knows of `size` bytes."""
    with _connected(url) as connection:
        started = time.perf_counter()
        connection.sendall(_head("POST", url, token, f"Content-Length: {size}\r\n"))
        block = memoryview(bytes(BLOCK))
        for start in range(0, size, BLOCK):
            connection.sendall(block[: min(BLOCK, size - start)])
        said = _answer(connection, url)
        while said.count(b"}") == 0 and (more := connection.recv(BLOCK)):
            said += more
        seconds = time.perf_counter() - started
    if said != b'{"bytes":%d}' % size:
        raise BenchError(f"{url} counted something else than {size} bytes: {said[:200].decode(errors='replace')}")
    return seconds


def _connected(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), TIMEOUT_SECONDS)


def _head(method: str, url: str, token: str, framing: str) -> bytes:
    parts = urlsplit(url)
    lines = f"{method} {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n"
    return f"{lines}{framing}\r\n".encode()


def _answer(connection: socket.socket, url: str) -> bytes:
    """What came of the body together with a head that says 200."""
    said = b""
    while b"\r\n\r\n" not in said:
        data = connection.recv(BLOCK)
        if not data:
            raise BenchError(f"{url} hung up before it answered")
        said += data
    head, _, rest = said.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise BenchError(f"{url} answered {head[:300].decode(errors='replace')}")
    return rest
