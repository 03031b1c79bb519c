"""Values out of a step as SQL, in the type of the column that they are for."""

import datetime as dt

from shared.tabular.names import shown
from shared.tabular.quoting import literal
from shared.tabular.types import BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, STRING

from ..expressions.nodes import MAX_INTEGER, SQL_TYPES
from .base import Scalar
from .failures import invalid


def value_sql(value: Scalar, kind: str, what: str) -> str:
    """`value` as a literal of the contract's type `kind`.

    Raises:
        ComputeError: `invalid_step`, where it does not fit.
    """
    if kind == BOOLEAN and isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if kind == STRING and isinstance(value, str):
        return literal(value)
    if kind in {INTEGER, NUMBER} and isinstance(value, int | float) and not isinstance(value, bool):
        return number_sql(value, kind, what)
    if kind in {DATE, DATETIME} and isinstance(value, str):
        return _time(value, kind, what)
    raise invalid(f"{what} must be of the type {kind}, not {shown(str(value))}.")


def number_sql(value: float, kind: str, what: str) -> str:
    """A number as BIGINT or DOUBLE."""
    if kind == INTEGER:
        if value != int(value) or abs(value) > MAX_INTEGER:
            raise invalid(f"{what} must be a whole number of 64 bits, not {value}.")
        return f"CAST({int(value)} AS BIGINT)"
    return double(value)


def double(value: float) -> str:
    """A number as DOUBLE, to its last digit."""
    return f"CAST('{float(value)!r}' AS DOUBLE)"


def kind_for(value: Scalar | None, kind: str) -> str:
    """The type of a column of `kind` once it holds `value` too: an integer column with 2.5 in it holds numbers."""
    return NUMBER if kind == INTEGER and isinstance(value, float) and value != int(value) else kind


def as_kind(sql: str, source: str, kind: str) -> str:
    """A column's SQL in the type of a column that it becomes."""
    return sql if source == kind else f"CAST({sql} AS {SQL_TYPES[kind]})"


def _time(value: str, kind: str, what: str) -> str:
    try:
        moment = dt.datetime.fromisoformat(value)
        if moment.tzinfo:
            moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise invalid(f"{what} must be written like 2024-01-31 or 2024-01-31T12:30:00, not {shown(value)}.") from error
    if kind == DATE:
        return f"DATE '{moment.date().isoformat()}'"
    return f"TIMESTAMP '{moment.isoformat(sep=' ')}'"
