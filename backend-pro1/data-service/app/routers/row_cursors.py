"""Opaque cursors of pages that are counted by rows."""

import base64

from shared.errors import Invalid

_BYTES = 8


def encode_row(row: int | None) -> str | None:
    """The cursor of the page that begins with this row; None for none."""
    if row is None:
        return None
    return base64.urlsafe_b64encode(row.to_bytes(_BYTES, "big")).rstrip(b"=").decode()


def decode_row(cursor: str | None) -> int:
    """The row to begin with; 0 for the first page.

    Raises:
        Invalid: not a cursor of ours.
    """
    if cursor is None:
        return 0
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError as error:
        raise Invalid(_NOT_OURS) from error
    if len(raw) != _BYTES or raw[0] >= 128:
        raise Invalid(_NOT_OURS)
    return int.from_bytes(raw, "big")


_NOT_OURS = "The cursor is not one that this API gave out; leave it away for the first page."
