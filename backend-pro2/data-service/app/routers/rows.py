"""`/manage/datasets/{id}/rows`: a version's rows by pages, and the values of its columns."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query

from shared.identity import CurrentCaller
from shared.schemas import problems

from ..dependencies import RowsDep
from ..schemas.rows import RowsPage, ValuesModel
from ..services.rows import RowsWanted
from .parameters import Version

router = APIRouter(prefix="/manage/datasets", tags=["datasets"])

ASKED = problems(401, 404, 408, 409, 422, 429, 503)


async def wanted(
    version: Version = None,
    columns: Annotated[
        str | None, Query(max_length=8000, description="Names with commas between them; without it all columns.")
    ] = None,
    filter: Annotated[  # noqa: A002 - the contract's name
        str | None,
        Query(
            min_length=1,
            max_length=4000,
            description="An expression over the columns; rows stay for which it is true.",
            examples=["price > 100 and country in ('CH', 'AT')"],
        ),
    ] = None,
    sort: Annotated[
        str | None,
        Query(max_length=2000, description="Columns to sort by, up to ten; `-` before a name sorts it downwards."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Rows a page.")] = 100,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")] = None,
) -> RowsWanted:
    """The query parameters."""
    return RowsWanted(version, columns, filter, sort, limit, cursor)


@router.get("/{dataset_id}/rows", operation_id="datasets_rows", summary="Read rows by pages", responses=ASKED)
async def get_rows(
    dataset_id: UUID, caller: CurrentCaller, rows: RowsDep, wanted: Annotated[RowsWanted, Depends(wanted)]
) -> RowsPage:
    """Rows of the current version, or of `version`, filtered and sorted; rows of equal keys in the order of the file.

    Missing values come last in either direction. A name that holds a comma stands in double quotes.
    """
    return RowsPage.model_validate(await rows.page(dataset_id, caller.id, wanted))


@router.get(
    "/{dataset_id}/columns/{column:path}/values",
    operation_id="datasets_column_values",
    summary="List the values of a column",
    responses=ASKED,
)
async def get_values(
    dataset_id: UUID,
    column: Annotated[str, Path(max_length=200, description="Name of the column.", examples=["country"])],
    caller: CurrentCaller,
    rows: RowsDep,
    q: Annotated[str | None, Query(max_length=200, description="Only values whose text holds this.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Values answered at most.")] = 100,
    version: Version = None,
) -> ValuesModel:
    """Distinct values of a column with their counts, the most frequent first; letters count alike in either case."""
    found = await rows.values(dataset_id, caller.id, column, text=q, limit=limit, number=version)
    return ValuesModel.model_validate(found)
