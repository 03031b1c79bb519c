"""The glossary: words and metrics, checked against what a dataset shows, and told within bounds."""

from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from shared.database import Database
from shared.ids import new_id
from shared.resources import Resources
from shared.testing.project import Workspace

from ..app.services import glossary
from ..app.services.glossary import terms_for
from .ask_bench import AskBench, column, profile
from .support import DatasetMaker

pytestmark = pytest.mark.integration

PLACE = "/analysis/glossary"
COLUMNS = {"units": [1, 2], "revenue": [1.5, 2.5], "salary": [1, 2]}


@pytest.fixture
async def dataset_id(make_dataset: DatasetMaker, resources: Resources, workspace: Workspace) -> UUID:
    made = await make_dataset(COLUMNS)
    found = profile([column(name, "number") for name in COLUMNS])
    await AskBench(resources, workspace).describe(made, "sales", found, {"salary": {"personal": True}})
    return made


@pytest.fixture
def metric(workspace: Workspace, dataset_id: UUID) -> dict[str, Any]:
    return {
        "project_id": str(workspace.project_id),
        "dataset_id": str(dataset_id),
        "name": "average price",
        "definition": "Revenue for each unit.",
        "expression": "sum(revenue) / nullif(sum(units), 0)",
    }


@pytest.fixture
def word(workspace: Workspace) -> dict[str, Any]:
    return {"project_id": str(workspace.project_id), "name": "season", "definition": "From May to August."}


async def test_a_life(clients: dict[str, AsyncClient], metric: dict[str, Any]) -> None:
    client, key = clients["editor"], {"Idempotency-Key": str(new_id())}
    made = await client.post(PLACE, json=metric, headers=key)
    assert made.status_code == 201, made.text
    assert (await client.post(PLACE, json=metric, headers=key)).json() == made.json()
    place, tag = made.headers["location"], made.headers["etag"]
    assert (await clients["viewer"].get(place)).json() == made.json()
    assert (await clients["viewer"].get(place, headers={"If-None-Match": tag})).status_code == 304
    changed = await client.patch(place, json={"name": "price"}, headers={"If-Match": tag})
    assert (changed.json()["name"], changed.json()["expression"]) == ("price", metric["expression"])
    stale = await client.patch(place, json={"name": "cost"}, headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    plain = await client.patch(place, json={"expression": None, "dataset_id": None})
    assert (plain.json()["expression"], plain.json()["dataset_id"]) == (None, None)
    assert (await client.delete(place, headers={"If-Match": tag})).status_code == 412
    assert (await client.delete(place)).status_code == 204
    assert (await client.get(place)).status_code == 404


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("sum(profit)", "unknown_column"),
        ("avg(salary)", "unknown_column"),
        ("sum(units) FROM sales --", "invalid_sql"),
        ("units, revenue", "invalid_sql"),
        ("(SELECT max(a) FROM other)", "unknown_table"),
        ("getenv('HOME')", "forbidden_sql"),
    ],
)
async def test_what_does_not_fit_is_no_metric(
    client: AsyncClient, metric: dict[str, Any], word: dict[str, Any], expression: str, code: str
) -> None:
    refused = await client.post(PLACE, json={**metric, "expression": expression})
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
    place = (await client.post(PLACE, json=metric)).headers["location"]
    refused = await client.patch(place, json={"expression": expression})
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert (await client.get(place)).json()["expression"] == metric["expression"]


async def test_a_metric_has_a_dataset(client: AsyncClient, metric: dict[str, Any], word: dict[str, Any]) -> None:
    assert (await client.post(PLACE, json={**word, "expression": "1"})).status_code == 422
    assert (await client.post(PLACE, json={**metric, "dataset_id": str(new_id())})).status_code == 404
    place = (await client.post(PLACE, json=metric)).headers["location"]
    assert (await client.patch(place, json={"dataset_id": None})).status_code == 422


async def test_names_are_taken_once(client: AsyncClient, word: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    first = await client.post(PLACE, json=word)
    assert first.status_code == 201, first.text
    second = await client.post(PLACE, json={**word, "name": "SEASON"})
    assert (second.status_code, second.json()["code"]) == (409, "name_taken")
    other = (await client.post(PLACE, json={**word, "name": "other"})).headers["location"]
    renamed = await client.patch(other, json={"name": "Season"})
    assert (renamed.status_code, renamed.json()["code"]) == (409, "name_taken")
    monkeypatch.setattr(glossary, "MOST_TERMS", 2)
    full = await client.post(PLACE, json={**word, "name": "third"})
    assert (full.status_code, full.json()["code"]) == (409, "too_many_terms")


async def test_lists(
    clients: dict[str, AsyncClient],
    metric: dict[str, Any],
    word: dict[str, Any],
    dataset_id: UUID,
    database: Database,
) -> None:
    for body in (word, metric):
        assert (await clients["owner"].post(PLACE, json=body)).status_code == 201
    viewer = clients["viewer"]
    assert [one["name"] for one in (await viewer.get(PLACE)).json()["items"]] == ["average price", "season"]
    of_dataset = await viewer.get(PLACE, params={"dataset_id": str(dataset_id)})
    assert [one["name"] for one in of_dataset.json()["items"]] == ["average price"]
    page = (await viewer.get(PLACE, params={"limit": 1})).json()
    rest = (await viewer.get(PLACE, params={"limit": 1, "cursor": page["next_cursor"]})).json()
    assert [one["name"] for one in rest["items"]] == ["season"]
    assert (await clients["stranger"].get(PLACE)).json()["items"] == []
    async with database.transaction() as session:
        await session.execute("UPDATE datasets SET deleted_at = now() WHERE id = $1", dataset_id)
    assert [one["name"] for one in (await viewer.get(PLACE)).json()["items"]] == ["season"]


class TestToldTerms:
    @pytest.fixture
    async def defined(self, client: AsyncClient, metric: dict[str, Any], word: dict[str, Any]) -> None:
        for body in (word, metric, {**word, "name": "wage", "definition": "What is in salary, and more."}):
            assert (await client.post(PLACE, json=body)).status_code == 201

    async def names(self, database: Database, workspace: Workspace, *more: Any) -> list[str]:
        async with database.transaction(read_only=True) as session:
            return [term["name"] for term in await terms_for(session, workspace.project_id, *more)]

    @pytest.mark.usefixtures("defined")
    async def test_those_of_the_datasets_and_of_the_project(
        self, database: Database, workspace: Workspace, dataset_id: UUID
    ) -> None:
        assert await self.names(database, workspace, [dataset_id]) == ["average price", "season", "wage"]
        assert await self.names(database, workspace, [new_id()]) == ["season", "wage"]

    @pytest.mark.usefixtures("defined")
    async def test_none_that_names_a_hidden_column(
        self, database: Database, workspace: Workspace, dataset_id: UUID
    ) -> None:
        assert await self.names(database, workspace, [dataset_id], ["salary"]) == ["average price", "season"]
        assert await self.names(database, workspace, [dataset_id], ["REVENUE"]) == ["season", "wage"]

    @pytest.mark.usefixtures("defined")
    async def test_within_bounds(
        self, database: Database, workspace: Workspace, dataset_id: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(glossary, "TOLD_CHARACTERS", 120)
        assert await self.names(database, workspace, [dataset_id]) == ["average price", "season"]
        monkeypatch.setattr(glossary, "TOLD_TERMS", 1)
        assert await self.names(database, workspace, [dataset_id]) == ["average price"]
