"""Lineages: up and down, within what the caller may see, and bounded."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.ids import new_id

from ..app.repositories.lineages import Link
from ..app.repositories.versions import Parent
from ..app.services.lineages import MAX_NODES, Lineage
from .made import Maker

PARENT = "INSERT INTO version_parents (dataset_id, version, parent_id, parent_version) VALUES ($1, 1, $2, 1)"
TASK = """
INSERT INTO analysis_tasks (id, kind, queue, status, project_id, dataset_id, version, params, max_attempts, finished_at)
VALUES ($1, 'analysis', $4, 'succeeded', $2, $3, 1, '{"type": "describe"}', 3, now())
"""


def test_a_graph_is_bounded_and_says_so() -> None:
    root, child = Parent(new_id(), 1), new_id()
    graph = Lineage({root: None})
    links = [Link(child, number, root.dataset_id, 1) for number in range(1, MAX_NODES + 2)]
    found = graph.add(links, lambda link: link.child)
    assert (len(graph.versions), len(found), len(graph.links)) == (MAX_NODES, MAX_NODES - 1, MAX_NODES - 1)
    assert graph.truncated
    assert graph.add(links[:3], lambda link: link.child) == []


async def chain(maker: Maker, *names: str) -> list[UUID]:
    """Datasets of one version each, every one made of the one before."""
    made: list[UUID] = []
    for name in names:
        dataset_id = await maker.dataset(name)
        await maker.version(dataset_id, 1)
        if made:
            await maker.run(PARENT, dataset_id, made[-1])
        made.append(dataset_id)
    return made


@pytest.mark.integration
class TestLineage:
    async def graph(self, client: httpx.AsyncClient, headers: dict[str, str], place: UUID, query: str = "") -> Any:
        answer = await client.get(f"/manage/datasets/{place}/lineage{query}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def test_up_and_down(self, client: httpx.AsyncClient, editor: dict[str, str], maker: Maker) -> None:
        first, second, third, last = await chain(maker, "first", "second", "third", "last")
        await maker.run(PARENT, last, second)
        task = new_id()
        await maker.run(TASK, task, maker.workspace.project_id, third, "ai")
        await maker.run(TASK, new_id(), maker.workspace.project_id, third, "data")
        await maker.run(TASK, new_id(), maker.workspace.project_id, first, "ai")
        found = await self.graph(client, editor, second)
        assert {node["name"] for node in found["nodes"]} == {"first", "second", "third", "last", "describe"}
        assert {(edge["from"], edge["to"], edge["op"]) for edge in found["edges"]} == {
            (f"{first}@1", f"{second}@1", "upload"),
            (f"{second}@1", f"{third}@1", "upload"),
            (f"{second}@1", f"{last}@1", "upload"),
            (f"{third}@1", f"{last}@1", "upload"),
            (f"{third}@1", str(task), "describe"),
        }
        near = await self.graph(client, editor, first, "?depth=1&version=1")
        assert {node["name"] for node in near["nodes"]} == {"first", "second", "describe"}
        assert not near["truncated"]

    async def test_what_is_gone_or_foreign(
        self, client: httpx.AsyncClient, editor: dict[str, str], maker: Maker
    ) -> None:
        first, second, third = await chain(maker, "first", "second", "third")
        purged, elsewhere, project = new_id(), new_id(), new_id()
        await maker.run("INSERT INTO projects (id, name) VALUES ($1, 'Other')", project)
        await maker.run("INSERT INTO datasets (id, project_id, name) VALUES ($1, $2, 'secret')", elsewhere, project)
        for parent in (purged, elsewhere):
            await maker.run(PARENT, third, parent)
        await maker.run("UPDATE datasets SET deleted_at = now() WHERE id = $1", second)
        found = await self.graph(client, editor, third)
        shown = {node["id"]: (node["name"], node["removed"]) for node in found["nodes"]}
        # The trash leads nowhere, so that the first one is not found through it.
        assert shown == {f"{third}@1": ("third", False), f"{second}@1": (None, True), f"{purged}@1": (None, True)}
        assert (await self.graph(client, editor, first))["edges"] == []
