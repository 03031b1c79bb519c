"""The child that draws charts and sets reports, and the use cases that ask it."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from shared.compute import ComputeBusy, ComputeFailed, ResidentPool
from shared.config import Settings
from shared.errors import APIException, NotFound, RequestTimeout, ServiceUnavailable
from shared.resources import Resources
from shared.version import VERSION

from ..repositories.results import Result
from ..schemas.analyses import AnalysisResult
from ..schemas.renderings import MEDIA_TYPES, ChartFormat, ReportFormat
from ..schemas.types import ANALYSIS_TYPES
from .analyses import Analyses

RUN = "ai-service.app.engines.rendering.run"
WAITING = 32
# After so many the engine of JavaScript has grown, and a fresh one takes over.
JOBS = 500
# The JavaScript engine reserves 64 GiB of address space, and touches some 100 MiB of them.
RESERVED_MB = 96 * 1024


class Renderer:
    """One child for the process; it loads its libraries with the first request."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool = ResidentPool((RUN,), waiting=WAITING, jobs=JOBS, reserved_mb=RESERVED_MB)

    async def close(self) -> None:
        """End the child."""
        await self._pool.close()

    async def ask(self, function: str, job: dict[str, Any]) -> bytes:
        """What `function` of engines.rendering.run makes of the job.

        Raises:
            ServiceUnavailable: `busy` or `crashed`. RequestTimeout: it took too long.
        """
        try:
            answer = await self._pool.run(
                f"{RUN}:{function}",
                job,
                key=RUN,
                load=_nothing,
                timeout_seconds=self._settings.rendering_timeout_seconds,
                memory_mb=self._settings.rendering_memory_limit_mb,
            )
        except ComputeBusy:
            detail = "As many charts and reports wait as may; come back as Retry-After says."
            raise ServiceUnavailable(detail, code="busy") from None
        except ComputeFailed as error:
            raise _problem(error) from error
        return b64decode(answer["content"])


@dataclass(frozen=True, slots=True)
class Rendered:
    """A picture or document; `sha256` names what it is made of, so that it is known before it is made."""

    name: str
    media_type: str
    sha256: str
    function: str
    job: dict[str, Any]


class Renderings:
    """What a caller may have of results of analyses, as pictures and documents.

    Raises (all methods):
        NotFound: absent, or not the caller's to see. Conflict: as `Analyses.result`.
    """

    def __init__(self, resources: Resources, renderer: Renderer) -> None:
        self._analyses = Analyses(resources)
        self._renderer = renderer

    async def chart(self, user_id: UUID, task_id: UUID, number: int, form: ChartFormat, scale: float) -> Rendered:
        """One of the result's charts."""
        result = await self._analyses.result(user_id, task_id)
        if number >= len(result.charts):
            raise NotFound(f"The result has {len(result.charts)} charts, numbered from 0.")
        spec = result.charts[number]["spec"]
        return _rendered(f"chart-{number}", form, "render_chart", {"spec": spec, "format": form, "scale": scale})

    async def report(self, user_id: UUID, task_id: UUID, form: ReportFormat) -> Rendered:
        """The whole result as a document."""
        result = await self._analyses.result(user_id, task_id)
        body = AnalysisResult.model_validate(result).model_dump(mode="json")
        job = {"result": body, "title": _title(result), "format": form}
        return _rendered(f"report-{task_id}", form, "render_report", job)

    async def make(self, rendered: Rendered) -> bytes:
        """Its bytes."""
        if rendered.job["format"] == "json":
            return orjson.dumps(rendered.job["spec"])
        return await self._renderer.ask(rendered.function, rendered.job)


async def _nothing() -> dict[str, Any]:
    return {}


def _rendered(name: str, form: str, function: str, job: dict[str, Any]) -> Rendered:
    content = orjson.dumps([VERSION, job], option=orjson.OPT_SORT_KEYS)
    return Rendered(f"{name}.{form}", MEDIA_TYPES[form], hashlib.sha256(content).hexdigest(), function, job)


def _title(result: Result) -> str:
    entry = ANALYSIS_TYPES.get(result.type)
    return entry.title if entry is not None else result.type.replace("-", " ").capitalize()


def _problem(error: ComputeFailed) -> APIException:
    if error.code == "timeout":
        return RequestTimeout(error.detail, code=error.code)
    if error.code in ("crashed", "disk_full", "out_of_memory"):
        return ServiceUnavailable(error.detail, code=error.code)
    return APIException(error.detail, code=error.code)
