"""Count what a server asks of Redis and PostgreSQL, told from its neighbours by the ports of its own connections."""

import secrets
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Self

import psycopg
import redis

from .usage import local_ports

BACKENDS = "SELECT client_port, backend_start, query_start FROM pg_stat_activity WHERE client_port > 0"


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one server over some requests: commands to Redis, commands inside its scripts, connections that ran SQL."""

    commands: Counter[str]
    inside_scripts: Counter[str]
    statements: int


class Counting:
    """Within the `with` block each command to Redis is recorded; `counts()` after it says what `pid` sent."""

    def __init__(self, pid: int, redis_url: str, database_url: str) -> None:
        self._pid = pid
        self._database_url = database_url
        self._redis = redis.Redis.from_url(redis_url)
        self._end = secrets.token_hex(8)
        self._sent: Counter[tuple[int, str]] = Counter()
        self._inside: Counter[str] = Counter()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._ports = local_ports(self._pid)
        self._before = self._backends()
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._redis.echo(self._end)
        self._thread.join()
        self._ports |= local_ports(self._pid)
        self._after = self._backends()
        self._redis.close()

    def counts(self) -> Counts:
        """What the server sent while the block ran."""
        commands: Counter[str] = Counter()
        for (port, name), number in self._sent.items():
            if port in self._ports:
                commands[name] += number
        return Counts(commands, self._inside, self._statements())

    def _listen(self) -> None:
        with self._redis.monitor() as monitor:  # type: ignore[no-untyped-call]
            self._listening.set()
            while True:
                seen = monitor.next_command()
                words = seen["command"].split(" ", 2)
                if self._end in words:
                    return
                if seen["client_type"] == "lua":
                    self._inside[words[0].upper()] += 1
                else:
                    self._sent[int(seen["client_port"]), words[0].upper()] += 1

    def _backends(self) -> dict[int, tuple[object, object]]:
        """By client port, when each of the server's connections began and when its last statement started."""
        with psycopg.connect(self._database_url) as connection:
            rows = connection.execute(BACKENDS).fetchall()
        return {port: (began, last) for port, began, last in rows if port in self._ports}

    def _statements(self) -> int:
        """Connections that ran anything: an idle one keeps the time of its last statement."""
        return sum(self._before.get(port) != seen for port, seen in self._after.items())
