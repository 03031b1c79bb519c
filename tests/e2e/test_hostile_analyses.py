"""Every type of analysis over HTTP on data that are wrong for it, that are still being read, or that go meanwhile."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from .api import FINAL, Api

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
_NAMED = re.findall(r"^\|([^|]*)\|", (ROOT / "docs" / "errors.md").read_text(encoding="utf-8"), re.MULTILINE)
DOCUMENTED = frozenset(re.findall(r"`([a-z_]+)`", "".join(_NAMED)))
NUMBERS = ["x", "y", "z"]
ORDERS: dict[str, dict[str, Any]] = {
    "describe": {},
    "correlation": {"columns": NUMBERS},
    "hypothesis-test": {"method": "welch_t", "column": "x", "group": "g"},
    "anova": {"column": "x", "group": "g"},
    "regression": {"target": "y", "features": ["x", "z"]},
    "power": {"method": "two_sample_t", "power": 0.8, "effect": "observed", "column": "x", "group": "g"},
    "ab-test": {"metric": "x", "group": "g", "control": "a"},
    "stratified": {"exposure": "g", "outcome": "event", "strata": ["g2"]},
    "timeseries": {"column": "x", "time": "at"},
    "forecast": {"column": "x", "time": "at", "horizon": 3, "method": "seasonal_naive", "season": 4},
    "changepoint": {"column": "x", "time": "at"},
    "anomaly": {"columns": ["x", "y"]},
    "cluster": {"columns": NUMBERS, "k": 2},
    "reduce": {"columns": NUMBERS},
    "association": {"columns": ["g", "g2"]},
    "survival": {"time": "x", "event": "event", "group": "g"},
    "text": {"column": "note"},
    "auto": {},
}
HEAD = "x,y,z,g,g2,event,at,note"


def file_of(*, numbers: str = "{n}", rows: int = 24) -> bytes:
    """Rows whose numbers are made by a pattern."""
    lines = []
    for n in range(rows):
        cells = [numbers.format(n=value) for value in (n, n * 7 % 11, n * 5 % 7)]
        cells += ["ab"[n % 2], "cd"[n % 3 % 2], str(n % 5 % 2)]
        lines.append(",".join([*cells, f"2020-{n % 12 + 1:02}-{n // 12 % 28 + 1:02}", f"a house number {n}"]))
    return "\n".join([HEAD, *lines, ""]).encode()


HOSTILE = {
    "infinities": file_of().replace(b"\n3,", b"\ninf,").replace(b"\n4,", b"\n-inf,").replace(b"\n5,", b"\nnan,"),
    "texts for numbers": file_of(numbers="n{n}"),
    "constant": file_of(numbers="7"),
    "huge": file_of(numbers="{n}e300"),
    "missing": file_of(numbers=""),
    "three rows": file_of(rows=3),
}


def ordered(api: Api, dataset: dict[str, Any], kind: str) -> dict[str, Any]:
    """The task, or the problem that was answered."""
    place = {"project_id": dataset["project_id"], "dataset_id": dataset["id"]}
    answer = api.client.post("/analysis", json={**place, "type": kind, "params": ORDERS[kind]})
    said: dict[str, Any] = answer.json()
    if answer.status_code != 202:
        assert 400 <= answer.status_code < 500, (kind, answer.text)
        assert said["code"] in DOCUMENTED, (kind, said)
        assert said["detail"]
    return said


def ended(api: Api, task: dict[str, Any]) -> dict[str, Any]:
    while task["status"] not in FINAL:
        task = api.ok("GET", f"/tasks/{task['id']}", params={"wait": 60})
    return task


def refuse(constant: str) -> None:
    raise AssertionError(constant)


def check_end(api: Api, task: dict[str, Any]) -> None:
    """It failed for a reason that is documented, or its result is plain JSON and says why something is missing."""
    if task["status"] != "succeeded":
        assert task["error"]["code"] in DOCUMENTED - {"internal_error", "crashed"}, task
        assert len(task["error"]["detail"]) > 20
        return
    answer = api.client.get(f"/analysis/{task['id']}/result")
    result = json.loads(answer.text, parse_constant=refuse)
    missing = [name for name in ("statistic", "p_value") if result["summary"].get(name, 0) is None]
    assert not missing or result["warnings"], result["summary"]


def test_all_types_are_asked(api: Api) -> None:
    assert {entry["type"] for entry in api.ok("GET", "/analysis/types")["items"]} == set(ORDERS)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_data(api: Api, name: str) -> None:
    dataset = api.upload(api.project(), HOSTILE[name], "hostile.csv")
    assert dataset["status"] == "ready"
    said = [ordered(api, dataset, kind) for kind in ORDERS]
    for one in said:
        if "id" in one:
            check_end(api, ended(api, one))


def test_a_dataset_that_is_read_and_goes_meanwhile(api: Api) -> None:
    dataset = api.upload(api.project(), file_of(rows=30_000), "large.csv", wait=0)
    said = [ordered(api, dataset, kind) for kind in ORDERS]
    assert all("id" in one or one["code"] == "dataset_not_ready" for one in said), said
    api.ok("DELETE", f"/datasets/{dataset['id']}", params={"purge": "true"})
    tasks = [ended(api, one) for one in said if "id" in one]
    for task in tasks:
        if task["status"] != "cancelled":
            check_end(api, task)
    assert any(task["status"] != "succeeded" for task in tasks)
