"""`/manage/datasets`: find, describe, look into, save and remove datasets."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from shared.conditional import TAGGED, TAGGED_READ, tagged
from shared.dependencies import IfMatch, IfNoneMatch
from shared.identity import CurrentCaller
from shared.schemas import Page, problems

from ..dependencies import ColumnsDep, DatasetsDep, DownloadsDep, TrashDep
from ..schemas.columns import SchemaChange, SchemaModel
from ..schemas.datasets import DatasetChange, DatasetModel, DownloadFormat, VersionModel
from ..schemas.queries import RowsModel
from ..services.datasets import etag
from .bodies import dataset_body, version_body
from .parameters import MOST, NumberedQuery, Version, numbered_page

router = APIRouter(prefix="/manage/datasets", tags=["datasets"])

READ = problems(401, 404, 422, 429, 503)
CONTENT = problems(401, 404, 409, 422, 429, 503)
CHANGE = problems(400, 401, 403, 404, 409, 412, 413, 422, 429, 503)
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {
            "text/csv": {},
            "application/x-ndjson": {},
            "application/vnd.apache.parquet": {},
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {},
        },
    }
}
Number = Annotated[int, Path(ge=1, le=MOST, description="Number of the version, from 1.")]


@router.get(
    "/{dataset_id}",
    operation_id="datasets_get",
    summary="Read a dataset",
    response_model=DatasetModel,
    responses=TAGGED_READ | READ,
)
async def get_dataset(
    dataset_id: UUID, caller: CurrentCaller, datasets: DatasetsDep, if_none_match: IfNoneMatch = None
) -> Response:
    """The dataset with its state, its size, and why it failed if it did."""
    dataset = await datasets.read(dataset_id, caller.id)
    return tagged(dataset_body(dataset), if_none_match, tag=etag(dataset))


@router.patch(
    "/{dataset_id}",
    operation_id="datasets_change",
    summary="Change a dataset",
    response_model=DatasetModel,
    responses=TAGGED | CHANGE,
)
async def change_dataset(
    dataset_id: UUID,
    change: DatasetChange,
    caller: CurrentCaller,
    datasets: DatasetsDep,
    if_match: IfMatch = None,
) -> Response:
    """Change name, description or tags; queries then find it under the new name."""
    dataset = await datasets.change(dataset_id, caller.id, change, if_match)
    return tagged(dataset_body(dataset), tag=etag(dataset))


@router.delete(
    "/{dataset_id}", operation_id="datasets_delete", summary="Delete a dataset", status_code=204, responses=CHANGE
)
async def delete_dataset(
    dataset_id: UUID,
    caller: CurrentCaller,
    trash: TrashDep,
    purge: Annotated[bool, Query(description="For good, at once.")] = False,
    if_match: IfMatch = None,
) -> None:
    """Move the dataset to the trash; a running task of it is called off. Its name is free from then on.

    Until it is purged, it can be restored, and its files count against the project's quota. With `purge` it goes at
    once and for good, with all its versions and files, also from the trash.
    """
    await trash.remove(dataset_id, caller.id, if_match, purge=purge)


@router.post(
    "/{dataset_id}/restore",
    operation_id="datasets_restore",
    summary="Restore a dataset",
    response_model=DatasetModel,
    responses=TAGGED | problems(401, 403, 404, 409, 422, 429, 503),
)
async def restore_dataset(dataset_id: UUID, caller: CurrentCaller, trash: TrashDep) -> Response:
    """Take the dataset out of the trash; one that is not there stays as it is. If another one has its name by now,
    rename that first."""
    dataset = await trash.restore(dataset_id, caller.id)
    return tagged(dataset_body(dataset), tag=etag(dataset))


@router.get("/{dataset_id}/schema", operation_id="datasets_schema", summary="Read the columns", responses=CONTENT)
async def get_schema(
    dataset_id: UUID, caller: CurrentCaller, columns: ColumnsDep, version: Version = None
) -> SchemaModel:
    """The columns of the current version, or of `version`, with what was noted about them."""
    return SchemaModel.model_validate(await columns.read(dataset_id, caller.id, version))


@router.patch("/{dataset_id}/schema", operation_id="datasets_describe", summary="Describe columns", responses=CHANGE)
async def change_schema(
    dataset_id: UUID,
    change: SchemaChange,
    caller: CurrentCaller,
    columns: ColumnsDep,
    if_match: IfMatch = None,
) -> SchemaModel:
    """Note descriptions and units of columns of the current version; `If-Match` names the dataset's state."""
    return SchemaModel.model_validate(await columns.change(dataset_id, caller.id, change, if_match))


@router.get("/{dataset_id}/preview", operation_id="datasets_preview", summary="Read the first rows", responses=CONTENT)
async def get_preview(
    dataset_id: UUID,
    caller: CurrentCaller,
    datasets: DatasetsDep,
    limit: Annotated[int, Query(ge=1, le=1000, description="Rows.")] = 100,
    version: Version = None,
) -> RowsModel:
    """The first rows of the current version, or of `version`, in the order of the file."""
    return RowsModel.model_validate(await datasets.preview(dataset_id, caller.id, limit, version))


@router.get(
    "/{dataset_id}/download",
    operation_id="datasets_download",
    summary="Download a dataset",
    response_class=StreamingResponse,
    responses=FILE | problems(401, 404, 408, 409, 422, 429, 503),
)
async def download_dataset(
    dataset_id: UUID,
    caller: CurrentCaller,
    downloads: DownloadsDep,
    format: Annotated[DownloadFormat, Query(description="Kind of file.")] = DownloadFormat.CSV,  # noqa: A002 - the contract's name
    raw: Annotated[bool, Query(description="Leave texts as they are.")] = False,
    version: Version = None,
) -> StreamingResponse:
    """The current version, or `version`, as a file; X-Row-Count and X-Content-SHA256 tell what to expect.

    In CSV a text that begins with = + - @, a tab or a carriage return gets a leading ' so that no spreadsheet runs it
    as a formula, unless `raw=true`; in XLSX texts are texts by their cell's type, and what a cell would round is text.
    Lists and objects are JSON text in both. Empty and missing texts look alike in XLSX, and to most readers in CSV.
    """
    download = await downloads.open(dataset_id, caller.id, format, raw=raw, number=version)
    return StreamingResponse(download.content, headers=download.headers, media_type=download.media_type)


@router.get("/{dataset_id}/versions", operation_id="datasets_versions", summary="List versions", responses=READ)
async def list_versions(
    dataset_id: UUID, caller: CurrentCaller, datasets: DatasetsDep, page: NumberedQuery
) -> Page[VersionModel]:
    """Versions of the dataset, newest first."""
    rows = await datasets.versions(dataset_id, caller.id, below=page.below, limit=page.limit + 1)
    return numbered_page(rows, page.limit, version_body, lambda row: row.version)


@router.get(
    "/{dataset_id}/versions/{number}",
    operation_id="datasets_version",
    summary="Read a version",
    response_model=VersionModel,
    responses=TAGGED_READ | READ,
)
async def get_version(
    dataset_id: UUID, number: Number, caller: CurrentCaller, datasets: DatasetsDep, if_none_match: IfNoneMatch = None
) -> Response:
    """One version, with the report of its ingest."""
    return tagged(version_body(await datasets.any_version(dataset_id, caller.id, number)), if_none_match)
