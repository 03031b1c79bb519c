"""Facts of a dataset: its profile, without columns of personal data, by the same rules as questions are told of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from shared.tabular.types import NUMERIC, TEMPORAL

from ..repositories.profiled_versions import ProfiledVersion
from ..schemas.llm_policies import Level
from .facts import Fact
from .llm_context import FEWEST_OF_A_VALUE, QUANTILES, TableContext
from .mentions import mentions

MOST_PAIRS = 15
MOST_WARNINGS = 20
MOST_FREQUENT = 3
_OF_ALL = ("nulls", "distinct")
_OF_TEMPORAL = ("min", "max")
_OF_NUMBERS = ("min", "max", "mean", "std", "skewness", "zeros", "negatives")
_CALLED = {
    "nulls": "missing values",
    "distinct": "different values",
    "min": "smallest value",
    "max": "largest value",
    "std": "standard deviation",
    "p05": "5 % quantile",
    "p25": "lower quartile",
    "p50": "median",
    "p75": "upper quartile",
    "p95": "95 % quantile",
}
_MATRICES = (("correlation", "Pearson correlation"), ("spearman", "rank correlation"), ("cramers_v", "Cramér's V"))


def profile_facts(version: ProfiledVersion, table: TableContext, level: Level, focus: str = "") -> Iterator[Fact]:
    """What the profile says, whole dataset first, columns that `focus` names before others.

    Where values must not leave, which facts there are depends on names and types alone, since that leaves too.
    """
    profile, is_told = version.profile or {}, level is not Level.SCHEMA
    yield Fact("rows", version.row_count, "rows")
    if profile.get("duplicates") is not None:
        yield Fact("rows equal to an earlier one", profile["duplicates"], "duplicates", is_told=is_told)
    if is_told:
        yield from _warnings(profile, table.hidden)
    yield from _pairs(profile.get("correlations") or {}, table, is_told=is_told)
    shown = [column for column in profile.get("columns", ()) if column["name"] in table.types]
    shown.sort(key=lambda column: not mentions([column["name"]], focus))
    yield from chain.from_iterable(_of_column(column, version.row_count, table, is_told) for column in shown)


def _warnings(profile: Mapping[str, Any], hidden: Sequence[str]) -> Iterator[Fact]:
    open_ones = [each for each in profile.get("warnings", ()) if not mentions(hidden, each["message"])]
    for each in open_ones[:MOST_WARNINGS]:
        yield Fact(f"warning {each['code']}", each["message"], "warning")


def _pairs(correlations: Mapping[str, Any], table: TableContext, *, is_told: bool) -> Iterator[Fact]:
    found = [
        Fact(f"{called} of {one} and {other}", value, measure, (one, other), is_told)
        for measure, called in _MATRICES
        for one, other, value in _cells(correlations.get(measure, correlations if measure == "correlation" else {}))
        if one in table.types and other in table.types and (value is not None or not is_told)
    ]
    if is_told:
        found.sort(key=lambda fact: -abs(fact.value))
    yield from found[:MOST_PAIRS]


def _cells(matrix: Mapping[str, Any]) -> Iterator[tuple[str, str, float | None]]:
    names = matrix.get("columns", ())
    for place, row in enumerate(matrix.get("matrix", ())):
        for other in range(place + 1, len(names)):
            yield names[place], names[other], row[other]


def _of_column(column: Mapping[str, Any], rows: int | None, table: TableContext, is_told: bool) -> Iterator[Fact]:
    name, figures = column["name"], dict(column)
    figures["share of missing values"] = column["nulls"] / rows if rows else None
    figures |= column.get("quantiles") or dict.fromkeys(QUANTILES)
    for measure in (*_OF_ALL, "share of missing values", *_measures(column["type"])):
        value = figures.get(measure)
        if value is not None or not is_told:
            called = f"{_CALLED.get(measure, measure)} of {name}"
            yield Fact(called, value, "share" if " " in measure else measure, (name,), is_told)
    if is_told and "values" in table.statistics.get(name, {}):
        yield from _frequent(column)


def _measures(kind: str) -> tuple[str, ...]:
    if kind in NUMERIC:
        return (*_OF_NUMBERS, *QUANTILES)
    return (*_OF_TEMPORAL, *QUANTILES) if kind in TEMPORAL else ()


def _frequent(column: Mapping[str, Any]) -> Iterator[Fact]:
    frequent = [top for top in column["top"] if top["count"] >= FEWEST_OF_A_VALUE]
    for top in frequent[:MOST_FREQUENT]:
        value = str(top["value"])[:80]
        yield Fact(f"rows where {column['name']} is {value!r}", top["count"], "count", (column["name"], value))
