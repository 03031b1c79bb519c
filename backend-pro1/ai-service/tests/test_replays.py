"""Analyses computed again from their manifests, on real servers but in this process."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from shared.database import Database
from shared.errors import APIException
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import TaskStatus
from shared.testing.project import Workspace

from ..app.repositories.results import Result
from ..app.services.replays import Replays
from .bench import Bench
from .support import DatasetMaker
from .test_cluster import three_groups

pytestmark = pytest.mark.integration

ORDERS: Mapping[str, dict[str, Any]] = {
    "describe": {"columns": None},
    "correlation": {"method": "kendall"},
    "regression": {"target": "grams", "features": ["metres", "kind"]},
    "cluster": {"columns": ["metres", "grams"], "k": "auto"},
}


class Repeats:
    """Runs an analysis and its replays."""

    def __init__(self, resources: Resources, workspace: Workspace, dataset_id: UUID) -> None:
        self.bench = Bench(resources, workspace)
        self.workspace = workspace
        self.dataset_id = dataset_id
        self.replays = Replays(resources)

    async def analysed(self, kind: str) -> UUID:
        """A finished analysis."""
        done = await self.bench.run(self.dataset_id, kind, ORDERS[kind])
        assert done.status == TaskStatus.SUCCEEDED, done.error_detail
        return done.id

    async def replayed(self, task_id: UUID) -> Result:
        """The result of a replay."""
        asked = await self.replays.submit(self.workspace.owner, task_id, None)
        assert (asked.kind, asked.queue, asked.dataset_id, asked.version) == ("replay", "analysis", self.dataset_id, 1)
        done = await self.bench.run_next()
        assert (done.id, done.status) == (asked.id, TaskStatus.SUCCEEDED), done.error_detail
        return await self.replays.analyses.result(self.workspace.owner, done.id)

    async def refused(self, task_id: UUID, user_id: UUID | None = None) -> str:
        """Why a replay is not accepted."""
        with pytest.raises(APIException) as refusal:
            await self.replays.submit(user_id or self.workspace.owner, task_id, None)
        return refusal.value.code

    async def change(self, sql: str, *arguments: object) -> None:
        """A statement by itself."""
        async with self.bench.resources.database.transaction() as session:
            assert await session.execute(sql, *arguments) == 1


@pytest.fixture
async def repeats(resources: Resources, workspace: Workspace, make_dataset: DatasetMaker) -> Repeats:
    resources.settings = resources.settings.model_copy(update={"ray_enabled": False})
    groups = three_groups()
    kinds = [f"kind {number % 3}" for number in range(len(groups["metres"]))]
    return Repeats(resources, workspace, await make_dataset({**groups, "kind": kinds}))


@pytest.mark.parametrize("kind", ORDERS)
async def test_the_same_again(repeats: Repeats, kind: str) -> None:
    task_id = await repeats.analysed(kind)
    for _ in range(3):
        result = await repeats.replayed(task_id)
        found = {"match": True, "differences": [], "environment": [], "replay_of": str(task_id)}
        assert (result.type, result.summary, result.warnings, result.artifacts) == ("replay", found, [], [])
        assert {"dataset_id", "version", "sha256", "code_version", "libraries"} <= result.manifest.keys()


async def test_a_result_that_was_tampered_with(repeats: Repeats) -> None:
    task_id = await repeats.analysed("cluster")
    await repeats.change(
        "UPDATE analysis_results SET tables = jsonb_set(tables, '{0,rows,1,0}', '99'), "
        "artifacts = jsonb_set(artifacts, '{0,sha256}', '\"ab\"') WHERE task_id = $1",
        task_id,
    )
    summary = (await repeats.replayed(task_id)).summary
    cell, file = summary["differences"]
    assert (summary["match"], cell["part"], cell["path"], cell["before"]) == (False, "tables", "/0/rows/1/0", 99)
    assert (file["part"], file["path"], file["before"], len(file["after"])) == ("artifacts", "/labels.csv", "ab", 64)


async def test_what_may_explain_it(repeats: Repeats) -> None:
    task_id = await repeats.analysed("describe")
    await repeats.change(
        "UPDATE analysis_results SET summary = '{}', manifest = jsonb_set(jsonb_set(manifest, '{libraries,numpy}', "
        "'\"1.0\"'), '{code_version}', '\"0.0.1\"') WHERE task_id = $1",
        task_id,
    )
    result = await repeats.replayed(task_id)
    assert not result.summary["match"]
    assert [(change["name"], change["before"]) for change in result.summary["environment"]] == [
        ("code_version", "0.0.1"),
        ("numpy", "1.0"),
    ]
    assert [warning["code"] for warning in result.warnings] == ["environment_changed"]


async def test_a_result_of_a_time_without_hashes(repeats: Repeats) -> None:
    task_id = await repeats.analysed("describe")
    await repeats.change("UPDATE analysis_results SET manifest = manifest - 'hashes' WHERE task_id = $1", task_id)
    assert (await repeats.replayed(task_id)).summary["match"]


async def test_where_it_ran_does_not_matter(repeats: Repeats) -> None:
    task_id = await repeats.analysed("cluster")
    await repeats.change(
        "UPDATE analysis_results SET manifest = jsonb_set(manifest, '{executor}', '\"ray\"'), "
        'warnings = warnings || \'[{"code": "ray_unavailable", "message": "…"}]\' WHERE task_id = $1',
        task_id,
    )
    assert (await repeats.replayed(task_id)).summary["match"]


async def test_data_that_is_not_the_same(repeats: Repeats) -> None:
    task_id = await repeats.analysed("describe")
    await repeats.change("UPDATE dataset_versions SET parquet_sha256 = 'ab'")
    asked = await repeats.replays.submit(repeats.workspace.owner, task_id, None)
    done = await repeats.bench.run_next()
    assert (done.id, done.status, done.error_code) == (asked.id, TaskStatus.FAILED, "data_changed")


async def test_an_analysis_that_goes_before_its_turn(repeats: Repeats) -> None:
    task_id = await repeats.analysed("describe")
    await repeats.replays.submit(repeats.workspace.owner, task_id, None)
    await repeats.change("DELETE FROM analysis_tasks WHERE id = $1", task_id)
    assert (await repeats.bench.run_next()).error_code == "analysis_removed"


async def test_what_cannot_be_replayed(repeats: Repeats, database: Database) -> None:
    task_id = await repeats.analysed("describe")
    assert await repeats.refused(task_id, repeats.workspace.viewer) == "forbidden"
    assert await repeats.refused(task_id, repeats.workspace.stranger) == "not_found"
    assert await repeats.refused(new_id()) == "not_found"
    result = await repeats.replayed(task_id)
    assert await repeats.refused(result.task_id) == "not_replayable"
    for change, code in {
        "UPDATE dataset_versions SET blocked = true": "version_blocked",
        "UPDATE dataset_versions SET status = 'expired', parquet_key = NULL": "version_expired",
        "UPDATE datasets SET deleted_at = now()": "dataset_removed",
    }.items():
        await repeats.change(change)
        assert await repeats.refused(task_id) == code
    failed = await repeats.bench.run(repeats.dataset_id, "describe", {"columns": None})
    assert await repeats.refused(failed.id) == "no_result"
    async with database.transaction(read_only=True) as session:
        assert await session.fetch_value("SELECT count(*) FROM analysis_tasks WHERE kind = 'replay'") == 1
