"""A model's query, run like a user's: the same checks, the same sandbox; and what may be said of its result."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import duckdb
import orjson

from shared.compute import ComputeError, Report
from shared.queries.query import QueryJob, Table, checked, columns_of, execute_within, rows_answer
from shared.tabular.answers import readable
from shared.tabular.types import NUMERIC, TEMPORAL

from .aggregates import FEWEST_ROWS, counted
from .trees import constant_columns, literals, plain_columns, reads_data, sql_of, tree_of

MAX_BYTES = 1024 * 1024
NO_DATA = "The query reads none of the datasets, so its result would prove nothing. Select from a dataset."


class AskedTable(Table):
    """A dataset; `low` and `temporal` are columns of few values and of dates, in small letters."""

    low: Sequence[str]
    temporal: Sequence[str]


class AskedJob(QueryJob):
    """A model's query. With `aggregates` it is found out which cells are no single rows."""

    aggregates: NotRequired[bool]


class AskedAnswer(TypedDict):
    """The rows of a query.

    `literals`, `plain` and `constant` tell which cells come out of the data; `rows_told` and `columns_told` which are
    aggregates that may be told where single rows may not.
    """

    columns: list[dict[str, str]]
    rows: list[list[Any]]
    truncated: bool
    warnings: list[dict[str, str]]
    literals: list[str]
    plain: list[bool]
    constant: list[bool]
    rows_told: list[bool]
    columns_told: list[bool]
    took_ms: float


def run(job: Mapping[str, Any], report: Report) -> AskedAnswer:
    """Check and run one query (job: AskedJob).

    Raises:
        ComputeError: as shared.queries.query.run; `no_data`.
    """
    started = time.perf_counter()
    with checked(job) as connection:
        tree = tree_of(connection, job["sql"])
        if not reads_data(tree):
            raise ComputeError("no_data", NO_DATA)
        columns = columns_of(connection, job["sql"])
        rows, counts = _rows(connection, job, tree, columns)
    kept = _bounded(rows["rows"])
    report(1, 1, "Done")
    return AskedAnswer(
        columns=rows["columns"],
        rows=kept,
        truncated=rows["truncated"] or len(kept) < len(rows["rows"]),
        warnings=rows["warnings"],
        literals=literals(tree),
        plain=plain_columns(tree, len(columns)),
        constant=constant_columns(tree, len(columns)),
        rows_told=[count >= FEWEST_ROWS for count in counts[: len(kept)]],
        columns_told=_told(rows["columns"], tree, job["tables"]) if counts else [False] * len(columns),
        took_ms=round((time.perf_counter() - started) * 1000, 1),
    )


def _rows(
    connection: duckdb.DuckDBPyConnection,
    job: Mapping[str, Any],
    tree: Mapping[str, Any],
    columns: Sequence[tuple[str, str]],
) -> tuple[dict[str, Any], list[int]]:
    """The answer, and how many rows each of its rows stands for, if it is an aggregate that says so."""
    limit = int(job["limit"])
    shown = ", ".join(readable(f"#{place}", kind) for place, (_, kind) in enumerate(columns, start=1))
    with_counts = (
        counted(tree, {table["name"].lower(): table for table in job["tables"]}) if job.get("aggregates") else None
    )
    if with_counts is not None:
        sql = sql_of(connection, with_counts)
        result = execute_within(connection, sql, f"{shown}, #{len(columns) + 1}", limit + 1)
        answer = rows_answer([*columns, ("count", "BIGINT")], result, limit)
        counts = [int(row.pop()) for row in answer["rows"]]
        answer["columns"].pop()
        return answer, counts
    return rows_answer(columns, execute_within(connection, job["sql"], shown, limit + 1), limit), []


def _told(
    columns: Sequence[Mapping[str, str]], tree: Mapping[str, Any], tables: Sequence[Mapping[str, Any]]
) -> list[bool]:
    """Texts are told only where they are groups: the least and the greatest text are somebody's."""
    low = {name for table in tables for name in table["low"]}
    items = tree["statements"][0]["node"]["select_list"]
    groups = [_is_text_group(item, low) for item in items]
    return [column["type"] in NUMERIC | TEMPORAL or group for column, group in zip(columns, groups, strict=True)]


def _is_text_group(item: Mapping[str, Any], low: set[str]) -> bool:
    if item.get("class") == "COLUMN_REF":
        return str(item["column_names"][-1]).lower() in low
    return item.get("function_name") in {"strftime", "dayname", "monthname"}


def _bounded(rows: list[list[Any]]) -> list[list[Any]]:
    """As many rows as a result may hold."""
    size = 0
    for number, row in enumerate(rows):
        size += len(orjson.dumps(row))
        if size > MAX_BYTES:
            return rows[:number]
    return rows
