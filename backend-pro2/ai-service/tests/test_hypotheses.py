"""The ledger of hypotheses on real servers: what is noted, how it is adjusted, and what outlives what."""

import asyncio
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from httpx import AsyncClient
from statsmodels.stats.multitest import multipletests

from shared.database import Database
from shared.ids import new_id
from shared.resources import Resources
from shared.tasks import TaskStatus
from shared.testing.project import Workspace

from ..app.repositories import hypotheses
from ..app.repositories.hypotheses import Hypothesis
from ..app.services.replays import Replays
from .bench import Bench
from .support import DatasetMaker

pytestmark = pytest.mark.integration


class Ledger:
    """Analyses of one dataset, and what the ledger says of them."""

    def __init__(self, bench: Bench, client: AsyncClient, dataset_id: UUID) -> None:
        self.bench = bench
        self.client = client
        self.dataset_id = dataset_id

    async def test(self, column: str, **more: Any) -> tuple[UUID, list[str]]:
        """Welch's test of a column between both groups: the task, and what the warning of many tests says."""
        params = {"method": "welch_t", "column": column, "group": "g", **more}
        return await self.run("hypothesis-test", params)

    async def run(self, kind: str, params: dict[str, Any]) -> tuple[UUID, list[str]]:
        """Any analysis."""
        done = await self.bench.run(self.dataset_id, kind, params)
        assert done.status == TaskStatus.SUCCEEDED, done.error_detail
        result = (await self.client.get(f"/analysis/{done.id}/result")).json()
        return done.id, [w["message"] for w in result["warnings"] if w["code"] == "multiple_testing"]

    async def page(self, **query: Any) -> dict[str, Any]:
        """A page of the ledger."""
        answer = await self.client.get("/analysis/hypotheses", params={"dataset_id": str(self.dataset_id), **query})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


@pytest.fixture
async def ledger(resources: Resources, workspace: Workspace, client: AsyncClient, make_dataset: DatasetMaker) -> Ledger:
    generator = np.random.default_rng(7)
    columns = {f"x{i}": generator.normal(size=40).tolist() for i in range(6)}
    dataset_id = await make_dataset({**columns, "g": ["a", "b"] * 20})
    return Ledger(Bench(resources, workspace), client, dataset_id)


async def test_counted_adjusted_and_listed(ledger: Ledger) -> None:
    assert (await ledger.test("x0"))[1] == []
    said = [(await ledger.test(f"x{i}"))[1] for i in range(1, 6)]
    assert said[-1][0].startswith("This is hypothesis 6 of 6 tested on this dataset; adjusted for all of them")
    rows = (await ledger.page())["items"]
    assert [row["number"] for row in rows] == [6, 5, 4, 3, 2, 1]
    assert rows[0]["label"] == "hypothesis-test welch_t of x5, g"
    expected = multipletests([row["p_value"] for row in rows], method="fdr_bh")[1]
    assert [row["q_value"] for row in rows] == pytest.approx(expected.tolist(), rel=1e-12)
    assert f"q = {rows[0]['q_value']:.3g}" in said[-1][0]
    first = await ledger.page(limit=4)
    rest = await ledger.page(limit=4, cursor=first["next_cursor"])
    assert [*first["items"], *rest["items"]] == rows
    assert rest["next_cursor"] is None


async def test_the_same_counts_once_and_many_in_one_result_each(ledger: Ledger) -> None:
    await ledger.test("x0")
    await ledger.test("x0", alpha=0.01)
    assert len((await ledger.page())["items"]) == 1
    said = (await ledger.run("correlation", {"columns": ["x0", "x1", "x2"], "method": "pearson"}))[1]
    assert said[0].startswith("This result has 3 hypotheses, with numbers from 2 to 4, of 4 tested on this dataset")
    assert (await ledger.run("correlation", {"columns": ["x0", "x1", "x2"], "method": "pearson"}))[1] == said


async def test_a_replay_matches_and_counts_nothing(ledger: Ledger, workspace: Workspace) -> None:
    await ledger.test("x0")
    task_id, said = await ledger.test("x1")
    await ledger.test("x2")
    assert said
    replays = Replays(ledger.bench.resources)
    await replays.submit(workspace.owner, task_id, None)
    done = await ledger.bench.run_next()
    assert (await replays.analyses.result(workspace.owner, done.id)).summary["match"] is True
    assert len((await ledger.page())["items"]) == 3


async def test_an_analysis_goes_and_what_it_tested_stays(ledger: Ledger, database: Database) -> None:
    task_id, _ = await ledger.test("x0")
    assert (await ledger.client.delete(f"/analysis/{task_id}")).status_code == 204
    ((row,),) = [(await ledger.page())["items"]]
    assert (row["number"], row["task_id"]) == (1, None)
    async with database.transaction() as session:
        await session.execute("UPDATE datasets SET deleted_at = now()")
    assert (await ledger.page())["items"] == []
    async with database.transaction() as session:
        await session.execute("UPDATE datasets SET deleted_at = NULL")
    assert len((await ledger.page())["items"]) == 1
    async with database.transaction() as session:
        await session.execute("DELETE FROM datasets")
        assert await session.fetch_value("SELECT count(*) FROM hypotheses") == 0


async def test_who_sees_it(ledger: Ledger, clients: dict[str, AsyncClient]) -> None:
    await ledger.test("x0")
    for person, count in (("viewer", 1), ("stranger", 0)):
        for query in ({}, {"dataset_id": str(ledger.dataset_id)}):
            assert len((await clients[person].get("/analysis/hypotheses", params=query)).json()["items"]) == count
    assert (await clients["nobody"].get("/analysis/hypotheses")).status_code == 401
    assert (await clients["owner"].get("/analysis/hypotheses?dataset_id=x")).status_code == 422


async def test_numbers_are_given_once_whoever_writes(ledger: Ledger, database: Database) -> None:
    task_id, _ = await ledger.test("x0")

    async def write(batch: int) -> None:
        tested = [Hypothesis(f"{batch} {i}", 0.5, f"{batch} {i}".encode()) for i in range(5)]
        async with database.transaction() as session:
            await hypotheses.add(session, ledger.dataset_id, 1, task_id, "test", tested)

    await asyncio.gather(*(write(batch) for batch in range(6)))
    rows = (await ledger.page())["items"]
    assert sorted(row["number"] for row in rows) == [*range(1, 32)]
    async with database.transaction() as session:
        standing = await hypotheses.add(session, new_id(), 1, task_id, "test", [Hypothesis("gone", 0.5, b"gone")])
    assert (standing.total, standing.own) == (0, 0)
