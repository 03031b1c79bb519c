"""Opaque cursors of keyset pages: newest first by UUIDv7, so pages neither skip nor repeat while rows are added."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from shared.errors import Invalid
from shared.schemas import Page

Row = TypeVar("Row")
Item = TypeVar("Item")


def encode_cursor(last: UUID) -> str:
    """The cursor that continues after `last`."""
    return base64.urlsafe_b64encode(last.bytes).rstrip(b"=").decode()


def decode_cursor(cursor: str | None) -> UUID | None:
    """The id to continue after, or None for the first page.

    Raises:
        Invalid: not a cursor of ours.
    """
    if cursor is None:
        return None
    try:
        return UUID(bytes=base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise Invalid("The cursor is not one that this API gave out; leave it away for the first page.") from error


def page_of(rows: Sequence[Row], limit: int, body: Callable[[Row], Item], key: Callable[[Row], UUID]) -> Page[Item]:
    """A page from up to `limit + 1` rows; the extra one only shows that there is more."""
    kept = rows[:limit]
    more = len(rows) > limit
    return Page(items=[body(row) for row in kept], next_cursor=encode_cursor(key(kept[-1])) if more else None)
