"""The values of differing rows, as JSON that loses nothing."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypedDict

import duckdb

from shared.compute.protocol import ComputeError
from shared.tabular.answers import readable
from shared.tabular.quoting import literal
from shared.tabular.values import json_value

from .columns import Columns, Side
from .index import KINDS

MAX_PAGE_BYTES = 32 * 1024 * 1024
SAMPLE_TEXT = 500
_ROWS_AT_ONCE = 16


class DifferingRow(TypedDict):
    """A row that was removed (`after` is None), changed, or added (`before` is None), by column name."""

    kind: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def page(
    connection: duckdb.DuckDBPyConnection, columns: Columns, index: Path, *, kind: str | None, offset: int, limit: int
) -> list[DifferingRow]:
    """`limit` differing rows of `kind`, or of all kinds, behind the first `offset`.

    Raises:
        ComputeError: `query_too_large`.
    """
    condition = f"WHERE kind = {KINDS.index(kind)}" if kind else ""
    found = connection.execute(
        f"SELECT kind, before, after FROM read_parquet({literal(index)}) {condition} "  # noqa: S608 - a quoted literal
        f"LIMIT {limit} OFFSET {offset}"
    ).fetchall()
    before = _rows(connection, columns.before, (old for _, old, _ in found))
    after = _rows(connection, columns.after, (new for _, _, new in found))
    return [
        DifferingRow(kind=KINDS[position], before=before.get(old), after=after.get(new)) for position, old, new in found
    ]


def shortened(row: DifferingRow) -> DifferingRow:
    """The row with long texts cut, to be looked at."""
    return DifferingRow(kind=row["kind"], before=_cut(row["before"]), after=_cut(row["after"]))


def exact_value(value: object) -> Any:
    """As values.json_value, but NaN and infinities are the texts NaN, Infinity and -Infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    if isinstance(value, list | tuple):
        return [exact_value(item) for item in value]
    if isinstance(value, dict):
        return {str(json_value(key)): exact_value(item) for key, item in value.items()}
    return json_value(value)


def _rows(
    connection: duckdb.DuckDBPyConnection, side: Side, numbers: Iterable[int | None]
) -> dict[int | None, dict[str, Any]]:
    wanted = ", ".join(str(number) for number in numbers if number is not None)
    if not wanted:
        return {}
    selected = ", ".join(readable(f"c{index}", kind) for index, kind in enumerate(side.types.values()))
    connection.execute(f"SELECT n, {selected} FROM {side.numbered} WHERE n IN ({wanted})")  # noqa: S608 - numbers
    names, found, size = list(side.types), {}, 0
    while batch := connection.fetchmany(_ROWS_AT_ONCE):
        for number, *values in batch:
            size += sum(len(value) if isinstance(value, str | bytes) else 16 for value in values)
            found[number] = dict(zip(names, map(exact_value, values), strict=True))
        if size > MAX_PAGE_BYTES:
            raise ComputeError("query_too_large", "These rows are larger than 32 MiB. Lower the limit.")
    return found


def _cut(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else {name: _shown(value) for name, value in values.items()}


def _shown(value: Any) -> Any:
    if not isinstance(value, str | list | dict):
        return value
    text = value if isinstance(value, str) else str(value)
    return value if len(text) <= SAMPLE_TEXT else f"{text[:SAMPLE_TEXT]}…"
