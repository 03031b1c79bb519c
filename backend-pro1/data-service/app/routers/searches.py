"""`/manage/datasets`: find datasets, also in the trash."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from shared.identity import CurrentCaller
from shared.schemas import Page, problems

from ..dependencies import DatasetsDep
from ..repositories.searches import Search
from ..schemas.datasets import DatasetModel, Status
from ..services.searches import next_cursor, place_of
from .bodies import dataset_body
from .parameters import Limit

router = APIRouter(prefix="/manage/datasets", tags=["datasets"])

Sort = Literal["created", "-created", "name", "-name", "updated", "-updated", "rows", "-rows"]


async def search(
    project_id: Annotated[UUID | None, Query(description="Only those of this project.")] = None,
    q: Annotated[
        str | None, Query(max_length=200, description="Part of the name, the description, a tag or a column's name.")
    ] = None,
    tag: Annotated[
        list[Annotated[str, Query(max_length=50)]] | None,
        Query(max_length=20, description="Only those with this tag; repeated, with all of them."),
    ] = None,
    status: Annotated[Status | None, Query(description="Only those that stand so.")] = None,
    deleted: Annotated[bool, Query(description="What is in the trash instead.")] = False,
    sort: Annotated[Sort, Query(description="What to order by; `-` turns the order round.")] = "-created",
) -> Search:
    """The query parameters that choose and order."""
    key, descending = sort.removeprefix("-"), sort.startswith("-")
    return Search(key, descending, deleted, project_id, q, tuple(tag or ()), status)


@router.get("", operation_id="datasets_list", summary="List datasets", responses=problems(401, 404, 422, 429, 503))
async def list_datasets(
    caller: CurrentCaller,
    datasets: DatasetsDep,
    search: Annotated[Search, Depends(search)],
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before.")] = None,
) -> Page[DatasetModel]:
    """Datasets of the caller's projects, newest first unless `sort` says otherwise, or those in the trash."""
    rows = await datasets.page(caller.id, search, after=place_of(search, cursor), limit=limit + 1)
    items = [dataset_body(row, datasets.trash_days) for row in rows[:limit]]
    return Page(items=items, next_cursor=next_cursor(search, rows, limit))
