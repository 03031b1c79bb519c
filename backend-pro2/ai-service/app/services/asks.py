"""Use cases of questions: accept one, and hand out its answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from shared.database import Session
from shared.errors import NotFound
from shared.idempotency import keep_answer
from shared.membership import ProjectRole, require_project
from shared.resources import Resources
from shared.tasks import NewTask, Queue, Task

from ..repositories.analyses import ASK
from ..repositories.results import Result
from ..schemas.asks import AskRequest
from .analyses import Analyses
from .conversations import append_turn, open_conversation
from .llm_calls import require_llm
from .llm_orders import awaited
from .sql_checks import shown_tables


class Asks:
    """What a caller, named by `user_id`, may do with questions.

    Raises (all methods):
        NotFound: the project, a dataset, the conversation or the task is absent, or not the caller's to see.
    """

    def __init__(self, resources: Resources) -> None:
        self._settings = resources.settings
        self._database = resources.database
        self._ledger = resources.ledger
        self._analyses = Analyses(resources)

    async def ask(
        self, user_id: UUID, request: AskRequest, request_id: str | None, wait: float
    ) -> Task | dict[str, Any]:
        """The answer if it is there within `wait` seconds, else the task.

        Raises:
            As `submit`. APIException: it has failed within that time; the code is the task's.
        """
        task = await self.submit(user_id, request, request_id)
        task, is_done = await awaited(self._ledger, task, user_id, wait, "question")
        return await self.answer(user_id, task.id) if is_done else task

    async def submit(self, user_id: UUID, request: AskRequest, request_id: str | None) -> Task:
        """Accept a question; once this returns, it will be answered.

        Raises:
            LlmNotConfigured.
            Forbidden: the caller may only view the project. ProjectArchived.
            Conflict: `dataset_not_ready`; `conversation_full`, `too_many_conversations`.
            TooManyTasks: the project's quota of unfinished tasks is used up.
        """
        require_llm(self._settings)
        async with self._database.transaction() as session:
            task = await self._accept(session, user_id, request, request_id)
            await keep_answer(session, task)
        await self._ledger.ring(task)
        return task

    async def answer(self, user_id: UUID, task_id: UUID) -> dict[str, Any]:
        """The members of AskAnswer.

        Raises:
            Conflict: `not_finished`; `no_result`, it failed or was cancelled.
        """
        task = await self._ledger.read(task_id, user_id)
        if task.kind != ASK:
            raise NotFound
        return answer_of(await self._analyses.result(user_id, task_id))

    async def _accept(self, session: Session, user_id: UUID, request: AskRequest, request_id: str | None) -> Task:
        project_id, dataset_ids = request.project_id, request.dataset_ids
        await require_project(session, project_id, user_id, minimum=ProjectRole.EDITOR)
        await shown_tables(session, project_id, dataset_ids)
        conversation_id = await open_conversation(
            session, project_id, user_id, dataset_ids, request.question, request.conversation_id
        )
        params = {
            "question": request.question,
            "dataset_ids": [str(dataset_id) for dataset_id in dataset_ids],
            "conversation_id": str(conversation_id),
        }
        task = await self._ledger.submit(session, _order(user_id, request, params, request_id))
        await append_turn(session, conversation_id, task.id, request.question)
        return task


def answer_of(result: Result) -> dict[str, Any]:
    """An answered question as AskAnswer shows it."""
    summary = result.summary
    told = {name: summary[name] for name in ("conversation_id", "answer", "sql", "claims", "usage")}
    return {
        "task_id": result.task_id,
        "tables": result.tables,
        "charts": result.charts,
        "warnings": result.warnings,
    } | told


def _order(user_id: UUID, request: AskRequest, params: dict[str, Any], request_id: str | None) -> NewTask:
    return NewTask(
        kind=ASK,
        queue=Queue.LLM,
        project_id=request.project_id,
        created_by=user_id,
        params=params,
        dataset_id=request.dataset_ids[0] if len(request.dataset_ids) == 1 else None,
        request_id=request_id,
    )
