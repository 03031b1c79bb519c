"""What the worker does for insights: facts, findings of the model, and of these what the facts bear out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from shared.errors import NotFound
from shared.tasks import TaskFailed, TaskRun

from ..repositories.analyses import INSIGHTS
from .facts import Facts
from .insight_prompts import insight_messages
from .insight_subjects import Subject, task_subject, version_subject
from .llm_calls import llm_calls_of
from .llm_replies import entries
from .llm_work import LlmWork
from .profile_facts import profile_facts
from .result_facts import result_facts, told_analysis

TOKENS = 2048
TITLE_CHARACTERS = 200
TEXT_CHARACTERS = 2000
FACTS_OF_A_FINDING = 20


async def run_insights(run: TaskRun) -> None:
    """Find what is worth knowing.

    Raises:
        TaskFailed: `unreadable_reply`; what LlmCalls.complete raises.
        NotFound, Conflict: dataset or result cannot be used any more.
    """
    subject = await subject_of(run)
    work = LlmWork(run, llm_calls_of(run.resources), subject.level)
    params = run.task.params
    facts = facts_of(subject, params["focus"])
    most = params["max_findings"]
    messages = insight_messages(about(subject), facts, params["focus"], most)
    await run.progress(0, 2, "Looking for findings")
    replies = await work.reply("insights", messages, TOKENS, read_findings)
    found = [each for reply in replies if (each := held(reply, facts)) is not None]
    _warn(work, len(replies), len(found), most)
    work.warn_of_struck(sum(struck for _, struck in found[:most]), "the findings are in none of their facts")
    summary = {"findings": [finding for finding, _ in found[:most]], "focus": params["focus"]}
    await work.keep(INSIGHTS, summary, [facts.as_table()], subject.source())


async def subject_of(run: TaskRun) -> Subject:
    """What the task is about, as its creator may see it now."""
    task, resources = run.task, run.resources
    if task.created_by is None:
        raise NotFound("Whoever ordered this has left.")
    other = None
    if (named := task.params.get("task_id")) is not None:
        other = await resources.ledger.read(UUID(named), task.created_by)
    async with resources.database.transaction(read_only=True) as session:
        if other is not None:
            return await task_subject(session, resources, task.project_id, task.created_by, other)
        if task.dataset_id is None:
            raise TaskFailed("dataset_not_ready", "The task names no dataset.")
        return await version_subject(session, resources, task.project_id, task.dataset_id, task.version)


def facts_of(subject: Subject, focus: str = "") -> Facts:
    """The facts of a result, or of a version."""
    version, table = subject.version, subject.table
    if version is None or table is None:
        return Facts()
    if subject.result is not None:
        found = result_facts(subject.result, table, subject.level)
        return Facts.of(found, [*table.types, *(each["name"] for each in subject.result.tables)])
    return Facts.of(profile_facts(version, table, subject.level, focus), list(table.types))


def about(subject: Subject) -> dict[str, Any]:
    """What the model is told of the dataset beside facts: columns with types and notes, and the analysis."""
    table = subject.table
    told: dict[str, Any] = {}
    if table is not None:
        told["dataset"] = table.described(with_statistics=False, most_columns=100)
    if table is not None and subject.result is not None:
        told["analysis"] = told_analysis(subject.result, table)
    return told


def read_findings(text: str) -> list[Mapping[str, Any]]:
    """The findings in a model's reply.

    Raises:
        UnreadableReply: there is no list of them.
    """
    return [each for each in entries(text, "findings") if isinstance(each.get("text"), str) and each["text"].strip()]


def held(reply: Mapping[str, Any], facts: Facts) -> tuple[dict[str, Any], int] | None:
    """A finding held against the facts that it names, and how many numbers were marked; None: it names none."""
    title, text = _cut(reply.get("title"), TITLE_CHARACTERS), _cut(reply["text"], TEXT_CHARACTERS)
    named = reply.get("facts")
    ids = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    ids = [name for name in dict.fromkeys((*ids, *facts.cited_in(f"{title}\n{text}"))) if name in facts.by_id]
    ids = ids[:FACTS_OF_A_FINDING]
    if not ids:
        return None
    heading, prose = facts.hold(title, ids), facts.hold(text, ids)
    if not prose.text.strip():
        return None
    finding = {
        "title": " ".join(heading.text.split()),
        "text": prose.text.strip(),
        "facts": facts.shown(ids),
        "claims": [*heading.claims, *prose.claims],
    }
    return finding, heading.struck + prose.struck


def _cut(text: Any, most: int) -> str:
    return text[:most] if isinstance(text, str) else ""


def _warn(work: LlmWork, told: int, found: int, most: int) -> None:
    if told > found:
        work.warn("findings_dropped", f"{told - found} of the model's findings rest on no fact and are left out.")
    if found > most:
        work.warn("findings_cut", f"The model gave {found} findings; {most} were asked for.")
    if not told:
        work.warn("no_findings", "The model found nothing that is worth telling.")
