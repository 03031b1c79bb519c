"""A server of bytes: `GET /n` gives n of them, any body is counted and thrown away; `python -m ... PORT`.

One thread with blocking calls per connection, which costs next to nothing beside the kernel's copying.
"""

import re
import socket
import sys
import threading

BLOCK = 1 << 20
END = b"\r\n\r\n"


def serve(connection: socket.socket) -> None:
    """Answer requests until the client leaves."""
    block = bytearray(BLOCK)
    with connection:
        rest = b""
        while True:
            head, rest = _head(connection, rest)
            if not head:
                return
            rest = _discard(connection, _length(head), rest, block)
            _answer(connection, head, block)


def _head(connection: socket.socket, rest: bytes) -> tuple[bytes, bytes]:
    while END not in rest:
        data = connection.recv(BLOCK)
        if not data:
            return b"", b""
        rest += data
    head, _, rest = rest.partition(END)
    return head, rest


def _length(head: bytes) -> int:
    match = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return int(match[1]) if match else 0


def _discard(connection: socket.socket, length: int, rest: bytes, block: bytearray) -> bytes:
    left = length - len(rest)
    while left > 0:
        taken = connection.recv_into(block, min(left, BLOCK))
        if not taken:
            raise ConnectionError("the body ended early")
        left -= taken
    return rest[length:]


def _answer(connection: socket.socket, head: bytes, block: bytearray) -> None:
    method, path, _ = head.split(b"\r\n", 1)[0].split(b" ")
    size = int(path.rpartition(b"/")[2]) if method == b"GET" else 0
    body = b"" if method == b"GET" else b'{"bytes":%d}' % _length(head)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (size or len(body)) + body)
    view = memoryview(block)
    for start in range(0, size, BLOCK):
        connection.sendall(view[: min(BLOCK, size - start)])


def _quietly(connection: socket.socket) -> None:
    try:
        serve(connection)
    except ConnectionError as error:
        sys.stderr.write(f"{error}\n")


def main() -> None:
    """Listen on the port given."""
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128) as listener:
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_quietly, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
