"""Results of every type of analysis, computed again from their manifests: the same, to the byte.

REPLAY_ROUNDS repeats all of them with other seeds.
"""

import math
import os
from typing import Any

import pytest

from .api import FINAL, Api

pytestmark = pytest.mark.e2e

ROUNDS = int(os.environ.get("REPLAY_ROUNDS", "1"))
ROWS = 240
NUMBERS = ["x", "y", "z"]
ORDERS: list[tuple[str, dict[str, Any]]] = [
    ("describe", {}),
    ("correlation", {"columns": NUMBERS, "method": "spearman"}),
    ("hypothesis-test", {"method": "welch_t", "column": "x", "group": "arm"}),
    ("anova", {"method": "one_way", "column": "y", "group": ["kind"]}),
    ("regression", {"method": "ols", "target": "y", "features": ["x", "z", "kind"]}),
    ("regression", {"method": "logistic", "target": "event", "features": ["x", "z"]}),
    ("stratified", {"exposure": "arm", "outcome": "event", "strata": ["kind"]}),
    ("survival", {"time": "days", "event": "event", "group": "arm"}),
    ("timeseries", {"column": "y", "time": "at", "method": "decomposition", "period": 12}),
    ("forecast", {"column": "y", "time": "at", "horizon": 6, "season": 12}),
    ("changepoint", {"column": "y", "time": "at"}),
    ("anomaly", {"columns": NUMBERS, "method": "isolation_forest"}),
    ("cluster", {"columns": NUMBERS, "k": "auto"}),
    ("reduce", {"columns": NUMBERS, "method": "tsne", "n": 2}),
    ("association", {"columns": ["arm", "kind"]}),
    ("power", {"method": "two_sample_t", "power": 0.8, "effect": "observed", "column": "x", "group": "arm"}),
    ("ab-test", {"metric": "x", "group": "arm", "control": "a", "covariate": "z"}),
    ("text", {"column": "note", "method": "topics", "k": 3}),
    ("text", {"column": "note", "method": "sentiment"}),
    ("auto", {}),
]


def _table() -> bytes:
    lines = ["at,x,y,z,kind,arm,event,days,note"]
    for n in range(ROWS):
        x, z = n * 7919 % 1009 / 100, n * 104_729 % 997 / 50
        y = n / 10 + 3 * math.sin(n * math.pi / 6) + x
        word = ["red", "green", "blue"][n * 31 % 7 % 3]
        cells = [
            f"{2000 + n // 12}-{n % 12 + 1:02}-01",
            x,
            y,
            z,
            word,
            "ab"[n * 17 % 5 % 2],
            n * 13 % 11 % 2,
            n % 50 + 1,
            f"a {'good' if n % 3 else 'terrible'} {word} house of {n % 7} rooms",
        ]
        lines.append(",".join(map(str, cells)))
    return ("\n".join(lines) + "\n").encode()


def _ended(api: Api, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ended = [api.ok("GET", f"/tasks/{task['id']}", params={"wait": 60}) for task in tasks]
    return ended if all(task["status"] in FINAL for task in ended) else _ended(api, ended)


def test_every_type_gives_the_same_again(api: Api) -> None:
    assert {kind for kind, _ in ORDERS} == {entry["type"] for entry in api.ok("GET", "/analysis/types")["items"]}
    dataset = api.upload(api.project(), _table())
    place = {"project_id": dataset["project_id"], "dataset_id": dataset["id"]}
    for seed in range(ROUNDS):
        orders = [{**place, "type": kind, "params": params, "seed": seed} for kind, params in ORDERS]
        first = _ended(api, [api.ok("POST", "/analysis", json=order) for order in orders])
        assert [(task["status"], task["error"]) for task in first] == [("succeeded", None)] * len(ORDERS)
        again = _ended(api, [api.ok("POST", f"/analysis/{task['id']}/replay") for task in first])
        for (kind, _), task in zip(ORDERS, again, strict=True):
            summary = api.result(task)["summary"]
            assert (summary["match"], summary["differences"]) == (True, []), kind
