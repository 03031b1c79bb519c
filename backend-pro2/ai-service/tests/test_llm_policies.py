"""What the LLM may see of a project: read by members, decided by owners, obeyed by what asks."""

from typing import Any

import pytest
from httpx import AsyncClient, Response

from shared.config import Settings
from shared.database import Database
from shared.testing.project import Workspace

from ..app.schemas.llm_policies import Level
from ..app.services.llm_policies import policy_of

pytestmark = pytest.mark.integration


class Policy:
    """The project's policy over HTTP."""

    def __init__(self, clients: dict[str, AsyncClient], workspace: Workspace) -> None:
        self._clients = clients
        self._query = {"project_id": str(workspace.project_id)}

    async def get(self, person: str = "viewer", **headers: str) -> Response:
        """Read it."""
        return await self._clients[person].get("/analysis/llm/policy", params=self._query, headers=headers)

    async def put(self, level: Any, person: str = "owner", **headers: str) -> Response:
        """Decide it."""
        body = {"level": level}
        return await self._clients[person].put("/analysis/llm/policy", params=self._query, json=body, headers=headers)


@pytest.fixture
def policy(clients: dict[str, AsyncClient], workspace: Workspace) -> Policy:
    return Policy(clients, workspace)


async def level_of(database: Database, settings: Settings, workspace: Workspace) -> Level:
    async with database.transaction(read_only=True) as session:
        return await policy_of(session, settings, workspace.project_id)


async def test_the_setting_until_an_owner_decides(
    policy: Policy, database: Database, settings: Settings, workspace: Workspace
) -> None:
    before = (await policy.get()).json()
    expected = {"project_id": str(workspace.project_id), "level": "aggregates", "default": True}
    assert before == {**expected, "updated_by": None, "updated_at": None}
    strict = settings.model_copy(update={"llm_policy": "schema"})
    assert await level_of(database, strict, workspace) is Level.SCHEMA
    after = (await policy.put("rows")).json()
    assert (after["level"], after["default"], after["updated_by"]) == ("rows", False, str(workspace.owner))
    assert await level_of(database, strict, workspace) is Level.ROWS
    assert (await policy.get()).json() == after
    assert (await policy.put(None)).json() == before


async def test_of_two_who_decide_the_second_must_have_seen_the_first(policy: Policy) -> None:
    seen = (await policy.get()).headers["etag"]
    assert (await policy.get(**{"If-None-Match": seen})).status_code == 304
    assert (await policy.put("schema", **{"If-Match": seen})).status_code == 200
    late = await policy.put("rows", **{"If-Match": seen})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    assert (await policy.get()).json()["level"] == "schema"


@pytest.mark.parametrize("level", ["everything", "", "ROWS", 1, ["rows"], {}])
async def test_levels_that_there_are_not(policy: Policy, level: Any) -> None:
    assert (await policy.put(level)).status_code == 422


async def test_who_may(policy: Policy) -> None:
    for person, read, change in (("nobody", 401, 401), ("stranger", 404, 404), ("viewer", 200, 403)):
        assert (await policy.get(person)).status_code == read
        assert (await policy.put("rows", person)).status_code == change
    assert (await policy.put("rows", "editor")).status_code == 403


def test_each_level_lets_more_pass() -> None:
    assert sorted(Level, key=lambda level: level.rank) == [Level.SCHEMA, Level.AGGREGATES, Level.ROWS]
