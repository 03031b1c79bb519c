"""What a check of a version needs, whoever asks for it: the rules, and the files that foreign keys refer to."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.ids import new_id
from shared.resources import Resources

from ..repositories import datasets, quality
from ..repositories.quality import ActiveRule, NewRun
from .local_files import local_paths

MAX_RULES = 200
# Each check keeps the rules as they were.
MAX_RULES_BYTES = 512 * 1024


async def quality_job(resources: Resources, project_id: UUID, dataset_id: UUID) -> dict[str, Any] | None:
    """`rules` and `parents` of engines.quality.checks.QualityJob; None for a dataset without rules."""
    async with resources.database.transaction(read_only=True) as session:
        rules = await quality.active(session, dataset_id, MAX_RULES)
        parents = await quality.parents(session, project_id, _referred(rules))
    if not rules:
        return None
    paths = await local_paths(resources.cache, {str(parent.dataset_id): parent for parent in parents})
    return {"rules": [_rule(rule) for rule in rules], "parents": paths}


async def record(
    session: Session, dataset_id: UUID, version: int, answer: Mapping[str, Any], user_id: UUID | None
) -> NewRun:
    """Keep the outcomes (engines.quality.checks.QualityAnswer), judge the version, and see that the current is good.

    The caller has locked the dataset.
    """
    run = NewRun(new_id(), dataset_id, version, answer["status"], answer["results"], user_id)
    await quality.insert_run(session, run)
    await quality.choose_current(session, dataset_id)
    gate = await quality.gate(session, dataset_id)
    if gate is not None and version in gate.blocked_versions:
        await datasets.mark_failed(session, dataset_id, quality.GATE_CODE, blocked_detail(version, answer["results"]))
    return run


def blocked_detail(version: int, results: Sequence[Mapping[str, Any]]) -> str:
    """Why a version is kept from use, in a sentence or two."""
    broken = [result for result in results if not result["passed"] and result["severity"] == "error"]
    first = broken[0]["message"] if broken else ""
    more = f" {len(broken) - 1} more rules are broken." if len(broken) > 1 else ""
    return f"Version {version} does not pass the quality gate: {first}{more}"


def _rule(rule: ActiveRule) -> dict[str, Any]:
    return {"id": str(rule.id), "rule": rule.rule, "severity": rule.severity}


def _referred(rules: Sequence[ActiveRule]) -> list[UUID]:
    return [UUID(rule.rule["parent_dataset_id"]) for rule in rules if rule.rule["kind"] == "foreign_key"]
