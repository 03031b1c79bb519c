"""Writes the API log: gathered in memory, stored in batches off the request path."""

import asyncio
import contextvars
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import asyncpg

from shared.addresses import AddressResolver
from shared.credentials import Principal
from shared.database import RowsRefused, UniqueViolation
from shared.errors import ServiceUnavailable
from shared.ids import new_id
from shared.logging import get_logger
from shared.metrics import api_log as metrics
from shared.metrics.api_log import Reason
from shared.tasks.wakes import pause

from ..repositories import UnitOfWork
from ..repositories.api_logs import ApiLogRecord
from ..schemas.api_logs import MAXIMUM_METHOD, MAXIMUM_PATH

log = get_logger(__name__)

FLUSH_SECONDS = 1.0
RETRY_SECONDS = 1.0
CLOSE_SECONDS = 3.0
BATCH_ROWS = 1000
# Rows made before other work has its turn: about 0.2 ms.
ROWS_A_TURN = 50
# What may wait in memory while the database is away: some 25 MB.
CAPACITY = 50_000
WORD_SECONDS = 60.0


class Call(NamedTuple):
    """A finished request as it was; made into a row only when there is time."""

    at: float
    request_id: str
    principal: Principal | None
    method: str
    path: str
    status: int
    seconds: float
    bytes_in: int | None
    bytes_out: int
    address: str


class ApiLogWriter:
    """A `RequestSink` whose calls become rows within about a second.

    While PostgreSQL is away calls wait, at most `capacity` beside the batch that is being tried; then the oldest go.
    A row gets its id once, so that a batch whose commit got no answer is recognised when it is tried again.
    """

    def __init__(
        self,
        begin: UnitOfWork,
        prepare: Callable[[], Awaitable[None]],
        addresses: AddressResolver,
        capacity: int = CAPACITY,
    ) -> None:
        self._begin = begin
        self._prepare = prepare
        self._addresses = addresses
        self._capacity = capacity
        self._mark = min(BATCH_ROWS, capacity)
        self._waiting: deque[Call] = deque(maxlen=capacity)
        self._batches: deque[list[ApiLogRecord]] = deque()
        self._enough = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._closing = self._prepared = self._failing = False
        self._overflown = self._untold = 0
        self._next_word = 0.0
        self.dropped: Counter[Reason] = Counter()

    def add(self, scope: MutableMapping[str, Any], status: int, sent: int, seconds: float) -> None:
        """Take one finished request; half a microsecond, behind a trusted proxy two."""
        state = scope["state"]
        waiting = self._waiting
        if len(waiting) >= self._mark:
            self._enough.set()
            self._overflown += len(waiting) == self._capacity
        # A plain tuple, whose making costs a quarter of a Call's.
        call: Any = (
            time.time(),
            state["request_id"],
            state.get("claims"),
            scope["method"],
            scope["path"][:MAXIMUM_PATH],
            status,
            seconds,
            state.get("bytes_in"),
            sent,
            self._addresses.of(scope),
        )
        waiting.append(call)

    @property
    def pending(self) -> int:
        """Calls that are not stored yet."""
        return len(self._waiting) + sum(len(batch) for batch in self._batches)

    def start(self) -> None:
        """Begin to store."""
        # In a context of its own: it must not log the ids of whoever happened to start it.
        self._running = asyncio.create_task(self._run(), context=contextvars.Context())

    async def close(self) -> None:
        """Store what is left, for three seconds at most."""
        self._closing = True
        self._enough.set()
        if self._running is not None:
            _, late = await asyncio.wait({self._running}, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()
                # Its connection may be silent; the pool cuts it.
                await asyncio.wait({task}, timeout=CLOSE_SECONDS / 3)
        self._count("overflow", self._overflown)
        self._count("shutdown", self.pending)
        if self.pending:
            log.warning("api_log_rows_lost", rows=self.pending)

    async def flush(self) -> bool:
        """Store all that waits; False if the database does not take it now."""
        for _ in range(1 + len(self._waiting) // BATCH_ROWS):
            if not await self._store_batches():
                return False
            await self._gather()
        return await self._store_batches()

    async def _run(self) -> None:
        while not (self._closing and self.pending == 0):
            await pause(self._enough, FLUSH_SECONDS)
            try:
                stored = await self.flush()
            except Exception:  # the edge of a background task: what waits is tried again, and bounded
                log.exception("api_log_flush_failed")
                stored = False
            self._tell_of_drops()
            if not stored:
                await asyncio.sleep(RETRY_SECONDS)

    async def _gather(self) -> None:
        self._enough.clear()
        batch: list[ApiLogRecord] = []
        self._batches.append(batch)
        while self._waiting and len(batch) < BATCH_ROWS:
            turn = min(ROWS_A_TURN, len(self._waiting))
            batch += [_row(self._waiting.popleft()) for _ in range(turn)]
            await asyncio.sleep(0)
        if not batch:
            self._batches.pop()

    async def _store_batches(self) -> bool:
        while self._batches:
            if not (await self._ready() and await self._store(self._batches[0])):
                return False
        return True

    async def _ready(self) -> bool:
        """Have partitions made before the first row; where that fails, the default one takes the rows."""
        if self._prepared:
            return True
        try:
            await self._prepare()
        except ServiceUnavailable as error:
            return self._wait(error)
        except asyncpg.PostgresError as error:
            log.warning("api_log_months_missing", error=type(error).__name__)
        self._prepared = True
        return True

    async def _store(self, batch: list[ApiLogRecord]) -> bool:
        try:
            async with self._begin() as repositories:
                await repositories.api_logs.insert(batch)
        except UniqueViolation:
            # An earlier try had got through, and only the answer to its commit was lost.
            log.info("api_log_batch_was_stored", rows=len(batch))
        except RowsRefused as error:
            self._divide(batch, error)
            return True
        except (ServiceUnavailable, asyncpg.PostgresError) as error:
            return self._wait(error)
        self._batches.popleft()
        if self._failing:
            log.info("api_log_resumed", waiting=self.pending)
        self._failing = False
        return True

    def _divide(self, batch: list[ApiLogRecord], error: RowsRefused) -> None:
        """Try the halves of a batch instead of it, until the row that cannot be stored is alone and goes."""
        self._batches.popleft()
        if len(batch) == 1:
            self._count("refused", 1)
            log.error("api_log_row_refused", cause=str(error), request_id=batch[0].request_id)
            return
        half = len(batch) // 2
        self._batches.extendleft((batch[half:], batch[:half]))

    def _wait(self, error: Exception) -> bool:
        if not self._failing:
            log.warning("api_log_waits", error=type(error).__name__, waiting=self.pending)
        self._failing = True
        return False

    def _tell_of_drops(self) -> None:
        overflown, self._overflown = self._overflown, 0
        self._count("overflow", overflown)
        self._untold += overflown
        if self._untold and time.monotonic() >= self._next_word:
            log.warning("api_log_rows_dropped", rows=self._untold, waiting=self.pending)
            self._untold, self._next_word = 0, time.monotonic() + WORD_SECONDS

    def _count(self, reason: Reason, rows: int) -> None:
        self.dropped[reason] += rows
        metrics.dropped(reason, rows)


def _row(call: Call) -> ApiLogRecord:
    # By position on both sides: names would cost half as much again, ten thousand times a second.
    at, request_id, who, method, path, status, seconds, bytes_in, bytes_out, address = call
    return ApiLogRecord(
        new_id(),
        datetime.fromtimestamp(at, UTC),
        request_id,
        who.user_id if who else None,
        who.api_key_id if who else None,
        _storable(method[:MAXIMUM_METHOD]),
        _storable(path),
        status,
        seconds * 1000,
        bytes_in,
        bytes_out,
        address,
    )


def _storable(text: str) -> str:
    """Text that PostgreSQL takes; what a client wrote may hold anything."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
