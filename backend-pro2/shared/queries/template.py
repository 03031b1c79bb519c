"""A database that the fork server opens once and children take over: opening one costs more than most queries do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from shared.tabular.duck import SPILL_PER_ENGINE, connect
from shared.tabular.quoting import literal

_MEMORY_MB = 64
# Settings of a session, which one that is opened beside another does not share.
_SESSION = "SET TimeZone = 'UTC'; SET errors_as_json = true; SET enable_progress_bar = false"
_OPENED_IN = os.getpid()
_TEMPLATE = connect(memory_mb=_MEMORY_MB, threads=1)
# A fork copies only the thread that forks, and with it any lock that another one holds.
_TEMPLATE.execute("SET async_threads = 0")
# DuckDB defines its own views when somebody first looks for one, which takes longer than opening it.
_TEMPLATE.execute("SELECT count(*), json_serialize_sql('SELECT 1') FROM duckdb_views()").fetchall()


@contextmanager
def opened(*, memory_mb: int, threads: int, scratch: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database as `duck.connect` makes it: a child's copy of the template, or a new one elsewhere."""
    if os.getpid() == _OPENED_IN:
        with connect(memory_mb=memory_mb, threads=threads, scratch=scratch) as connection:
            yield connection
        return
    # Not the template's own session, whose random numbers are the same in every child.
    with _TEMPLATE.cursor() as connection:
        connection.execute(f"{_SESSION}; SET memory_limit = '{memory_mb}MiB'; SET threads = {threads}")
        if scratch is not None:
            spill = f"SET temp_directory = {literal(scratch)}; SET max_temp_directory_size = '{SPILL_PER_ENGINE}'"
            connection.execute(spill)
        yield connection
