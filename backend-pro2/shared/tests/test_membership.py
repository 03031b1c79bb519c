"""The rule about who may see and change a project, on a real database."""

import asyncio

import pytest

from shared.database import Database
from shared.errors import Forbidden, NotFound
from shared.ids import new_id
from shared.membership import ProjectArchived, ProjectRole, require_project
from shared.testing.project import Workspace

pytestmark = pytest.mark.integration

ROLES = ("viewer", "editor", "owner")


async def archive(database: Database, workspace: Workspace) -> None:
    async with database.transaction() as session:
        await session.execute("UPDATE projects SET archived_at = now() WHERE id = $1", workspace.project_id)


@pytest.mark.parametrize("hold", [True, False])
@pytest.mark.parametrize("minimum", list(ProjectRole))
@pytest.mark.parametrize("role", ROLES)
async def test_every_role_at_every_minimum(
    database: Database, workspace: Workspace, role: str, minimum: ProjectRole, hold: bool
) -> None:
    user_id = getattr(workspace, role)
    async with database.transaction() as session:
        if ProjectRole(role).rank >= minimum.rank:
            assert await require_project(session, workspace.project_id, user_id, minimum=minimum, hold=hold) == role
        else:
            with pytest.raises(Forbidden):
                await require_project(session, workspace.project_id, user_id, minimum=minimum, hold=hold)


@pytest.mark.parametrize("minimum", list(ProjectRole))
async def test_strangers_and_absent_projects(database: Database, workspace: Workspace, minimum: ProjectRole) -> None:
    async with database.transaction() as session:
        for project_id, user_id in ((workspace.project_id, workspace.stranger), (new_id(), workspace.owner)):
            with pytest.raises(NotFound):
                await require_project(session, project_id, user_id, minimum=minimum)


async def test_an_archived_project_can_only_be_read(database: Database, workspace: Workspace) -> None:
    await archive(database, workspace)
    async with database.transaction() as session:
        assert await require_project(session, workspace.project_id, workspace.viewer) is ProjectRole.VIEWER
        for hold in (True, False):
            for minimum in (ProjectRole.EDITOR, ProjectRole.OWNER):
                with pytest.raises(ProjectArchived):
                    await require_project(session, workspace.project_id, workspace.owner, minimum=minimum, hold=hold)
            with pytest.raises(Forbidden):
                await require_project(
                    session, workspace.project_id, workspace.viewer, minimum=ProjectRole.EDITOR, hold=hold
                )


async def test_a_look_is_allowed_where_nothing_may_be_written(database: Database, workspace: Workspace) -> None:
    async with database.transaction(read_only=True) as session:
        await require_project(session, workspace.project_id, workspace.editor, minimum=ProjectRole.EDITOR, hold=False)


@pytest.mark.parametrize(
    ("change", "refusal"), [("archived_at = now()", ProjectArchived), ("deleted_at = now()", NotFound)]
)
async def test_who_comes_while_it_is_archived_or_removed_finds_it_so(
    database: Database, workspace: Workspace, change: str, refusal: type[Exception]
) -> None:
    async def write() -> None:
        async with database.transaction() as session:
            await require_project(session, workspace.project_id, workspace.editor, minimum=ProjectRole.EDITOR)

    async with database.transaction() as session:
        await session.execute("SELECT 1 FROM projects WHERE id = $1 FOR UPDATE", workspace.project_id)
        writing = asyncio.create_task(write())
        await asyncio.sleep(0.2)
        assert not writing.done()
        await session.execute(f"UPDATE projects SET {change} WHERE id = $1", workspace.project_id)  # noqa: S608
    with pytest.raises(refusal):
        await writing


async def test_writers_do_not_wait_for_each_other(database: Database, workspace: Workspace) -> None:
    async with database.transaction() as first, database.transaction() as second:
        for session in (first, second):
            await require_project(session, workspace.project_id, workspace.editor, minimum=ProjectRole.EDITOR)
