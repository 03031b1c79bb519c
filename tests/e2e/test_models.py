"""Models as people use them, by REST through the gateway: trained, compared, promoted, rolled back, exported, gone."""

import io
import json
import time
import zipfile
from typing import Any

import pytest
from sklearn.datasets import load_breast_cancer

from .api import FINAL, Api

pytestmark = pytest.mark.e2e


def train(api: Api, dataset: dict[str, Any], target: str, **more: Any) -> dict[str, Any]:
    """The finished task of a training."""
    order = {"project_id": dataset["project_id"], "dataset_id": dataset["id"], "target": target, **more}
    task: dict[str, Any] = api.ok("POST", "/models/train?wait=60", json=order)
    while task["status"] not in FINAL:
        task = api.ok("GET", f"/tasks/{task['id']}?wait=30")
    return task


def trained(api: Api, dataset: dict[str, Any], target: str, **more: Any) -> dict[str, Any]:
    """The summary of a training that succeeded."""
    task = train(api, dataset, target, **more)
    assert task["status"] == "succeeded", task
    summary: dict[str, Any] = api.ok("GET", f"/tasks/{task['id']}/result")["summary"]
    return summary | {"task_id": task["id"]}


@pytest.fixture
def dataset(api: Api, diabetes_csv: bytes) -> dict[str, Any]:
    return api.upload(api.project(), diabetes_csv, "diabetes.csv")


def test_from_search_to_rollback(api: Api, dataset: dict[str, Any]) -> None:
    began = time.monotonic()
    first = trained(api, dataset, "target", budget_seconds=10, name="Diabetes", seed=1)
    assert time.monotonic() - began < 10 + 15
    wanted = {"model_id", "version", "problem", "metric", "score", "ci_low", "ci_high", "baseline", "candidates"}
    assert wanted | {"took_s"} <= first.keys()
    assert (first["version"], first["problem"], first["metric"]) == (1, "regression", "r2")
    # Linear models reach a cross-validated R² of 0.48 to 0.49 on these data.
    assert first["ci_low"] < first["score"] < first["ci_high"]
    assert 0.42 < first["score"] < 0.55
    events = [json.loads(data) for _, event, data in api.events(first["task_id"]) if event == "log"]
    boards = [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
    assert len(boards) >= 2
    assert boards[-1]["leaderboard"]
    second = trained(api, dataset, "target", algorithm="ridge", budget_seconds=10, name="diabetes")
    place = f"/models/{first['model_id']}"
    assert (second["model_id"], second["version"]) == (first["model_id"], 2)
    compared = api.ok("GET", f"/models/compare?ids={first['model_id']}@1,{first['model_id']}@2")
    assert compared["same_data"]
    assert api.ok("GET", place)["version"] == 2
    api.ok("PUT", f"{place}/aliases/champion", json={"version": 2, "reason": "simpler"})
    api.ok("PUT", f"{place}/aliases/champion", json={"version": 1, "reason": "back"})
    assert api.ok("GET", place)["version"] == 1
    moves = api.ok("GET", f"{place}/aliases/champion/history")["items"]
    assert [move["reason"] for move in moves] == ["back", "simpler"]
    api.refused(409, "alias_in_use", "DELETE", f"{place}/versions/1")
    api.refused(409, "alias_in_use", "DELETE", place)
    card = api.client.get(f"{place}/card?format=md")
    assert card.headers["content-type"].startswith("text/markdown")
    archive = zipfile.ZipFile(io.BytesIO(api.client.get(f"{place}/export?version=2").content))
    assert json.loads(archive.read("manifest.json"))["algorithm"] == "ridge"
    api.ok("DELETE", f"{place}?force=true")
    api.refused(404, "not_found", "GET", place)
    assert api.ok("GET", f"/tasks/{second['task_id']}/result")["summary"]["version"] == 2


def test_classification(api: Api) -> None:
    frame = load_breast_cancer(as_frame=True).frame
    frame["target"] = frame["target"].map({0: "malignant", 1: "benign"})
    dataset = api.upload(api.project(), frame.to_csv(index=False).encode())
    found = trained(api, dataset, "target", algorithm="logistic", budget_seconds=15)
    assert found["problem"] == "classification"
    assert found["score"] > 0.97
    place = f"/models/{found['model_id']}"
    assert api.ok("GET", f"{place}/versions/1")["classes"] == ["benign", "malignant"]
    assert api.ok("GET", f"{place}/card")["calibration"]["ece"] < 0.1
    assert (
        api.ok("GET", f"/models?dataset_id={dataset['id']}&problem=classification")["items"][0]["id"]
        == found["model_id"]
    )


def test_a_training_is_cancelled_and_leaves_nothing(api: Api, dataset: dict[str, Any]) -> None:
    place = {"project_id": dataset["project_id"], "dataset_id": dataset["id"]}
    order = {**place, "target": "target", "budget_seconds": 300, "max_candidates": 1000}
    task = api.ok("POST", "/models/train", json=order)
    while not api.ok("GET", f"/tasks/{task['id']}")["progress"]["done"]:
        time.sleep(0.2)
    api.ok("POST", f"/tasks/{task['id']}/cancel")
    began = time.monotonic()
    assert api.ok("GET", f"/tasks/{task['id']}?wait=30")["status"] == "cancelled"
    assert time.monotonic() - began < 5
    assert api.ok("GET", "/models")["items"] == []


def test_a_schedule_retrains(api: Api, dataset: dict[str, Any]) -> None:
    action = {
        "kind": "train", "dataset_id": dataset["id"], "target": "target", "algorithm": "linear", "name": "nightly",
        "budget_seconds": 10, "promote": "better",
    }  # fmt: skip
    body = {"project_id": dataset["project_id"], "name": "retrain", "cron": "0 3 * * *", "action": action}
    schedule = api.ok("POST", "/tasks/schedules", json=body)
    for version in (1, 2):
        task = api.ok("POST", f"/tasks/schedules/{schedule['id']}/run?wait=60")
        assert (task["kind"], task["status"]) == ("train", "succeeded"), task
        summary = api.ok("GET", f"/tasks/{task['id']}/result")["summary"]
        assert summary["version"] == version
    # The same data and seed score the same, which is not better.
    assert (summary["promotion"]["moved"], summary["promotion"]["asked"]) == (False, "better")
    assert api.ok("GET", f"/models/{summary['model_id']}")["aliases"] == {"champion": 1}
    wrong = {**body, "name": "wrong", "action": {**action, "target": "nothing", "name": "other"}}
    api.refused(422, "column_not_found", "POST", "/tasks/schedules", json=wrong)


def test_models_of_others_and_keys_without_the_scope(api: Api, stranger: Api, dataset: dict[str, Any]) -> None:
    found = trained(api, dataset, "target", algorithm="linear", budget_seconds=10)
    place = f"/models/{found['model_id']}"
    for path in ("", "/card", "/export", "/versions", "/versions/1", "/aliases", "/leaderboard", "/importance"):
        stranger.refused(404, "not_found", "GET", f"{place}{path}")
    stranger.refused(404, "not_found", "DELETE", place)
    assert stranger.ok("GET", "/models")["items"] == []
    order = {"project_id": dataset["project_id"], "dataset_id": dataset["id"], "target": "target"}
    stranger.refused(404, "not_found", "POST", "/models/train", json=order)
    key = api.ok("POST", "/auth/api-keys", json={"name": "reads", "scopes": ["models:read"]})["key"]
    api.client.headers["authorization"] = f"Bearer {key}"
    api.ok("GET", place)
    api.refused(403, "insufficient_scope", "POST", "/models/train", json=order)


def test_a_removed_project_takes_its_models(api: Api, dataset: dict[str, Any]) -> None:
    found = trained(api, dataset, "target", algorithm="linear", budget_seconds=10)
    task = api.ok("DELETE", f"/projects/{dataset['project_id']}?wait=60")
    assert task["status"] == "succeeded", task
    api.refused(404, "not_found", "GET", f"/models/{found['model_id']}")
