"""What a prediction needs to know of a version, by one statement; and all that training told of it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.database import Session

# Without version and alias: the champion if there is one, else the newest.
_CHOSEN = """
SELECT m.project_id, m.name, v.model_id, v.version, v.key, v.sha256, v.signature
FROM models m
JOIN project_members pm ON pm.project_id = m.project_id AND pm.user_id = $1
JOIN model_versions v ON v.model_id = m.id AND v.version = CASE
    WHEN $3::int IS NOT NULL THEN $3
    WHEN $4::text = 'latest' THEN (SELECT max(version) FROM model_versions WHERE model_id = $2)
    WHEN $4 IS NOT NULL THEN (SELECT version FROM model_aliases WHERE model_id = $2 AND alias = $4)
    ELSE coalesce((SELECT version FROM model_aliases WHERE model_id = $2 AND alias = 'champion'),
                  (SELECT max(version) FROM model_versions WHERE model_id = $2)) END
WHERE m.id = $2
"""

_OF_PROJECT = """
SELECT m.project_id, m.name, v.model_id, v.version, v.key, v.sha256, v.signature
FROM models m
JOIN model_versions v ON v.model_id = m.id AND v.version = $3
WHERE m.project_id = $1 AND m.id = $2
"""

_DETAILS = "SELECT details FROM model_versions WHERE model_id = $1 AND version = $2"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A version, where its file is, and what the file must be."""

    project_id: UUID
    name: str
    model_id: UUID
    version: int
    key: str
    sha256: str
    signature: bytes


async def chosen(
    session: Session, user_id: UUID, model_id: UUID, version: int | None, alias: str | None
) -> ServedModel | None:
    """The version that is meant, if there is such a one and the user is a member of the project."""
    return await session.fetch_one(ServedModel, _CHOSEN, user_id, model_id, version, alias)


async def of_project(session: Session, project_id: UUID, model_id: UUID, version: int) -> ServedModel | None:
    """The version, if its model is the project's; for workers, who act for the creator of their task."""
    return await session.fetch_one(ServedModel, _OF_PROJECT, project_id, model_id, version)


async def details(session: Session, model_id: UUID, version: int) -> dict[str, Any] | None:
    """What training told of the version; the caller has found it by one of the above."""
    found: dict[str, Any] | None = await session.fetch_value(_DETAILS, model_id, version)
    return found
