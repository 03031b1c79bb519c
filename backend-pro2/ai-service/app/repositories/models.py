"""Rows of `models`, each with the version that is in use: the champion if there is one, else the newest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session, UniqueViolation
from shared.errors import Conflict

from ..schemas.models import ModelFilter

_SHOWN = """
SELECT m.id, m.project_id, m.name, m.description, m.tags, m.notes, m.problem, m.target, m.created_by, m.created_at,
       m.updated_at, v.version, v.dataset_id, v.dataset_version, v.algorithm, v.metric, v.score, v.ci_low, v.ci_high,
       v.features, v.metrics, v.task_id, v.created_at AS trained_at, newest.version AS newest_version,
       (SELECT coalesce(jsonb_object_agg(a.alias, a.version), '{}') FROM model_aliases a WHERE a.model_id = m.id)
           AS aliases
FROM models m
JOIN project_members pm ON pm.project_id = m.project_id AND pm.user_id = $1
CROSS JOIN LATERAL (SELECT max(version) AS version FROM model_versions WHERE model_id = m.id) AS newest
JOIN model_versions v ON v.model_id = m.id AND v.version = coalesce(
    (SELECT version FROM model_aliases WHERE model_id = m.id AND alias = 'champion'), newest.version)
"""

_ONE = f"{_SHOWN} WHERE m.id = $2"

_PAGE = f"""
{_SHOWN}
WHERE ($2::uuid IS NULL OR m.project_id = $2)
  AND ($3::uuid IS NULL OR EXISTS (SELECT 1 FROM model_versions t WHERE t.model_id = m.id AND t.dataset_id = $3))
  AND ($4::text IS NULL OR m.problem = $4)
  AND ($5::text IS NULL OR EXISTS (SELECT 1 FROM model_aliases a WHERE a.model_id = m.id AND a.alias = $5))
  AND ($6::text IS NULL OR m.tags @> ARRAY[$6])
  AND ($7::uuid IS NULL OR m.id < $7)
ORDER BY m.id DESC
LIMIT $8
"""  # noqa: S608 - a statement of ours

_NAMED = """
SELECT id, name, problem, target, last_version FROM models WHERE project_id = $1 AND lower(name) = lower($2)
"""

_COUNT = "SELECT count(*) FROM models WHERE project_id = $1"

_LOCK = "SELECT true FROM models WHERE id = $1 FOR UPDATE"

# Of several trainings under one name the first makes the model, and each later one waits here for its number.
_NUMBER = """
INSERT INTO models AS m (id, project_id, name, description, tags, problem, target, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (project_id, lower(name)) DO UPDATE
SET last_version = m.last_version + 1, updated_at = clock_timestamp()
RETURNING id, name, problem, target, last_version
"""

_UPDATE = """
UPDATE models
SET name = coalesce($2, name), description = coalesce($3, description), tags = coalesce($4, tags),
    notes = coalesce($5, notes), updated_at = clock_timestamp()
WHERE id = $1
"""

_KEYS = "SELECT array_agg(key) FROM model_versions WHERE model_id = $1"


@dataclass(frozen=True, slots=True)
class Model:
    """A model as members of its project see it, with figures of the version in use."""

    id: UUID
    project_id: UUID
    name: str
    description: str
    tags: list[str]
    notes: str
    problem: str
    target: str
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime
    version: int
    dataset_id: UUID
    dataset_version: int
    algorithm: str
    metric: str
    score: float | None
    ci_low: float | None
    ci_high: float | None
    features: list[str]
    metrics: dict[str, Any]
    task_id: UUID | None
    trained_at: datetime
    newest_version: int
    aliases: dict[str, int]


@dataclass(frozen=True, slots=True)
class NamedModel:
    """What all versions of a model have in common, and the last number that one was given."""

    id: UUID
    name: str
    problem: str
    target: str
    last_version: int


@dataclass(frozen=True, slots=True)
class NewModel:
    """A model to be made, unless the project has one of its name."""

    id: UUID
    project_id: UUID
    name: str
    description: str
    tags: Sequence[str]
    problem: str
    target: str
    created_by: UUID | None


@dataclass(frozen=True, slots=True)
class ModelState:
    """What people write of a model; None: as it is."""

    name: str | None = None
    description: str | None = None
    tags: Sequence[str] | None = None
    notes: str | None = None


async def visible(session: Session, model_id: UUID, user_id: UUID) -> Model | None:
    """The model, if the user is a member of its project."""
    return await session.fetch_one(Model, _ONE, user_id, model_id)


async def page(session: Session, user_id: UUID, wanted: ModelFilter, *, before: UUID | None, limit: int) -> list[Model]:
    """Models of the user's projects, newest first, older than `before`."""
    chosen = (wanted.project_id, wanted.dataset_id, wanted.problem, wanted.alias, wanted.tag)
    return await session.fetch_all(Model, _PAGE, user_id, *chosen, before, limit)


async def named(session: Session, project_id: UUID, name: str) -> NamedModel | None:
    """The project's model of this name; for submissions and workers, who have checked who asks."""
    return await session.fetch_one(NamedModel, _NAMED, project_id, name)


async def count(session: Session, project_id: UUID) -> int:
    """How many the project has."""
    found: int = await session.fetch_value(_COUNT, project_id)
    return found


async def lock(session: Session, model_id: UUID) -> bool:
    """Keep others from changing it; False if it has gone. The caller has checked the user's role in its project."""
    return bool(await session.fetch_value(_LOCK, model_id))


async def next_number(session: Session, new: NewModel) -> NamedModel:
    """The model of this name, made if need be and held, with `last_version` the number that is now the caller's."""
    content = (new.id, new.project_id, new.name, new.description, list(new.tags), new.problem, new.target)
    found = await session.fetch_one(NamedModel, _NUMBER, *content, new.created_by)
    assert found is not None  # noqa: S101 - it inserts or updates
    return found


async def update(session: Session, model_id: UUID, state: ModelState) -> None:
    """Change what is not None, and note that something of the model has changed.

    Raises:
        Conflict: `name_taken`; the transaction is over.
    """
    tags = None if state.tags is None else list(state.tags)
    try:
        await session.execute(_UPDATE, model_id, state.name, state.description, tags, state.notes)
    except UniqueViolation as error:
        detail = f"The project already has a model '{state.name}'. Choose another name."
        raise Conflict(detail, code="name_taken") from error


async def delete(session: Session, model_id: UUID) -> list[str]:
    """Remove the model with all that belongs to it; the keys of its files, to be removed after the commit."""
    keys: list[str] = await session.fetch_value(_KEYS, model_id) or []
    await session.execute("DELETE FROM models WHERE id = $1", model_id)
    return keys
