"""`/upload`: files come in as a whole, or from a URL, or are only looked into."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Response

from shared.dependencies import RequestId, ResourcesDep
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix
from shared.schemas import Wait, problems

from ..dependencies import FormDep, InspectionsDep, UploadsDep, UrlImportsDep
from ..schemas.datasets import DatasetModel
from ..schemas.inspections import InspectionModel
from ..schemas.upload_sessions import UrlOrder
from ..schemas.uploads import FileFormats
from ..services.upload_contents import read_upload_content
from .formats import FORMATS
from .forms import form_body
from .upload_bodies import FINISHED, accepted_dataset

router = APIRouter(prefix="/upload", tags=["upload"])

FIELDS: dict[str, Any] = {
    "project_id": {"type": "string", "format": "uuid"},
    "name": {
        "type": "string",
        "minLength": 1,
        "maxLength": 120,
        "description": "Unique in the project; without it the file's name, numbered if need be.",
    },
    "description": {"type": "string", "maxLength": 2000},
    "tags": {"type": "string", "description": "Comma-separated.", "examples": ["sales,2024"]},
}


@router.get("/formats", operation_id="upload_formats", summary="List the kinds of files", responses=problems(401, 429))
async def list_formats(_: CurrentCaller, resources: ResourcesDep) -> FileFormats:
    """Kinds of files that are taken, what they may be packed in, and their limits."""
    settings = resources.settings
    return FileFormats(
        items=FORMATS,
        max_bytes=settings.max_upload_bytes,
        max_unpacked_bytes=settings.max_unpacked_bytes,
        max_columns=settings.max_columns,
    )


@router.post(
    "/file",
    operation_id="upload_file",
    summary="Upload a file",
    status_code=202,
    response_model=DatasetModel,
    openapi_extra=form_body(FIELDS, ["project_id"]),
    responses=FINISHED | problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
)
async def upload_file(
    caller: CurrentCaller,
    uploads: UploadsDep,
    form: FormDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Store a file as a new dataset. It is `ingesting` until its task has read it; then it is `ready`, or `failed`.

    Fields may stand before or after the file; with `project_id` before it, a refusal comes before the bytes are stored.
    """
    once = once.streaming(partial(read_upload_content, form.content_type, form.body))
    return await once(partial(accepted_dataset, prefix), uploads.receive, caller.id, form, request_id, wait)


@router.post(
    "/inspect",
    operation_id="upload_inspect",
    summary="Look into a file",
    openapi_extra=form_body({}, []),
    responses=problems(400, 401, 408, 413, 415, 422, 429, 503),
)
async def inspect_file(_: CurrentCaller, inspections: InspectionsDep, form: FormDep) -> InspectionModel:
    """What the file is and how it would be read: format, encoding, columns, first rows. Nothing of it is kept.

    Of CSV, TSV, JSON Lines and ARFF, also compressed, the first 8 MiB are looked at, so no more has to be sent; all
    else is needed as a whole, up to 64 MiB (`complete_file_needed`).
    """
    return InspectionModel.model_validate(await inspections.inspect(form))


@router.post(
    "/url",
    operation_id="upload_url",
    summary="Import a file from a URL",
    status_code=202,
    response_model=DatasetModel,
    responses=FINISHED | problems(400, 401, 403, 404, 409, 413, 422, 429, 503),
)
async def import_url(
    order: UrlOrder,
    caller: CurrentCaller,
    imports: UrlImportsDep,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Fetch a file and make a dataset of it; an instance allows this or not (`url_import_disabled`).

    The URL must lead to a public address and give the file with status 200; redirects are not followed.
    """
    return await once(partial(accepted_dataset, prefix), imports.submit, caller.id, order, request_id, wait)
