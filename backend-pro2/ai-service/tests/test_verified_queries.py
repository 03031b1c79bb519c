"""Verified queries: kept once checked, found for similar questions, and for those alone who may know their columns."""

from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from shared.database import Database
from shared.ids import new_id
from shared.resources import Resources
from shared.testing.project import Workspace

from ..app.services import verified_queries
from ..app.services.verified_queries import similar
from .ask_bench import AskBench, column, profile
from .support import DatasetMaker

pytestmark = pytest.mark.integration

PLACE = "/analysis/verified-queries"
COLUMNS = {"region": ["a", "b"], "units": [1, 2], "email": ["x@example.org", "y@example.org"]}
FOUND = profile(
    [column("region", "string"), column("units", "integer"), column("email", "string")],
    ["Column 'email' looks like e-mail addresses (100% of 2 values looked at)."],
)


@pytest.fixture
def bench(resources: Resources, workspace: Workspace) -> AskBench:
    return AskBench(resources, workspace)


@pytest.fixture
async def dataset_id(make_dataset: DatasetMaker, bench: AskBench) -> UUID:
    made = await make_dataset(COLUMNS)
    await bench.describe(made, "sales", FOUND)
    return made


@pytest.fixture
def order(workspace: Workspace, dataset_id: UUID) -> dict[str, Any]:
    return {
        "project_id": str(workspace.project_id),
        "question": "Which region sells most?",
        "sql": "SELECT region, sum(units) FROM sales GROUP BY region",
        "dataset_ids": [str(dataset_id)],
    }


async def test_a_life(clients: dict[str, AsyncClient], order: dict[str, Any], dataset_id: UUID) -> None:
    client, key = clients["editor"], {"Idempotency-Key": str(new_id())}
    made = await client.post(PLACE, json=order, headers=key)
    assert made.status_code == 201, made.text
    assert (await client.post(PLACE, json=order, headers=key)).json() == made.json()
    place = made.headers["location"]
    assert place == f"{PLACE}/{made.json()['id']}"
    read = await clients["viewer"].get(place)
    assert read.json() == made.json()
    unchanged = await clients["viewer"].get(place, headers={"If-None-Match": made.headers["etag"]})
    assert unchanged.status_code == 304
    for wanted, number in ((dataset_id, 1), (new_id(), 0)):
        found = (await clients["viewer"].get(PLACE, params={"dataset_id": str(wanted)})).json()["items"]
        assert len(found) == number
    again = await client.post(PLACE, json={**order, "question": "WHICH region sells most?"})
    assert (again.status_code, again.json()["code"]) == (409, "question_taken")
    assert (await client.delete(place)).status_code == 204
    assert (await client.delete(place)).status_code == 404


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT sum(unit) FROM sales", "unknown_column"),
        ("SELECT email FROM sales", "unknown_column"),
        ("SELECT 1 FROM other", "unknown_table"),
        ("DROP TABLE sales", "invalid_sql"),
        ("SELECT 1; SELECT 2", "invalid_sql"),
        ("SELECT * FROM read_csv('/etc/passwd')", "forbidden_sql"),
    ],
)
async def test_what_does_not_fit_is_not_kept(client: AsyncClient, order: dict[str, Any], sql: str, code: str) -> None:
    refused = await client.post(PLACE, json={**order, "sql": sql})
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert "'email'" not in refused.text.replace("No column 'email'", "")


async def test_datasets_must_be_there(client: AsyncClient, order: dict[str, Any], make_dataset: DatasetMaker) -> None:
    absent = await client.post(PLACE, json={**order, "dataset_ids": [str(new_id())]})
    assert absent.status_code == 404
    coming = await make_dataset({"a": [1]}, status="ingesting")
    refused = await client.post(PLACE, json={**order, "dataset_ids": [str(coming)]})
    assert (refused.status_code, refused.json()["code"]) == (409, "dataset_not_ready")
    twice = await client.post(PLACE, json={**order, "dataset_ids": order["dataset_ids"] * 2})
    assert twice.status_code == 422


async def test_a_project_may_have_so_many(
    client: AsyncClient, order: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified_queries, "MOST_QUERIES", 1)
    assert (await client.post(PLACE, json=order)).status_code == 201
    refused = await client.post(PLACE, json={**order, "question": "Another?"})
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_queries")


class TestSimilar:
    @pytest.fixture
    async def kept(self, client: AsyncClient, order: dict[str, Any]) -> None:
        pairs = {
            "Which region sells most units?": "SELECT 1 AS one FROM sales",
            "How many units does each region sell?": "SELECT 2 AS two FROM sales",
            "What's the average of 'units' \\ region & | ! ( ) : *": "SELECT 3 AS three FROM sales",
            "When was the email of each person sent?": "SELECT 4 AS four FROM sales",
        }
        for question, sql in pairs.items():
            made = await client.post(PLACE, json={**order, "question": question, "sql": sql})
            assert made.status_code == 201, made.text

    async def find(
        self, database: Database, workspace: Workspace, question: str, *more: Any, **named: Any
    ) -> list[str]:
        async with database.transaction() as session:
            found = await similar(session, workspace.project_id, question, *more, **named)
        return [one["sql"][7:8] for one in found]

    @pytest.mark.usefixtures("kept")
    async def test_the_most_similar_come_first_and_are_counted(
        self, client: AsyncClient, database: Database, workspace: Workspace, dataset_id: UUID
    ) -> None:
        question = "which REGION sells the most units"
        assert (await self.find(database, workspace, question, [dataset_id]))[:1] == ["1"]
        assert await self.find(database, workspace, question, [dataset_id], 1) == ["1"]
        uses = {one["question"]: one["uses"] for one in (await client.get(PLACE)).json()["items"]}
        assert uses["Which region sells most units?"] == 2
        assert uses["When was the email of each person sent?"] == 0

    @pytest.mark.usefixtures("kept")
    async def test_marks_of_a_query_language_are_words_like_others(
        self, database: Database, workspace: Workspace, dataset_id: UUID
    ) -> None:
        question = "What's the average of 'units' \\ region & | ! ( ) : * '' \\' :A <-> x"
        assert (await self.find(database, workspace, question, [dataset_id]))[:1] == ["3"]
        assert await self.find(database, workspace, "& | !", [dataset_id]) == []
        assert await self.find(database, workspace, "", [dataset_id]) == []

    @pytest.mark.usefixtures("kept")
    async def test_one_word_in_common_is_not_similar(
        self, database: Database, workspace: Workspace, dataset_id: UUID
    ) -> None:
        for question in ("Who was born in the village of each hill?", "Is an email longer than a letter?"):
            assert await self.find(database, workspace, question, [dataset_id]) == []

    @pytest.mark.usefixtures("kept")
    async def test_other_datasets_and_hidden_columns_keep_them_away(
        self, database: Database, workspace: Workspace, dataset_id: UUID
    ) -> None:
        question = "When was the email of each person sent?"
        assert await self.find(database, workspace, question, [new_id()]) == []
        assert await self.find(database, workspace, question, [new_id(), dataset_id]) == ["4"]
        assert await self.find(database, workspace, question, [dataset_id], hidden=["Email"]) == []
        assert await self.find(database, workspace, question, [dataset_id], hidden=["mail"]) == ["4"]
