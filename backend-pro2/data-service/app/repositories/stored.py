"""Objects behind versions, with their sizes, and which of them nothing refers to."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from shared.database import Session

from . import references

_OF_DATASET = """
SELECT version, raw_keys, raw_bytes, parquet_key, parquet_bytes
FROM dataset_versions
WHERE dataset_id = $1
ORDER BY version
LIMIT 10000
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """A version and its objects."""

    version: int
    raw_keys: list[str]
    raw_bytes: int
    parquet_key: str | None
    parquet_bytes: int | None

    @property
    def sizes(self) -> dict[str, int]:
        """Bytes by key; those of a file that came in parts stand at the first of them."""
        raw = {key: 0 if position else self.raw_bytes for position, key in enumerate(self.raw_keys)}
        return raw if self.parquet_key is None else {**raw, self.parquet_key: self.parquet_bytes or 0}


async def of_dataset(session: Session, dataset_id: UUID) -> list[Stored]:
    """Versions of a dataset, whose row the caller has locked."""
    return await session.fetch_all(Stored, _OF_DATASET, dataset_id)


async def unreferenced(session: Session, rows: Iterable[Stored]) -> dict[str, int]:
    """Of the objects that these versions had: those that no row refers to by now, with their bytes."""
    sizes = {key: size for row in rows for key, size in row.sizes.items()}
    used = await references.referenced(session, list(sizes)) if sizes else set()
    return {key: size for key, size in sizes.items() if key not in used}
