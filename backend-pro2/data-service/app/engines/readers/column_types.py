"""How each column of a delimited text is to be read: as the uploader says, or as its first rows look."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb

from shared.compute.protocol import ComputeError
from shared.tabular.duck import torn_letters_mended
from shared.tabular.quoting import identifier

from . import moments, notations
from .notations import MISSING, Notation
from .source import ReadOptions

Pair = tuple[str, Notation]
NUMERIC = ("BIGINT", "DOUBLE")
COLUMNS_AT_ONCE = 100
# DuckDB plans many aggregates in quadratic time; with fewer, each query's own cost shows.
TESTS_AT_ONCE = 10
LOOKED_AT = 100_000
MAX_LOOKED_AT = 50
AMBIGUOUS = "the other order of day and month fits as well"


@dataclass(slots=True)
class Reading:
    """How a column is read: in a notation, or as its text. `told` columns keep their type whatever they hold."""

    notation: Notation | None = None
    told: bool = False
    tolerant: bool = False
    note: str = ""


def candidates(options: ReadOptions, delimiter: str) -> tuple[Notation, ...]:
    """The notations that a column may be found to be in, the first that fits first."""
    numbers = notations.numbers(delimiter=delimiter, decimal=options.decimal, thousands=options.thousands)
    dates = [entry for entry in moments.ALL if _not_against(entry, options)]
    said = [moments.said_date(options.date_format)] if options.date_format else []
    said += [moments.said_moment(options.datetime_format)] if options.datetime_format else []
    plain = (*said, notations.BOOLEAN, *numbers, *dates)
    return tuple(dict.fromkeys((*plain, *(notations.worded(entry) for entry in plain))))


def detect(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], options: ReadOptions, delimiter: str
) -> dict[str, Reading]:
    """The reading of every column of `table`, which holds the first rows as text."""
    words, among = options.null_values is None, candidates(options, delimiter)
    free = [column for column in columns if column not in options.types]
    found = first_fits(connection, table, _likely(connection, table, free, among, words=words), words=words)
    _settle_orders(connection, table, found, words=words)
    for column, kind in ((column, options.types[column]) for column in columns if column in options.types):
        found[column] = _insisted(connection, table, column, kind, options)
    return {column: found[column] for column in columns}


def check_options(connection: duckdb.DuckDBPyConnection, options: ReadOptions) -> None:
    """Refuse options that cannot apply to any file.

    Raises:
        ComputeError: `invalid_options`.
    """
    if options.decimal and options.decimal == options.thousands:
        raise invalid("The decimal mark and the mark between thousands cannot be the same.")
    for form in filter(None, (options.date_format, options.datetime_format)):
        try:
            with torn_letters_mended():
                connection.execute("SELECT try_strptime('1', ?)", [form]).fetchone()
        except duckdb.Error as error:
            raise invalid(f"The format {form!r} is not one of strftime.") from error


def invalid(detail: str) -> ComputeError:
    """The error for options that cannot apply to the file."""
    return ComputeError("invalid_options", detail)


def check_types(options: ReadOptions, columns: Sequence[str]) -> None:
    """Refuse types of columns that the file does not have.

    Raises:
        ComputeError: `invalid_options`.
    """
    known = set(columns)
    unknown = [name for name in options.types if name not in known]
    if unknown:
        listed = ", ".join(repr(name) for name in columns[:20])
        raise invalid(f"The file has no column {unknown[0]!r}, whose type is given. Its columns begin: {listed}.")


def _not_against(notation: Notation, options: ReadOptions) -> bool:
    """Whether the uploader has not said that dates, or moments, are written otherwise; ISO is always understood."""
    if notation in moments.ISO:
        return True
    return not (options.date_format if notation.duck_type == "DATE" else options.datetime_format)


def _likely(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], among: Sequence[Notation], *, words: bool
) -> dict[str, list[Notation]]:
    """The notations that the first few values of each column match: the rest need no look at all rows.

    Words for missing values count as values, but for notations that know them.
    """
    limit = max(5, min(MAX_LOOKED_AT, LOOKED_AT // max(1, len(columns))))
    patterns = [(notation, re.compile(notation.pattern)) for notation in among]
    found: dict[str, list[Notation]] = {}
    for batch in _batches(columns):
        listed = ", ".join(identifier(column) for column in batch)
        rows = connection.execute(f"SELECT {listed} FROM {table} LIMIT {limit}").fetchall()  # noqa: S608
        for index, column in enumerate(batch):
            texts = {row[index].strip(" ") for row in rows if row[index] is not None}
            values = {text for text in texts if text.strip().lower() not in MISSING}
            found[column] = [
                notation
                for notation, form in patterns
                if all(form.fullmatch(text) for text in (values if notation.words and words else texts))
            ]
    return found


def count_fits(
    connection: duckdb.DuckDBPyConnection, table: str, pairs: Sequence[Pair], *, words: bool
) -> list[tuple[int, int]]:
    """For each column and notation: how many values are in the notation, and how many there are."""
    found: list[tuple[int, int]] = []
    for start in range(0, len(pairs), TESTS_AT_ONCE):
        batch = pairs[start : start + TESTS_AT_ONCE]
        tests = ", ".join(_test(column, notation, words=words) for column, notation in batch)
        row = connection.execute(f"SELECT {tests} FROM {table}").fetchone() or ()  # noqa: S608 - quoted identifiers
        found += zip(row[::2], row[1::2], strict=True)
    return found


def _test(column: str, notation: Notation, *, words: bool) -> str:
    name = identifier(column)
    present = f"count(*) FILTER (NOT {notations.is_missing(column)})" if notation.words and words else f"count({name})"
    return f"count(*) FILTER ({notations.fits(column, notation)}), {present}"


def first_fits(
    connection: duckdb.DuckDBPyConnection, table: str, likely: dict[str, list[Notation]], *, words: bool
) -> dict[str, Reading]:
    """For each column the reading in the first of its notations that all values are in, else as text."""
    found = {column: Reading() for column in likely}
    # Without values, which a wide file has in many columns, none of its notations can be the one.
    empty: set[str] = set()
    for turn in range(max(map(len, likely.values()), default=0)):
        undecided = (column for column in likely if found[column].notation is None and column not in empty)
        open_ = [column for column in undecided if turn < len(likely[column])]
        pairs = [(column, likely[column][turn]) for column in open_]
        counts = count_fits(connection, table, pairs, words=words)
        for (column, notation), (fit, present) in zip(pairs, counts, strict=True):
            if present == 0:
                empty.add(column)
            elif fit == present:
                found[column] = Reading(notation, note=notation.told(words=words))
    return found


def _settle_orders(
    connection: duckdb.DuckDBPyConnection, table: str, found: dict[str, Reading], *, words: bool
) -> None:
    """Dates that fit both orders of day and month follow a column of the file that fits one only, else day first."""
    turned = {name: other for name, reading in found.items() if (other := moments.OTHER_ORDER.get(reading.notation))}
    counts = count_fits(connection, table, list(turned.items()), words=words)
    doubtful = [name for name, (fit, present) in zip(turned, counts, strict=True) if fit == present]
    decided = {found[name].notation for name in turned if name not in doubtful}
    for name in doubtful:
        if found[name].notation not in decided and turned[name] in decided:
            found[name] = Reading(turned[name], note=turned[name].note)
        elif found[name].notation not in decided:
            found[name].note += f"; {AMBIGUOUS}"


def _insisted(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, kind: str, options: ReadOptions
) -> Reading:
    """The reading of a column whose type the uploader gives: in the notation that most of its first values are in."""
    words = options.null_values is None
    among = _of_type(kind, options)
    if not among:
        return Reading(told=True)
    counts = count_fits(connection, table, [(column, notation) for notation in among], words=words)
    best = max(zip(among, counts, strict=True), key=lambda pair: pair[1][0])[0]
    if not best.words:
        best = replace(best, words=kind != "json")
    return Reading(replace(best, reads_as=None), told=True, note=best.told(words=words))


def _of_type(kind: str, options: ReadOptions) -> tuple[Notation, ...]:
    said_date = (moments.said_date(options.date_format),) if options.date_format else ()
    said_moment = (moments.said_moment(options.datetime_format),) if options.datetime_format else ()
    told = notations.marked(options.decimal, options.thousands, zeros=True)
    marked = bool(options.decimal or options.thousands)
    full = tuple(entry for pair in moments.MOMENTS.values() for entry in pair)
    return {
        "integer": told[:1] if marked else (notations.ANY_INTEGER, notations.GROUPED_INTEGER),
        "number": told[1:] if marked else (notations.ANY_NUMBER, notations.GROUPED, notations.COMMA),
        "boolean": (notations.ANY_BOOLEAN,),
        "json": (notations.ANY_JSON,),
        "date": said_date or (moments.ANY_ISO_DATE, *moments.DATES.values()),
        "datetime": said_moment or (moments.ANY_ISO_MOMENT, moments.ZONED_MOMENT, *full),
    }.get(kind, ())


def _batches(columns: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(columns), COLUMNS_AT_ONCE):
        yield columns[start : start + COLUMNS_AT_ONCE]
