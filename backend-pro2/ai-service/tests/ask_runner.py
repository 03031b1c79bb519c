"""Questions answered in the test's own process: real servers, the real sandbox, and a scripted LLM."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.resources import Resources
from shared.tasks import Handler, Task
from shared.tasks.leases import Leases
from shared.tasks.runner import TaskRunner, aftermath_of
from shared.testing.fakes import InlineCompute
from shared.testing.llm_server import ScriptedLlm
from shared.testing.project import Workspace

from ..app.schemas.asks import AskRequest
from ..app.schemas.insights import DescriptionsRequest, ExplanationRequest, InsightsRequest
from ..app.services.analyses import Analyses
from ..app.services.ask_runs import run_ask
from ..app.services.asks import Asks
from ..app.services.description_runs import run_description
from ..app.services.explanation_runs import run_explanation
from ..app.services.insight_runs import run_insights
from ..app.services.insights import Insights, answer_of
from .support import Columns, DatasetMaker

HANDLERS: dict[str, Handler] = {
    "ask": run_ask,
    "insights": run_insights,
    "explain": run_explanation,
    "describe": run_description,
}
CANARY = "canary-7f3a"
SECRET = "secret_email"
REGIONS = ["north"] * 8 + ["south"] * 9 + [CANARY] * 3
SALES: Columns = {
    "region": REGIONS,
    "price": [float(number) for number in range(20)],
    "customer": [f"{CANARY}-{number}" for number in range(20)],
    SECRET: [f"{CANARY}-{number}@example.org" for number in range(20)],
}
_NAMED = "UPDATE datasets SET name = $2, column_notes = $3 WHERE id = $1"
_PROFILED = "UPDATE dataset_versions SET profile = $2, row_count = 20 WHERE dataset_id = $1"
_POLICY = """
INSERT INTO llm_policies (project_id, level) VALUES ($1, $2)
ON CONFLICT (project_id) DO UPDATE SET level = excluded.level
"""


def profiled(columns: Columns, personal: Sequence[str] = ()) -> dict[str, Any]:
    """A profile of what is in the columns, as far as questions need it."""
    found = []
    for name, cells in columns.items():
        values = list(cells)
        counts = {value: values.count(value) for value in values}
        top = sorted(
            ({"value": value, "count": count} for value, count in counts.items()), key=lambda each: -each["count"]
        )
        number = isinstance(values[0], float)
        entry = {
            "name": name,
            "type": "number" if number else "string",
            "nulls": 0,
            "distinct": len(counts),
            "count": len(values),
            "top": top[:10],
        }
        figures = {"min": min(values), "max": max(values), "mean": sum(values) / len(values)} if number else {}
        found.append({**entry, **figures, "quantiles": None})
    warnings = [
        {"code": "personal_data", "message": f"Column '{name}' looks like e-mail addresses."} for name in personal
    ]
    return {"rows": 20, "columns": found, "warnings": warnings}


@dataclass(slots=True)
class AskRunner:
    """Asks about datasets of one project; the LLM says what the test has told it to."""

    resources: Resources
    workspace: Workspace
    make_dataset: DatasetMaker
    llm: ScriptedLlm

    def __post_init__(self) -> None:
        changes = self.llm.settings(llm_cache_seconds=0, llm_wait_seconds=0, llm_attempts=1)
        self.resources.settings = self.resources.settings.model_copy(update=changes)
        self.resources.compute = InlineCompute()

    async def dataset(
        self,
        name: str = "sales",
        columns: Columns = SALES,
        personal: Sequence[str] = (SECRET,),
        notes: Mapping[str, Any] | None = None,
    ) -> UUID:
        """A dataset with its profile; `personal` are columns that the profile takes for personal data."""
        dataset_id = await self.make_dataset(columns)
        async with self.resources.database.transaction() as session:
            await session.execute(_NAMED, dataset_id, name, notes or {})
            await session.execute(_PROFILED, dataset_id, profiled(columns, personal))
        return dataset_id

    async def policy(self, level: str) -> None:
        """Let so much leave."""
        async with self.resources.database.transaction() as session:
            await session.execute(_POLICY, self.workspace.project_id, level)

    async def ask(self, question: str, *dataset_ids: UUID, conversation_id: UUID | None = None) -> Task:
        """The question's task, after its run."""
        request = AskRequest(
            project_id=self.workspace.project_id,
            dataset_ids=list(dataset_ids),
            question=question,
            conversation_id=conversation_id,
        )
        return await self._run(await Asks(self.resources).submit(self.workspace.editor, request, None))

    async def insights(self, dataset_id: UUID, **more: Any) -> Task:
        """The task of a search for insights, after its run."""
        request = InsightsRequest(project_id=self.workspace.project_id, dataset_id=dataset_id, **more)
        return await self._ran(Insights(self.resources).insights(self.workspace.editor, request, None, 0))

    async def explain(self, task_id: UUID) -> Task:
        """The task of an explanation, after its run."""
        request = ExplanationRequest(project_id=self.workspace.project_id, task_id=task_id)
        return await self._ran(Insights(self.resources).explain(self.workspace.editor, request, None, 0))

    async def describe(self, dataset_id: UUID) -> Task:
        """The task of a description of columns, after its run."""
        request = DescriptionsRequest(project_id=self.workspace.project_id, dataset_id=dataset_id)
        return await self._ran(Insights(self.resources).describe(self.workspace.editor, request, None, 0))

    async def found(self, ran: Awaitable[Task]) -> dict[str, Any]:
        """The answer of insights, an explanation or a description, which there must be."""
        task = await ran
        assert (task.status, task.error_detail) == ("succeeded", None)
        return answer_of(await Analyses(self.resources).result(self.workspace.editor, task.id))

    async def _ran(self, submitted: Awaitable[Task | dict[str, Any]]) -> Task:
        task = await submitted
        assert isinstance(task, Task)
        return await self._run(task)

    async def _run(self, task: Task) -> Task:
        leases = self._leases()
        claimed = await leases.claim()
        assert claimed is not None
        assert claimed.id == task.id
        await TaskRunner(self.resources, leases, self.resources.ledger.wakes, HANDLERS).run(claimed)
        return await self.resources.ledger.read(task.id, self.workspace.editor)

    async def answered(self, question: str, *dataset_ids: UUID, **more: Any) -> dict[str, Any]:
        """The answer, which there must be."""
        task = await self.ask(question, *dataset_ids, **more)
        assert (task.status, task.error_detail) == ("succeeded", None)
        return await Asks(self.resources).answer(self.workspace.editor, task.id)

    @property
    def sent(self) -> str:
        """All that has left, as text."""
        return "\n".join(received.body.decode() for received in self.llm.received)

    def _leases(self) -> Leases:
        database, wakes = self.resources.database, self.resources.ledger.wakes
        return Leases(
            database,
            wakes,
            queue="llm",
            worker="bench",
            lease_seconds=60,
            aftermath=aftermath_of(HANDLERS),
            running_tasks=99,
        )
