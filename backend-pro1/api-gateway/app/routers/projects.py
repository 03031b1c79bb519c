"""/api/v1/projects: a user's workspaces."""

from uuid import UUID

from fastapi import APIRouter, Response

from shared.conditional import TAGGED, TAGGED_CREATED, TAGGED_READ, tagged
from shared.dependencies import IfMatch, IfNoneMatch
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.schemas import Page, PageQuery, problems

from ..dependencies import ProjectsDep
from ..schemas.projects import Project, ProjectCreate, ProjectUpdate, SelectionQuery

router = APIRouter(prefix="/api/v1/projects", tags=["projects"])


@router.get(
    "",
    operation_id="projects_list",
    summary="List projects",
    responses=problems(401, 403, 422, 429, 503),
)
async def list_projects(
    caller: CurrentCaller, page: PageQuery, chosen: SelectionQuery, projects: ProjectsDep
) -> Page[Project]:
    """The caller's projects, newest first, archived ones among them; administrators may ask for `all`."""
    return await projects.list(caller, chosen, page.limit, page.cursor)


@router.post(
    "",
    operation_id="projects_create",
    summary="Create a project",
    status_code=201,
    response_model=Project,
    responses={**TAGGED_CREATED, **problems(400, 401, 409, 413, 422, 429, 503)},
)
async def create_project(body: ProjectCreate, caller: CurrentCaller, projects: ProjectsDep, once: Once) -> Response:
    """The caller becomes its owner."""
    return await once(_created, projects.create, caller.id, body)


@router.get(
    "/{project_id}",
    operation_id="projects_read",
    summary="Read a project",
    response_model=Project,
    responses={**TAGGED_READ, **problems(401, 404, 422, 429, 503)},
)
async def read_project(
    project_id: UUID, caller: CurrentCaller, projects: ProjectsDep, if_none_match: IfNoneMatch = None
) -> Response:
    """Answers 404 for another's project exactly as for one that does not exist."""
    return tagged(await projects.read(caller.id, project_id), if_none_match)


@router.patch(
    "/{project_id}",
    operation_id="projects_update",
    summary="Rename or describe a project",
    response_model=Project,
    responses={**TAGGED, **problems(400, 401, 403, 404, 409, 412, 413, 422, 429, 503)},
)
async def update_project(
    project_id: UUID, body: ProjectUpdate, caller: CurrentCaller, projects: ProjectsDep, if_match: IfMatch = None
) -> Response:
    """For editors and owners. Send If-Match so as not to overwrite somebody else's change."""
    return tagged(await projects.update(caller.id, project_id, body, if_match))


@router.post(
    "/{project_id}/archive",
    operation_id="projects_archive",
    summary="Make a project read-only",
    response_model=Project,
    responses={**TAGGED, **problems(401, 403, 404, 412, 422, 429, 503)},
)
async def archive_project(
    project_id: UUID, caller: CurrentCaller, projects: ProjectsDep, if_match: IfMatch = None
) -> Response:
    """For owners. Every change in it is then refused with 409 `project_archived`; tasks that were accepted go on.

    Repeating it changes nothing. Members, invitations and quotas can still be administered.
    """
    return tagged(await projects.archive(caller.id, project_id, if_match))


@router.post(
    "/{project_id}/restore",
    operation_id="projects_restore",
    summary="Let a project be changed again",
    response_model=Project,
    responses={**TAGGED, **problems(401, 403, 404, 412, 422, 429, 503)},
)
async def restore_project(
    project_id: UUID, caller: CurrentCaller, projects: ProjectsDep, if_match: IfMatch = None
) -> Response:
    """For owners; undoes archiving. Repeating it changes nothing."""
    return tagged(await projects.restore(caller.id, project_id, if_match))


def _created(project: Project) -> Response:
    return tagged(project, status=201, headers={"Location": f"{router.prefix}/{project.id}"})
