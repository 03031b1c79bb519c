"""`/process`: questions to datasets."""

from fastapi import APIRouter

from shared.identity import CurrentCaller
from shared.schemas import problems

from ..dependencies import QueriesDep
from ..schemas.queries import QueryRequest, RowsModel

router = APIRouter(prefix="/process", tags=["process"])


@router.post(
    "/query",
    operation_id="process_query",
    summary="Query datasets with SQL",
    responses=problems(400, 401, 404, 408, 409, 413, 422, 429, 503),
)
async def run_query(query: QueryRequest, caller: CurrentCaller, queries: QueriesDep) -> RowsModel:
    """Run one SELECT over the project's datasets (DuckDB's SQL, without files, network, settings or catalog).

    A dataset is a table by its name, in double quotes where the name needs them; `"name@3"` is its version 3.
    """
    return RowsModel.model_validate(await queries.run(caller.id, query))
