"""Single requests to one service, sensible and not."""

import random
import re
from dataclasses import dataclass
from uuid import UUID

from .http_words import BODIES, METHODS, ODD_METHODS, PATH_TRICKS, SPELLINGS, TARGETS, VALUES, VERSIONS

# With a good token none of these is asked for: afterwards the token would be good no longer.
_ENDS_LOGINS = re.compile(rb"logout|session|password|users/me|register|delete|erasure")
_NAME = re.compile(rb"\{\w+\}")


@dataclass(frozen=True, slots=True)
class Doors:
    """A service's paths as its OpenAPI document has them, and somebody's good token."""

    paths: tuple[bytes, ...]
    prefix: bytes
    token: bytes

    def path(self, number: int, index: int, chance: random.Random) -> bytes:
        """A path that says which request of which case it is of; behind some, another service answers."""
        start = self.prefix + chance.choice((b"/nothing", b"/datasets", b"/tasks")) if self.prefix else b"/nothing"
        return b"%b/%b" % (start, mark(number, index))

    def real(self, chance: random.Random) -> bytes:
        """A path that is served."""
        path = chance.choice([path for path in self.paths if not _ENDS_LOGINS.search(path)])
        return _NAME.sub(
            lambda _: chance.choice((b"1", b"x", b"%00", str(UUID(int=chance.getrandbits(128))).encode())), path
        )

    def large(self, chance: random.Random) -> bytes:
        """A request whose answer takes a while to send."""
        return b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % chance.choice((b"/openapi.json", b"/metrics", b"/docs"))

    def credential(self, chance: random.Random) -> bytes:
        """The header of somebody who may, or nothing."""
        return b"Authorization: Bearer %b\r\n" % self.token if chance.random() < 0.6 else b""


def mark(number: int, index: int) -> bytes:
    return b"q%di%dz" % (number, index)


def benign(doors: Doors, number: int, index: int, chance: random.Random) -> bytes:
    """A request that has nothing wrong with its form, for something that is not there."""
    path = doors.path(number, index, chance)
    common = b"Host: localhost\r\n" + doors.credential(chance)
    body = chance.choice((b"{}", b"x" * chance.randrange(2000), b'{"name": "%b"}' % path))
    match chance.randrange(4):
        case 0 | 1:
            return b"GET %b HTTP/1.1\r\n%b\r\n" % (path, common)
        case 2:
            head = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
            return b"POST %b HTTP/1.1\r\n%b%b\r\n%b" % (path, common, head, body)
        case _:
            head = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
            return b"PUT %b HTTP/1.1\r\n%b%b\r\n%b" % (path, common, head, chunked(body, chance))


def chunked(body: bytes, chance: random.Random) -> bytes:
    """A body in chunks of chance, in good order."""
    written = b""
    while body:
        size = chance.randint(1, max(1, len(body)))
        extension = chance.choice((b"", b"", b";a=b"))
        written += b"%x%b\r\n%b\r\n" % (size, extension, body[:size])
        body = body[size:]
    return written + b"0\r\n\r\n"


def odd_request(doors: Doors, number: int, index: int, chance: random.Random) -> bytes:
    """A request in which anything may be out of the way, but not everything at once."""
    echo = b"echo%dy" % number
    lines = [b"Host: localhost"] if chance.random() < 0.9 else []
    lines += [doors.credential(chance)[:-2]] if chance.random() < 0.3 else []
    for _ in range(chance.choice((0, 1, 2, 3, 8))):
        name = chance.choice(list(VALUES))
        spelling = chance.choice(SPELLINGS) if chance.random() < 0.1 else b"%b: %b"
        lines.append(spelling % (name, chance.choice(VALUES[name])))
    body = chance.choice(BODIES) if chance.random() < 0.6 else b""
    body = body.replace(b"{mark}", echo)
    if body or chance.random() < 0.2:
        lines.append(b"Content-Length: %d" % len(body))
    chance.shuffle(lines)
    head = b"\r\n".join([_first_line(doors, number, index, chance), *lines, b"", b""])
    return head.replace(b"{mark}", echo) + body


def _first_line(doors: Doors, number: int, index: int, chance: random.Random) -> bytes:
    method = chance.choice(ODD_METHODS) if chance.random() < 0.1 else chance.choice(METHODS)
    version = chance.choice(VERSIONS) if chance.random() < 0.1 else b"HTTP/1.1"
    target = doors.real(chance) if chance.random() < 0.5 else doors.path(number, index, chance)
    if chance.random() < 0.15:
        target = chance.choice(TARGETS)
    elif chance.random() < 0.2:
        target += chance.choice(PATH_TRICKS)
    return b" ".join([method, target, version])
