"""Health: whether the process lives, whether it can serve, and what each thing it depends on says."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import asyncpg
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from shared.errors import ServiceUnavailable
from shared.http_protocol import STOPPING
from shared.logging import get_logger
from shared.redis_client import RedisUnavailable

log = get_logger(__name__)

PROBE_TIMEOUT_SECONDS = 2.0

Status = Literal["healthy", "degraded", "failed"]


@dataclass(frozen=True, slots=True)
class Probe:
    """One dependency; without a critical one the service cannot serve."""

    name: str
    critical: bool
    check: Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Health:
    """The state of one service."""

    service: str
    version: str
    project: str
    probes: Sequence[Probe] = ()
    draining: bool = field(default=False)

    async def detailed(self) -> dict[str, Any]:
        """Every dependency's answer, asked at once."""
        answers = await asyncio.gather(*(_ask(probe) for probe in self.probes))
        dependencies = {probe.name: answer for probe, answer in zip(self.probes, answers, strict=True)}
        return {
            **self.identity(),
            "status": overall(dependencies),
            "draining": self.draining,
            "dependencies": dependencies,
        }

    async def is_ready(self) -> bool:
        """Whether it can serve: nothing critical is away, and it does not stop."""
        return is_able(await self.detailed())

    def identity(self) -> dict[str, str]:
        """Who answers."""
        return {"status": "healthy", "service": self.service, "project": self.project, "version": self.version}


def overall(dependencies: Mapping[str, Mapping[str, Any]]) -> Status:
    """Failed if something critical failed, degraded if anything did."""
    failed = [answer for answer in dependencies.values() if answer["status"] != "healthy"]
    if not failed:
        return "healthy"
    return "failed" if any(answer["critical"] for answer in failed) else "degraded"


def is_able(report: Mapping[str, Any]) -> bool:
    """Whether a service of which `detailed` says this can serve."""
    return report["status"] != "failed" and not report["draining"]


async def _ask(probe: Probe) -> dict[str, Any]:
    started = time.perf_counter()
    note = None
    try:
        await asyncio.wait_for(probe.check(), PROBE_TIMEOUT_SECONDS)
    except (ServiceUnavailable, RedisUnavailable, TimeoutError, OSError) as error:
        note = type(error).__name__ if not isinstance(error, ServiceUnavailable) else error.detail
    except asyncpg.PostgresError as error:
        # It is there, and refuses: the password, the name of the database. Only a person can help.
        note = type(error).__name__
        log.warning("dependency_refuses", dependency=probe.name, error=note)
    took = round((time.perf_counter() - started) * 1000, 1)
    answer: dict[str, Any] = {"status": "failed" if note else "healthy", "critical": probe.critical, "took_ms": took}
    return {**answer, "note": note} if note else answer


def health_router(health: Health) -> APIRouter:
    """`/health`, `/health/detailed` and `/ready`, public by contract."""
    router = APIRouter(tags=["health"])
    report = {**health.identity(), "draining": False, "dependencies": _EXAMPLE}

    @router.get(
        "/health",
        operation_id=f"{_slug(health)}_health",
        summary="Is the process alive?",
        responses={200: _example(health.identity())},
    )
    async def alive() -> dict[str, str]:
        """Answers as long as the process runs, whatever has become of what it depends on."""
        return health.identity()

    @router.get(
        "/health/detailed",
        operation_id=f"{_slug(health)}_health_detailed",
        summary="How is each dependency?",
        responses={200: _example(report)},
    )
    async def detailed(request: Request) -> Response:
        """Asks every dependency now; `failed` if a critical one failed, `degraded` if another did."""
        _look_for_the_end(health, request)
        return JSONResponse(await health.detailed())

    @router.get(
        "/ready",
        operation_id=f"{_slug(health)}_ready",
        summary="Can it serve?",
        responses={200: _example({**report, "ready": True}), 503: {"description": "Not now."}},
    )
    async def ready(request: Request) -> Response:
        """For load balancers: 503 while a critical dependency is away, unmigrated, or the service drains."""
        _look_for_the_end(health, request)
        report = await health.detailed()
        able = is_able(report)
        return JSONResponse({**report, "ready": able}, status_code=200 if able else 503)

    return router


def _look_for_the_end(health: Health, request: Request) -> None:
    """A service that was asked to stop has closed its door; those who are still in are told at once."""
    health.draining = health.draining or STOPPING in request.scope.get("state", {})


_EXAMPLE = {"postgres": {"status": "healthy", "critical": True, "took_ms": 1.2}}


def _example(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"example": body}}}


def _slug(health: Health) -> str:
    return health.service.replace("-", "_")
