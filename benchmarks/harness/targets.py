"""The servers under measurement: ours, the baselines and the bare server, on the same stores, one worker each."""

import json
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..baselines import seed
from .client import FULL_NAME, call, new_user
from .errors import BenchError
from .instance import GATEWAY, Instance
from .load import Load, ab, wrk
from .processes import Server, free_port
from .usage import usage

PATH = "/api/v1/auth/me"
MEMBERS = {"id", "email", "full_name", "role", "is_active", "created_at"}
CONNECTIONS = 10
REQUESTS = 1000
BASELINES = ("naive", "template", "floor")
DATABASE = "bench_baselines"


@dataclass(slots=True)
class Target:
    """One server and what its rounds gave."""

    name: str
    pid: int
    url: str
    token: str
    wrk: list[Load] = field(default_factory=list)
    ab: list[Load] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    def warm(self) -> None:
        """A second of load that is not counted."""
        wrk(self.url, self.token, connections=CONNECTIONS, seconds=1)

    def thousand(self) -> Load:
        """The specification's own load test."""
        return ab(self.url, self.token, requests=REQUESTS, connections=CONNECTIONS)

    def measure(self, seconds: int) -> None:
        """One round: kept connections, with processor time per request, then new connections."""
        before = usage(self.pid).cpu_seconds
        kept = wrk(self.url, self.token, connections=CONNECTIONS, seconds=seconds)
        self.cpu_us.append((usage(self.pid).cpu_seconds - before) / kept.requests * 1e6)
        self.wrk.append(kept)
        self.ab.append(self.thousand())


@contextmanager
def targets(instance: Instance) -> Iterator[list[Target]]:
    """Ours first, then the baselines and the bare server, each proven to answer alike."""
    user = new_user(instance.gateway_url)
    secret = secrets.token_urlsafe(32)
    with ExitStack() as stack:
        database_url = stack.enter_context(_database(instance.database_url))
        token = seed.issue_token(seed.insert_user(database_url, user.email, FULL_NAME), secret)
        environment = {
            "BASELINE_DATABASE_URL": database_url,
            "BASELINE_REDIS_URL": instance.redis_url,
            "BASELINE_SECRET": secret,
        }
        servers = [stack.enter_context(_baseline(name, environment)) for name in BASELINES]
        others = [Target(it.name, it.pid, f"http://127.0.0.1:{it.port}{PATH}", token) for it in servers]
        found = [Target("ours", instance.pid(GATEWAY), instance.gateway_url + PATH, user.token), *others]
        _check_answers(found)
        yield found


@contextmanager
def _database(server_url: str) -> Iterator[str]:
    """A database of the baselines' own, dropped at the end; its URL."""
    seed.create_database(server_url, DATABASE)
    try:
        yield urlsplit(server_url)._replace(path=f"/{DATABASE}").geturl()
    finally:
        seed.drop_database(server_url, DATABASE)


def _baseline(name: str, environment: dict[str, str]) -> Server:
    """One uvicorn worker with uvloop and httptools, access log off."""
    port = free_port()
    options = ["--port", str(port), "--no-access-log", "--log-level", "warning"]
    command = [sys.executable, "-m", "uvicorn", f"benchmarks.baselines.{name}:app", *options]
    return Server(name, command, port, env=environment)


def _check_answers(found: list[Target]) -> None:
    for target in found:
        answer = call("GET", target.url, token=target.token)
        if not answer.keys() >= MEMBERS or answer["full_name"] != FULL_NAME:
            raise BenchError(f"{target.name} answered something else: {json.dumps(answer)}")
