"""Pages of `datasets`: searched, in one of a few orders, each continued after the last row by its key and its id."""

from dataclasses import dataclass
from uuid import UUID

from shared.database import Session

from .datasets import SHOWN, Dataset

_WANTED = """
WHERE (d.deleted_at IS NOT NULL) = $2
  AND ($3::uuid IS NULL OR d.project_id = $3)
  AND ($4::text IS NULL OR strpos(lower(d.name), lower($4)) > 0 OR strpos(lower(d.description), lower($4)) > 0
       OR EXISTS (SELECT 1 FROM unnest(d.tags) AS tag WHERE strpos(lower(tag), lower($4)) > 0)
       OR EXISTS (SELECT 1 FROM jsonb_array_elements(v.schema) AS c WHERE strpos(lower(c ->> 'name'), lower($4)) > 0))
  AND d.tags @> $5::text[]
  AND ($6::text IS NULL OR d.status = $6)
"""

# What a page is ordered by, and that of a cursor's text. Ids are made in the order of creation.
_KEYS = {
    "created": ("d.id", "$7::text::uuid"),
    "name": ("lower(d.name)", "lower($7::text)"),
    "updated": ("d.updated_at", "$7::text::timestamptz"),
    "rows": ("coalesce(v.row_count, -1)", "$7::text::bigint"),
}


def _page(key: str, last: str, order: str, after: str) -> str:
    return f"""{SHOWN}{_WANTED}
      AND ($7::text IS NULL OR ({key}, d.id) {after} ({last}, $8::uuid))
    ORDER BY {key} {order}, d.id {order}
    LIMIT $9"""


_PAGES = {
    (name, descending): _page(*keys, *(("DESC", "<") if descending else ("ASC", ">")))
    for name, keys in _KEYS.items()
    for descending in (True, False)
}


@dataclass(frozen=True, slots=True)
class Search:
    """Which datasets are wanted, and in which order; `text` stands in name, description, a tag or a column's name."""

    sort: str = "created"
    descending: bool = True
    deleted: bool = False
    project_id: UUID | None = None
    text: str | None = None
    tags: tuple[str, ...] = ()
    status: str | None = None

    def place_of(self, dataset: Dataset) -> "Place":
        """Where a page ends whose last row is `dataset`."""
        keys = {
            "created": str(dataset.id),
            "name": dataset.name,
            "updated": dataset.updated_at.isoformat(),
            "rows": str(-1 if dataset.row_count is None else dataset.row_count),
        }
        return Place(keys[self.sort], dataset.id)


@dataclass(frozen=True, slots=True)
class Place:
    """A row of a list: what it is ordered by, as text, and its id."""

    key: str
    id: UUID


async def page(session: Session, user_id: UUID, search: Search, *, after: Place | None, limit: int) -> list[Dataset]:
    """Datasets of the user's projects after `after`."""
    wanted = (search.deleted, search.project_id, search.text, list(search.tags), search.status)
    last = (after.key, after.id) if after else (None, None)
    statement = _PAGES[search.sort, search.descending]
    return await session.fetch_all(Dataset, statement, user_id, *wanted, *last, limit)
