"""Use cases of members, invitations and removals, without servers."""

import hashlib
from dataclasses import replace
from uuid import UUID

import pytest

from shared.errors import Forbidden, NotFound
from shared.ids import new_id
from shared.models.project import ProjectRole
from shared.models.user import Caller
from shared.tasks import PROJECT_REMOVAL

from ..app.core.exceptions import AlreadyMember, InvalidLink, LastOwner, TooManyInvitations
from ..app.repositories.removals import StuckRemoval
from ..app.repositories.users import NewUser
from ..app.schemas.invitations import InvitationCreate
from ..app.schemas.members import MemberAdd
from ..app.schemas.projects import ProjectCreate
from ..app.services.invitations import MAXIMUM_OPEN, InvitationService
from ..app.services.members import MemberService
from ..app.services.projects import ProjectService
from ..app.services.removals import RemovalService
from .fakes import FakeDatabase, unit_settings
from .fakes_projects import FakeLedger

OWNER, EDITOR, VIEWER = ProjectRole.OWNER, ProjectRole.EDITOR, ProjectRole.VIEWER
TOKEN = "what the mail holds"


class World:
    """One project over fakes, its owner, and users who may join."""

    def __init__(self) -> None:
        self.database = FakeDatabase()
        begin = self.database.unit_of_work()
        self.ledger = FakeLedger(lambda task: replace(task, status="succeeded"))
        self.woken = 0
        self.projects = ProjectService(begin)
        self.members = MemberService(begin)
        self.invitations = InvitationService(begin, unit_settings(), self.wake)
        self.removals = RemovalService(begin, self.ledger)
        self.project_id = new_id()
        self.owner = self.register("owner@example.com")

    async def start(self) -> "World":
        self.project_id = (await self.projects.create(self.owner, ProjectCreate(name="Study"))).id
        return self

    def wake(self) -> None:
        self.woken += 1

    def register(self, email: str) -> UUID:
        user = NewUser(new_id(), email, "x")
        self.database.tables.users[user.id] = (user, True)
        return user.id

    def join(self, email: str, role: ProjectRole) -> UUID:
        user_id = self.register(email)
        self.database.tables.of_projects.members[self.project_id, user_id] = role
        return user_id

    def roles(self) -> dict[UUID, ProjectRole]:
        return {key[1]: role for key, role in self.database.tables.of_projects.members.items()}

    async def invite(self, email: str, role: ProjectRole = EDITOR) -> UUID:
        new = InvitationCreate(email=email, role=role)
        return (await self.invitations.create(self.owner, self.project_id, new)).id

    def mail(self, invitation_id: UUID) -> None:
        """As if the mail had been sent."""
        sent = self.database.tables.of_projects.invitations[invitation_id]
        sent.token_sha256 = hashlib.sha256(TOKEN.encode()).digest()


@pytest.fixture
async def world() -> World:
    return await World().start()


class TestAdd:
    async def test_by_address_or_id(self, world: World) -> None:
        grace, eve = world.register("grace@example.com"), world.register("eve@example.com")
        added = await world.members.add(
            world.owner, world.project_id, MemberAdd(email="GRACE@example.com", role=EDITOR)
        )
        assert (added.user_id, added.role) == (grace, EDITOR)
        await world.members.add(world.owner, world.project_id, MemberAdd(user_id=eve, role=VIEWER))
        page = await world.members.list(eve, world.project_id, 2, None)
        rest = await world.members.list(eve, world.project_id, 2, page.next_cursor)
        assert [member.user_id for member in (*page.items, *rest.items)] == [eve, grace, world.owner]

    async def test_refusals(self, world: World) -> None:
        grace, editor = world.register("grace@example.com"), world.join("ed@example.com", EDITOR)
        new = MemberAdd(user_id=grace, role=VIEWER)
        with pytest.raises(Forbidden):
            await world.members.add(editor, world.project_id, new)
        with pytest.raises(NotFound):
            await world.members.add(grace, world.project_id, new)
        with pytest.raises(NotFound):
            await world.members.list(grace, world.project_id, 50, None)
        with pytest.raises(NotFound) as unknown:
            await world.members.add(world.owner, world.project_id, MemberAdd(email="no@example.com", role=VIEWER))
        assert unknown.value.code == "user_not_found"
        await world.members.add(world.owner, world.project_id, new)
        with pytest.raises(AlreadyMember):
            await world.members.add(world.owner, world.project_id, new)

    async def test_an_invitation_is_void_then(self, world: World) -> None:
        grace = world.register("grace@example.com")
        await world.invite("grace@example.com", OWNER)
        await world.members.add(world.owner, world.project_id, MemberAdd(user_id=grace, role=VIEWER))
        assert world.database.tables.of_projects.invitations == {}

    @pytest.mark.parametrize("names", [{}, {"email": "a@b.c", "user_id": new_id()}])
    def test_one_name(self, names: dict[str, object]) -> None:
        with pytest.raises(ValueError, match="one of them"):
            MemberAdd.model_validate({**names, "role": "viewer"})


class TestChange:
    async def test_any_role(self, world: World) -> None:
        grace = world.join("grace@example.com", VIEWER)
        for role in (OWNER, VIEWER, EDITOR):
            assert (await world.members.change(world.owner, world.project_id, grace, role)).role is role
        assert world.roles()[grace] is EDITOR

    async def test_only_owners(self, world: World) -> None:
        editor, viewer = world.join("ed@example.com", EDITOR), world.join("vi@example.com", VIEWER)
        for person in (editor, viewer):
            with pytest.raises(Forbidden):
                await world.members.change(person, world.project_id, viewer, EDITOR)
        for person, member in ((new_id(), viewer), (world.owner, new_id())):
            with pytest.raises(NotFound):
                await world.members.change(person, world.project_id, member, EDITOR)

    async def test_the_last_owner_stays(self, world: World) -> None:
        with pytest.raises(LastOwner):
            await world.members.change(world.owner, world.project_id, world.owner, EDITOR)
        await world.members.change(world.owner, world.project_id, world.owner, OWNER)
        world.join("other@example.com", OWNER)
        await world.members.change(world.owner, world.project_id, world.owner, EDITOR)

    async def test_an_owner_who_cannot_log_in_does_not_count(self, world: World) -> None:
        other = world.join("other@example.com", OWNER)
        world.database.deactivate(other)
        with pytest.raises(LastOwner):
            await world.members.change(world.owner, world.project_id, world.owner, VIEWER)
        await world.members.change(world.owner, world.project_id, other, VIEWER)


class TestRemove:
    async def test_owners_remove_and_everybody_leaves(self, world: World) -> None:
        grace, eve = world.join("grace@example.com", VIEWER), world.join("eve@example.com", EDITOR)
        await world.members.remove(world.owner, world.project_id, grace)
        await world.members.remove(eve, world.project_id, eve)
        assert list(world.roles()) == [world.owner]

    async def test_nobody_removes_others_without_owning(self, world: World) -> None:
        editor, viewer = world.join("ed@example.com", EDITOR), world.join("vi@example.com", VIEWER)
        with pytest.raises(Forbidden):
            await world.members.remove(editor, world.project_id, viewer)
        for person, member in ((new_id(), viewer), (world.owner, new_id())):
            with pytest.raises(NotFound):
                await world.members.remove(person, world.project_id, member)

    async def test_the_last_owner_stays(self, world: World) -> None:
        world.join("ed@example.com", EDITOR)
        with pytest.raises(LastOwner):
            await world.members.remove(world.owner, world.project_id, world.owner)


class TestInvite:
    async def test_a_mail_is_queued_and_the_mailer_woken(self, world: World) -> None:
        invitation_id = await world.invite("grace@example.com")
        (mail,) = world.database.tables.auth.mails
        assert (mail.kind, mail.recipient, mail.invitation_id) == ("invitation", "grace@example.com", invitation_id)
        assert world.woken == 1
        (shown,) = (await world.invitations.list(world.owner, world.project_id, 50, None)).items
        assert (shown.id, shown.email, shown.role) == (invitation_id, "grace@example.com", EDITOR)

    async def test_again_replaces(self, world: World) -> None:
        first = await world.invite("grace@example.com", OWNER)
        second = await world.invite("grace@example.com", VIEWER)
        page = await world.invitations.list(world.owner, world.project_id, 50, None)
        assert ([(one.id, one.role) for one in page.items], first != second) == ([(second, VIEWER)], True)

    async def test_refusals(self, world: World) -> None:
        editor, new = world.join("ed@example.com", EDITOR), InvitationCreate(email="a@example.com", role=VIEWER)
        with pytest.raises(Forbidden):
            await world.invitations.create(editor, world.project_id, new)
        with pytest.raises(Forbidden):
            await world.invitations.list(editor, world.project_id, 50, None)
        with pytest.raises(NotFound):
            await world.invitations.create(new_id(), world.project_id, new)
        with pytest.raises(AlreadyMember):
            await world.invite("ed@example.com")
        assert (world.woken, world.database.tables.auth.mails) == (0, [])

    async def test_a_hundred(self, world: World) -> None:
        for number in range(MAXIMUM_OPEN):
            await world.invite(f"n{number}@example.com")
        with pytest.raises(TooManyInvitations):
            await world.invite("one.more@example.com")
        await world.invite("n7@example.com")

    async def test_withdraw(self, world: World) -> None:
        invitation_id, editor = await world.invite("grace@example.com"), world.join("ed@example.com", EDITOR)
        with pytest.raises(Forbidden):
            await world.invitations.withdraw(editor, world.project_id, invitation_id)
        await world.invitations.withdraw(world.owner, world.project_id, invitation_id)
        with pytest.raises(NotFound):
            await world.invitations.withdraw(world.owner, world.project_id, invitation_id)


class TestAccept:
    async def test_once(self, world: World) -> None:
        world.mail(await world.invite("grace@example.com"))
        grace = Caller(world.register("grace@example.com"), "grace@example.com", "user")
        project = await world.invitations.accept(grace, TOKEN)
        assert (project.id, project.role) == (world.project_id, EDITOR)
        with pytest.raises(InvalidLink):
            await world.invitations.accept(grace, TOKEN)

    async def test_a_member_keeps_the_role(self, world: World) -> None:
        world.mail(await world.invite("grace@example.com", VIEWER))
        grace = Caller(world.join("grace@example.com", OWNER), "grace@example.com", "user")
        assert (await world.invitations.accept(grace, TOKEN)).role is OWNER

    async def test_nothing_is_told(self, world: World) -> None:
        world.mail(await world.invite("grace@example.com"))
        eve = Caller(world.register("eve@example.com"), "eve@example.com", "user")
        details = set()
        for token in (TOKEN, "unknown"):
            with pytest.raises(InvalidLink) as refused:
                await world.invitations.accept(eve, token)
            details.add(refused.value.detail)
        assert len(details) == 1
        assert eve.id not in world.roles()


class TestRemoval:
    async def test_at_once_out_of_sight_and_a_task(self, world: World) -> None:
        await world.invite("grace@example.com")
        task = await world.removals.remove(world.owner, world.project_id, "r-1", 0)
        assert (task.kind, task.queue, task.created_by, task.request_id) == (
            PROJECT_REMOVAL,
            "maintenance",
            world.owner,
            "r-1",
        )
        assert (world.ledger.rung, task.status, world.roles()) == ([task.id], "queued", {})
        assert world.database.tables.of_projects.invitations == {}
        with pytest.raises(NotFound):
            await world.removals.remove(world.owner, world.project_id, None, 0)

    async def test_waited_for(self, world: World) -> None:
        assert (await world.removals.remove(world.owner, world.project_id, None, 5)).status == "succeeded"

    async def test_only_owners(self, world: World) -> None:
        with pytest.raises(Forbidden):
            await world.removals.remove(world.join("ed@example.com", EDITOR), world.project_id, None, 0)
        with pytest.raises(NotFound):
            await world.removals.remove(new_id(), world.project_id, None, 0)
        assert (world.ledger.submitted, world.ledger.rung) == ([], [])

    async def test_what_failed_is_tried_again(self, world: World) -> None:
        project_id = new_id()
        world.database.tables.of_projects.stuck.append(StuckRemoval(project_id, None))
        await world.removals.tidy()
        (task,) = world.ledger.submitted
        assert (task.kind, task.project_id, task.created_by) == (PROJECT_REMOVAL, project_id, None)
