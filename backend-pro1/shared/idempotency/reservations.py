"""Rows of idempotency_keys: reserved before the work, answered in its transaction, freed when it failed."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from shared.database import Database, Session

# A living attempt renews its lock, so that this is only how long a killed one holds up its repetition.
LOCK = timedelta(seconds=30)
FORGET_BATCH = 1000

# ON CONFLICT alone would wait for a transaction that is about to commit its answer.
_INSERT = """
INSERT INTO idempotency_keys (id, claim, locked_until, fingerprint)
SELECT $1, $2, now() + $3::interval, $4
WHERE NOT EXISTS (SELECT 1 FROM idempotency_keys WHERE id = $1)
ON CONFLICT (id) DO NOTHING
"""
_FIND = "SELECT fingerprint, answer FROM idempotency_keys WHERE id = $1 AND created_at > now() - $2::interval"
_TAKE_OVER = """
UPDATE idempotency_keys
SET claim = $2, locked_until = now() + $3::interval, fingerprint = $4, answer = NULL, created_at = now()
WHERE id = $1 AND locked_until < now() AND (answer IS NULL OR created_at <= now() - $5::interval)
"""
_KEEP = "UPDATE idempotency_keys SET fingerprint = $3, answer = $4 WHERE id = $1 AND claim = $2"
_RENEW = """
UPDATE idempotency_keys SET locked_until = now() + $3::interval WHERE id = $1 AND claim = $2 AND answer IS NULL
"""
_FREE = "DELETE FROM idempotency_keys WHERE id = $1 AND claim = $2 AND answer IS NULL"
_FORGET = """
DELETE FROM idempotency_keys
WHERE id IN (
    SELECT id FROM idempotency_keys
    WHERE created_at <= now() - $1::interval AND locked_until < now()
    ORDER BY created_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What stands under a key already; no answer means that somebody is at it."""

    fingerprint: bytes | None
    answer: bytes | None


async def reserve(
    session: Session, row_id: bytes, claim: UUID, fingerprint: bytes | None, keep_for: timedelta
) -> Found | None:
    """Reserve the key for the attempt `claim`, or tell what stands there; never waits for another's work."""
    if await session.execute(_INSERT, row_id, claim, LOCK, fingerprint):
        return None
    found = await session.fetch_one(Found, _FIND, row_id, keep_for)
    if found is not None and found.answer is not None:
        return found
    # Either the attempt that held it has died, or its answer is too old to count.
    if await session.execute(_TAKE_OVER, row_id, claim, LOCK, fingerprint, keep_for):
        return None
    return found or Found(None, None)


async def keep(session: Session, row_id: bytes, claim: UUID, fingerprint: bytes | None, answer: bytes) -> bool:
    """Write the answer; False when the attempt no longer holds the key, and then it must not have an effect."""
    return bool(await session.execute(_KEEP, row_id, claim, fingerprint, answer))


async def renew(session: Session, row_id: bytes, claim: UUID) -> bool:
    """Hold the key for longer; False when there is nothing to hold any more."""
    return bool(await session.execute(_RENEW, row_id, claim, LOCK))


async def free(session: Session, row_id: bytes, claim: UUID) -> None:
    """Give the key back unless an answer is kept.

    If a commit's outcome is unknown, this waits for it: PostgreSQL re-reads the row once whoever wrote it has ended.
    """
    await session.execute(_FREE, row_id, claim)


async def forget_old_answers(database: Database, hours: int) -> None:
    """A chore: remove what no request can ask for any more, in short transactions."""
    removed = FORGET_BATCH
    while removed == FORGET_BATCH:
        async with database.transaction() as session:
            removed = await session.execute(_FORGET, timedelta(hours=hours), FORGET_BATCH)
