"""The analysis routes over HTTP, with real servers and a real worker."""

import asyncio
import hashlib
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient, Response
from sklearn.datasets import load_diabetes

from shared.database import Database
from shared.ids import new_id
from shared.object_store import ObjectStore
from shared.resources import Resources
from shared.testing.project import Workspace

from ..app.schemas.types import ANALYSIS_TYPES
from .bench import Bench
from .support import DatasetMaker, MakeWorker
from .test_cluster import three_groups

pytestmark = pytest.mark.integration


def order(workspace: Workspace, dataset_id: UUID, kind: str, params: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "project_id": str(workspace.project_id),
        "dataset_id": str(dataset_id),
        "type": kind,
        "params": params,
        **more,
    }


async def finished(client: AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    """Submit, wait, and read the result."""
    answer = await client.post("/analysis", json=body, params={"wait": 60})
    assert answer.status_code == 200, answer.text
    task = answer.json()
    assert task["status"] == "succeeded", task["error"]
    result: dict[str, Any] = (await client.get(f"/analysis/{task['id']}/result")).json()
    return result


class TestAllTypes:
    async def test_submit_to_result(
        self, client: AsyncClient, workspace: Workspace, make_dataset: DatasetMaker, make_worker: MakeWorker
    ) -> None:
        make_worker()
        frame = load_diabetes(as_frame=True).frame
        dataset_id = await make_dataset(frame.to_dict("list"))
        features = [name for name in frame if name != "target"]
        regression = order(workspace, dataset_id, "regression", {"target": "target", "features": features}, seed=7)
        result = await finished(client, regression)
        assert list(result) == ["task_id", "type", "summary", "tables", "charts", "warnings", "artifacts", "manifest"]
        assert result["summary"]["r2"] == pytest.approx(0.517748, abs=5e-7)
        manifest = result["manifest"]
        assert (manifest["dataset_id"], manifest["version"], manifest["seed"]) == (str(dataset_id), 1, 7)
        assert (manifest["params"]["alpha"], manifest["executor"]) == (0.05, "local")
        assert manifest["libraries"]["statsmodels"]
        again = await finished(client, regression)
        assert again.pop("task_id") != result.pop("task_id")
        again["manifest"].pop("took_ms")
        manifest.pop("took_ms")
        assert again == result
        for kind in ("describe", "correlation"):
            assert (await finished(client, order(workspace, dataset_id, kind, {})))["type"] == kind
        await self._cluster(client, order(workspace, dataset_id, "cluster", {"columns": ["bmi", "bp"]}))
        await self._listed(client, workspace, dataset_id)

    @staticmethod
    async def _cluster(client: AsyncClient, body: dict[str, Any]) -> None:
        result = await finished(client, body)
        (artifact,) = result["artifacts"]
        assert list(artifact) == ["name", "bytes", "media_type"]
        labels = await client.get(f"/analysis/{result['task_id']}/artifacts/labels.csv")
        assert labels.headers["content-type"].startswith("text/csv")
        assert labels.headers["x-content-type-options"] == "nosniff"
        assert labels.headers["x-content-sha256"] == hashlib.sha256(labels.content).hexdigest()
        assert len(labels.content) == artifact["bytes"]
        assert len(labels.text.splitlines()) == 443
        assert (await client.get(f"/analysis/{result['task_id']}/artifacts/other")).status_code == 404

    @staticmethod
    async def _listed(client: AsyncClient, workspace: Workspace, dataset_id: UUID) -> None:
        async def kinds(**chosen: Any) -> list[str]:
            page = (await client.get("/analysis", params=chosen)).json()
            return [item["params"]["type"] for item in page["items"]]

        everything = ["cluster", "correlation", "describe", "regression", "regression"]
        assert await kinds() == everything
        assert await kinds(dataset_id=str(dataset_id), project_id=str(workspace.project_id)) == everything
        assert await kinds(type="describe", status="succeeded") == ["describe"]
        assert await kinds(status="failed") == []
        first = (await client.get("/analysis", params={"limit": 2})).json()
        assert await kinds(limit=2, cursor=first["next_cursor"]) == ["describe", "regression"]


class TestFollowing:
    async def test_events_result_and_removal(
        self,
        client: AsyncClient,
        workspace: Workspace,
        make_dataset: DatasetMaker,
        make_worker: MakeWorker,
        object_store: ObjectStore,
    ) -> None:
        make_worker()
        dataset_id = await make_dataset(three_groups())
        params = {"columns": ["metres", "grams"], "k": 3}
        body = order(workspace, dataset_id, "cluster", params)
        shortcut = {name: value for name, value in body.items() if name != "type"}
        accepted = await client.post("/analysis/cluster", json=shortcut)
        assert accepted.status_code == 202
        path = accepted.headers["location"]
        assert accepted.headers["retry-after"] == "1"
        assert path == f"/analysis/{accepted.json()['id']}"
        text = (await client.get(f"{path}/events")).text
        assert text.index("event: result") < text.rindex("event: state")
        assert '"status":"succeeded"' in text.replace(" ", "")
        task_id = accepted.json()["id"]
        assert (await client.get(f"/tasks/{task_id}/result")).json()["summary"]["sizes"] == [60, 30, 15]
        assert (await client.post(f"{path}/cancel")).json()["code"] == "already_finished"
        assert (await client.post(f"{path}/retry")).json()["code"] == "not_retryable"
        assert (await client.delete(path)).status_code == 204
        assert (await client.get(path)).status_code == 404
        kept = [entry.key async for entry in object_store.list(str(workspace.project_id))]
        assert len(kept) == 1

    async def test_a_fault_found_only_in_the_data(
        self, client: AsyncClient, workspace: Workspace, make_dataset: DatasetMaker, make_worker: MakeWorker
    ) -> None:
        make_worker()
        dataset_id = await make_dataset({"y": [1.0, 2.0, 4.0], "same": [3.0, 3.0, 3.0]})
        body = order(workspace, dataset_id, "regression", {"target": "y", "features": ["same"]})
        task = (await client.post("/analysis", json=body, params={"wait": 30})).json()
        assert (task["status"], task["error"]["code"]) == ("failed", "constant_column")
        assert "'same'" in task["error"]["detail"]
        refused = await client.get(f"/analysis/{task['id']}/result")
        assert (refused.status_code, refused.json()["code"]) == (409, "no_result")
        again = await client.post(f"/analysis/{task['id']}/retry", params={"wait": 30})
        assert (again.status_code, again.json()["id"], again.json()["attempts"]) == (200, task["id"], 2)

    async def test_cancelling_a_running_one(
        self, client: AsyncClient, workspace: Workspace, make_dataset: DatasetMaker, make_worker: MakeWorker
    ) -> None:
        make_worker()
        task = await self._long_one(client, workspace, make_dataset)
        await client.post(f"/analysis/{task['id']}/cancel")
        async with asyncio.timeout(3):
            events = (await client.get(f"/analysis/{task['id']}/events")).text
        assert '"status":"cancelled"' in events.replace(" ", "")

    async def test_a_killed_worker_finishes_it_once(
        self,
        client: AsyncClient,
        workspace: Workspace,
        make_dataset: DatasetMaker,
        make_worker: MakeWorker,
        database: Database,
    ) -> None:
        worker = make_worker()
        task = await self._long_one(client, workspace, make_dataset)
        worker.kill()
        worker.start()
        async with asyncio.timeout(60):
            await client.get(f"/analysis/{task['id']}/events")
        done = (await client.get(f"/analysis/{task['id']}")).json()
        assert (done["status"], done["attempts"]) == ("succeeded", 2)
        assert (await client.get(f"/analysis/{task['id']}/result")).json()["summary"]["k"] == 3
        async with database.transaction(read_only=True) as session:
            assert await session.fetch_value("SELECT count(*) FROM analysis_results") == 1

    @staticmethod
    async def _long_one(client: AsyncClient, workspace: Workspace, make_dataset: DatasetMaker) -> dict[str, Any]:
        """A search over k in many rows, which runs and has begun to compare."""
        dataset_id = await make_dataset(three_groups(60_000))
        body = order(workspace, dataset_id, "cluster", {"columns": ["metres", "grams"]})
        task: dict[str, Any] = (await client.post("/analysis", json=body)).json()
        async with asyncio.timeout(30):
            while not task["progress"]["message"].startswith("Choosing k"):
                assert task["status"] in ("queued", "running")
                await asyncio.sleep(0.1)
                task = (await client.get(f"/analysis/{task['id']}")).json()
        return task


class TestOnRay:
    async def test_the_search_for_k_runs_there(
        self,
        client: AsyncClient,
        workspace: Workspace,
        make_dataset: DatasetMaker,
        make_worker: MakeWorker,
        ray_variables: dict[str, str],
    ) -> None:
        make_worker(**ray_variables)
        dataset_id = await make_dataset(three_groups())
        result = await finished(client, order(workspace, dataset_id, "cluster", {"columns": ["metres", "grams"]}))
        assert (result["manifest"]["executor"], result["warnings"]) == ("ray", [])
        assert result["summary"]["k"] == 3


def code(answer: Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


class TestRefusals:
    @pytest.fixture
    async def body(self, workspace: Workspace, make_dataset: DatasetMaker) -> dict[str, Any]:
        dataset_id = await make_dataset({"price": [1.0, 2.0], "area": [3, 4], "name": ["a", "b"]})
        return order(workspace, dataset_id, "regression", {"target": "price", "features": ["area"]})

    async def test_who_may(
        self, clients: dict[str, AsyncClient], body: dict[str, Any], resources: Resources, workspace: Workspace
    ) -> None:
        answers = {name: await client.post("/analysis", json=body) for name, client in clients.items()}
        assert answers["owner"].status_code == answers["editor"].status_code == 202
        assert code(answers["nobody"]) == (401, "unauthorized")
        assert code(answers["stranger"]) == (404, "not_found")
        assert code(answers["viewer"]) == (403, "forbidden")
        path = answers["owner"].headers["location"]
        assert (await clients["viewer"].get(path)).json()["status"] == "queued"
        for method, end in (("GET", ""), ("GET", "/result"), ("GET", "/events"), ("POST", "/retry"), ("DELETE", "")):
            assert code(await clients["stranger"].request(method, path + end)) == (404, "not_found")
        for method, end in (("POST", "/cancel"), ("DELETE", "")):
            assert code(await clients["viewer"].request(method, path + end)) == (403, "forbidden")
        assert code(await clients["owner"].get(path + "/result")) == (409, "not_finished")
        assert code(await clients["owner"].delete(path)) == (409, "not_finished")
        assert (await clients["owner"].post(path + "/cancel")).json()["status"] == "cancelled"
        assert code(await clients["viewer"].post(path + "/retry")) == (403, "forbidden")
        await Bench(resources, workspace).settle()
        assert (await clients["editor"].post(path + "/retry")).status_code == 202

    @pytest.mark.parametrize(
        ("changes", "status", "expected"),
        [
            ({"type": "magic"}, 422, "unknown_type"),
            ({"params": {"target": "prise", "features": ["area"]}}, 422, "column_not_found"),
            ({"params": {"target": "name", "features": ["area"]}}, 422, "not_numeric"),
            ({"params": {"target": "price"}}, 422, "invalid_parameters"),
            ({"seed": -1}, 422, "validation_failed"),
            ({"version": 0}, 422, "validation_failed"),
            ({"extra": 1}, 422, "validation_failed"),
            ({"version": 2}, 404, "not_found"),
            ({"dataset_id": str(new_id())}, 404, "not_found"),
            ({"project_id": str(new_id())}, 404, "not_found"),
        ],
    )
    async def test_bad_orders(
        self, client: AsyncClient, body: dict[str, Any], changes: dict[str, Any], status: int, expected: str
    ) -> None:
        assert code(await client.post("/analysis", json=body | changes)) == (status, expected)

    async def test_the_sentence_helps(self, client: AsyncClient, body: dict[str, Any]) -> None:
        answer = await client.post("/analysis", json=body | {"params": {"target": "prise", "features": ["area"]}})
        assert answer.json()["detail"] == "No column 'prise'. Did you mean 'price'?"

    async def test_datasets_that_are_not_ready(
        self, client: AsyncClient, workspace: Workspace, make_dataset: DatasetMaker
    ) -> None:
        for status in ("ingesting", "failed"):
            dataset_id = await make_dataset({"a": [1]}, status)
            answer = await client.post("/analysis", json=order(workspace, dataset_id, "describe", {}))
            assert code(answer) == (409, "dataset_not_ready")

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ("UPDATE dataset_versions SET blocked = true", (409, "version_blocked")),
            ("UPDATE dataset_versions SET status = 'expired', parquet_key = NULL", (409, "version_expired")),
            ("UPDATE datasets SET deleted_at = now()", (404, "not_found")),
        ],
    )
    async def test_versions_that_cannot_be_used(
        self,
        client: AsyncClient,
        workspace: Workspace,
        make_dataset: DatasetMaker,
        database: Database,
        change: str,
        expected: tuple[int, str],
    ) -> None:
        dataset_id = await make_dataset({"a": [1]})
        async with database.transaction() as session:
            await session.execute(change)
        answer = await client.post("/analysis", json=order(workspace, dataset_id, "describe", {}))
        assert code(answer) == expected

    async def test_types_are_for_members_of_the_instance(self, clients: dict[str, AsyncClient]) -> None:
        assert code(await clients["nobody"].get("/analysis/types")) == (401, "unauthorized")
        items = (await clients["stranger"].get("/analysis/types")).json()["items"]
        assert [item["type"] for item in items] == list(ANALYSIS_TYPES)
        by_type = {item["type"]: item for item in items}
        assert by_type["cluster"]["schema"]["properties"]["k"]["default"] == "auto"
