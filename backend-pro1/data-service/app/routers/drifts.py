"""`/manage/datasets/{id}/drift`: versions compared in distribution."""

from uuid import UUID

from fastapi import APIRouter

from shared.identity import CurrentCaller
from shared.schemas import problems

from ..dependencies import DriftsDep
from ..schemas.drifts import DriftBody, DriftModel

router = APIRouter(prefix="/manage/datasets/{dataset_id}", tags=["quality"])


@router.post(
    "/drift",
    operation_id="datasets_drift",
    summary="Measure drift",
    responses=problems(400, 401, 404, 408, 409, 413, 422, 429, 503),
)
async def measure_drift(dataset_id: UUID, body: DriftBody, caller: CurrentCaller, drifts: DriftsDep) -> DriftModel:
    """How far each column's distribution has moved between two versions (PSI, Jensen-Shannon, KS, chi-squared)."""
    return DriftModel.model_validate(await drifts.compare(dataset_id, caller.id, body))
