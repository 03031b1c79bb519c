"""Facts of an analysis: figures of its summary and cells of its tables, named without values of the data."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from ..repositories.results import Result
from ..schemas.llm_policies import Level
from ..schemas.types import ANALYSIS_TYPES
from .ask_results import AGGREGATING, ROWS_TOLD, ExecutedTable, of_analysis
from .facts import Fact
from .llm_context import TableContext
from .mentions import mentions

CELLS_OF_A_TABLE = 100
DEEPEST = 3
# Tables whose columns are called by values of the data.
_BY_VALUES = frozenset({("hypothesis-test", "counts")})
# Members of a summary's parts that are ours; others may be values of the data.
_PARTS = frozenset(
    {
        *(
            "n",
            "df",
            "p_value",
            "statistic",
            "estimate",
            "coefficient",
            "value",
            "effect",
            "level",
            "r",
            "rho",
            "method",
        ),
        *("ci_low", "ci_high", "low", "high", "mean", "median", "std", "variance", "min", "max", "share", "count"),
        *("column", "column1", "column2", "first", "second", "name", "rows", "train", "test", "method"),
    }
)
_STATIC = re.compile(r"[a-z][a-z0-9_]{0,60}")


def result_facts(result: Result, table: TableContext, level: Level) -> Iterator[Fact]:
    """Its summary, then its tables; nothing that names a column of personal data.

    Texts are told only if they name a column, or are values that are frequent enough, whatever may leave beside.
    """
    known = known_texts(table)
    is_told = level is Level.ROWS or (level is Level.AGGREGATES and result.type in AGGREGATING)
    for name, measure, about, value in _figures(result.summary, known, table.hidden):
        yield Fact(name, value, measure, about, is_told)
    tables = of_analysis(result.type, {}, {"summary": {}, "tables": result.tables}, table.types)
    yield from chain.from_iterable(
        islice(_of_table(result.type, each, known, table.hidden, is_told=is_told), CELLS_OF_A_TABLE) for each in tables
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


def _figures(
    summary: Mapping[str, Any], known: frozenset[str], hidden: Sequence[str], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, str, list[str], Any]]:
    """Name, measure, columns and value of each figure; of parts that name a hidden column, none."""
    if any(isinstance(value, str) and _is_hidden(value, known, hidden) for value in summary.values()):
        summary = {} if path else {name: value for name, value in summary.items() if not isinstance(value, str)}
    for place, (key, value) in enumerate(summary.items()):
        if _is_hidden(key, known, hidden):
            continue
        called = key if not path or key in known or key in _PARTS else f"value {place + 1}"
        if isinstance(value, Mapping) and len(path) < DEEPEST:
            yield from _figures(value, known, hidden, (*path, called))
        elif _is_number(value) or (isinstance(value, str) and value in known):
            whole = (*path, called)
            yield " ".join(whole), called, [name for name in whole if name in known][:2], value


def _of_table(
    kind: str, table: ExecutedTable, known: frozenset[str], hidden: Sequence[str], *, is_told: bool
) -> Iterator[Fact]:
    is_static = (kind, table.name) not in _BY_VALUES
    shown = [place for place, column in enumerate(table.names) if not _is_hidden(column, known, hidden)]
    for number, row in enumerate(table.rows[:ROWS_TOLD]):
        texts = [cell for cell in row if isinstance(cell, str)]
        if any(_is_hidden(text, known, hidden) for text in texts):
            continue
        labels = [text for text in texts if text in known]
        for place in shown:
            column, cell = table.names[place], row[place]
            if _is_number(cell):
                called = _called(column, place, known, is_static=is_static)
                about = [*labels, column] if column in known else labels
                yield Fact(_name(table.name, called, labels, number), cell, called, about[:2], is_told)


def _is_hidden(text: str, known: frozenset[str], hidden: Sequence[str]) -> bool:
    """Whether a text of a result may be made of a hidden column's name, as terms and members of summaries are."""
    if text in known:
        return False
    folded = text.casefold()
    return mentions(hidden, text) or any(len(name) > 2 and name.casefold() in folded for name in hidden)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _called(column: str, place: int, known: frozenset[str], *, is_static: bool) -> str:
    return column if column in known or (is_static and _STATIC.fullmatch(column)) else f"column {place + 1}"


def _name(table: str, column: str, labels: Sequence[str], number: int) -> str:
    where = f" of {', '.join(labels)}" if labels else f" in row {number}"
    return f"{table}: {column}{where}"
