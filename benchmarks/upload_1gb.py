"""Upload a large CSV through the gateway beside a PUT straight to the object store; ingest it beside pandas."""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from .harness.client import User, call, new_user
from .harness.datasets import put_directly, remove, upload, wait_for
from .harness.errors import BenchError, run_main
from .harness.instance import DATA_SERVICE, DATA_WORKER, GATEWAY, QUIET, Instance, running
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, median_ratio, table
from .harness.sampler import Peak, Sampler
from .harness.table_file import csv_of

ROWS = 10_000_000
ROUNDS, WARMING_ROWS = 3, 1000
SERVICES = ("api-gateway", "data-service")
PROGRAMS = {"api-gateway": GATEWAY, "data-service": DATA_SERVICE, "data-worker": DATA_WORKER}
LIMIT_SECONDS = 900
STAGES = """
    SELECT min(at) AS since, coalesce(data ->> 'status', data #>> '{progress,message}') AS stage
    FROM task_events WHERE task_id = %s AND event IN ('state', 'progress') GROUP BY stage ORDER BY since
"""
MEGABYTE, MEBIBYTE = 10**6, 2**20
GROWTH_LIMIT, CHILD_LIMIT = 48 * MEBIBYTE, 1000 * MEGABYTE
# What a service writes of its own: log lines and little else.
DISK_LIMIT = 4 * MEBIBYTE


@dataclass(frozen=True, slots=True)
class Journey:
    """Seconds of each part of the way, and what came out."""

    upload: float
    ingest: float
    rows: int
    columns: int
    stages: list[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Race:
    """Seconds of each way, round after round, and what the services wrote to disk meanwhile."""

    through: list[float]
    direct: list[float]
    written: dict[str, int]

    @property
    def ratio(self) -> float:
        """Throughput through the services as a part of the direct one."""
        return median_ratio(self.direct, self.through)


def race(instance: Instance, user: User, path: Path, programs: dict[str, psutil.Process]) -> Race:
    """Send the file both ways in turn."""
    api = f"{instance.gateway_url}/api/v1"
    project = call("POST", f"{api}/projects", token=user.token, body={"name": "race"})["id"]
    before = {name: process.io_counters().write_bytes for name, process in programs.items()}
    found = Race([], [], {})
    for _ in range(ROUNDS):
        started = time.perf_counter()
        put_directly(api, user, project, path)
        between = time.perf_counter()
        dataset = upload(api, user, project, path)
        found.through.append(time.perf_counter() - between)
        found.direct.append(between - started)
        # Its ingest must not disturb the next round.
        remove(api, user, dataset["id"])
    for name, process in programs.items():
        found.written[name] = process.io_counters().write_bytes - before[name]
    return found


def travel(instance: Instance, user: User, path: Path) -> Journey:
    """Upload the file, wait for its task, read its profile."""
    api = f"{instance.gateway_url}/api/v1"
    project = call("POST", f"{api}/projects", token=user.token, body={"name": "benchmark"})
    started = time.perf_counter()
    dataset = upload(api, user, project["id"], path)
    sent = time.perf_counter()
    wait_for(api, user, dataset["task_id"])
    done = time.perf_counter()
    profile = call("GET", f"{api}/datasets/{dataset['id']}/profile", token=user.token)
    stages = stages_of(instance, dataset["task_id"])
    return Journey(sent - started, done - sent, profile["rows"], len(profile["columns"]), stages)


def stages_of(instance: Instance, task_id: str) -> list[tuple[str, float]]:
    """Each stage that the task reported, with its seconds."""
    with psycopg.connect(instance.database_url) as connection:
        events = connection.execute(STAGES, (task_id,)).fetchall()
    pairs = itertools.pairwise(events)
    return [(stage, (after - at).total_seconds()) for (at, stage), (after, _) in pairs]


def with_pandas(path: Path) -> dict[str, float]:
    """Seconds and peak bytes of the baseline, in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.baselines.pandas_profile", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    if done.returncode:
        raise BenchError(f"the pandas baseline failed: {done.stderr[-1000:]}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def comparison(journey: Journey, peaks: dict[str, Peak], pandas: dict[str, float]) -> str:
    """Ours beside pandas."""
    theirs = pandas["read_seconds"] + pandas["profile_seconds"]
    child = peaks["data-worker"].child
    rows = [
        ("upload, s", f"{journey.upload:.1f}", "-", "-"),
        ("from accepted to profiled, s", f"{journey.ingest:.1f}", f"{theirs:.1f}", f"{journey.ingest / theirs:.2f}"),
        (
            "peak of the computing process, MB",
            *_megabytes(child, pandas["peak_bytes"]),
            f"{child / pandas['peak_bytes']:.2f}",
        ),
    ]
    return table(("", "ours", "pandas", "ours / pandas"), rows)


def memory(peaks: dict[str, Peak]) -> str:
    """Resident memory of each process."""
    rows = [(name, *_megabytes(peak.idle, peak.own, peak.child)) for name, peak in peaks.items()]
    return table(("process", "idle MB", "peak MB", "largest child, peak MB"), rows)


def _megabytes(*sizes: float) -> list[str]:
    return [f"{size / MEGABYTE:.0f}" for size in sizes]


def upload_lines(raced: Race, size: int) -> str:
    """Throughput of both ways."""
    rows = [
        (name, f"{statistics.median(taken):.1f}", f"{size / MEGABYTE / statistics.median(taken):.0f}", ratio)
        for name, taken, ratio in (("through", raced.through, f"{raced.ratio:.2f}"), ("direct", raced.direct, "1.00"))
    ]
    return table(("upload", "seconds, median", "MB/s", "throughput / direct"), rows)


def checks(rows: int, raced: Race, journey: Journey, peaks: dict[str, Peak]) -> list[Check]:
    """The promises of this benchmark."""
    child = peaks["data-worker"].child
    growth = {name: peaks[name].own - peaks[name].idle for name in SERVICES}
    return [
        Check(f"the profile covers {rows} rows", f"{journey.rows}, {journey.columns} columns", journey.rows == rows),
        Check("at least 0.75 of a direct PUT's throughput (stretch 0.95)", f"{raced.ratio:.2f}", raced.ratio >= 0.75),
        *(
            Check(f"{name} grows by at most 48 MiB", f"{size / MEBIBYTE:.1f}", size <= GROWTH_LIMIT)
            for name, size in growth.items()
        ),
        *(
            Check(f"{name} writes nothing but logs", f"{size / MEBIBYTE:.1f} MiB", size <= DISK_LIMIT)
            for name, size in raced.written.items()
        ),
        Check("compute child of the worker below 1000 MB", f"{child / MEGABYTE:.0f}", 0 < child < CHILD_LIMIT),
    ]


def main() -> int:
    """Make the file, start an instance, send it through, compare."""
    parser = argparse.ArgumentParser(prog="upload_1gb.sh", description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=ROWS, help=f"rows of the file, about 100 bytes each (default {ROWS})"
    )
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    options = parser.parse_args()
    rows = options.rows
    path = csv_of(rows)
    with running(QUIET) as instance:
        user = new_user(instance.gateway_url)
        pids = {name: instance.pid(program) for name, program in PROGRAMS.items()}
        travel(instance, user, csv_of(WARMING_ROWS))
        with Sampler(pids) as sampler:
            raced = race(instance, user, path, {name: psutil.Process(pids[name]) for name in SERVICES})
            journey = travel(instance, user, path)
    stages = "Stages of the ingest: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in journey.stages)
    size = path.stat().st_size
    found = [
        f"{size / MEGABYTE:.0f} MB, {rows} rows.",
        upload_lines(raced, size),
        comparison(journey, sampler.peaks, with_pandas(path)),
        stages,
        memory(sampler.peaks),
    ]
    return finish("upload_1gb.sh", found, checks(rows, raced, journey, sampler.peaks), publish=options.publish)


if __name__ == "__main__":
    run_main(main)
