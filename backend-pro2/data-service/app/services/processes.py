"""Steps over a version become a new dataset, or the next version of one; or their first rows are shown."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from shared.database import Session
from shared.errors import NotFound
from shared.idempotency import keep_answer
from shared.ids import new_id
from shared.membership import ProjectRole, require_project
from shared.resources import Resources
from shared.tasks import Task

from ..repositories import datasets
from ..repositories.datasets import NewDataset
from ..repositories.inputs import Input
from ..repositories.versions import Parent
from ..schemas.processes import Output, PreviewRequest, ProcessRequest
from .answer_cache import AnswerCache, answer_key
from .engine import Engine
from .inputs import Wanted, require_inputs
from .local_files import local_paths
from .new_versions import VersionOrder, begin_version
from .steps import (
    MAIN,
    Steps,
    check_against,
    documentation,
    input_key,
    load_operations,
    other_inputs,
    pseudonym_salt,
)

KIND = "process"
SAMPLE_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class PipelineRef:
    """The pipeline that steps come from."""

    id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an order of steps comes from: a request, a pipeline, a schedule."""

    request_id: str | None = None
    pipeline: PipelineRef | None = None
    schedule_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Sources:
    """What the steps read: the main dataset and others, by the names that the engine has for them."""

    project_id: UUID
    wanted: Mapping[str, Wanted]

    @classmethod
    def of(cls, project_id: UUID, dataset_id: UUID, version: int | None, steps: Steps) -> "_Sources":
        others = {input_key(wanted): wanted for wanted in other_inputs(steps)}
        return cls(project_id, {MAIN: (dataset_id, version), **others})

    async def find(self, session: Session) -> dict[str, Input]:
        rows = await require_inputs(session, self.project_id, list(self.wanted.values()))
        return dict(zip(self.wanted, rows, strict=True))


class Processes:
    """Use cases of `/process` but for queries.

    Raises (all that name a dataset):
        NotFound: the project, or a dataset that is read, or a version of it.
        Invalid: `invalid_step`, `invalid_expression`, `unknown_column`.
        Conflict: `dataset_not_ready`, `version_blocked`, `version_expired`.
    """

    def __init__(self, resources: Resources, engine: Engine) -> None:
        self._database = resources.database
        self._cache = resources.cache
        self._ledger = resources.ledger
        self._engine = engine
        self._settings = resources.settings
        self._answers = AnswerCache(resources.redis, resources.settings.query_cache_seconds)

    async def operations(self) -> Mapping[str, Any]:
        """What steps there are, and the functions of their expressions."""
        await load_operations()
        return documentation()

    async def submit(
        self,
        user_id: UUID,
        order: ProcessRequest,
        request_id: str | None,
        wait: float = 0,
        pipeline: PipelineRef | None = None,
    ) -> Task:
        """Accept steps over the versions that are meant now; the task as it stands after `wait` seconds.

        Raises:
            As `check` and `submit_in`.
        """
        await self.check(user_id, order)
        async with self._database.transaction() as session:
            task = await self.submit_in(session, user_id, order, Origin(request_id, pipeline))
            await keep_answer(session, task)
        return await self._ledger.ring_and_wait(task, user_id, wait)

    async def check(self, user_id: UUID, order: ProcessRequest) -> None:
        """Refuse steps that do not fit the columns there are now, before anything is locked.

        Raises:
            Forbidden, ProjectArchived: the project.
        """
        await load_operations()
        async with self._database.transaction(read_only=True) as session:
            await require_project(session, order.project_id, user_id, minimum=ProjectRole.EDITOR, hold=False)
            found = await _sources(order).find(session)
        await check_against(self._engine, self._cache, order.steps, found)

    async def submit_in(self, session: Session, user_id: UUID, order: ProcessRequest, origin: Origin) -> Task:
        """Accept steps that have been checked, in the caller's transaction; ring the task after the commit.

        Raises:
            Forbidden, ProjectArchived: the project. Conflict: `name_taken`, `version_in_progress`.
            TooManyTasks: the project's quota of unfinished tasks is used up.
        """
        await require_project(session, order.project_id, user_id, minimum=ProjectRole.EDITOR)
        found = await _sources(order).find(session)
        target = await _target(session, order, user_id)
        return await begin_version(session, self._ledger, _version_order(order, target, found, user_id, origin))

    async def preview(self, user_id: UUID, asked: PreviewRequest) -> Mapping[str, Any]:
        """The first rows of what the steps give (answer: shared.queries.query.QueryAnswer).

        Raises:
            RequestTimeout: `query_timeout`.
        """
        started = time.perf_counter()
        await load_operations()
        async with self._database.transaction(read_only=True) as session:
            await require_project(session, asked.project_id, user_id)
            sources = _Sources.of(asked.project_id, asked.dataset_id, asked.version, asked.steps)
            found = await sources.find(session)
        key = _preview_key(asked, found)
        known = await self._answers.get(key)
        if known is not None:
            return {**known, "cached": True, "took_ms": round((time.perf_counter() - started) * 1000, 1)}
        answer = await self._preview(asked, found)
        await self._answers.put(key, answer)
        return answer

    async def _preview(self, asked: PreviewRequest, found: Mapping[str, Input]) -> dict[str, Any]:
        salt = pseudonym_salt(self._settings, asked.project_id)
        figures = {"limit": asked.limit, "sample_rows": SAMPLE_ROWS}

        async def prepare() -> dict[str, Any]:
            return {"steps": asked.steps, "inputs": await local_paths(self._cache, found), "salt": salt, **figures}

        return await self._engine.run_over("pipelines.pipeline:preview", prepare)


def _sources(order: ProcessRequest) -> _Sources:
    return _Sources.of(order.project_id, order.dataset_id, order.version, order.steps)


async def _target(session: Session, order: ProcessRequest, user_id: UUID) -> UUID:
    """The dataset whose next version the result will be, locked or just made."""
    if order.output.dataset_id is None:
        new = NewDataset(new_id(), order.project_id, str(order.output.name), "", [], user_id)
        await datasets.insert(session, new)
        return new.id
    locked = await datasets.lock(session, order.output.dataset_id)
    if locked is None or locked.project_id != order.project_id:
        raise NotFound
    return locked.id


def _version_order(
    order: ProcessRequest,
    target: UUID,
    found: Mapping[str, Input],
    user_id: UUID,
    origin: Origin,
) -> VersionOrder:
    inputs = [
        {"input": key, "dataset_id": str(row.dataset_id), "name": row.name, "version": row.version}
        for key, row in found.items()
    ]
    pipeline = origin.pipeline
    named = {"pipeline_id": str(pipeline.id), "pipeline_version": pipeline.version} if pipeline else {}
    parents = dict.fromkeys(Parent(row.dataset_id, row.version) for row in found.values() if row.version is not None)
    return VersionOrder(
        kind=KIND,
        project_id=order.project_id,
        dataset_id=target,
        created_by=user_id,
        operation={"op": KIND, "steps": order.steps, "inputs": inputs, **named},
        params={"steps": order.steps, "inputs": inputs, "output": _named(order.output), **named},
        request_id=origin.request_id,
        schedule_id=origin.schedule_id,
        parents=list(parents),
    )


def _named(output: Output) -> dict[str, str]:
    return {"name": output.name} if output.name is not None else {"dataset_id": str(output.dataset_id)}


def _preview_key(asked: PreviewRequest, found: Mapping[str, Input]) -> str:
    question = hashlib.sha256(orjson.dumps(asked.steps, option=orjson.OPT_SORT_KEYS)).hexdigest()
    contents = [(key, str(row.parquet_sha256)) for key, row in found.items()]
    return answer_key("preview", asked.project_id, question, asked.limit, contents)
