"""A backup of an instance at work, restored into another one with secrets of its own: everything is there, by hash."""

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .api import PASSWORD, Api
from .conftest import Visit

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
SOURCE = os.environ.get("E2E_PROJECTS", "test1,test2").split(",")[0]
CSV = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number * number) for number in range(500))


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)


def instances(*arguments: str) -> str:
    done = run(sys.executable, ROOT / "scripts" / "instances", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def other() -> Iterator[str]:
    """An instance that is set up and has never been started."""
    instances("env", "--name", "test4", "--number", "107", "--code", "backend-pro1")
    file = ROOT / ".run" / "test4" / ".env"
    file.write_text(file.read_text().replace("RAY_ENABLED=true", "RAY_ENABLED=false"))
    yield "test4"
    instances("down", "--project", "test4")
    instances("purge", "--project", "test4")


@pytest.fixture
def churn(base_urls: list[str], visit: Visit) -> Iterator[Api]:
    """Somebody who uploads and deletes all the time."""
    api, over = visit(base_urls[0]).signed_up(), threading.Event()
    project = api.project("churn")
    failures: list[BaseException] = []

    def work() -> None:
        while not over.is_set():
            made = api.upload(project, CSV, wait=10)
            api.ok("DELETE", f"/datasets/{made['id']}", params={"purge": "true"})

    def watched() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - shown below, in the thread that is listened to
            failures.append(error)

    thread = threading.Thread(target=watched)
    thread.start()
    yield api
    over.set()
    thread.join(60)
    assert failures == []


def versions(api: Api, dataset_ids: list[str]) -> dict[tuple[str, int], str]:
    """Each version's content, by its hash as it is downloaded, which is also the one that is stated."""
    found: dict[tuple[str, int], str] = {}
    for dataset_id in dataset_ids:
        for version in api.ok("GET", f"/datasets/{dataset_id}/versions")["items"]:
            number = int(version["version"])
            answer = api.client.get(f"/datasets/{dataset_id}/download", params={"format": "parquet", "version": number})
            found[dataset_id, number] = hashlib.sha256(answer.content).hexdigest()
            assert found[dataset_id, number] == version["parquet_sha256"]
    return found


def append(api: Api, dataset: dict[str, Any]) -> None:
    file = {"file": ("more.csv", b"a,b\n1,1\n", "text/csv")}
    path = f"/datasets/{dataset['id']}/versions"
    assert api.ok("POST", path, params={"wait": 60}, data={"mode": "append"}, files=file)["current_version"] == 2


def trained(api: Api, dataset: dict[str, Any]) -> str:
    """The id of a model of `b`."""
    place = {"project_id": dataset["project_id"], "dataset_id": dataset["id"]}
    order = {**place, "target": "b", "algorithm": "ridge", "max_candidates": 1, "budget_seconds": 60}
    task = api.ok("POST", "/models/train", params={"wait": 60}, json=order)
    return str(api.result(task)["summary"]["model_id"])


def key_of(name: str) -> str:
    lines = (ROOT / ".run" / name / ".env").read_text().splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith("SECRET_KEY="))


def retire_key(name: str, key: str) -> None:
    """Name a key as a retired one of an instance, and restart that."""
    file = ROOT / ".run" / name / ".env"
    file.write_text(f"{file.read_text()}\nSECRET_KEYS_PREVIOUS={key}\n")
    instances("down", "--project", name)
    instances("up", "--project", name)


def test_everything_comes_back_elsewhere(api: Api, churn: Api, other: str, visit: Visit, tmp_path: Path) -> None:
    project = api.project()
    made = [api.upload(project, CSV, name=f"{name}.csv") for name in ("first", "second")]
    append(api, made[0])
    summary = api.result(api.analyse(made[1], "describe", {}))["summary"]
    ids = [dataset["id"] for dataset in made]
    before = versions(api, ids)
    predict, rows = f"/models/{trained(api, made[0])}/predict", {"rows": [{"a": 3}, {"a": 300}]}
    predicted = api.ok("POST", predict, json=rows)

    backup = run(ROOT / "scripts" / "backup.sh", "--project", SOURCE, "--to", tmp_path)
    assert backup.returncode == 0, backup.stderr
    restored = run(ROOT / "scripts" / "restore.sh", "--project", other, "--from", backup.stdout.strip())
    assert restored.returncode == 0, restored.stderr

    there = visit(instances("url", "--project", other))
    there.client.headers["authorization"] = api.client.headers["authorization"]
    there.refused(401, "unauthorized", "GET", "/auth/me")
    there.log_in(api.email, PASSWORD)
    assert len(there.ok("GET", "/auth/sessions")["items"]) == 1
    assert len(before) == 3
    assert versions(there, ids) == before
    (analysis,) = there.ok("GET", "/analysis", params={"project_id": project})["items"]
    assert there.ok("GET", f"/analysis/{analysis['id']}/result")["summary"] == summary
    assert there.upload(project, CSV, name="third.csv")["status"] == "ready"

    hurried = visit(there.base_url).log_in(churn.email, PASSWORD)
    (churned,) = hurried.ok("GET", "/projects")["items"]
    kept = hurried.ok("GET", "/datasets", params={"project_id": churned["id"]})["items"]
    versions(hurried, [dataset["id"] for dataset in kept if dataset["status"] == "ready"])

    again = run(ROOT / "scripts" / "restore.sh", "--project", other, "--from", backup.stdout.strip())
    assert again.returncode == 1
    assert "--replace" in again.stderr
    assert there.ok("GET", "/auth/me")["email"] == api.email

    # The model's file is there; its signature is that of the other instance's key.
    assert key_of(other) != key_of(SOURCE)
    there.refused(409, "model_not_genuine", "POST", predict, json=rows)
    retire_key(other, key_of(SOURCE))
    assert there.ok("POST", predict, json=rows) == predicted
