"""Conversations with a server: what is sent over one connection, in which pieces, and what may come back."""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .http_framing import framed, smuggled
from .http_requests import Doors, benign, odd_request
from .http_words import DICTIONARY, PATH_TRICKS
from .mutation import damaged

# Says of which request of which case an answer tells: it stands in the paths, which problem documents repeat.
MARK = re.compile(rb"q(\d+)[ih]\d+z")
READ, HALF, CLOSE, RESET = "read", "half-close", "close", "reset"
LONGEST_DRIP = 40


@dataclass(frozen=True, slots=True)
class Case:
    """One connection. `pieces` are sent with pauses of `pause` seconds between them, then `ending` follows.

    Attributes:
        answers: how many there must be, where all that is sent is in order; None where that is the server's to say.
        never: marks of which no answer may speak, as they stand inside of bodies.
        echo: a word that stands where no answer may repeat it.
    """

    kind: str
    number: int
    pieces: tuple[bytes, ...]
    ending: str = READ
    pause: float = 0.0
    answers: int | None = None
    never: tuple[bytes, ...] = ()
    echo: str = ""

    @property
    def sent(self) -> bytes:
        return b"".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the cases of one service; `doors` are its paths."""

    doors: Doors

    def case(self, number: int, chance: random.Random) -> Case:
        """The case of a number."""
        kind = chance.choices(list(_KINDS), weights=[weight for weight, _ in _KINDS.values()])[0]
        return _KINDS[kind][1](self.doors, number, chance)


def _odd(doors: Doors, number: int, chance: random.Random) -> Case:
    """A request as no sensible client makes it, and perhaps a sensible one behind it."""
    parts = [odd_request(doors, number, 0, chance)]
    if chance.random() < 0.5:
        parts.append(benign(doors, number, 1, chance))
    return Case("odd", number, tuple(parts), _ending(chance), echo=echo(number))


def _pipeline(doors: Doors, number: int, chance: random.Random) -> Case:
    parts = [benign(doors, number, index, chance) for index in range(chance.choice((1, 2, 3, 8, 30)))]
    return Case("pipeline", number, (b"".join(parts),), answers=len(parts), echo=echo(number))


def _framing(doors: Doors, number: int, chance: random.Random) -> Case:
    message, is_right = framed(doors, number, chance)
    behind = benign(doors, number, 1, chance)
    never = (smuggled(number),)
    return Case("framing", number, (message + behind,), answers=2 if is_right else None, never=never)


def _damaged(doors: Doors, number: int, chance: random.Random) -> Case:
    whole = chance.choice((_odd, _pipeline, _pipeline, _framing))(doors, number, chance)
    sent = damaged(whole.sent, chance, DICTIONARY)
    return Case("damaged", number, (sent,), _ending(chance), echo=whole.echo)


def _flood(doors: Doors, number: int, chance: random.Random) -> Case:
    """Much of something: headers, a value, a name, a target, chunks' extensions, blank lines, a body."""
    head = b"POST %b HTTP/1.1\r\nHost: h\r\n" % doors.path(number, 0, chance)
    size = chance.choice((1_000, 20_000, 65_000, 70_000, 300_000))
    filler = chance.choice((b"a", b"\xff", b"%00", b"\t", b","))
    much = (filler * size)[:size]
    message = chance.choice(
        (
            head + b"".join(b"X-%d: %b\r\n" % (index, filler * 10) for index in range(size // 20)) + b"\r\n",
            head + b"X-Long: " + much + b"\r\n\r\n",
            head + much + b": x\r\n\r\n",
            b"GET /" + much + b" HTTP/1.1\r\nHost: h\r\n\r\n",
            head + b"Transfer-Encoding: chunked\r\n\r\n1;" + much + b"\r\nx\r\n0\r\n\r\n",
            head + b"Transfer-Encoding: chunked\r\n\r\n0\r\nT: " + much + b"\r\n\r\n",
            b"\r\n" * (size // 2) + head + b"\r\n",
            head + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size + much,
            head + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * (size // 6) + b"0\r\n\r\n",
        )
    )
    return Case("flood", number, (message,), _ending(chance))


def _prefix(doors: Doors, number: int, chance: random.Random) -> Case:
    """A good conversation that ends at some byte: neighbours by number end at neighbouring bytes."""
    whole = benign(doors, number, 0, random.Random(number // 500)) + benign(doors, number, 1, chance)  # noqa: S311
    return Case("prefix", number, (whole[: number % len(whole)],), chance.choice((HALF, CLOSE, RESET, CLOSE)))


def _drip(doors: Doors, number: int, chance: random.Random) -> Case:
    whole = b"".join(benign(doors, number, index, chance) for index in range(2))
    size = max(1, len(whole) // chance.randint(2, LONGEST_DRIP))
    pieces = tuple(whole[start : start + size] for start in range(0, len(whole), size))
    return Case("drip", number, pieces, pause=chance.choice((0.0, 0.001, 0.01)), answers=2)


def _early(doors: Doors, number: int, chance: random.Random) -> Case:
    """Much is asked for, and nobody waits for it."""
    heads = [doors.large(chance) if chance.random() < 0.7 else benign(doors, number, 1, chance) for _ in range(5)]
    return Case("early", number, (b"".join(heads),), chance.choice((CLOSE, RESET, HALF)))


def _path(doors: Doors, number: int, chance: random.Random) -> Case:
    """A path of the service with something in it that readers of paths differ about."""
    path = doors.real(chance)
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(path) + 1)
        path = path[:place] + chance.choice(PATH_TRICKS) + path[place:]
    head = b"%b %b HTTP/1.1\r\nHost: h\r\n%b\r\n" % (chance.choice((b"GET", b"HEAD")), path, doors.credential(chance))
    return Case("path", number, (head,), _ending(chance))


def echo(number: int) -> str:
    """A word of this case that no answer has a reason to repeat."""
    return f"echo{number}y"


def _ending(chance: random.Random) -> str:
    return chance.choices((READ, HALF, CLOSE, RESET), weights=(7, 1, 1, 1))[0]


Build = Callable[[Doors, int, random.Random], Case]
_KINDS: dict[str, tuple[int, Build]] = {
    "odd": (22, _odd),
    "pipeline": (10, _pipeline),
    "framing": (24, _framing),
    "damaged": (22, _damaged),
    "flood": (3, _flood),
    "prefix": (10, _prefix),
    "drip": (4, _drip),
    "early": (3, _early),
    "path": (6, _path),
}


def kinds() -> Sequence[str]:
    return list(_KINDS)
