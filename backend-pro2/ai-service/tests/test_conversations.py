"""Conversations: their asker's alone, told again within bounds, and without figures unless rows may leave."""

from uuid import UUID

import pytest
from httpx import AsyncClient

from shared.database import Database
from shared.errors import Conflict, NotFound
from shared.ids import new_id
from shared.resources import Resources
from shared.testing.project import Workspace

from ..app.services import conversations
from .ask_bench import AskBench

pytestmark = pytest.mark.integration

PLACE = "/analysis/conversations"


@pytest.fixture
def bench(resources: Resources, workspace: Workspace) -> AskBench:
    return AskBench(resources, workspace)


async def told(database: Database, conversation_id: UUID, user_id: UUID, level: str, *hidden: str) -> list[str]:
    async with database.transaction(read_only=True) as session:
        found = await conversations.history(session, conversation_id, user_id, level, hidden)
    return [f"{turn['question']} {turn['answer']}" for turn in found]


async def test_a_life(clients: dict[str, AsyncClient], bench: AskBench, workspace: Workspace) -> None:
    client, dataset_id = clients["editor"], new_id()
    opened, task = await bench.ask(workspace.editor, "  Which\tregion\nsells most?\x07 ", [dataset_id])
    place = f"{PLACE}/{opened}"
    first = await client.get(place)
    assert (first.json()["title"], first.json()["turns_total"]) == ("Which region sells most?", 1)
    assert first.json()["dataset_ids"] == [str(dataset_id)]
    assert first.json()["turns"][0]["answer"] is None
    unchanged = await client.get(place, headers={"If-None-Match": first.headers["etag"]})
    assert unchanged.status_code == 304

    await bench.answer(task, "North sells 1204.", "North sells [figure].", ["SELECT 1", "SELECT 2"])
    stale = await client.patch(place, json={"title": "Regions"}, headers={"If-Match": first.headers["etag"]})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    read = await client.get(place, headers={"If-None-Match": first.headers["etag"]})
    turn = read.json()["turns"][0]
    assert (turn["answer"], turn["sql"], turn["rating"]) == ("North sells 1204.", ["SELECT 1", "SELECT 2"], None)
    changed = await client.patch(place, json={"title": " Regions "}, headers={"If-Match": read.headers["etag"]})
    assert (changed.status_code, changed.json()["title"]) == (200, "Regions")

    again, _ = await bench.ask(workspace.editor, "And least?", [new_id()], opened)
    assert again == opened
    assert [each["turns_total"] for each in (await client.get(PLACE)).json()["items"]] == [2]
    assert (await client.delete(place, headers={"If-Match": '"another"'})).status_code == 412
    assert (await client.delete(place)).status_code == 204
    assert (await client.get(place)).status_code == 404
    assert (await client.get(f"/tasks/{task.id}")).status_code == 200


async def test_it_is_its_askers_alone(clients: dict[str, AsyncClient], bench: AskBench, workspace: Workspace) -> None:
    opened, _ = await bench.ask(workspace.editor, "Mine?", [new_id()])
    place = f"{PLACE}/{opened}"
    for person in ("owner", "viewer", "stranger"):
        client = clients[person]
        answers = [
            await client.get(place),
            await client.patch(place, json={"title": "x"}),
            await client.delete(place),
        ]
        assert [answer.status_code for answer in answers] == [404] * 3, person
        assert (await client.get(PLACE)).json()["items"] == []
    with pytest.raises(NotFound):
        await bench.ask(workspace.owner, "Yours?", [new_id()], opened)


async def test_who_leaves_the_project_loses_it(
    clients: dict[str, AsyncClient], bench: AskBench, workspace: Workspace, database: Database
) -> None:
    opened, _ = await bench.ask(workspace.editor, "Mine?", [new_id()])
    async with database.transaction() as session:
        await session.execute("DELETE FROM project_members WHERE user_id = $1", workspace.editor)
    assert (await clients["editor"].get(f"{PLACE}/{opened}")).status_code == 404
    assert (await clients["editor"].get(PLACE)).json()["items"] == []


async def test_pages(clients: dict[str, AsyncClient], bench: AskBench, workspace: Workspace) -> None:
    made = [str((await bench.ask(workspace.owner, f"Number {n}?", [new_id()]))[0]) for n in range(3)]
    first = (await clients["owner"].get(PLACE, params={"limit": 2})).json()
    rest = (await clients["owner"].get(PLACE, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None
    other = await clients["owner"].get(PLACE, params={"project_id": str(new_id())})
    assert other.status_code == 404


async def test_history_is_told_without_figures(bench: AskBench, workspace: Workspace, database: Database) -> None:
    opened, task = await bench.ask(workspace.owner, "First?", [new_id()])
    await bench.answer(task, "It is 42.", "It is [figure].")
    _, second = await bench.ask(workspace.owner, "Second?", [new_id()], opened)
    await bench.answer(second, "The salary is 7.", "The salary is [figure].")
    await bench.ask(workspace.owner, "Unanswered?", [new_id()], opened)
    strict = ["First? It is [figure].", "Second? The salary is [figure]."]
    assert await told(database, opened, workspace.owner, "schema") == strict
    assert await told(database, opened, workspace.owner, "aggregates") == strict
    assert await told(database, opened, workspace.owner, "rows") == ["First? It is 42.", "Second? The salary is 7."]
    assert await told(database, opened, workspace.owner, "rows", "Salary", "name") == ["First? It is 42."]
    assert await told(database, opened, workspace.editor, "rows") == []


async def test_history_is_bounded(
    bench: AskBench, workspace: Workspace, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, task = await bench.ask(workspace.owner, "0?", [new_id()])
    await bench.answer(task, "a" * 50_000, "b" * 50_000)
    for n in (1, 2):
        _, task = await bench.ask(workspace.owner, f"{n}?", [new_id()], opened)
        await bench.answer(task, "no", "no")
    found = await told(database, opened, workspace.owner, "rows")
    assert (found[0][:4], len(found[0]), found[0][-1]) == ("0? a", 2003, "…")
    monkeypatch.setattr(conversations, "TOLD_CHARACTERS", 1000)
    assert await told(database, opened, workspace.owner, "rows") == ["1? no", "2? no"]
    monkeypatch.setattr(conversations, "TOLD_TURNS", 1)
    assert await told(database, opened, workspace.owner, "rows") == ["2? no"]


async def test_numbers_are_bounded(bench: AskBench, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "MOST_TURNS", 1)
    monkeypatch.setattr(conversations, "MOST_CONVERSATIONS", 1)
    opened, _ = await bench.ask(workspace.owner, "First?", [new_id()])
    with pytest.raises(Conflict) as full:
        await bench.ask(workspace.owner, "Second?", [new_id()], opened)
    with pytest.raises(Conflict) as many:
        await bench.ask(workspace.owner, "Another?", [new_id()])
    assert (full.value.code, many.value.code) == ("conversation_full", "too_many_conversations")
    await bench.ask(workspace.editor, "Somebody else's?", [new_id()])


class TestFeedback:
    async def test_the_later_counts(
        self, clients: dict[str, AsyncClient], bench: AskBench, workspace: Workspace
    ) -> None:
        task = await bench.asked(workspace.editor)
        place = f"/analysis/ask/{task.id}/feedback"
        first = await clients["editor"].post(place, json={"rating": "down", "comment": " Wrong year. "})
        assert first.json() == {
            "task_id": str(task.id),
            "rating": "down",
            "comment": "Wrong year.",
            "verified_query_id": None,
        }
        assert (await clients["editor"].post(place, json={"rating": "up"})).status_code == 200
        head = (await clients["editor"].get(PLACE)).json()["items"][0]
        turn = (await clients["editor"].get(f"{PLACE}/{head['id']}")).json()["turns"][0]
        assert (turn["rating"], turn["comment"]) == ("up", None)
        for person in ("owner", "stranger"):
            assert (await clients[person].post(place, json={"rating": "up"})).status_code == 404
        assert (await clients["editor"].post(place, json={"rating": "sideways"})).status_code == 422

    async def test_accepting_keeps_the_query(
        self, clients: dict[str, AsyncClient], bench: AskBench, workspace: Workspace
    ) -> None:
        client = clients["editor"]
        for sql in ("SELECT 1", "SELECT 2"):
            task = await bench.asked(workspace.editor, "How many apples?", [sql])
            given = await client.post(f"/analysis/ask/{task.id}/feedback", json={"rating": "up", "accept": True})
            assert given.status_code == 200, given.text
        kept = (await clients["viewer"].get("/analysis/verified-queries")).json()["items"]
        assert [(each["id"], each["question"], each["sql"]) for each in kept] == [
            (given.json()["verified_query_id"], "How many apples?", "SELECT 2")
        ]

    @pytest.mark.parametrize("sql", [(), ("SELECT 1", "SELECT 2")])
    async def test_only_one_query_can_be_accepted(
        self, clients: dict[str, AsyncClient], bench: AskBench, workspace: Workspace, sql: tuple[str, ...]
    ) -> None:
        task = await bench.asked(workspace.editor, sql=sql)
        body = {"rating": "up", "accept": True}
        refused = await clients["editor"].post(f"/analysis/ask/{task.id}/feedback", json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_accept")

    async def test_there_must_be_an_answer(
        self, clients: dict[str, AsyncClient], bench: AskBench, workspace: Workspace
    ) -> None:
        _, task = await bench.ask(workspace.editor, "Well?", [new_id()])
        refused = await clients["editor"].post(f"/analysis/ask/{task.id}/feedback", json={"rating": "up"})
        assert (refused.status_code, refused.json()["code"]) == (409, "not_finished")
