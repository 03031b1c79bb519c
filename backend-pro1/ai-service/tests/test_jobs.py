"""Distributed jobs over HTTP, with real servers and a real worker: submitted, refused, waited for and read."""

import hashlib
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from httpx import AsyncClient

from shared.config import Settings
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import Handler
from shared.tasks.leases import Leases
from shared.tasks.runner import TaskRunner, aftermath_of
from shared.testing.fakes import InlineCompute
from shared.testing.project import Workspace

from ..app.services.job_runs import run_job
from .support import DatasetMaker, with_ray

pytestmark = pytest.mark.integration

ROWS = 300


def columns() -> dict[str, list[Any]]:
    random = np.random.default_rng(4)
    x = random.normal(size=ROWS)
    return {
        "x": x.tolist(),
        "y": (2 * x + random.normal(scale=0.5, size=ROWS)).tolist(),
        "side": np.where(x > 0, "right", "left").tolist(),
    }


def order(workspace: Workspace, dataset_id: UUID, job: str, params: dict[str, Any], **more: Any) -> dict[str, Any]:
    place = {"project_id": str(workspace.project_id), "dataset_id": str(dataset_id)}
    return {**place, "job": job, "params": params, **more}


class Bench:
    """Orders jobs over HTTP and runs them here, in this process."""

    def __init__(self, resources: Resources, client: AsyncClient) -> None:
        self.compute = InlineCompute()
        resources.compute = self.compute
        self._resources = resources
        self._client = client

    async def submit(self, body: dict[str, Any]) -> str:
        """The id of an accepted job."""
        answer = await self._client.post("/tasks", json=body)
        assert answer.status_code == 202, answer.text
        task = answer.json()
        assert (task["kind"], task["queue"], task["status"]) == ("job", "train", "queued")
        assert answer.headers["location"] == f"/tasks/{task['id']}"
        return str(task["id"])

    async def run_next(self) -> None:
        """Run the job whose turn it is."""
        database, wakes = self._resources.database, self._resources.ledger.wakes
        handlers: dict[str, Handler] = {"job": run_job}
        aftermath = aftermath_of(handlers)
        leases = Leases(database, wakes, queue="train", worker="bench", lease_seconds=15, aftermath=aftermath)
        claimed = await leases.claim()
        assert claimed is not None
        await TaskRunner(self._resources, leases, wakes, handlers).run(claimed)

    async def insist(self, task_id: str) -> None:
        """As if the job had been accepted on Ray before the cluster went away."""
        sql = """UPDATE analysis_tasks SET params = params || '{"executor": "ray"}' WHERE id = $1"""
        async with self._resources.database.transaction() as session:
            await session.execute(sql, UUID(task_id))

    async def finished(self, body: dict[str, Any]) -> dict[str, Any]:
        """The result of a job."""
        task_id = await self.submit(body)
        await self.run_next()
        answer = await self._client.get(f"/tasks/{task_id}/result")
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result


@pytest.fixture
def bench(resources: Resources, client: AsyncClient, settings: Settings) -> Bench:
    resources.settings = settings
    return Bench(resources, client)


class TestWithoutRay:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """An instance that has no Ray cluster."""
        return settings.model_copy(update={"ray_enabled": False})

    async def test_every_job_from_order_to_result(
        self, bench: Bench, client: AsyncClient, workspace: Workspace, make_dataset: DatasetMaker
    ) -> None:
        dataset_id = await make_dataset(columns())
        few = {"column": "x", "resamples": 100}
        interval = await bench.finished(order(workspace, dataset_id, "bootstrap", few, seed=5))
        assert interval["summary"]["ci_low"] < interval["summary"]["estimate"] < interval["summary"]["ci_high"]
        manifest = interval["manifest"]
        assert (manifest["executor"], manifest["cluster"], manifest["seed"]) == ("local", None, 5)
        test = order(workspace, dataset_id, "permutation", {"column": "y", "group": "side", "permutations": 99})
        assert (await bench.finished(test))["summary"]["p_value"] == 0.01
        profile = await bench.finished(order(workspace, dataset_id, "partitioned-profile", {}))
        assert profile["summary"]["rows"] == ROWS
        search = await bench.finished(order(workspace, dataset_id, "model-search", SEARCH))
        assert search["summary"]["score"] > 0.8 > search["summary"]["baseline"]
        await self._predicted(bench, client, order(workspace, dataset_id, "batch-prediction", winner(search)))
        train = {"train": {"dataset_id": str(dataset_id), "target": "side", "features": ["x"], "algorithm": "tree"}}
        predicted = await bench.finished(order(workspace, dataset_id, "batch-prediction", train))
        sides = columns()["side"]
        assert predicted["tables"][0]["rows"] == [[side, sides.count(side)] for side in ("left", "right")]

    @staticmethod
    async def _predicted(bench: Bench, client: AsyncClient, body: dict[str, Any]) -> None:
        result = await bench.finished(body)
        content = await client.get(f"/analysis/{result['task_id']}/artifacts/predictions.parquet")
        assert hashlib.sha256(content.content).hexdigest() == content.headers["x-content-sha256"]
        table = pq.read_table(pa.BufferReader(content.content))
        assert table.column("row").to_pylist() == list(range(ROWS))
        assert np.corrcoef(table.column("prediction").to_numpy(), columns()["y"])[0, 1] > 0.9

    async def test_ray_is_not_to_be_had(
        self, client: AsyncClient, workspace: Workspace, make_dataset: DatasetMaker
    ) -> None:
        body = order(workspace, await make_dataset(columns()), "bootstrap", {"column": "x"}, executor="ray")
        answer = await client.post("/tasks", json=body)
        assert (answer.status_code, answer.json()["code"]) == (503, "ray_disabled")


SEARCH = {"target": "y", "features": ["x"], "candidates": ["ridge", "tree"], "folds": 3}


def winner(search: dict[str, Any]) -> dict[str, Any]:
    return {"search_task_id": search["task_id"]}


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"job": "boot-strap"}, 422, "unknown_job"),
    ({"params": {"column": "x", "resamples": 10}}, 422, "invalid_parameters"),
    ({"params": {"column": "x", "code": "import os"}}, 422, "invalid_parameters"),
    ({"params": {"column": "z"}}, 422, "column_not_found"),
    ({"params": {"column": "side"}}, 422, "not_numeric"),
    ({"queue": "ingest"}, 422, "validation_failed"),
    ({"callback_url": "http://127.0.0.1/"}, 422, "validation_failed"),
    ({"executor": "somewhere"}, 422, "validation_failed"),
    ({"deadline": "2020-01-01T00:00:00Z"}, 422, "validation_failed"),
    ({"job": "batch-prediction", "params": {"search_task_id": str(new_id())}}, 404, "not_found"),
    (
        {"job": "batch-prediction", "params": {"train": {"dataset_id": str(new_id()), "target": "y"}}},
        404,
        "not_found",
    ),
]


async def test_what_is_refused_and_what_is_accepted_once(
    client: AsyncClient, workspace: Workspace, make_dataset: DatasetMaker
) -> None:
    body = order(workspace, await make_dataset(columns()), "bootstrap", {"column": "x"})
    for change, status, code in REFUSED:
        answer = await client.post("/tasks", json=body | change)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    headers = {"Idempotency-Key": "a-job"}
    answers = [await client.post("/tasks", json=body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert answers[1].headers["idempotency-replayed"] == "true"


class TestRayAway:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """An instance whose Ray cluster is away."""
        return with_ray(settings, "127.0.0.1:1", "t" * 40)

    async def test_only_what_needs_ray_is_refused(
        self, client: AsyncClient, workspace: Workspace, make_dataset: DatasetMaker
    ) -> None:
        body = order(workspace, await make_dataset(columns()), "bootstrap", {"column": "x"})
        refused = [await client.get("/tasks/cluster"), await client.post("/tasks", json={**body, "executor": "ray"})]
        for answer in refused:
            assert (answer.status_code, answer.json()["code"]) == (503, "ray_unavailable")
            assert int(answer.headers["retry-after"]) > 0
        assert (await client.post("/tasks", json=body)).status_code == 202

    async def test_what_was_accepted_waits(
        self, bench: Bench, client: AsyncClient, workspace: Workspace, make_dataset: DatasetMaker
    ) -> None:
        insisting = order(workspace, await make_dataset(columns()), "bootstrap", {"column": "x"})
        task_id = await bench.submit(insisting)
        await bench.insist(task_id)
        await bench.run_next()
        task = (await client.get(f"/tasks/{task_id}")).json()
        assert (task["status"], task["attempts"], task["error"]) == ("queued", 0, None)
        assert task["not_before"] is not None
