"""Query parameters that several routes take."""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from shared.parameters import made
from shared.schemas import Page

Row = TypeVar("Row")
Item = TypeVar("Item")

MOST = 2**31 - 1
Version = Annotated[int | None, Query(ge=1, le=MOST, description="A version; without it the current one.")]
Limit = Annotated[int, Query(ge=1, le=200, description="Items a page.")]


class NumberedParams:
    """Query parameters of lists by falling number; `below` is where the page begins, None for the first."""

    def __init__(
        self,
        limit: Limit = 50,
        cursor: Annotated[
            str | None, Query(pattern="^[1-9][0-9]{0,8}$", description="`next_cursor` of the page before.")
        ] = None,
    ) -> None:
        self.limit = limit
        self.below = int(cursor) if cursor else None


NumberedQuery = Annotated[NumberedParams, made(NumberedParams)]


def numbered_page(
    rows: Sequence[Row], limit: int, body: Callable[[Row], Item], number: Callable[[Row], int]
) -> Page[Item]:
    """A page from up to `limit + 1` rows; the extra one only shows that there is more."""
    more = str(number(rows[limit - 1])) if len(rows) > limit else None
    return Page(items=[body(row) for row in rows[:limit]], next_cursor=more)
