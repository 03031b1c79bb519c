"""The ledger of hypotheses: each p-value that was reported on a dataset."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session
from shared.ids import new_id

# Numbers are given one after the other; tasks of other datasets do not wait.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('hypotheses ' || $1::uuid::text, 0))"

# Nothing is kept of a dataset that has gone meanwhile.
_INSERT = """
WITH present AS (SELECT id FROM datasets WHERE id = $1 FOR KEY SHARE)
INSERT INTO hypotheses (id, dataset_id, number, version, task_id, type, label, p_value, key)
SELECT fresh.id, $1, last.number + row_number() OVER (ORDER BY fresh.id), $2, $3, $4, fresh.label, fresh.p_value,
       fresh.key
FROM unnest($5::uuid[], $6::text[], $7::float8[], $8::bytea[]) AS fresh (id, label, p_value, key)
CROSS JOIN (SELECT coalesce(max(number), 0) AS number FROM hypotheses WHERE dataset_id = $1) AS last
JOIN present ON true
WHERE NOT EXISTS (SELECT 1 FROM hypotheses h WHERE h.dataset_id = $1 AND h.key = fresh.key)
"""

# Benjamini and Hochberg's q: the least p m / rank of this and all larger p-values.
_ADJUSTED = """
SELECT id, dataset_id, number, key, p_value, total,
       least(min(scaled) OVER (PARTITION BY dataset_id ORDER BY place DESC), 1) AS q_value
FROM (
    SELECT id, dataset_id, number, key, p_value, place, total, p_value * total / place AS scaled
    FROM (
        SELECT id, dataset_id, number, key, p_value, count(*) OVER (PARTITION BY dataset_id) AS total,
               row_number() OVER (PARTITION BY dataset_id ORDER BY p_value) AS place
        FROM hypotheses
        WHERE dataset_id {scope}
    ) AS ranked
) AS weighted
"""

_STANDING = """
SELECT coalesce(max(total), 0) AS total, count(*) AS own, min(number) AS first, max(number) AS last,
       min(p_value) AS p_value, min(q_value) AS q_value
FROM ({adjusted}) AS adjusted
WHERE key = ANY ($2::bytea[])
""".replace("{adjusted}", _ADJUSTED.format(scope="= $1"))

_PAGE = """
WITH page AS (
    SELECT h.id, h.dataset_id, h.number, h.version, h.task_id, h.type, h.label, h.p_value, h.created_at
    FROM hypotheses h
    JOIN datasets d ON d.id = h.dataset_id AND d.deleted_at IS NULL
    JOIN project_members m ON m.project_id = d.project_id AND m.user_id = $1
    WHERE ($2::uuid IS NULL OR h.dataset_id = $2) AND ($3::uuid IS NULL OR h.id < $3)
    ORDER BY h.id DESC
    LIMIT $4
)
SELECT page.id, page.dataset_id, page.number, page.version, page.task_id, page.type, page.label, page.p_value,
       adjusted.q_value, page.created_at
FROM page
JOIN ({adjusted}) AS adjusted ON adjusted.id = page.id
ORDER BY page.id DESC
""".replace("{adjusted}", _ADJUSTED.format(scope="IN (SELECT dataset_id FROM page)"))


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A p-value, what it belongs to, and what makes it the same hypothesis as another one."""

    label: str
    p_value: float
    key: bytes


@dataclass(frozen=True, slots=True)
class Standing:
    """Where some hypotheses stand among the `total` of their dataset: numbers, least p-value, least q-value."""

    total: int
    own: int
    first: int | None
    last: int | None
    p_value: float | None
    q_value: float | None


@dataclass(frozen=True, slots=True)
class TestedHypothesis:
    """One row of the ledger with its q-value, adjusted over all of its dataset."""

    id: UUID
    dataset_id: UUID
    number: int
    version: int
    task_id: UUID | None
    type: str
    label: str
    p_value: float
    q_value: float
    created_at: datetime


async def add(
    session: Session, dataset_id: UUID, version: int, task_id: UUID, kind: str, tested: Sequence[Hypothesis]
) -> Standing:
    """Note hypotheses of distinct keys, those that are new; where all of them stand now."""
    await session.execute(_LOCK, dataset_id)
    ids = sorted(new_id() for _ in tested)
    labels, p_values = [one.label for one in tested], [one.p_value for one in tested]
    keys = [one.key for one in tested]
    await session.execute(_INSERT, dataset_id, version, task_id, kind, ids, labels, p_values, keys)
    (standing,) = await session.fetch_all(Standing, _STANDING, dataset_id, keys)
    return standing


async def page(
    session: Session, user_id: UUID, dataset_id: UUID | None, *, before: UUID | None, limit: int
) -> list[TestedHypothesis]:
    """Hypotheses of the user's datasets, newest first, older than `before`."""
    return await session.fetch_all(TestedHypothesis, _PAGE, user_id, dataset_id, before, limit)
