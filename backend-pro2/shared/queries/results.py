"""The rows of a query that runs as a task: kept as a Parquet file, and read from it page by page."""

import re
import resource
import time
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import duckdb

from shared.compute import Report
from shared.queries.query import QueryJob, Table, checked, columns_of, execute_within, lock_up, rows_answer
from shared.queries.template import opened
from shared.tabular.answers import readable
from shared.tabular.duck import engine_memory_mb, file_gone
from shared.tabular.quoting import identifier, literal

MAX_FILE_BYTES = 8 * 1024**3
# Parquet has no such types, or loses digits of them; as text they keep everything.
_AS_TEXT = re.compile(r"HUGEINT|BIGNUM|BIT|INTERVAL|UNION|ENUM|VARIANT|TIME_NS|TIME WITH|GEOMETRY|NULL")


class StoreJob(QueryJob):
    """A query whose rows, `limit` of them at most, go to the file `parquet`; it may spill into `scratch`."""

    parquet: str
    scratch: str


class KeptColumn(TypedDict):
    """A column of a result: the name it has for the client, and DuckDB's type; in the file it has its position."""

    name: str
    kind: str


class PageJob(TypedDict):
    """Rows from `offset` on of the result in `path`."""

    path: str
    schema: list[KeptColumn]
    offset: int
    limit: int
    memory_mb: int
    threads: int


def store(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Check and run one query (job: StoreJob); {"rows", "schema": [KeptColumn], "warnings"}.

    Raises:
        ComputeError: as query.run.
    """
    limit, target = int(job["limit"]), job["parquet"]
    report(0, 0, "Running the query")
    # Spilled files too stay below; what would be larger fails as a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    with checked(job, scratch=job["scratch"], target=target) as connection:
        columns = columns_of(connection, job["sql"])
        kept = ", ".join(_kept(position, kind) for position, (_, kind) in enumerate(columns, start=1))
        form = ("COPY (", f") TO {literal(target)} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)")
        row = execute_within(connection, job["sql"], kept, limit, form).fetchone() or (0,)
    full = {"code": "limit_reached", "message": f"The limit of {limit} rows is reached; there may be more."}
    return {
        "rows": int(row[0]),
        "schema": [KeptColumn(name=name, kind=kind) for name, kind in columns],
        "warnings": [full] if int(row[0]) == limit else [],
    }


def page(job: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """Some rows of a kept result (job: PageJob, answer: query.QueryAnswer).

    Raises:
        ComputeError: `query_too_large`, `file_gone`.
    """
    started = time.perf_counter()
    with opened(memory_mb=engine_memory_mb(int(job["memory_mb"])), threads=int(job["threads"])) as connection:
        try:
            answer = _page(connection, job)
        except duckdb.IOException as error:
            raise file_gone("The result") from error
    report(1, 1, "Done")
    return {**answer, "took_ms": round((time.perf_counter() - started) * 1000, 1)}


def _page(connection: duckdb.DuckDBPyConnection, job: Mapping[str, Any]) -> dict[str, Any]:
    lock_up(connection, [Table(name="result", path=job["path"])])
    first, limit = int(job["offset"]), int(job["limit"])
    columns: Sequence[tuple[str, str]] = [(column["name"], column["kind"]) for column in job["schema"]]
    shown = ", ".join(_restored(position, kind) for position, (_, kind) in enumerate(columns, start=1))
    # By number instead of OFFSET, so that row groups before the page are skipped.
    rows = (
        f"SELECT {shown} FROM read_parquet({literal(job['path'])}, file_row_number = true) "  # noqa: S608 - ours alone
        f"WHERE file_row_number BETWEEN {first} AND {first + limit} ORDER BY file_row_number"
    )
    return rows_answer(columns, connection.execute(rows), limit)


def _kept(position: int, kind: str) -> str:
    column = f"CAST(#{position} AS VARCHAR)" if _AS_TEXT.search(kind) else f"#{position}"
    return f"{column} AS {identifier(str(position))}"


def _restored(position: int, kind: str) -> str:
    column = identifier(str(position))
    return readable(f"CAST({column} AS {kind})" if _AS_TEXT.search(kind) else column, kind)
