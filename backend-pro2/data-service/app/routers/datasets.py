"""`/manage/datasets`: find, describe, look into, save and remove datasets."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from shared.conditional import TAGGED, TAGGED_READ, tagged
from shared.dependencies import IfMatch, IfNoneMatch
from shared.identity import CurrentCaller
from shared.pagination import decode_cursor, page_of
from shared.schemas import OfProject, Page, PageQuery, problems

from ..dependencies import DatasetsDep, DownloadsDep
from ..schemas.datasets import DatasetChange, DatasetModel, DownloadFormat, SchemaModel, VersionModel
from ..schemas.profiles import ProfileModel
from ..schemas.queries import RowsModel
from ..services.datasets import etag
from .bodies import dataset_body, version_body

router = APIRouter(prefix="/manage/datasets", tags=["datasets"])

READ = problems(401, 404, 422, 429, 503)
CONTENT = problems(401, 404, 409, 422, 429, 503)
CHANGE = problems(400, 401, 403, 404, 409, 412, 413, 422, 429, 503)
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {"text/csv": {}, "application/x-ndjson": {}, "application/vnd.apache.parquet": {}},
    }
}
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="Number of the version, from 1.")]
Version = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="A version; without it the current one.")]


@router.get("", operation_id="datasets_list", summary="List datasets", responses=READ)
async def list_datasets(
    caller: CurrentCaller,
    datasets: DatasetsDep,
    page: PageQuery,
    project_id: OfProject = None,
    q: Annotated[str | None, Query(max_length=200, description="Part of the name or description.")] = None,
    tag: Annotated[str | None, Query(max_length=50, description="Only those with this tag.")] = None,
) -> Page[DatasetModel]:
    """Datasets of the caller's projects, newest first."""
    before = decode_cursor(page.cursor)
    rows = await datasets.page(caller.id, project_id=project_id, text=q, tag=tag, before=before, limit=page.limit + 1)
    return page_of(rows, page.limit, dataset_body, lambda row: row.id)


@router.get(
    "/{dataset_id}",
    operation_id="datasets_get",
    summary="Get a dataset",
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
    dataset_id: UUID, caller: CurrentCaller, datasets: DatasetsDep, if_match: IfMatch = None
) -> None:
    """Remove the dataset with all its versions and files. A running ingest is called off."""
    await datasets.remove(dataset_id, caller.id, if_match)


@router.get("/{dataset_id}/schema", operation_id="datasets_schema", summary="Columns and types", responses=CONTENT)
async def get_schema(
    dataset_id: UUID, caller: CurrentCaller, datasets: DatasetsDep, version: Version = None
) -> SchemaModel:
    """The columns of the current version, or of `version`."""
    found = await datasets.version(dataset_id, caller.id, version)
    return SchemaModel.model_validate({"version": found.version, "columns": found.schema or []})


@router.get("/{dataset_id}/preview", operation_id="datasets_preview", summary="First rows", responses=CONTENT)
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
    "/{dataset_id}/profile",
    operation_id="datasets_profile",
    summary="Statistics",
    response_model=ProfileModel,
    responses=TAGGED_READ | CONTENT,
)
async def get_profile(
    dataset_id: UUID,
    caller: CurrentCaller,
    datasets: DatasetsDep,
    version: Version = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Statistics of every column, correlations, duplicates and warnings."""
    profile = ProfileModel.model_validate(await datasets.profile(dataset_id, caller.id, version))
    return tagged(profile, if_none_match)


@router.get(
    "/{dataset_id}/download",
    operation_id="datasets_download",
    summary="Save as a file",
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
    as a formula, unless `raw=true`.
    """
    download = await downloads.open(dataset_id, caller.id, format, raw=raw, number=version)
    return StreamingResponse(download.content, headers=download.headers, media_type=download.media_type)


@router.get("/{dataset_id}/versions", operation_id="datasets_versions", summary="List versions", responses=READ)
async def list_versions(
    dataset_id: UUID,
    caller: CurrentCaller,
    datasets: DatasetsDep,
    limit: Annotated[int, Query(ge=1, le=200, description="Items a page.")] = 50,
    cursor: Annotated[
        str | None, Query(pattern="^[1-9][0-9]{0,8}$", description="`next_cursor` of the page before.")
    ] = None,
) -> Page[VersionModel]:
    """Versions of the dataset, newest first."""
    below = int(cursor) if cursor else None
    rows = await datasets.versions(dataset_id, caller.id, below=below, limit=limit + 1)
    more = str(rows[limit - 1].version) if len(rows) > limit else None
    return Page(items=[version_body(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/{dataset_id}/versions/{number}",
    operation_id="datasets_version",
    summary="Get a version",
    response_model=VersionModel,
    responses=TAGGED_READ | READ,
)
async def get_version(
    dataset_id: UUID, number: Number, caller: CurrentCaller, datasets: DatasetsDep, if_none_match: IfNoneMatch = None
) -> Response:
    """One version, with the report of its ingest."""
    return tagged(version_body(await datasets.any_version(dataset_id, caller.id, number)), if_none_match)
