"""Opaque cursors that belong to one question: asked something else, they are refused."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

from shared.errors import Invalid

DIGEST_LETTERS = 16


def encode(question: Sequence[Any], *place: str | int) -> str:
    """The cursor that continues the answer to `question`, which JSON can carry, after `place`."""
    raw = orjson.dumps([_digest(question), *place])
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def place_in(cursor: str) -> list[str | int]:
    """The place that a cursor names, whatever question it belongs to.

    Raises:
        Invalid: `invalid_cursor`, not one of ours.
    """
    return _parts(cursor)[1:]


def decode(cursor: str, question: Sequence[Any]) -> list[str | int]:
    """The place after which the answer to `question` continues.

    Raises:
        Invalid: `invalid_cursor`, not one of ours, or one of another question.
    """
    digest, *place = _parts(cursor)
    if digest != _digest(question):
        raise Invalid(
            "The cursor belongs to another version, filter or order. Repeat the request that gave it, or leave it "
            "away for the first page.",
            code="invalid_cursor",
        )
    return place


def invalid_cursor() -> Invalid:
    """The error for a cursor that this API never gave out."""
    return Invalid(
        "The cursor is not one that this API gave out; leave it away for the first page.", code="invalid_cursor"
    )


def _parts(cursor: str) -> list[str | int]:
    try:
        # Its error, and that of characters outside ASCII, is a ValueError too.
        parts = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as error:
        raise invalid_cursor() from error
    if not isinstance(parts, list) or len(parts) < 2 or not all(type(part) in (str, int) for part in parts):
        raise invalid_cursor()
    return parts


def _digest(question: Sequence[Any]) -> str:
    return hashlib.sha256(orjson.dumps(list(question))).hexdigest()[:DIGEST_LETTERS]
