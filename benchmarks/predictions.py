"""A warm model asked by REST through the gateway: one row at a time, and a thousand."""

import argparse
import csv
import json
import random
import statistics
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .harness.client import User, call, new_user
from .harness.datasets import upload, wait_for
from .harness.errors import BenchError, run_main
from .harness.instance import QUIET, running
from .harness.paths import SCRATCH
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, table

ROWS, FEATURES, SINGLE, BATCHES, WARM = 5000, 10, 500, 50, 30
P50_TARGET_MS, RATE_TARGET = 8, 20_000
MILLISECONDS = 1000
BUDGET_SECONDS = 60


class Asker:
    """One client, whose connection stays open."""

    def __init__(self, api: str, user: User, model_id: str) -> None:
        parts = urlsplit(api)
        self._connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=60)
        self._path = f"{parts.path}/models/{model_id}/predict"
        self._headers = {"Authorization": f"Bearer {user.token}", "Content-Type": "application/json"}

    def ask(self, rows: Sequence[dict[str, Any]]) -> float:
        """Milliseconds until the answer has been read."""
        body = json.dumps({"rows": rows})
        started = time.perf_counter()
        self._connection.request("POST", self._path, body=body, headers=self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        taken = (time.perf_counter() - started) * MILLISECONDS
        if answer.status != 200 or len(json.loads(text)["predictions"]) != len(rows):
            raise BenchError(f"predict answered {answer.status}: {text[:300].decode(errors='replace')}")
        return taken


def made_rows() -> list[dict[str, Any]]:
    """Numbers and a category, from which the target follows."""
    random.seed(1)
    rows = []
    for _ in range(ROWS):
        row: dict[str, Any] = {f"x{number}": random.gauss(0, 1) for number in range(FEATURES - 1)}
        row["kind"] = ("red", "green", "blue")[random.randrange(3)]  # noqa: S311 - data, no secret
        rows.append(row)
    return rows


def csv_of(rows: Sequence[dict[str, Any]]) -> Path:
    """The rows with their target."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    path = SCRATCH / "predictions.csv"
    with path.open("w", newline="") as target:
        writer = csv.DictWriter(target, [*rows[0], "y"])
        writer.writeheader()
        for row in rows:
            writer.writerow({**row, "y": sum(row[f"x{n}"] * n for n in range(FEATURES - 1)) + random.gauss(0, 1)})
    return path


def trained(api: str, user: User, path: Path) -> str:
    """The id of a linear model of the file."""
    project = call("POST", f"{api}/projects", token=user.token, body={"name": "predictions"})["id"]
    dataset = upload(api, user, project, path)
    wait_for(api, user, dataset["task_id"])
    order = {"project_id": project, "dataset_id": dataset["id"], "target": "y", "algorithm": "linear"}
    task = call("POST", f"{api}/models/train", token=user.token, body={**order, "budget_seconds": BUDGET_SECONDS})
    wait_for(api, user, task["id"])
    model: str = call("GET", f"{api}/models?project_id={project}", token=user.token)["items"][0]["id"]
    return model


def main() -> int:
    """Train, warm up, measure, print, stop everything."""
    parser = argparse.ArgumentParser(prog="predictions.sh", description=__doc__)
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    options = parser.parse_args()
    rows = made_rows()
    with running(QUIET | {"SERVING_WARM": "true"}) as instance:
        user, api = new_user(instance.gateway_url), f"{instance.gateway_url}/api/v1"
        asker = Asker(api, user, trained(api, user, csv_of(rows)))
        first = asker.ask(rows[:1])
        for number in range(WARM):
            asker.ask(rows[number : number + 1])
            asker.ask(rows[:1000])
        single = [asker.ask(rows[number : number + 1]) for number in range(SINGLE)]
        batches = [asker.ask(rows[number : number + 1000]) for number in range(BATCHES)]
    p50, p99 = statistics.median(single), statistics.quantiles(single, n=100)[98]
    batch = statistics.median(batches)
    rate = 1000 / batch * MILLISECONDS
    checks = [
        Check(f"one row, median: at most {P50_TARGET_MS} ms", f"{p50:.1f} ms", p50 <= P50_TARGET_MS),
        Check(f"batches of 1000: at least {RATE_TARGET} rows a second", f"{rate:.0f}", rate >= RATE_TARGET),
    ]
    found = [("first of the model", first), ("one row, median", p50), ("one row, 99 of 100", p99), ("1000 rows", batch)]
    lines = table(("request", "ms"), [(name, f"{ms:.1f}") for name, ms in found])
    about = f"Linear model of {FEATURES} features; {SINGLE} single rows, {BATCHES} batches."
    return finish("predictions.sh", [about, lines], checks, publish=options.publish)


if __name__ == "__main__":
    run_main(main)
