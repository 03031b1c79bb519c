"""The gateway with and without request id, metrics and log lines, and with traces of a tenth of its requests."""

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from .harness.client import new_user
from .harness.errors import run_main
from .harness.instance import OUT_OF_REACH, QUIET, Instance, env_file, project_python, running
from .harness.load import Load, require_tools, wrk
from .harness.paths import PROJECT, ROOT
from .harness.processes import Server, free_port
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, median_ratio, table
from .harness.usage import MIB, usage

NAME = "observability.sh"
GATEWAY = ROOT / "benchmarks" / "baselines" / "gateway.py"
SHOWN_COST, TRACED_COST = 0.15, 0.05
SAMPLED = "0.1"
CONNECTIONS = 10
# The hottest path, whose own work is the least; and one that goes through the framework to PostgreSQL.
PATHS = ("/api/v1/auth/me", "/api/v1/projects?limit=1")
HEAD = ("path", "gateway", "req/s", "p50 ms", "p99 ms", "CPU us a request", "of the one before", "RSS MiB")


@dataclass(slots=True)
class Variant:
    """One gateway and what its rounds gave, by path."""

    name: str
    server: Server
    token: str
    loads: dict[str, list[Load]] = field(default_factory=lambda: {path: [] for path in PATHS})
    cpu_us: dict[str, list[float]] = field(default_factory=lambda: {path: [] for path in PATHS})

    def ask(self, path: str, seconds: int) -> Load:
        """Load over kept connections."""
        url = f"http://127.0.0.1:{self.server.port}{path}"
        return wrk(url, self.token, connections=CONNECTIONS, seconds=seconds)

    def measure(self, path: str, seconds: int) -> None:
        """One round, with processor time a request."""
        before = usage(self.server.pid).cpu_seconds
        load = self.ask(path, seconds)
        self.cpu_us[path].append((usage(self.server.pid).cpu_seconds - before) / load.requests * 1e6)
        self.loads[path].append(load)

    def rates(self, path: str) -> list[float]:
        """Requests a second of each round."""
        return [load.rate for load in self.loads[path]]


@contextmanager
def variants(instance: Instance) -> Iterator[list[Variant]]:
    """Bare, shown, traced: the same gateway on the same stores, each with more than the one before."""
    token = new_user(instance.gateway_url).token
    with ExitStack() as stack:
        port = free_port()
        command = [sys.executable, "-m", "benchmarks.harness.collector", str(port)]
        stack.enter_context(Server("collector", command, port))
        tracing = {"OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "TRACE_SAMPLE_RATIO": SAMPLED}
        wanted = {"bare": {}, "shown": {}, "traced": tracing}
        yield [Variant(name, stack.enter_context(_gateway(name, more)), token) for name, more in wanted.items()]


def _gateway(name: str, more: dict[str, str]) -> Server:
    port = free_port()
    environment = {"ENV_FILE": str(env_file()), "PYTHONPATH": str(PROJECT), **more}
    return Server(f"gateway-{name}", [project_python(), GATEWAY, name, str(port)], port, cwd=PROJECT, env=environment)


def rows(found: Sequence[Variant]) -> Iterator[list[str]]:
    """Medians of each variant, with the ratio to the one before it."""
    for path in PATHS:
        for number, variant in enumerate(found):
            loads = variant.loads[path]
            medians = [
                statistics.median(getattr(load, name) for load in loads) for name in ("rate", "p50_ms", "p99_ms")
            ]
            before = found[max(number - 1, 0)]
            yield [
                *(path, variant.name, f"{medians[0]:.0f}", f"{medians[1]:.2f}", f"{medians[2]:.2f}"),
                f"{statistics.median(variant.cpu_us[path]):.0f}",
                f"{median_ratio(variant.rates(path), before.rates(path)):.2f}",
                f"{usage(variant.server.pid).rss_bytes / MIB:.0f}",
            ]


def checks(found: Sequence[Variant]) -> Iterator[Check]:
    """The promises of this benchmark, and whether they were kept."""
    bare, shown, traced = found
    for path in PATHS:
        cost = 1 - median_ratio(shown.rates(path), bare.rates(path))
        text = f"{path}: request id, metrics and log cost at most {SHOWN_COST:.0%} of the requests a second"
        yield Check(text, f"{cost:.1%}", cost <= SHOWN_COST)
        cost = 1 - median_ratio(traced.rates(path), shown.rates(path))
        text = f"{path}: traces of a tenth cost at most {TRACED_COST:.0%} more"
        yield Check(text, f"{cost:.1%}", cost <= TRACED_COST)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog=NAME, description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (default 7)")
    parser.add_argument("--seconds", type=int, default=3, help="length of each wrk run (default 3)")
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    return parser.parse_args()


def main() -> int:
    """Start everything, measure, print, stop everything."""
    options = arguments()
    require_tools("wrk")
    with running(OUT_OF_REACH | QUIET) as instance, variants(instance) as found:
        for path in PATHS:
            for variant in found:
                variant.ask(path, 1)
            for number in range(options.rounds):
                # Whoever comes first in one round comes last in the next: the machine warms up and cools down.
                for variant in found if number % 2 else reversed(found):
                    variant.measure(path, options.seconds)
        paragraphs = [f"{options.rounds} rounds of {options.seconds} s each.", table(HEAD, rows(found))]
        return finish(NAME, paragraphs, list(checks(found)), publish=options.publish)


if __name__ == "__main__":
    run_main(main)
