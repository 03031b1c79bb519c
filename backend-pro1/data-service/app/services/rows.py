"""Rows of a version by pages, and the values of a column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.resources import Resources
from shared.scratch import scratch

from ..repositories.versions import Version
from . import cursors
from .column_lists import split_columns
from .datasets import Datasets

MAX_SORT_KEYS = 10


@dataclass(frozen=True, slots=True)
class RowsWanted:
    """Which rows: `columns` and `sort` are lists as one line of CSV, a `-` before a name sorts it downwards."""

    version: int | None = None
    columns: str | None = None
    filter: str | None = None
    sort: str | None = None
    limit: int = 100
    cursor: str | None = None


class Rows:
    """Use cases of `/manage/datasets/{id}/rows` and of the values of a column."""

    def __init__(self, resources: Resources, datasets: Datasets) -> None:
        self._cache_dir = resources.settings.cache_dir
        self._datasets = datasets

    async def page(self, dataset_id: UUID, user_id: UUID, wanted: RowsWanted) -> Mapping[str, Any]:
        """A page of rows of a ready version, sorted, then in the order of the file.

        A cursor stays with the version that it was made for, also when a newer one is current by now.

        Raises:
            NotFound: the dataset or that version of it.
            Conflict: `dataset_not_ready`, `version_expired`.
            Invalid: `invalid_cursor`, `invalid_list`, `invalid_expression`, `unknown_column`, `query_failed`,
                `query_too_large`.
            RequestTimeout: `query_timeout`.
        """
        version = await self._datasets.version(dataset_id, user_id, _number(wanted))
        sort = _sort_keys(version, wanted.sort)
        question = [str(dataset_id), version.version, wanted.filter, sort]
        after = None if wanted.cursor is None else _position(cursors.decode(wanted.cursor, question))
        job = {
            "columns": None if wanted.columns is None else split_columns(wanted.columns, "columns"),
            "filter": wanted.filter,
            "sort": sort,
            "after": after,
            "limit": wanted.limit,
        }
        answer = await self._datasets.compute(version, user_id, "rows:page", job)
        last = answer["next_after"]
        cursor = None if last is None else cursors.encode(question, version.version, last)
        return {**answer, "version": version.version, "next_cursor": cursor}

    async def values(
        self, dataset_id: UUID, user_id: UUID, column: str, *, text: str | None, limit: int, number: int | None
    ) -> Mapping[str, Any]:
        """Distinct values of a column with their counts, the most frequent first; those that hold `text`.

        Raises:
            NotFound: the dataset or that version of it.
            Conflict: `dataset_not_ready`, `version_expired`.
            Invalid: `unknown_column`, `query_too_large`.
            RequestTimeout: `query_timeout`.
        """
        version = await self._datasets.version(dataset_id, user_id, number)
        async with scratch(self._cache_dir) as folder:
            job = {"column": column, "text": text, "limit": limit, "scratch": str(folder)}
            answer = await self._datasets.compute(version, user_id, "rows:values", job)
        return {**answer, "version": version.version}


def _number(wanted: RowsWanted) -> int | None:
    if wanted.version is not None or wanted.cursor is None:
        return wanted.version
    number = cursors.place_in(wanted.cursor)[0]
    if not isinstance(number, int) or not 1 <= number < 2**31:
        raise cursors.invalid_cursor()
    return number


def _position(place: Sequence[str | int]) -> int:
    position = place[-1]
    if not isinstance(position, int) or position < 0:
        raise cursors.invalid_cursor()
    return position


def _sort_keys(version: Version, sort: str | None) -> list[tuple[str, bool]]:
    """Columns to sort by, and whether downwards; a column whose own name begins with - is found by it."""
    if sort is None:
        return []
    known = {column["name"].lower() for column in version.schema or ()}
    return [
        (item[1:], True) if item.startswith("-") and item.lower() not in known else (item, False)
        for item in split_columns(sort, "sort", MAX_SORT_KEYS)
    ]
