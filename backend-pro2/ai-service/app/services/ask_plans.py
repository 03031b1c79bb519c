"""What a model wants done, read leniently from what it said: JSON anywhere, a fenced query, or a bare one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .llm_replies import MOST_CHARACTERS, objects

MOST_QUERIES = 3
_FENCE = re.compile(r"```(?:sql|duckdb|SQL)\s*\n(.*?)```", re.DOTALL)
_BARE = re.compile(r"\s*(?:select|with|from)\b", re.IGNORECASE)
MEMBERS = ("sql", "analysis", "clarify", "refuse")


class UnreadablePlan(Exception):
    """What was said is no plan; the text says so in a sentence that the model is told."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Queries to run, or an analysis to make, or words instead of either."""

    sql: list[str] = field(default_factory=list)
    analysis: Mapping[str, Any] | None = None
    words: str | None = None
    refuses: bool = False


def read_plan(text: str) -> Plan:
    """The plan in a model's text.

    Raises:
        UnreadablePlan: there is none.
    """
    if not text.strip():
        raise UnreadablePlan("The reply is empty.")
    text = text[:MOST_CHARACTERS]
    for found in objects(text):
        if any(member in found for member in MEMBERS):
            return _of(found)
    if fences := _FENCE.findall(text):
        return _queries([fence for fence in fences if _BARE.match(fence)])
    if _BARE.match(text):
        return _queries([text])
    raise UnreadablePlan("The reply holds no JSON object with one of the members sql, analysis, clarify or refuse.")


def _of(found: Mapping[str, Any]) -> Plan:
    if found.get("sql"):
        wanted = found["sql"]
        return _queries([wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else [])
    analysis = found.get("analysis")
    if isinstance(analysis, Mapping) and isinstance(analysis.get("type"), str):
        return Plan(analysis=analysis)
    for member in ("clarify", "refuse"):
        if isinstance(words := found.get(member), str) and words.strip():
            return Plan(words=words, refuses=member == "refuse")
    raise UnreadablePlan("The members of the JSON object are not of the kinds asked for.")


def _queries(found: list[Any]) -> Plan:
    if not found or not all(isinstance(query, str) and query.strip() for query in found):
        raise UnreadablePlan("The member sql must be a query, or a list of queries, as text.")
    if len(found) > MOST_QUERIES:
        raise UnreadablePlan(f"There are {len(found)} queries; {MOST_QUERIES} may be run for a question.")
    return Plan(sql=[query.strip() for query in found])
