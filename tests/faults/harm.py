"""What can be done to an instance: the kinds of faults that a plan is made of."""

import asyncio
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import asyncpg
import psutil
import redis

from .messages import bell, malformed, push
from .processes import kill, stopped
from .proxy import Mode, Rule
from .scheduler import Fault, Kind
from .stage import EXTRA_WORKERS, Stage

SERVICES = ("api-gateway", "data-service", "ai-service")
WORKERS = ("data-worker", "ai-worker", *EXTRA_WORKERS)
QUEUES = ("ingest", "analysis", "train", "llm", "maintenance")
SERVERS = ("postgres", "redis", "object-store")
SHORT = (1.0, 4.0)
OUTAGE = (2.0, 7.0)
# Longer than a lease lasts, with time for another worker to take the task and to end it.
BEYOND_LEASE = (17.0, 22.0)
BACK_SECONDS = 120.0
DUPLICATES = 50

# After one of these a run may count as dead, because its process was or because nobody could hear it.
DEADLY = ("kill:", "stop:", "restart:", "postgres:", "away:postgres", "everything", "malformed", "poison")


class Harms:
    """All kinds, for one stage."""

    def __init__(self, stage: Stage, canary: Path) -> None:
        self._stage = stage
        self._canary = canary

    def kinds(self) -> dict[str, Kind]:
        """By name: what is hurt, how, and for how long."""
        return {
            **self._processes(),
            **self._computing(),
            **self._ray(),
            **self._servers(),
            **self._links(),
            "postgres:immediate": Kind("postgres", self._crash_postgres),
            "postgres:terminate": Kind("postgres", self._terminate, SHORT),
            "redis:flush": Kind("redis", self._flush),
            "bells": Kind("bells", self._ring_often),
            "malformed": Kind("bells", self._push_malformed),
            "everything": Kind("everything", self._kill_everything, every=2),
        }

    def _processes(self) -> dict[str, Kind]:
        programs = (*SERVICES, *WORKERS, "beat")
        kinds = {f"kill:{name}": Kind(name, partial(self._kill, name)) for name in programs}
        for name in programs:
            seconds = BEYOND_LEASE if name in WORKERS else SHORT
            kinds[f"stop:{name}"] = Kind(name, partial(self._stop, name), seconds, every=2 if name in WORKERS else 1)
        return kinds | {f"restart:{name}": Kind(name, partial(self._restart, name), every=2) for name in WORKERS}

    def _computing(self) -> dict[str, Kind]:
        return {
            "kill:compute-server": Kind("compute", self._kill_server),
            "kill:compute-child": Kind("compute", self._kill_child),
            "stop:compute-child": Kind("compute", self._stop_child, SHORT),
            "kill:compute-of-service": Kind("compute", self._kill_server_of_service),
        }

    def _ray(self) -> dict[str, Kind]:
        kinds = {f"kill:{part}": Kind("ray", partial(self._kill_ray, part), every=3) for part in ("raylet", "gcs")}
        kinds["kill:ray-worker"] = Kind("ray", partial(self._kill_ray, "ray-worker"), every=2)
        kinds["kill:ray"] = Kind("ray", partial(self._kill, "ray"), every=3)
        kinds["stop:ray"] = Kind("ray", partial(self._stop, "ray"), OUTAGE, every=3)
        return kinds

    def _servers(self) -> dict[str, Kind]:
        kinds: dict[str, Kind] = {}
        for server in SERVERS:
            kinds[f"kill:{server}"] = Kind(server, partial(self._kill, server))
            kinds[f"stop:{server}"] = Kind(server, partial(self._stop, server), OUTAGE)
            kinds[f"away:{server}"] = Kind(server, partial(self._away, server), OUTAGE)
        return kinds

    def _links(self) -> dict[str, Kind]:
        kinds: dict[str, Kind] = {}
        for name in (*SERVERS, "data-service", "ai-service"):
            for mode in (Mode.DELAY, Mode.BLACKHOLE, Mode.CUT, Mode.REFUSE):
                kinds[f"{name}:{mode}"] = Kind(f"link to {name}", partial(self._disturb, name, mode), OUTAGE)
        return kinds

    def _kill(self, name: str, fault: Fault) -> str:
        """The process alone: what is below it has to notice."""
        process = self._there(name)
        kill([process])
        self._there(name)
        return f"{process.pid}"

    def _stop(self, name: str, fault: Fault) -> str:
        self._there(name)
        family = self._stage.processes.family(name)
        with stopped(family):
            time.sleep(fault.seconds)
        return f"{len(family)} processes for {fault.seconds:.1f} s"

    def _restart(self, name: str, fault: Fault) -> str:
        self._there(name)
        supervisor = self._stage.supervisor(name)
        supervisor.stop([name])
        supervisor.start([name])
        return "asked to end"

    def _away(self, name: str, fault: Fault) -> str:
        self._there(name)
        supervisor = self._stage.supervisor(name)
        supervisor.stop([name])
        time.sleep(fault.seconds)
        supervisor.start([name])
        self._there(name)
        return f"for {fault.seconds:.1f} s"

    def _disturb(self, name: str, mode: Mode, fault: Fault) -> str:
        chance = _chance(fault)
        rule = Rule(mode, seconds=chance.uniform(0.05, 0.6), limit_bytes=int(2 ** chance.uniform(4, 15)))
        with self._stage.proxies.obeying(name, rule):
            time.sleep(fault.seconds)
        return f"for {fault.seconds:.1f} s" + (f" after {rule.limit_bytes} bytes" if mode is Mode.CUT else "")

    def _kill_server(self, fault: Fault) -> str:
        return self._kill_one(fault, WORKERS, lambda name: self._stage.processes.compute_servers(name))

    def _kill_server_of_service(self, fault: Fault) -> str:
        return self._kill_one(fault, SERVICES, lambda name: self._stage.processes.compute_servers(name))

    def _kill_child(self, fault: Fault) -> str:
        return self._kill_one(fault, WORKERS, lambda name: self._stage.processes.compute_children(name))

    def _kill_one(self, fault: Fault, owners: tuple[str, ...], find: Callable[[str], list[psutil.Process]]) -> str:
        victim = _soon(lambda: _any([one for name in owners for one in find(name)], fault))
        return f"{victim.pid}" if victim and kill([victim]) else "none was there"

    def _stop_child(self, fault: Fault) -> str:
        processes = self._stage.processes
        victim = _soon(lambda: _any([one for name in WORKERS for one in processes.compute_children(name)], fault))
        if victim is None:
            return "none was there"
        with stopped([victim]):
            time.sleep(fault.seconds)
        return f"{victim.pid} for {fault.seconds:.1f} s"

    def _kill_ray(self, part: str, fault: Fault) -> str:
        victim = _soon(lambda: _any(self._stage.processes.ray(part), fault))
        return f"{victim.pid}" if victim and kill([victim]) else "none was there"

    def _crash_postgres(self, fault: Fault) -> str:
        process = self._there("postgres")
        kill([process], signal.SIGQUIT)
        self._there("postgres")
        return f"{process.pid}"

    def _terminate(self, fault: Fault) -> str:
        return f"{asyncio.run(_terminate(self._stage.database_url, fault.seconds))} connections"

    def _flush(self, fault: Fault) -> str:
        with redis.Redis.from_url(self._stage.redis_url, socket_timeout=5) as server, suppress(redis.RedisError):
            server.flushall()
        return "all of it"

    def _ring_often(self, fault: Fault) -> str:
        queue = _chance(fault).choice(QUEUES)
        task_id = asyncio.run(_some_task(self._stage.database_url, queue)) or "00000000-0000-0000-0000-000000000000"
        with suppress(redis.RedisError):
            push(self._stage.redis_url, queue, [bell(queue, task_id)] * DUPLICATES)
        return f"{DUPLICATES} of {queue} for {task_id}"

    def _push_malformed(self, fault: Fault) -> str:
        queue = _chance(fault).choice(QUEUES)
        with suppress(redis.RedisError):
            push(self._stage.redis_url, queue, malformed(queue, self._canary))
        return f"into {queue}"

    def _kill_everything(self, fault: Fault) -> str:
        names = (*SERVERS, *SERVICES, *WORKERS, "beat", "ray")
        found = {name: self._stage.processes.program(name) for name in names}
        victims = {name: process for name, process in found.items() if process is not None}
        kill(victims.values())
        for name in victims:
            self._there(name)
        return f"{len(victims)} processes"

    def _there(self, name: str) -> psutil.Process:
        """The program, once it runs; supervisord is helped when it has given up."""
        deadline = time.monotonic() + BACK_SECONDS
        while time.monotonic() < deadline:
            found = self._stage.processes.program(name)
            if found is not None:
                return found
            self._stage.supervisor(name).start([name])
            time.sleep(0.1)
        raise AssertionError(f"{name} is not back after {BACK_SECONDS} s")


def is_deadly(kind: str) -> bool:
    """Whether a run may count as dead for it."""
    return kind.startswith(DEADLY)


def _chance(fault: Fault) -> random.Random:
    return random.Random(fault.choice)  # noqa: S311 - no secret


def _any(found: list[psutil.Process], fault: Fault) -> psutil.Process | None:
    return _chance(fault).choice(found) if found else None


def _soon(find: Callable[[], psutil.Process | None]) -> psutil.Process | None:
    """What comes and goes quickly has to be waited for."""
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        with suppress(psutil.Error):
            if (found := find()) is not None:
                return found
        time.sleep(0.02)
    return None


async def _terminate(url: str, seconds: float) -> int:
    """Cut a connection ten times a second."""
    cut = 0
    with suppress(OSError, asyncpg.PostgresError):
        connection = await asyncpg.connect(url, timeout=3)
        try:
            for _ in range(int(seconds * 10)):
                await asyncio.sleep(0.1)
                cut += await connection.fetchval(
                    "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1) one"
                )
        finally:
            connection.terminate()
    return cut


async def _some_task(url: str, queue: str) -> str | None:
    with suppress(OSError, asyncpg.PostgresError, TimeoutError):
        connection = await asyncpg.connect(url, timeout=3)
        try:
            found: str | None = await connection.fetchval(
                "SELECT id::text FROM analysis_tasks WHERE queue = $1 ORDER BY random() LIMIT 1", queue
            )
            return found
        finally:
            connection.terminate()
    return None
