"""Projects: a user's workspaces, and what members may do to them."""

from uuid import UUID

from shared.errors import Conflict, Forbidden, NotFound, PreconditionFailed, ServiceUnavailable
from shared.etags import etag_of, still_current
from shared.ids import new_id
from shared.logging import get_logger
from shared.models.project import ProjectRole
from shared.object_store import ObjectStore
from shared.pagination import decode_cursor, page_of
from shared.schemas import Page

from ..repositories import UnitOfWork
from ..repositories.projects import MemberRecord, ProjectRecord
from ..schemas.projects import Member, MemberAdd, Project, ProjectCreate, ProjectUpdate

log = get_logger(__name__)


def etag(project: Project) -> str:
    """The entity tag of a project as one member sees it."""
    return etag_of(project.model_dump_json().encode())


class ProjectService:
    """Use cases of /projects."""

    def __init__(self, begin: UnitOfWork, store: ObjectStore) -> None:
        self._begin = begin
        self._store = store

    async def create(self, user_id: UUID, new: ProjectCreate) -> Project:
        """A project whose owner is its creator."""
        project_id = new_id()
        async with self._begin() as repositories:
            await repositories.projects.insert(project_id, new.name, new.description, user_id)
            project = _seen(await repositories.projects.seen_by(user_id, project_id))
        log.info("project_created", project_id=str(project_id))
        return project

    async def list(self, user_id: UUID, limit: int, cursor: str | None) -> Page[Project]:
        """One page of the user's projects, newest first."""
        before = decode_cursor(cursor)
        async with self._begin(read_only=True) as repositories:
            rows = await repositories.projects.page_of(user_id, limit + 1, before)
        return page_of(rows, limit, _body, lambda row: row.id)

    async def read(self, user_id: UUID, project_id: UUID) -> Project:
        """One project.

        Raises:
            NotFound: absent, or not the user's to see.
        """
        async with self._begin(read_only=True) as repositories:
            return _seen(await repositories.projects.seen_by(user_id, project_id))

    async def update(self, user_id: UUID, project_id: UUID, change: ProjectUpdate, if_match: str | None) -> Project:
        """The project after a change by an editor or owner.

        Raises:
            NotFound: absent, or not the user's to see.
            Forbidden: the user is a viewer.
            PreconditionFailed: somebody else changed it since the caller read it.
        """
        async with self._begin() as repositories:
            project = _seen(await repositories.projects.lock(user_id, project_id))
            _require(project, ProjectRole.EDITOR)
            if not still_current(if_match, etag(project)):
                raise PreconditionFailed("The project has changed since you read it; read it again and repeat.")
            name = project.name if change.name is None else change.name
            description = project.description if change.description is None else change.description
            await repositories.projects.update(project_id, name, description)
            return _seen(await repositories.projects.seen_by(user_id, project_id))

    async def delete(self, user_id: UUID, project_id: UUID) -> None:
        """Remove a project with its datasets, tasks and results; their objects follow once the rows are gone.

        Raises:
            NotFound: absent, or not the user's to see.
            Forbidden: the user does not own it.
        """
        async with self._begin() as repositories:
            _require(_seen(await repositories.projects.lock(user_id, project_id)), ProjectRole.OWNER)
            await repositories.projects.delete(project_id)
        log.info("project_deleted", project_id=str(project_id))
        await self._remove_objects(project_id)

    async def members(self, user_id: UUID, project_id: UUID, limit: int, cursor: str | None) -> Page[Member]:
        """One page of those who may see a project.

        Raises:
            NotFound: absent, or not the user's to see.
        """
        before = decode_cursor(cursor)
        async with self._begin(read_only=True) as repositories:
            _seen(await repositories.projects.seen_by(user_id, project_id))
            rows = await repositories.projects.members_of(project_id, limit + 1, before)
        return page_of(rows, limit, _member, lambda row: row.user_id)

    async def add_member(self, user_id: UUID, project_id: UUID, new: MemberAdd) -> Member:
        """Let a user in; only owners may.

        Raises:
            NotFound: the project is absent or not the user's to see, or `user_not_found`.
            Forbidden: the user does not own it.
            Conflict: `already_member`.
        """
        async with self._begin() as repositories:
            _require(_seen(await repositories.projects.lock(user_id, project_id)), ProjectRole.OWNER)
            user = await repositories.users.active(new.email, new.user_id)
            if user is None:
                raise NotFound("No active user has this address or id.", code="user_not_found")
            if not await repositories.projects.add_member(project_id, user.id, new.role):
                raise Conflict("This user is a member already.", code="already_member")
        log.info("project_member_added", project_id=str(project_id), user_id=str(user.id), role=new.role)
        return Member(user_id=user.id, email=user.email, role=new.role)

    async def _remove_objects(self, project_id: UUID) -> None:
        try:
            await self._store.remove(*[entry.key async for entry in self._store.list(f"{project_id}/")])
        except ServiceUnavailable:
            # Nobody can see them any more; the reaper removes what no row refers to.
            log.warning("project_objects_left", project_id=str(project_id))


def _body(row: ProjectRecord) -> Project:
    return Project(
        id=row.id,
        name=row.name,
        description=row.description,
        role=ProjectRole(row.role),
        archived=row.archived_at is not None,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _member(row: MemberRecord) -> Member:
    return Member(user_id=row.user_id, email=row.email, role=ProjectRole(row.role))


def _seen(row: ProjectRecord | None) -> Project:
    if row is None:
        raise NotFound
    return _body(row)


def _require(project: Project, minimum: ProjectRole) -> None:
    if project.role.rank < minimum.rank:
        raise Forbidden(f"This needs the role {minimum} in the project; yours is {project.role}.")
