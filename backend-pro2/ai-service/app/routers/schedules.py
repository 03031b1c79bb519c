"""`/tasks/schedules`: work that is submitted again and again."""

from dataclasses import asdict
from functools import partial
from uuid import UUID

from fastapi import APIRouter, Response

from shared.conditional import TAGGED, TAGGED_CREATED, TAGGED_READ, tagged
from shared.dependencies import IfMatch, IfNoneMatch, RequestId
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix, public_path
from shared.pagination import Position, decode_cursor, decode_position, page_of
from shared.schemas import OfProject, Page, PageQuery, Wait, problems
from shared.tasks.answers import FINISHED, accepted_task
from shared.tasks.schemas import TaskModel

from ..dependencies import SchedulesDep
from ..repositories.schedules import Schedule
from ..schemas.schedules import NewSchedule, ScheduleChange, ScheduleModel, ScheduleRunModel
from ..services.schedules import etag, next_runs

router = APIRouter(prefix="/tasks/schedules", tags=["tasks"])

READ = problems(401, 404, 422, 429, 503)
SUBMIT = problems(400, 401, 403, 404, 409, 413, 422, 429, 503)


@router.get("", operation_id="schedules_list", summary="List schedules", responses=READ)
async def list_schedules(
    caller: CurrentCaller, schedules: SchedulesDep, page: PageQuery, project_id: OfProject = None
) -> Page[ScheduleModel]:
    """Schedules of the caller's projects, newest first."""
    before = decode_cursor(page.cursor)
    rows = await schedules.page(caller.id, project_id=project_id, before=before, limit=page.limit + 1)
    return page_of(rows, page.limit, _body, lambda row: row.id)


@router.post(
    "",
    operation_id="schedules_create",
    summary="Make a schedule",
    status_code=201,
    response_model=ScheduleModel,
    responses=TAGGED_CREATED | SUBMIT,
)
async def create_schedule(
    new: NewSchedule, caller: CurrentCaller, schedules: SchedulesDep, once: Once, prefix: PublicPrefix
) -> Response:
    """Have an analysis, a pipeline or a job submitted at the times of a cron expression, on behalf of the caller.

    Each run asks anew for the caller's permissions; once these do not suffice, or ten runs in a row were refused, the
    schedule is paused with a reason. A project may have a hundred.
    """
    return await once(partial(_created, prefix), schedules.create, caller.id, new)


@router.get(
    "/{schedule_id}",
    operation_id="schedules_read",
    summary="Read a schedule",
    response_model=ScheduleModel,
    responses=TAGGED_READ | READ,
)
async def read_schedule(
    schedule_id: UUID, caller: CurrentCaller, schedules: SchedulesDep, if_none_match: IfNoneMatch = None
) -> Response:
    """The schedule with the next times at which it is due."""
    return _tagged(await schedules.read(caller.id, schedule_id), if_none_match)


@router.patch(
    "/{schedule_id}",
    operation_id="schedules_change",
    summary="Change, pause or resume a schedule",
    response_model=ScheduleModel,
    responses=TAGGED | problems(400, 401, 403, 404, 409, 412, 413, 422, 429, 503),
)
async def change_schedule(
    schedule_id: UUID,
    change: ScheduleChange,
    caller: CurrentCaller,
    schedules: SchedulesDep,
    if_match: IfMatch = None,
) -> Response:
    """Change what is named. A resumed schedule waits for its next time; what was due meanwhile is not made up for.

    If whoever it runs for may no longer change the project, it runs on behalf of the caller from then on. Runs that
    happen meanwhile do not make an If-Match stale.
    """
    return _tagged(await schedules.change(caller.id, schedule_id, change, if_match))


@router.delete(
    "/{schedule_id}",
    operation_id="schedules_delete",
    summary="Remove a schedule",
    status_code=204,
    responses=problems(401, 403, 404, 409, 412, 422, 429, 503),
)
async def delete_schedule(
    schedule_id: UUID, caller: CurrentCaller, schedules: SchedulesDep, if_match: IfMatch = None
) -> None:
    """Remove the schedule with its history. The tasks that it has submitted stay, and go on."""
    await schedules.remove(caller.id, schedule_id, if_match)


@router.get("/{schedule_id}/runs", operation_id="schedules_runs", summary="List a schedule's runs", responses=READ)
async def list_runs(
    schedule_id: UUID, caller: CurrentCaller, schedules: SchedulesDep, page: PageQuery
) -> Page[ScheduleRunModel]:
    """When it was due and what came of it, latest first: of the last 90 days, and a thousand at most."""
    last = decode_position(page.cursor)
    rows = await schedules.runs(caller.id, schedule_id, before=last and last.at, limit=page.limit + 1)
    return page_of(rows, page.limit, ScheduleRunModel.model_validate, lambda row: Position(row.due_at, row.schedule_id))


@router.post(
    "/{schedule_id}/run",
    operation_id="schedules_run",
    summary="Run a schedule now",
    status_code=202,
    response_model=TaskModel,
    responses=FINISHED | SUBMIT,
)
async def run_schedule(
    schedule_id: UUID,
    caller: CurrentCaller,
    schedules: SchedulesDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Submit its action at once, on behalf of the caller, paused or not. Its plan stays as it is."""
    return await once(partial(accepted_task, prefix), schedules.run, caller.id, schedule_id, request_id, wait)


def _body(found: Schedule) -> ScheduleModel:
    return ScheduleModel.model_validate({**asdict(found), "next_runs": next_runs(found)})


def _created(prefix: str, made: Schedule) -> Response:
    place = public_path(prefix, f"/tasks/schedules/{made.id}")
    return tagged(_body(made), tag=etag(made), status=201, headers={"Location": place})


def _tagged(found: Schedule, if_none_match: str | None = None) -> Response:
    return tagged(_body(found), if_none_match, tag=etag(found))
