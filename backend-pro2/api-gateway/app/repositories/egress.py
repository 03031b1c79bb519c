"""The table `llm_calls` as its reader sees it; the AI service writes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.database import Session

_SHOWN = """
SELECT id, created_at, finished_at, user_id, task_id, run, purpose, policy, model, server, status, http_status, error,
       request, response, response_bytes, tokens_in, tokens_out, tokens_cached, is_estimated, cost::float8 AS cost,
       first_token_ms
FROM llm_calls
WHERE project_id = $1
"""

# How large bodies are is known without reading them.
_NEWEST = """
SELECT id, octet_length(request) + octet_length(response) AS bytes
FROM llm_calls
WHERE project_id = $1 AND id < coalesce($2, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
  AND ($3::uuid IS NULL OR task_id = $3)
ORDER BY id DESC
LIMIT $4
"""

_OLDEST = """
SELECT id, octet_length(request) + octet_length(response) AS bytes
FROM llm_calls
WHERE project_id = $1 AND id > coalesce($2, '00000000-0000-0000-0000-000000000000'::uuid)
ORDER BY id
LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class EntrySize:
    """An entry and the size of its bodies."""

    id: UUID
    bytes: int


@dataclass(frozen=True, slots=True)
class EgressRecord:
    """A request and its answer."""

    id: UUID
    created_at: datetime
    finished_at: datetime | None
    user_id: UUID | None
    task_id: UUID | None
    run: int
    purpose: str
    policy: str
    model: str
    server: str
    status: str
    http_status: int | None
    error: str | None
    request: bytes
    response: bytes
    response_bytes: int
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    is_estimated: bool
    cost: float
    first_token_ms: int | None


class Egress:
    """What left a project for the LLM."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def newest(
        self, project_id: UUID, limit: int, *, before: UUID | None, task_id: UUID | None
    ) -> list[EntrySize]:
        """Up to `limit` entries, newest first, older than `before`."""
        return await self._session.fetch_all(EntrySize, _NEWEST, project_id, before, task_id, limit)

    async def oldest(self, project_id: UUID, limit: int, *, after: UUID | None) -> list[EntrySize]:
        """Up to `limit` entries, oldest first, newer than `after`."""
        return await self._session.fetch_all(EntrySize, _OLDEST, project_id, after, limit)

    async def read(self, project_id: UUID, ids: Sequence[UUID]) -> list[EgressRecord]:
        """These entries with their bodies, oldest first."""
        return await self._session.fetch_all(EgressRecord, f"{_SHOWN} AND id = ANY($2) ORDER BY id", project_id, ids)

    async def find(self, project_id: UUID, entry_id: UUID) -> EgressRecord | None:
        """One entry."""
        return await self._session.fetch_one(EgressRecord, f"{_SHOWN} AND id = $2", project_id, entry_id)
