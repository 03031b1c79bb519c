"""Opaque cursors of keyset pages: newest first, by UUIDv7 or by time and id, so pages neither skip nor repeat."""

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from shared.errors import Invalid
from shared.schemas import Page

Row = TypeVar("Row")
Item = TypeVar("Item")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_BYTES = 8


class Position(NamedTuple):
    """A place in a list ordered by time and, among rows of one microsecond, by id."""

    at: datetime
    id: UUID


def encode_cursor(last: UUID | Position) -> str:
    """The cursor that continues after `last`."""
    if isinstance(last, Position):
        microseconds = (last.at - _EPOCH) // timedelta(microseconds=1)
        raw = microseconds.to_bytes(_TIME_BYTES, "big", signed=True) + last.id.bytes
    else:
        raw = last.bytes
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_cursor(cursor: str | None) -> UUID | None:
    """The id to continue after, or None for the first page.

    Raises:
        Invalid: not a cursor of ours.
    """
    if cursor is None:
        return None
    try:
        return UUID(bytes=_raw(cursor))
    except ValueError as error:
        raise Invalid(_NOT_OURS) from error


def decode_position(cursor: str | None) -> Position | None:
    """The place to continue after, or None for the first page.

    Raises:
        Invalid: not a cursor of ours.
    """
    if cursor is None:
        return None
    try:
        raw = _raw(cursor)
        microseconds = int.from_bytes(raw[:_TIME_BYTES], "big", signed=True)
        return Position(_EPOCH + timedelta(microseconds=microseconds), UUID(bytes=raw[_TIME_BYTES:]))
    except (ValueError, OverflowError) as error:
        raise Invalid(_NOT_OURS) from error


_NOT_OURS = "The cursor is not one that this API gave out; leave it away for the first page."


def _raw(cursor: str) -> bytes:
    # Its error, and that of characters outside ASCII, is a ValueError too.
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def page_of(
    rows: Sequence[Row], limit: int, body: Callable[[Row], Item], key: Callable[[Row], UUID | Position]
) -> Page[Item]:
    """A page from up to `limit + 1` rows; the extra one only shows that there is more."""
    kept = rows[:limit]
    more = len(rows) > limit
    return Page(items=[body(row) for row in kept], next_cursor=encode_cursor(key(kept[-1])) if more else None)
