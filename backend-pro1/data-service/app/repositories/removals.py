"""What the removal of a project takes, the trash and the AI service's models included; nobody sees these rows."""

from dataclasses import dataclass
from uuid import UUID

from shared.database import Session

# Versions go before their datasets, since they alone tell of objects that were stored before the project was named.
_VERSIONS = """
SELECT v.dataset_id, v.version, v.raw_keys, v.parquet_key
FROM datasets d
JOIN dataset_versions v ON v.dataset_id = d.id
WHERE d.project_id = $1
ORDER BY v.dataset_id, v.version
LIMIT $2
"""

_REMOVE_VERSIONS = """
DELETE FROM dataset_versions v
USING unnest($1::uuid[], $2::int[]) AS gone (dataset_id, version)
WHERE v.dataset_id = gone.dataset_id AND v.version = gone.version
"""

_REMOVE_DATASETS = """
DELETE FROM datasets WHERE id IN (SELECT id FROM datasets WHERE project_id = $1 LIMIT $2)
"""

_REMOVE_UPLOADS = "DELETE FROM uploads WHERE id IN (SELECT id FROM uploads WHERE project_id = $1 LIMIT $2)"

_REMOVE_PIPELINES = "DELETE FROM pipelines WHERE id IN (SELECT id FROM pipelines WHERE project_id = $1 LIMIT $2)"


_REMOVE_MODELS = "DELETE FROM models WHERE id IN (SELECT id FROM models WHERE project_id = $1 LIMIT $2)"


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version and its objects."""

    dataset_id: UUID
    version: int
    raw_keys: list[str]
    parquet_key: str | None

    @property
    def keys(self) -> list[str]:
        """Keys of its objects."""
        return self.raw_keys if self.parquet_key is None else [*self.raw_keys, self.parquet_key]


async def some_versions(session: Session, project_id: UUID, limit: int) -> list[StoredVersion]:
    """Up to `limit` versions of the project."""
    return await session.fetch_all(StoredVersion, _VERSIONS, project_id, limit)


async def remove_versions(session: Session, gone: list[StoredVersion]) -> None:
    """Remove these versions."""
    await session.execute(_REMOVE_VERSIONS, [one.dataset_id for one in gone], [one.version for one in gone])


async def remove_datasets(session: Session, project_id: UUID, limit: int) -> int:
    """Remove up to `limit` datasets of the project; the number removed."""
    return await session.execute(_REMOVE_DATASETS, project_id, limit)


async def remove_uploads(session: Session, project_id: UUID, limit: int) -> int:
    """Remove up to `limit` uploads in parts, whose objects lie below the project's prefix; the number removed."""
    return await session.execute(_REMOVE_UPLOADS, project_id, limit)


async def remove_pipelines(session: Session, project_id: UUID, limit: int) -> int:
    """Remove up to `limit` pipelines of the project with their versions; the number removed."""
    return await session.execute(_REMOVE_PIPELINES, project_id, limit)


async def remove_models(session: Session, project_id: UUID, limit: int) -> int:
    """Remove up to `limit` models of the project, whose files lie below its prefix; the number removed."""
    return await session.execute(_REMOVE_MODELS, project_id, limit)
