"""The main job, from registration to result, by REST through the gateway of a running instance."""

import hashlib
import json
from typing import Any

import httpx
import pytest

from .api import Api

pytestmark = pytest.mark.e2e


def test_upload_profile_query_download_delete(api: Api, diabetes_csv: bytes) -> None:
    project = api.project()
    dataset = api.upload(project, diabetes_csv, "diabetes.csv")
    assert (dataset["status"], dataset["rows"], dataset["columns"], dataset["name"]) == ("ready", 442, 11, "diabetes")

    profile = api.ok("GET", f"/datasets/{dataset['id']}/profile")
    columns = {column["name"]: column for column in profile["columns"]}
    assert profile["rows"] == 442
    assert columns["target"]["mean"] == pytest.approx(152.13348416289594)
    assert columns["target"]["std"] == pytest.approx(77.09300453299109)  # the sample's, not the population's
    assert columns["target"]["quantiles"]["p50"] == pytest.approx(140.5)

    preview = api.ok("GET", f"/datasets/{dataset['id']}/preview", params={"limit": 3})
    assert [len(row) for row in preview["rows"]] == [11, 11, 11]

    answer = api.ok(
        "POST",
        "/process/query",
        json={"project_id": project, "sql": "SELECT count(*) AS n, max(target) AS top FROM diabetes WHERE bmi > 0"},
    )
    assert [column["name"] for column in answer["columns"]] == ["n", "top"]
    assert answer["row_count"] == 1

    download = api.client.get(f"/datasets/{dataset['id']}/download", params={"format": "csv"})
    assert len(download.text.splitlines()) == 443
    assert download.headers["x-row-count"] == "442"
    assert download.headers["content-disposition"].startswith("attachment")
    parquet = api.client.get(f"/datasets/{dataset['id']}/download", params={"format": "parquet"})
    assert parquet.content[:4] == b"PAR1"
    assert parquet.headers["x-content-sha256"] == hashlib.sha256(parquet.content).hexdigest()

    assert [item["id"] for item in api.ok("GET", "/datasets", params={"project_id": project})["items"]] == [
        dataset["id"]
    ]
    api.ok("DELETE", f"/datasets/{dataset['id']}")
    api.refused(404, "not_found", "GET", f"/datasets/{dataset['id']}")


def test_regression_of_the_diabetes_data(api: Api, diabetes_csv: bytes) -> None:
    dataset = api.upload(api.project(), diabetes_csv)
    features = ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]
    task = api.analyse(dataset, "regression", {"method": "ols", "target": "target", "features": features})
    result = api.result(task)
    assert round(result["summary"]["r2"], 6) == 0.517748
    assert result["summary"]["n"] == 442
    table = next(table for table in result["tables"] if table["name"] == "coefficients")
    rows = {row[0]: dict(zip(table["columns"], row, strict=True)) for row in table["rows"]}
    assert rows["const"]["estimate"] == pytest.approx(152.133484, abs=1e-5)
    assert rows["bmi"]["estimate"] == pytest.approx(519.845920, abs=1e-4)
    assert rows["bmi"]["ci_low"] < rows["bmi"]["estimate"] < rows["bmi"]["ci_high"]
    assert result["charts"][0]["spec"]["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
    assert result["manifest"]["dataset_id"] == dataset["id"]
    assert (
        api.result(api.analyse(dataset, "regression", {"target": "target", "features": features}))["summary"]
        == result["summary"]
    )


def test_describe_correlation_and_cluster(api: Api, diabetes_csv: bytes) -> None:
    dataset = api.upload(api.project(), diabetes_csv)
    described = api.result(api.analyse(dataset, "describe", {}))
    assert len(described["tables"][0]["rows"]) == 11
    correlated = api.result(api.analyse(dataset, "correlation", {"columns": ["bmi", "target"], "method": "pearson"}))
    assert correlated["tables"][0]["rows"][0][2] == pytest.approx(0.586450, abs=1e-5)
    task, clustered = _clustered_on_ray(api, dataset)
    assert clustered["manifest"]["executor"] == "ray", clustered["warnings"]
    assert sum(clustered["summary"]["sizes"]) == 442
    labels = api.client.get(f"/analysis/{task['id']}/artifacts/{clustered['artifacts'][0]['name']}")
    assert len(labels.text.splitlines()) == 443


def _clustered_on_ray(api: Api, dataset: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first of a few that ran there: while a busy cluster is slow to answer, threads do the work and say so."""
    for seed in range(5):
        task = api.analyse(dataset, "cluster", {"columns": ["bmi", "bp", "s5"], "k": "auto"}, seed=seed)
        clustered = api.result(task)
        if clustered["manifest"]["executor"] == "ray":
            break
        assert [warning["code"] for warning in clustered["warnings"]] == ["ray_unavailable"]
    return task, clustered


def test_events_tell_the_whole_story_and_resume(api: Api, diabetes_csv: bytes) -> None:
    dataset = api.upload(api.project(), diabetes_csv, wait=0)
    events = api.events(dataset["task_id"])
    states = [json.loads(data)["status"] for _, event, data in events if event == "state"]
    assert states[0] == "queued"
    assert states[-1] == "succeeded"
    numbers = [number for number, _, _ in events]
    assert numbers == sorted(set(numbers))
    assert api.events(dataset["task_id"], after=numbers[1]) == events[2:]


def test_a_task_is_cancelled_in_flight(api: Api) -> None:
    rows = "\n".join(f"{n % 97},{n % 89},{n % 83},{n * 7919 % 1009}" for n in range(300_000))
    dataset = api.upload(api.project(), f"a,b,c,d\n{rows}\n".encode())
    body = {
        "project_id": dataset["project_id"],
        "dataset_id": dataset["id"],
        "params": {"columns": ["a", "b", "c", "d"], "k": "auto"},
    }
    task = api.ok("POST", "/analysis/cluster", json=body)
    cancelled = api.ok("POST", f"/analysis/{task['id']}/cancel")
    assert cancelled["id"] == task["id"]
    api.events(task["id"])
    assert api.ok("GET", f"/tasks/{task['id']}")["status"] == "cancelled"
    api.refused(409, "no_result", "GET", f"/analysis/{task['id']}/result")


def test_refresh_rotates_and_logout_ends_the_access_token_at_once(api: Api) -> None:
    first = api.tokens["refresh_token"]
    second = api.ok("POST", "/auth/refresh", json={"refresh_token": first})
    assert api.ok("POST", "/auth/refresh", json={"refresh_token": first})["refresh_token"] == second["refresh_token"]
    assert api.ok("GET", "/auth/me")["email"] == api.email
    api.client.post("/auth/logout").raise_for_status()
    api.refused(401, "session_ended", "GET", "/auth/me")
    assert api.client.post("/auth/refresh", json={"refresh_token": second["refresh_token"]}).status_code == 401


def test_the_gateway_documents_all_three_services(base_urls: list[str]) -> None:
    document = httpx.get(f"{base_urls[0]}/openapi.json", timeout=60).json()
    for path in ("/api/v1/auth/login", "/api/v1/upload/file", "/api/v1/datasets/{dataset_id}", "/api/v1/analysis"):
        assert path in document["paths"], sorted(document["paths"])
    operations = [
        operation["operationId"]
        for path in document["paths"].values()
        for method, operation in path.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]
    assert len(operations) == len(set(operations))
    docs = httpx.get(f"{base_urls[0]}/docs", timeout=60).text
    assert "/docs/assets/swagger-ui-bundle.js" in docs
    assert "cdn" not in docs
    assert httpx.get(f"{base_urls[0]}/docs/assets/swagger-ui-bundle.js", timeout=60).status_code == 200
