"""A model in use, by REST through the gateway: predictions, reasons, what would be if, whole datasets, drift."""

import csv
import io
from typing import Any
from uuid import uuid4

import pytest

from .api import FINAL, Api

pytestmark = pytest.mark.e2e

FEATURES = ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]


@pytest.fixture
def dataset(api: Api, diabetes_csv: bytes) -> dict[str, Any]:
    return api.upload(api.project(), diabetes_csv, "diabetes.csv")


@pytest.fixture
def rows(diabetes_csv: bytes) -> list[dict[str, float]]:
    return [
        {name: float(value) for name, value in row.items()}
        for row in csv.DictReader(io.StringIO(diabetes_csv.decode()))
    ]


@pytest.fixture
def model_id(api: Api, dataset: dict[str, Any]) -> str:
    order = {"project_id": dataset["project_id"], "dataset_id": dataset["id"], "target": "target", "features": FEATURES}
    task = done(api, "/models/train", {**order, "algorithm": "linear", "budget_seconds": 20, "seed": 1})
    return str(api.result(task)["summary"]["model_id"])


def done(api: Api, path: str, body: dict[str, Any]) -> dict[str, Any]:
    task: dict[str, Any] = api.ok("POST", path, params={"wait": 60}, json=body)
    while task["status"] not in FINAL:
        task = api.ok("GET", f"/tasks/{task['id']}")
    return task


def features_of(row: dict[str, float]) -> dict[str, float]:
    return {name: row[name] for name in FEATURES}


def test_rows_are_predicted_and_explained(api: Api, stranger: Api, model_id: str, rows: list[dict[str, float]]) -> None:
    asked = [features_of(row) for row in rows]
    answer = api.ok("POST", f"/models/{model_id}/predict", json={"rows": asked})
    assert (answer["model_id"], answer["version"], answer["notices"]) == (model_id, 1, [])
    values = [prediction["value"] for prediction in answer["predictions"]]
    # scikit-learn's user guide fits ordinary least squares to these data; R² of all rows is 0.5177.
    mean = sum(row["target"] for row in rows) / len(rows)
    unexplained = sum((row["target"] - value) ** 2 for row, value in zip(rows, values, strict=True))
    assert 1 - unexplained / sum((row["target"] - mean) ** 2 for row in rows) == pytest.approx(0.5177, abs=1e-3)
    held = [
        p["interval"]["low"] <= row["target"] <= p["interval"]["high"]
        for p, row in zip(answer["predictions"], rows, strict=True)
    ]
    assert 0.86 < sum(held) / len(held) < 0.96

    explained = api.ok("POST", f"/models/{model_id}/explain", json={"rows": asked[:3]})
    assert explained["method"] == "exact"
    for explanation, value in zip(explained["explanations"], values, strict=False):
        added = sum(one["contribution"] for one in explanation["contributions"])
        assert explanation["base"] + added == pytest.approx(value, abs=1e-6)
    grid = {"row": asked[0], "grid": [{"feature": "bmi", "points": 5}, {"feature": "bp", "values": [0.0, 0.1]}]}
    points = api.ok("POST", f"/models/{model_id}/what-if", json=grid)
    assert points["original"]["value"] == pytest.approx(values[0])
    assert len(points["points"]) == 10

    for path, body in (
        ("predict", {"rows": asked[:1]}),
        ("explain", {"rows": asked[:1]}),
        ("what-if", grid),
        ("predict/batch", {"dataset_id": str(uuid4())}),
        ("evaluate", {"dataset_id": str(uuid4())}),
        ("monitor", {"dataset_id": str(uuid4())}),
    ):
        stranger.refused(404, "not_found", "POST", f"/models/{model_id}/{path}", json=body)
    stranger.refused(404, "not_found", "GET", f"/models/{model_id}/evaluations")


def test_unusual_rows_are_told_and_wrong_ones_refused(api: Api, model_id: str) -> None:
    path = f"/models/{model_id}/predict"
    answer = api.ok("POST", path, json={"rows": [{"bmi": None, "bp": 9.0}, {}]})
    assert {notice["code"] for notice in answer["notices"]} == {"missing_values", "beyond_training"}
    assert len(answer["predictions"]) == 2
    for row, named in (({"bmi": "thick"}, "'bmi'"), ({"weight": 1}, "'weight'")):
        problem = api.refused(422, "invalid_rows", "POST", path, json={"rows": [{}, row]})
        assert problem["detail"].startswith("Row 1")
        assert named in problem["detail"]
    api.refused(422, "too_many_rows", "POST", path, json={"rows": [{}] * 1001})
    api.refused(422, "validation_failed", "POST", path, json={"rows": []})
    api.refused(404, "not_found", "POST", path, json={"rows": [{}], "version": 2})
    api.refused(404, "not_found", "POST", path, json={"rows": [{}], "alias": "champion"})


def test_a_dataset_is_predicted_evaluated_and_watched(
    api: Api, dataset: dict[str, Any], model_id: str, rows: list[dict[str, float]]
) -> None:
    order = {"dataset_id": dataset["id"], "columns": ["age"], "name": "Predicted"}
    summary = api.result(done(api, f"/models/{model_id}/predict/batch", order))["summary"]
    assert summary["rows"] == len(rows)
    made = api.ok("GET", f"/datasets/{summary['dataset_id']}")
    assert (made["name"], made["status"]) == ("Predicted", "ready")
    shown = api.ok("GET", f"/datasets/{made['id']}/rows", params={"limit": 3})
    online = api.ok("POST", f"/models/{model_id}/predict", json={"rows": [features_of(row) for row in rows[:3]]})
    names = (
        [column["name"] for column in shown["columns"]] if isinstance(shown["columns"][0], dict) else shown["columns"]
    )
    assert names == ["age", "prediction", "low", "high"]
    found = [dict(zip(names, row, strict=True)) if isinstance(row, list) else row for row in shown["rows"]]
    assert [row["prediction"] for row in found] == pytest.approx([p["value"] for p in online["predictions"]])
    lineage = api.ok("GET", f"/datasets/{made['id']}/lineage")
    assert dataset["id"] in str(lineage)
    assert model_id in str(lineage)
    api.refused(409, "name_taken", "POST", f"/models/{model_id}/predict/batch", json=order)

    evaluated = api.result(done(api, f"/models/{model_id}/evaluate", {"dataset_id": dataset["id"]}))
    assert evaluated["summary"]["verdict"] == "as_trained"
    assert evaluated["summary"]["value"] == pytest.approx(0.5177, abs=1e-3)
    same = api.result(done(api, f"/models/{model_id}/monitor", {"dataset_id": dataset["id"]}))
    assert (same["summary"]["verdict"], same["summary"]["drifted"]) == ("stable", [])
    shifted = "\n".join(
        [",".join(rows[0]), *(",".join(map(str, {**row, "bmi": row["bmi"] + 0.1}.values())) for row in rows)]
    )
    later = api.upload(dataset["project_id"], shifted.encode(), "later.csv")
    drift = api.result(done(api, f"/models/{model_id}/monitor", {"dataset_id": later["id"]}))
    assert drift["summary"]["verdict"] == "large"
    assert drift["summary"]["drifted"] == ["bmi", "(prediction)"]
    kept = api.ok("GET", f"/models/{model_id}/evaluations")["items"]
    assert [one["kind"] for one in kept] == ["monitoring", "monitoring", "evaluation"]
