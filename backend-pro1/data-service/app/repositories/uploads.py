"""Rows of `uploads` and `upload_parts`: files that arrive in parts. An aborted upload is as good as gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database import Session

MOST_PARTS = 10_000

_COLUMNS = """
SELECT u.id, u.project_id, u.created_by, u.kind, u.status, u.filename, u.bytes, u.sha256, u.part_size, u.fields,
       u.dataset_id, u.created_at, u.updated_at, u.expires_at, u.expires_at <= now() AS is_expired
FROM uploads u
"""

_ONE = f"""
{_COLUMNS}
JOIN project_members m ON m.project_id = u.project_id AND m.user_id = $1
WHERE u.id = $2 AND u.status <> 'aborted'
"""

_LOCKED = f"{_COLUMNS} WHERE u.id = $1 AND u.status <> 'aborted' FOR UPDATE"

_INSERT = """
INSERT INTO uploads (id, project_id, created_by, kind, filename, bytes, sha256, part_size, fields, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + make_interval(secs => $10))
"""

_COUNT_OPEN = "SELECT count(*) FROM uploads WHERE project_id = $1 AND status = 'open'"

_INSERT_PARTS = """
INSERT INTO upload_parts (upload_id, number, key, bytes)
SELECT $1, part.number, part.key, part.bytes
FROM unnest($2::int[], $3::text[], $4::bigint[]) AS part (number, key, bytes)
"""

_PARTS = f"""
SELECT number, key, bytes, sha256 FROM upload_parts WHERE upload_id = $1 ORDER BY number LIMIT {MOST_PARTS}
"""  # noqa: S608 - a number of our own

# The upload's row is locked, so the key that is replaced is the one before this statement.
_PUT_PART = """
INSERT INTO upload_parts (upload_id, number, key, bytes, sha256)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (upload_id, number) DO UPDATE
SET key = excluded.key, bytes = excluded.bytes, sha256 = excluded.sha256, created_at = now()
RETURNING (SELECT key FROM upload_parts WHERE upload_id = $1 AND number = $2)
"""

_TOUCH = "UPDATE uploads SET updated_at = now(), expires_at = now() + make_interval(secs => $2) WHERE id = $1"

_COMPLETE = """
UPDATE uploads
SET status = 'completed', dataset_id = $2, updated_at = now(), expires_at = now() + make_interval(secs => $3)
WHERE id = $1
"""

_ABORT = "UPDATE uploads SET status = 'aborted', updated_at = now() WHERE id = $1"

_OVER = """
SELECT id, status FROM uploads
WHERE status = 'aborted' OR expires_at <= now()
ORDER BY expires_at
LIMIT $1
"""

# One that got a new part, or was completed, since it was looked at goes on.
_ABORT_EXPIRED = """
UPDATE uploads SET status = 'aborted', updated_at = now()
WHERE id = $1 AND (status = 'aborted' OR (status = 'open' AND expires_at <= now()))
"""

_FORGET = "DELETE FROM uploads WHERE id = $1 AND status = $2"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that arrives in parts; `fields` is what its dataset or version will be."""

    id: UUID
    project_id: UUID
    created_by: UUID | None
    kind: str
    status: str
    filename: str
    bytes: int
    sha256: str | None
    part_size: int
    fields: dict[str, Any]
    dataset_id: UUID | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    is_expired: bool

    @property
    def parts_total(self) -> int:
        """How many parts the file has."""
        return -(-self.bytes // self.part_size)

    def bytes_of(self, number: int) -> int:
        """The size of part `number`: every one but the last is `part_size` long."""
        return min(self.part_size, self.bytes - (number - 1) * self.part_size)


@dataclass(frozen=True, slots=True)
class NewUpload:
    """One that begins now and ends in `seconds` unless something comes."""

    id: UUID
    project_id: UUID
    created_by: UUID
    kind: str
    filename: str
    bytes: int
    sha256: str | None
    part_size: int
    fields: dict[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Part:
    """One part and its object; without `sha256` nobody but the store has seen it."""

    number: int
    key: str
    bytes: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class OverUpload:
    """One that is aborted or whose time is over."""

    id: UUID
    status: str


async def visible(session: Session, upload_id: UUID, user_id: UUID) -> Upload | None:
    """The upload, if the user is a member of its project."""
    return await session.fetch_one(Upload, _ONE, user_id, upload_id)


async def lock(session: Session, upload_id: UUID) -> Upload | None:
    """Keep others from changing the upload; the caller has checked the user's role in its project."""
    return await session.fetch_one(Upload, _LOCKED, upload_id)


async def insert(session: Session, new: NewUpload) -> None:
    """Add an upload."""
    file = (new.filename, new.bytes, new.sha256, new.part_size)
    await session.execute(
        _INSERT, new.id, new.project_id, new.created_by, new.kind, *file, new.fields, float(new.seconds)
    )


async def count_open(session: Session, project_id: UUID) -> int:
    """How many uploads of the project are under way; the caller holds its quota."""
    count: int = await session.fetch_value(_COUNT_OPEN, project_id)
    return count


async def insert_parts(session: Session, upload_id: UUID, parts: Sequence[Part]) -> None:
    """Add parts whose keys are known before they come."""
    numbers, keys = [part.number for part in parts], [part.key for part in parts]
    await session.execute(_INSERT_PARTS, upload_id, numbers, keys, [part.bytes for part in parts])


async def parts(session: Session, upload_id: UUID) -> list[Part]:
    """The parts of the upload, by number."""
    return await session.fetch_all(Part, _PARTS, upload_id)


async def put_part(session: Session, upload_id: UUID, part: Part, seconds: float) -> str | None:
    """Add or replace a part of an upload that the caller has locked, which gets new time; the key of the old one."""
    replaced: str | None = await session.fetch_value(
        _PUT_PART, upload_id, part.number, part.key, part.bytes, part.sha256
    )
    await session.execute(_TOUCH, upload_id, float(seconds))
    return replaced


async def complete(session: Session, upload_id: UUID, dataset_id: UUID, seconds: float) -> None:
    """Note what became of it, for so long."""
    await session.execute(_COMPLETE, upload_id, dataset_id, float(seconds))


async def abort(session: Session, upload_id: UUID) -> None:
    """Nothing more comes."""
    await session.execute(_ABORT, upload_id)


async def over(session: Session, limit: int) -> list[OverUpload]:
    """Uploads to be removed."""
    return await session.fetch_all(OverUpload, _OVER, limit)


async def abort_expired(session: Session, upload_id: UUID) -> bool:
    """Abort it if nothing has come in time; whether it is aborted now."""
    return await session.execute(_ABORT_EXPIRED, upload_id) == 1


async def forget(session: Session, upload_id: UUID, status: str) -> None:
    """Remove the upload and its parts, whose objects are gone or somebody else's, if it is in this state."""
    await session.execute(_FORGET, upload_id, status)
