"""What versions were made of, what was made of them, and which work reads them; within one project."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session

from .versions import SHOWN_OPERATION, Parent

# From datasets that can be seen only: what is in the trash is shown as gone, and leads nowhere.
_PARENTS = """
SELECT p.dataset_id, p.version, p.parent_id, p.parent_version
FROM unnest($2::uuid[], $3::int[]) AS known (dataset_id, version)
JOIN datasets d ON d.id = known.dataset_id AND d.project_id = $1 AND d.deleted_at IS NULL
JOIN version_parents p ON p.dataset_id = known.dataset_id AND p.version = known.version
WHERE NOT EXISTS (SELECT 1 FROM datasets o WHERE o.id = p.parent_id AND o.project_id <> $1)
ORDER BY p.parent_id, p.parent_version, p.dataset_id, p.version
LIMIT $4
"""

_CHILDREN = """
SELECT p.dataset_id, p.version, p.parent_id, p.parent_version
FROM unnest($2::uuid[], $3::int[]) AS known (dataset_id, version)
JOIN version_parents p ON p.parent_id = known.dataset_id AND p.parent_version = known.version
JOIN datasets d ON d.id = p.dataset_id AND d.project_id = $1 AND d.deleted_at IS NULL
ORDER BY p.dataset_id, p.version, p.parent_id, p.parent_version
LIMIT $4
"""

_BASE = """
SELECT parent_version FROM version_parents
WHERE dataset_id = $1 AND version = $2 AND parent_id = $1
ORDER BY parent_version DESC
LIMIT 1
"""

_DESCRIBED = f"""
SELECT v.dataset_id, v.version, d.name, v.status, {SHOWN_OPERATION}, v.created_at
FROM unnest($2::uuid[], $3::int[]) AS known (dataset_id, version)
JOIN datasets d ON d.id = known.dataset_id AND d.project_id = $1 AND d.deleted_at IS NULL
JOIN dataset_versions v ON v.dataset_id = known.dataset_id AND v.version = known.version
LIMIT $4
"""  # noqa: S608 - a piece of our own

# Tasks of ai-service read the version that they name; those of data-service make it.
_WORK = """
SELECT t.id, t.kind, t.status, t.dataset_id, t.version, t.params ->> 'type' AS type, t.created_at
FROM unnest($2::uuid[], $3::int[]) AS known (dataset_id, version)
JOIN analysis_tasks t ON t.dataset_id = known.dataset_id AND t.version = known.version AND t.project_id = $1
WHERE t.queue = 'ai' AND t.status IN ('queued', 'running', 'succeeded')
ORDER BY t.id DESC
LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Link:
    """A version and one of those that it was made of."""

    dataset_id: UUID
    version: int
    parent_id: UUID
    parent_version: int

    @property
    def child(self) -> Parent:
        """The version that was made."""
        return Parent(self.dataset_id, self.version)

    @property
    def parent(self) -> Parent:
        """The version that it was made of."""
        return Parent(self.parent_id, self.parent_version)


@dataclass(frozen=True, slots=True)
class Described:
    """A version that is there."""

    dataset_id: UUID
    version: int
    name: str
    status: str
    operation: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Work:
    """A task that reads a version; `type` is that of an analysis."""

    id: UUID
    kind: str
    status: str
    dataset_id: UUID
    version: int
    type: str | None
    created_at: datetime


async def parents(session: Session, project_id: UUID, nodes: Sequence[Parent], limit: int) -> list[Link]:
    """What these versions were made of; what other projects have is left out, what is gone is not."""
    return await session.fetch_all(Link, _PARENTS, project_id, *_arrays(nodes), limit)


async def children(session: Session, project_id: UUID, nodes: Sequence[Parent], limit: int) -> list[Link]:
    """What was made of these versions."""
    return await session.fetch_all(Link, _CHILDREN, project_id, *_arrays(nodes), limit)


async def described(session: Session, project_id: UUID, nodes: Sequence[Parent]) -> list[Described]:
    """Those of these versions that are there."""
    return await session.fetch_all(Described, _DESCRIBED, project_id, *_arrays(nodes), len(nodes))


async def work(session: Session, project_id: UUID, nodes: Sequence[Parent], limit: int) -> list[Work]:
    """Analyses and other work that reads these versions, newest first."""
    return await session.fetch_all(Work, _WORK, project_id, *_arrays(nodes), limit)


def _arrays(nodes: Sequence[Parent]) -> tuple[list[UUID], list[int]]:
    return [node.dataset_id for node in nodes], [node.version for node in nodes]


async def base_of(session: Session, dataset_id: UUID, version: int) -> int | None:
    """The version of the same dataset that it adds to; for workers, who act for the task's creator."""
    number: int | None = await session.fetch_value(_BASE, dataset_id, version)
    return number
