"""/api/v1/projects: a user's workspaces."""

from uuid import UUID

from fastapi import APIRouter, Response

from shared.dependencies import IfMatch, IfNoneMatch
from shared.etags import unchanged
from shared.identity import CurrentCaller
from shared.schemas import Page, PageQuery, problems

from ..dependencies import JSON, Projects
from ..schemas.projects import Member, MemberAdd, Project, ProjectCreate, ProjectUpdate
from ..services.projects import etag

router = APIRouter(prefix="/api/v1/projects", tags=["projects"])

_ETAG = {"ETag": {"description": "Names this state.", "schema": {"type": "string"}}}


@router.get(
    "",
    operation_id="projects_list",
    summary="List my projects",
    responses=problems(401, 422, 429, 503),
)
async def list_projects(caller: CurrentCaller, page: PageQuery, projects: Projects) -> Page[Project]:
    """Newest first."""
    return await projects.list(caller.id, page.limit, page.cursor)


@router.post(
    "",
    operation_id="projects_create",
    summary="Create a project",
    status_code=201,
    response_model=Project,
    responses={201: {"headers": _ETAG}, **problems(400, 401, 413, 422, 429, 503)},
)
async def create_project(body: ProjectCreate, caller: CurrentCaller, projects: Projects) -> Response:
    """The caller becomes its owner."""
    project = await projects.create(caller.id, body)
    return _answer(project, status=201, location=f"{router.prefix}/{project.id}")


@router.get(
    "/{project_id}",
    operation_id="projects_read",
    summary="Read a project",
    response_model=Project,
    responses={200: {"headers": _ETAG}, 304: {"description": "Unchanged."}, **problems(401, 404, 422, 429, 503)},
)
async def read_project(
    project_id: UUID, caller: CurrentCaller, projects: Projects, if_none_match: IfNoneMatch = None
) -> Response:
    """Answers 404 for another's project exactly as for one that does not exist."""
    project = await projects.read(caller.id, project_id)
    if unchanged(if_none_match, tag := etag(project)):
        return Response(status_code=304, headers={"ETag": tag})
    return _answer(project)


@router.patch(
    "/{project_id}",
    operation_id="projects_update",
    summary="Rename or describe a project",
    response_model=Project,
    responses={200: {"headers": _ETAG}, **problems(400, 401, 403, 404, 412, 413, 422, 429, 503)},
)
async def update_project(
    project_id: UUID, body: ProjectUpdate, caller: CurrentCaller, projects: Projects, if_match: IfMatch = None
) -> Response:
    """For editors and owners. Send If-Match so as not to overwrite somebody else's change."""
    return _answer(await projects.update(caller.id, project_id, body, if_match))


@router.delete(
    "/{project_id}",
    operation_id="projects_delete",
    summary="Delete a project",
    status_code=204,
    responses=problems(401, 403, 404, 422, 429, 503),
)
async def delete_project(project_id: UUID, caller: CurrentCaller, projects: Projects) -> None:
    """For owners. Datasets, tasks and results of the project go with it; there is no way back."""
    await projects.delete(caller.id, project_id)


@router.get(
    "/{project_id}/members",
    operation_id="projects_members_list",
    summary="List the members of a project",
    responses=problems(401, 404, 422, 429, 503),
)
async def list_members(project_id: UUID, caller: CurrentCaller, page: PageQuery, projects: Projects) -> Page[Member]:
    """For every member."""
    return await projects.members(caller.id, project_id, page.limit, page.cursor)


@router.post(
    "/{project_id}/members",
    operation_id="projects_members_add",
    summary="Let a user into a project",
    status_code=201,
    responses=problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def add_member(project_id: UUID, body: MemberAdd, caller: CurrentCaller, projects: Projects) -> Member:
    """For owners. Name the user by `email` or by `user_id`."""
    return await projects.add_member(caller.id, project_id, body)


def _answer(project: Project, *, status: int = 200, location: str | None = None) -> Response:
    headers = {"ETag": etag(project)} | ({"Location": location} if location else {})
    return Response(project.model_dump_json(), status_code=status, headers=headers, media_type=JSON)
