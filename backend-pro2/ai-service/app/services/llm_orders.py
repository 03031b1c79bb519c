"""What orders of LLM work have in common over HTTP: waiting for the answer, and what a failure is answered with."""

from __future__ import annotations

from uuid import UUID

from shared.errors import APIException, Conflict, Forbidden, Invalid, NotFound, ServiceUnavailable
from shared.tasks import Task, TaskLedger, TaskStatus

# How work that has failed in time is answered; what is not named here is about the order itself.
_PROBLEMS: dict[str, type[APIException]] = {
    **dict.fromkeys(("llm_not_configured", "llm_unavailable", "llm_timeout", "llm_refused"), ServiceUnavailable),
    **dict.fromkeys(("llm_budget_exceeded", "quota_exceeded"), Forbidden),
    **dict.fromkeys(
        ("dataset_not_ready", "version_expired", "version_blocked", "cancelled", "personal_columns"), Conflict
    ),
    "not_found": NotFound,
    **dict.fromkeys(("internal_error", "poison"), APIException),
}


async def awaited(ledger: TaskLedger, task: Task, user_id: UUID, wait: float, called: str) -> tuple[Task, bool]:
    """The task as it stands within `wait` seconds, and whether it has succeeded; it is `called` so in sentences.

    Raises:
        APIException: it has failed within that time; the code is the task's.
    """
    if wait > 0:
        task = await ledger.wait(task.id, user_id, wait)
    if task.is_finished and task.status != TaskStatus.SUCCEEDED:
        raise _problem(task, called)
    return task, task.status == TaskStatus.SUCCEEDED


def _problem(task: Task, called: str) -> APIException:
    if task.status == TaskStatus.CANCELLED:
        return Conflict(f"The {called} was called off.", code="cancelled")
    code, detail = task.error_code or "internal_error", task.error_detail or f"The {called} failed."
    return _PROBLEMS.get(code, Invalid)(detail, code=code)
