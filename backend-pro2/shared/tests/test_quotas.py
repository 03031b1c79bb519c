"""Quotas on a real database: what they count, and that parallel transactions never exceed them."""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from uuid import UUID

import pytest

from shared.config import Settings
from shared.database import Database, Session
from shared.errors import NotFound
from shared.ids import new_id
from shared.quotas import (
    QuotaExceeded,
    TooManyTasks,
    read_quotas,
    record_llm_tokens,
    require_bytes,
    require_llm_tokens,
    require_rows,
    require_task,
)
from shared.resources import Resources
from shared.tasks import PROJECT_REMOVAL, NewTask, TaskLedger
from shared.testing.project import Workspace

pytestmark = pytest.mark.integration

_DATASET = "INSERT INTO datasets (id, project_id, name) VALUES ($1, $2, $3)"
_VERSION = """
INSERT INTO dataset_versions (dataset_id, version, filename, raw_keys, raw_bytes, raw_sha256, parquet_key,
                              parquet_bytes, row_count)
VALUES ($1, 1, 'f', ARRAY[$2], $3, '', $2 || '/parquet', $4, $5)
"""


async def store(
    session: Session, project_id: UUID, raw: int, parquet: int | None = None, rows: int | None = None
) -> None:
    """A dataset with one version of these figures."""
    dataset_id = new_id()
    await session.execute(_DATASET, dataset_id, project_id, str(dataset_id))
    await session.execute(_VERSION, dataset_id, f"{project_id}/{dataset_id}", raw, parquet, rows)


async def limit(database: Database, project_id: UUID, column: str, value: int | None) -> None:
    """Set one limit of the project."""
    async with database.transaction() as session:
        await session.execute(
            f"INSERT INTO project_quotas (project_id, {column}) VALUES ($1, $2) "  # noqa: S608 - the test's own names
            f"ON CONFLICT (project_id) DO UPDATE SET {column} = $2",
            project_id,
            value,
        )


async def accepted(attempts: list[Awaitable[None]], refusal: type[Exception]) -> int:
    """How many of the parallel attempts were accepted; the others were refused so, and not otherwise."""
    ends = await asyncio.gather(*attempts, return_exceptions=True)
    assert all(end is None or isinstance(end, refusal) for end in ends), ends
    return sum(end is None for end in ends)


def patiently(database: Database, work: Callable[[Session], Awaitable[object]]) -> Awaitable[None]:
    """One attempt in a transaction of its own."""

    async def attempt() -> None:
        async with database.transaction() as session:
            await work(session)

    return attempt()


@pytest.fixture
async def patient(settings: Settings, database: Database) -> Database:
    """A pool whose users wait for a connection, and for a lock, as long as the test takes."""
    waits = {"database_acquire_timeout_seconds": 60.0, "database_lock_timeout_seconds": 60.0}
    return Database(settings.model_copy(update=waits))


class TestBytes:
    async def test_raw_and_parquet_count_and_other_projects_do_not(
        self, settings: Settings, database: Database, workspace: Workspace
    ) -> None:
        other = Workspace(*(new_id() for _ in range(5)))
        await other.write(database)
        async with database.transaction() as session:
            await store(session, workspace.project_id, 100, 30, 7)
            await store(session, workspace.project_id, 5)
            await store(session, other.project_id, 1000, 1000, 1000)
            quotas = await read_quotas(session, settings, workspace.project_id)
        assert (quotas.bytes.used, quotas.rows.used, quotas.bytes.is_default) == (135, 7, True)
        assert quotas.bytes.limit == settings.quota_bytes

    async def test_to_the_byte(self, settings: Settings, database: Database, workspace: Workspace) -> None:
        await limit(database, workspace.project_id, "max_bytes", 100)
        async with database.transaction() as session:
            await store(session, workspace.project_id, 60, 30)
            await require_bytes(session, settings, workspace.project_id, 10)
            with pytest.raises(QuotaExceeded, match="may have 100 bytes stored and has 90; this needs 11 more"):
                await require_bytes(session, settings, workspace.project_id, 11)

    async def test_null_is_the_instances_setting(
        self, settings: Settings, database: Database, workspace: Workspace
    ) -> None:
        await limit(database, workspace.project_id, "max_bytes", None)
        small = settings.model_copy(update={"quota_bytes": 9})
        async with database.transaction() as session:
            await require_bytes(session, small, workspace.project_id, 9)
            with pytest.raises(QuotaExceeded):
                await require_bytes(session, small, workspace.project_id, 10)

    async def test_above_the_limit_nothing_is_added_but_nothing_is_refused_either(
        self, settings: Settings, database: Database, workspace: Workspace
    ) -> None:
        async with database.transaction() as session:
            await store(session, workspace.project_id, 60)
        await limit(database, workspace.project_id, "max_bytes", 50)
        async with database.transaction() as session:
            await require_bytes(session, settings, workspace.project_id, 0)
            with pytest.raises(QuotaExceeded):
                await require_bytes(session, settings, workspace.project_id, 1)

    async def test_fifty_at_once(self, settings: Settings, patient: Database, workspace: Workspace) -> None:
        await limit(patient, workspace.project_id, "max_bytes", 1000)

        async def add(session: Session) -> None:
            await require_bytes(session, settings, workspace.project_id, 64)
            # Time for others to count what is not stored yet.
            await asyncio.sleep(0.01)
            await store(session, workspace.project_id, 64)

        assert await accepted([patiently(patient, add) for _ in range(50)], QuotaExceeded) == 15
        async with patient.transaction() as session:
            assert (await read_quotas(session, settings, workspace.project_id)).bytes.used == 960
        await patient.close()

    async def test_a_removed_project_takes_nothing(
        self, settings: Settings, database: Database, workspace: Workspace
    ) -> None:
        async with database.transaction() as session:
            await session.execute("UPDATE projects SET deleted_at = now() WHERE id = $1", workspace.project_id)
            with pytest.raises(NotFound):
                await require_bytes(session, settings, workspace.project_id, 0)


async def test_rows(settings: Settings, database: Database, workspace: Workspace) -> None:
    await limit(database, workspace.project_id, "max_rows", 10)
    async with database.transaction() as session:
        await store(session, workspace.project_id, 1, 1, 7)
        await require_rows(session, settings, workspace.project_id, 3)
        with pytest.raises(QuotaExceeded, match="10 rows"):
            await require_rows(session, settings, workspace.project_id, 4)


class TestTasks:
    async def test_unfinished_ones_count(
        self, settings: Settings, resources: Resources, workspace: Workspace, database: Database
    ) -> None:
        await limit(database, workspace.project_id, "max_tasks", 2)
        order = NewTask("compute", "test", workspace.project_id, workspace.owner)
        async with database.transaction() as session:
            first = await resources.ledger.submit(session, order)
            await resources.ledger.submit(session, order)
            with pytest.raises(TooManyTasks) as refused:
                await resources.ledger.submit(session, order)
            assert (refused.value.status, refused.value.code) == (429, "too_many_tasks")
            assert int(refused.value.headers["Retry-After"]) > 0
            await session.execute(
                "UPDATE analysis_tasks SET status = 'failed', finished_at = now() WHERE id = $1", first.id
            )
            await require_task(session, settings, workspace.project_id)
            await resources.ledger.submit(session, order)

    async def test_the_removal_of_a_project_is_no_task_of_it(
        self, resources: Resources, workspace: Workspace, database: Database
    ) -> None:
        await limit(database, workspace.project_id, "max_tasks", 0)
        async with database.transaction() as session:
            await resources.ledger.submit(
                session, NewTask(PROJECT_REMOVAL, "maintenance", workspace.project_id, workspace.owner)
            )

    async def test_thirty_at_once(self, resources: Resources, patient: Database, workspace: Workspace) -> None:
        await limit(patient, workspace.project_id, "max_tasks", 10)
        ledger: TaskLedger = resources.ledger
        order = NewTask("compute", "test", workspace.project_id, workspace.owner)
        attempts = [patiently(patient, lambda session: ledger.submit(session, order)) for _ in range(30)]
        assert await accepted(attempts, TooManyTasks) == 10
        await patient.close()


class TestLlmTokens:
    async def test_set_aside_then_settled(self, settings: Settings, database: Database, workspace: Workspace) -> None:
        await limit(database, workspace.project_id, "max_llm_tokens", 100)
        async with database.transaction() as session:
            booking = await require_llm_tokens(session, settings, workspace.project_id, workspace.editor, 80)
            with pytest.raises(QuotaExceeded, match="LLM tokens a month"):
                await require_llm_tokens(session, settings, workspace.project_id, workspace.owner, 21)
        async with database.transaction() as session:
            await record_llm_tokens(session, booking, tokens_in=30, tokens_out=5, cost=Decimal("0.25"))
            quota = (await read_quotas(session, settings, workspace.project_id)).llm_tokens
            row = await session.fetch_value(
                "SELECT (tokens_in, tokens_out, cost)::text FROM llm_usage WHERE user_id = $1", workspace.editor
            )
        assert (quota.used, quota.left, row) == (35, 65, "(30,5,0.250000)")

    async def test_twenty_at_once(self, settings: Settings, patient: Database, workspace: Workspace) -> None:
        await limit(patient, workspace.project_id, "max_llm_tokens", 100)

        async def ask(session: Session) -> None:
            await require_llm_tokens(session, settings, workspace.project_id, workspace.editor, 30)

        assert await accepted([patiently(patient, ask) for _ in range(20)], QuotaExceeded) == 3
        await patient.close()

    async def test_last_month_is_over(self, settings: Settings, database: Database, workspace: Workspace) -> None:
        async with database.transaction() as session:
            await session.execute(
                "INSERT INTO llm_usage (project_id, user_id, month, tokens_in) "
                "VALUES ($1, $2, date_trunc('month', now() - interval '1 month')::date, 1000000)",
                workspace.project_id,
                workspace.owner,
            )
            assert (await read_quotas(session, settings, workspace.project_id)).llm_tokens.used == 0
