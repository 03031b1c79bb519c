"""Every benchmark, one after the other, and one table of all targets. One that fails is told and the others go on."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .harness.board import MARK, exit_code, paragraphs, published, read_records
from .harness.errors import BenchError, run_main
from .harness.paths import PUBLISHED, ROOT, SCRATCH, scratch
from .harness.quiet import bound, load_now, wait_until_quiet
from .harness.record import RESULTS_VARIABLE, results_folder
from .harness.report import PUBLISH, put_between, say

# In the order in which they run, each with what makes it quick: fewer rounds or rows, for a look whether it works.
QUICK: Mapping[str, Sequence[str]] = {
    "auth_me": ("--rounds", "1", "--seconds", "1"),
    "forwarder": ("--rounds", "1", "--seconds", "1", "--mebibytes", "64"),
    "logins": ("--seconds", "3"),
    "cold_start": (),
    "observability": ("--rounds", "1", "--seconds", "1"),
    "tasks": ("--rounds", "1"),
    "streams": (),
    "queries": ("--rows", "100000"),
    "predictions": (),
    "analysis_overhead": (),
    "llm": ("--questions", "2"),
    "upload_1gb": ("--rows", "100000"),
    "tables": ("--rows", "100000", "--rounds", "1"),
    "ydata": (),
    "conformal": ("--splits", "5"),
    "automl": ("--budget", "5"),
    "ray_scaling": ("--nodes", "1", "2", "--gigabytes", "0.3"),
    "neighbour": ("--rounds", "1", "--mode", "local"),
    "rolling": ("--rate", "20"),
}
BUSY = "the machine was busy"


def run_one(name: str, options: Sequence[str], results: Path) -> str:
    """Run one benchmark in a process of its own; why there is no record of it, or nothing."""
    (results / f"{name}.json").unlink(missing_ok=True)
    log = scratch(f"all-{name}.log")
    environment = {**os.environ, RESULTS_VARIABLE: str(results)}
    with log.open("wb") as output:
        command = [str(ROOT / "benchmarks" / f"{name}.sh"), *options]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            code = process.wait()
        finally:
            # It removes its instance by itself; killed, it could not.
            process.terminate()
            process.wait()
    if (results / f"{name}.json").exists():
        return ""
    return f"ended with {code}: {last_line(log.read_text(errors='replace'))}"


def last_line(text: str) -> str:
    """The last line that says anything."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it said nothing")


def chosen(only: str, skip: str) -> list[str]:
    """Names of what to run, in our order."""
    wanted, unwanted = (list(filter(None, names.split(","))) for names in (only, skip))
    if unknown := [name for name in (*wanted, *unwanted) if name not in QUICK]:
        raise BenchError(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(QUICK)}")
    return [name for name in QUICK if name not in unwanted and (not wanted or name in wanted)]


def measure(names: Sequence[str], options: argparse.Namespace, results: Path) -> dict[str, str]:
    """Run them; why those failed that did."""
    failures: dict[str, str] = {}
    most = bound(options.load)
    for name in names:
        if not options.anyway and not wait_until_quiet(most, options.wait * 60):
            failures[name] = f"{BUSY}: load {load_now():.1f}, at most {most:.1f}"
        else:
            begun = time.monotonic()
            more = QUICK[name] if options.quick else (PUBLISH,) if options.publish else ()
            why = run_one(name, more, results)
            failures |= {name: why} if why else {}
            say(f"{name}: {why or 'done'}, after {(time.monotonic() - begun) / 60:.1f} min")
    return failures


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="all.sh", description=__doc__)
    parser.add_argument("--only", default="", metavar="NAME,...", help=f"these alone, of {', '.join(QUICK)}")
    parser.add_argument("--skip", default="", metavar="NAME,...", help="all but these")
    parser.add_argument("--quick", action="store_true", help="few rounds: does everything work; figures mean nothing")
    parser.add_argument("--load", type=float, default=0.5, help="most load average a core to begin at (default 0.5)")
    parser.add_argument("--wait", type=float, default=5, help="minutes to wait for that, before each (default 5)")
    parser.add_argument("--anyway", action="store_true", help="do not wait for a quiet machine")
    parser.add_argument(PUBLISH, action="store_true", help="put the table and each one's results into README.md")
    options = parser.parse_args()
    if options.quick and options.publish:
        parser.error("quick figures are not for publishing")
    return options


def main() -> int:
    """Run, gather, say, publish."""
    options = arguments()
    names = chosen(options.only, options.skip)
    if options.quick:
        os.environ[RESULTS_VARIABLE] = str(SCRATCH / "results-quick")
    results = results_folder()
    failures = measure(names, options, results)
    ours = read_records(results, [name for name in names if name not in failures])
    for paragraph in paragraphs(ours, failures):
        say(paragraph)
    if options.publish:
        # Those not chosen stand there as they were last measured, each with its own date.
        known = published(ours, PUBLISHED, QUICK)
        put_between(MARK, paragraphs({name: it for name, it in known.items() if name not in failures}, failures))
    if failures:
        sys.stderr.write(f"failed: {', '.join(failures)}; what each said is in {SCRATCH.name}/all-NAME.log\n")
    return exit_code(ours.values(), failures)


if __name__ == "__main__":
    run_main(main)
