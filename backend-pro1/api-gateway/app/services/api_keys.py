"""API keys: made, listed and revoked by their owner."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from shared.api_keys import new_api_key
from shared.errors import Forbidden, Invalid, NotFound, Unauthorized
from shared.idempotency import keep_answer
from shared.identity import ENDED, SessionCache
from shared.ids import new_id
from shared.logging import get_logger
from shared.models.user import LoggedIn
from shared.pagination import decode_cursor, page_of
from shared.schemas import Page

from ..core.exceptions import TooManyApiKeys
from ..core.times import utc_now
from ..repositories import UnitOfWork
from ..repositories.api_keys import NewApiKey
from ..schemas.api_keys import ApiKey, ApiKeyCreate, CreatedApiKey

log = get_logger(__name__)

MAXIMUM_LIVE_KEYS = 50


class ApiKeyService:
    """Keys of programs. To the cache a key is a session under its own id, so that a revoked one stops at once."""

    def __init__(self, begin: UnitOfWork, cache: SessionCache, clock: Callable[[], datetime] = utc_now) -> None:
        self._begin = begin
        self._cache = cache
        self._clock = clock

    async def create(self, caller: LoggedIn, wanted: ApiKeyCreate) -> CreatedApiKey:
        """A new key, to be seen this once.

        Raises:
            Invalid: it would have expired already.
            Forbidden: the scope is for administrators.
            TooManyApiKeys: revoke one first.
        """
        if wanted.expires_at is not None and wanted.expires_at <= self._clock():
            says = "must lie in the future"
            raise Invalid(f"expires_at {says}.", errors=[{"loc": ["body", "expires_at"], "msg": says}])
        if "admin" in wanted.scopes and caller.role != "admin":
            raise Forbidden("Only administrators may give a key the scope `admin`.")
        made = new_api_key()
        new = NewApiKey(new_id(), caller.id, wanted.name, made.prefix, made.sha256, wanted.scopes, wanted.expires_at)
        created = await self._insert(new, made.key)
        log.info("api_key_created", user_id=str(caller.id), api_key_id=str(new.id))
        return created

    async def page(self, caller: LoggedIn, limit: int, cursor: str | None) -> Page[ApiKey]:
        """The caller's keys, newest first, without those that were revoked.

        Raises:
            Invalid: the cursor is not ours.
        """
        before = decode_cursor(cursor)
        async with self._begin(read_only=True) as repositories:
            rows = await repositories.api_keys.page_of(caller.id, limit + 1, before)
        return page_of(rows, limit, ApiKey.model_validate, lambda row: row.id)

    async def revoke(self, caller: LoggedIn, key_id: UUID) -> None:
        """End one of the caller's keys at once.

        Raises:
            NotFound: not a key of the caller, or revoked before.
        """
        async with self._begin() as repositories:
            revoked = await repositories.api_keys.revoke(caller.id, key_id)
        if not revoked:
            raise NotFound
        await self._cache.forget([key_id])
        log.info("api_key_revoked", user_id=str(caller.id), api_key_id=str(key_id))

    async def _insert(self, new: NewApiKey, key: str) -> CreatedApiKey:
        async with self._begin() as repositories:
            # Held, so that two who count at once come in turn, and nobody gets a key who is being deactivated.
            if not await repositories.accounts.lock(new.user_id):
                raise Unauthorized(ENDED, code="session_ended")
            if await repositories.api_keys.count_live(new.user_id) >= MAXIMUM_LIVE_KEYS:
                raise TooManyApiKeys(f"You have {MAXIMUM_LIVE_KEYS} keys; revoke one that is no longer used.")
            created_at = await repositories.api_keys.insert(new)
            created = CreatedApiKey(
                id=new.id,
                name=new.name,
                prefix=new.prefix,
                key=key,
                scopes=list(new.scopes),
                expires_at=new.expires_at,
                created_at=created_at,
            )
            await keep_answer(repositories.session, created)
        return created
