"""What the worker does for descriptions of columns: proposals of the model for columns that it may know of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.errors import NotFound
from shared.tasks import TaskRun

from ..engines.grounding.cleaning import clean
from ..engines.grounding.links import without_targets
from ..repositories.analyses import DESCRIBE
from .facts import Facts
from .insight_prompts import description_messages
from .insight_runs import facts_of, subject_of
from .llm_calls import llm_calls_of
from .llm_context import Context, TableContext
from .llm_replies import entries
from .llm_work import LlmWork

TOKENS = 4096
DESCRIPTION_CHARACTERS = 1000
UNIT_CHARACTERS = 50


async def run_description(run: TaskRun) -> None:
    """Propose descriptions; nothing is written into the dataset.

    Raises:
        TaskFailed: `unreadable_reply`; what LlmCalls.complete raises.
        NotFound, Conflict: the dataset cannot be used any more.
    """
    subject = await subject_of(run)
    table = subject.table
    if table is None:
        raise NotFound
    work = LlmWork(run, llm_calls_of(run.resources), subject.level)
    messages = description_messages(table, Context(subject.level, [table]).as_text())
    await run.progress(0, 2, "Describing")
    replies = await work.reply("describe", messages, TOKENS, lambda text: entries(text, "columns"))
    columns, struck = proposals(replies, table, facts_of(subject))
    if len(columns) < len(table.columns):
        work.warn("columns_left_out", f"{len(columns)} of {len(table.columns)} columns have a proposal.")
    work.warn_of_struck(struck, "the descriptions are no figures of their columns")
    await work.keep(DESCRIBE, {"columns": columns}, [], subject.source())


def proposals(replies: list[Mapping[str, Any]], table: TableContext, facts: Facts) -> tuple[list[dict[str, Any]], int]:
    """One proposal for each column that exists for the LLM, in the table's order, and how many numbers were marked."""
    by_name: dict[str, Mapping[str, Any]] = {}
    for reply in replies:
        if isinstance(name := reply.get("name"), str) and name in table.types:
            by_name.setdefault(name, reply)
    found, struck = [], 0
    for name in table.types:
        if name in by_name:
            held = facts.hold(_text(by_name[name], "description", DESCRIPTION_CHARACTERS), _facts_of(name, facts))
            description = " ".join(held.text.split())[:DESCRIPTION_CHARACTERS]
            unit = without_targets(clean(_text(by_name[name], "unit", UNIT_CHARACTERS))).strip()
            if description or unit:
                found.append({"name": name, "description": description, "unit": unit or None})
                struck += held.struck
    return found, struck


def _facts_of(column: str, facts: Facts) -> list[str]:
    return [name for name, fact in facts.by_id.items() if column in fact.about]


def _text(reply: Mapping[str, Any], member: str, most: int) -> str:
    value = reply.get(member)
    return value[:most] if isinstance(value, str) else ""
