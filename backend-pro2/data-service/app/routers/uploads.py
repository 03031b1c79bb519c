"""`/upload`: files come in."""

from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from shared.conditional import json_answer
from shared.dependencies import RequestId, ResourcesDep
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.links import PublicPrefix, public_path
from shared.schemas import Wait, problems

from ..dependencies import AnnouncedBytes, UploadsDep
from ..repositories.datasets import Dataset
from ..schemas.datasets import DatasetModel
from ..schemas.uploads import FileFormat, FileFormats
from ..services.upload_contents import read_upload_content
from .bodies import dataset_body

router = APIRouter(prefix="/upload", tags=["upload"])

FORMATS = [
    FileFormat(
        name="csv",
        title="Delimited text (CSV, TSV)",
        extensions=[".csv", ".tsv", ".txt"],
        media_types=["text/csv", "text/tab-separated-values", "text/plain"],
        detected=["encoding", "delimiter", "quoting", "header", "column types", "thousands and decimal separators"],
    )
]
# FastAPI would read the form itself, into memory and temporary files, if it knew of it.
FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["project_id", "file"],
                    "properties": {
                        "project_id": {"type": "string", "format": "uuid"},
                        "file": {"type": "string", "format": "binary", "description": "CSV or TSV."},
                        "name": {
                            "type": "string",
                            "minLength": 1,
                            "maxLength": 120,
                            "description": "Unique in the project; without it the file's name, numbered if need be.",
                        },
                        "description": {"type": "string", "maxLength": 2000},
                        "tags": {"type": "string", "description": "Comma-separated.", "examples": ["sales,2024"]},
                    },
                }
            }
        },
    }
}
FINISHED: dict[int | str, dict[str, Any]] = {
    200: {"model": DatasetModel, "description": "`wait` was given, and the file has been read."}
}


@router.get("/formats", operation_id="upload_formats", summary="What can be uploaded", responses=problems(401, 429))
async def list_formats(_: CurrentCaller, resources: ResourcesDep) -> FileFormats:
    """Kinds of files that are taken, and their limits."""
    settings = resources.settings
    return FileFormats(items=FORMATS, max_bytes=settings.max_upload_bytes, max_columns=settings.max_columns)


@router.post(
    "/file",
    operation_id="upload_file",
    summary="Upload a file",
    status_code=202,
    response_model=DatasetModel,
    openapi_extra=FORM,
    responses=FINISHED | problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
)
async def upload_file(
    request: Request,
    caller: CurrentCaller,
    uploads: UploadsDep,
    announced: AnnouncedBytes,
    request_id: RequestId,
    once: Once,
    prefix: PublicPrefix,
    wait: Wait = 0,
) -> Response:
    """Store a file as a new dataset. It is `ingesting` until its task has read it; then it is `ready`, or `failed`.

    Fields may stand before or after the file; with `project_id` before it, a refusal comes before the bytes are stored.
    """
    form = (request.headers.get("content-type", ""), request.stream())
    once = once.streaming(partial(read_upload_content, *form))
    return await once(partial(_accepted, prefix), uploads.receive, caller.id, *form, request_id, announced, wait)


def _accepted(prefix: str, dataset: Dataset) -> Response:
    headers = {"Location": public_path(prefix, f"/manage/datasets/{dataset.id}")}
    if dataset.status == "ingesting":
        return json_answer(dataset_body(dataset), 202, {**headers, "Retry-After": "1"})
    return json_answer(dataset_body(dataset), 200, headers)
