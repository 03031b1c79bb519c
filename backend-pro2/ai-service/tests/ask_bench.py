"""What tests around questions share: datasets with profiles, and turns of conversations without a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import NewTask, Queue, Task
from shared.testing.project import Workspace

from ..app.repositories import glossary, verified_queries
from ..app.repositories.verified_queries import NewQuery
from ..app.services import conversations

_DESCRIBED = "UPDATE dataset_versions SET profile = $2, row_count = $3 WHERE dataset_id = $1"
_NOTED = "UPDATE datasets SET name = $2, column_notes = $3 WHERE id = $1"
_ENDED = "UPDATE analysis_tasks SET status = 'succeeded', finished_at = now() WHERE id = $1"


def column(name: str, kind: str, distinct: int = 5, **more: Any) -> dict[str, Any]:
    """A column's entry in a profile, of a hundred values."""
    figures = dict.fromkeys(("min", "max", "mean", "std", "quantiles", "histogram", "text", "time"))
    return {"name": name, "type": kind, "count": 100, "nulls": 0, "distinct": distinct, "top": [], **figures, **more}


def profile(
    columns: Sequence[Mapping[str, Any]], warnings: Sequence[str] = (), matrix: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A profile as the data service writes it, as far as questions need it."""
    return {
        "rows": 100,
        "columns": list(columns),
        "correlations": matrix or {"columns": [], "matrix": []},
        "warnings": [{"code": "personal_data", "message": message} for message in warnings],
    }


@dataclass(frozen=True, slots=True)
class AskBench:
    """Questions of one project, without anybody who answers them."""

    MADE: ClassVar = ("CONVERSATION", "TURN", "QUERY", "TERM")

    resources: Resources
    workspace: Workspace

    async def describe(
        self, dataset_id: UUID, name: str, found: Mapping[str, Any], notes: Mapping[str, Any] | None = None
    ) -> None:
        """Give a dataset its name, profile and notes."""
        async with self.resources.database.transaction() as session:
            await session.execute(_DESCRIBED, dataset_id, dict(found), found["rows"])
            await session.execute(_NOTED, dataset_id, name, dict(notes or {}))

    async def ask(
        self, user_id: UUID, question: str, dataset_ids: Sequence[UUID], conversation_id: UUID | None = None
    ) -> tuple[UUID, Task]:
        """Submit a question: its conversation and its task."""
        project_id = self.workspace.project_id
        new = NewTask("ask", Queue.LLM, project_id, user_id, {"question": question})
        async with self.resources.database.transaction() as session:
            opened = await conversations.open_conversation(
                session, project_id, user_id, dataset_ids, question, conversation_id
            )
            task = await self.resources.ledger.submit(session, new)
            await conversations.append_turn(session, opened, task.id, question)
        return opened, task

    async def answer(self, task: Task, answer: str, retold: str, sql: Sequence[str] = ()) -> None:
        """End the task with an answer."""
        async with self.resources.database.transaction() as session:
            await session.execute(_ENDED, task.id)
            await conversations.keep_turn(session, task, answer, retold, sql)

    async def asked(self, user_id: UUID, question: str = "How many?", sql: Sequence[str] = ("SELECT 1",)) -> Task:
        """A question with its answer."""
        _, task = await self.ask(user_id, question, [new_id()])
        await self.answer(task, "There are 42.", "There are [figure].", sql)
        return task

    async def make(self, what: str, user_id: UUID) -> UUID:
        """The id of something new of this kind, one of MADE."""
        if what == "CONVERSATION":
            return (await self.ask(user_id, "How many?", [new_id()]))[0]
        if what == "TURN":
            return (await self.asked(user_id)).id
        made, project_id = new_id(), self.workspace.project_id
        async with self.resources.database.transaction() as session:
            if what == "QUERY":
                query = NewQuery(project_id, self.workspace.owner, str(made), "SELECT 1", [new_id()])
                await verified_queries.insert(session, made, query)
            else:
                term = glossary.TermState(None, str(made), "What it means.", None)
                await glossary.insert(session, made, project_id, self.workspace.owner, term)
        return made
