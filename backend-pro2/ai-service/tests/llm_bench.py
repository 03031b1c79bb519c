"""Tasks that ask the LLM, run by hand: claimed from a real ledger, and what they leave in the tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from shared.config import Settings
from shared.resources import Resources
from shared.tasks import NewTask, TaskFailed, TaskRun
from shared.tasks.leases import Leases
from shared.testing.llm_server import ScriptedLlm
from shared.testing.project import Workspace

from ..app.services import llm_calls
from ..app.services.llm_calls import Completion, LlmCalls

HELLO = [{"role": "system", "content": "Answer."}, {"role": "user", "content": "Häufigste Stadt? 你好 \U0001f600"}]


@dataclass(frozen=True, slots=True)
class Row:
    """An entry of the egress ledger."""

    id: UUID
    project_id: UUID
    user_id: UUID | None
    task_id: UUID | None
    run: int
    purpose: str
    policy: str
    model: str
    server: str
    status: str
    request: bytes
    response: bytes
    response_bytes: int
    http_status: int | None
    error: str | None
    booked_tokens: int
    booked_cost: Decimal
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    cost: Decimal
    is_estimated: bool
    first_token_ms: int | None


@dataclass(frozen=True, slots=True)
class Meter:
    """What the month's usage says."""

    tokens_in: int
    tokens_out: int
    tokens_cached: int
    calls: int
    cost: Decimal


class LlmBench:
    """A worker's view of one project: `calls` asks the scripted LLM under these settings."""

    def __init__(self, resources: Resources, workspace: Workspace, llm: ScriptedLlm, **changes: Any) -> None:
        changes = {"llm_wait_seconds": 0, "llm_cache_seconds": 0, **changes}
        self.resources = resources
        self.workspace = workspace
        self.llm = llm
        self.use(**llm.settings(**changes))

    def use(self, **changes: Any) -> None:
        """Change settings, with a new instance of what asks the LLM."""
        self.resources.settings = self.resources.settings.model_copy(update=changes)
        self.calls = LlmCalls(self.resources)
        self.resources.closers.append(self.calls.close)

    @property
    def settings(self) -> Settings:
        """Those in force."""
        return self.resources.settings

    async def run(self, user_id: UUID | None = None, project_id: UUID | None = None) -> TaskRun:
        """A task of the project, claimed."""
        project = project_id or self.workspace.project_id
        new = NewTask("ask", "llm", project, user_id or self.workspace.editor, {})
        async with self.resources.database.transaction() as session:
            await self.resources.ledger.submit(session, new)
        return await self.claim()

    async def claim(self) -> TaskRun:
        """The next run of whatever task is due."""
        database, wakes = self.resources.database, self.resources.ledger.wakes
        leases = Leases(
            database,
            wakes,
            queue="llm",
            worker="bench",
            lease_seconds=60,
            aftermath={"ask": _nothing},
            running_tasks=99,
        )
        task = await leases.claim()
        assert task is not None
        return TaskRun(task, self.resources, leases)

    async def ask(self, run: TaskRun | None = None, **more: Any) -> Completion:
        """Ask what is always asked."""
        return await self.calls.complete(run or await self.run(), "plan", HELLO, **more)

    async def rows(self) -> list[Row]:
        """The egress ledger, in order."""
        names = ", ".join(Row.__dataclass_fields__)
        async with self.resources.database.transaction() as session:
            return await session.fetch_all(Row, f"SELECT {names} FROM llm_calls ORDER BY id")  # noqa: S608 - our names

    async def row(self) -> Row:
        """The only entry."""
        (row,) = await self.rows()
        return row

    async def meter(self) -> Meter:
        """The project's usage, over all users and months."""
        sql = """
        SELECT coalesce(sum(tokens_in), 0)::bigint AS tokens_in, coalesce(sum(tokens_out), 0)::bigint AS tokens_out,
               coalesce(sum(tokens_cached), 0)::bigint AS tokens_cached, coalesce(sum(calls), 0)::bigint AS calls,
               coalesce(sum(cost), 0) AS cost
        FROM llm_usage
        """
        async with self.resources.database.transaction() as session:
            found = await session.fetch_one(Meter, sql)
        assert found is not None
        return found

    async def execute(self, sql: str, *arguments: object) -> None:
        """Change rows."""
        async with self.resources.database.transaction() as session:
            await session.execute(sql, *arguments)


async def ignore(_: str) -> None:
    """The text is of no interest."""


async def refused(bench: LlmBench, **more: Any) -> tuple[str, str]:
    """Code and detail with which the task fails."""
    with pytest.raises(TaskFailed) as failed:
        await bench.ask(**more)
    return failed.value.error.code, failed.value.error.detail


async def _nothing(*_: object) -> None:
    """Nothing is left behind."""


@contextmanager
def without_pauses() -> Iterator[None]:
    """Requests are repeated at once."""
    before = llm_calls.FIRST_PAUSE_SECONDS
    llm_calls.FIRST_PAUSE_SECONDS = 0.0
    try:
        yield
    finally:
        llm_calls.FIRST_PAUSE_SECONDS = before
