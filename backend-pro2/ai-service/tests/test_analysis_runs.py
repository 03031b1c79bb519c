"""What a worker does with one task, step by step, on real servers but in this process."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.config import Settings
from shared.resources import Resources
from shared.tasks import TaskStatus
from shared.testing.project import Workspace

from .bench import Bench
from .support import DatasetMaker, with_ray
from .test_cluster import three_groups

pytestmark = pytest.mark.integration

CLUSTER = {"columns": ["metres", "grams"], "k": "auto", "standardise": True, "method": "kmeans"}


@pytest.fixture
def bench(resources: Resources, workspace: Workspace) -> Bench:
    return Bench(resources, workspace)


def noted(bench: Bench) -> list[dict[str, Any]]:
    """The jobs so far, once the directory of each is gone."""
    jobs = [job for _, job in bench.compute.runs]
    assert not any(Path(job["output"]).exists() for job in jobs)
    return jobs


async def test_a_result_and_its_files(bench: Bench, make_dataset: DatasetMaker, settings: Settings) -> None:
    bench.resources.settings = settings.model_copy(update={"ray_enabled": False})
    done = await bench.run(await make_dataset(three_groups()), "cluster", CLUSTER)
    assert (done.status, done.attempts) == (TaskStatus.SUCCEEDED, 1)
    (job,) = noted(bench)
    assert (job["ray"], job["data"]["url"], job["seed"]) == (None, "", 3)
    assert len(await bench.stored()) == 2
    async with bench.resources.database.transaction(read_only=True) as session:
        artifacts = await session.fetch_value("SELECT artifacts FROM analysis_results WHERE task_id = $1", done.id)
    assert artifacts[0]["key"] in await bench.stored()
    assert artifacts[0]["media_type"] == "text/csv"


async def test_only_a_search_is_told_of_the_cluster(
    bench: Bench, make_dataset: DatasetMaker, settings: Settings
) -> None:
    bench.resources.settings = with_ray(settings, "127.0.0.1:1", "t" * 40)
    dataset_id = await make_dataset(three_groups())
    await bench.run(dataset_id, "cluster", CLUSTER)
    await bench.run(dataset_id, "cluster", CLUSTER | {"k": 2})
    await bench.run(dataset_id, "describe", {"columns": None})
    searched, given, described = noted(bench)
    assert searched["ray"] == {"address": "127.0.0.1:1", "token": "t" * 40}
    assert searched["data"]["url"].startswith("http")
    assert given["ray"] is described["ray"] is None
    assert "t" * 40 not in json.dumps(given)


async def test_a_fault_in_the_data(bench: Bench, make_dataset: DatasetMaker) -> None:
    dataset_id = await make_dataset({"metres": [1.0], "grams": [2.0]})
    done = await bench.run(dataset_id, "cluster", CLUSTER | {"k": 4})
    assert (done.status, done.error_code) == (TaskStatus.FAILED, "too_few_rows")
    assert len(await bench.stored()) == 1


async def test_a_dataset_that_has_gone(bench: Bench, make_dataset: DatasetMaker) -> None:
    dataset_id = await make_dataset({"a": [1.0]})
    async with bench.resources.database.transaction() as session:
        await session.execute("DELETE FROM datasets")
    done = await bench.run(dataset_id, "describe", {"columns": None})
    assert (done.status, done.error_code) == (TaskStatus.FAILED, "dataset_not_ready")
    assert bench.compute.runs == []


async def test_a_version_that_was_blocked_meanwhile(bench: Bench, make_dataset: DatasetMaker) -> None:
    dataset_id = await make_dataset({"a": [1.0]})
    async with bench.resources.database.transaction() as session:
        await session.execute("UPDATE dataset_versions SET blocked = true")
    done = await bench.run(dataset_id, "describe", {"columns": None})
    assert (done.status, done.error_code, bench.compute.runs) == (TaskStatus.FAILED, "version_blocked", [])


async def test_bytes_that_are_not_the_dataset_s(bench: Bench, make_dataset: DatasetMaker) -> None:
    dataset_id = await make_dataset({"a": [1.0]})
    for key in await bench.stored():
        await bench.resources.object_store.put_bytes(key, b"something else")
    done = await bench.run(dataset_id, "describe", {"columns": None})
    assert (done.status, done.error_code) == (TaskStatus.FAILED, "corrupt_object")


async def test_a_late_run_leaves_nothing(
    bench: Bench, make_dataset: DatasetMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset_id = await make_dataset(three_groups())
    compute = bench.compute.run

    async def overtaken(*arguments: Any, **more: Any) -> dict[str, Any]:
        async with bench.resources.database.transaction() as session:
            await session.execute("UPDATE analysis_tasks SET claims = claims + 1, worker = 'other'")
        return await compute(*arguments, **more)

    monkeypatch.setattr(bench.compute, "run", overtaken)
    done = await bench.run(dataset_id, "cluster", CLUSTER | {"k": 3})
    assert (done.status, done.claims, done.worker) == (TaskStatus.RUNNING, 2, "other")
    # Its artifact, if the heartbeat did not stop it before that, is an orphan for the sweep.
    assert len(await bench.stored()) <= 1
    async with bench.resources.database.transaction(read_only=True) as session:
        assert await session.fetch_value("SELECT count(*) FROM analysis_results") == 0
