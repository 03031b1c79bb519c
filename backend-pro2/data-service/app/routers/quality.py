"""`/manage/datasets/{id}/quality`: rules, their checks, and the gate."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from shared.conditional import json_answer
from shared.idempotency import Once
from shared.identity import CurrentCaller
from shared.pagination import decode_cursor, page_of
from shared.schemas import Page, PageQuery, problems

from ..dependencies import QualityDep
from ..repositories.quality import Run, StoredRule
from ..schemas.quality import GateBody, GateModel, QualityRun, RuleBody, RuleModel, Suggestions
from .parameters import MOST, Version

router = APIRouter(prefix="/manage/datasets/{dataset_id}/quality", tags=["quality"])

READ = problems(401, 404, 409, 422, 429, 503)
CHANGE = problems(400, 401, 403, 404, 409, 413, 422, 429, 503)


@router.get("/rules", operation_id="quality_rules_list", summary="List rules", responses=READ)
async def list_rules(dataset_id: UUID, caller: CurrentCaller, quality: QualityDep, page: PageQuery) -> Page[RuleModel]:
    """Rules of the dataset, oldest first. Each new version is checked against the active ones."""
    after = decode_cursor(page.cursor)
    rows = await quality.page(dataset_id, caller.id, after=after, limit=page.limit + 1)
    return page_of(rows, page.limit, RuleModel.model_validate, lambda row: row.id)


@router.post(
    "/rules",
    operation_id="quality_rules_create",
    summary="Add a rule",
    status_code=201,
    response_model=RuleModel,
    responses=CHANGE,
)
async def create_rule(
    dataset_id: UUID, body: RuleBody, caller: CurrentCaller, quality: QualityDep, once: Once
) -> Response:
    """Versions that come later are checked against it; `POST …/quality/run` checks the current one."""
    return await once(_created, quality.create, dataset_id, caller.id, body)


@router.put("/rules/{rule_id}", operation_id="quality_rules_replace", summary="Replace a rule", responses=CHANGE)
async def replace_rule(
    dataset_id: UUID, rule_id: UUID, body: RuleBody, caller: CurrentCaller, quality: QualityDep
) -> RuleModel:
    """Judgements made so far stay as they are."""
    return RuleModel.model_validate(await quality.replace(dataset_id, rule_id, caller.id, body))


@router.delete(
    "/rules/{rule_id}",
    operation_id="quality_rules_delete",
    summary="Remove a rule",
    status_code=204,
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)
async def delete_rule(dataset_id: UUID, rule_id: UUID, caller: CurrentCaller, quality: QualityDep) -> None:
    """Judgements that it took part in stay as they are."""
    await quality.remove(dataset_id, rule_id, caller.id)


@router.post(
    "/suggest",
    operation_id="quality_suggest",
    summary="Suggest rules",
    responses=problems(401, 404, 409, 422, 429, 503),
)
async def suggest_rules(
    dataset_id: UUID, caller: CurrentCaller, quality: QualityDep, version: Version = None
) -> Suggestions:
    """Rules that the version satisfies, from its profile. Nothing is stored."""
    return Suggestions.model_validate(await quality.suggest(dataset_id, caller.id, version))


@router.post(
    "/run",
    operation_id="quality_run",
    summary="Check a version",
    response_model=QualityRun,
    responses=problems(400, 401, 403, 404, 408, 409, 422, 429, 503),
)
async def run_rules(
    dataset_id: UUID, caller: CurrentCaller, quality: QualityDep, once: Once, version: Version = None
) -> Response:
    """Check the version against the rules as they stand; the version is judged by this check from now on."""
    return await once(_run, quality.run, dataset_id, caller.id, version)


@router.get("/runs", operation_id="quality_runs_list", summary="List checks", responses=READ)
async def list_runs(
    dataset_id: UUID,
    caller: CurrentCaller,
    quality: QualityDep,
    page: PageQuery,
    version: Annotated[int | None, Query(ge=1, le=MOST, description="Only those of this version.")] = None,
) -> Page[QualityRun]:
    """Checks of the dataset's versions with what each rule found, newest first."""
    before = decode_cursor(page.cursor)
    rows = await quality.runs(dataset_id, caller.id, version=version, before=before, limit=page.limit + 1)
    return page_of(rows, page.limit, QualityRun.model_validate, lambda row: row.id)


@router.get("/gate", operation_id="quality_gate_get", summary="Read the gate", responses=READ)
async def get_gate(dataset_id: UUID, caller: CurrentCaller, quality: QualityDep) -> GateModel:
    """Whether versions that failed are kept from use, and which those are."""
    return GateModel.model_validate(await quality.gate(dataset_id, caller.id))


@router.put("/gate", operation_id="quality_gate_set", summary="Close or open the gate", responses=CHANGE)
async def set_gate(dataset_id: UUID, body: GateBody, caller: CurrentCaller, quality: QualityDep) -> GateModel:
    """Versions judged before are blocked or released at once; the newest usable one becomes current."""
    return GateModel.model_validate(await quality.set_gate(dataset_id, caller.id, enabled=body.enabled))


def _created(rule: StoredRule) -> Response:
    return json_answer(RuleModel.model_validate(rule), 201)


def _run(run: Run) -> Response:
    return json_answer(QualityRun.model_validate(run))
