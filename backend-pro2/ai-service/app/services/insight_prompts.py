"""What is said to the model for insights, explanations and descriptions of columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .facts import Facts
from .llm_context import TableContext, as_data
from .llm_prompts import DATA_RULE, Message, block, said

_FACTS_RULE = """Facts have ids such as f1. Write their values as references: {{f1}} is the value of fact f1, {{f1|1}}
rounds it to 1 digit, {{f1|1%}} shows a share as a percentage. References are filled in for you, also where values are
withheld. Any other number is removed unless it is the value of such a fact, so do not compute, count or estimate.
Name the column that a value belongs to in the same sentence. No links, no HTML."""

INSIGHTS = f"""You find what is worth knowing in facts about data. Reply with one JSON object and nothing else:
{{"findings": [{{"title": "...", "text": "...", "facts": ["f1", "f2"]}}]}}
A finding says in at most three sentences what the facts show, and why it matters to who uses the data; `facts` are
the ids of all facts that it rests on. Most important first; fewer are better than weak ones. Say nothing of causes.
{_FACTS_RULE}
{DATA_RULE}"""

EXPLAIN = f"""You explain the result of a statistical analysis to somebody who knows the data but no statistics: what
was done, what came out, how sure it is, and what it does not say. Plain text in at most 200 words.
{_FACTS_RULE}
{DATA_RULE}"""

EXPLAIN_ERROR = f"""You explain to a user why a task of a data platform failed, and what to do next. Plain text in at
most 120 words. Keep to what the error and its documentation say; where details are withheld, say where to look.
{_FACTS_RULE}
{DATA_RULE}"""

DESCRIBE = f"""You propose descriptions of the columns of a table. Reply with one JSON object and nothing else:
{{"columns": [{{"name": "...", "description": "...", "unit": "..."}}]}}
Name columns exactly as given. A description is one short sentence without numbers; a unit only if name or notes show
it, else null. Leave out columns of which you can only guess. No links, no HTML.
{DATA_RULE}"""


def insight_messages(about: Mapping[str, Any], facts: Facts, focus: str, most: int) -> list[Message]:
    """Asks for findings."""
    parts = [block("data", as_data({**about, "facts": facts.told(), "findings_at_most": most}))]
    parts += [block("question", as_data(focus))] if focus else []
    return [said("system", INSIGHTS), said("user", "\n".join(parts))]


def explanation_messages(about: Mapping[str, Any], facts: Facts) -> list[Message]:
    """Asks what a result means."""
    return [said("system", EXPLAIN), said("user", block("data", as_data({**about, "facts": facts.told()})))]


def error_messages(about: Mapping[str, Any]) -> list[Message]:
    """Asks what an error means."""
    return [said("system", EXPLAIN_ERROR), said("user", block("data", as_data(about)))]


def description_messages(table: TableContext, text: str) -> list[Message]:
    """Asks for descriptions of columns; `text` is the table as a policy shows it."""
    wanted = as_data({"describe": [column["name"] for column in table.columns]})
    return [said("system", DESCRIBE), said("user", f"{block('data', text)}\n{block('data', wanted)}")]
