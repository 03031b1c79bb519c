"""Requests whose end is said in every way, right and wrong; inside of their bodies stands another request."""

import random

from .http_requests import Doors, chunked
from .http_words import CODINGS, LENGTHS, SIZES, SPELLINGS, TRAILERS, VALUES

# These mean what `chunked` alone does, so that what follows the last chunk is a request.
_PLAIN_SPELLINGS = (b"%b: %b", b"%b:%b", b"%b:\t%b")
_AS_CHUNKED = frozenset({b"chunked", b"Chunked", b"CHUNKED", b"chunked ", b"\tchunked"})


def smuggled(number: int) -> bytes:
    """The mark of the request in the body: of it no answer may speak."""
    return b"q%dh0z" % number


def framed(doors: Doors, number: int, chance: random.Random) -> tuple[bytes, bool]:
    """A POST with a request in its body, and whether its framing is in order."""
    hidden = b"GET /smuggled/%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % smuggled(number)
    headers, body, is_right = chance.choice(_WAYS)(hidden, chance)
    chance.shuffle(headers)
    path = doors.path(number, 0, chance)
    lines = [b"POST %b HTTP/1.1" % path, b"Host: localhost", b"Content-Type: application/json", *headers]
    credential = doors.credential(chance)
    return b"\r\n".join(lines) + b"\r\n" + credential + b"\r\n" + body, is_right


def _right_length(hidden: bytes, chance: random.Random) -> tuple[list[bytes], bytes, bool]:
    body = b"x" * chance.randrange(50) + hidden
    return [chance.choice(_PLAIN_SPELLINGS) % (b"Content-Length", b"%d" % len(body))], body, True


def _right_chunks(hidden: bytes, chance: random.Random) -> tuple[list[bytes], bytes, bool]:
    coding = chance.choice(sorted(_AS_CHUNKED))
    # A gateway takes the one spelling only; then the end of the body is not in doubt, and nothing follows it.
    return (
        [chance.choice(_PLAIN_SPELLINGS) % (b"Transfer-Encoding", coding)],
        chunked(hidden, chance),
        coding == b"chunked",
    )


def _wrong_length(hidden: bytes, chance: random.Random) -> tuple[list[bytes], bytes, bool]:
    # Read as 1 or 5, the rest is no request.
    body = b"x" * chance.randint(6, 40) + hidden
    spelling = chance.choice(_PLAIN_SPELLINGS)
    return [spelling % (b"Content-Length", chance.choice(LENGTHS))], body, False


def _misspelt(hidden: bytes, chance: random.Random) -> tuple[list[bytes], bytes, bool]:
    spelling = chance.choice([spelling for spelling in SPELLINGS if spelling not in _PLAIN_SPELLINGS])
    if chance.random() < 0.5:
        return [spelling % (b"Content-Length", b"%d" % len(hidden))], hidden, False
    return [spelling % (b"Transfer-Encoding", b"chunked")], chunked(hidden, chance), False


def _wrong_coding(hidden: bytes, chance: random.Random) -> tuple[list[bytes], bytes, bool]:
    # Were it read as no coding at all, the body would begin with a request.
    coding = chance.choice([coding for coding in CODINGS if coding not in _AS_CHUNKED])
    body = hidden if chance.random() < 0.5 else chunked(hidden, chance)
    return [chance.choice(_PLAIN_SPELLINGS) % (b"Transfer-Encoding", coding)], body, False


def _wrong_chunks(hidden: bytes, chance: random.Random) -> tuple[list[bytes], bytes, bool]:
    size = chance.choice(SIZES)
    end = chance.choice((b"\r\n0\r\n\r\n", b"0\r\n\r\n", b"\n0\n\n", b"", b"\r\n-0\r\n\r\n", b"\r\n0\r\n"))
    if chance.random() < 0.3:
        size, end = b"%x" % len(hidden), b"\r\n0\r\n" + chance.choice(TRAILERS) + b"\r\n"
    return [b"Transfer-Encoding: chunked"], size + b"\r\n" + hidden + end, False


def _both(hidden: bytes, chance: random.Random) -> tuple[list[bytes], bytes, bool]:
    """By one reading the request is inside of the body, by the other behind it."""
    coding = b"chunked" if chance.random() < 0.7 else chance.choice(CODINGS)
    if chance.random() < 0.5:
        body = b"0\r\n\r\n" + hidden
        length = len(body)
    else:
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(hidden), hidden)
        length = body.index(b"\r\n") + 2
    lengths = [b"Content-Length: %d" % length] * chance.choice((1, 1, 1, 2))
    spelling = chance.choice(SPELLINGS if chance.random() < 0.3 else _PLAIN_SPELLINGS)
    return [*lengths, spelling % (b"Transfer-Encoding", coding)], body, False


def _two_lengths(hidden: bytes, chance: random.Random) -> tuple[list[bytes], bytes, bool]:
    pair = [b"0", b"%d" % len(hidden)]
    if chance.random() < 0.3:
        return [b"Content-Length: " + chance.choice((b", ", b",")).join(pair)], hidden, False
    return [chance.choice(_PLAIN_SPELLINGS) % (b"Content-Length", value) for value in pair], hidden, False


def _offered(hidden: bytes, chance: random.Random) -> tuple[list[bytes], bytes, bool]:
    """With an offer of another protocol, behind which some readers see no body."""
    headers, body, is_right = chance.choice((_right_length, _right_chunks))(hidden, chance)
    options = chance.choice((b"Upgrade", b"upgrade, HTTP2-Settings", b"keep-alive, Upgrade"))
    offer = [b"Connection: " + options, b"Upgrade: " + chance.choice(VALUES[b"Upgrade"][:-1])]
    return [*headers, *offer], body, is_right


_WAYS = (
    *(_right_length, _right_chunks, _wrong_length, _misspelt, _wrong_coding, _wrong_chunks, _two_lengths, _offered),
    # The classic one in all its forms.
    *(_both, _both, _both, _both),
)
