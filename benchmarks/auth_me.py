"""GET /api/v1/auth/me of the gateway against two plainer applications and a bare server, on one set of stores."""

import argparse
import statistics
from collections.abc import Iterator

from .harness.counting import Counting, Counts
from .harness.errors import run_main
from .harness.instance import OUT_OF_REACH, QUIET, Instance, running
from .harness.load import Load, require_tools
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, median_ratio, table
from .harness.targets import REQUESTS, Target, targets
from .harness.usage import MIB, usage

# What must be reached, and what is hoped for.
WRK_TARGET, WRK_STRETCH = 8.0, 20.0
AB_TARGET, AB_STRETCH = 4.0, 7.0
CPU_TARGET, P99_TARGET = 7.0, 0.3
FLOOR_TARGET, FLOOR_STRETCH = 0.20, 0.55
HEAD = (
    *("server", "wrk req/s", "p50 ms", "p99 ms", "ours / this"),
    *("CPU us a request", "this / ours"),
    *("ab req/s", "p50 ms", "p99 ms", "ours / this", "RSS MiB"),
)


def count(target: Target, instance: Instance) -> Counts:
    """What 1000 warm requests cost in commands to Redis and statements to PostgreSQL."""
    with Counting(target.pid, instance.redis_url, instance.database_url) as counting:
        target.thousand()
    return counting.counts()


def row(ours: Target, target: Target) -> list[str]:
    """Medians of one server, with the ratios to ours."""
    return [
        target.name,
        *_medians(target.wrk),
        f"{_ratio(ours.wrk, target.wrk):.2f}",
        f"{statistics.median(target.cpu_us):.0f}",
        f"{median_ratio(target.cpu_us, ours.cpu_us):.2f}",
        *_medians(target.ab),
        f"{_ratio(ours.ab, target.ab):.2f}",
        f"{usage(target.pid).rss_bytes / MIB:.0f}",
    ]


def _medians(loads: list[Load]) -> list[str]:
    medians = (statistics.median(getattr(load, name) for load in loads) for name in ("rate", "p50_ms", "p99_ms"))
    return [f"{value:.{digits}f}" for value, digits in zip(medians, (0, 2, 2), strict=True)]


def _ratio(ours: list[Load], theirs: list[Load]) -> float:
    return median_ratio([load.rate for load in ours], [load.rate for load in theirs])


def checks(found: list[Target], counts: Counts) -> Iterator[Check]:
    """The promises of this benchmark, and whether they were kept."""
    ours, *baselines, floor = found
    for it in baselines:
        yield from _against(ours, it)
    share = _ratio(ours.wrk, floor.wrk)
    text = f"wrk -c10: at least {FLOOR_TARGET:.2f} of the bare server (stretch {FLOOR_STRETCH})"
    yield Check(text, f"{share:.2f}", share >= FLOOR_TARGET)
    sent, inside = _listed(counts.commands), _listed(counts.inside_scripts)
    text = f"Redis, {REQUESTS} warm requests: one EVALSHA each, nothing else"
    yield Check(text, f"sent {sent}; scripts ran {inside}", dict(counts.commands) == {"EVALSHA": REQUESTS})
    text = "PostgreSQL, the same requests: no connection runs a statement"
    yield Check(text, str(counts.statements), counts.statements == 0)


def _against(ours: Target, it: Target) -> Iterator[Check]:
    """What was promised in comparison with one of the baselines."""
    kept, fresh = _ratio(ours.wrk, it.wrk), _ratio(ours.ab, it.ab)
    text = f"wrk -c10: at least {WRK_TARGET:.0f} x {it.name} (stretch {WRK_STRETCH:.0f})"
    yield Check(text, f"{kept:.1f}", kept >= WRK_TARGET)
    text = f"ab -c10: at least {AB_TARGET:.0f} x {it.name} (stretch {AB_STRETCH:.0f})"
    yield Check(text, f"{fresh:.1f}", fresh >= AB_TARGET)
    slow = median_ratio([load.p99_ms for load in ours.wrk], [load.p99_ms for load in it.wrk])
    yield Check(f"wrk -c10: p99 at most {P99_TARGET} of {it.name}", f"{slow:.2f}", slow <= P99_TARGET)
    cheap = median_ratio(it.cpu_us, ours.cpu_us)
    text = f"processor time a request: at most 1/{CPU_TARGET:.0f} of {it.name}"
    yield Check(text, f"1/{cheap:.1f}", cheap >= CPU_TARGET)


def _listed(commands: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(commands.items())) or "nothing"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="auth_me.sh", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default 5)")
    parser.add_argument("--seconds", type=int, default=2, help="length of each wrk run (default 2)")
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    return parser.parse_args()


def main() -> int:
    """Start everything, measure, print, stop everything."""
    options = arguments()
    require_tools("wrk", "ab")
    with running(OUT_OF_REACH | QUIET) as instance, targets(instance) as found:
        for target in found:
            target.warm()
        counts = count(found[0], instance)
        for _ in range(options.rounds):
            for target in found:
                target.measure(options.seconds)
        about = f"{options.rounds} rounds, wrk {options.seconds} s, ab -n {REQUESTS}."
        lines = table(HEAD, [row(found[0], target) for target in found])
        return finish("auth_me.sh", [about, lines], list(checks(found, counts)), publish=options.publish)


if __name__ == "__main__":
    run_main(main)
