"""Doing what a plan says: queries in the sandbox, analyses of the catalogue, both without hidden columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.compute import ComputeFailed
from shared.errors import Invalid
from shared.scratch import scratch
from shared.tabular.names import nearest, shown
from shared.tasks import TaskRun

from ..schemas.llm_policies import Level
from .analysis_runs import FUNCTION
from .ask_plans import Plan
from .ask_results import Executed, ExecutedTable, of_analysis, of_query
from .llm_context import Context, TableContext
from .parameters import check_columns, find_type, read_parameters

QUERIES = "ai-service.app.engines.asking.queries"
CHARTING = "ai-service.app.engines.asking.charting"
VISIBLE = "ai-service.app.engines.asking.visible"
PRELOAD = (QUERIES, CHARTING, VISIBLE)
MOST_ROWS = 1000
ANALYSIS_SECONDS = 300.0
_OURS = frozenset({"internal_error", "disk_full", "corrupt_object"})
_SENTENCES = {
    "timeout": "It took longer than it may. Ask for less at once.",
    "out_of_memory": "It needs more memory than it may use. Take fewer rows or columns, or aggregate first.",
    "answer_too_large": "The result is too large. Aggregate, or limit it.",
    "crashed": "The engine cannot run this. Write it in another way.",
}


class Refused(Exception):
    """What a plan says cannot be done; the model is told `code` and `message`, which hold no values of the data."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


async def execute(run: TaskRun, context: Context, plan: Plan) -> Executed:
    """The results of a plan that has queries or an analysis.

    Raises:
        Refused: it cannot be done. ComputeFailed: for a reason of ours.
    """
    if plan.analysis is not None:
        return await _analysed(run, context, plan.analysis)
    done = Executed(sql=list(plan.sql))
    for number, sql in enumerate(plan.sql, start=1):
        answer = await _computed(run, f"{QUERIES}:run", await _query(run, context, sql))
        table = of_query(f"t{number}", answer, context.names)
        done.tables.append(table)
        done.warnings += _notices(table, answer)
    done.charts = await _charts(run, done.tables)
    return done


async def _query(run: TaskRun, context: Context, sql: str) -> dict[str, Any]:
    settings = run.resources.settings
    return {
        "sql": sql,
        "limit": MOST_ROWS,
        "tables": [await _table(run, table) for table in context.tables if table.columns],
        "memory_mb": settings.query_memory_limit_mb,
        "threads": settings.engine_threads,
        "private": context.level is not Level.ROWS,
        "aggregates": context.level is Level.AGGREGATES,
    }


async def _table(run: TaskRun, table: TableContext) -> dict[str, Any]:
    return {
        "name": table.name,
        "path": str(await run.resources.cache.fetch(table.parquet_key, table.sha256)),
        "hidden": list(table.hidden),
        "low": [name.lower() for name in table.low],
        "temporal": [name.lower() for name in table.temporal],
    }


async def _computed(run: TaskRun, function: str, job: dict[str, Any]) -> dict[str, Any]:
    """A query's answer; tried twice where its child died or a file was dropped, since neither need be its fault."""
    for is_last in (False, True):
        try:
            return await run.resources.compute.run(
                function,
                job,
                timeout_seconds=run.resources.settings.query_timeout_seconds,
                memory_mb=run.resources.settings.query_memory_limit_mb,
            )
        except ComputeFailed as error:
            if error.code in _OURS or (error.code == "file_gone" and is_last):
                raise
            if is_last or error.code not in {"crashed", "file_gone"}:
                raise Refused(error.code, _SENTENCES.get(error.code, error.detail)) from error
    raise AssertionError("unreachable")


def _notices(table: ExecutedTable, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    more = f"The result {table.name} has more rows than the {len(table.rows)} that are kept."
    cut = [{"code": "rows_truncated", "message": more}] if answer["truncated"] else []
    return [*answer["warnings"], *cut]


async def _charts(run: TaskRun, tables: list[ExecutedTable]) -> list[dict[str, Any]]:
    drawable = [{"columns": list(table.columns), "rows": list(table.rows)} for table in tables if len(table.rows) > 1]
    if not drawable:
        return []
    charts: list[dict[str, Any]] = (await run.compute(f"{CHARTING}:draw", {"tables": drawable}))["charts"]
    return charts


async def _analysed(run: TaskRun, context: Context, wanted: Mapping[str, Any]) -> Executed:
    table = _subject(context, wanted)
    params = wanted.get("params") or {}
    try:
        entry = find_type(str(wanted["type"]))
        parameters = read_parameters(entry, params if isinstance(params, Mapping) else {"params": params})
        check_columns(parameters, table.types)
    except Invalid as error:
        raise Refused(error.code, error.detail) from error
    order = {"type": entry.name, "parameters": parameters.model_dump(mode="json"), "seed": 0}
    async with scratch(run.resources.settings.cache_dir) as output:
        answer = await _analysis(run, context, table, order, output)
    done = Executed(charts=answer["charts"], warnings=answer["warnings"])
    done.tables = of_analysis(entry.name, params, answer, table.types)
    done.analysis = {
        **order,
        "answer": answer,
        "dataset_id": table.dataset_id,
        "version": table.version,
        "sha256": table.sha256,
    }
    return done


def _subject(context: Context, wanted: Mapping[str, Any]) -> TableContext:
    name = wanted.get("dataset")
    if name is None and len(context.tables) == 1:
        return context.tables[0]
    found = context.table(str(name)) if name is not None else None
    if found is None:
        known = [table.name for table in context.tables]
        what = (
            f"No table {shown(str(name))}.{nearest(str(name), known)}"
            if name
            else "Name the table in the member dataset."
        )
        raise Refused("unknown_table", what)
    return found


async def _analysis(
    run: TaskRun, context: Context, table: TableContext, order: Mapping[str, Any], output: Path
) -> dict[str, Any]:
    path, sha256 = await run.resources.cache.fetch(table.parquet_key, table.sha256), table.sha256
    limits: dict[str, Any] = {"timeout_seconds": min(ANALYSIS_SECONDS, run.resources.settings.task_timeout_seconds)}
    try:
        if table.hidden:
            target = output / "visible.parquet"
            copying = {"source": str(path), "target": str(target), "hidden": list(table.hidden)}
            path, sha256 = target, (await run.compute(f"{VISIBLE}:copy_visible", copying, **limits))["sha256"]
        data = {"path": str(path), "sha256": sha256, "url": ""}
        job = {
            **order,
            "data": data,
            "output": str(output),
            "threads": run.resources.settings.engine_threads,
            "ray": None,
        }
        return await run.compute(FUNCTION, job, **limits)
    except ComputeFailed as error:
        if error.code in _OURS or error.code == "file_gone":
            raise
        raise Refused(error.code, _sentence(error, context.level)) from error


def _sentence(error: ComputeFailed, level: Level) -> str:
    """What the model is told of an analysis that failed: sentences of engines may repeat values."""
    if error.code in _SENTENCES:
        return _SENTENCES[error.code]
    return error.detail if level is Level.ROWS else "The analysis cannot be made of these columns."
