"""A noisy neighbour: the latency of one instance alone, and while another on the same machine is flooded."""

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from .harness.checkout import PRODUCTION, Deployed, deployed, require_engine
from .harness.client import User, new_user
from .harness.errors import BenchError, run_main
from .harness.instance import OUT_OF_REACH, QUIET
from .harness.load import require_tools, tool
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, median_ratio, table
from .harness.steady import Ask, Steady, asks
from .harness.usage import family

RATE, SECONDS, ROUNDS = 50.0, 15.0, 3
FLOOD_CONNECTIONS = 32
TARGET = 1.10
# What a flooded service may take of the machine: half of its cores. As shares: a quarter of what an equal would get.
HALF = str(max(0.5, (os.cpu_count() or 2) / 2))
SHARES, NICE = "256", "10"
ALL_IN_ONE = ("api-gateway", "edge", "data-service", "ai-service", "redis", "postgres")
HEAD = ("where", "flooded instance", "flood, req/s", "p50 alone", "p50 beside", "p99 alone", "p99 beside", "p99 ratio")
PATH = "/api/v1/auth/me"


@dataclass(slots=True)
class Found:
    """The rounds of one arrangement: percentiles in milliseconds, and how much the flood got through."""

    where: str
    how: str
    alone: list[tuple[float, float]] = field(default_factory=list)
    beside: list[tuple[float, float]] = field(default_factory=list)
    flood: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def ratio(self) -> float:
        """The p99 beside the flood over that alone, the median over the rounds."""
        return median_ratio([p99 for _, p99 in self.beside], [p99 for _, p99 in self.alone])

    def row(self) -> list[str]:
        """A line of the table."""
        columns = [[pair[place] for pair in pairs] for place in (0, 1) for pairs in (self.alone, self.beside)]
        return [
            self.where,
            self.how,
            f"{statistics.median(self.flood):.0f}",
            *(f"{statistics.median(column):.1f}" for column in columns),
            f"{self.ratio:.2f}",
        ]


class Victim:
    """Whoever uses the instance that is not flooded, at a pace that leaves it nearly idle."""

    def __init__(self, instance: Deployed, user: User) -> None:
        self._url = instance.gateway_url
        kept: Sequence[Ask] = [one for one in asks(user.token, ("GET", PATH, 200, b"")) if not one.fresh]
        self._kinds = kept

    def measure(self) -> tuple[float, float, int]:
        """The p50, the p99 and the failures of some seconds."""
        return asyncio.run(self._measure())

    async def _measure(self) -> tuple[float, float, int]:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(SECONDS, stop.set)
        seen = await Steady(self._url, self._kinds, RATE).run(stop)
        return seen.percentile(50), seen.percentile(99), sum(seen.failures.values())


@dataclass(frozen=True, slots=True)
class Noisy:
    """The instance that is flooded, by whose requests, and on which cores the load runs ("" for any)."""

    instance: Deployed
    user: User
    cores: str = ""


@contextmanager
def flooded(noisy: Noisy, rates: list[float]) -> Iterator[None]:
    """As many requests to it as it takes; the load generator yields to everything else, as if it were elsewhere."""
    seconds = int(SECONDS * 3)
    command = ["taskset", "-c", noisy.cores] if noisy.cores else []
    command += [
        "nice",
        "-n",
        "19",
        str(tool("wrk")),
        "-t1",
        f"-c{FLOOD_CONNECTIONS}",
        f"-d{seconds}s",
        "--timeout",
        "30s",
    ]
    command += ["-H", f"Authorization: Bearer {noisy.user.token}", noisy.instance.gateway_url + PATH]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield
        finally:
            process.send_signal(2)
            report, _ = process.communicate(timeout=seconds + 30)
    rate = next((line.split()[1] for line in report.splitlines() if line.startswith("Requests/sec")), None)
    if rate is None:
        raise BenchError(f"wrk said nothing of its rate:\n{report[-500:]}")
    rates.append(float(rate))


def rounds(found: Found, noisy: Noisy, victim: Victim, count: int) -> Found:
    """Alone and beside the flood, in turns."""
    for _ in range(count):
        p50, p99, failed = victim.measure()
        found.alone.append((p50, p99))
        found.failed += failed
        with flooded(noisy, found.flood):
            p50, p99, failed = victim.measure()
        found.beside.append((p50, p99))
        found.failed += failed
    return found


def in_containers(count: int) -> list[Found]:
    """Two instances in containers: as they come, with half of the cores for the flooded one, and with fewer shares."""
    settings = PRODUCTION | QUIET | OUT_OF_REACH
    found = []
    with deployed("docker", [settings, settings]) as (noisy, quiet):
        pair, victim = Noisy(noisy, new_user(noisy.gateway_url)), Victim(quiet, new_user(quiet.gateway_url))
        found.append(rounds(Found("containers", "as it comes"), pair, victim, count))
        _update(noisy, f"--cpus={HALF}")
        found.append(rounds(Found("containers", f"at most {HALF} cores each service"), pair, victim, count))
        _update(noisy, f"--cpus={os.cpu_count()}", f"--cpu-shares={SHARES}")
        found.append(rounds(Found("containers", f"{SHARES} of 1024 shares each service"), pair, victim, count))
    return found


def _update(instance: Deployed, *limits: str) -> None:
    for service in ALL_IN_ONE:
        labels = [
            f"label=com.docker.compose.{name}" for name in (f"project={instance.compose_project}", f"service={service}")
        ]
        listed = ["docker", "ps", "--quiet", "--filter", labels[0], "--filter", labels[1]]
        ids = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
        subprocess.run(["docker", "update", *limits, *ids], capture_output=True, check=True)


def in_local_mode(count: int) -> list[Found]:
    """Two instances of processes: as they come, with the flooded one nicer, and each on cores of its own."""
    settings = QUIET | OUT_OF_REACH
    found = []
    with deployed("local", [settings, settings]) as (noisy, quiet):
        pair, victim = Noisy(noisy, new_user(noisy.gateway_url)), Victim(quiet, new_user(quiet.gateway_url))
        found.append(rounds(Found("local", "as it comes"), pair, victim, count))
        _renice(noisy)
        found.append(rounds(Found("local", f"nice {NICE}"), pair, victim, count))
        with on_cores_of_their_own(pair, quiet) as pinned:
            found.append(rounds(Found("local", "each instance on cores of its own"), pinned, victim, count))
    return found


@contextmanager
def on_cores_of_their_own(noisy: Noisy, quiet: Deployed) -> Iterator[Noisy]:
    """The flooded instance and its load on the first half of the cores, the other and its load on the rest."""
    every = sorted(os.sched_getaffinity(0))
    first, rest = every[: len(every) // 2], every[len(every) // 2 :]
    _pin(noisy.instance, first)
    _pin(quiet, rest)
    os.sched_setaffinity(0, rest)
    try:
        yield replace(noisy, cores=",".join(map(str, first)))
    finally:
        os.sched_setaffinity(0, every)


def _pin(instance: Deployed, cores: Sequence[int]) -> None:
    for pid in _members(instance):
        # All threads of it. One that has ended since needs no core.
        command = ["taskset", "--all-tasks", "--cpu-list", "--pid", ",".join(map(str, cores)), pid]
        subprocess.run(command, capture_output=True, check=False)


def _renice(instance: Deployed) -> None:
    subprocess.run(["renice", "-n", NICE, "-p", *_members(instance)], capture_output=True, check=False)


def _members(instance: Deployed) -> list[str]:
    pid = int((instance.env_file.parents[1] / ".run" / instance.name / "supervisord.pid").read_text())
    return [str(member.pid) for member in family(pid)]


def measured(mode: str | None, count: int) -> list[Found]:
    """Every arrangement of the modes that are asked for and possible."""
    parts: dict[str, Callable[[int], list[Found]]] = {"docker": in_containers, "local": in_local_mode}
    if mode == "docker" or (mode is None and shutil.which("docker")):
        require_engine()
    else:
        del parts["docker"]
    if mode == "docker":
        del parts["local"]
    return [one for part in parts.values() for one in part(count)]


def main() -> int:
    """Measure the neighbour in each mode."""
    parser = argparse.ArgumentParser(prog="neighbour.sh", description=__doc__)
    parser.add_argument("--mode", choices=("docker", "local"), help="only this one")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each arrangement is measured")
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    options = parser.parse_args()
    require_tools("wrk")
    found = measured(options.mode, options.rounds)
    how = f"{RATE:g} requests a second to the one, {FLOOD_CONNECTIONS} connections at full speed to the other; in ms."
    checks = [
        Check(f"{one.where}, {one.how}: p99 within 10 % beside a flood", f"{one.ratio:.2f}", one.ratio <= TARGET)
        for one in found
    ]
    failed = sum(one.failed for one in found)
    checks.append(Check("no request fails", str(failed), not failed))
    lines = table(HEAD, [one.row() for one in found])
    return finish("neighbour.sh", [how, lines], checks, publish=options.publish)


if __name__ == "__main__":
    run_main(main)
