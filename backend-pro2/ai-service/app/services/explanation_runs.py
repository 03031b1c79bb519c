"""What the worker does for an explanation: a result in plain language, or an error by its code and documentation."""

from __future__ import annotations

from typing import Any

from shared.tasks import TaskRun

from ..repositories.analyses import EXPLAIN
from ..schemas.llm_policies import Level
from .error_meanings import meaning_of
from .facts import Facts
from .insight_prompts import error_messages, explanation_messages
from .insight_runs import about, facts_of, subject_of
from .insight_subjects import Subject
from .llm_calls import llm_calls_of
from .llm_replies import UnreadableReply
from .llm_work import LlmWork
from .mentions import mentions

TOKENS = 1024
CHARACTERS = 10_000
DETAIL_CHARACTERS = 500
WITHHELD = "withheld"
# Errors whose sentences are ours to the last word but for counts and names of columns.
_WITHOUT_VALUES = frozenset(
    {
        *("timeout", "out_of_memory", "disk_full", "crashed", "answer_too_large", "poison", "deadline_exceeded"),
        *("llm_not_configured", "llm_unavailable", "llm_timeout", "llm_answer_too_large", "llm_budget_exceeded"),
        *("quota_exceeded", "too_few_rows", "too_few_columns", "too_many_rows", "column_not_found", "not_numeric"),
        *("dataset_not_ready", "version_expired", "version_blocked", "ray_disabled"),
    }
)


async def run_explanation(run: TaskRun) -> None:
    """Explain a result or an error.

    Raises:
        TaskFailed: `unreadable_reply`, the model says nothing; what LlmCalls.complete raises.
        NotFound, Conflict: there is nothing to explain any more.
    """
    subject = await subject_of(run)
    work = LlmWork(run, llm_calls_of(run.resources), subject.level)
    is_error = subject.result is None
    facts = Facts() if is_error else facts_of(subject)
    messages = error_messages(told_error(subject)) if is_error else explanation_messages(about(subject), facts)
    await run.progress(0, 2, "Explaining")
    text = await work.reply("explain", messages, TOKENS, _read)
    found = facts.hold(text[:CHARACTERS], facts.by_id.keys())
    if len(text) > CHARACTERS:
        work.warn("answer_cut", "The model's answer was longer than it may be; the rest is left out.")
    work.warn_of_struck(found.struck, "the explanation cannot be found in what it is about")
    summary = {"explanation": found.text.strip(), "facts": facts.shown(found.used), "claims": found.claims}
    await work.keep(EXPLAIN, summary, [facts.as_table()] if facts.by_id else [], subject.source())


def told_error(subject: Subject) -> dict[str, Any]:
    """What the model is told of a failed task: no sentence that may hold values of data, unless rows may leave."""
    task = subject.task
    if task is None or task.error_code is None:
        return {}
    error = {
        "code": task.error_code,
        "meaning": meaning_of(task.error_code),
        "detail": _detail(subject, task.error_code, task.error_detail or ""),
    }
    kind = {"kind": task.kind} | ({"type": task.params["type"]} if task.kind == "analysis" else {})
    return {"task": kind, "error": error}


def _detail(subject: Subject, code: str, detail: str) -> str:
    table = subject.table
    # Without a profile nobody knows which columns are personal.
    is_known = table is not None and subject.version is not None and subject.version.profile is not None
    may_leave = code in _WITHOUT_VALUES or (subject.level is Level.ROWS and is_known)
    if not may_leave or mentions(table.hidden if table else (), detail):
        return WITHHELD
    return detail[:DETAIL_CHARACTERS]


def _read(text: str) -> str:
    if not text.strip():
        raise UnreadableReply("The reply is empty.")
    return text
