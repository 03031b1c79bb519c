"""What is said to the model: the same bytes for the same question, data in blocks, as JSON that cannot end them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..schemas.types import ANALYSIS_TYPES
from .conversations import Told
from .llm_context import Context, as_data
from .llm_prompts import DATA_RULE, Message, block, said
from .verified_queries import SimilarQuery

PLAN = f"""You plan how to answer a question about tables. Reply with one JSON object and nothing else, one of these:
{{"sql": "SELECT ..."}} or {{"sql": ["SELECT ...", "..."]}} with up to 3 queries;
{{"analysis": {{"type": "...", "params": {{...}}, "dataset": "table name"}}}} for statistics that SQL cannot do;
{{"clarify": "..."}} to ask back if the question is unclear; {{"refuse": "..."}} if the tables cannot answer it.
Queries are single SELECT statements of DuckDB over the tables given, and over nothing else. Write names of tables
and columns in double quotes. Let the query compute what the answer will say: totals, shares, differences, ranks.
Give computed columns short names; name shares and percentages so. Group and order results, and limit long ones.
Do not select constants.
{DATA_RULE}"""

ANSWER = f"""You answer a question about tables by the results of queries: in plain text or Markdown, in the language
of the question, in at most 120 words, without links and HTML. Write numbers and values as references to cells:
{{{{t1[0].total}}}} is table t1, row 0, column total; {{{{t1[0].total|1}}}} rounds it to 1 digit;
{{{{t1[0].share|1%}}}} shows a share as a percentage. References are filled in for you, also where cells are withheld.
Any other number is removed unless it is a cell, so do not compute, count or estimate. In a sentence about a row name
that row's value in the same sentence.
{DATA_RULE}"""


def plan_messages(
    context: Context,
    question: str,
    earlier: Sequence[Told] = (),
    accepted: Sequence[SimilarQuery] = (),
) -> list[Message]:
    """Asks for a plan; `earlier` are turns of the conversation, `accepted` similar questions with good queries."""
    parts = [block("data", context.as_text()), block("data", as_data({"analyses": _analyses()}))]
    if accepted:
        parts.append(block("data", as_data({"accepted_queries_for_similar_questions": list(accepted)})))
    if earlier:
        parts.append(block("data", as_data({"earlier_in_this_conversation": list(earlier)})))
    parts.append(block("question", as_data(question)))
    return [said("system", PLAN), said("user", "\n".join(parts))]


def answer_messages(question: str, sql: Sequence[str], tables: Sequence[Mapping[str, Any]]) -> list[Message]:
    """Asks for the answer by tables as the policy shows them."""
    results = as_data({"queries": list(sql), "results": list(tables)})
    return [
        said("system", ANSWER),
        said("user", f"{block('data', results)}\n{block('question', as_data(question))}"),
    ]


def _analyses() -> list[dict[str, Any]]:
    return [
        {
            "type": entry.name,
            "does": entry.title,
            "params": list(entry.parameters.model_fields),
            "example": dict(entry.example),
        }
        for entry in ANALYSIS_TYPES.values()
    ]
