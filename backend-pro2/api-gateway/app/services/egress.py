"""The egress ledger for those whose data it is about: every request that went to the LLM, byte for byte."""

import base64
from collections.abc import AsyncIterator, Sequence
from itertools import accumulate
from uuid import UUID

from shared.errors import NotFound
from shared.membership import ProjectRole
from shared.pagination import decode_cursor, encode_cursor
from shared.schemas import Page

from ..repositories import Repositories, UnitOfWork
from ..repositories.egress import EgressRecord, EntrySize
from ..schemas.egress import EgressEntry
from .projects import require_role, seen

# A page ends after the entry that makes its bodies exceed this.
PAGE_BYTES = 4 * 1024 * 1024
EXPORT_PAGE = 200


class EgressService:
    """Use cases of /projects/{id}/egress, for owners: others of the project need not see what its data looks like.

    Raises (all methods):
        NotFound: the project, or the entry in it, is absent or not the user's to see.
        Forbidden: the user is no owner.
    """

    def __init__(self, begin: UnitOfWork) -> None:
        self._begin = begin

    async def list(
        self, user_id: UUID, project_id: UUID, limit: int, cursor: str | None, *, task_id: UUID | None
    ) -> Page[EgressEntry]:
        """One page, newest first; it ends early when its bodies are large."""
        before = decode_cursor(cursor)
        async with self._begin(read_only=True) as repositories:
            await _look(repositories, user_id, project_id)
            sizes = await repositories.egress.newest(project_id, limit + 1, before=before, task_id=task_id)
            kept = _within(sizes[:limit])
            rows = await repositories.egress.read(project_id, kept)
        more = len(kept) < len(sizes)
        return Page(items=[_body(row) for row in reversed(rows)], next_cursor=encode_cursor(kept[-1]) if more else None)

    async def read(self, user_id: UUID, project_id: UUID, entry_id: UUID) -> EgressEntry:
        """One entry."""
        async with self._begin(read_only=True) as repositories:
            await _look(repositories, user_id, project_id)
            row = await repositories.egress.find(project_id, entry_id)
        if row is None:
            raise NotFound
        return _body(row)

    async def export(self, user_id: UUID, project_id: UUID) -> AsyncIterator[bytes]:
        """All entries as JSON Lines, oldest first, read a page at a time as they are sent."""
        async with self._begin(read_only=True) as repositories:
            await _look(repositories, user_id, project_id)
        return self._lines(user_id, project_id)

    async def _lines(self, user_id: UUID, project_id: UUID) -> AsyncIterator[bytes]:
        after: UUID | None = None
        while True:
            async with self._begin(read_only=True) as repositories:
                # Who is no owner any more gets no further; the broken answer says that it is not the whole.
                await _look(repositories, user_id, project_id)
                sizes = await repositories.egress.oldest(project_id, EXPORT_PAGE, after=after)
                kept = _within(sizes)
                rows = await repositories.egress.read(project_id, kept)
            for row in rows:
                yield _body(row).model_dump_json().encode() + b"\n"
            if not kept:
                return
            after = kept[-1]


async def _look(repositories: Repositories, user_id: UUID, project_id: UUID) -> None:
    require_role(seen(await repositories.projects.seen_by(user_id, project_id)), ProjectRole.OWNER)


def _within(sizes: Sequence[EntrySize]) -> list[UUID]:
    """The first entries, up to the one that makes the bodies too large."""
    before = [0, *accumulate(size.bytes for size in sizes)]
    return [size.id for size, sum_before in zip(sizes, before, strict=False) if sum_before <= PAGE_BYTES]


def _body(row: EgressRecord) -> EgressEntry:
    request, request_base64 = _shown(row.request)
    response, response_base64 = _shown(row.response)
    return EgressEntry(
        id=row.id,
        at=row.created_at,
        finished_at=row.finished_at,
        user_id=row.user_id,
        task_id=row.task_id,
        run=row.run,
        purpose=row.purpose,
        policy=row.policy,
        model=row.model,
        server=row.server,
        status=row.status,
        http_status=row.http_status,
        error=row.error,
        request=request,
        request_base64=request_base64,
        request_bytes=len(row.request),
        response=response,
        response_base64=response_base64,
        response_bytes=row.response_bytes,
        tokens_in=row.tokens_in,
        tokens_out=row.tokens_out,
        tokens_cached=row.tokens_cached,
        estimated=row.is_estimated,
        cost=row.cost,
        first_token_ms=row.first_token_ms,
    )


def _shown(raw: bytes) -> tuple[str, str | None]:
    """The bytes as text and, where text cannot be turned back into them, exactly."""
    try:
        return raw.decode(), None
    except UnicodeDecodeError:
        return raw.decode(errors="replace"), base64.b64encode(raw).decode()
