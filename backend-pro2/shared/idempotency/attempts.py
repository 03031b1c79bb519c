"""What a creating route asks for: runs its use case, or answers as the first request with this key was answered."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Annotated, ParamSpec, TypeVar

import asyncpg
from fastapi import Depends, Header, Request
from starlette.responses import Response

from shared.addresses import AddressResolver
from shared.database import Database
from shared.draining import drain
from shared.errors import ServiceUnavailable
from shared.identity import CurrentCaller
from shared.ids import new_id
from shared.logging import get_logger
from shared.metrics import idempotency as metrics
from shared.resources import Resources

from . import reservations
from .answers import Answer, Seal, canonical
from .errors import IdempotencyInFlight, IdempotencyMismatch
from .pending import Pending, current

log = get_logger(__name__)

RENEW_SECONDS = reservations.LOCK.total_seconds() / 3
HEADER = "Idempotency-Key"

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")
Render = Callable[[Result], Response]
ReadContent = Callable[[], Awaitable[bytes]]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=HEADER,
        min_length=1,
        max_length=255,
        pattern="^[!-~]+$",
        description="A random UUID of your own making. Repeat the request with the same key and body when its answer "
        "was lost: it is done once, and the first answer comes again with `Idempotency-Replayed: true`.",
        examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ),
]


class Attempt:
    """One request to a creating route. Without the header it only runs the use case."""

    def __init__(self, request: Request, principal: Callable[[], str], key: str | None) -> None:
        self._request = request
        self._principal = principal
        self._key = key
        self._read: ReadContent | None = None

    def streaming(self, read: ReadContent) -> "Attempt":
        """The same for a body that the use case streams and names by `keep_answer(..., content=...)`.

        Args:
            read: reads all of the body to name it so; called if the key has an answer already.
        """
        self._read = read
        return self

    async def __call__(
        self,
        render: Render[Result],
        use_case: Callable[Arguments, Awaitable[Result]],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Response:
        """`render` of what the use case returns, done once.

        Args:
            render: also makes the answer that is kept of what the use case gives to `keep_answer`.

        Raises:
            IdempotencyMismatch: the key was used for another request.
            IdempotencyInFlight: the first request with this key is not answered yet.
        """
        if self._key is None:
            return render(await use_case(*args, **kwargs))
        return await self._once(self._key, render, partial(use_case, *args, **kwargs))

    async def _once(self, key: str, render: Render[Result], use_case: Callable[[], Awaitable[Result]]) -> Response:
        resources: Resources = self._request.app.state.resources
        seal = Seal(self._principal(), key)
        fingerprint_of = partial(seal.fingerprint, self._request.method, self._request.scope["path"])
        fingerprint = None if self._read else fingerprint_of(canonical(await self._request.body()))
        pending = Pending(seal, new_id(), render, fingerprint, fingerprint_of)
        keep_for = timedelta(hours=resources.settings.idempotency_hours)
        async with resources.database.transaction() as session:
            found = await reservations.reserve(session, seal.row_id, pending.claim, fingerprint, keep_for)
        if found is not None:
            return await self._repeated(pending, found)
        return await _work(resources.database, pending, use_case)

    async def _repeated(self, pending: Pending, found: reservations.Found) -> Response:
        fingerprint = pending.fingerprint
        if self._read and found.answer is None:
            # A client that is still sending reads no answer.
            await drain(self._request.stream())
        elif self._read:
            fingerprint = pending.fingerprint_of(await self._read())
        if None not in (fingerprint, found.fingerprint) and fingerprint != found.fingerprint:
            raise IdempotencyMismatch
        if found.answer is None:
            raise IdempotencyInFlight
        metrics.replayed()
        log.info("answer_replayed")
        return pending.seal.open(found.answer).replayed()


async def _work(database: Database, pending: Pending, use_case: Callable[[], Awaitable[Result]]) -> Response:
    token = current.set(pending)
    try:
        async with _held(database, pending):
            response = pending.render(await use_case())
    except BaseException:
        # Without effect, so to be tried again with the same key; where an answer was committed, this leaves it.
        await asyncio.shield(_free(database, pending))
        raise
    finally:
        current.reset(token)
    answer = Answer.of(response)
    if answer != pending.kept:
        await _correct(database, pending, answer)
    return response


@asynccontextmanager
async def _held(database: Database, pending: Pending) -> AsyncIterator[None]:
    """Renews the lock for as long as the block takes."""

    async def renew() -> None:
        held = True
        while held:
            await asyncio.sleep(RENEW_SECONDS)
            # What fails now may succeed next time, before the lock lapses.
            with suppress(ServiceUnavailable, asyncpg.PostgresError):
                async with database.transaction() as session:
                    held = await reservations.renew(session, pending.seal.row_id, pending.claim)

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])


async def _free(database: Database, pending: Pending) -> None:
    try:
        async with database.transaction() as session:
            await reservations.free(session, pending.seal.row_id, pending.claim)
    except (ServiceUnavailable, asyncpg.PostgresError) as error:
        log.info("idempotency_key_left_locked", error=type(error).__name__)


async def _correct(database: Database, pending: Pending, answer: Answer) -> None:
    """Keep the final answer where it differs from that of the transaction, such as 200 after `?wait=`."""
    try:
        async with database.transaction() as session:
            await pending.keep(session, answer)
    except (ServiceUnavailable, IdempotencyInFlight, asyncpg.PostgresError) as error:
        # It was done, and its caller is told; only a repetition would get the earlier answer.
        log.warning("final_answer_not_kept", error=type(error).__name__)


async def _of_caller(request: Request, caller: CurrentCaller, idempotency_key: IdempotencyKey = None) -> Attempt:
    return Attempt(request, lambda: f"user {caller.id}", idempotency_key)


async def _of_address(request: Request, idempotency_key: IdempotencyKey = None) -> Attempt:
    def principal() -> str:
        resources: Resources = request.app.state.resources
        return f"address {AddressResolver(resources.settings.trusted_proxies).of(request.scope)}"

    return Attempt(request, principal, idempotency_key)


Once = Annotated[Attempt, Depends(_of_caller)]
# For routes without a caller: equal keys from two addresses are two keys.
OnceByAddress = Annotated[Attempt, Depends(_of_address)]
