"""Facts of an analysis: figures of its summary and cells of its tables, named without values of the data."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from ..repositories.results import Result
from ..schemas.llm_policies import Level
from ..schemas.types import ANALYSIS_TYPES
from .ask_results import ROWS_TOLD, ExecutedTable, of_analysis
from .facts import Fact
from .llm_context import TableContext
from .mentions import mentions

CELLS_OF_A_TABLE = 100
# Tables whose columns are called by values of the data.
_BY_VALUES = frozenset({("hypothesis-test", "counts")})
_STATIC = re.compile(r"[a-z][a-z0-9_]{0,60}")


def result_facts(result: Result, table: TableContext, level: Level) -> Iterator[Fact]:
    """Its summary, then its tables; nothing that names a column of personal data.

    Texts are told only if they name a column, or are values that are frequent enough, whatever may leave beside.
    """
    answer = {"summary": result.summary, "tables": result.tables}
    known = known_texts(table)
    tables = of_analysis(result.type, {}, answer, table.types)
    yield from chain.from_iterable(
        islice(_of_table(result.type, each, known, table.hidden, level), CELLS_OF_A_TABLE) for each in tables
    )


def known_texts(table: TableContext) -> frozenset[str]:
    """Names of columns, and values that the policy lets leave."""
    frequent = (value for each in table.statistics.values() for value in each.get("values", ()))
    return frozenset((*table.types, "const", *frequent))


def names_personal(params: Any, hidden: Collection[str]) -> bool:
    """Whether parameters name one of the columns."""
    if isinstance(params, Mapping):
        return any(names_personal(value, hidden) for value in params.values())
    if isinstance(params, list):
        return any(names_personal(value, hidden) for value in params)
    return isinstance(params, str) and mentions(hidden, params)


def told_analysis(result: Result, table: TableContext) -> dict[str, Any]:
    """What the analysis is, with those of its parameters that name columns."""
    entry = ANALYSIS_TYPES[result.type]
    named = {name: _columns(value, table) for name, value in result.manifest.get("params", {}).items()}
    return {"type": entry.name, "does": entry.title, "columns": {name: value for name, value in named.items() if value}}


def _columns(value: Any, table: TableContext) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str) and each in table.types]


def _of_table(
    kind: str, table: ExecutedTable, known: frozenset[str], hidden: Sequence[str], level: Level
) -> Iterator[Fact]:
    by_values = (kind, table.name) in _BY_VALUES
    for number, row in enumerate(table.rows[:ROWS_TOLD]):
        texts = [cell for cell in row if isinstance(cell, str)]
        if table.name != "summary" and mentions(hidden, *texts):
            continue
        labels = [text for text in texts if text in known] if table.name != "summary" else []
        is_told = level is Level.ROWS or (level is Level.AGGREGATES and table.rows_told[number])
        for place, (column, cell) in enumerate(zip(table.names, row, strict=True)):
            if _is_fact(cell, known, is_summary=table.name == "summary") and not mentions(
                hidden, column, cell if isinstance(cell, str) else None
            ):
                called = _called(column, place, known, is_static=not by_values)
                name = _name(table.name, called, labels, number)
                about = [*labels, column] if column in known else labels
                yield Fact(name, cell, called, about[:2], is_told)


def _is_fact(cell: Any, known: frozenset[str], *, is_summary: bool) -> bool:
    # In other tables texts say whose the row is.
    if isinstance(cell, str):
        return is_summary and cell in known
    return isinstance(cell, int | float)


def _called(column: str, place: int, known: frozenset[str], *, is_static: bool) -> str:
    return column if column in known or (is_static and _STATIC.fullmatch(column)) else f"column {place + 1}"


def _name(table: str, column: str, labels: Sequence[str], number: int) -> str:
    if table == "summary":
        return column
    where = f" of {', '.join(labels)}" if labels else f" in row {number}"
    return f"{table}: {column}{where}"
