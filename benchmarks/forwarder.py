"""The gateway's forwarder against one nginx worker before the same servers: small answers, and a gigabyte each way."""

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from .harness.bulk import download, upload
from .harness.client import new_user
from .harness.errors import run_main
from .harness.instance import GATEWAY, OUT_OF_REACH, QUIET, running
from .harness.load import Load, require_tools, wrk
from .harness.nginx import answering, proxying
from .harness.processes import Server, free_port
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, median_ratio, table
from .harness.sampler import Sampler
from .harness.usage import MIB, usage

SMALL_TARGET, SMALL_STRETCH, BULK_TARGET, BULK_STRETCH = 0.15, 0.5, 1.0, 1.3
GROWTH_TARGET, GROWTH_STRETCH = 16, 8
CONNECTIONS = 32
MEGABYTE, GIBIBYTE = 10**6, 1 << 30
TASK, BYTES = "/api/v1/tasks/01985c3e-7b4a-7000-8000-000000000000", "/api/v1/upload/"
ANSWER = (
    '{"id":"01985c3e-7b4a-7000-8000-000000000000","kind":"dataset.ingest","status":"succeeded","attempt":1,'
    '"progress":{"percent":100.0,"message":"done"},"error":null,"created_at":"2026-01-01T00:00:00Z"}'
)
HEAD = (
    *("proxy", "GET req/s", "p50 ms", "p99 ms", "ours / this", "CPU us a request"),
    *("down MB/s", "ours / this", "CPU s a GiB", "up MB/s", "ours / this", "CPU s a GiB", "growth MiB"),
)


@dataclass(slots=True)
class Proxy:
    """One way to the same two servers, and what its rounds gave."""

    name: str
    pid: int
    url: str
    small: list[Load] = field(default_factory=list)
    small_cpu: list[float] = field(default_factory=list)
    down: list[float] = field(default_factory=list)
    down_cpu: list[float] = field(default_factory=list)
    up: list[float] = field(default_factory=list)
    up_cpu: list[float] = field(default_factory=list)
    growth: list[float] = field(default_factory=list)

    def measure_small(self, token: str, seconds: int) -> None:
        """Small answers over kept connections, with processor time per request."""
        before = usage(self.pid).cpu_seconds
        load = wrk(self.url + TASK, token, connections=CONNECTIONS, seconds=seconds)
        self.small_cpu.append((usage(self.pid).cpu_seconds - before) / load.requests * 1e6)
        self.small.append(load)

    def measure_bulk(self, token: str, size: int) -> None:
        """One large answer, one large request body, while the memory is watched."""
        with Sampler({self.name: self.pid}) as sampler:
            start = usage(self.pid).cpu_seconds
            self.down.append(size / MEGABYTE / download(f"{self.url}{BYTES}{size}", token, size))
            middle = usage(self.pid).cpu_seconds
            self.up.append(size / MEGABYTE / upload(f"{self.url}{BYTES}file", token, size))
            end = usage(self.pid).cpu_seconds
        self.down_cpu.append((middle - start) * GIBIBYTE / size)
        self.up_cpu.append((end - middle) * GIBIBYTE / size)
        peak = sampler.peaks[self.name]
        self.growth.append(max(peak.own - peak.idle, 0) / MIB)

    @property
    def rates(self) -> list[float]:
        """Requests a second of each round."""
        return [load.rate for load in self.small]


@contextmanager
def upstreams() -> Iterator[tuple[Server, Server]]:
    """What stands behind both proxies: an nginx that gives one small answer, and a server of bytes."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.harness.bulk_server", str(port)]
    with answering("small-upstream", ANSWER) as small, Server("bulk-upstream", command, port) as bulk:
        yield small, bulk


@contextmanager
def proxies(small: Server, bulk: Server) -> Iterator[tuple[list[Proxy], str]]:
    """Ours, nginx, both in front of the same servers; and a token for ours."""
    urls = {"AI_SERVICE_URL": f"http://127.0.0.1:{small.port}", "DATA_SERVICE_URL": f"http://127.0.0.1:{bulk.port}"}
    routes = {"/api/v1/tasks": small.port, "/api/v1/upload": bulk.port}
    with running({**OUT_OF_REACH, **QUIET, **urls}) as instance, proxying("nginx", routes) as nginx:
        ours = Proxy("ours", instance.pid(GATEWAY), instance.gateway_url)
        theirs = Proxy("nginx", nginx.pid, f"http://127.0.0.1:{nginx.port}")
        yield [ours, theirs], new_user(instance.gateway_url).token


def row(ours: Proxy, proxy: Proxy) -> list[str]:
    """Medians of one proxy, with the ratios of ours to it."""
    return [
        proxy.name,
        *(f"{statistics.median(values):.{digits}f}" for values, digits in _small(proxy)),
        f"{median_ratio(ours.rates, proxy.rates):.2f}",
        f"{statistics.median(proxy.small_cpu):.0f}",
        *_bulk(ours.down, proxy.down, proxy.down_cpu),
        *_bulk(ours.up, proxy.up, proxy.up_cpu),
        f"{max(proxy.growth):.1f}",
    ]


def _small(proxy: Proxy) -> list[tuple[list[float], int]]:
    p50, p99 = ([getattr(load, name) for load in proxy.small] for name in ("p50_ms", "p99_ms"))
    return [(proxy.rates, 0), (p50, 2), (p99, 2)]


def _bulk(ours: Sequence[float], theirs: Sequence[float], cpu: Sequence[float]) -> list[str]:
    ratio = median_ratio(ours, theirs)
    return [f"{statistics.median(theirs):.0f}", f"{ratio:.2f}", f"{statistics.median(cpu):.2f}"]


def checks(ours: Proxy, nginx: Proxy) -> list[Check]:
    """The promises of this benchmark."""
    small, growth = median_ratio(ours.rates, nginx.rates), max(ours.growth)
    text = f"small GETs: at least {SMALL_TARGET} of nginx (stretch {SMALL_STRETCH})"
    found = [Check(text, f"{small:.2f}", small >= SMALL_TARGET)]
    for name, mine, theirs in (("down", ours.down, nginx.down), ("up", ours.up, nginx.up)):
        ratio = median_ratio(mine, theirs)
        text = f"{name}: at least {BULK_TARGET} of nginx (stretch {BULK_STRETCH})"
        found.append(Check(text, f"{ratio:.2f}", ratio >= BULK_TARGET))
    text = f"memory of the gateway grows by at most {GROWTH_TARGET} MiB (stretch {GROWTH_STRETCH})"
    return [*found, Check(text, f"{growth:.1f} MiB", growth <= GROWTH_TARGET)]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="forwarder.sh", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default 5)")
    parser.add_argument("--seconds", type=int, default=2, help="length of each wrk run (default 2)")
    parser.add_argument("--mebibytes", type=int, default=1024, help="size of the large bodies (default 1024)")
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    return parser.parse_args()


def main() -> int:
    """Start everything, measure, print, stop everything."""
    options = arguments()
    require_tools("wrk", "nginx")
    size = options.mebibytes * MIB
    with upstreams() as (small, bulk), proxies(small, bulk) as (found, token):
        for proxy in found:
            wrk(proxy.url + TASK, token, connections=CONNECTIONS, seconds=1)
        for _ in range(options.rounds):
            for proxy in found:
                proxy.measure_small(token, options.seconds)
            for proxy in found:
                proxy.measure_bulk(token, size)
    about = f"{options.rounds} rounds, wrk -c{CONNECTIONS} {options.seconds} s, {options.mebibytes} MiB each way."
    lines = table(HEAD, [row(found[0], proxy) for proxy in found])
    return finish("forwarder.sh", [about, lines], checks(*found), publish=options.publish)


if __name__ == "__main__":
    run_main(main)
