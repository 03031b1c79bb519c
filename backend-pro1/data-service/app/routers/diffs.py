"""`/manage/datasets/{id}/versions/{a}/diff/{b}`: what changed between two versions."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from shared.conditional import TAGGED_READ, tagged
from shared.dependencies import IfNoneMatch
from shared.identity import CurrentCaller
from shared.schemas import Page, problems

from ..dependencies import DiffsDep
from ..schemas.diffs import DifferenceKind, DifferingRowModel, DiffModel
from .parameters import MOST, Limit

router = APIRouter(prefix="/manage/datasets/{dataset_id}/versions/{a}/diff/{b}", tags=["datasets"])

COMPARED = problems(401, 404, 408, 409, 422, 429, 503)
Earlier = Annotated[int, Path(ge=1, le=MOST, description="Number of the version to compare from.")]
Later = Annotated[int, Path(ge=1, le=MOST, description="Number of the version to compare to.")]
Key = Annotated[
    str | None,
    Query(
        max_length=2000,
        description="Columns that tell rows apart, comma-separated; a name that holds a comma in double quotes.",
        examples=["id"],
    ),
]


@router.get(
    "",
    operation_id="datasets_diff",
    summary="Compare two versions",
    response_model=DiffModel,
    responses=TAGGED_READ | COMPARED,
)
async def compare_versions(
    dataset_id: UUID,
    a: Earlier,
    b: Later,
    caller: CurrentCaller,
    diffs: DiffsDep,
    key: Key = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Sample rows of each kind.")] = 10,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Columns and rows that version `b` has and `a` has not, or has differently, with samples and statistics.

    Rows that are equal in every column are matched first, each with one. Of the rest, those of `a` were removed and
    those of `b` added; with a `key`, a row that is the only one left of its key on either side was changed. So rows
    that share a key are never taken for one another, and null is a key like any other. Values are compared exactly: NaN
    equals NaN, 0.0 is not -0.0; where a column changed its type, values are equal if each converts to the other.
    """
    found = await diffs.summary(dataset_id, caller.id, (a, b), key, limit)
    return tagged(DiffModel.model_validate(found), if_none_match)


@router.get("/rows", operation_id="datasets_diff_rows", summary="Read the differing rows by pages", responses=COMPARED)
async def list_differing_rows(
    dataset_id: UUID,
    a: Earlier,
    b: Later,
    caller: CurrentCaller,
    diffs: DiffsDep,
    key: Key = None,
    kind: Annotated[DifferenceKind | None, Query(description="Only rows of this kind.")] = None,
    limit: Limit = 50,
    cursor: Annotated[
        str | None, Query(pattern="^[1-9][0-9]{0,11}$", description="`next_cursor` of the page before.")
    ] = None,
) -> Page[DifferingRowModel]:
    """All rows that differ, removed ones first, then changed, then added ones, each with its values on both sides.

    Taking each `before` from version `a`, giving the rest the columns of `b`, and adding each `after` makes `b`.
    """
    offset = int(cursor or 0)
    found = await diffs.rows(dataset_id, caller.id, (a, b), key, kind=kind, offset=offset, limit=limit)
    rows = [DifferingRowModel.model_validate(row) for row in found["rows"]]
    return Page(items=rows, next_cursor=str(offset + len(rows)) if found["more"] else None)
