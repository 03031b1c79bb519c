"""The ledger's gauges are what its tables say; while PostgreSQL is away the last ones are told, and since when."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.core import Metric
from pydantic import SecretStr

from shared.config import Settings
from shared.database import Database
from shared.ids import new_id
from shared.metrics.ledger import LedgerFigures
from shared.resources import Resources
from shared.tasks import Queue, TaskError, worker_registry
from shared.tasks.leases import POISON
from shared.tasks.worker_registry import Entry
from shared.testing.leasing import Workers, submit_new
from shared.testing.project import Workspace
from shared.testing.proxy import Proxy

pytestmark = pytest.mark.integration

TRUTH = """
SELECT queue, status, count(*) FROM analysis_tasks
WHERE finished_at IS NULL OR finished_at > now() - interval '1 hour' GROUP BY queue, status
"""
AGES = "UPDATE analysis_tasks SET finished_at = finished_at - $1::interval WHERE queue = $2 AND status = 'failed'"


class Read:
    """Samples of some families by name and labels."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self.values = {
            (sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples
        }

    def __call__(self, name: str, *labels: str) -> float:
        return self.values[(name, *labels)]


@pytest.fixture
def make(resources: Resources) -> Workers:
    return Workers(resources)


@pytest.fixture
async def figures(resources: Resources) -> LedgerFigures:
    return LedgerFigures("ai-service", resources)


async def prepare(resources: Resources, workspace: Workspace, make: Workers) -> None:
    """Tasks in each state, of two queues of the AI service and of one that is not its."""
    first = await submit_new(resources, workspace, queue=Queue.ANALYSIS)
    for _ in range(7):
        await submit_new(resources, workspace, queue=Queue.ANALYSIS)
    leases = make(queue=Queue.ANALYSIS)
    runs = [await make.claimed(leases) for _ in range(5)]
    assert runs[0].id == first.id
    await leases.cancel(runs[0])
    await leases.fail(runs[1], TaskError("no_rows", "None."))
    await leases.fail(runs[2], POISON)
    await submit_new(resources, workspace, queue=Queue.ANALYSIS, after=(runs[3].id,))
    await submit_new(resources, workspace, queue=Queue.LLM)
    later = make(queue=Queue.LLM)
    await later.release(await make.claimed(later), counted=False, delay_seconds=600)
    await submit_new(resources, workspace, queue=Queue.INGEST)


class TestTruth:
    async def test_per_queue_and_status(
        self, resources: Resources, workspace: Workspace, make: Workers, figures: LedgerFigures
    ) -> None:
        await prepare(resources, workspace, make)
        read = Read(await figures.families())
        async with resources.database.transaction() as session:
            rows = await session.fetch_all(dict, TRUTH)
        truth = {("tasks", row["queue"], row["status"]): row["count"] for row in rows if row["queue"] != Queue.INGEST}
        told = {key: value for key, value in read.values.items() if key[0] == "tasks"}
        assert {key: value for key, value in told.items() if value} == truth
        assert len(told) == 3 * 5
        assert truth["tasks", "analysis", "queued"] == 4
        # One waits for another task, and one for ten minutes.
        assert [read("task_queue_depth", queue) for queue in ("analysis", "train", "llm")] == [3, 0, 0]
        assert [read("task_dead_letters", queue) for queue in ("analysis", "train", "llm")] == [1, 0, 0]

    async def test_what_ended_long_ago_is_not_told(
        self, resources: Resources, workspace: Workspace, make: Workers, figures: LedgerFigures
    ) -> None:
        await prepare(resources, workspace, make)
        for age, failed, dead in ((timedelta(hours=2), 0, 1), (timedelta(hours=23), 0, 0)):
            async with resources.database.transaction() as session:
                await session.execute(AGES, age, Queue.ANALYSIS)
            read = Read(await figures.families())
            assert (read("tasks", "analysis", "failed"), read("task_dead_letters", "analysis")) == (failed, dead)

    async def test_the_oldest_grows_older_until_it_is_claimed(
        self, resources: Resources, workspace: Workspace, make: Workers, figures: LedgerFigures
    ) -> None:
        assert Read(await figures.families())("task_oldest_queued_seconds", "train") == 0
        await submit_new(resources, workspace, queue=Queue.TRAIN)
        ages = [Read(await figures.families())("task_oldest_queued_seconds", "train")]
        await asyncio.sleep(0.2)
        ages.append(Read(await figures.families())("task_oldest_queued_seconds", "train"))
        assert 0 < ages[0] < ages[0] + 0.2 <= ages[1] < 120
        await make.claimed(make(queue=Queue.TRAIN))
        assert Read(await figures.families())("task_oldest_queued_seconds", "train") == 0

    async def test_workers_of_the_service(self, resources: Resources, figures: LedgerFigures) -> None:
        async with resources.database.transaction() as session:
            for name, service in (("a", "ai-service"), ("b", "ai-service"), ("c", "data-service")):
                entry = Entry(name, new_id(), service, {"analysis": 1}, "1")
                await worker_registry.put(session, entry, is_draining=False)
            await session.execute("UPDATE task_workers SET seen_at = now() - interval '31 s' WHERE name = 'b'")
        read = Read(await figures.families())
        assert {key: value for key, value in read.values.items() if key[0] == "workers_alive"} == {
            ("workers_alive", "ai-service"): 1
        }
        assert abs(read("ledger_read_timestamp_seconds") - datetime.now(UTC).timestamp()) < 60


class TestAway:
    @pytest.fixture
    async def proxied(self, settings: Settings, resources: Resources) -> AsyncIterator[Proxy]:
        async with Proxy.before(settings.database_url.get_secret_value()) as (proxy, url):
            database = resources.database
            resources.database = Database(settings.model_copy(update={"database_url": SecretStr(url)}))
            yield proxy
            await resources.database.close()
            resources.database = database

    async def test_the_last_figures_are_told(
        self, resources: Resources, workspace: Workspace, make: Workers, proxied: Proxy
    ) -> None:
        await prepare(resources, workspace, make)
        figures = LedgerFigures("ai-service", resources)
        before = Read(await figures.families())
        proxied.cut()
        started = time.monotonic()
        during = Read(await figures.families())
        assert time.monotonic() - started < 5
        assert during.values == before.values
        proxied.restore()
        await submit_new(resources, workspace, queue=Queue.TRAIN)
        after = Read(await figures.families())
        assert after("tasks", "train", "queued") == 1
        assert after("ledger_read_timestamp_seconds") > before("ledger_read_timestamp_seconds")

    async def test_nothing_is_told_before_the_first_reading(self, resources: Resources, proxied: Proxy) -> None:
        proxied.cut()
        assert await LedgerFigures("ai-service", resources).families() == ()

    async def test_a_silent_database_holds_up_nobody_for_long(self, resources: Resources, proxied: Proxy) -> None:
        figures = LedgerFigures("ai-service", resources)
        before = Read(await figures.families())
        proxied.downstream = lambda _: b""
        started = time.monotonic()
        assert Read(await figures.families()).values == before.values
        assert time.monotonic() - started < 5
        # It goes on until the connection is given up; nobody waits for that.
        reading = figures._kept._reading
        assert reading is not None
        assert not reading.done()
        proxied.downstream = bytes
        proxied.cut()
        proxied.restore()

        async def again() -> float:
            return Read(await figures.families())("ledger_read_timestamp_seconds")

        for _ in range(60):
            if await again() > before("ledger_read_timestamp_seconds"):
                return
        raise AssertionError("it was not read again")
