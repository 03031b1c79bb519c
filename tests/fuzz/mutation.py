"""Accidents that happen to bytes."""

import random
from collections.abc import Sequence

LONGEST_COPY = 64
MOSTLY = 0.85


def damaged(
    data: bytes, chance: random.Random, dictionary: Sequence[bytes], most: int = 4, *, is_text: bool = False
) -> bytes:
    """The bytes after one to `most` accidents; those of a text seldom make something else of it."""
    accidents = _TO_TEXTS if is_text and chance.random() < MOSTLY else _ACCIDENTS
    for _ in range(chance.choice((1, 1, chance.randint(1, most)))):
        data = chance.choice(accidents)(data, chance, dictionary)
    return data


def _flip(data: bytes, chance: random.Random, dictionary: Sequence[bytes]) -> bytes:
    place = _place(data, chance)
    return (
        data[:place] + bytes(byte ^ (1 << chance.randrange(8)) for byte in data[place : place + 1]) + data[place + 1 :]
    )


def _replace(data: bytes, chance: random.Random, dictionary: Sequence[bytes]) -> bytes:
    place = _place(data, chance)
    return data[:place] + bytes([chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))]) + data[place + 1 :]


def _drop(data: bytes, chance: random.Random, dictionary: Sequence[bytes]) -> bytes:
    place = _place(data, chance)
    return data[:place] + data[place + chance.randint(1, LONGEST_COPY) :]


def _cut(data: bytes, chance: random.Random, dictionary: Sequence[bytes]) -> bytes:
    return data[: _place(data, chance)]


def _repeat(data: bytes, chance: random.Random, dictionary: Sequence[bytes]) -> bytes:
    place = _place(data, chance)
    piece = data[place : place + chance.randint(1, LONGEST_COPY)]
    return data[:place] + piece * chance.choice((1, 2, 3, 50)) + data[place:]


def _move(data: bytes, chance: random.Random, dictionary: Sequence[bytes]) -> bytes:
    start, to = _place(data, chance), _place(data, chance)
    piece = data[start : start + chance.randint(1, LONGEST_COPY)]
    rest = data[:start] + data[start + len(piece) :]
    return rest[:to] + piece + rest[to:]


def _insert(data: bytes, chance: random.Random, dictionary: Sequence[bytes]) -> bytes:
    place = _place(data, chance)
    return data[:place] + chance.choice(dictionary) + data[place:]


def _overwrite(data: bytes, chance: random.Random, dictionary: Sequence[bytes]) -> bytes:
    place, word = _place(data, chance), chance.choice(dictionary)
    return data[:place] + word + data[place + len(word) :]


def _count(data: bytes, chance: random.Random, dictionary: Sequence[bytes]) -> bytes:
    """A number of some width becomes another, as where a length or an offset stands."""
    place, width = _place(data, chance), chance.choice((1, 2, 4, 8))
    value = chance.choice((0, 1, 2 ** (8 * width - 1) - 1, 2 ** (8 * width) - 1, chance.randrange(2 ** (8 * width))))
    return data[:place] + value.to_bytes(width, chance.choice(("little", "big"))) + data[place + width :]


def _digits(data: bytes, chance: random.Random, dictionary: Sequence[bytes]) -> bytes:
    """A digit after some place becomes other digits."""
    start = _place(data, chance)
    place = next((at for at in range(start, len(data)) if data[at : at + 1].isdigit()), None)
    if place is None:
        return data
    return data[:place] + chance.choice((b"", b"-1", b"99999999999999999999", b"0", b"1e9", b"7")) + data[place + 1 :]


def _place(data: bytes, chance: random.Random) -> int:
    return chance.randrange(len(data) + 1)


_ACCIDENTS = (_flip, _flip, _replace, _drop, _cut, _repeat, _move, _insert, _insert, _overwrite, _count, _digits)
_TO_TEXTS = (_drop, _cut, _repeat, _move, _insert, _insert, _overwrite, _digits, _digits)
