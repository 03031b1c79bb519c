"""Rows of `model_versions`: fitted models and what is known of them."""

import builtins
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session

_SHOWN = """
SELECT v.model_id, v.version, m.project_id, m.name, m.problem, m.target, v.task_id, v.dataset_id, v.dataset_version,
       v.dataset_sha256, v.algorithm, v.metric, v.score, v.ci_low, v.ci_high, v.row_count, v.features, v.metrics,
       v.key, v.bytes, v.sha256, v.signature, v.created_by, v.created_at,
       ARRAY(SELECT a.alias FROM model_aliases a WHERE a.model_id = v.model_id AND a.version = v.version ORDER BY 1)
           AS aliases
"""

_ANYBODYS = """
FROM model_versions v
JOIN models m ON m.id = v.model_id
"""

_FROM = f"""
{_ANYBODYS}
JOIN project_members pm ON pm.project_id = m.project_id AND pm.user_id = $1
"""

_ONE = f"{_SHOWN}, v.details {_FROM} WHERE v.model_id = $2 AND v.version = $3"

_OF_MODEL = f"{_SHOWN}, v.details {_ANYBODYS} WHERE v.model_id = $1 AND v.version = $2"

_PAGE = f"""
{_SHOWN}, '{{}}'::jsonb AS details {_FROM}
WHERE v.model_id = $2 AND ($3::int IS NULL OR v.version < $3)
ORDER BY v.version DESC
LIMIT $4
"""

# Without either: the champion if there is one, else the newest.
_NUMBER = """
SELECT CASE
    WHEN $2::int IS NOT NULL THEN (SELECT version FROM model_versions WHERE model_id = $1 AND version = $2)
    WHEN $3::text = 'latest' THEN (SELECT max(version) FROM model_versions WHERE model_id = $1)
    WHEN $3 IS NOT NULL THEN (SELECT version FROM model_aliases WHERE model_id = $1 AND alias = $3)
    ELSE coalesce((SELECT version FROM model_aliases WHERE model_id = $1 AND alias = 'champion'),
                  (SELECT max(version) FROM model_versions WHERE model_id = $1))
END
"""

_INSERT = """
INSERT INTO model_versions (model_id, version, task_id, dataset_id, dataset_version, dataset_sha256, algorithm, metric,
                            score, ci_low, ci_high, row_count, features, metrics, details, key, bytes, sha256,
                            signature, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
"""

_DELETE = "DELETE FROM model_versions WHERE model_id = $1 AND version = $2"

_COUNT = "SELECT count(*) FROM model_versions WHERE model_id = $1"


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A fitted model whose file has been stored."""

    model_id: UUID
    version: int
    task_id: UUID
    dataset_id: UUID
    dataset_version: int
    dataset_sha256: str
    algorithm: str
    metric: str
    score: float | None
    ci_low: float | None
    ci_high: float | None
    row_count: int
    features: list[str]
    metrics: dict[str, Any]
    details: dict[str, Any]
    key: str
    bytes: int
    sha256: str
    signature: builtins.bytes
    created_by: UUID | None


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A version as members of its project see it. `details` is what training told of it; lists leave it empty."""

    model_id: UUID
    version: int
    project_id: UUID
    name: str
    problem: str
    target: str
    task_id: UUID | None
    dataset_id: UUID
    dataset_version: int
    dataset_sha256: str
    algorithm: str
    metric: str
    score: float | None
    ci_low: float | None
    ci_high: float | None
    row_count: int
    features: list[str]
    metrics: dict[str, Any]
    key: str
    bytes: int
    sha256: str
    signature: builtins.bytes
    created_by: UUID | None
    created_at: datetime
    aliases: list[str]
    details: dict[str, Any]


async def visible(session: Session, model_id: UUID, version: int, user_id: UUID) -> ModelVersion | None:
    """The version, if the user is a member of the project."""
    return await session.fetch_one(ModelVersion, _ONE, user_id, model_id, version)


async def of_model(session: Session, model_id: UUID, version: int) -> ModelVersion | None:
    """The version; for workers, who act in its project."""
    return await session.fetch_one(ModelVersion, _OF_MODEL, model_id, version)


async def page(session: Session, model_id: UUID, user_id: UUID, *, below: int | None, limit: int) -> list[ModelVersion]:
    """Versions of the model, newest first, older than `below`, without their details."""
    return await session.fetch_all(ModelVersion, _PAGE, user_id, model_id, below, limit)


async def number_of(session: Session, model_id: UUID, version: int | None, alias: str | None) -> int | None:
    """The number of the version that is meant; without either the one in use. None if there is none such."""
    found: int | None = await session.fetch_value(_NUMBER, model_id, version, alias)
    return found


async def insert(session: Session, new: NewVersion) -> None:
    """Add a version under a number that `models.next_number` gave."""
    origin = (new.task_id, new.dataset_id, new.dataset_version, new.dataset_sha256)
    measured = (new.algorithm, new.metric, new.score, new.ci_low, new.ci_high, new.row_count)
    content = (new.features, new.metrics, new.details, new.key, new.bytes, new.sha256, new.signature)
    await session.execute(_INSERT, new.model_id, new.version, *origin, *measured, *content, new.created_by)


async def delete(session: Session, model_id: UUID, version: int) -> None:
    """Remove the version, with aliases that point to it; the caller has locked the model."""
    await session.execute(_DELETE, model_id, version)


async def count(session: Session, model_id: UUID) -> int:
    """How many versions the model has."""
    found: int = await session.fetch_value(_COUNT, model_id)
    return found
