"""Two commits beside each other: requests, processor time a request, start and memory. Ends with 1 when B is slower.

Slower is what is worse by more than the bound in the median round, and worse in so many rounds that chance does not
explain it (one-sided sign test at 5 %: Dixon and Mood, The statistical sign test, JASA 41, 1946). Both run on the
packages of this checkout's environment, and on the same stores unless their schemas differ.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import psutil

from .harness.client import call
from .harness.errors import BenchError, run_main
from .harness.judging import LEAST_ROUNDS, Measure
from .harness.load import require_tools, wrk
from .harness.processes import free_port
from .harness.report import machine, say, table
from .harness.routes import Route, Seeded, seed
from .harness.sides import SERVICES, Side, both, share_stores
from .harness.usage import MIB, usage

CONNECTIONS = 4
START = "start of {}"
HEAD = ("what", "measure", "A", "B", "B beside A, above 1 is worse", "worse rounds", "verdict")
RATE, CPU = "requests a second", "CPU us a request"

Sides = tuple[Side, Side]
Figures = Mapping[str, float]


def ask(side: Side, token: str, route: Route, seconds: int) -> Figures:
    """Load on one route of one side, and what it cost all its services."""
    before = side.cpu_seconds
    load = wrk(side.url(route.service) + route.path, token, connections=CONNECTIONS, seconds=seconds, body=route.body)
    return {RATE: load.rate, CPU: (side.cpu_seconds - before) / load.requests * 1e6}


def start(side: Side, service: str) -> Figures:
    """One more process of a service, until its first answer."""
    ports = {**side.ports, service: free_port()}
    with side.serve(service, ports, f"compare-start-{service}") as server:
        call("GET", f"http://127.0.0.1:{server.port}/health")
        seconds, used = time.time() - psutil.Process(server.pid).create_time(), usage(server.pid)
    return {"first answer, s": seconds, "CPU s by then": used.cpu_seconds, "RSS MiB": used.rss_bytes / MIB}


def beside(what: str, sides: Sides, rounds: int, look: Callable[[Side], Figures]) -> Iterator[Measure]:
    """Look at both, round after round; who is first in one round is last in the next."""
    found: dict[str, dict[str, list[float]]] = {side.label: defaultdict(list) for side in sides}
    for number in range(rounds):
        for side in sides if number % 2 else reversed(sides):
            for unit, value in look(side).items():
                found[side.label][unit].append(value)
    a, b = (found[side.label] for side in sides)
    for unit in a:
        yield Measure(what, unit, a[unit], b[unit], more_is_better=unit == RATE)


def chosen(only: str) -> list[str]:
    """Names of what to measure."""
    known = [*(route.name for route in Seeded.nowhere().routes()), *map(START.format, SERVICES)]
    names = [name.strip() for name in only.split(",")] if only else known
    if unknown := set(names) - set(known):
        raise BenchError(f"nothing is called {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    return names


def measures(sides: Sides, names: Sequence[str], options: argparse.Namespace) -> Iterator[Measure]:
    """Routes, then starts."""
    first = seed(sides[0])
    seeds = {sides[0].label: first, sides[1].label: first if share_stores(list(sides)) else seed(sides[1])}
    for place, route in enumerate(first.routes()):
        if route.name not in names:
            continue

        def look(side: Side, place: int = place, seconds: int = options.seconds) -> Figures:
            mine = seeds[side.label]
            return ask(side, mine.user.token, mine.routes()[place], seconds)

        for side in sides:
            look(side, seconds=1)
        yield from beside(route.name, sides, options.rounds, look)
    for service in SERVICES:
        if START.format(service) in names:
            yield from beside(START.format(service), sides, options.rounds, lambda side: start(side, service))  # noqa: B023


def circumstances(sides: Sides, options: argparse.Namespace) -> Iterator[str]:
    """What the figures mean, and what they leave out."""
    stores = "the same stores" if share_stores(list(sides)) else "stores of their own, since their schemas differ"
    yield f"{machine()}; A {sides[0].commit[:12]}, B {sides[1].commit[:12]}, {options.rounds} rounds, on {stores}."
    locks = {(side.project / "requirements.txt").read_text() for side in sides}
    if len(locks) > 1:
        yield "Their locks differ, but both ran on the packages of this checkout's environment: that does not show."


def judged(found: Sequence[Measure], bound: float) -> int:
    """Say the table and what is slower; the exit code."""
    say(table(HEAD, [one.row(bound) for one in found]))
    slower = [f"{one.what} ({one.unit})" for one in found if one.is_regression(bound)]
    say(f"Slower by more than {bound:.0%}: {', '.join(slower) or 'nothing'}.")
    return 1 if slower else 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="compare.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("a", metavar="COMMIT_A", help="what it was")
    parser.add_argument("b", metavar="COMMIT_B", help="what it is now")
    parser.add_argument("--only", default="", metavar="NAME,...", help="rows of the table by their first column; all")
    parser.add_argument("--rounds", type=int, default=9, help=f"interleaved rounds, {LEAST_ROUNDS} or more (default 9)")
    parser.add_argument("--seconds", type=int, default=2, help="load on a route in each round (default 2)")
    parser.add_argument("--bound", type=float, default=0.10, help="how much worse is too much (default 0.10)")
    options = parser.parse_args()
    if options.rounds < LEAST_ROUNDS:
        parser.error(f"with fewer than {LEAST_ROUNDS} rounds nothing can be told from chance")
    return options


def main() -> int:
    """Bring both up, measure, judge."""
    options = arguments()
    names = chosen(options.only)
    require_tools("wrk")
    with both((options.a, options.b)) as sides:
        found = list(measures(sides, names, options))
        for paragraph in circumstances(sides, options):
            say(paragraph)
    return judged(found, options.bound)


if __name__ == "__main__":
    run_main(main)
