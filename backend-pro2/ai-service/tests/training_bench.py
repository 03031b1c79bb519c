"""Helpers for tests of models: trainings that run in the test's own process, and versions as trainings leave them."""

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from httpx import AsyncClient
from sklearn.datasets import load_breast_cancer, load_diabetes

from shared.ids import new_id
from shared.object_store import StoredObject
from shared.resources import Resources
from shared.tasks import Handler, NewTask
from shared.tasks.leases import Leases
from shared.tasks.runner import TaskRunner, aftermath_of
from shared.testing.fakes import InlineCompute
from shared.testing.project import Workspace

from ..app.repositories.versions import DatasetVersion
from ..app.services.model_keeping import Trained, keep_version
from ..app.services.train_runs import run_training

HANDLERS: dict[str, Handler] = {"train": run_training}
QUICK = {"budget_seconds": 20, "max_candidates": 2, "folds": 3}


def diabetes() -> dict[str, list[Any]]:
    """442 patients, 10 measurements, and the progression of their disease (Efron et al. 2004)."""
    data = load_diabetes(as_frame=True, scaled=False)
    return {**{name: data.data[name].tolist() for name in data.data}, "progression": data.target.tolist()}


def breast_cancer() -> dict[str, list[Any]]:
    """569 tumours, the first ten measurements of each, and their diagnosis (Wolberg et al. 1995)."""
    data = load_breast_cancer(as_frame=True)
    names = list(data.data)[:10]
    diagnosis = [("malignant", "benign")[number] for number in data.target]
    return {**{name: data.data[name].tolist() for name in names}, "diagnosis": diagnosis}


class TrainingBench:
    """Orders trainings over HTTP and runs them here, in this process."""

    def __init__(self, resources: Resources, client: AsyncClient, workspace: Workspace) -> None:
        self.compute = InlineCompute()
        resources.compute = self.compute
        self.resources, self.client, self.workspace = resources, client, workspace

    def order(self, dataset_id: UUID, target: str, **more: Any) -> dict[str, Any]:
        """The body of a quick training."""
        place = {"project_id": str(self.workspace.project_id), "dataset_id": str(dataset_id)}
        return {**place, "target": target, **QUICK, **more}

    async def submit(self, body: dict[str, Any]) -> str:
        """The id of an accepted training."""
        answer = await self.client.post("/models/train", json=body)
        assert answer.status_code == 202, answer.text
        task = answer.json()
        assert (task["kind"], task["queue"], task["status"]) == ("train", "train", "queued")
        return str(task["id"])

    async def run_next(self, worker: str = "bench") -> None:
        """Run the training whose turn it is."""
        leases = self.leases(worker)
        claimed = await leases.claim()
        assert claimed is not None
        await TaskRunner(self.resources, leases, self.resources.ledger.wakes, HANDLERS).run(claimed)

    def leases(self, worker: str) -> Leases:
        """A worker's side of the ledger."""
        database, wakes = self.resources.database, self.resources.ledger.wakes
        aftermath = aftermath_of(HANDLERS)
        return Leases(database, wakes, queue="train", worker=worker, lease_seconds=15, aftermath=aftermath)

    async def finished(self, body: dict[str, Any]) -> dict[str, Any]:
        """The result of a training."""
        task_id = await self.submit(body)
        await self.run_next()
        answer = await self.client.get(f"/tasks/{task_id}/result")
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result

    async def keys(self) -> set[str]:
        """Keys of all files of models."""
        return {entry.key async for entry in self.resources.object_store.list(f"{self.workspace.project_id}/models/")}


def told(problem: str = "regression", target: str = "y", **more: Any) -> dict[str, Any]:
    """What the engine tells of a model."""
    metrics = {"r2": {"value": 0.5, "ci_low": 0.4, "ci_high": 0.6}}
    made = {
        "file": "model.skops",
        "problem": problem,
        "target": target,
        "target_type": "number",
        "features": [{"name": "x", "type": "number", "kind": "numeric", "low": 0.0, "high": 1.0, "missing": 0.0}],
        "algorithm": "ridge",
        "parameters": {"alpha": 1.0},
        "classes": None,
        "metrics": metrics,
        "baseline": {"r2": {"value": 0.0, "ci_low": -0.1, "ci_high": 0.1}},
        "leaderboard": [{"rank": 1, "algorithm": "ridge", "score": 0.5}],
        "importance": [{"feature": "x", "mean": 0.5, "ci_low": 0.4, "ci_high": 0.6}],
        "conformal": {"method": "cv", "level": 0.9},
        "calibration": None,
        "card": {
            "data": {"rows": 10},
            "metrics": metrics,
            "calibration": None,
            "subgroups": [{"feature": "x|y", "level": "<b>", "n": 5}],
            "limits": ["None that is known."],
        },
        "rows": 10,
        "seed": 0,
        "libraries": {"skops": "1"},
    }
    return {**made, **more}


@dataclass(frozen=True, slots=True)
class ModelMaker:
    """Makes versions of models as trainings leave them."""

    resources: Resources
    workspace: Workspace
    dataset_id: UUID

    async def __call__(self, name: str = "m", *, score: float = 0.5, promote: str = "never", **more: Any) -> UUID:
        """One more version of the model; the model's id."""
        project_id, owner = self.workspace.project_id, self.workspace.owner
        made = told(**more)
        made["metrics"]["r2"] = {"value": score, "ci_low": score - 0.1, "ci_high": score + 0.1}
        content = f"model {new_id()}".encode()
        key = f"{project_id}/models/{new_id()}"
        await self.resources.object_store.put_bytes(key, content)
        file = StoredObject(key, len(content), hashlib.sha256(content).hexdigest())
        data = DatasetVersion(self.dataset_id, "d", "ready", 1, 1, "ready", None, False, "k", "5f" * 32, None)
        summary = {"metric": "r2", "score": score, "ci_low": score - 0.1, "ci_high": score + 0.1}
        params = {"name": name, "description": "", "tags": ["made"], "promote": promote}
        order = NewTask("train", "bench", project_id, owner, params, self.dataset_id, 1)
        async with self.resources.database.transaction() as session:
            task = await self.resources.ledger.submit(session, order)
            trained = Trained(data, made, summary, file, 1.0)
            kept = await keep_version(session, self.resources.settings, task, trained)
            sql = "UPDATE analysis_tasks SET status = 'succeeded', finished_at = now() WHERE id = $1"
            await session.execute(sql, task.id)
        return UUID(kept["model_id"])
