"""What was executed for a question: what of it the model may see, and what the answer's numbers are held against."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..engines.grounding import GroundTable
from ..schemas.llm_policies import Level
from .llm_context import as_data

ROWS_TOLD = 50
CELL_CHARACTERS = 200
CHARACTERS_TOLD = 20_000
WITHHELD = "withheld"
# Analyses whose results say nothing of single rows.
AGGREGATING = frozenset({"correlation", "hypothesis-test", "anova", "regression", "stratified", "power", "ab-test"})


@dataclass(frozen=True, slots=True)
class ExecutedTable:
    """A result by the name that the answer refers to it by.

    `rows_told` and `columns_told` say which cells are aggregates; `known_texts` are texts that may be told anyway.
    """

    name: str
    columns: Sequence[Mapping[str, str]]
    rows: Sequence[Sequence[Any]]
    literals: Sequence[str] = ()
    plain: Sequence[bool] = ()
    constant: Sequence[bool] = ()
    rows_told: Sequence[bool] = ()
    columns_told: Sequence[bool] = ()
    known_texts: frozenset[str] | None = None
    given_names: Sequence[str] = ()

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [column["name"] for column in self.columns]

    def as_result(self) -> dict[str, Any]:
        """The table as results hold it."""
        return {"name": self.name, "columns": self.names, "rows": [list(row) for row in self.rows]}

    def as_evidence(self) -> GroundTable:
        """The table as the answer is held against it."""
        return GroundTable(
            name=self.name,
            columns=self.names,
            rows=self.rows,
            literals=self.literals,
            plain=self.plain,
            constant=self.constant,
            names=self.given_names,
        )

    def told(self, level: Level) -> dict[str, Any]:
        """As much of the table as the policy lets leave."""
        shape = {"table": self.name, "columns": list(self.columns), "rows": len(self.rows)}
        if level is Level.ROWS:
            return shape | {"cells": _within_bounds([[_cut(cell) for cell in row] for row in self.rows[:ROWS_TOLD]])}
        if level is Level.SCHEMA or not any(self.rows_told):
            return shape | {"cells": WITHHELD}
        return shape | {"cells": _within_bounds([self._row_told(place) for place in range(len(self.rows))[:ROWS_TOLD]])}

    def _row_told(self, place: int) -> list[Any]:
        row, is_told = self.rows[place], self.rows_told[place]
        return [_cut(cell) if is_told and self._may_tell(cell, column) else WITHHELD for column, cell in enumerate(row)]

    def _may_tell(self, cell: Any, column: int) -> bool:
        if self.known_texts is not None and isinstance(cell, str):
            return cell in self.known_texts
        return self.columns_told[column]


@dataclass(slots=True)
class Executed:
    """All that was executed for a question. `analysis` is the analysis's own result, for the ledger of hypotheses."""

    sql: list[str] = field(default_factory=list)
    tables: list[ExecutedTable] = field(default_factory=list)
    charts: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    analysis: dict[str, Any] | None = None


def of_query(name: str, answer: Mapping[str, Any], names: Collection[str]) -> ExecutedTable:
    """The table of a query (engines.asking.queries.AskedAnswer) over datasets with these `names` of columns."""
    members = ("columns", "rows", "literals", "plain", "constant", "rows_told", "columns_told")
    return ExecutedTable(name, **{member: answer[member] for member in members}, given_names=sorted(names))


def of_analysis(
    kind: str, params: Mapping[str, Any], answer: Mapping[str, Any], names: Collection[str]
) -> list[ExecutedTable]:
    """The tables of an analysis, and one row `summary` of the figures in its summary; `names` are its columns."""
    figures = dict(_figures(answer["summary"]))
    summary = {"name": "summary", "columns": list(figures), "rows": [list(figures.values())]}
    literals = [str(value) for value in _scalars(params) if not isinstance(value, bool)]
    known = frozenset({*names, "const"})
    return [
        ExecutedTable(
            re.sub(r"\W", "_", table["name"]) or "table",
            [{"name": column, "type": _type(table["rows"], place)} for place, column in enumerate(table["columns"])],
            table["rows"],
            literals=literals,
            rows_told=[kind in AGGREGATING] * len(table["rows"]),
            columns_told=[True] * len(table["columns"]),
            known_texts=known,
            given_names=[*names, *table["columns"]],
        )
        for table in (summary, *answer["tables"])
        if table["columns"]
    ]


def _figures(summary: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in summary.items():
        if isinstance(value, Mapping):
            yield from _figures(value, f"{before}{name}_")
        elif isinstance(value, str | int | float | None):
            yield f"{before}{name}", value


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _scalars(each)
    elif value is not None:
        yield value


def _type(rows: Sequence[Sequence[Any]], place: int) -> str:
    cells = [row[place] for row in rows if row[place] is not None]
    if cells and all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells):
        return "number"
    return "boolean" if cells and all(isinstance(cell, bool) for cell in cells) else "string"


def _cut(cell: Any) -> Any:
    return cell if not isinstance(cell, str | list | dict) else str(cell)[:CELL_CHARACTERS]


def _within_bounds(rows: list[list[Any]]) -> list[list[Any]]:
    """As many rows as fit into a prompt."""
    size = 0
    for place, row in enumerate(rows):
        size += len(as_data(row))
        if size > CHARACTERS_TOLD:
            return rows[:place]
    return rows
