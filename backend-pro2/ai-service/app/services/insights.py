"""Use cases of insights, explanations and descriptions of columns: accept an order, and hand out what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.errors import Invalid, NotFound
from shared.idempotency import keep_answer
from shared.membership import ProjectRole, require_project
from shared.resources import Resources
from shared.tasks import NewTask, Queue, Task

from ..repositories.analyses import DESCRIBE, EXPLAIN, INSIGHTS
from ..repositories.results import Result
from ..schemas.insights import DescriptionsRequest, ExplanationRequest, InsightsRequest
from .analyses import Analyses
from .insight_subjects import Subject, task_subject, version_subject
from .llm_calls import require_llm
from .llm_orders import awaited

_CALLED = {INSIGHTS: "search for insights", EXPLAIN: "explanation", DESCRIBE: "description"}
_MEMBERS = {INSIGHTS: ("findings",), EXPLAIN: ("explanation", "facts", "claims"), DESCRIBE: ("columns",)}


@dataclass(frozen=True, slots=True)
class _Order:
    """What is asked for: about a version, or about what another task has left."""

    kind: str
    project_id: UUID
    task_id: UUID | None = None
    dataset_id: UUID | None = None
    version: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


class Insights:
    """What a caller, named by `user_id`, may have an LLM say of datasets and results.

    Each answers with what was found if it is there within `wait` seconds, else with the task.

    Raises (all methods):
        LlmNotConfigured. NotFound: the project, the dataset or the task is absent, or not the caller's to see.
        Forbidden: the caller may only view the project. ProjectArchived. TooManyTasks.
        Conflict: as `insight_subjects`. APIException: it has failed in time; the code is the task's.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._database = resources.database
        self._ledger = resources.ledger
        self._analyses = Analyses(resources)

    async def insights(
        self, user_id: UUID, request: InsightsRequest, request_id: str | None, wait: float
    ) -> Task | dict[str, Any]:
        """Findings about a dataset, or about the result of one of its analyses.

        Raises:
            Invalid: the analysis has failed, or is of another dataset or version.
        """
        params = {"focus": request.focus or "", "max_findings": request.max_findings}
        order = _Order(INSIGHTS, request.project_id, request.task_id, request.dataset_id, request.version, params)
        return await self._answered(user_id, order, request_id, wait)

    async def explain(
        self, user_id: UUID, request: ExplanationRequest, request_id: str | None, wait: float
    ) -> Task | dict[str, Any]:
        """What a result, or the error of a failed task, means."""
        return await self._answered(user_id, _Order(EXPLAIN, request.project_id, request.task_id), request_id, wait)

    async def describe(
        self, user_id: UUID, request: DescriptionsRequest, request_id: str | None, wait: float
    ) -> Task | dict[str, Any]:
        """Proposals of what the columns of a dataset may be."""
        order = _Order(DESCRIBE, request.project_id, None, request.dataset_id, request.version)
        return await self._answered(user_id, order, request_id, wait)

    async def _answered(
        self, user_id: UUID, order: _Order, request_id: str | None, wait: float
    ) -> Task | dict[str, Any]:
        require_llm(self._resources.settings)
        about = None if order.task_id is None else await self._ledger.read(order.task_id, user_id)
        async with self._database.transaction() as session:
            await require_project(session, order.project_id, user_id, minimum=ProjectRole.EDITOR)
            subject = await self._subject(session, user_id, order, about)
            task = await self._ledger.submit(session, _new(user_id, order, subject, request_id))
            await keep_answer(session, task)
        await self._ledger.ring(task)
        task, is_done = await awaited(self._ledger, task, user_id, wait, _CALLED[order.kind])
        return answer_of(await self._analyses.result(user_id, task.id)) if is_done else task

    async def _subject(self, session: Session, user_id: UUID, order: _Order, about: Task | None) -> Subject:
        if about is not None:
            found = await task_subject(session, self._resources, order.project_id, user_id, about)
            if order.dataset_id is not None:
                _require_same(found, order.dataset_id, order.version)
            return found
        if order.dataset_id is None:
            raise NotFound
        return await version_subject(session, self._resources, order.project_id, order.dataset_id, order.version)


def _new(user_id: UUID, order: _Order, subject: Subject, request_id: str | None) -> NewTask:
    about = {"task_id": str(subject.task.id)} if subject.task else {}
    return NewTask(
        kind=order.kind,
        queue=Queue.LLM,
        project_id=order.project_id,
        created_by=user_id,
        params={**order.params, **about},
        dataset_id=subject.version.dataset_id if subject.version else None,
        version=subject.version.version if subject.version else None,
        request_id=request_id,
    )


def answer_of(result: Result) -> dict[str, Any]:
    """A kept result as its route shows it."""
    told = {name: result.summary[name] for name in (*_MEMBERS[result.type], "usage")}
    return {"task_id": result.task_id, "warnings": result.warnings} | told


def _require_same(subject: Subject, dataset_id: UUID, number: int | None) -> None:
    version = subject.version
    if subject.result is None:
        raise Invalid("The task has failed; /analysis/explain says why.", code="no_result")
    if version is None or version.dataset_id != dataset_id or number not in (None, version.version):
        raise Invalid("The analysis is of another dataset, or of another version.", code="another_dataset")
