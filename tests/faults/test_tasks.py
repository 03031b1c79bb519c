"""Every fault once while people give work of all kinds: nothing acknowledged is lost, and nothing is done twice."""

import asyncio
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import asyncpg
import psutil
import pytest

from environment import inherited
from programs import programs
from selection import Selection

from ..adversarial.places import Place
from ..patience import wait_for
from .clients import Load
from .conftest import Join
from .harm import Harms
from .ledger import Ledger
from .leftovers import Leftovers
from .processes import computing, kill, stopped
from .proxy import Proxies
from .records import Record, read
from .report import Report
from .servers import Servers
from .show import Order, Show, judge
from .stage import Stage
from .workload import Customer

pytestmark = pytest.mark.e2e

TASKS = 120
# What hurts a service or server alone under such work is in the tests beside this one.
FAULTS = (
    *("kill:api-gateway", "kill:data-service", "kill:ai-service", "kill:data-worker", "kill:ai-worker", "kill:beat"),
    *("kill:compute-server", "kill:compute-child", "kill:compute-of-service", "kill:raylet"),
    *("kill:redis", "away:redis", "redis:flush", "kill:postgres", "postgres:immediate", "postgres:terminate"),
    *("kill:object-store", "away:object-store", "stop:object-store", "bells", "malformed", "everything"),
)
PATIENCE_SECONDS = 180.0
SETTLING_SECONDS = 120.0
# How long a request holds its key, and how long none takes here.
LOCK_SECONDS = 30.0
LONGEST_REQUEST_SECONDS = 4.0


@pytest.fixture
def stage(place: Place) -> Iterator[Stage]:
    with Proxies([]) as proxies:
        yield Stage(place.instance, place.instance, proxies)


def test_every_fault_once(stage: Stage, servers: Servers, ledger: Ledger, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    canary = tmp_path / "canary"
    kinds = {name: kind for name, kind in Harms(stage, canary).kinds().items() if name in FAULTS}
    assert len(kinds) == len(FAULTS)
    order = Order(
        *(seed, TASKS, len(kinds), PATIENCE_SECONDS),
        customers=4,
        followers=2,
        gap=1.0,
        trouble_gap=3.0,
        troubles=("poison", "search"),
    )
    report, began = Report(seed), time.monotonic()
    with ExitStack() as stack:
        leftovers = Leftovers(stage, canary, sweeps=False)
        show = Show(stage, order, ledger, kinds, stack)
        stack.callback(show.tidy_up)
        # What was asked of a service that died would be refused for half a minute.
        with Load(lambda: hurry(servers.database_url), pause=1.0):
            show.play()
        records = judge(show, report, leftovers)
    report.seconds = time.monotonic() - began
    report.tell(ledger, show.scheduler.harms, records, len(show.poisoner.harms))
    assert report.is_clean, report.flaws


def hurry(url: str) -> None:
    """As if the time had passed for which a dead request holds its key."""
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError):
        asyncio.run(_hurry(url))


async def _hurry(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=3)
    await connection.execute(
        "UPDATE idempotency_keys SET locked_until = now() WHERE answer IS NULL AND locked_until < now() + $1::interval",
        timedelta(seconds=LOCK_SECONDS - LONGEST_REQUEST_SECONDS),
    )
    await connection.close()


@contextmanager
def another(place: Place, worker: str) -> Iterator[psutil.Process]:
    """A second worker beside the instance's own, while the block runs."""
    nothing = Selection(None, None, None, None, None, place.instance.run)
    program = next(one for one in programs(place.instance, nothing) if one.name == worker)
    command = [part.replace(f"{worker}@", f"{worker}-2@") for part in program.command]
    with (place.instance.logs / f"{worker}-2.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=program.directory, env=inherited() | program.environment, stdout=log, stderr=log
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        leader = psutil.Process(process.pid)
        kill([leader, *leader.children(recursive=True)])
        process.wait()


async def lapse(url: str, task_id: str) -> None:
    """As if the worker had been silent for longer than its lease."""
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE analysis_tasks SET lease_until = now() WHERE id = $1::uuid", task_id)
    await connection.close()


async def is_known(url: str, worker: psutil.Process) -> bool:
    """Whether the worker has begun to take tasks."""
    connection = await asyncpg.connect(url)
    names = [row["name"] for row in await connection.fetch("SELECT name FROM task_workers")]
    await connection.close()
    return any(f":{worker.pid}:" in name for name in names)


def scratches(place: Place) -> set[str]:
    """Folders of computations that are not over."""
    folder = place.instance.run / "cache-scratch"
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


class Watcher:
    """Looks at one task past the services."""

    def __init__(self, stage: Stage, project: str, task_id: str) -> None:
        self.task_id = task_id
        self._stage, self._project = stage, project

    def until(self, status: str, claims: int) -> Record:
        deadline = time.monotonic() + SETTLING_SECONDS
        while time.monotonic() < deadline:
            record = self.look()
            if (record.status, record.claims) == (status, claims):
                return record
            time.sleep(0.02)
        raise AssertionError(f"not {status} in run {claims}: {record}")

    def look(self) -> Record:
        return asyncio.run(read(self._stage.database_url, [self._project])).tasks[self.task_id]


def holder(record: Record) -> psutil.Process:
    """The process that runs the task."""
    return psutil.Process(int(record.runs[-1].worker.partition(":")[2].partition(":")[0]))


def computations(worker: psutil.Process) -> list[psutil.Process]:
    return [child for server in worker.children() for child in computing(server)]


@contextmanager
def frozen(stage: Stage, watcher: Watcher) -> Iterator[psutil.Process]:
    """Whoever runs the task stands still, and its lease runs out."""
    first = holder(watcher.until("running", 1))
    wait_for(lambda: computations(first) != [], SETTLING_SECONDS)
    with stopped([first, *first.children(recursive=True)]):
        asyncio.run(lapse(stage.database_url, watcher.task_id))
        yield first


def test_a_frozen_worker_cannot_write_what_another_has_done(place: Place, stage: Stage, join: Join) -> None:
    customer = Customer(join(), 1)
    with another(place, "data-worker") as twin:
        wait_for(lambda: asyncio.run(is_known(stage.database_url, twin)), SETTLING_SECONDS)
        before = scratches(place)
        watcher = Watcher(stage, customer.project, customer.slow())
        with frozen(stage, watcher):
            watcher.until("succeeded", 2)
        # Now the first one ends, and tidies up.
        wait_for(lambda: scratches(place) <= before, SETTLING_SECONDS)
        record = watcher.look()
        assert (record.status, record.claims, record.results) == ("succeeded", 2, 1)
        assert [run.outcome for run in record.runs] == ["died", "succeeded"]
        assert [status for _, event, status in record.events if event == "state"].count("succeeded") == 1
        assert sum(event == "result" for _, event, _ in record.events) == 1

        watcher = Watcher(stage, customer.project, customer.endless())
        with frozen(stage, watcher) as first:
            second = holder(watcher.until("running", 2))
        # The first one learns that it has lost its task, and lets go of it; the second keeps it.
        wait_for(lambda: computations(first) == [], SETTLING_SECONDS)
        assert computations(second) != []
        assert (watcher.look().status, watcher.look().claims) == ("running", 2)
        customer.call_off(watcher.task_id)
        assert [run.outcome for run in watcher.until("cancelled", 2).runs] == ["died", "cancelled"]
