"""`/manage/datasets`: how long versions are kept, back to an earlier one, and garbage."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter, Response

from shared.conditional import TAGGED, tagged
from shared.dependencies import IfMatch, RequestId
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix
from shared.schemas import Wait, problems
from shared.tasks.answers import FINISHED, accepted_task
from shared.tasks.schemas import TaskModel

from ..dependencies import GarbageDep, RetentionsDep, RollbacksDep
from ..repositories.datasets import Dataset
from ..repositories.retention import Retention
from ..schemas.datasets import DatasetModel
from ..schemas.garbage import GarbageRequest
from ..schemas.retention import RetentionChange, RetentionModel, RollbackRequest
from ..services.datasets import etag
from .bodies import dataset_body

router = APIRouter(prefix="/manage/datasets", tags=["datasets"])

CHANGE = problems(400, 401, 403, 404, 409, 412, 413, 422, 429, 503)


@router.get(
    "/{dataset_id}/retention",
    operation_id="datasets_retention",
    summary="Read the retention",
    responses=problems(401, 404, 422, 429, 503),
)
async def get_retention(dataset_id: UUID, caller: CurrentCaller, retentions: RetentionsDep) -> RetentionModel:
    """The retention of the dataset; both members null: every version is kept."""
    return RetentionModel.model_validate(await retentions.read(dataset_id, caller.id))


@router.put(
    "/{dataset_id}/retention",
    operation_id="datasets_retention_set",
    summary="Set the retention",
    responses=CHANGE,
)
async def put_retention(
    dataset_id: UUID,
    change: RetentionChange,
    caller: CurrentCaller,
    retentions: RetentionsDep,
    if_match: IfMatch = None,
) -> RetentionModel:
    """Replace the retention. Versions that no given condition keeps expire at once, and later as their time comes.

    An expired version has lost its content and its file for good; its place in the lineage stays. The current version,
    and one that unfinished work reads, does not expire. `If-Match` names the dataset's state.
    """
    setting = Retention(change.keep_versions, change.keep_days)
    return RetentionModel.model_validate(await retentions.put(dataset_id, caller.id, setting, if_match))


@router.post(
    "/{dataset_id}/rollback",
    operation_id="datasets_rollback",
    summary="Roll back to an earlier version",
    response_model=DatasetModel,
    responses=TAGGED | CHANGE,
)
async def roll_back(
    dataset_id: UUID,
    to: RollbackRequest,
    caller: CurrentCaller,
    rollbacks: RollbacksDep,
    once: Once,
    if_match: IfMatch = None,
) -> Response:
    """Make a new current version with the content of an earlier one; it is ready at once and takes no room.

    An earlier version that failed, has expired or is blocked cannot be gone back to.
    """
    return await once(_dataset, rollbacks.roll_back, dataset_id, caller.id, to.version, if_match)


@router.post(
    "/gc",
    operation_id="datasets_gc",
    summary="Collect garbage",
    status_code=202,
    response_model=TaskModel,
    responses=FINISHED | problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def collect_garbage(
    order: GarbageRequest,
    caller: CurrentCaller,
    garbage: GarbageDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Purge the project's trash, expire versions, and remove files that nothing refers to; for owners of the project.

    The task's event `result` has `datasets_purged`, `versions_expired`, `objects_removed` and `bytes_freed`.
    """
    return await once(partial(accepted_task, prefix), garbage.submit, caller.id, order, request_id, wait)


def _dataset(dataset: Dataset) -> Response:
    return tagged(dataset_body(dataset), tag=etag(dataset))
