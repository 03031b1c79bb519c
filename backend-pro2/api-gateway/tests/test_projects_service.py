"""Use cases of /projects, without servers."""

from uuid import UUID

import pytest

from shared.errors import Conflict, Forbidden, Invalid, NotFound, PreconditionFailed
from shared.ids import new_id
from shared.models.project import ProjectRole

from ..app.repositories.users import NewUser
from ..app.schemas.projects import MemberAdd, Project, ProjectCreate, ProjectUpdate
from ..app.services.projects import ProjectService, etag
from .fakes import FakeDatabase, FakeStore


class World:
    """Projects over fakes, and one owner."""

    def __init__(self) -> None:
        self.database = FakeDatabase()
        self.store = FakeStore()
        self.projects = ProjectService(self.database.unit_of_work(), self.store)
        self.owner = new_id()

    async def create(self, name: str = "Study") -> Project:
        return await self.projects.create(self.owner, ProjectCreate(name=name, description="d"))

    def join(self, project: Project, role: ProjectRole) -> UUID:
        user_id = new_id()
        self.database.tables.members[project.id, user_id] = role
        return user_id


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
    assert (await world.projects.list(new_id(), 50, None)).items == []


async def test_pages_are_newest_first_and_complete(world: World) -> None:
    made = [(await world.create(f"p{number}")).id for number in range(5)]
    seen: list[UUID] = []
    cursor = None
    while True:
        page = await world.projects.list(world.owner, 2, cursor)
        seen += [project.id for project in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == made[::-1]


async def test_rubbish_cursor(world: World) -> None:
    with pytest.raises(Invalid):
        await world.projects.list(world.owner, 2, "rubbish!")


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


class TestDelete:
    async def test_rows_then_objects(self, world: World) -> None:
        project, other = await world.create(), await world.create()
        world.store.keys = {f"{project.id}/a/b", f"{project.id}/c", f"{other.id}/a"}
        await world.projects.delete(world.owner, project.id)
        assert world.store.keys == {f"{other.id}/a"}
        with pytest.raises(NotFound):
            await world.projects.read(world.owner, project.id)

    async def test_without_the_store_the_rows_still_go(self, world: World) -> None:
        project = await world.create()
        world.store.away = True
        await world.projects.delete(world.owner, project.id)
        assert not world.database.tables.projects

    async def test_editor_may_not(self, world: World) -> None:
        project = await world.create()
        with pytest.raises(Forbidden):
            await world.projects.delete(world.join(project, ProjectRole.EDITOR), project.id)
        with pytest.raises(NotFound):
            await world.projects.delete(new_id(), project.id)


class TestMembers:
    def register(self, world: World, email: str) -> UUID:
        user = NewUser(new_id(), email, "x")
        world.database.tables.users[user.id] = (user, True)
        return user.id

    async def test_owner_lets_in_by_address_or_id(self, world: World) -> None:
        project = await world.create()
        grace, eve = self.register(world, "grace@example.com"), self.register(world, "eve@example.com")
        by_address = MemberAdd(email="GRACE@example.com", role=ProjectRole.EDITOR)
        added = await world.projects.add_member(world.owner, project.id, by_address)
        assert (added.user_id, added.role) == (grace, ProjectRole.EDITOR)
        await world.projects.add_member(world.owner, project.id, MemberAdd(user_id=eve, role=ProjectRole.VIEWER))
        page = await world.projects.members(eve, project.id, 2, None)
        rest = await world.projects.members(eve, project.id, 2, page.next_cursor)
        assert [member.user_id for member in (*page.items, *rest.items)] == [eve, grace, world.owner]

    async def test_refusals(self, world: World) -> None:
        project = await world.create()
        grace, editor = self.register(world, "grace@example.com"), world.join(project, ProjectRole.EDITOR)
        new = MemberAdd(user_id=grace, role=ProjectRole.VIEWER)
        with pytest.raises(Forbidden):
            await world.projects.add_member(editor, project.id, new)
        with pytest.raises(NotFound):
            await world.projects.add_member(grace, project.id, new)
        with pytest.raises(NotFound):
            await world.projects.members(grace, project.id, 50, None)
        with pytest.raises(NotFound) as unknown:
            nobody = MemberAdd(email="nobody@example.com", role=ProjectRole.VIEWER)
            await world.projects.add_member(world.owner, project.id, nobody)
        assert unknown.value.code == "user_not_found"
        await world.projects.add_member(world.owner, project.id, new)
        with pytest.raises(Conflict):
            await world.projects.add_member(world.owner, project.id, new)

    @pytest.mark.parametrize("names", [{}, {"email": "a@b.c", "user_id": new_id()}])
    def test_one_name(self, names: dict[str, object]) -> None:
        with pytest.raises(ValueError, match="one of them"):
            MemberAdd.model_validate({**names, "role": "viewer"})


@pytest.mark.parametrize("name", ["", "   ", "x" * 121, "a\x00b", "\ud800"])
def test_bad_names(name: str) -> None:
    with pytest.raises(ValueError, match=r"name|text"):
        ProjectCreate(name=name)
