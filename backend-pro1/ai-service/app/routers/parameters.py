"""Query parameters that several routes take."""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Depends, Query

from shared.errors import Invalid
from shared.parameters import made
from shared.schemas import Page

from ..schemas.analyses import LARGEST_VERSION
from ..schemas.model_aliases import ALIAS
from ..schemas.models import VersionChoice

Row = TypeVar("Row")
Item = TypeVar("Item")

Force = Annotated[bool, Query(description="Also if an alias points to it; the alias goes too.")]


class NumberedParams:
    """Query parameters of lists by falling number; `below` is where the page begins, None for the first."""

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=200, description="Items a page.")] = 50,
        cursor: Annotated[
            str | None, Query(pattern="^[1-9][0-9]{0,8}$", description="`next_cursor` of the page before.")
        ] = None,
    ) -> None:
        self.limit = limit
        self.below = int(cursor) if cursor else None


async def chosen_version(
    version: Annotated[
        int | None, Query(ge=1, le=LARGEST_VERSION, description="A version; without it and `alias` the one in use.")
    ] = None,
    alias: Annotated[
        str | None,
        Query(pattern=ALIAS, description="The version that this alias points to; `latest` is always the newest."),
    ] = None,
) -> VersionChoice:
    """Which version of a model is meant.

    Raises:
        Invalid: both are given.
    """
    if version is not None and alias is not None:
        raise Invalid("Give either version or alias.")
    return VersionChoice(version, alias)


NumberedQuery = Annotated[NumberedParams, made(NumberedParams)]
ChosenVersion = Annotated[VersionChoice, Depends(chosen_version)]


def numbered_page(
    rows: Sequence[Row], limit: int, body: Callable[[Row], Item], number: Callable[[Row], int]
) -> Page[Item]:
    """A page from up to `limit + 1` rows; the extra one only shows that there is more."""
    more = str(number(rows[limit - 1])) if len(rows) > limit else None
    return Page(items=[body(row) for row in rows[:limit]], next_cursor=more)
