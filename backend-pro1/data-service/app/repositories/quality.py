"""Rows of `quality_rules` and `quality_runs`, and the gate of a dataset."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session

_SHOWN = """
SELECT r.id, r.dataset_id, r.params AS rule, r.severity, r.is_active, r.created_by, r.created_at, r.updated_at
FROM quality_rules r
JOIN datasets d ON d.id = r.dataset_id AND d.deleted_at IS NULL
JOIN project_members m ON m.project_id = d.project_id AND m.user_id = $1
WHERE r.dataset_id = $2
"""

_PAGE = f"{_SHOWN} AND ($3::uuid IS NULL OR r.id > $3) ORDER BY r.id LIMIT $4"

_ONE = f"{_SHOWN} AND r.id = $3"

_ACTIVE = (
    "SELECT id, params AS rule, severity FROM quality_rules WHERE dataset_id = $1 AND is_active ORDER BY id LIMIT $2"
)

_COUNT = "SELECT count(*) FROM quality_rules WHERE dataset_id = $1"

_SIZE = "SELECT coalesce(sum(octet_length(params::text)), 0)::bigint FROM quality_rules WHERE dataset_id = $1"

_INSERT = """
INSERT INTO quality_rules (id, dataset_id, kind, params, severity, is_active, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

_UPDATE = """
UPDATE quality_rules SET kind = $3, params = $4, severity = $5, is_active = $6, updated_at = now()
WHERE dataset_id = $1 AND id = $2
"""

_INSERT_RUN = """
INSERT INTO quality_runs (id, dataset_id, version, status, results, created_by) VALUES ($1, $2, $3, $4, $5, $6)
"""

_RUNS = """
SELECT q.id, q.dataset_id, q.version, q.status, q.results, q.created_by, q.created_at
FROM quality_runs q
JOIN datasets d ON d.id = q.dataset_id AND d.deleted_at IS NULL
JOIN project_members m ON m.project_id = d.project_id AND m.user_id = $1
WHERE q.dataset_id = $2 AND ($3::int IS NULL OR q.version = $3) AND ($4::uuid IS NULL OR q.id < $4)
ORDER BY q.id DESC
LIMIT $5
"""

_GATE = """
SELECT d.quality_gate AS enabled,
       (SELECT coalesce(array_agg(v.version ORDER BY v.version DESC), '{}') FROM dataset_versions v
        WHERE v.dataset_id = d.id AND v.blocked) AS blocked_versions
FROM datasets d WHERE d.id = $1
"""

_SET_GATE = "UPDATE datasets SET quality_gate = $2, updated_at = now() WHERE id = $1"

_BLOCK = """
UPDATE dataset_versions
SET blocked = $2 AND quality IS NOT DISTINCT FROM 'failed'
WHERE dataset_id = $1 AND status = 'ready'
"""

_JUDGE = """
UPDATE dataset_versions v
SET quality = $3, blocked = d.quality_gate AND $3 = 'failed'
FROM datasets d
WHERE v.dataset_id = $1 AND v.version = $2 AND d.id = v.dataset_id
"""

# The newest version that may be used: what a query means by the dataset's name. What was said of the gate is said anew.
_MAKE_CURRENT = """
UPDATE datasets d
SET current_version = chosen.version,
    status = CASE WHEN chosen.version IS NOT NULL THEN 'ready' WHEN d.status = 'ready' THEN 'failed' ELSE d.status END,
    error_code = CASE WHEN chosen.version IS NULL AND d.status = 'ready' THEN $2
                      WHEN d.error_code = $2 THEN NULL ELSE d.error_code END,
    error_detail = CASE WHEN chosen.version IS NULL AND d.status = 'ready' THEN $3
                        WHEN d.error_code = $2 THEN NULL ELSE d.error_detail END,
    updated_at = now()
FROM (SELECT max(version) AS version FROM dataset_versions
      WHERE dataset_id = $1 AND status = 'ready' AND NOT blocked) AS chosen
WHERE d.id = $1
"""

GATE_CODE = "quality_gate_failed"
_NONE_PASSES = "No version passes the quality gate. Mend the data, change the rules, or open the gate."


_PARENTS = """
SELECT d.id AS dataset_id, v.parquet_key, v.parquet_sha256
FROM datasets d
JOIN dataset_versions v ON v.dataset_id = d.id AND v.version = d.current_version AND v.status = 'ready'
WHERE d.project_id = $1 AND d.deleted_at IS NULL AND d.id = ANY($2::uuid[]) AND v.parquet_key IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A rule as members of the dataset's project see it."""

    id: UUID
    dataset_id: UUID
    rule: dict[str, Any]
    severity: str
    is_active: bool
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class NewRule:
    """What a rule is to be."""

    rule: dict[str, Any]
    severity: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class ActiveRule:
    """A rule to be checked."""

    id: UUID
    rule: dict[str, Any]
    severity: str


@dataclass(frozen=True, slots=True)
class ParentContent:
    """What a foreign key refers to."""

    dataset_id: UUID
    parquet_key: str
    parquet_sha256: str


@dataclass(frozen=True, slots=True)
class Run:
    """How a version did."""

    id: UUID
    dataset_id: UUID
    version: int
    status: str
    results: list[dict[str, Any]]
    created_by: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a check found."""

    id: UUID
    dataset_id: UUID
    version: int
    status: str
    results: Sequence[dict[str, Any]]
    created_by: UUID | None


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether it is closed to versions that failed, and which those are."""

    enabled: bool
    blocked_versions: list[int]


async def page(
    session: Session, dataset_id: UUID, user_id: UUID, *, after: UUID | None, limit: int
) -> list[StoredRule]:
    """Rules of the dataset, oldest first, later than `after`."""
    return await session.fetch_all(StoredRule, _PAGE, user_id, dataset_id, after, limit)


async def visible(session: Session, dataset_id: UUID, rule_id: UUID, user_id: UUID) -> StoredRule | None:
    """The rule, if the user is a member of its dataset's project."""
    return await session.fetch_one(StoredRule, _ONE, user_id, dataset_id, rule_id)


async def active(session: Session, dataset_id: UUID, limit: int) -> list[ActiveRule]:
    """Rules that new versions are checked against; for workers and for callers who may see the dataset."""
    return await session.fetch_all(ActiveRule, _ACTIVE, dataset_id, limit)


async def count(session: Session, dataset_id: UUID) -> int:
    """How many rules the dataset has."""
    found: int = await session.fetch_value(_COUNT, dataset_id)
    return found


async def size(session: Session, dataset_id: UUID) -> int:
    """How many bytes they take as JSON."""
    found: int = await session.fetch_value(_SIZE, dataset_id)
    return found


async def insert(
    session: Session,
    rule_id: UUID,
    dataset_id: UUID,
    new: NewRule,
    user_id: UUID,
) -> None:
    """Add a rule."""
    figures = (new.rule["kind"], new.rule, new.severity, new.is_active)
    await session.execute(_INSERT, rule_id, dataset_id, *figures, user_id)


async def update(session: Session, dataset_id: UUID, rule_id: UUID, new: NewRule) -> bool:
    """Replace a rule; False when it is not there."""
    figures = (new.rule["kind"], new.rule, new.severity, new.is_active)
    return await session.execute(_UPDATE, dataset_id, rule_id, *figures) == 1


async def delete(session: Session, dataset_id: UUID, rule_id: UUID) -> bool:
    """Remove a rule; False when it is not there."""
    return (
        await session.execute("DELETE FROM quality_rules WHERE dataset_id = $1 AND id = $2", dataset_id, rule_id) == 1
    )


async def insert_run(session: Session, run: NewRun) -> None:
    """Keep what a check found, and put the version under its judgement."""
    await session.execute(
        _INSERT_RUN, run.id, run.dataset_id, run.version, run.status, list(run.results), run.created_by
    )
    await session.execute(_JUDGE, run.dataset_id, run.version, run.status)


async def runs(
    session: Session, dataset_id: UUID, user_id: UUID, *, version: int | None, before: UUID | None, limit: int
) -> list[Run]:
    """Checks of the dataset's versions, newest first."""
    return await session.fetch_all(Run, _RUNS, user_id, dataset_id, version, before, limit)


async def gate(session: Session, dataset_id: UUID) -> Gate | None:
    """The gate of a dataset that the caller may see."""
    return await session.fetch_one(Gate, _GATE, dataset_id)


async def set_gate(session: Session, dataset_id: UUID, *, enabled: bool) -> None:
    """Close or open the gate: blocks the versions that failed, or releases them."""
    await session.execute(_SET_GATE, dataset_id, enabled)
    await session.execute(_BLOCK, dataset_id, enabled)


async def parents(session: Session, project_id: UUID, dataset_ids: Sequence[UUID]) -> list[ParentContent]:
    """Current contents of those of the datasets that the project has."""
    return await session.fetch_all(ParentContent, _PARENTS, project_id, list(dataset_ids))


async def choose_current(session: Session, dataset_id: UUID) -> None:
    """Make the newest usable version current; the caller has locked the dataset."""
    await session.execute(_MAKE_CURRENT, dataset_id, GATE_CODE, _NONE_PASSES)
