"""Looks at the processes of a stage every few seconds: memory, descriptors, threads and connections of each."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg
import psutil
import redis

from supervisor import Supervisor

from .harm import SERVICES, WORKERS
from .judging import Answer, Sample
from .processes import COMPUTE
from .stage import Stage

EVERY_SECONDS = 3.0
WATCHED = (*SERVICES, *WORKERS, "beat")
YARDSTICK = "the machine"
YARDSTICK_STEPS = 150_000
_CLIENTS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


class Vitals:
    """Takes samples in a thread of its own while the block runs."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._targets = stage.targets()
        self.samples: list[Sample] = []
        # What the same work of our own took at each look: how busy the machine was.
        self.machine: list[Answer] = []
        # (when, how many clients) of the servers, as they say themselves.
        self.clients: dict[str, list[tuple[float, int]]] = {"postgres": [], "redis": []}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vitals", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            began = time.perf_counter()
            sum(range(YARDSTICK_STEPS))
            self.machine.append(Answer(time.time(), YARDSTICK, time.perf_counter() - began))
            self._look()
            self._ask()

    def _look(self) -> None:
        with suppress(OSError, psutil.Error):
            known = Supervisor(self._stage.services).processes()
            # asyncpg cancels a statement on a connection beside its pool, as the protocol asks for.
            sockets = leading_to(self._targets, self._stage.proxies.cancelling)
            for name in WATCHED:
                if name in known and known[name].pid:
                    with suppress(OSError, psutil.Error):
                        self.samples += family(name, known[name].pid, sockets)

    def _ask(self) -> None:
        # While a server is away nobody has a connection to it.
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            self.clients["postgres"].append((time.time(), asyncio.run(_clients(self._stage.database_url))))
        with suppress(redis.RedisError), redis.Redis.from_url(self._stage.redis_url, socket_timeout=2) as server:
            self.clients["redis"].append((time.time(), int(server.info("clients")["connected_clients"])))


def family(name: str, pid: int, sockets: Mapping[str, str]) -> list[Sample]:
    """A process and the fork server of its computations, now."""
    servers = [one for one in children(pid) if COMPUTE in Path(f"/proc/{one}/cmdline").read_text()]
    return [sample(name, pid, sockets), *(sample(f"{name}, computing", one, sockets) for one in servers)]


def children(pid: int) -> list[int]:
    """The processes that this one has started."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in found for child in file.read_text().split()]


def sample(name: str, pid: int, sockets: Mapping[str, str]) -> Sample:
    """One process, now."""
    process = psutil.Process(pid)
    with process.oneshot():
        life = (pid, process.create_time())
        memory, threads = process.memory_info().rss / 1e6, process.num_threads()
    opened = descriptors(pid)
    links = Counter(sockets[one] for one in opened if one in sockets)
    return Sample(time.time(), name, life, memory, len(opened), threads, links)


def descriptors(pid: int) -> list[str]:
    """What the descriptors of a process lead to: a path, or `socket:[inode]` and the like."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        # It may be closed since.
        with suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return found


def leading_to(targets: Mapping[int, str], apart: Callable[[], Collection[int]]) -> dict[str, str]:
    """Which server each connected socket of the machine leads to, by the port at its other end.

    Without sockets whose own ports `apart` names once the list of them has been read.
    """
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    others, found = apart(), {}
    for line in lines:
        fields = line.split()
        own, far = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
        if far in targets and own not in others:
            found[f"socket:[{fields[9]}]"] = targets[far]
    return found


async def _clients(url: str) -> int:
    connection = await asyncpg.connect(url, timeout=2, command_timeout=2)
    try:
        count: int = await connection.fetchval(_CLIENTS)
        return count
    finally:
        connection.terminate()
