"""Projects: a user's workspaces, and what members may do to them."""

from uuid import UUID

from shared.errors import Forbidden, NotFound
from shared.etags import etag_of_model, require_current
from shared.idempotency import keep_answer
from shared.identity import Caller
from shared.ids import new_id
from shared.logging import get_logger
from shared.membership import ProjectArchived
from shared.models.project import ProjectRole
from shared.pagination import decode_cursor, page_of
from shared.schemas import Page

from ..repositories import UnitOfWork
from ..repositories.projects import ProjectFilter, ProjectRecord
from ..schemas.projects import Project, ProjectCreate, ProjectSelection, ProjectUpdate

log = get_logger(__name__)


def etag(project: Project) -> str:
    """The entity tag of a project as one member sees it."""
    return etag_of_model(project)


class ProjectService:
    """Use cases of /projects."""

    def __init__(self, begin: UnitOfWork) -> None:
        self._begin = begin

    async def create(self, user_id: UUID, new: ProjectCreate) -> Project:
        """A project whose owner is its creator."""
        project_id = new_id()
        async with self._begin() as repositories:
            await repositories.projects.insert(project_id, new.name, new.description, user_id)
            project = seen(await repositories.projects.seen_by(user_id, project_id))
            await keep_answer(repositories.session, project)
        log.info("project_created", project_id=str(project_id))
        return project

    async def list(self, caller: Caller, chosen: ProjectSelection, limit: int, cursor: str | None) -> Page[Project]:
        """One page of the caller's projects, newest first; of everybody's, for an administrator who asks for `all`.

        Raises:
            Forbidden: `all` by somebody else.
        """
        if chosen.all and not caller.administers:
            raise Forbidden("Only administrators may list the projects of others.")
        before, wanted = decode_cursor(cursor), ProjectFilter(chosen.text, chosen.archived)
        async with self._begin(read_only=True) as repositories:
            projects = repositories.projects
            page = projects.page_of_all if chosen.all else projects.page_of
            rows = await page(caller.id, wanted, limit + 1, before)
        return page_of(rows, limit, _body, lambda row: row.id)

    async def read(self, user_id: UUID, project_id: UUID) -> Project:
        """One project.

        Raises:
            NotFound: absent, or not the user's to see.
        """
        async with self._begin(read_only=True) as repositories:
            return seen(await repositories.projects.seen_by(user_id, project_id))

    async def update(self, user_id: UUID, project_id: UUID, change: ProjectUpdate, if_match: str | None) -> Project:
        """The project after a change by an editor or owner.

        Raises:
            NotFound: absent, or not the user's to see.
            Forbidden: the user is a viewer.
            ProjectArchived: it is archived.
            PreconditionFailed: somebody else changed it since the caller read it.
        """
        async with self._begin() as repositories:
            project = seen(await repositories.projects.lock(user_id, project_id))
            require_role(project, ProjectRole.EDITOR)
            if project.archived:
                raise ProjectArchived
            require_current(if_match, etag(project), "project")
            name = project.name if change.name is None else change.name
            description = project.description if change.description is None else change.description
            await repositories.projects.update(project_id, name, description)
            return seen(await repositories.projects.seen_by(user_id, project_id))

    async def archive(self, user_id: UUID, project_id: UUID, if_match: str | None) -> Project:
        """The project, read-only from now on; what runs goes on, what is being changed is waited for.

        Raises:
            NotFound: absent, or not the user's to see.
            Forbidden: the user does not own it.
            PreconditionFailed: somebody else changed it since the caller read it.
        """
        return await self._decide(user_id, project_id, if_match, archived=True)

    async def restore(self, user_id: UUID, project_id: UUID, if_match: str | None) -> Project:
        """The project, open to changes again. Raises like `archive`."""
        return await self._decide(user_id, project_id, if_match, archived=False)

    async def _decide(self, user_id: UUID, project_id: UUID, if_match: str | None, *, archived: bool) -> Project:
        async with self._begin() as repositories:
            projects = repositories.projects
            project = seen(await projects.lock_alone(user_id, project_id))
            require_role(project, ProjectRole.OWNER)
            require_current(if_match, etag(project), "project")
            await (projects.archive if archived else projects.restore)(project_id)
            decided = seen(await projects.seen_by(user_id, project_id))
        log.info("project_archived" if archived else "project_restored", project_id=str(project_id))
        return decided


def seen(row: ProjectRecord | None) -> Project:
    """The project as JSON has it.

    Raises:
        NotFound: there is none.
    """
    if row is None:
        raise NotFound
    return _body(row)


def require_role(project: Project, minimum: ProjectRole) -> None:
    """Go on only for members of at least this role.

    Raises:
        Forbidden: the caller's does not suffice.
    """
    if project.role is None or project.role.rank < minimum.rank:
        raise Forbidden(f"This needs the role {minimum} in the project; yours is {project.role}.")


def _body(row: ProjectRecord) -> Project:
    return Project(
        id=row.id,
        name=row.name,
        description=row.description,
        role=None if row.role is None else ProjectRole(row.role),
        archived=row.archived_at is not None,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
