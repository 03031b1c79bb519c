"""`POST /manage/datasets/{id}/versions`: a file becomes the next version of a dataset."""

from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from shared.dependencies import IfMatch, RequestId
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix
from shared.schemas import Wait, problems

from ..dependencies import FormDep, VersionUploadsDep
from ..schemas.datasets import DatasetModel
from ..services.upload_contents import read_upload_content
from .forms import form_body
from .upload_bodies import FINISHED, accepted_dataset

router = APIRouter(prefix="/manage/datasets", tags=["datasets"])

FIELDS: dict[str, Any] = {
    "mode": {
        "type": "string",
        "enum": ["append", "replace", "upsert"],
        "description": "`append` puts the rows below those that are there, `replace` takes them instead, `upsert` "
        "takes them instead of those with the same key and appends the others.",
    },
    "key": {
        "type": "string",
        "description": "Comma-separated columns that tell rows apart, for `upsert` only.",
        "examples": ["id"],
    },
}


@router.post(
    "/{dataset_id}/versions",
    operation_id="datasets_versions_create",
    summary="Upload a new version",
    status_code=202,
    response_model=DatasetModel,
    openapi_extra=form_body(FIELDS, ["mode"]),
    responses=FINISHED | problems(400, 401, 403, 404, 408, 409, 412, 413, 415, 422, 429, 503),
)
async def upload_version(
    dataset_id: UUID,
    caller: CurrentCaller,
    versions: VersionUploadsDep,
    form: FormDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    if_match: IfMatch = None,
    wait: Wait = 0,
) -> Response:
    """Add a version made of a file; the present one stays current until the new one's task, `task_id`, has succeeded.

    Columns are matched by name; those that do not fit are refused with `schema_mismatch`, and nothing changes.
    """
    once = once.streaming(partial(read_upload_content, form.content_type, form.body))
    call = (caller.id, dataset_id, form, request_id, if_match, wait)
    return await once(partial(accepted_dataset, prefix), versions.receive, *call)
