"""A grouping over an ingested dataset by REST through the gateway, beside the bare engine on the same Parquet file."""

import argparse
import statistics
import time
from pathlib import Path

from .harness.client import User, call, new_user
from .harness.datasets import upload, wait_for
from .harness.engine_run import PYTHON, run_json
from .harness.errors import run_main
from .harness.instance import QUIET, Instance, running
from .harness.paths import PROJECT
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, table
from .harness.table_file import csv_of

ROWS, ROUNDS, EACH, THREADS = 10_000_000, 3, 10, 2
MILLISECONDS = 1000
# The literal differs each time, so that neither side answers from a cache.
SQL = "SELECT country, category, count(*) AS n, avg(price) AS mean FROM {table} WHERE quantity >= {least} GROUP BY ALL"
_BARE = r"""
import duckdb, json, sys, time
path, template, first, times, threads = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
seconds = []
for least in range(first, first + times):
    started = time.perf_counter()
    connection = duckdb.connect(config={"threads": threads})
    rows = connection.execute(template.format(table=f"read_parquet('{path}')", least=least)).fetchall()
    seconds.append(time.perf_counter() - started)
print(json.dumps({"seconds": seconds, "rows": len(rows)}))
"""


def ours(api: str, user: User, project_id: str, first: int) -> list[float]:
    """Seconds of each query by REST."""
    seconds = []
    for least in range(first, first + EACH):
        body = {"project_id": project_id, "sql": SQL.format(table="orders", least=least), "limit": 1000}
        started = time.perf_counter()
        call("POST", f"{api}/process/query", token=user.token, body=body)
        seconds.append(time.perf_counter() - started)
    return seconds


def bare(path: Path, first: int) -> list[float]:
    """Seconds of each query by the engine alone, a new connection for each."""
    arguments = [str(path), SQL, str(first), str(EACH), str(THREADS)]
    found: list[float] = run_json([str(PYTHON), "-c", _BARE, *arguments])["seconds"]
    return found


def cached(api: str, user: User, project_id: str) -> float:
    """Seconds of a query that was asked before."""
    body = {"project_id": project_id, "sql": SQL.format(table="orders", least=0), "limit": 1000}
    taken = []
    for _ in range(EACH + 1):
        started = time.perf_counter()
        call("POST", f"{api}/process/query", token=user.token, body=body)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[1:])


def ingested(instance: Instance, user: User, path: Path) -> tuple[str, Path]:
    """The project with the file as dataset `orders`, and the cached Parquet file."""
    api = f"{instance.gateway_url}/api/v1"
    project = call("POST", f"{api}/projects", token=user.token, body={"name": "queries"})["id"]
    dataset = upload(api, user, project, path)
    wait_for(api, user, dataset["task_id"])
    call("PATCH", f"{api}/datasets/{dataset['id']}", token=user.token, body={"name": "orders"})
    version = call("GET", f"{api}/datasets/{dataset['id']}/versions/1", token=user.token)
    call("GET", f"{api}/datasets/{dataset['id']}/preview?limit=1", token=user.token)
    return project, (PROJECT / instance.values["CACHE_DIR"] / version["parquet_sha256"]).resolve()


def main() -> int:
    """Ingest, then ask both in turn."""
    parser = argparse.ArgumentParser(prog="queries.sh", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows of the dataset (default {ROWS})")
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    options = parser.parse_args()
    rows = options.rows
    by_rest: list[float] = []
    by_engine: list[float] = []
    with running(QUIET) as instance:
        user, api = new_user(instance.gateway_url), f"{instance.gateway_url}/api/v1"
        project, parquet = ingested(instance, user, csv_of(rows))
        ours(api, user, project, -EACH)
        for number in range(ROUNDS):
            by_rest += ours(api, user, project, number * EACH - 1000)
            by_engine += bare(parquet, number * EACH - 1000)
        again = cached(api, user, project) * MILLISECONDS
    mine, theirs = (statistics.median(taken) * MILLISECONDS for taken in (by_rest, by_engine))
    allowed = 1.5 * theirs + 15
    checks = [Check(f"within 1.5 x + 15 ms ({allowed:.0f} ms)", f"{mine:.0f} ms", mine <= allowed)]
    found = [
        ("by REST", mine, mine / theirs),
        ("bare engine", theirs, 1.0),
        ("by REST, asked before", again, again / theirs),
    ]
    lines = table(("query", "ms, median", "/ bare"), [(name, f"{ms:.1f}", f"{ratio:.2f}") for name, ms, ratio in found])
    return finish("queries.sh", [f"{rows} rows, {len(by_rest)} queries each.", lines], checks, publish=options.publish)


if __name__ == "__main__":
    run_main(main)
