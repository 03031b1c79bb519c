"""Streams of events: what a thousand cost one AI service process, and how late an event reaches its client."""

import argparse
import asyncio
import re
import statistics
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .harness.client import User, call, new_user
from .harness.errors import run_main
from .harness.event_streams import Stream, Tasks, open_streams
from .harness.instance import AI_SERVICE, OUT_OF_REACH, QUIET, Instance, running
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, table
from .harness.usage import usage

OPEN, OPEN_TASKS, MEMORY_TARGET_MIB = 1000, 100, 150
SETTLED_SECONDS, IDLE_SECONDS, REQUESTS = 12.0, 20.0, 100
STREAMS, TASKS, SECONDS, P99_TARGET_MS = 200, 20, 15.0, 200
MILLISECONDS = 1000
HEAD = ("streams", "events a second", "deliveries", "p50 ms", "p99 ms", "max ms", "lost", "doubled", "CPU, cores")


@dataclass(frozen=True, slots=True)
class Open:
    """A process with many open streams."""

    count: int
    before_mib: float
    peak_mib: float
    transactions: float
    asked_ms: Sequence[float]


@dataclass(frozen=True, slots=True)
class Flow:
    """Events on their way to many clients."""

    way: str
    rate: float
    late_ms: Sequence[float]
    lost: int
    doubled: int
    cores: float

    @property
    def p99_ms(self) -> float:
        """The latency that one delivery in a hundred exceeded."""
        return statistics.quantiles(self.late_ms, n=100)[98]

    def row(self) -> list[str]:
        """A line of the table."""
        times = [f"{value:.1f}" for value in (statistics.median(self.late_ms), self.p99_ms, max(self.late_ms))]
        rest = [str(self.lost), str(self.doubled), f"{self.cores:.2f}"]
        return [self.way, f"{self.rate:g}", str(len(self.late_ms)), *times, *rest]


def peak_mib(pid: int) -> float:
    """The most memory that the process has held."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


async def hold_open(tasks: Tasks, project_id: str, url: str, user: User, pid: int) -> Open:
    """A thousand streams that wait, by themselves and then with ordinary requests beside them."""
    before = peak_mib(pid)
    streams = await open_streams(url, user.token, await tasks.make(project_id, OPEN_TASKS), OPEN)
    # A process of PostgreSQL that has nothing to do tells what it has done only after ten seconds.
    await asyncio.sleep(SETTLED_SECONDS)
    done = await tasks.transactions()
    await asyncio.sleep(IDLE_SECONDS)
    rate = (await tasks.transactions() - done) / IDLE_SECONDS
    asked = [await asyncio.to_thread(_ask, url, user) for _ in range(REQUESTS)]
    await tasks.end()
    async with asyncio.timeout(IDLE_SECONDS * 3):
        for stream in streams:
            await stream.closed.wait()
    return Open(len(streams), before, peak_mib(pid), rate, asked)


def _ask(url: str, user: User) -> float:
    started = time.perf_counter()
    call("GET", f"{url}?limit=1", token=user.token)
    return (time.perf_counter() - started) * MILLISECONDS


async def flow(tasks: Tasks, project_id: str, way: tuple[str, str], user: User, pid: int, each: float) -> Flow:
    """Events of twenty tasks to two hundred clients, `each` so many a second."""
    name, url = way
    task_ids = await tasks.make(project_id, TASKS)
    streams = await open_streams(url, user.token, task_ids, STREAMS)
    spent = usage(pid).cpu_seconds
    await tasks.emit_steadily(task_ids, each, SECONDS)
    await asyncio.sleep(1)
    spent = (usage(pid).cpu_seconds - spent) / (SECONDS + 1)
    expected = sum(len(tasks.sent[stream.task_id]) for stream in streams)
    late = [
        (at - tasks.sent[stream.task_id][number - 1]) * MILLISECONDS
        for stream in streams
        for number, at in stream.received.items()
    ]
    close(streams)
    return Flow(f"{STREAMS} {name}", each * TASKS, late, expected - len(late), sum(s.doubled for s in streams), spent)


def close(streams: Sequence[Stream]) -> None:
    """Hang up everywhere."""
    for stream in streams:
        stream.close()


async def measure(instance: Instance) -> tuple[Open, list[Flow]]:
    """All parts, on one process that was fresh at the beginning."""
    user, pid = new_user(instance.gateway_url), instance.pid(AI_SERVICE)
    gateway = f"{instance.gateway_url}/api/v1/tasks"
    direct = f"http://127.0.0.1:{instance.values['AI_SERVICE_PORT']}/tasks"
    project = call("POST", f"{instance.gateway_url}/api/v1/projects", token=user.token, body={"name": uuid.uuid4().hex})
    async with Tasks(instance.database_url, instance.redis_url) as tasks:
        held = await hold_open(tasks, project["id"], direct, user, pid)
        flows = [
            await flow(tasks, project["id"], way, user, pid, each)
            for way in (("at the service", direct), ("through the gateway", gateway))
            for each in (1.0, 20.0)
        ]
    return held, flows


def checks(held: Open, flows: Sequence[Flow]) -> list[Check]:
    """Which targets were met."""
    memory = f"{held.count} open streams below {MEMORY_TARGET_MIB} MiB"
    found = [Check(memory, f"{held.peak_mib:.0f} MiB", held.peak_mib < MEMORY_TARGET_MIB)]
    for part in flows:
        text = f"{part.way}, {part.rate:g} events a second: p99 at most {P99_TARGET_MS} ms, none lost or doubled"
        seen = f"{part.p99_ms:.0f} ms, {part.lost} and {part.doubled}"
        found.append(Check(text, seen, part.p99_ms <= P99_TARGET_MS and not part.lost and not part.doubled))
    return found


def main() -> int:
    """Open a thousand streams, then time events on their way to two hundred."""
    parser = argparse.ArgumentParser(prog="streams.sh", description=__doc__)
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    publish = parser.parse_args().publish
    with running(QUIET | OUT_OF_REACH) as instance:
        held, flows = asyncio.run(measure(instance))
    asked = statistics.quantiles(held.asked_ms, n=20)[18]
    idle = (
        f"{held.count} streams of {OPEN_TASKS} tasks: from {held.before_mib:.0f} to at most {held.peak_mib:.0f} MiB, "
        f"{held.transactions:.1f} transactions a second in all; GET /tasks meanwhile {asked:.1f} ms (p95)."
    )
    lines = table(HEAD, [part.row() for part in flows])
    return finish("streams.sh", [idle, lines], checks(held, flows), publish=publish)


if __name__ == "__main__":
    run_main(main)
