"""Use cases of /projects, without servers."""

from uuid import UUID

import pytest

from shared.errors import Forbidden, Invalid, NotFound, PreconditionFailed
from shared.ids import new_id
from shared.membership import ProjectArchived
from shared.models.project import ProjectRole
from shared.models.user import Caller

from ..app.schemas.projects import Project, ProjectCreate, ProjectSelection, ProjectUpdate
from ..app.services.projects import ProjectService, etag
from .fakes import FakeDatabase

EVERYTHING = ProjectSelection(None, None)


class World:
    """Projects over fakes, and one owner."""

    def __init__(self) -> None:
        self.database = FakeDatabase()
        self.projects = ProjectService(self.database.unit_of_work())
        self.owner = new_id()

    async def create(self, name: str = "Study") -> Project:
        return await self.projects.create(self.owner, ProjectCreate(name=name, description="d"))

    def join(self, project: Project, role: ProjectRole) -> UUID:
        user_id = new_id()
        self.database.tables.of_projects.members[project.id, user_id] = role
        return user_id

    async def names(self, caller: Caller, chosen: ProjectSelection) -> list[str]:
        return [project.name for project in (await self.projects.list(caller, chosen, 50, None)).items]


def user(user_id: UUID) -> Caller:
    return Caller(user_id, "someone@example.com", "user")


@pytest.fixture
def world() -> World:
    return World()


async def test_creator_owns(world: World) -> None:
    project = await world.create()
    assert (project.role, project.archived, project.name) == (ProjectRole.OWNER, False, "Study")
    assert await world.projects.read(world.owner, project.id) == project


async def test_stranger_sees_nothing(world: World) -> None:
    project = await world.create()
    with pytest.raises(NotFound) as foreign:
        await world.projects.read(new_id(), project.id)
    with pytest.raises(NotFound) as absent:
        await world.projects.read(world.owner, new_id())
    assert foreign.value.detail == absent.value.detail
    assert await world.names(user(new_id()), EVERYTHING) == []


class TestList:
    async def test_pages_are_newest_first_and_complete(self, world: World) -> None:
        made = [(await world.create(f"p{number}")).id for number in range(5)]
        seen: list[UUID] = []
        cursor = None
        while True:
            page = await world.projects.list(user(world.owner), EVERYTHING, 2, cursor)
            seen += [project.id for project in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == made[::-1]

    async def test_rubbish_cursor(self, world: World) -> None:
        with pytest.raises(Invalid):
            await world.projects.list(user(world.owner), EVERYTHING, 2, "rubbish!")

    async def test_chosen_by_text_and_state(self, world: World) -> None:
        first, _ = await world.create("Alpha"), await world.create("Beta")
        await world.projects.archive(world.owner, first.id, None)
        owner = user(world.owner)
        assert await world.names(owner, EVERYTHING) == ["Beta", "Alpha"]
        assert await world.names(owner, ProjectSelection("ALPH", None)) == ["Alpha"]
        assert await world.names(owner, ProjectSelection(None, True)) == ["Alpha"]
        assert await world.names(owner, ProjectSelection(None, False)) == ["Beta"]

    async def test_all_is_for_administrators(self, world: World) -> None:
        project = await world.create()
        everyones = ProjectSelection(None, None, all=True)
        with pytest.raises(Forbidden):
            await world.projects.list(user(world.owner), everyones, 50, None)
        root = Caller(new_id(), "root@example.com", "admin")
        (seen,) = (await world.projects.list(root, everyones, 50, None)).items
        assert (seen.id, seen.role) == (project.id, None)
        assert await world.names(root, EVERYTHING) == []


class TestUpdate:
    async def test_absent_members_stay(self, world: World) -> None:
        project = await world.create()
        changed = await world.projects.update(world.owner, project.id, ProjectUpdate(name="New"), None)
        assert (changed.name, changed.description) == ("New", "d")

    async def test_editor_may_and_viewer_may_not(self, world: World) -> None:
        project = await world.create()
        editor, viewer = world.join(project, ProjectRole.EDITOR), world.join(project, ProjectRole.VIEWER)
        changed = await world.projects.update(editor, project.id, ProjectUpdate(description="e"), None)
        assert (changed.description, changed.role) == ("e", ProjectRole.EDITOR)
        with pytest.raises(Forbidden):
            await world.projects.update(viewer, project.id, ProjectUpdate(name="x"), None)

    async def test_stranger_may_not_even_know(self, world: World) -> None:
        project = await world.create()
        with pytest.raises(NotFound):
            await world.projects.update(new_id(), project.id, ProjectUpdate(name="x"), None)

    async def test_second_writer_is_told(self, world: World) -> None:
        project = await world.create()
        await world.projects.update(world.owner, project.id, ProjectUpdate(name="a"), etag(project))
        with pytest.raises(PreconditionFailed):
            await world.projects.update(world.owner, project.id, ProjectUpdate(name="b"), etag(project))
        assert (await world.projects.read(world.owner, project.id)).name == "a"


class TestArchive:
    async def test_read_only_until_restored(self, world: World) -> None:
        project = await world.create()
        archived = await world.projects.archive(world.owner, project.id, etag(project))
        assert archived.archived
        assert await world.projects.archive(world.owner, project.id, None) == archived
        with pytest.raises(ProjectArchived):
            await world.projects.update(world.owner, project.id, ProjectUpdate(name="x"), None)
        restored = await world.projects.restore(world.owner, project.id, None)
        assert await world.projects.restore(world.owner, project.id, etag(restored)) == restored
        await world.projects.update(world.owner, project.id, ProjectUpdate(name="x"), None)

    async def test_only_owners_decide(self, world: World) -> None:
        project = await world.create()
        for decide in (world.projects.archive, world.projects.restore):
            with pytest.raises(Forbidden):
                await decide(world.join(project, ProjectRole.EDITOR), project.id, None)
            with pytest.raises(NotFound):
                await decide(new_id(), project.id, None)
            with pytest.raises(PreconditionFailed):
                await decide(world.owner, project.id, '"other"')


@pytest.mark.parametrize("name", ["", "   ", "x" * 121, "a\x00b", "\ud800"])
def test_bad_names(name: str) -> None:
    with pytest.raises(ValueError, match=r"name|text"):
        ProjectCreate(name=name)
