"""Upload, ingest and profile a large CSV through the gateway, watching the memory of each process, beside pandas."""

import argparse
import itertools
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from .harness.client import User, call, new_user
from .harness.errors import BenchError, run_main
from .harness.instance import DATA_SERVICE, DATA_WORKER, GATEWAY, QUIET, Instance, running
from .harness.report import Check, machine, say, table, verdict
from .harness.sampler import Peak, Sampler
from .harness.table_file import csv_of

ROWS = 10_000_000
BLOCK = 1 << 20
POLL_SECONDS = 0.5
LIMIT_SECONDS = 900
STAGES = """
    SELECT min(at) AS since, coalesce(data ->> 'status', data #>> '{progress,message}') AS stage
    FROM task_events WHERE task_id = %s AND event IN ('state', 'progress') GROUP BY stage ORDER BY since
"""
MEGABYTE = 10**6
SERVICE_LIMIT, CHILD_LIMIT = 200 * MEGABYTE, 1000 * MEGABYTE


@dataclass(frozen=True, slots=True)
class Journey:
    """Seconds of each part of the way, and what came out."""

    upload: float
    ingest: float
    rows: int
    columns: int
    stages: list[tuple[str, float]]


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


def upload(api: str, user: User, project_id: str, path: Path) -> Any:
    """Send the file as a form, a megabyte at a time; the dataset."""
    boundary = secrets.token_hex(16)
    part = f"--{boundary}\r\nContent-Disposition: form-data; name="
    head = f'{part}"project_id"\r\n\r\n{project_id}\r\n{part}"file"; filename="{path.name}"\r\nContent-Type: text/csv'
    head += "\r\n\r\n"
    tail = f"\r\n--{boundary}--\r\n"
    length = len(head) + path.stat().st_size + len(tail)
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Content-Length": str(length)}
    body = form(head.encode(), path, tail.encode())
    return call("POST", f"{api}/upload/file", token=user.token, stream=body, headers=headers)


def form(head: bytes, path: Path, tail: bytes) -> Iterator[bytes]:
    """The body of the upload."""
    yield head
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
    yield tail


def wait_for(api: str, user: User, task_id: str) -> None:
    """Return when the task has succeeded."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        task = call("GET", f"{api}/tasks/{task_id}", token=user.token)
        if task["status"] == "succeeded":
            return
        if task["status"] not in {"queued", "running"}:
            raise BenchError(f"the ingest task is {task['status']}: {json.dumps(task['error'])}")
        time.sleep(POLL_SECONDS)
    raise BenchError(f"the ingest task did not end within {LIMIT_SECONDS} s")


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


def checks(rows: int, journey: Journey, peaks: dict[str, Peak]) -> list[Check]:
    """The promises of this benchmark."""
    service, gateway, child = peaks["data-service"].own, peaks["api-gateway"].own, peaks["data-worker"].child
    return [
        Check(f"the profile covers {journey.rows} of {rows} rows, {journey.columns} columns", journey.rows == rows),
        Check(f"data service below 200 MB: {service / MEGABYTE:.0f}", service < SERVICE_LIMIT),
        Check(f"gateway below 200 MB: {gateway / MEGABYTE:.0f}", gateway < SERVICE_LIMIT),
        Check(f"compute child of the worker below 1000 MB: {child / MEGABYTE:.0f}", 0 < child < CHILD_LIMIT),
    ]


def main() -> int:
    """Make the file, start an instance, send it through, compare."""
    parser = argparse.ArgumentParser(prog="upload_1gb.sh", description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=ROWS, help=f"rows of the file, about 100 bytes each (default {ROWS})"
    )
    rows = parser.parse_args().rows
    path = csv_of(rows)
    with running(QUIET) as instance:
        programs = {"api-gateway": GATEWAY, "data-service": DATA_SERVICE, "data-worker": DATA_WORKER}
        with Sampler({name: instance.pid(program) for name, program in programs.items()}) as sampler:
            journey = travel(instance, new_user(instance.gateway_url), path)
    lines, code = verdict(checks(rows, journey, sampler.peaks))
    say(f"{machine()}; {path.stat().st_size / MEGABYTE:.0f} MB, {rows} rows")
    say(comparison(journey, sampler.peaks, with_pandas(path)))
    say("stages: " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in journey.stages))
    say(memory(sampler.peaks))
    say(lines)
    return code


if __name__ == "__main__":
    run_main(main)
