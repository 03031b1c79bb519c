"""The last step of readers whose values have types of their own: staged values become Parquet as it is kept.

Texts that are all ISO dates become dates; types, null values and formats that the uploader insists on are applied,
and what does not fit them is counted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb

from shared.compute.protocol import ComputeError
from shared.tabular.names import nearest, shown
from shared.tabular.quoting import identifier, literal
from shared.tabular.types import BOOLEAN, DATE, DATETIME, INTEGER, JSON, NUMBER, NUMERIC, STRING, contract_type

from ..parquet import write_rows
from .source import Conversion, IngestReport, ReadOptions, RejectedCell

AT_ONCE = 100
SAMPLE_ROWS = 2048
CELL_SAMPLES = 20
_DAY = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME = r"[T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?"
_OFFSET = r" ?(Z|[+-]\d{2}(:?\d{2})?)"


def matches(pattern: str, text: str) -> str:
    """SQL that tests whether all of `text` matches `pattern`."""
    return f"regexp_full_match({text}, {literal(pattern)})"


@dataclass(frozen=True, slots=True)
class _Form:
    """A way of writing dates: SQL that tests a text, SQL that reads it, and its name."""

    what: str
    fits: Callable[[str], str]
    read: Callable[[str], str]


_ISO = (
    _Form("dates", partial(matches, _DAY), lambda text: f"TRY_CAST({text} AS DATE)"),
    _Form("moments", partial(matches, _DAY + _TIME), lambda text: f"TRY_CAST({text} AS TIMESTAMP)"),
    _Form(
        "moments in UTC",
        partial(matches, _DAY + _TIME + _OFFSET),
        lambda text: f"TRY_CAST({text} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'",
    ),
)


@dataclass(frozen=True, slots=True)
class StagedColumn:
    """A column of a staged relation: its name there and in the dataset, and its DuckDB type.

    `becomes` is a contract type that all its values are known to fit; with `dates`, texts may turn out to be dates.
    """

    staged: str
    name: str
    type: str
    becomes: str | None = None
    dates: bool = False


@dataclass(frozen=True, slots=True)
class Staged:
    """SQL of a relation whose rows come in the order of the file; its first row is at line `first_line`."""

    relation: str
    columns: Sequence[StagedColumn]
    first_line: int = 1


def write(
    connection: duckdb.DuckDBPyConnection, staged: Staged, options: ReadOptions, target: Path, report: IngestReport
) -> int:
    """Write `staged` to `target`, note in `report` what was done to values; the number of rows.

    Raises:
        ComputeError: `column_not_found`, for a type of a column that is not there.
    """
    _require_columns(options.types, [column.name for column in staged.columns])
    plain = {column.name: _plain(column, options) for column in staged.columns}
    wanted = {
        c.name: _cast(plain[c.name], options.types[c.name], options) for c in staged.columns if c.name in options.types
    }
    found = _detect_dates(connection, staged, plain, options, report)
    for column in staged.columns:
        if column.becomes and column.name not in wanted:
            found[column.name] = _cast(plain[column.name], column.becomes, options)
    _count_rejected(connection, staged, plain, wanted, report)
    expressions = {**plain, **found, **wanted}
    listed = ", ".join(f"{expressions[column.name]} AS {identifier(column.name)}" for column in staged.columns)
    return write_rows(connection, f"SELECT {listed} FROM {staged.relation}", target, len(staged.columns))  # noqa: S608


def batches(items: Sequence[StagedColumn]) -> Iterator[Sequence[StagedColumn]]:
    """A few columns at a time, so that a query over a wide table stays small."""
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]


def _require_columns(types: Mapping[str, str], names: Sequence[str]) -> None:
    for name in types:
        if name not in names:
            detail = f"The file has no column {shown(name)}, for which a type is given.{nearest(name, names)}"
            raise ComputeError("column_not_found", detail)


def _plain(column: StagedColumn, options: ReadOptions) -> str:
    """SQL of the value, null where it is one of the texts that mean a missing value."""
    value = identifier(column.staged)
    markers = list(options.null_values or ())
    if contract_type(column.type) in NUMERIC:
        compared, markers = value, [marker for marker in markers if _is_number(marker)]
        listed = ", ".join(f"CAST({literal(marker.strip())} AS {column.type})" for marker in markers)
    else:
        compared, listed = f"CAST({value} AS VARCHAR)", ", ".join(map(literal, markers))
    return f"CASE WHEN {compared} IN ({listed}) THEN NULL ELSE {value} END" if markers else value


def _is_number(text: str) -> bool:
    digits = text.strip().removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 15


def _cast(value: str, kind: str, options: ReadOptions) -> str:
    """SQL of `value` as a contract type, null where it does not fit."""
    text = f"trim(CAST({value} AS VARCHAR))"
    number = text
    if options.thousands:
        number = f"replace({number}, {literal(options.thousands)}, '')"
    if options.decimal == ",":
        number = f"replace({number}, ',', '.')"
    whole = f"regexp_full_match({number}, '[+-]?\\d+(\\.0*)?')"
    return {
        INTEGER: f"CASE WHEN {whole} THEN TRY_CAST(regexp_replace({number}, '\\.0*$', '') AS BIGINT) END",
        NUMBER: f"CASE WHEN isfinite(TRY_CAST({number} AS DOUBLE)) THEN CAST({number} AS DOUBLE) END",
        BOOLEAN: f"TRY_CAST({text} AS BOOLEAN)",
        DATE: _parsed(DATE, options.date_format, text) if options.date_format else f"TRY_CAST({text} AS DATE)",
        DATETIME: _parsed(DATETIME, options.datetime_format, text)
        if options.datetime_format
        else f"TRY_CAST({text} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'",
        STRING: f"CAST({value} AS VARCHAR)",
        JSON: f"CASE WHEN json_valid(CAST({value} AS VARCHAR)) THEN CAST(CAST({value} AS VARCHAR) AS JSON) END",
    }[kind]


def _detect_dates(
    connection: duckdb.DuckDBPyConnection,
    staged: Staged,
    plain: Mapping[str, str],
    options: ReadOptions,
    report: IngestReport,
) -> dict[str, str]:
    """SQL of the columns of text all of whose values are dates in one form, by name."""
    texts = [c for c in staged.columns if c.dates and c.type == "VARCHAR" and c.name not in options.types]
    sample = f"(SELECT * FROM {staged.relation} LIMIT {SAMPLE_ROWS})"  # noqa: S608 - quoted names
    found: dict[str, str] = {}
    for form in (*_given_forms(options), *_ISO):
        likely = _all_fit(connection, sample, [c for c in texts if c.name not in found], plain, form)
        for column in _all_fit(connection, staged.relation, likely, plain, form):
            found[column.name] = form.read(plain[column.name])
            _note(report, Conversion(column=column.name, note=f"read as {form.what}"))
    return found


def _note(report: IngestReport, conversion: Conversion) -> None:
    """Instead of what was noted of the column before: its mixture of dates and texts, say, has been resolved."""
    others = [entry for entry in report["conversions"] if entry["column"] != conversion["column"]]
    report["conversions"] = [*others, conversion]


def _given_forms(options: ReadOptions) -> Iterator[_Form]:
    if options.date_format:
        written = options.date_format.replace("%", "")
        yield _Form(f"dates written {written}", lambda _: "true", partial(_parsed, DATE, options.date_format))
    if options.datetime_format:
        written = options.datetime_format.replace("%", "")
        yield _Form(f"moments written {written}", lambda _: "true", partial(_parsed, DATETIME, options.datetime_format))


def _parsed(kind: str, written: str, text: str) -> str:
    moment = f"try_strptime({text}, {literal(written)})"
    return f"CAST({moment} AS DATE)" if kind == DATE else moment


def _all_fit(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    columns: Sequence[StagedColumn],
    plain: Mapping[str, str],
    form: _Form,
) -> list[StagedColumn]:
    found: list[StagedColumn] = []
    for batch in batches(columns):
        tests = ", ".join(
            f"count({text}) > 0 AND bool_and({text} IS NULL OR ({form.fits(text)} AND {form.read(text)} IS NOT NULL))"
            for text in (plain[column.name] for column in batch)
        )
        row = connection.execute(f"SELECT {tests} FROM {relation}").fetchone() or ()  # noqa: S608 - quoted names
        found += [column for column, yes in zip(batch, row, strict=True) if yes]
    return found


def _count_rejected(
    connection: duckdb.DuckDBPyConnection,
    staged: Staged,
    plain: Mapping[str, str],
    wanted: Mapping[str, str],
    report: IngestReport,
) -> None:
    for batch in batches([column for column in staged.columns if column.name in wanted]):
        misfits = [f"{plain[c.name]} IS NOT NULL AND ({wanted[c.name]}) IS NULL" for c in batch]
        counts = ", ".join(f"count_if({misfit})" for misfit in misfits)
        row = connection.execute(f"SELECT {counts} FROM {staged.relation}").fetchone() or ()  # noqa: S608
        for column, misfit, count in zip(batch, misfits, row, strict=True):
            if count:
                note_rejected(report, column.name, count, _samples(connection, staged, plain[column.name], misfit))


def note_rejected(report: IngestReport, column: str, count: int, samples: Sequence[tuple[int, str]]) -> None:
    """Add cells of a column that became null; `samples` are lines and texts."""
    report["rejected_cells"] += count
    by_column = report["rejected_cells_by_column"]
    by_column[column] = by_column.get(column, 0) + count
    room = CELL_SAMPLES - len(report["rejected_cell_samples"])
    report["rejected_cell_samples"] += [
        RejectedCell(line=line, column=column, text=text) for line, text in samples[: max(0, room)]
    ]


def _samples(connection: duckdb.DuckDBPyConnection, staged: Staged, value: str, misfit: str) -> list[tuple[int, str]]:
    numbered = f'SELECT *, row_number() OVER () + {staged.first_line - 1} AS "~line" FROM {staged.relation}'  # noqa: S608
    return connection.execute(
        f'SELECT "~line", left(CAST({value} AS VARCHAR), 200) FROM ({numbered}) WHERE {misfit} LIMIT {CELL_SAMPLES}'  # noqa: S608
    ).fetchall()
