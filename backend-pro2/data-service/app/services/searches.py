"""Cursors of lists of datasets: each belongs to one order."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from ..repositories.datasets import Dataset
from ..repositories.searches import Place, Search
from . import cursors


def place_of(search: Search, cursor: str | None) -> Place | None:
    """The row after which the page begins, None for the first page.

    Raises:
        Invalid: `invalid_cursor`.
    """
    if cursor is None:
        return None
    place = cursors.decode(cursor, _order(search))
    with suppress(ValueError):
        key, last = place
        _CHECKS[search.sort](str(key))
        return Place(str(key), UUID(str(last)))
    raise cursors.invalid_cursor()


def next_cursor(search: Search, rows: Sequence[Dataset], limit: int) -> str | None:
    """The cursor of the next page, if `rows` holds more than the `limit` of this one."""
    if len(rows) <= limit:
        return None
    place = search.place_of(rows[limit - 1])
    return cursors.encode(_order(search), place.key, str(place.id))


def _order(search: Search) -> list[str | bool]:
    return [search.sort, search.descending]


def _bigint(text: str) -> None:
    if not -1 <= int(text) < 2**63:
        raise ValueError(text)


# A forged key must not reach a cast of the database's.
_CHECKS: Mapping[str, Callable[[str], object]] = {
    "created": UUID,
    "name": str,
    "updated": datetime.fromisoformat,
    "rows": _bigint,
}
