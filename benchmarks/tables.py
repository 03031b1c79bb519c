"""The tabular engine: CSV to Parquet to profile beside pandas and bare DuckDB; memory of its work as rows grow."""

import argparse
import shutil
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .harness.engine_run import PYTHON, Figures, run_engine, run_json
from .harness.errors import run_main
from .harness.paths import scratch
from .harness.report import PUBLISH, PUBLISH_HELP, Check, finish, median_ratio, table
from .harness.table_file import csv_of

ROWS, ROUNDS, THREADS = 10_000_000, 3, 2
MEGABYTE = 10**6
ENGINES = "data-service.app.engines"
LIMITS = {"memory_mb": 2048, "threads": THREADS}
QUERY = {
    "sql": "SELECT country, category, count(*) AS n, avg(price) AS mean FROM orders GROUP BY ALL ORDER BY n DESC",
    "limit": 1000,
}
STEPS: list[dict[str, Any]] = [
    {"op": "filter", "where": "price > 5 and country is not null"},
    {"op": "derive", "name": "revenue", "expression": "price * quantity"},
    {"op": "fill_missing", "columns": ["margin"], "method": "median"},
    {"op": "date_parts", "column": "ordered_on", "parts": ["year", "month"]},
    {"op": "sort", "by": [{"column": "revenue", "descending": True}]},
]


def ingest(rows: int) -> Figures:
    """Our ingest of the file with so many rows, as the worker's child runs it."""
    folder = fresh(f"ingest_{rows}")
    source = csv_of(rows)
    job = {"source": str(source), "filename": source.name, "parquet": str(parquet_of(rows)), "scratch": str(folder)}
    bounds = {"options": {}, "max_columns": 10_000, "max_unpacked_bytes": 2**40}
    return run_engine(f"{ENGINES}.ingest:ingest", {**job, **bounds, **LIMITS})


def query(rows: int) -> Figures:
    """A grouping over what the ingest made."""
    tables = [{"name": "orders", "path": str(parquet_of(rows))}]
    return run_engine("shared.queries.query:run", {**QUERY, "tables": tables, **LIMITS, "memory_mb": 1024})


def pipeline(rows: int) -> Figures:
    """Five steps over what the ingest made, the result profiled; the last step sorts all rows."""
    folder = fresh(f"pipeline_{rows}")
    job: dict[str, Any] = {
        "steps": STEPS,
        "inputs": {"main": str(parquet_of(rows))},
        "parquet": str(folder / "out.parquet"),
    }
    job |= {"scratch": str(folder), "max_columns": 10_000}
    return run_engine(f"{ENGINES}.pipelines.pipeline:run", {**job, **LIMITS})


def with_pandas(rows: int) -> dict[str, float]:
    """The baseline in pandas."""
    return run_json([sys.executable, "-m", "benchmarks.baselines.pandas_profile", str(csv_of(rows))])


def with_bare_engine(rows: int) -> dict[str, float]:
    """The baseline in DuckDB."""
    target = fresh("bare") / "bare.parquet"
    command = [str(PYTHON), "-m", "benchmarks.baselines.bare_engine", str(csv_of(rows)), str(target), str(THREADS)]
    return run_json(command)


def fresh(name: str) -> Path:
    """An empty directory below the scratch directory."""
    folder = scratch(name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def parquet_of(rows: int) -> Path:
    """What our ingest makes of the file."""
    return scratch(f"orders_{rows}.parquet")


def race(rows: int, rounds: int) -> tuple[str, list[Check]]:
    """All three on one file, round after round."""
    seconds: dict[str, list[float]] = defaultdict(list)
    peaks: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name, taken, peak in _round(rows):
            seconds[name].append(taken)
            peaks[name].append(peak)
    faster, beside = (median_ratio(seconds[name], seconds["ours"]) for name in ("pandas", "bare engine"))
    smaller = median_ratio(peaks["ours"], peaks["pandas"])
    lines = [
        (name, f"{statistics.median(taken):.1f}", f"{median_ratio(seconds['ours'], taken):.2f}", _mb(max(peaks[name])))
        for name, taken in seconds.items()
    ]
    checks = [
        Check("at least 3.5 times as fast as pandas (stretch 6)", f"{faster:.2f}", faster >= 3.5),
        Check("at most a tenth of its memory (stretch 0.05)", f"{smaller:.3f}", smaller <= 0.1),
        Check("within 1.3 of the bare engine", f"{1 / beside:.2f}", 1 / beside <= 1.3),
    ]
    return table(("CSV to Parquet to profile", "seconds, median", "ours / this", "peak MB"), lines), checks


def _round(rows: int) -> Iterator[tuple[str, float, float]]:
    ours = ingest(rows)
    yield "ours", ours.seconds, ours.peak_bytes
    pandas = with_pandas(rows)
    yield "pandas", pandas["read_seconds"] + pandas["profile_seconds"], pandas["peak_bytes"]
    bare = with_bare_engine(rows)
    yield "bare engine", bare["convert_seconds"] + bare["profile_seconds"], bare["peak_bytes"]


def growth(sizes: list[int]) -> tuple[str, list[Check]]:
    """Peak memory of each kind of work by the number of rows."""
    kinds = {"ingest and profile": ingest, "query": query, "pipeline of five steps": pipeline}
    found = {name: [run(rows) for rows in sizes] for name, run in kinds.items()}
    head = ("peak MB (seconds)", *(f"{csv_of(rows).stat().st_size / 10**9:.1f} GB" for rows in sizes))
    lines = [
        (name, *(f"{_mb(one.peak_bytes)} ({one.seconds:.1f})" for one in figures)) for name, figures in found.items()
    ]
    ratios = {name: figures[-1].peak_bytes / figures[-2].peak_bytes for name, figures in found.items()}
    checks = [
        Check(f"{name}: {sizes[-1] / sizes[-2]:g} times the rows in 1.3 times the memory", f"{ratio:.2f}", ratio <= 1.3)
        for name, ratio in ratios.items()
    ]
    return table(head, lines), checks


def _mb(size: float) -> str:
    return f"{size / MEGABYTE:.0f}"


def main() -> int:
    """Race, then grow."""
    parser = argparse.ArgumentParser(prog="tables.sh", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows of the raced file (default {ROWS})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds of the race (default {ROUNDS})")
    parser.add_argument(PUBLISH, action="store_true", help=PUBLISH_HELP)
    options = parser.parse_args()
    sizes = [options.rows // 10, options.rows, options.rows * 4]
    for rows in sizes:
        csv_of(rows)
    raced, fast = race(options.rows, options.rounds)
    grown, flat = growth(sizes)
    csv_of(sizes[-1]).unlink()
    return finish("tables.sh", [raced, grown], [*fast, *flat], publish=options.publish)


if __name__ == "__main__":
    run_main(main)
