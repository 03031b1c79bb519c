"""Read a file as an upload would be read, but so that its columns fit those of a version."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import duckdb

from shared.compute.protocol import ComputeError
from shared.tabular.types import INTEGER, NUMBER, STRING, ColumnSchema, contract_type

from ..diffs.columns import Side, side
from ..readers.source import IngestReport, Read, Source
from .columns import is_empty
from .fit import misfits, mismatch, pair, require_columns

Reader = Callable[[duckdb.DuckDBPyConnection, Source, Path], Read]
# How readers refuse types of columns that the file does not have.
NO_SUCH_COLUMN = frozenset({"column_not_found", "invalid_options"})
READINGS = 3


def read_to_fit(
    connection: duckdb.DuckDBPyConnection, read: Reader, source: Source, target: Path, base: Side
) -> tuple[Read, Side]:
    """Write `source` to `target`: text columns of `base` as the file has them, others by what their values say.

    A column whose values say something that does not fit is read once more as what the base has.

    Raises:
        ComputeError: `schema_mismatch`, or that the file cannot be read.
    """
    texts = {name: STRING for name, kind in base.types.items() if contract_type(kind) == STRING}
    try:
        found, insisted = read(connection, _insisting(source, texts), target), texts
    except ComputeError as error:
        if error.code not in NO_SUCH_COLUMN:
            raise
        found, insisted = read(connection, source, target), {}
    for _ in range(READINGS):
        file = side(connection, str(target))
        more = _unfit(connection, base, file, insisted, found.report)
        if not more:
            break
        insisted = {**insisted, **more}
        found = read(connection, _insisting(source, insisted), target)
    _refuse_rejected(found.report)
    return found, file


def _insisting(source: Source, types: Mapping[str, str]) -> Source:
    return replace(source, options=replace(source.options, types={**source.options.types, **types}))


def _unfit(
    connection: duckdb.DuckDBPyConnection, base: Side, file: Side, insisted: Mapping[str, str], report: IngestReport
) -> dict[str, str]:
    """Types to insist on for columns of the file, by its names, beyond those insisted on already."""
    columns = _schema(file)
    require_columns(_schema(base), columns, unsure=file.types)
    unread = _texts(base, file) | misfits(_schema(base), columns)
    found = {
        name: kind for name, kind in unread.items() if name not in insisted and not _is_empty(connection, file, name)
    }
    rejected = [name for name in report["rejected_cells_by_column"] if insisted.get(name) == INTEGER]
    return {**found, **dict.fromkeys(rejected, NUMBER)}


def _texts(base: Side, file: Side) -> dict[str, str]:
    """Columns of the file that are text in the base and something else here."""
    pairs = pair(list(base.types), list(file.types))
    texts = [other for name, other in pairs.items() if contract_type(base.types[name]) == STRING]
    return {name: STRING for name in texts if contract_type(file.types[name]) != STRING}


def _is_empty(connection: duckdb.DuckDBPyConnection, file: Side, name: str) -> bool:
    return is_empty(connection, file.numbered, f"c{list(file.types).index(name)}")


def _refuse_rejected(report: IngestReport) -> None:
    """Values that became null because they do not fit a type have no place in a dataset that has such values."""
    if not report["rejected_cells"]:
        return
    columns = ", ".join(f"'{name}'" for name in list(report["rejected_cells_by_column"])[:5])
    examples = [f"line {cell['line']} has {cell['text'][:80]!r}" for cell in report["rejected_cell_samples"][:3]]
    said = f", such as {'; '.join(examples)}" if examples else ""
    raise mismatch(f"The file has values that do not fit the column {columns}{said}.")


def _schema(side: Side) -> list[ColumnSchema]:
    return [ColumnSchema(name=name, type=contract_type(kind)) for name, kind in side.types.items()]
