"""What came back over one connection, read as answers, in the strictest way."""

import re
from dataclasses import dataclass

from ..adversarial.wire import PROBLEM, Answer

_HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Za-z -]*\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\r\n\x00]*\r\n)*)\r\n")
_SIZE = re.compile(rb"([0-9a-f]+)\r\n")
_NO_CONTENT = (204, 304)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; `head` as it came, `body` without its framing."""

    status: int
    head: bytes
    headers: dict[str, str]
    body: bytes

    @property
    def is_problem(self) -> bool:
        return self.headers.get("content-type") == PROBLEM

    def answer(self, told: str) -> Answer:
        """The same, as the rules of `adversarial.wire` read it."""
        return Answer(told, self.status, self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Answers:
    """Those that are whole, how often the server said to go on, and what is left behind the last."""

    replies: list[Reply]
    goings_on: int
    rest: bytes


def answers_in(received: bytes) -> Answers:
    """Everything that can be read as an answer, from the beginning."""
    replies: list[Reply] = []
    goings_on = 0
    while head := _HEAD.match(received):
        status, headers, rest = int(head[1]), _headers(head[2]), received[head.end() :]
        if status == 100:
            goings_on, received = goings_on + 1, rest
            continue
        found = _body(status, headers, rest)
        if found is None:
            break
        body, received = found
        replies.append(Reply(status, head[0], headers, body))
    return Answers(replies, goings_on, received)


def _headers(lines: bytes) -> dict[str, str]:
    pairs = (line.split(": ", 1) for line in lines.decode("latin-1").split("\r\n") if line)
    return {name.lower(): value for name, value in pairs}


def _body(status: int, headers: dict[str, str], rest: bytes) -> tuple[bytes, bytes] | None:
    """The body and what follows it; None while it is not whole."""
    if status in _NO_CONTENT:
        return b"", rest
    # What answers HEAD has the length of a body, and none: no body of ours begins like a head.
    if rest.startswith(b"HTTP/1.1 ") or not rest:
        return b"", rest
    if headers.get("transfer-encoding") == "chunked":
        return _unchunked(rest)
    length = int(headers.get("content-length", "0"))
    return (rest[:length], rest[length:]) if len(rest) >= length else None


def _unchunked(rest: bytes) -> tuple[bytes, bytes] | None:
    body = b""
    while size := _SIZE.match(rest):
        length = int(size[1], 16)
        chunk, end = rest[size.end() : size.end() + length], rest[size.end() + length :]
        if not end.startswith(b"\r\n"):
            return None
        body, rest = body + chunk, end[2:]
        if length == 0:
            return body, rest
    return None
