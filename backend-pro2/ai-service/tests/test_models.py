"""Models over HTTP on real servers: listed, read, changed, compared, promoted, rolled back, removed."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient, Response

from shared.config import Settings
from shared.database import Database
from shared.ids import new_id
from shared.resources import Resources
from shared.testing.project import Workspace

from .support import DatasetMaker
from .training_bench import ModelMaker

pytestmark = pytest.mark.integration


@pytest.fixture
async def make_model(resources: Resources, workspace: Workspace, make_dataset: DatasetMaker) -> ModelMaker:
    return ModelMaker(resources, workspace, await make_dataset({"x": [1.0, 2.0], "y": [1.0, 2.0]}))


async def ids(client: AsyncClient, query: str = "") -> list[str]:
    answer = await client.get(f"/models{query}")
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def refusal(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_lists_are_filtered_and_paged(client: AsyncClient, make_model: ModelMaker, workspace: Workspace) -> None:
    made = [str(await make_model(name)) for name in ("a", "b", "c")]
    await client.put(f"/models/{made[0]}/aliases/champion", json={"version": 1})
    await client.patch(f"/models/{made[1]}", json={"tags": ["special"]})
    assert await ids(client) == made[::-1]
    for query, found in [
        (f"?project_id={workspace.project_id}&dataset_id={make_model.dataset_id}", made[::-1]),
        (f"?dataset_id={new_id()}", []),
        ("?problem=regression", made[::-1]),
        ("?problem=classification", []),
        ("?alias=champion", made[:1]),
        ("?tag=special", made[1:2]),
    ]:
        assert await ids(client, query) == found, query
    page = (await client.get("/models?limit=2")).json()
    assert await ids(client, f"?limit=2&cursor={page['next_cursor']}") == made[:1]
    assert refusal(await client.get(f"/models?project_id={new_id()}")) == (404, "not_found")


async def test_change_under_its_tag(client: AsyncClient, make_model: ModelMaker) -> None:
    model_id = await make_model("before")
    await make_model("other")
    tag = (await client.get(f"/models/{model_id}")).headers["etag"]
    assert (await client.get(f"/models/{model_id}", headers={"If-None-Match": tag})).status_code == 304
    change = {"name": "after", "notes": "Without s1.", "description": "d", "tags": ["t", "t"]}
    changed = await client.patch(f"/models/{model_id}", json=change, headers={"If-Match": tag})
    assert changed.json() | change | {"tags": ["t"]} == changed.json()
    assert changed.headers["etag"] != tag
    late = await client.patch(f"/models/{model_id}", json={"notes": ""}, headers={"If-Match": tag})
    assert refusal(late) == (412, "precondition_failed")
    assert refusal(await client.patch(f"/models/{model_id}", json={"name": "OTHER"})) == (409, "name_taken")
    assert refusal(await client.patch(f"/models/{model_id}", json={"target": "x"})) == (422, "validation_failed")


async def test_promotion_and_the_way_back(client: AsyncClient, make_model: ModelMaker) -> None:
    for _ in range(3):
        model_id = await make_model()
    place = f"/models/{model_id}/aliases/champion"
    assert (await client.get(f"/models/{model_id}")).json()["version"] == 3
    for version, reason in ((3, "first"), (1, "back"), (1, "again")):
        answer = await client.put(place, json={"version": version, "reason": reason})
        assert answer.json()["version"] == version
    assert (await client.get(f"/models/{model_id}")).json()["version"] == 1
    assert (await client.get(f"/models/{model_id}/leaderboard")).json()["version"] == 1
    for query, version in (("?version=2", 2), ("?alias=champion", 1), ("?alias=latest", 3)):
        assert (await client.get(f"/models/{model_id}/card{query}")).json()["version"] == version
    assert (await client.delete(place)).status_code == 204
    assert refusal(await client.delete(place)) == (404, "not_found")
    assert (await client.get(f"/models/{model_id}/aliases")).json() == {"items": []}
    moves = (await client.get(f"{place}/history")).json()["items"]
    assert [(move["from_version"], move["to_version"], move["reason"]) for move in moves] == [
        (1, None, ""),
        (3, 1, "back"),
        (None, 3, "first"),
    ]


async def test_refused_aliases_and_choices(client: AsyncClient, make_model: ModelMaker) -> None:
    place = f"/models/{await make_model()}"
    assert refusal(await client.put(f"{place}/aliases/latest", json={"version": 1})) == (422, "alias_reserved")
    assert refusal(await client.put(f"{place}/aliases/champion", json={"version": 2})) == (404, "not_found")
    assert refusal(await client.put(f"{place}/aliases/BAD", json={"version": 1})) == (422, "validation_failed")
    assert refusal(await client.get(f"{place}/card?version=1&alias=champion")) == (422, "invalid")
    assert "no alias 'champion'; it has none" in (await client.get(f"{place}/card?alias=champion")).json()["detail"]
    assert "its newest is 1" in (await client.get(f"{place}/versions/7")).json()["detail"]


async def test_versions_go_with_their_files(
    client: AsyncClient, make_model: ModelMaker, resources: Resources, workspace: Workspace
) -> None:
    for _ in range(3):
        model_id = await make_model()
    prefix = f"{workspace.project_id}/models/"
    await client.put(f"/models/{model_id}/aliases/champion", json={"version": 2})
    assert refusal(await client.delete(f"/models/{model_id}/versions/2")) == (409, "alias_in_use")
    assert (await client.delete(f"/models/{model_id}/versions/3")).status_code == 204
    assert (await client.delete(f"/models/{model_id}/versions/2?force=true")).status_code == 204
    assert refusal(await client.delete(f"/models/{model_id}/versions/1?force=true")) == (409, "last_version")
    assert len([entry async for entry in resources.object_store.list(prefix)]) == 1
    assert (await client.get(f"/models/{model_id}")).json()["aliases"] == {}
    # A number is not given twice: what was noted of version 3 stays true.
    await make_model()
    versions = (await client.get(f"/models/{model_id}/versions?limit=1")).json()
    assert [item["version"] for item in versions["items"]] == [4]
    rest = await client.get(f"/models/{model_id}/versions?cursor={versions['next_cursor']}")
    assert [item["version"] for item in rest.json()["items"]] == [1]


async def test_a_model_goes_with_all_its_files(
    client: AsyncClient, make_model: ModelMaker, resources: Resources, workspace: Workspace
) -> None:
    model_id = await make_model(promote="always")
    await make_model()
    assert refusal(await client.delete(f"/models/{model_id}")) == (409, "alias_in_use")
    assert (await client.delete(f"/models/{model_id}?force=true")).status_code == 204
    assert refusal(await client.get(f"/models/{model_id}")) == (404, "not_found")
    assert [entry async for entry in resources.object_store.list(f"{workspace.project_id}/models/")] == []


async def test_files_that_are_not_ours_are_not_handed_out(
    client: AsyncClient, make_model: ModelMaker, database: Database, settings: Settings
) -> None:
    model_id = await make_model()
    assert (await client.get(f"/models/{model_id}/export")).status_code == 200
    async with database.transaction() as session:
        sql = "UPDATE model_versions SET sha256 = $2 WHERE model_id = $1"
        await session.execute(sql, model_id, "0" * 64)
    assert refusal(await client.get(f"/models/{model_id}/export")) == (409, "model_not_genuine")


async def test_comparison(client: AsyncClient, make_model: ModelMaker) -> None:
    good, poor = await make_model("good", score=0.9), await make_model("poor", score=0.3)
    other = await make_model("other", problem="classification")
    found = (await client.get(f"/models/compare?ids={poor},{good}@1")).json()
    assert [model["name"] for model in found["models"]] == ["poor", "good"]
    (metric,) = found["metrics"]
    assert (metric["name"], metric["best"], metric["is_clear"], metric["better"]) == ("r2", 1, True, "larger")
    assert (found["same_data"], found["notes"]) == (True, [])
    mixed = (await client.get("/models/compare", params={"ids": [str(good), str(other)]})).json()
    assert not mixed["same_problem"]
    assert mixed["metrics"][0]["best"] is None
    for wrong in (str(good), f"{good},x", ",".join([str(good)] * 21)):
        assert refusal(await client.get(f"/models/compare?ids={wrong}")) == (422, "invalid")
    assert refusal(await client.get(f"/models/compare?ids={good},{new_id()}")) == (404, "not_found")


async def test_the_card_escapes_what_people_and_data_say(client: AsyncClient, make_model: ModelMaker) -> None:
    model_id = await make_model("<script>alert(1)</script> | # x")
    text = (await client.get(f"/models/{model_id}/card?format=md")).text
    assert "<script" not in text.replace("\\<", "")
    assert "x\\|y" in text


async def test_aliases_that_race_and_a_version_that_goes_meanwhile(client: AsyncClient, make_model: ModelMaker) -> None:
    for _ in range(2):
        model_id = await make_model()
    place = f"/models/{model_id}"
    calls: list[Any] = [client.put(f"{place}/aliases/a", json={"version": 1 + n % 2}) for n in range(6)]
    answers = await asyncio.gather(*calls, client.delete(f"{place}/versions/2?force=true"))
    assert {answer.status_code for answer in answers} <= {200, 204, 404}
    model = (await client.get(place)).json()
    assert set(model["aliases"].values()) <= {1}


async def test_strangers_find_no_model(clients: dict[str, AsyncClient], make_model: ModelMaker) -> None:
    model_id: UUID = await make_model()
    place = f"/models/{model_id}"
    assert await ids(clients["stranger"]) == []
    for method, path, body in [
        ("GET", place, None),
        ("PATCH", place, {"notes": "x"}),
        ("DELETE", f"{place}?force=true", None),
        ("GET", f"{place}/versions", None),
        ("GET", f"{place}/versions/1", None),
        ("DELETE", f"{place}/versions/1", None),
        ("GET", f"{place}/card", None),
        ("GET", f"{place}/leaderboard", None),
        ("GET", f"{place}/importance", None),
        ("GET", f"{place}/export", None),
        ("GET", f"{place}/aliases", None),
        ("PUT", f"{place}/aliases/champion", {"version": 1}),
        ("DELETE", f"{place}/aliases/champion", None),
        ("GET", f"{place}/aliases/champion/history", None),
        ("GET", f"/models/compare?ids={model_id},{model_id}", None),
    ]:
        answer = await clients["stranger"].request(method, path, json=body)
        assert refusal(answer) == (404, "not_found"), (method, path)
