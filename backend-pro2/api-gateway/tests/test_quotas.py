"""/api/v1/projects/{id}/quotas and /usage over the real servers."""

from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient

from shared.config import Settings
from shared.database import Database
from shared.ids import new_id

from .people import Person
from .staff import administrator, code, id_of, run, said
from .test_projects import ABSENT, create, join

pytestmark = pytest.mark.integration

_VERSION = """
INSERT INTO dataset_versions (dataset_id, version, filename, raw_keys, raw_bytes, raw_sha256, parquet_key,
                              parquet_bytes, row_count)
VALUES ($1, 1, 'f', '{k}', 100, '', 'p', 20, 7)
"""


async def fill(database: Database, project_id: str, person: Person) -> None:
    """One dataset, three tasks, and some tokens."""
    dataset_id, project = new_id(), UUID(project_id)
    await run(database, "INSERT INTO datasets (id, project_id, name) VALUES ($1, $2, 'd')", dataset_id, project)
    await run(database, _VERSION, dataset_id)
    for status in ("queued", "succeeded", "succeeded"):
        await run(
            database,
            "INSERT INTO analysis_tasks (id, kind, queue, project_id, status, finished_at) "
            "VALUES ($1, 'analysis', 'ai', $2, $3, CASE WHEN $3 = 'succeeded' THEN now() END)",
            new_id(),
            project,
            status,
        )
    await run(
        database,
        "INSERT INTO llm_usage (project_id, user_id, month, tokens_in, tokens_out, cost, tokens_cached, calls) "
        "VALUES ($1, $2, date_trunc('month', now() AT TIME ZONE 'UTC')::date, 30, 4, 0.5, 7, 2)",
        project,
        id_of(person),
    )


@pytest.fixture
async def root(client: AsyncClient, database: Database) -> Person:
    return await administrator(client, database)


async def test_the_instances_settings_unless_set(
    ada: Person, bob: Person, root: Person, gateway_settings: Settings, database: Database
) -> None:
    project_id = await create(ada)
    await join(ada, project_id, bob, "viewer")
    await fill(database, project_id, ada)
    path = f"/projects/{project_id}/quotas"
    used = {"bytes": 120, "rows": 7, "tasks": 1, "running_tasks": 0, "llm_tokens": 34}
    limits = {name: getattr(gateway_settings, f"quota_{name}") for name in used}
    expected: dict[str, Any] = {
        name: {"limit": limits[name], "used": count, "default": True} for name, count in used.items()
    }
    for person in (ada, bob, root):
        assert (await person.call("GET", path)).json() == expected
    answer = await root.call("PUT", path, json={"max_bytes": 500, "max_tasks": 0, "max_running_tasks": 2})
    expected["bytes"] |= {"limit": 500, "default": False}
    expected["running_tasks"] |= {"limit": 2, "default": False}
    expected["tasks"] |= {"limit": 0, "default": False}
    assert (answer.status_code, answer.json()) == (200, expected)
    answer = await root.call("PUT", path, json={"max_tasks": None, "max_rows": 9})
    expected["tasks"] |= {"limit": limits["tasks"], "default": True}
    expected["rows"] |= {"limit": 9, "default": False}
    assert answer.json() == (await ada.call("GET", path)).json() == expected


async def test_usage(ada: Person, root: Person, database: Database) -> None:
    project_id = await create(ada)
    empty = (await ada.call("GET", f"/projects/{project_id}/usage")).json()
    assert (empty["bytes"], empty["llm"]["by_user"], empty["tasks"]["queued"]) == (0, [], 0)
    await fill(database, project_id, ada)
    for person in (ada, root):
        body = (await person.call("GET", f"/projects/{project_id}/usage")).json()
        month = body["llm"].pop("month")
        spent = {"tokens_in": 30, "tokens_out": 4, "tokens_cached": 7, "calls": 2, "cost": 0.5}
        assert body == {
            "bytes": 120,
            "rows": 7,
            "datasets": 1,
            "tasks": {"queued": 1, "running": 0, "succeeded": 2, "failed": 0, "cancelled": 0},
            "llm": {**spent, "cost_limit": None, "by_user": [{"user_id": ada.user["id"], **spent}]},
        }
        assert len(month) == 7


async def test_conditions(ada: Person, root: Person, database: Database) -> None:
    project_id = await create(ada)
    path = f"/projects/{project_id}/quotas"
    tag = (await ada.call("GET", path)).headers["etag"]
    await fill(database, project_id, ada)
    assert (await ada.call("GET", path, headers={"If-None-Match": tag})).status_code == 304
    first = await root.call("PUT", path, json={"max_rows": 5}, headers={"If-Match": tag})
    assert (first.status_code, first.headers["etag"] != tag) == (200, True)
    assert code(await root.call("PUT", path, json={"max_rows": 6}, headers={"If-Match": tag})) == (
        412,
        "precondition_failed",
    )


async def test_only_administrators_set_them(ada: Person, bob: Person, root: Person) -> None:
    project_id = await create(ada)
    path = f"/projects/{project_id}/quotas"
    assert code(await ada.call("PUT", path, json={"max_bytes": 5})) == (403, "forbidden")
    foreign = [await bob.call("PUT", path, json={"max_bytes": 5}), await bob.call("GET", path)]
    foreign += [await bob.call("GET", f"/projects/{project_id}/usage")]
    foreign += [await root.call("GET", f"/projects/{ABSENT}/{part}") for part in ("quotas", "usage")]
    foreign += [await root.call("PUT", f"/projects/{ABSENT}/quotas", json={})]
    assert {answer.status_code for answer in foreign} == {404}
    assert all(said(answer) == said(foreign[0]) for answer in foreign)


@pytest.mark.parametrize(
    "body",
    [
        {"max_bytes": -1},
        {"max_bytes": 2**53},
        {"max_tasks": 2**31},
        {"max_running_tasks": 0},
        {"max_rows": "5"},
        {"max_rows": 1.5},
        {"max_rows": True},
        {"max_rows": []},
        {"bytes": 5},
        [],
        None,
    ],
)
async def test_bad_limits(ada: Person, root: Person, body: object) -> None:
    project_id = await create(ada)
    assert code(await root.call("PUT", f"/projects/{project_id}/quotas", json=body)) == (422, "validation_failed")


async def test_a_removed_project_has_none(ada: Person, root: Person) -> None:
    project_id = await create(ada)
    assert (await ada.call("DELETE", f"/projects/{project_id}")).status_code == 202
    for part in ("quotas", "usage"):
        assert code(await root.call("GET", f"/projects/{project_id}/{part}")) == (404, "not_found")
    assert code(await root.call("PUT", f"/projects/{project_id}/quotas", json={})) == (404, "not_found")
