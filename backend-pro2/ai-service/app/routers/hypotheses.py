"""`/analysis/hypotheses`: what was tested on a dataset, adjusted for how much was."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from shared.identity import CurrentCaller
from shared.pagination import decode_cursor, page_of
from shared.schemas import Page, PageQuery, problems

from ..dependencies import HypothesesDep
from ..schemas.hypotheses import HypothesisModel

router = APIRouter(prefix="/analysis/hypotheses", tags=["analysis"])


@router.get(
    "", operation_id="analysis_hypotheses", summary="List tested hypotheses", responses=problems(401, 422, 429, 503)
)
async def list_hypotheses(
    caller: CurrentCaller,
    hypotheses: HypothesesDep,
    page: PageQuery,
    dataset_id: Annotated[UUID | None, Query(description="Only those of this dataset, of all its versions.")] = None,
) -> Page[HypothesisModel]:
    """Each p-value that analyses reported on datasets of the caller's projects, newest first, with q-values over the
    whole ledger of its dataset. The same hypothesis on the same content counts once. Removing an analysis leaves its
    hypotheses, since they were tested; removing the dataset or the project removes them.
    """
    rows = await hypotheses.page(caller.id, dataset_id, before=decode_cursor(page.cursor), limit=page.limit + 1)
    return page_of(rows, page.limit, HypothesisModel.model_validate, lambda row: row.id)
