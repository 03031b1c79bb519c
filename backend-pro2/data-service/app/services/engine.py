"""Short computations for a request: bounded in number, and their ends as errors that a client understands."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from shared.compute import ComputeFailed
from shared.errors import APIException, Invalid, RequestTimeout, ServiceUnavailable
from shared.resources import Resources

PRELOAD = (
    "data-service.app.engines.ingest",
    "data-service.app.engines.inspect_file",
    "data-service.app.engines.pipelines.pipeline",
    "shared.queries.query",
    "shared.queries.plans",
    "shared.queries.results",
    "data-service.app.engines.preview",
    "data-service.app.engines.rows",
    "data-service.app.engines.export",
    "data-service.app.engines.diffs.diff",
    "data-service.app.engines.quality.drift",
)
FILE_GONE = "file_gone"
AT_ONCE = 4
# Of those with more time than a query, such as exports: they must not keep all others waiting.
LONG_AT_ONCE = 2
PATIENCE_SECONDS = 20
TOO_LARGE = "This needs more memory than it may use. Ask for fewer columns or rows, or aggregate first."


class Engine:
    """Runs engine functions for requests, a few at once; belongs to one process."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._long_turns = asyncio.Semaphore(LONG_AT_ONCE)

    async def run(self, function: str, job: dict[str, Any], *, timeout_seconds: float | None = None) -> dict[str, Any]:
        """Call `engines.<function>`, or a function of `shared`, under the limits for queries.

        Raises:
            Invalid: the engine refuses the request; the code is its own.
            RequestTimeout: `query_timeout`.
            ServiceUnavailable: no turn in time.
            ComputeFailed: `file_gone`, or a fault of ours.
        """
        seconds = timeout_seconds or self._resources.settings.query_timeout_seconds
        turns = self._turns if timeout_seconds is None else self._long_turns
        await _take(turns)
        try:
            return await self._computed(function, job, seconds)
        except ComputeFailed as error:
            raise _explained(error, seconds) from error
        finally:
            turns.release()

    async def _computed(self, function: str, job: dict[str, Any], seconds: float) -> dict[str, Any]:
        try:
            return await self._compute(function, job, seconds)
        except ComputeFailed as error:
            if error.code != "crashed":
                raise
        # Its process may have been killed from outside; a computation that kills its process does so again.
        return await self._compute(function, job, seconds)

    async def _compute(self, function: str, job: dict[str, Any], seconds: float) -> dict[str, Any]:
        settings = self._resources.settings
        limits = {"memory_mb": settings.query_memory_limit_mb, "threads": settings.engine_threads}
        return await self._resources.compute.run(
            function if function.startswith("shared.") else f"data-service.app.engines.{function}",
            {**job, **limits},
            timeout_seconds=seconds,
            memory_mb=settings.query_memory_limit_mb,
        )

    async def run_over(
        self, function: str, prepare: Callable[[], Awaitable[dict[str, Any]]], *, timeout_seconds: float | None = None
    ) -> dict[str, Any]:
        """As `run`, of the job that `prepare` makes over files of the cache; made anew if one of them is gone by then.

        The cache may drop a file between handing out its path and the child's opening it.
        """
        try:
            return await self.run(function, await prepare(), timeout_seconds=timeout_seconds)
        except ComputeFailed as error:
            if error.code != FILE_GONE:
                raise
        return await self.run(function, await prepare(), timeout_seconds=timeout_seconds)


async def _take(turns: asyncio.Semaphore) -> None:
    try:
        await asyncio.wait_for(turns.acquire(), PATIENCE_SECONDS)
    except TimeoutError as error:
        raise ServiceUnavailable("Too many computations are running; try again shortly.") from error


def _explained(error: ComputeFailed, seconds: float) -> APIException | ComputeFailed:
    match error.code:
        case "timeout":
            return RequestTimeout(
                f"This took longer than {seconds:g} seconds. Ask for less at once.", code="query_timeout"
            )
        case "out_of_memory" | "answer_too_large":
            return Invalid(TOO_LARGE, code="query_too_large")
        case "crashed":
            return Invalid("The engine cannot run this query. Rewrite it in another way.", code="query_failed")
        case "internal_error" | "file_gone":
            return error
        case "disk_full":
            return ServiceUnavailable(error.detail)
        case code:
            return Invalid(error.detail, code=code)
