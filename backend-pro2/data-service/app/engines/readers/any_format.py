"""The reader that a file's own content calls for."""

from pathlib import Path

import duckdb

from . import column_types, delimited, json_text, parquet_file
from .containers import Opened, open_source
from .source import Read, Source


def read(connection: duckdb.DuckDBPyConnection, source: Source, target: Path) -> Read:
    """Write `source`, whatever its format and packing, to `target` as Parquet.

    Raises:
        ComputeError: `invalid_options`, and what `containers.open_source` and the readers raise.
    """
    column_types.check_options(connection, source.options)
    opened = open_source(source)
    found = _read(connection, opened, target)
    if opened.packed_as is not None:
        found.report["packed_as"] = opened.packed_as
    return found


def _read(connection: duckdb.DuckDBPyConnection, opened: Opened, target: Path) -> Read:
    kind = opened.source.options.format or opened.found.kind
    match kind:
        case "json" | "jsonl":
            return json_text.read(connection, opened.source, target, kind)
        case "parquet":
            return parquet_file.read(connection, opened.source, target)
        case "xlsx":
            # Imported here, like the next: they need libraries that most files do not.
            from . import workbook

            return workbook.read(connection, opened.source, target)
        case "arff":
            from . import arff

            return arff.read(connection, opened.source, target)
        case _:
            return delimited.read(connection, opened.source, target)
