"""Steps over a dataset as a chain of views in DuckDB: written to Parquet, shown for the first rows, or only checked."""

import resource
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import duckdb

from shared.compute import Report
from shared.compute.protocol import ComputeError
from shared.tabular.answers import json_rows
from shared.tabular.duck import connect, engine_memory_mb, memory_told
from shared.tabular.quoting import identifier
from shared.tabular.types import ColumnSchema

from ..ingest import ContentAnswer, describe
from ..operations.base import Step
from ..operations.builder import Builder
from ..operations.registry import parse_steps
from ..operations.relation import Relation
from ..parquet import write_rows
from .errors import blamed, labelled
from .inputs import Sources, columns_of

MAX_COLUMNS = 10_000
CHECKED_ROWS = 10_000
SALT_BYTES = 32
MAX_FILE_BYTES = 32 * 1024**3


class PipelineJob(TypedDict):
    """`inputs` are Parquet files by name: main, and "<dataset_id>" or "<dataset_id>@<version>" of the others.

    `salt` (at most 64 bytes as hexadecimal digits) keys the pseudonyms of `anonymise`, so that they are the same in
    each run; without it they are in one run only. `quality` is what ingest.describe takes as rules.
    """

    steps: list[dict[str, Any]]
    inputs: dict[str, str]
    parquet: str
    scratch: str
    max_columns: int
    memory_mb: int
    threads: int
    salt: NotRequired[str]
    quality: NotRequired[dict[str, Any] | None]


class StepReport(TypedDict):
    """What became of a step: how many columns there are behind it, and the figures that it learned from the data."""

    op: str
    columns: int
    learned: dict[str, Any]


class PipelineAnswer(ContentAnswer):
    """What is kept of the new version, and what the user should know."""

    warnings: list[dict[str, str]]
    steps: list[StepReport]


def run(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Run all steps over whole datasets and write the rows (job: PipelineJob, answer: PipelineAnswer).

    Raises:
        ComputeError: `invalid_step`, `invalid_expression`, `unknown_column`, `too_many_columns`, `conversion_failed`,
        `out_of_range`, `out_of_memory`, `file_gone`; the detail names the step.
    """
    rows, warnings, reports = write(job, report)
    report(60, 100, f"Profiling {rows} rows")
    memory_mb, scratch = engine_memory_mb(int(job["memory_mb"])), Path(job["scratch"])
    # Not the connection of the steps: that one is locked, and may still hold memory.
    limits = {"memory_mb": memory_mb, "threads": int(job["threads"])}
    with connect(**limits, scratch=scratch) as connection, memory_told():
        answer = describe(connection, Path(job["parquet"]), rows, report, job.get("quality"))
    return dict(PipelineAnswer(**answer, warnings=warnings, steps=reports))


def write(job: Mapping[str, Any], report: Report) -> tuple[int, list[dict[str, str]], list[StepReport]]:
    """The first half of `run`: the number of rows written, the warnings, and what became of the steps."""
    steps, scratch = parse_steps(job["steps"]), Path(job["scratch"])
    memory_mb, target = engine_memory_mb(int(job["memory_mb"])), Path(job["parquet"])
    # A join may give any number of rows; whatever becomes larger, spilled files too, fails as a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    with connect(memory_mb=memory_mb, threads=int(job["threads"]), scratch=scratch) as connection:
        builder = _builder(connection, Sources(connection, job["inputs"], target=target), job)
        table, trail, reports = _applied(steps, builder, job, report)
        report(30, 100, "Computing the rows")
        try:
            rows = _written(connection, table, target)
        except duckdb.Error as error:
            raise blamed(connection, error, trail) from error
    if not rows:
        builder.warn("no_rows", "No row is left.")
    return rows, builder.warnings, reports


def preview(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The first `limit` rows that the steps give over the first `sample_rows` rows of the main dataset.

    Answers like query.QueryAnswer. Figures that steps learn, and groups, are those of the sample; a warning says so.

    Raises:
        ComputeError: as `run`.
    """
    started = time.perf_counter()
    steps, limit = parse_steps(job["steps"]), int(job["limit"])
    memory_mb = engine_memory_mb(int(job["memory_mb"]))
    # A sample is small; a second thread would save no time, but need memory for each column.
    with connect(memory_mb=memory_mb, threads=1) as connection:
        sources = Sources(connection, job["inputs"], sample_rows=int(job["sample_rows"]))
        builder = _builder(connection, sources, job)
        table, trail, reports = _applied(steps, builder, job, report)
        try:
            rows, lost = _fetched(connection, table, limit + 1)
        except duckdb.Error as error:
            raise blamed(connection, error, trail) from error
    if sources.sampled:
        builder.warn("sampled", f"Computed over the first {sources.sampled} rows only; the run takes all.")
    if lost:
        builder.warn("not_finite", f"{lost} values were NaN or infinite; they are null here.")
    report(1, 1, "Done")
    return {
        "columns": _schema(table),
        "rows": rows[:limit],
        "row_count": min(len(rows), limit),
        "truncated": len(rows) > limit,
        "took_ms": round((time.perf_counter() - started) * 1000, 1),
        "warnings": builder.warnings,
        "steps": reports,
    }


def check(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The columns that the steps would give: {"columns": [{name, type}], "warnings": [...]}.

    An input is a file, of which a few rows are looked at where a step's columns depend on values, or a list of
    {name, type}; over such a list those steps are refused.

    Raises:
        ComputeError: as `run`.
    """
    steps = parse_steps(job["steps"])
    with connect(memory_mb=engine_memory_mb(int(job["memory_mb"])), threads=int(job["threads"])) as connection:
        sources = Sources(connection, job["inputs"], sample_rows=CHECKED_ROWS)
        builder = _builder(connection, sources, job)
        table, _, _ = _applied(steps, builder, job, report)
    if sources.sampled:
        builder.warn("sampled", f"Columns that depend on values are those of the first {sources.sampled} rows.")
    report(1, 1, "Checked")
    return {"columns": _schema(table), "warnings": builder.warnings}


def _builder(connection: duckdb.DuckDBPyConnection, sources: Sources, job: Mapping[str, Any]) -> Builder:
    salt = bytes.fromhex(job["salt"]) if job.get("salt") else secrets.token_bytes(SALT_BYTES)
    return Builder(connection, sources.load, salt, blind=sources.blind)


def _applied(
    steps: Sequence[Step], builder: Builder, job: Mapping[str, Any], report: Report
) -> tuple[Relation, list[tuple[Step, Relation]], list[StepReport]]:
    """The table behind the last step, each step with the table behind it, and what to tell of them."""
    table = builder.load(builder, "main")
    most = int(job.get("max_columns", MAX_COLUMNS))
    trail: list[tuple[Step, Relation]] = []
    reports: list[StepReport] = []
    for step in steps:
        report(int(30 * step.position / (len(steps) + 1)), 100, step.label)
        builder.learned, known = {}, len(builder.warnings)
        table = _one(step, table, builder, trail, most)
        trail.append((step, table))
        for warning in builder.warnings[known:]:
            warning["message"] = f"{step.label}: {warning['message']}"
        reports.append(StepReport(op=step.op, columns=len(table.columns), learned=builder.learned))
    return table, trail, reports


def _one(step: Step, table: Relation, builder: Builder, trail: Sequence[tuple[Step, Relation]], most: int) -> Relation:
    try:
        result = step.params.apply(table, builder)
    except ComputeError as error:
        raise labelled(step, error) from error
    except duckdb.Error as error:
        # Else it may be an earlier step's: the rows are first looked at where a step learns from them.
        raise blamed(builder.connection, error, [] if builder.naming else trail, step) from error
    if len(result.columns) > most:
        detail = f"There would be {len(result.columns)} columns; {most} are allowed."
        raise labelled(step, ComputeError("too_many_columns", detail))
    return result


def _final(table: Relation) -> str:
    """The rows under the users' names, in order."""
    listed = ", ".join(f"{column.sql} AS {identifier(column.name)}" for column in table.columns)
    order = "" if table.in_order else f" ORDER BY {table.order}"
    return f"SELECT {listed} FROM {table.view}{order}"  # noqa: S608 - quoted identifiers


def _written(connection: duckdb.DuckDBPyConnection, table: Relation, target: Path) -> int:
    return write_rows(connection, _final(table), target, len(table.columns))


def _fetched(connection: duckdb.DuckDBPyConnection, table: Relation, limit: int) -> tuple[list[list[Any]], int]:
    """At most `limit` rows as JSON values, and how many values of them JSON does not have."""
    return json_rows(connection.execute(f"SELECT * FROM ({_final(table)}) LIMIT {limit}"))  # noqa: S608 - quoted


def _schema(table: Relation) -> list[ColumnSchema]:
    return columns_of(table)
