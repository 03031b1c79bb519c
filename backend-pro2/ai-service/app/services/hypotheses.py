"""Use cases of the ledger of hypotheses: note what a result tested, warn of many tests, and list them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from shared.database import Session
from shared.resources import Resources
from shared.tasks import Task

from ..repositories import hypotheses, results
from ..repositories.hypotheses import Standing, TestedHypothesis
from ..repositories.results import Result
from .reported_tests import reported_tests

WARNING = "multiple_testing"


class Hypotheses:
    """What a caller, named by `user_id`, may see of what was tested."""

    def __init__(self, resources: Resources) -> None:
        self._database = resources.database

    async def page(
        self, user_id: UUID, dataset_id: UUID | None, *, before: UUID | None, limit: int
    ) -> list[TestedHypothesis]:
        """Hypotheses of datasets of the caller's projects, newest first, older than `before`."""
        async with self._database.transaction(read_only=True) as session:
            return await hypotheses.page(session, user_id, dataset_id, before=before, limit=limit)


async def keep_result(session: Session, task: Task, result: Result) -> list[dict[str, Any]]:
    """Keep the result and, in the same transaction, what it tested; its warnings, the one of many tests among them.

    That warning depends on what was tested before, so no fingerprint of a result holds it.
    """
    warnings = [*result.warnings, *await note_tests(session, task.dataset_id, result)]
    await results.insert(session, replace(result, warnings=warnings))
    return warnings


async def note_tests(session: Session, dataset_id: UUID | None, result: Result) -> list[dict[str, Any]]:
    """Note what a result tested on the dataset; the warning of many tests, if there are many."""
    manifest = result.manifest
    tested = reported_tests(result.type, manifest["params"], manifest["sha256"], result.summary, result.tables)
    if not tested or dataset_id is None:
        return []
    standing = await hypotheses.add(session, dataset_id, manifest["version"], result.task_id, result.type, tested)
    return [{"code": WARNING, "message": _message(standing)}] if standing.total > 1 and standing.own else []


def _message(standing: Standing) -> str:
    p_value, q_value = _shown(standing.p_value), _shown(standing.q_value)
    adjusted = "adjusted for all of them (Benjamini-Hochberg)"
    if standing.own == 1:
        text = f"This is hypothesis {standing.first} of {standing.total} tested on this dataset; {adjusted}, its "
        return f"{text}p-value {p_value} becomes q = {q_value}."
    numbers = f"{standing.own} hypotheses, with numbers from {standing.first} to {standing.last}, of {standing.total}"
    text = f"This result has {numbers} tested on this dataset; {adjusted}, the smallest p-value {p_value} becomes "
    return f"{text}q = {q_value}. See GET /analysis/hypotheses for each."


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"
